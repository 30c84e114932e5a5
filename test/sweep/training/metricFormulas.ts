// What each metric of all samples is, in plain loops after Keras 3.16.
//
// References keep every sample and count at the end. What they are off by is rounding in float64 and, for means of values,
// the float32 bounds of the values.

import type fc from "fast-check";
import type { DType, Shape } from "../../../bindings/tensor.ts";
import { at, build, type RealArray } from "../array.ts";
import { type Draw, sometimes, whole } from "../draw.ts";
import { curves } from "../ops/curves.ts";
import { apply, type Curve, divide, exact, multiply, type Real, subtract, sum, unknown } from "../real.ts";
import { valuesOf } from "./losses.ts";

export type Options = Readonly<Record<string, unknown>>;

export interface MetricCase {
  /** Of the predictions of a sample. */
  readonly shape: number[];
  /** Samples of each batch. */
  readonly batches: number[];
  readonly weights: "sample" | "value" | "none" | "zero";
  readonly options: Options;
  readonly seed: number;
}

/** All samples of a case. */
export interface Samples {
  readonly y: RealArray;
  readonly p: RealArray;
  /** One for each sample [samples], or more. */
  readonly weights: RealArray | undefined;
}

interface Found {
  readonly value: number;
  readonly bound: number;
}

export interface MetricRule {
  readonly shape?: fc.Arbitrary<number[]>;
  readonly options?: (shape: readonly number[]) => fc.Arbitrary<Options>;
  readonly labels: (given: MetricCase) => { readonly shape: Shape; readonly dtype?: DType; readonly draw: Draw };
  readonly predictions?: (given: MetricCase) => { readonly shape?: Shape; readonly dtype?: DType; readonly draw: Draw };
  /** Axes that a weight of its own kind has besides the samples. Default those of a value: none. */
  readonly weighed?: (given: MetricCase) => Shape;
  readonly result: (given: MetricCase, samples: Samples) => readonly Found[];
}

/** Roundings of float64 that results of counts go through: fewer than 2¹⁰ terms, each off by a few. */
const ofCounts = 2 ** -42;
const close = (value: number): Found => ({ value, bound: ofCounts * Math.max(1, Math.abs(value)) });

export const grid: Draw = sometimes([0, 0.25, 0.5, 0.75, 1], 0.3, (next) => whole(0, 4096)(next) / 4096);
export const eighths: Draw = (next) => whole(-40, 40)(next) / 8;
export const weightDraw: Draw = sometimes([0], 0.25, (next) => whole(1, 24)(next) / 8);
export const bits: Draw = whole(0, 1);
const ratio = (part: number, all: number): number => (all === 0 ? 0 : part / all);
export const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);

/** The weight of a value of a sample at `position`. */
function weightAt({ weights }: Samples, position: readonly number[]): number {
  return weights === undefined ? 1 : at(weights, position.slice(0, weights.shape.length)).value;
}

// Means of values -----------------------------------------------------------------------------------------------------

/** Σ value · weight / Σ weight. */
export function weightedMean(
  values: RealArray,
  samples: Samples,
  finish: (mean: Real) => Real = (mean) => mean,
): Found[] {
  const weights = build(values.shape, (position) => exact(weightAt(samples, position)));
  const all = total(weights.data.map(({ value }) => value));
  if (all === 0) return [{ value: 0, bound: 0 }];
  const products = values.data.map((value, index) =>
    samples.weights === undefined ? value : multiply(value, weights.data[index] as Real),
  );
  // Sums are those of float64.
  const value = total(products.map((each) => each.value)) / all;
  const bounds = products.map((each, index) => ((weights.data[index] as Real).value === 0 ? 0 : each.bound));
  if (!bounds.every(Number.isFinite)) return [{ value, bound: unknown }];
  const bound = total(bounds) / all + ofCounts * Math.abs(value);
  const found = finish(exact(value));
  const reached = [finish(exact(value + bound)), finish(exact(value - bound))].map((each) =>
    Math.abs(each.value - found.value),
  );
  return [{ value: found.value, bound: Math.max(...reached) + ofCounts * Math.abs(found.value) }];
}

