// Metrics over random batches, weights and options: the result after all of them, and again after a reset.
//
// Weights are multiples of 1/8 and predictions of 2⁻¹², so that counts, and which side of a threshold a prediction lies on,
// are the same in float32 and float64.

import fc from "fast-check";
import { engine } from "../../../bindings/engine.ts";
import * as metrics from "../../../bindings/metrics.ts";
import type { DType, Shape, Tensor } from "../../../bindings/tensor.ts";
import { generator } from "../../harness/random.ts";
import { build, fromTensor, type RealArray } from "../array.ts";
import { type Draw, seeds, tensorOf, whole } from "../draw.ts";
import { add, apply, divide, exact, extremum, multiply, type Real, rounded } from "../real.ts";
import { type Subject, subject, type Tally } from "../subject.ts";
import { valuesOf } from "./losses.ts";
import {
  amongTop,
  auc,
  bestUnder,
  binaryIoU,
  binaryRight,
  bits,
  type Counts,
  correlation,
  counted,
  curve,
  eighths,
  firstLargest,
  fScore,
  grid,
  intersections,
  lossOf,
  type MetricCase,
  type MetricRule,
  type Options,
  ofValues,
  precisionOf,
  r2,
  recallOf,
  rightOf,
  rows,
  type Samples,
  sameLargest,
  specificityOf,
  total,
  weightDraw,
  weightedMean,
} from "./metricFormulas.ts";

// Cases ---------------------------------------------------------------------------------------------------------------

const last = ({ shape }: MetricCase): number => shape.at(-1) as number;
const alike =
  (draw: Draw) =>
  ({ shape }: MetricCase) => ({ shape, draw });
const hot = alike(bits);
const sparseLabels = (given: MetricCase) => ({
  shape: given.shape.slice(0, -1),
  dtype: "int32" as const,
  draw: whole(0, last(given) - 1),
});
const vector = fc.integer({ min: 1, max: 5 }).map((size) => [size]);
const several = fc.integer({ min: 2, max: 5 }).map((size) => [size]);
const anyShape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 });
const everyEntry = ({ shape }: MetricCase): Shape => shape;
/** A weight for each entry does not go with one class of them. */
const unlessOneClass = ({ shape, options }: MetricCase): Shape => (options.classId === null ? shape : []);
const thresholds = fc.constantFrom<Options>(
  {},
  { thresholds: 0 },
  { thresholds: 0.3 },
  { thresholds: [0.75, 0, 0.5] },
  { thresholds: 1 },
);
const positions = (shape: readonly number[]): fc.Arbitrary<Options> =>
  fc.record({
    topK: fc.constantFrom(null, null, 1, 2),
    classId: fc.constantFrom(null, 0, (shape.at(-1) as number) - 1),
    thresholds: fc.constantFrom(null, null, 0.25, [0.5, 0.25]),
  });
const constrained =
  (least: string) =>
  (shape: readonly number[]): fc.Arbitrary<Options> =>
    fc.record({
      [least]: fc.constantFrom(0, 0.3, 0.5, 0.9, 1),
      numThresholds: fc.constantFrom(1, 2, 3, 5, 200),
      classId: fc.constantFrom(null, 0, (shape.at(-1) as number) - 1),
    });
const onGrid = { labels: hot, predictions: alike(grid), shape: several };
const counting = (value: (counts: Counts) => number): MetricRule => ({
  ...onGrid,
  options: () => thresholds,
  weighed: everyEntry,
  result: counted(value),
});
const regression = (name: string, y: Draw = eighths, p: Draw = eighths, sign = 1): MetricRule => ({
  shape: anyShape,
  labels: alike(y),
  predictions: alike(p),
  weighed: ({ shape }) => shape.slice(0, -1),
  result: lossOf(name, sign),
});
const inside: Draw = (next) => whole(1, 4095)(next) / 4096;
const averages = fc.constantFrom(null, "micro", "macro", "weighted");

