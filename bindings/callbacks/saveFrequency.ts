// After which batches or epochs does a callback save?

import { check, show } from "../errors.ts";
import { integer, type OptionRule, type OptionRules } from "../optionRules.ts";
import type { Callback, Logs } from "./callback.ts";

/** Options of callbacks that save. */
export interface SaveFrequency {
  /**
   * `"epoch"`: after epochs. A number: after every so many batches, counted on from epoch to epoch, which makes each step a
   * call of its own and costs speed. Default `"epoch"`.
   */
  readonly saveFreq?: "epoch" | number;
  /** With `saveFreq: "epoch"`: after every so many epochs. Default 1. */
  readonly everyEpochs?: number;
}

const frequency: OptionRule<"epoch" | number> = {
  initial: "epoch",
  check: (where, value) =>
    check(value === "epoch" || (Number.isInteger(value) && (value as number) >= 1), "option", () => ({
      where,
      expected: '"epoch" or a number of batches ≥ 1',
      received: show(value),
    })),
};

/** Rules of {@link SaveFrequency}. */
export function saveFrequencyRules(): OptionRules<Required<SaveFrequency>> {
  return { saveFreq: frequency, everyEpochs: integer(1, 1) };
}

/**
 * Calls `save` with the epoch (from 0), the batch in it (from 0; undefined at its end), and the logs, whenever it is due.
 * @throws {TensorError} `option` for a number of epochs beside one of batches.
 */
export function savingAfter(
  where: string,
  { saveFreq, everyEpochs }: Required<SaveFrequency>,
  save: (epoch: number, batch: number | undefined, logs: Logs) => Promise<void>,
): Callback {
  if (saveFreq === "epoch")
    return {
      onEpochEnd: async (epoch, logs) => {
        if ((epoch + 1) % everyEpochs === 0) await save(epoch, undefined, logs);
      },
    };
  check(everyEpochs === 1, "option", () => ({
    where: `${where}.everyEpochs`,
    expected: 'saveFreq: "epoch" beside it',
    received: `saveFreq: ${saveFreq}`,
  }));
  let [now, seen] = [0, 0];
  return {
    onEpochBegin: (epoch) => {
      now = epoch;
    },
    onBatchEnd: async (batch, logs) => {
      if (++seen % saveFreq === 0) await save(now, batch, logs);
    },
  };
}