export const ofValues =
  (values: (given: MetricCase, samples: Samples) => RealArray): MetricRule["result"] =>
  (given, samples) =>
    weightedMean(values(given, samples), samples);

export const lossOf =
  (name: string, sign = 1): MetricRule["result"] =>
  (given, { y, p, weights }) => {
    const options = name === "cosineSimilarity" ? { axis: -1 } : given.options;
    const [found] = weightedMean(valuesOf(name, p.shape, options, y, p), { y, p, weights }) as [Found];
    return [{ ...found, value: sign * found.value }];
  };

/** A row of the last axis for each other position. */
export function rows(array: RealArray): { readonly position: number[]; readonly row: readonly Real[] }[] {
  const last = array.shape.at(-1) as number;
  const outer = array.shape.slice(0, -1);
  return build(outer, () => exact(0)).data.map((_, index) => {
    const position = new Array<number>(outer.length);
    let rest = index;
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      position[axis] = rest % (outer[axis] as number);
      rest = Math.floor(rest / (outer[axis] as number));
    }
    return { position, row: array.data.slice(index * last, (index + 1) * last) };
  });
}

export const firstLargest = (row: readonly Real[]): number =>
  row.reduce((best, each, index) => (each.value > (row[best] as Real).value ? index : best), 0);
export const rightOf = (array: RealArray, right: (row: readonly Real[], index: number) => number): RealArray => ({
  shape: array.shape.slice(0, -1),
  dtype: "float32",
  data: rows(array).map(({ row }, index) => exact(right(row, index))),
});
const labelOf = (y: RealArray, p: RealArray, index: number): number =>
  y.shape.length === p.shape.length && y.shape.at(-1) !== 1
    ? firstLargest((rows(y)[index] as { row: readonly Real[] }).row)
    : (y.data[index] as Real).value;
export const amongTop =
  (k: number) =>
  (_: MetricCase, { y, p }: Samples): RealArray =>
    rightOf(p, (row, index) => {
      const own = (row[labelOf(y, p, index)] as Real).value;
      return row.filter(({ value }) => value > own).length < k ? 1 : 0;
    });
export const sameLargest = (_: MetricCase, { y, p }: Samples): RealArray =>
  rightOf(p, (row, index) => (firstLargest(row) === labelOf(y, p, index) ? 1 : 0));
/** The share of right elements of each row: multiples of 1/n, rounded. */
export const binaryRight =
  (threshold: number) =>
  (_: MetricCase, { y, p }: Samples): RealArray => ({
    shape: p.shape.slice(0, -1),
    dtype: "float32",
    data: rows(p).map(({ row }, index) => {
      const labels = (rows(y)[index] as { row: readonly Real[] }).row;
      const right = row.filter(
        ({ value }, place) => (value > Math.fround(threshold) ? 1 : 0) === (labels[place] as Real).value,
      );
      return divide(exact(right.length), exact(row.length));
    }),
  });

// Counts above thresholds ---------------------------------------------------------------------------------------------

export interface Counts {
  tp: number;
  fp: number;
  tn: number;
  fn: number;
}

/** Counts of predictions above `threshold`, of all entries or those of one class. */
function countsAbove(
  { y, p, ...rest }: Samples,
  threshold: number,
  {
    classId = null,
    topK = null,
    factors,
  }: { classId?: number | null; topK?: number | null; factors?: readonly number[] },
): Counts {
  const counts = { tp: 0, fp: 0, tn: 0, fn: 0 };
  rows(p).forEach(({ position, row }, line) => {
    const labels = (rows(y)[line] as { row: readonly Real[] }).row;
    row.forEach(({ value }, place) => {
      if (classId !== null && place !== classId) return;
      const before = row.filter((each, other) => each.value > value || (each.value === value && other < place)).length;
      const positive = (topK === null || before < topK) && value > threshold;
      const truth = (labels[place] as Real).value !== 0;
      const weight = weightAt({ y, p, ...rest }, [...position, place]) * (factors?.[place] ?? 1);
      counts[positive ? (truth ? "tp" : "fp") : truth ? "fn" : "tn"] += weight;
    });
  });
  return counts;
}

