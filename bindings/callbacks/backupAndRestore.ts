// How does training go on after the process has died?

import { checkOptionsObject } from "../config.ts";
import { flag, settle } from "../optionRules.ts";
import { fileExists, readFile, removeFile } from "../platform/files.ts";
import type { Callback, ModelInTraining } from "./callback.ts";
import { checkPath, writeIntoFolder } from "./destination.ts";
import { type SaveFrequency, saveFrequencyRules, savingAfter } from "./saveFrequency.ts";

/** Options of {@link backupAndRestore}. */
export interface BackupAndRestoreOptions extends SaveFrequency {
  /** Path of the backup; its folder is made. */
  readonly path: string;
  /** Remove the backup when training is done. Default true. */
  readonly deleteCheckpoint?: boolean;
}

/**
 * Backs training up after epochs, or after every `saveFreq` batches; when `fit` is called again and the backup is there,
 * training goes on after it, with the same bits as without the interruption. Give `fit` the same data and options as
 * before. Batches of the pass that were trained on are passed over: arrays at no cost, datasets by reading them again.
 * @throws {TensorError} `option`; `data` for files and for data with fewer batches than before; `shape` or `state` for the
 *   backup of a model made or compiled otherwise.
 */
export function backupAndRestore(options: BackupAndRestoreOptions): Callback {
  const where = "backupAndRestore";
  checkOptionsObject(where, options);
  const { path, ...rest } = options;
  checkPath(`${where}.path`, path);
  const settings = settle<Required<Omit<BackupAndRestoreOptions, "path">>>(where, rest, {
    ...saveFrequencyRules(),
    deleteCheckpoint: flag(true),
  });
  let model: ModelInTraining | undefined;
  let [epochs, done] = [0, 0];
  const saving = savingAfter(where, settings, async () => {
    if (model !== undefined) await writeIntoFolder(path, await model.backUp());
  });
  return {
    ...saving,
    onTrainBegin: async (info, given) => {
      model = given;
      [epochs, done] = [info.epochs, info.initialEpoch];
      if (await fileExists(path)) done = await given.resume(await readFile(path));
    },
    onEpochEnd: async (epoch, logs) => {
      done = epoch + 1;
      await saving.onEpochEnd?.(epoch, logs);
    },
    onTrainEnd: async () => {
      if (settings.deleteCheckpoint && done >= epochs) await removeFile(path);
    },
  };
}