const rules: Readonly<Record<string, MetricRule>> = {
  truePositives: counting(({ tp }) => tp),
  falsePositives: counting(({ fp }) => fp),
  trueNegatives: counting(({ tn }) => tn),
  falseNegatives: counting(({ fn }) => fn),
  precision: { ...onGrid, options: positions, weighed: unlessOneClass, result: counted(precisionOf) },
  recall: { ...onGrid, options: positions, weighed: unlessOneClass, result: counted(recallOf) },
  sensitivityAtSpecificity: {
    ...onGrid,
    options: constrained("specificity"),
    result: bestUnder("specificity", recallOf, specificityOf),
  },
  specificityAtSensitivity: {
    ...onGrid,
    options: constrained("sensitivity"),
    result: bestUnder("sensitivity", specificityOf, recallOf),
  },
  precisionAtRecall: { ...onGrid, options: constrained("recall"), result: bestUnder("recall", precisionOf, recallOf) },
  recallAtPrecision: {
    ...onGrid,
    options: constrained("precision"),
    result: bestUnder("precision", recallOf, precisionOf),
  },
  auc: {
    labels: hot,
    shape: several,
    predictions: ({ shape, options }) => ({
      shape,
      draw: options.fromLogits === true ? (next) => whole(-8, 8)(next) / 2 : grid,
    }),
    options: (shape) =>
      fc
        .record({
          numThresholds: fc.constantFrom(2, 3, 5, 200),
          thresholds: fc.constantFrom(null, null, [0.5], [0.75, 0.125]),
          curve: fc.constantFrom("ROC", "PR"),
          summationMethod: fc.constantFrom("interpolation", "minoring", "majoring"),
          multiLabel: fc.boolean(),
          labelWeights: fc.constantFrom(
            null,
            Array.from({ length: shape.at(-1) as number }, (_, index) => (index + 1) / 2),
          ),
          fromLogits: fc.boolean(),
        })
        // A sigmoid lies on none of few thresholds but ½.
        .map((options) =>
          options.fromLogits && options.numThresholds === 200 ? { ...options, numThresholds: 5 } : options,
        ),
    result: auc,
  },
  f1Score: {
    ...onGrid,
    options: () => fc.record({ average: averages, threshold: fc.constantFrom(null, 0.5, 0.25) }),
    result: fScore,
  },
  fBetaScore: {
    ...onGrid,
    options: () =>
      fc.record({ average: averages, threshold: fc.constantFrom(null, 0.5), beta: fc.constantFrom(0.5, 1, 2) }),
    result: fScore,
  },
  iou: {
    shape: anyShape,
    labels: ({ shape, options }) => ({ shape, dtype: "int32", draw: whole(0, (options.numClasses as number) - 1) }),
    predictions: ({ shape, options }) => ({
      shape,
      dtype: "int32",
      draw: whole(0, (options.numClasses as number) - 1),
    }),
    options: () =>
      fc.record({
        numClasses: fc.constantFrom(3, 4),
        targetClassIds: fc.constantFrom([0], [2, 1]),
        ignoreClass: fc.constantFrom(null, 0),
      }),
    weighed: everyEntry,
    result: intersections(false, false),
  },
  meanIoU: {
    shape: anyShape,
    labels: ({ shape, options }) => ({ shape, dtype: "int32", draw: whole(0, (options.numClasses as number) - 1) }),
    predictions: ({ shape, options }) => ({
      shape,
      dtype: "int32",
      draw: whole(0, (options.numClasses as number) - 1),
    }),
    options: () => fc.record({ numClasses: fc.constantFrom(2, 4), ignoreClass: fc.constantFrom(null, 1) }),
    weighed: everyEntry,
    result: intersections(false, true),
  },
  oneHotIoU: {
    shape: fc.constant([3]),
    labels: hot,
    predictions: alike(grid),
    options: () =>
      fc.record({
        numClasses: fc.constant(3),
        targetClassIds: fc.constantFrom([0], [2, 1]),
        ignoreClass: fc.constantFrom(null, 0),
      }),
    result: intersections(true, false),
  },
  oneHotMeanIoU: {
    shape: fc.constant([2, 3]),
    labels: hot,
    predictions: alike(grid),
    options: () => fc.record({ numClasses: fc.constant(3), ignoreClass: fc.constantFrom(null, 0) }),
    weighed: ({ shape }) => shape.slice(0, -1),
    result: intersections(true, true),
  },
  binaryIoU: {
    shape: anyShape,
    labels: hot,
    predictions: alike(grid),
    options: () =>
      fc.record({ targetClassIds: fc.constantFrom([0], [1], [0, 1]), threshold: fc.constantFrom(0, 0.25, 0.5, 1) }),
    weighed: everyEntry,
    result: binaryIoU,
  },
  r2Score: {
    shape: vector,
    // Often targets that do not vary.
    labels: ({ shape, seed }) => ({ shape, draw: seed % 4 === 0 ? () => 0.1 : eighths }),
    predictions: alike(eighths),
    options: () =>
      fc.record({
        classAggregation: fc.constantFrom(null, "uniformAverage", "varianceWeightedAverage"),
        numRegressors: fc.constantFrom(0, 0, 1, 2),
      }),
    result: r2,
  },
  pearsonCorrelation: {
    shape: several,
    labels: alike(eighths),
    predictions: alike(eighths),
    result: correlation((shared, a, b) =>
      divide(
        shared,
        extremum([apply(curve("sqrt"), multiply(a, b)), rounded(1e-7)], (x, y) => x > y, "first"),
      ),
    ),
  },
  concordanceCorrelation: {
    shape: several,
    labels: alike(eighths),
    predictions: alike(eighths),
    result: correlation((shared, a, b, shift) =>
      divide(multiply(shared, exact(2)), add(add(a, b), add(multiply(shift, shift), rounded(1e-7)))),
    ),
  },
  accuracy: {
    shape: fc.constantFrom([1], [3], [2, 4]),
    options: () => fc.constant({}),
    labels: (given) =>
      last(given) === 1 ? { shape: given.shape, draw: bits } : given.seed % 2 === 0 ? sparseLabels(given) : hot(given),
    predictions: alike(grid),
    weighed: ({ shape }) => shape.slice(0, -1),
    result: (given, samples) =>
      weightedMean((last(given) === 1 ? binaryRight(0.5) : sameLargest)(given, samples), samples),
  },
  exactAccuracy: {
    shape: anyShape,
    labels: alike(whole(0, 2)),
    predictions: alike(whole(0, 2)),
    weighed: everyEntry,
    result: ofValues((_, { y, p }) =>
      build(p.shape, (__, index) => exact((y.data[index] as Real).value === (p.data[index] as Real).value ? 1 : 0)),
    ),
  },
  binaryAccuracy: {
    shape: anyShape,
    options: () => fc.record({ threshold: fc.constantFrom(0, 0.3, 0.5, 1) }),
    labels: hot,
    predictions: alike(grid),
    weighed: ({ shape }) => shape.slice(0, -1),
    result: (given, samples) => weightedMean(binaryRight(given.options.threshold as number)(given, samples), samples),
  },
  categoricalAccuracy: {
    shape: anyShape,
    labels: hot,
    predictions: alike(grid),
    weighed: ({ shape }) => shape.slice(0, -1),
    result: ofValues((_, { y, p }) =>
      rightOf(p, (row, index) =>
        firstLargest(row) === firstLargest((rows(y)[index] as { row: readonly Real[] }).row) ? 1 : 0,
      ),
    ),
  },
  sparseCategoricalAccuracy: {
    shape: several,
    labels: sparseLabels,
    predictions: alike(grid),
    result: ofValues(sameLargest),
  },
  topKCategoricalAccuracy: {
    shape: several,
    options: () => fc.record({ k: fc.constantFrom(1, 2, 3, 9) }),
    labels: hot,
    predictions: alike(grid),
    result: (given, samples) => weightedMean(amongTop(given.options.k as number)(given, samples), samples),
  },
  sparseTopKCategoricalAccuracy: {
    shape: several,
    options: () => fc.record({ k: fc.constantFrom(1, 2, 3, 9) }),
    labels: sparseLabels,
    predictions: alike(grid),
    result: (given, samples) => weightedMean(amongTop(given.options.k as number)(given, samples), samples),
  },
  meanSquaredError: regression("meanSquaredError"),
  meanAbsoluteError: regression("meanAbsoluteError"),
  meanAbsolutePercentageError: regression("meanAbsolutePercentageError", (next) => whole(1, 40)(next) / 8),
  meanSquaredLogarithmicError: regression("meanSquaredLogarithmicError"),
  klDivergence: regression("klDivergence", grid, inside),
  poisson: regression("poisson", whole(0, 7), inside),
  hinge: regression("hinge", bits),
  squaredHinge: regression("squaredHinge", bits),
  categoricalHinge: regression("categoricalHinge", bits),
  logCoshError: regression("logCosh"),
  cosineSimilarity: regression("cosineSimilarity", eighths, eighths, -1),
  binaryCrossentropy: regression("binaryCrossentropy", bits, inside),
  categoricalCrossentropy: regression("categoricalCrossentropy", bits, inside),
  sparseCategoricalCrossentropy: {
    shape: several,
    labels: sparseLabels,
    predictions: alike(inside),
    result: lossOf("sparseCategoricalCrossentropy"),
  },
  rootMeanSquaredError: {
    ...regression("meanSquaredError"),
    result: (_, samples) =>
      weightedMean(valuesOf("meanSquaredError", samples.p.shape, {}, samples.y, samples.p), samples, (x) =>
        exact(Math.sqrt(Math.max(0, x.value))),
      ),
  },
};

