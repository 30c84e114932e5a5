// Which states of a model are kept while it trains?

import { check, show } from "../errors.ts";
import { flag, integer, nullOr, number, settle } from "../optionRules.ts";
import { writeFileAtomically } from "../platform/files.ts";
import type { Callback, Logs, ModelInTraining } from "./callback.ts";
import { type MonitorOptions, monitorOf, monitorRules } from "./monitor.ts";

export interface ModelCheckpointOptions extends MonitorOptions {
  /**
   * Path of the file, in which {epoch} is the number of the epoch from 1, and {valLoss} and the like are numbers of the
   * logs; or a function that makes it.
   */
  readonly path: string | ((epoch: number, logs: Logs) => string);
  /** Save only when `monitor` has become better. Default false. */
  readonly saveBestOnly?: boolean;
  /** `monitor` must be better than this to be saved at all. Default null. */
  readonly initialValueThreshold?: number | null;
  /** Save every so many epochs. Default 1. */
  readonly everyEpochs?: number;
  /** Save what training needs to go on, too. Default true. */
  readonly includeOptimizer?: boolean;
  /** Where the bytes go instead of a file, as where there are none. */
  readonly write?: (path: string, bytes: Uint8Array) => void | Promise<void>;
}

/**
 * Saves the model after epochs, all or the best: `modelCheckpoint({ path: "best.safetensors", saveBestOnly: true })`.
 * Files are replaced as a whole; `loadModel` reads them.
 * @throws {TensorError} `option`; `data` when a file cannot be written.
 */
export function modelCheckpoint(options: ModelCheckpointOptions): Callback {
  const where = "modelCheckpoint";
  const { path, write = writeFileAtomically, ...rest } = options;
  check(typeof path === "function" || (typeof path === "string" && path !== ""), "option", () => ({
    where: `${where}.path`,
    expected: "the path of a file, or a function that makes it",
    received: show(path),
  }));
  const settings = settle<Required<Omit<ModelCheckpointOptions, "path" | "write">>>(where, rest, {
    ...monitorRules(),
    saveBestOnly: flag(false),
    initialValueThreshold: nullOr(number(0)),
    everyEpochs: integer(1, 1),
    includeOptimizer: flag(true),
  });
  const { saveBestOnly, initialValueThreshold, everyEpochs, includeOptimizer } = settings;
  const monitor = saveBestOnly ? monitorOf(where, settings) : undefined;
  let model: ModelInTraining | undefined;
  let best = initialValueThreshold;
  return {
    onTrainBegin: (_, given) => {
      model = given;
    },
    onEpochEnd: async (epoch, logs) => {
      if (model === undefined || (epoch + 1) % everyEpochs !== 0) return;
      if (monitor !== undefined) {
        const value = monitor.read(logs);
        if (!monitor.better(value, best ?? monitor.worst)) return;
        best = value;
      }
      await write(pathFor(path, epoch, logs), await model.save({ includeOptimizer }));
    },
  };
}

function pathFor(path: ModelCheckpointOptions["path"], epoch: number, logs: Logs): string {
  if (typeof path === "function") return path(epoch, logs);
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === "epoch") return String(epoch + 1);
    const value = logs[name];
    check(value !== undefined, "option", () => ({
      where: "modelCheckpoint.path",
      expected: `{epoch} or one of ${Object.keys(logs).join(", ")}`,
      received: `{${name}}`,
    }));
    return value.toFixed(4);
  });
}
