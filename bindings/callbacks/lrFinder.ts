// Which learning rate is as large as training bears?

import type { Dataset } from "../data/dataset.ts";
import { fromArrays } from "../data/sources.ts";
import { check, show } from "../errors.ts";
import { type DataLike, isDataset } from "../models/data.ts";
import type { Model } from "../models/model.ts";
import type { SampleWeight } from "../models/sampleWeights.ts";
import { integer, number, settle } from "../optionRules.ts";
import { yieldToEvents } from "../platform/yielding.ts";
import { exponentialDecay } from "../schedules/decays.ts";

type Batch<I> = readonly [I, DataLike] | readonly [I, DataLike, SampleWeight];

/** Options of {@link lrFinder}. */
export interface LrFinderOptions {
  /** The first rate. Default 1e-6. */
  readonly minRate?: number;
  /** The last rate, if the loss does not run away before. Default 10. */
  readonly maxRate?: number;
  /** Batches, each at a larger rate than the one before by the same factor. Default 100. */
  readonly steps?: number;
  /** Samples of a batch of arrays. Default 32. */
  readonly batchSize?: number;
  /** The share of the smoothed loss that each step keeps. Default 0.9. */
  readonly smoothing?: number;
}

/** The curve of a learning-rate range test. */
export interface LrCurve {
  /** The learning rate of each batch, growing by the same factor. */
  readonly rates: readonly number[];
  /** The loss of each batch, before its step. */
  readonly losses: readonly number[];
  /** The same smoothed, without the bias towards 0 at the beginning. */
  readonly smoothed: readonly number[];
  /** The rate at which the smoothed loss falls the fastest; what to begin with. */
  readonly suggestion: number;
  /** The rate of the least smoothed loss: training bears no larger one. */
  readonly limit: number;
}

/**
 * The learning-rate range test (Smith, 2017): trains a few steps at growing rates, until the loss is four times its least
 * one, and puts the model back as it was.
 * `const { suggestion } = await lrFinder(model, [x, y]); model.learningRate = suggestion;`
 * @param data arrays [x, y] or [x, y, sampleWeight], or a dataset of such batches; it begins again as often as needed.
 * @throws {TensorError} `unsupported` where a schedule decides the rate; `option`; `data` for an empty dataset.
 */
export async function lrFinder<I extends DataLike>(
  model: Model<I, unknown, string>,
  data: Batch<I> | Dataset<Batch<I>>,
  options: LrFinderOptions = {},
): Promise<LrCurve> {
  const where = "lrFinder";
  const { minRate, maxRate, steps, batchSize, smoothing } = settle<Required<LrFinderOptions>>(where, options, {
    minRate: number(1e-6, Number.MIN_VALUE),
    maxRate: number(10, Number.MIN_VALUE),
    steps: integer(100, 5),
    batchSize: integer(32, 1),
    smoothing: number(0.9, 0, 1 - 2 ** -24),
  });
  check(minRate < maxRate, "option", () => ({
    where: `${where}.maxRate`,
    expected: `a number > ${minRate}`,
    received: `${maxRate}`,
  }));
  const rateAt = exponentialDecay({
    initialLearningRate: minRate,
    decaySteps: steps - 1,
    decayRate: maxRate / minRate,
  });
  // The first means are of few losses, and batches differ.
  const reach = Math.ceil(steps / 20);
  check(typeof (model as Partial<typeof model> | null)?.fit === "function", "option", () => ({
    where,
    expected: "a model",
    received: show(model),
  }));
  check(Array.isArray(data) || isDataset(data), "option", () => ({
    where: `${where}.data`,
    expected: "[x, y], [x, y, sampleWeight] or a dataset",
    received: show(data),
  }));
  const { trainer } = model;
  const restore = trainer.remember();
  const batches = batchesOf(data, batchSize).open(0);
  const [rates, losses, smoothed]: [number[], number[], number[]] = [[], [], []];
  // What the smoothed loss has forgotten of its beginning, which was 0; the least one once it tells something.
  let [average, missing, least] = [0, 1, Number.POSITIVE_INFINITY];
  try {
    for (let step = 0; step < steps; step++) {
      const { done, value } = await batches.next();
      check(done !== true, "data", () => ({ where, expected: "at least one batch", received: "none" }));
      const [x, y, weight] = value as readonly [I, DataLike, SampleWeight?];
      const rate = rateAt.at(step);
      model.learningRate = rate;
      const loss = model.trainOnBatch(x, y, weight).loss as number;
      if (!Number.isFinite(loss)) break;
      average = smoothing * average + (1 - smoothing) * loss;
      rates.push(rate);
      losses.push(loss);
      missing *= smoothing;
      const mean = average / (1 - missing);
      smoothed.push(mean);
      if (step >= 2 * reach) least = Math.min(least, mean);
      if (mean > 4 * least) break;
      if (step % 8 === 7) await yieldToEvents();
    }
  } finally {
    restore();
    await batches.return?.();
  }
  return Object.freeze({ rates, losses, smoothed, ...chosen(rates, smoothed, reach) });
}

/** Batches that never end. */
function batchesOf<I>(data: Batch<I> | Dataset<Batch<I>>, batchSize: number): Dataset<unknown> {
  if (!Array.isArray(data)) return (data as Dataset<unknown>).repeat();
  const [x, y, weight] = data as readonly [DataLike, DataLike, SampleWeight?];
  const samples = weight === undefined ? fromArrays(x, y) : fromArrays(x, y, weight as DataLike);
  const size = samples.size as number;
  // Whole batches only: a small one would be a noisier point of the curve.
  return samples.shuffle(size).batch(Math.min(batchSize, size), { dropRemainder: true }).repeat();
}

/**
 * Where the curve falls the fastest before its least point, by its difference over `reach` points to both sides; the
 * beginning, which is the mean of few losses, does not count.
 */
function chosen(
  rates: readonly number[],
  smoothed: readonly number[],
  reach: number,
): { readonly suggestion: number; readonly limit: number } {
  let least = smoothed.length > 2 * reach ? 2 * reach : 0;
  smoothed.forEach((loss, index) => {
    if (index >= least && loss <= (smoothed[least] as number)) least = index;
  });
  let [steepest, at] = [Number.POSITIVE_INFINITY, Math.max(0, least)];
  for (let index = 2 * reach; index <= least; index++) {
    const after = smoothed[Math.min(index + reach, smoothed.length - 1)] as number;
    const slope = after - (smoothed[index - reach] as number);
    if (slope < steepest) [steepest, at] = [slope, index];
  }
  return { suggestion: rates[at] ?? Number.NaN, limit: rates[least] ?? Number.NaN };
}