const casesOf = (rule: MetricRule): fc.Arbitrary<MetricCase> =>
  (rule.shape ?? vector).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      batches: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
      weights: fc.constantFrom<MetricCase["weights"]>("none", "sample", "value", "zero"),
      options: rule.options?.(shape) ?? fc.constant({}),
      seed: seeds,
    }),
  );

type Make = (options: object) => metrics.Metric;
const known = metrics as unknown as Readonly<Record<string, Make>>;

/** Batches below each other. */
function joined(parts: readonly Tensor[]): RealArray {
  const [first] = parts as [Tensor];
  const rowsOfAll = total(parts.map(({ shape }) => shape[0] as number));
  return {
    shape: [rowsOfAll, ...first.shape.slice(1)],
    dtype: first.dtype,
    data: parts.flatMap((part) => fromTensor(part).data),
  };
}

function check(name: string, rule: MetricRule, given: MetricCase, tally: Tally): void {
  engine().poisoned = true;
  tally.cases++;
  const next = generator(given.seed);
  const labels = rule.labels(given);
  const predictions = { shape: given.shape, draw: eighths, ...rule.predictions?.(given) };
  const extra = given.weights === "value" ? (rule.weighed?.(given) ?? []) : [];
  const batches = given.batches.map((samples) => {
    const drawn = (of: { readonly shape: Shape; readonly dtype?: DType; readonly draw: Draw }): Tensor =>
      tensorOf({ ...of, shape: [samples, ...of.shape] }, next);
    const [y, p] = [drawn(labels), drawn(predictions)];
    return given.weights === "none"
      ? [y, p]
      : [y, p, drawn({ shape: extra, draw: given.weights === "zero" ? () => 0 : weightDraw })];
  });
  const meter = metrics.meter((known[name] as Make)(given.options));
  for (let round = 0; round < 2; round++) {
    for (const batch of batches) meter.update(...batch);
    const samples: Samples = {
      y: joined(batches.map(([y]) => y as Tensor)),
      p: joined(batches.map(([, p]) => p as Tensor)),
      weights: given.weights === "none" ? undefined : joined(batches.map(([, , weights]) => weights as Tensor)),
    };
    const found = meter.result();
    const wanted = rule.result(given, samples);
    const listed = typeof found === "number" ? [found] : found;
    if (listed.length !== wanted.length) throw new Error(`${listed.length} results, not ${wanted.length}`);
    wanted.forEach(({ value, bound }, index) => {
      const actual = listed[index] as number;
      const right = Number.isNaN(value) ? Number.isNaN(actual) : Math.abs(actual - value) <= bound;
      if (!right) throw new Error(`result ${index} is ${actual}, the reference ${value} ± ${bound}`);
    });
    meter.reset();
  }
}

export const metricSubjects: readonly Subject[] = Object.entries(rules).map(([name, rule]) =>
  subject<MetricCase>({
    name: `metrics.${name}`,
    kind: "metric",
    cases: casesOf(rule),
    check: (given, tally) => check(name, rule, given, tally),
  }),
);
