// How does training go on after the process has died?

import { check, show, TensorError } from "../errors.ts";
import { flag, integer, settle } from "../optionRules.ts";
import { fileExists, readFile, removeFile, writeFileAtomically } from "../platform/files.ts";
import type { Callback, ModelInTraining } from "./callback.ts";

export interface BackupAndRestoreOptions {
  /** Path of the backup. */
  readonly path: string;
  /** Back up every so many epochs. Default 1. */
  readonly everyEpochs?: number;
  /** Remove the backup when training is done. Default true. */
  readonly deleteCheckpoint?: boolean;
}

/**
 * Backs the model up after epochs; when `fit` is called again and the backup is there, training goes on after it, with the
 * same bits as without the interruption. Give `fit` the same data and options as before.
 * @throws {TensorError} `option`; `data` for files; `shape` or `state` for the backup of a model made or compiled otherwise.
 */
export function backupAndRestore(options: BackupAndRestoreOptions): Callback {
  const where = "backupAndRestore";
  const { path, ...rest } = options;
  check(typeof path === "string" && path !== "", "option", () => ({
    where: `${where}.path`,
    expected: "the path of a file",
    received: show(path),
  }));
  const { everyEpochs, deleteCheckpoint } = settle<Required<Omit<BackupAndRestoreOptions, "path">>>(where, rest, {
    everyEpochs: integer(1, 1),
    deleteCheckpoint: flag(true),
  });
  let model: ModelInTraining | undefined;
  let [epochs, done] = [0, 0];
  return {
    onTrainBegin: async (info, given) => {
      model = given;
      [epochs, done] = [info.epochs, info.initialEpoch];
      if (!(await fileExists(path))) return;
      const passes = await given.restore(await readFile(path));
      if (passes <= 0)
        throw new TensorError("state", {
          where: `${where}.path`,
          expected: "a backup that is further than this model, of one compiled alike",
          received: path,
          remedy: "Remove the file to begin anew, or compile as before.",
        });
      done = info.initialEpoch + passes;
      given.beginAt(done);
    },
    onEpochEnd: async (epoch) => {
      done = epoch + 1;
      if (model !== undefined && (epoch + 1) % everyEpochs === 0) await writeFileAtomically(path, await model.save());
    },
    onTrainEnd: async () => {
      if (deleteCheckpoint && done >= epochs) await removeFile(path);
    },
  };
}
