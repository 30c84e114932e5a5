// How does training go, epoch by epoch?

import { untilEnded } from "../aborting.ts";
import type { Callback, ModelInTraining, TrainingInfo } from "../callbacks/callback.ts";
import { check } from "../errors.ts";
import { integer } from "../optionRules.ts";
import { yieldToEvents } from "../platform/yielding.ts";
import { recruit } from "../workers.ts";
import type { Feed } from "./feed.ts";
import { Reader } from "./reader.ts";
import type { Mode, Trainer } from "./trainer.ts";

/** What callbacks may change while training goes on. */
export interface Control {
  /** Ends training after the step or the epoch that is under way. */
  stopped: boolean;
  /** Where it begins. */
  start: Start;
  /** Where it is; undefined until it has begun. */
  now: Position | undefined;
}

/** How far training has come: `batch` steps of `epoch`, and `taken` batches of the pass over the data under way. */
export interface Position {
  readonly epoch: number;
  readonly batch: number;
  readonly taken: number;
}

/** Where training begins: after `taken` batches, which are passed over. */
export interface Start extends Position {
  /** The error when there are only so many batches. */
  readonly tooFew?: (there: number) => Error;
  /** Puts back what the steps of an epoch under way have summed up, at its beginning. */
  readonly enter?: () => void;
}

/** Training that begins with `epoch`. */
export function beginningAt(epoch: number): Control {
  return { stopped: false, start: { epoch, batch: 0, taken: 0 }, now: undefined };
}

/** What {@link runEpochs} needs to know. */
export interface EpochPlan {
  readonly feed: Feed;
  readonly epochs: number;
  /** Steps of an epoch; undefined: those of one pass over the data. */
  readonly steps: number | undefined;
  readonly callbacks: readonly Callback[];
  /** Measures the validation data; undefined without. */
  readonly validate: (() => Promise<Record<string, number>>) | undefined;
  readonly info: TrainingInfo;
  readonly control: Control;
  /** What callbacks are given. */
  readonly model: ModelInTraining;
  /** Ends training between two steps. */
  readonly signal: AbortSignal | undefined;
}

/** Longest time without letting other events through, in milliseconds. */
const sliceMilliseconds = 12;
/** Most steps in one go while the clock stands still, as it does for workers on the edge while they compute. */
const stepsWithoutClock = 256;
/** Steps that a pass of unknown length is taken to have. */
const stepsOfUnknown = 1000;

/**
 * Trains for `epochs` − `initialEpoch` epochs and collects the logs of each. A signal that is aborted meanwhile ends
 * training as the last epoch would, after the steps done, and then rejects with its reason; soon also while data or a
 * callback hang.
 */
export async function runEpochs(trainer: Trainer, plan: EpochPlan): Promise<Record<string, number[]>> {
  const { callbacks, signal } = plan;
  const stepsBefore = trainer.state.iteration.value.item();
  let history: Record<string, number[]> = {};
  try {
    history = await trainEpochs(trainer, plan);
  } catch (cause) {
    if (signal?.aborted !== true || cause !== signal.reason) {
      trainer.state.useAverages(false);
      throw cause;
    }
  }
  if (trainer.state.iteration.value.item() !== stepsBefore) trainer.state.finalize();
  await tellEach(callbacks, signal, (callback) => callback.onTrainEnd?.());
  signal?.throwIfAborted();
  return history;
}

async function trainEpochs(trainer: Trainer, plan: EpochPlan): Promise<Record<string, number[]>> {
  const { callbacks, control, feed, signal, steps } = plan;
  const tell = (event: (callback: Callback) => unknown): Promise<void> => tellEach(callbacks, signal, event);
  const names = trainer.objective.names;
  const measured = plan.validate === undefined ? names : [...names, ...names.map(validationName)];
  const history: Record<string, number[]> = Object.fromEntries(["epoch", ...measured].map((name) => [name, []]));
  await tell((callback) => callback.onTrainBegin?.(plan.info, plan.model));
  const { start } = control;
  const reader = trainingReader(trainer, feed, start);
  control.now = start;
  try {
    for (let epoch = start.epoch; epoch < plan.epochs && !control.stopped; epoch++) {
      signal?.throwIfAborted();
      await tell((callback) => callback.onEpochBegin?.(epoch));
      recruit(trainer.operations("train", feed) * stepsOf(feed, steps) * (plan.epochs - epoch));
      const begun = epoch === start.epoch ? start : undefined;
      await runPass(trainer, "train", reader, { callbacks, signal, steps, control, epoch, begun });
      if (steps === undefined) reader.close();
      control.now = { epoch: epoch + 1, batch: 0, taken: reader.taken };
      const logs = trainer.logs("train");
      if (plan.validate !== undefined) {
        await tell((callback) => callback.onTestBegin?.());
        for (const [name, value] of Object.entries(await plan.validate())) logs[validationName(name)] = value;
        await tell((callback) => callback.onTestEnd?.());
      }
      history.epoch?.push(epoch);
      for (const [name, value] of Object.entries(logs)) history[name]?.push(value);
      await tell((callback) => callback.onEpochEnd?.(epoch, logs));
    }
  } finally {
    reader.close();
  }
  return history;
}

/** Lets callbacks handle an event one after the other; one that hangs is left behind soon after `signal` is aborted. */
async function tellEach(
  callbacks: readonly Callback[],
  signal: AbortSignal | undefined,
  event: (callback: Callback) => unknown,
): Promise<void> {
  for (const callback of callbacks) await untilEnded(signal, event(callback));
}

