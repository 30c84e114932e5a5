// Which states of a model are kept while it trains?

import { checkOptionsObject } from "../config.ts";
import { check, show } from "../errors.ts";
import { flag, nullOr, number, settle } from "../optionRules.ts";
import { type AnnouncementOptions, announcer, verboseRule } from "./announcements.ts";
import type { Callback, Logs, ModelInTraining } from "./callback.ts";
import { checkWrite, type Write, writeIntoFolder } from "./destination.ts";
import { type MonitorOptions, monitorOf, monitorRules } from "./monitor.ts";
import { formatNumber } from "./progress.ts";
import { type SaveFrequency, saveFrequencyRules, savingAfter } from "./saveFrequency.ts";

/** Options of {@link modelCheckpoint}. */
export interface ModelCheckpointOptions extends MonitorOptions, SaveFrequency, AnnouncementOptions {
  /**
   * Path of the file, in which {epoch} is the number of the epoch from 1, {batch} that of the batch from 1 when `saveFreq`
   * is a number, and {valLoss} and the like are numbers of the logs; or a function that makes it, of these numbers from 0.
   * Folders are made.
   */
  readonly path: string | ((epoch: number, logs: Logs, batch?: number) => string);
  /**
   * Save only when `monitor` has become better. Default false. With `saveFreq` in batches `monitor` is an average over the
   * epoch so far, which may be as little as one batch, and no number of the validation data.
   */
  readonly saveBestOnly?: boolean;
  /** `monitor` must be better than this to be saved at all. Default null. */
  readonly initialValueThreshold?: number | null;
  /** Save what training needs to go on, too. Default true. */
  readonly includeOptimizer?: boolean;
  /** Where the bytes go instead of a file, as where there are none. */
  readonly write?: Write;
}

/**
 * Saves the model after epochs or batches, all or the best:
 * `modelCheckpoint({ path: "best.safetensors", saveBestOnly: true })`. Files are replaced as a whole; `loadModel` reads them.
 * @throws {TensorError} `option`; `data` when a file cannot be written.
 */
export function modelCheckpoint(options: ModelCheckpointOptions): Callback {
  const where = "modelCheckpoint";
  checkOptionsObject(where, options);
  const { path, write = writeIntoFolder, ...rest } = options;
  check(typeof path === "function" || (typeof path === "string" && path !== ""), "option", () => ({
    where: `${where}.path`,
    expected: "the path of a file, or a function that makes it",
    received: show(path),
  }));
  checkWrite(where, write);
  const settings = settle<Required<Omit<ModelCheckpointOptions, "path" | "write">>>(where, rest, {
    ...monitorRules(),
    ...saveFrequencyRules(),
    saveBestOnly: flag(false),
    initialValueThreshold: nullOr(number(0)),
    includeOptimizer: flag(true),
    verbose: verboseRule(),
  });
  const { saveBestOnly, initialValueThreshold, includeOptimizer, saveFreq } = settings;
  check(!saveBestOnly || saveFreq === "epoch" || !/^val[A-Z]/.test(settings.monitor), "option", () => ({
    where: `${where}.monitor`,
    expected: `a number that is there after ${saveFreq} batches`,
    received: show(settings.monitor),
    remedy: 'Watch "loss" or a metric without val, or save after epochs.',
  }));
  const monitor = saveBestOnly ? monitorOf(where, settings) : undefined;
  const announce = announcer(settings.verbose);
  let model: ModelInTraining | undefined;
  let best = initialValueThreshold;
  const saving = savingAfter(where, settings, async (epoch, batch, logs) => {
    if (model === undefined) return;
    const name = settings.monitor;
    const say = (text: string): void => announce(epoch, text, batch !== undefined);
    if (monitor !== undefined) {
      const value = monitor.read(logs);
      const before = best === null ? "" : ` from ${formatNumber(best)}`;
      if (!monitor.better(value, best ?? monitor.worst)) return say(`${name} did not improve${before}`);
      say(`${name} improved${before} to ${formatNumber(value)}`);
      best = value;
    }
    const file = pathFor(path, epoch, batch, logs);
    await write(file, await model.save({ includeOptimizer }));
    say(`saved ${file}`);
  });
  return {
    ...saving,
    onTrainBegin: (_, given) => {
      model = given;
    },
  };
}

function pathFor(path: ModelCheckpointOptions["path"], epoch: number, batch: number | undefined, logs: Logs): string {
  if (typeof path === "function") return path(epoch, logs, batch);
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === "epoch") return String(epoch + 1);
    if (name === "batch" && batch !== undefined) return String(batch + 1);
    const value = logs[name];
    check(value !== undefined, "option", () => ({
      where: "modelCheckpoint.path",
      expected: `{epoch} or one of ${Object.keys(logs).join(", ")}`,
      received: `{${name}}`,
    }));
    return value.toFixed(4);
  });
}
