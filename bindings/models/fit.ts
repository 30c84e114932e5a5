// How does training go, epoch by epoch?

import type { Callback, TrainingInfo } from "../callbacks/callback.ts";
import { check, show } from "../errors.ts";
import { yieldToEvents } from "../platform/yielding.ts";
import { recruit } from "../workers.ts";
import type { Feed } from "./feed.ts";
import type { Mode, Trainer } from "./trainer.ts";

/** What {@link runEpochs} needs to know. */
export interface EpochPlan {
  readonly feed: Feed;
  readonly batchSize: number;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly shuffle: boolean;
  readonly callbacks: readonly Callback[];
  /** Measures the validation data; undefined without. */
  readonly validate: (() => Promise<Record<string, number>>) | undefined;
  readonly info: TrainingInfo;
  /** Key of the order of the rows. */
  readonly seed: number;
}

/** Longest time without letting other events through, in milliseconds. */
const sliceMilliseconds = 12;
/** Most steps in one go while the clock stands still, as it does for workers on the edge while they compute. */
const stepsWithoutClock = 256;

/** Trains for `epochs` − `initialEpoch` passes and collects the logs of each. */
export async function runEpochs(trainer: Trainer, plan: EpochPlan): Promise<Record<string, number[]>> {
  const { callbacks } = plan;
  const names = trainer.objective.names;
  const measured = plan.validate === undefined ? names : [...names, ...names.map(validationName)];
  const history: Record<string, number[]> = Object.fromEntries(["epoch", ...measured].map((name) => [name, []]));
  for (const callback of callbacks) await callback.onTrainBegin?.(plan.info);
  for (let epoch = plan.initialEpoch; epoch < plan.epochs; epoch++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(epoch);
    plan.feed.arrange(plan.shuffle ? { seed: plan.seed, epoch: trainer.epochs } : undefined);
    recruit(trainer.operations("train", plan.feed, plan.batchSize) * (plan.epochs - epoch));
    await runPass(trainer, "train", plan.feed, plan.batchSize, callbacks);
    trainer.epochs++;
    const logs = trainer.logs("train");
    if (plan.validate !== undefined)
      for (const [name, value] of Object.entries(await plan.validate())) logs[validationName(name)] = value;
    history.epoch?.push(epoch);
    for (const [name, value] of Object.entries(logs)) history[name]?.push(value);
    for (const callback of callbacks) await callback.onEpochEnd?.(epoch, logs);
  }
  trainer.state.finalize();
  for (const callback of callbacks) await callback.onTrainEnd?.();
  return history;
}

/**
 * Takes every row of `feed` once, in batches; the last one may be smaller. As many steps run in one go as fit a time
 * slice; how many does not change the results.
 */
export async function runPass(
  trainer: Trainer,
  mode: Mode,
  feed: Feed,
  batchSize: number,
  callbacks: readonly Callback[],
): Promise<void> {
  if (mode === "test") recruit(trainer.operations(mode, feed, batchSize));
  trainer.begin(mode);
  const total = Math.ceil(feed.rows / batchSize);
  const stepwise = mode === "train" && callbacks.some((callback) => callback.onBatchEnd !== undefined);
  let position = 0;
  let slice = 1;
  while (position < feed.rows) {
    const { available } = feed.moveTo(position);
    const whole = Math.floor(available / batchSize);
    const batch = whole === 0 ? available : batchSize;
    const steps = whole === 0 ? 1 : Math.min(whole, stepwise ? 1 : slice);
    const started = performance.now();
    trainer.run(mode, feed, batch, position, steps);
    const elapsed = performance.now() - started;
    position += batch * steps;
    const done = Math.ceil(position / batchSize);
    if (stepwise) for (const callback of callbacks) await callback.onBatchEnd?.(done - 1, trainer.logs(mode));
    for (const callback of callbacks) callback.onProgress?.({ mode, done, total, logs: () => trainer.logs(mode) });
    slice = nextSlice(steps, elapsed);
    await yieldToEvents();
  }
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
  check(Number.isInteger(value) && (value as number) >= low, "option", () => ({
    where,
    expected: `an integer ≥ ${low}`,
    received: show(value),
  }));
  return value as number;
}