/** Reads data to train on: each pass has an order of its own, and one that was begun counts. */
function trainingReader(trainer: Trainer, feed: Feed, start: Start): Reader {
  const stepsDone = (): number => trainer.state.iteration.value.item();
  let before = -start.taken;
  const begin = (): { readonly epoch: number; readonly seed: number } => {
    before += stepsDone();
    return { epoch: trainer.epochs, seed: trainer.seed.value.item() };
  };
  const end = (): void => {
    if (stepsDone() !== before) trainer.epochs++;
    before = 0;
  };
  return new Reader(feed, { begin, end, start });
}

/** Reads data to measure: always in the same order. */
export function measuringReader(feed: Feed): Reader {
  return new Reader(feed, { begin: () => ({ epoch: 0, seed: 0 }) });
}

/** What {@link runPass} needs to know. */
export interface PassOptions {
  readonly callbacks: readonly Callback[];
  readonly signal?: AbortSignal | undefined;
  /** How many batches to take; undefined: those until the data end. */
  readonly steps?: number | undefined;
  readonly control?: Control;
  readonly epoch?: number;
  /** What was done of the pass before. */
  readonly begun?: Start | undefined;
}

/**
 * Takes the batches of one pass; with `steps` as many, from where the last call has stopped, beginning again when the data
 * end. As many steps run in one go as fit a time slice; how many does not change the results.
 * @throws the reason of `signal` once it is aborted, between two steps.
 */
export async function runPass(trainer: Trainer, mode: Mode, reader: Reader, options: PassOptions): Promise<void> {
  const { callbacks, signal, control } = options;
  const { feed } = reader;
  const limit = options.steps ?? Number.POSITIVE_INFINITY;
  if (mode === "test") recruit(trainer.operations(mode, feed) * stepsOf(feed, options.steps));
  trainer.begin(mode);
  options.begun?.enter?.();
  const total = options.steps ?? feed.steps;
  const stepwise = mode === "train" && callbacks.some((callback) => callback.onBatchEnd !== undefined);
  const watched = mode === "train" && callbacks.some((callback) => callback.onNonFinite !== undefined);
  let [done, slice] = [options.begun?.batch ?? 0, 1];
  let reported = done;
  let turned = performance.now();
  const giveTurn = async (): Promise<void> => {
    for (const callback of callbacks) callback.onProgress?.({ mode, done, total, logs: () => trainer.logs(mode) });
    reported = done;
    await yieldToEvents();
    turned = performance.now();
  };
  while (done < limit && control?.stopped !== true) {
    signal?.throwIfAborted();
    const portion = await reader.take(Math.min(stepwise ? 1 : slice, limit - done));
    if (portion === undefined && limit === Number.POSITIVE_INFINITY) break;
    if (portion === undefined) continue;
    const started = performance.now();
    const restore = watched ? trainer.remember() : undefined;
    trainer.run(mode, feed, portion);
    const elapsed = performance.now() - started;
    if (restore !== undefined && !trainer.finite()) {
      const { findNonFinite } = await import("./nonFinite.ts");
      const fault = findNonFinite(trainer, feed, portion, restore, { epoch: options.epoch ?? 0, batch: done });
      await tellEach(callbacks, signal, (callback) => callback.onNonFinite?.(fault));
      if (control !== undefined) control.stopped = true;
      done = fault.batch;
      break;
    }
    done += portion.steps;
    if (control !== undefined) control.now = { epoch: options.epoch ?? 0, batch: done, taken: reader.taken };
    if (stepwise) await tellEach(callbacks, signal, (callback) => callback.onBatchEnd?.(done - 1, trainer.logs(mode)));
    slice = nextSlice(portion.steps, elapsed);
    const due = portion.steps > 1 || done - reported >= stepsWithoutClock;
    if (due || performance.now() - turned > sliceMilliseconds / 2) await giveTurn();
  }
  if (reported !== done) await giveTurn();
  signal?.throwIfAborted();
}

/** Steps of an epoch, or a guess. */
function stepsOf(feed: Feed, steps: number | undefined): number {
  return steps ?? feed.steps ?? stepsOfUnknown;
}

/** How many steps to run next, so that they take about one time slice. */
function nextSlice(steps: number, elapsed: number): number {
  const fitting = elapsed <= 0 ? stepsWithoutClock : Math.floor((steps * sliceMilliseconds) / elapsed);
  return Math.max(1, Math.min(steps * 4, fitting));
}

/** `accuracy` → `valAccuracy`. */
export function validationName(name: string): string {
  return `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Checks a whole-number option. @throws {TensorError} `option`. */
export function wholeNumber(where: string, value: unknown, low: number): number {
  integer(low, low).check(where, value);
  return value as number;
}

/** A number of steps, or undefined for all. @throws {TensorError} `option` unless it is a whole number ≥ 1. */
export function stepsOption(where: string, value: unknown): number | undefined {
  return value === undefined ? undefined : wholeNumber(where, value, 1);
}

/** @throws {TensorError} `option` when a pass over `feed` would never end. */
export function checkEnd(where: string, option: string, feed: Feed, steps: number | undefined): void {
  check(steps !== undefined || feed.steps !== Number.POSITIVE_INFINITY, "option", () => ({
    where: `${where}.${option}`,
    expected: "a number of batches, because the data never end",
    received: "undefined",
  }));
}
