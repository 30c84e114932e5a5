// How do the curves of training get into TensorBoard?

import { check, show } from "../errors.ts";
import { integer, nullOr, settle } from "../optionRules.ts";
import { makeFolder, writeFileAtomically } from "../platform/files.ts";
import type { Callback, Logs, ModelInTraining } from "./callback.ts";
import { type Scalar, scalarsRecord, versionRecord } from "./eventFile.ts";

export interface TensorBoardOptions {
  /** The folder to which TensorBoard is pointed; the curves go to `train` and `validation` in it. */
  readonly logDir: string;
  /** Write the averages so far every so many batches as well, which makes each step a call of its own. Default null: never. */
  readonly everyBatches?: number | null;
  /** Where the bytes of a file go instead, as where there are no files. */
  readonly write?: (path: string, bytes: Uint8Array) => void | Promise<void>;
}

/**
 * Writes event files for `tensorboard --logdir`, with the names that Keras gives the curves: `epoch_loss`,
 * `epoch_learning_rate` and so on. Files are whole after each epoch.
 * @throws {TensorError} `option`; `data` when a file cannot be written.
 */
export function tensorBoard(options: TensorBoardOptions): Callback {
  const where = "tensorBoard";
  const { logDir, write = writeIntoFolder, ...rest } = options;
  check(typeof logDir === "string" && logDir !== "", "option", () => ({
    where: `${where}.logDir`,
    expected: "the path of a folder",
    received: show(logDir),
  }));
  const { everyBatches } = settle<{ readonly everyBatches: number | null }>(where, rest, {
    everyBatches: nullOr(integer(1, 1)),
  });
  let model: ModelInTraining | undefined;
  let [files, steps] = [new Map<string, EventFile>(), 0];
  const add = (run: string, step: number, scalars: readonly Scalar[]): void => {
    if (scalars.length === 0) return;
    const file = files.get(run) ?? eventFile(`${logDir}/${run}`);
    files.set(run, file);
    file.records.push(scalarsRecord(Date.now() / 1000, step, scalars));
  };
  const flush = async (): Promise<void> => {
    for (const { path, records } of files.values()) await write(path, joined(records));
  };
  return {
    onTrainBegin: (_, given) => {
      [model, files, steps] = [given, new Map(), 0];
    },
    onEpochEnd: async (epoch, logs) => {
      const rate = { tag: "epoch_learning_rate", value: (await model?.getLearningRate()) ?? 0 };
      add("train", epoch, [...scalarsOf("epoch", logs, false), rate]);
      add("validation", epoch, scalarsOf("epoch", logs, true));
      await flush();
    },
    ...(everyBatches === null
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

async function writeIntoFolder(path: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(path.slice(0, path.lastIndexOf("/")));
  await writeFileAtomically(path, bytes);
}