const thresholdsOf = (options: Options, otherwise: number): number[] => {
  const given = options.thresholds as number | readonly number[] | null | undefined;
  return (given == null ? [otherwise] : typeof given === "number" ? [given] : [...given]).map(Math.fround);
};

export const counted =
  (value: (counts: Counts) => number): MetricRule["result"] =>
  ({ options }, samples) => {
    const topK = (options.topK as number | null | undefined) ?? null;
    const classId = (options.classId as number | null | undefined) ?? null;
    return thresholdsOf(options, topK === null ? 0.5 : Number.NEGATIVE_INFINITY).map((threshold) =>
      close(value(countsAbove(samples, threshold, { classId, topK }))),
    );
  };

export const precisionOf = ({ tp, fp }: Counts): number => ratio(tp, tp + fp);
export const recallOf = ({ tp, fn }: Counts): number => ratio(tp, tp + fn);
export const specificityOf = ({ tn, fp }: Counts): number => ratio(tn, tn + fp);

export const bestUnder =
  (least: string, wanted: (counts: Counts) => number, condition: (counts: Counts) => number): MetricRule["result"] =>
  ({ options }, samples) => {
    const count = options.numThresholds as number;
    const classId = options.classId as number | null;
    const thresholds = count === 1 ? [0.5] : Array.from({ length: count }, (_, index) => index / (count - 1));
    const found = thresholds.map((threshold) => countsAbove(samples, threshold, { classId }));
    return [close(Math.max(0, ...found.filter((each) => condition(each) >= (options[least] as number)).map(wanted)))];
  };

export const auc: MetricRule["result"] = ({ options, shape }, samples) => {
  const { curve, summationMethod, multiLabel, labelWeights } = options as {
    curve: string;
    summationMethod: string;
    multiLabel: boolean;
    labelWeights: readonly number[] | null;
  };
  const given = options.thresholds as readonly number[] | null;
  const count = options.numThresholds as number;
  const inner =
    given === null
      ? Array.from({ length: count - 2 }, (_, index) => (index + 1) / (count - 1))
      : given.map(Math.fround).sort((a, b) => a - b);
  const certain =
    options.fromLogits === true
      ? { ...samples, p: { ...samples.p, data: samples.p.data.map((each) => apply(sigmoid, each)) } }
      : samples;
  const area = (classId: number | null): number => {
    const factors = multiLabel || labelWeights === null ? {} : { factors: labelWeights };
    const found = [-1, ...inner, 2].map((threshold) => countsAbove(certain, threshold, { classId, ...factors }));
    let sum = 0;
    for (let index = 0; index + 1 < found.length; index++) {
      const [a, b] = [found[index], found[index + 1]] as [Counts, Counts];
      if (curve === "PR" && summationMethod === "interpolation") {
        const [all, rest] = [a.tp + a.fp, b.tp + b.fp];
        const slope = ratio(a.tp - b.tp, all - rest);
        const intercept = b.tp - slope * rest;
        const quotient = all > 0 && rest > 0 ? all / rest : 1;
        sum += ratio(slope * (a.tp - b.tp + intercept * Math.log(quotient)), b.tp + b.fn);
        continue;
      }
      const [x, y] =
        curve === "ROC" ? [(each: Counts) => ratio(each.fp, each.fp + each.tn), recallOf] : [recallOf, precisionOf];
      const [left, right] = [y(a), y(b)];
      const height =
        summationMethod === "interpolation"
          ? (left + right) / 2
          : summationMethod === "minoring"
            ? Math.min(left, right)
            : Math.max(left, right);
      sum += (x(a) - x(b)) * height;
    }
    return sum;
  };
  if (!multiLabel) return [close(area(null))];
  const weights = labelWeights ?? new Array<number>(shape.at(-1) as number).fill(1);
  return [close(ratio(total(weights.map((weight, label) => weight * area(label))), total(weights)))];
};

