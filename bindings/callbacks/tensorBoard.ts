// How do the curves of training get into TensorBoard?

import { checkOptionsObject } from "../config.ts";
import { check, show } from "../errors.ts";
import { flag, type OptionRule, settle } from "../optionRules.ts";
import { appendToFile, makeFolderOf } from "../platform/files.ts";
import type { Callback, Logs, ModelInTraining } from "./callback.ts";
import { checkPath, checkWrite, type Write } from "./destination.ts";
import { type Scalar, scalarsRecord, versionRecord } from "./eventFile.ts";

/** Options of {@link tensorBoard}. */
export interface TensorBoardOptions {
  /** The folder to which TensorBoard is pointed; the curves go to `train` and `validation` in it. */
  readonly logDir: string;
  /**
   * `"epoch"`: the numbers of each epoch. `"batch"`, or a number: the averages so far as well, after every batch or every so
   * many, which makes each step a call of its own. Default `"epoch"`.
   */
  readonly updateFreq?: "epoch" | "batch" | number;
  /** Write how many training steps a second each epoch has made, too. Default false. */
  readonly writeStepsPerSecond?: boolean;
  /** Where the bytes of a file go instead, all of them each time, as where there are no files. */
  readonly write?: Write;
}

const frequency: OptionRule<"epoch" | "batch" | number> = {
  initial: "epoch",
  check: (where, value) =>
    check(
      value === "epoch" || value === "batch" || (Number.isInteger(value) && (value as number) >= 1),
      "option",
      () => ({
        where,
        expected: '"epoch", "batch" or a number of batches ≥ 1',
        received: show(value),
      }),
    ),
};

/**
 * Writes event files for `tensorboard --logdir`, with the names that Keras gives the curves: `epoch_loss`,
 * `epoch_learning_rate` and so on. What is new is added to the files after each epoch.
 * @throws {TensorError} `option`; `data` when a file cannot be written.
 */
export function tensorBoard(options: TensorBoardOptions): Callback {
  const where = "tensorBoard";
  checkOptionsObject(where, options);
  const { logDir, write, ...rest } = options;
  checkPath(`${where}.logDir`, logDir, "the path of a folder");
  checkWrite(where, write);
  const { updateFreq, writeStepsPerSecond } = settle<Required<Omit<TensorBoardOptions, "logDir" | "write">>>(
    where,
    rest,
    {
      updateFreq: frequency,
      writeStepsPerSecond: flag(false),
    },
  );
  const everyBatches = updateFreq === "batch" ? 1 : updateFreq;
  let model: ModelInTraining | undefined;
  let [files, steps] = [new Map<string, EventFile>(), 0];
  let [began, rate] = [0, 0];
  const pace: Callback = {
    onEpochBegin: () => {
      began = performance.now();
    },
    onProgress: ({ mode, done }) => {
      if (mode === "train") rate = (done * 1000) / Math.max(performance.now() - began, 1e-3);
    },
  };
  const add = (run: string, step: number, scalars: readonly Scalar[]): void => {
    if (scalars.length === 0) return;
    const file = files.get(run) ?? eventFile(`${logDir}/${run}`);
    files.set(run, file);
    file.records.push(scalarsRecord(Date.now() / 1000, step, scalars));
  };
  const flush = async (): Promise<void> => {
    for (const { path, records } of files.values()) {
      if (records.length === 0) continue;
      if (write !== undefined) {
        await write(path, joined(records));
        continue;
      }
      await makeFolderOf(path);
      await appendToFile(path, joined(records.splice(0)));
    }
  };
  return {
    onTrainBegin: (_, given) => {
      [model, files, steps] = [given, new Map(), 0];
    },
    onEpochEnd: async (epoch, logs) => {
      const learningRate = { tag: "epoch_learning_rate", value: (await model?.getLearningRate()) ?? 0 };
      const measured = writeStepsPerSecond ? [{ tag: "epoch_steps_per_second", value: rate }] : [];
      add("train", epoch, [...scalarsOf("epoch", logs, false), learningRate, ...measured]);
      add("validation", epoch, scalarsOf("epoch", logs, true));
      await flush();
    },
    ...(writeStepsPerSecond ? pace : {}),
    ...(everyBatches === "epoch"
      ? {}
      : {
          onBatchEnd: (_: number, logs: Logs) => {
            if (++steps % everyBatches === 0) add("train", steps, scalarsOf("batch", logs, false));
          },
        }),
    onTrainEnd: flush,
  };
}

/** A file that grows, record by record. */
interface EventFile {
  readonly path: string;
  readonly records: Uint8Array[];
}

function eventFile(folder: string): EventFile {
  const seconds = Math.floor(Date.now() / 1000);
  const path = `${folder}/events.out.tfevents.${seconds}.wasmgrad.${crypto.randomUUID().slice(0, 8)}`;
  return { path, records: [versionRecord(seconds)] };
}

/** `accuracy` → `epoch_accuracy`; of `valAccuracy` too, as its curve is in another folder. */
function scalarsOf(prefix: string, logs: Logs, ofValidation: boolean): Scalar[] {
  return Object.entries(logs)
    .filter(([name]) => /^val[A-Z]/.test(name) === ofValidation)
    .map(([name, value]) => {
      const plain = ofValidation ? `${name.charAt(3).toLowerCase()}${name.slice(4)}` : name;
      return { tag: `${prefix}_${plain}`, value };
    });
}

function joined(records: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of records) {
    bytes.set(each, at);
    at += each.length;
  }
  return bytes;
}
