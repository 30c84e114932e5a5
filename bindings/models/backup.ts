// What does training need to go on, where it was, after its process has died?
//
// Loaded by the first backup: whoever trains without one does without. What models have loaded anyway is handed in, because
// bundlers make files of their own of what is imported from two places.

import { check, TensorError } from "../errors.ts";
import type { Position, Start } from "./fit.ts";
import type { Model } from "./model.ts";
import { broken, parse, readFileOf, restoreState, restoreWeights, storedValue, type Written } from "./restoring.ts";
import type { SavedState } from "./savedState.ts";
import { encodeModel } from "./saving.ts";
import type { Trainer } from "./trainer.ts";

/** How `fit` cuts the data: a position counts only where that is the same. */
export interface Cut {
  readonly batchSize: number;
  /** Steps of an epoch, where they are not those of a pass over the data. */
  readonly steps: number | undefined;
}

/**
 * The model with the state of its optimizer, the running sums of an epoch under way, and the position in the data: a file
 * like that of `save`, but for how the model was compiled, which may be functions.
 */
export function backUp(trainer: Trainer, { tensors, metadata }: SavedState, at: Position, cut: Cut): Uint8Array {
  const sums = at.batch === 0 ? [] : trainer.sums.map(({ value }) => value);
  return encodeModel({
    tensors: [
      ...tensors,
      ...sums.map(({ dtype, shape, data }, index) => ({ name: `sums/${index}`, dtype, shape, data })),
    ],
    metadata: { ...metadata, optimizer: optimizerOf(trainer), training: JSON.stringify({ ...at, ...cut }) },
  });
}

/**
 * Puts back what {@link backUp} gave.
 * @param own the metadata of the model as it is.
 * @returns where training goes on.
 * @throws {TensorError} `format`; `shape` for another model, `state` for one compiled otherwise or data cut otherwise; then
 *   nothing has changed.
 */
export function resume(
  model: Model<never, unknown, string>,
  own: SavedState["metadata"],
  bytes: Uint8Array,
  cut: Cut,
): Start {
  const { trainer } = model;
  const where = `${model.name}.resume`;
  return model.topology.withOwnNames(() => {
    const file = readFileOf(bytes, where);
    const { training, state, optimizer } = file.metadata;
    if (training === undefined || state === undefined) throw broken(where, "a backup of training", "a saved model");
    check(optimizer === optimizerOf(trainer), "state", () => ({
      where,
      expected: "the backup of a model that is compiled alike",
      received: "one with another optimizer",
      remedy: "Compile as before, or remove the backup to begin anew.",
    }));
    const at = parse(where, training);
    checkCut(where, at, cut);
    restoreWeights(where, model, own, file);
    restoreState(where, trainer, parse(where, state), file.tensors);
    const rate = trainer.state.learningRate.value;
    const start = {
      epoch: Number(at.epoch),
      batch: Number(at.batch),
      taken: Number(at.taken),
      tooFew: (there: number) =>
        new TensorError("data", {
          where: `${model.name}.fit`,
          expected: `at least ${at.taken} batches, as before the interruption`,
          received: `${there}`,
          remedy: "Give the same data as before, or remove the backup to begin anew.",
        }),
    };
    if (start.batch === 0) return start;
    return {
      ...start,
      enter: () => {
        // A callback that sets the rate before each epoch has done so for this one already.
        trainer.state.learningRate.assign(rate);
        trainer.sums.forEach((sum, index) => {
          sum.assign(storedValue(where, file.tensors, `sums/${index}`, sum.shape));
        });
      },
    };
  });
}

function optimizerOf({ optimizer }: Trainer): string {
  return JSON.stringify({ class_name: optimizer.className, config: optimizer.getConfig() });
}

/** @throws {TensorError} `state` when a position within the data means other samples now. */
function checkCut(where: string, at: Written, cut: Cut): void {
  const text = ({ batchSize, steps }: Partial<Record<keyof Cut, unknown>>): string =>
    `batches of ${batchSize}${steps === undefined ? "" : `, stepsPerEpoch ${steps}`}`;
  if (at.taken === 0 || text(at) === text(cut)) return;
  throw new TensorError("state", {
    where,
    expected: `${text(at)}, as in the training that was interrupted`,
    received: text(cut),
    remedy: "Give fit the same data and options as before, or remove the backup to begin anew.",
  });
}