// Regions and classes -------------------------------------------------------------------------------------------------

export const fScore: MetricRule["result"] = ({ options }, { y, p, ...rest }) => {
  const {
    average,
    threshold,
    beta = 1,
  } = options as { average: string | null; threshold: number | null; beta?: number };
  const classes = p.shape[1] as number;
  const sums = Array.from({ length: classes }, () => ({ tp: 0, fp: 0, fn: 0, wanted: 0 }));
  rows(p).forEach(({ position, row }, index) => {
    const labels = (rows(y)[index] as { row: readonly Real[] }).row;
    const largest = Math.max(...row.map(({ value }) => value));
    row.forEach(({ value }, place) => {
      const positive = threshold === null ? value >= largest && Math.abs(value) > 1e-9 : value > Math.fround(threshold);
      const weight = weightAt({ y, p, ...rest }, [...position, place]);
      const label = (labels[place] as Real).value;
      const cell = sums[place] as { tp: number; fp: number; fn: number; wanted: number };
      cell.tp += positive ? label * weight : 0;
      cell.fp += positive ? (1 - label) * weight : 0;
      cell.fn += positive ? 0 : label * weight;
      cell.wanted += label * weight;
    });
  });
  const joined =
    average === "micro"
      ? [sums.reduce((a, b) => ({ tp: a.tp + b.tp, fp: a.fp + b.fp, fn: a.fn + b.fn, wanted: a.wanted + b.wanted }))]
      : sums;
  const scores = joined.map(({ tp, fp, fn }) => {
    const [precision, recall] = [tp / (tp + fp + 1e-7), tp / (tp + fn + 1e-7)];
    return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall + 1e-7);
  });
  if (average === null) return scores.map(close);
  if (average !== "weighted") return [close(total(scores) / scores.length)];
  const all = total(joined.map(({ wanted }) => wanted)) + 1e-7;
  return [close(total(scores.map((score, index) => (score * (joined[index] as { wanted: number }).wanted) / all)))];
};

/** Intersections over unions of classes 0 … n − 1. */
function overlaps(
  targets: readonly number[],
  ignored: number | null,
  pairs: readonly { readonly truth: number; readonly chosen: number; readonly weight: number }[],
): Found[] {
  let [sum, count] = [0, 0];
  for (const target of targets) {
    let [shared, union] = [0, 0];
    for (const { truth, chosen, weight } of pairs) {
      if (truth === ignored) continue;
      if (truth === target && chosen === target) shared += weight;
      if (truth === target || chosen === target) union += weight;
    }
    sum += shared / (union + 1e-7);
    if (union > 1e-9) count++;
  }
  return [close(ratio(sum, count))];
}

export const intersections =
  (hot: boolean, mean: boolean): MetricRule["result"] =>
  ({ options }, { y, p, ...rest }) => {
    const classes = options.numClasses as number;
    const targets = mean ? Array.from({ length: classes }, (_, index) => index) : (options.targetClassIds as number[]);
    const ignored = (options.ignoreClass as number | null | undefined) ?? null;
    const pairs = hot
      ? rows(p).map(({ position, row }, index) => ({
          truth: firstLargest((rows(y)[index] as { row: readonly Real[] }).row),
          chosen: firstLargest(row),
          weight: weightAt({ y, p, ...rest }, position),
        }))
      : build(p.shape, (position) => exact(weightAt({ y, p, ...rest }, position))).data.map(({ value }, index) => ({
          truth: (y.data[index] as Real).value,
          chosen: (p.data[index] as Real).value,
          weight: value,
        }));
    return overlaps(targets, ignored, pairs);
  };

export const binaryIoU: MetricRule["result"] = ({ options }, { y, p, ...rest }) => {
  const threshold = Math.fround(options.threshold as number);
  const pairs = build(p.shape, (position) => exact(weightAt({ y, p, ...rest }, position))).data.map(
    ({ value }, index) => ({
      truth: (y.data[index] as Real).value,
      chosen: (p.data[index] as Real).value >= threshold ? 1 : 0,
      weight: value,
    }),
  );
  return overlaps(options.targetClassIds as number[], null, pairs);
};

// Explained variance, correlations ------------------------------------------------------------------------------------

export const r2: MetricRule["result"] = ({ options }, { y, p, ...rest }) => {
  const outputs = y.shape[1] as number;
  const weights = Array.from({ length: y.shape[0] as number }, (_, row) => weightAt({ y, p, ...rest }, [row]));
  const all = total(weights);
  const samples = weights.filter((each) => each !== 0).length;
  const regressors = options.numRegressors as number;
  const free = samples - regressors - 1;
  const adjusted = ({ value, bound }: Found): Found =>
    regressors === 0 || free <= 0
      ? { value, bound }
      : { value: 1 - ((1 - value) * (samples - 1)) / free, bound: (bound * (samples - 1)) / free + ofCounts };
  const each = Array.from({ length: outputs }, (_, output) => {
    const column = (array: RealArray): number[] => weights.map((_unused, row) => at(array, [row, output]).value);
    const [labels, found] = [column(y), column(p)];
    const kept = labels.filter((_unused, row) => weights[row] !== 0);
    const mean = total(labels.map((label, row) => label * (weights[row] as number))) / all;
    const spread = total(labels.map((label, row) => (label - mean) ** 2 * (weights[row] as number)));
    const mass = total(labels.map((label, row) => label ** 2 * (weights[row] as number)));
    const residual = total(
      labels.map((label, row) => (label - (found[row] as number)) ** 2 * (weights[row] as number)),
    );
    const varies = kept.some((label) => label !== kept[0]);
    // The library's spread is a difference of sums of squares.
    const doubt = ofCounts * mass;
    const score = varies ? 1 - residual / spread : 0;
    return {
      total: varies ? spread : 0,
      doubt,
      score: {
        value: score,
        bound: varies
          ? (residual / spread) * (doubt / Math.max(spread - doubt, 1e-300)) + ofCounts * (1 + Math.abs(score))
          : 0,
      },
    };
  });
  if (samples === 0)
    return (options.classAggregation === null ? each : [0]).map(() => ({ value: Number.NaN, bound: 0 }));
  if (options.classAggregation === null) return each.map(({ score }) => adjusted(score));
  const bounds = each.map(({ score }) => score.bound);
  if (options.classAggregation === "uniformAverage")
    return [
      adjusted({
        value: total(each.map(({ score }) => score.value)) / outputs,
        bound: total(bounds) / outputs + ofCounts * 8,
      }),
    ];
  const spreads = total(each.map((column) => column.total));
  const doubts = total(each.map((column) => column.doubt * (2 + Math.abs(column.score.value))));
  const value = ratio(total(each.map((column) => column.total * column.score.value)), spreads);
  const bound =
    spreads === 0
      ? 0
      : Math.max(...bounds) + (doubts / spreads) * (1 + Math.abs(value)) + ofCounts * (1 + Math.abs(value));
  return [adjusted({ value, bound })];
};

export const curve = (name: string): Curve => curves[name] as Curve;
export const sigmoid: Curve = curve("sigmoid");

export const correlation =
  (finish: (shared: Real, ofTrue: Real, ofPred: Real, shift: Real) => Real): MetricRule["result"] =>
  (_, { y, p, weights }) => {
    const mean = (terms: readonly Real[]): Real => divide(sum(terms), exact(terms.length));
    const values: RealArray = {
      shape: p.shape.slice(0, -1),
      dtype: "float32",
      data: rows(p).map(({ row }, index) => {
        const labels = (rows(y)[index] as { row: readonly Real[] }).row;
        const [a, b] = [mean(labels), mean(row)];
        const [da, db] = [labels.map((each) => subtract(each, a)), row.map((each) => subtract(each, b))];
        const products = (left: readonly Real[], right: readonly Real[]): Real =>
          mean(left.map((each, place) => multiply(each, right[place] as Real)));
        return finish(products(da, db), products(da, da), products(db, db), subtract(b, a));
      }),
    };
    return weightedMean(values, { y, p, weights });
  };
