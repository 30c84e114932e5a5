// Losses of random labels and predictions, with every option, reduction, weights and masks: values and gradients.
//
// Labels, weights and predictions are differentiated alike.

import fc from "fast-check";
import { compiled } from "../../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as losses from "../../../bindings/losses.ts";
import type { Shape } from "../../../bindings/tensor.ts";
import type { RealArray } from "../array.ts";
import { type Draw, type Drawn, seeds, sometimes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { add, apply, choose, divide, isLess, multiply, type Real, rounded, scale, subtract, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import {
  absolute,
  atLeast,
  averaged,
  axisOf,
  binaryEntropy,
  binaryFocal,
  categorical,
  categoricalFocal,
  categoricalHinge,
  circle,
  clipped,
  cosine,
  ctc,
  dice,
  generalized,
  type LossCase,
  type LossRule,
  lines,
  log,
  log1p,
  margins,
  number,
  type Options,
  one,
  type Reduction,
  reduced,
  softplus,
  sparse,
  square,
  tiny,
  tversky,
  without,
} from "./lossFormulas.ts";

// Cases ---------------------------------------------------------------------------------------------------------------

const usualShape = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }), fc.integer({ min: 1, max: 6 }))
  .map(([outer, last]) => [...outer, last]);
const axes = (rank: number): fc.Arbitrary<number> => fc.integer({ min: -rank, max: rank - 1 });
const amount = fc.constantFrom(0, 0, 0.1, 0.25, 1);
const classOptions = (rank: number): fc.Arbitrary<Options> =>
  fc.record({ fromLogits: fc.boolean(), labelSmoothing: amount, axis: axes(rank) });
const focalOptions = (rank: number): fc.Arbitrary<Options> =>
  fc.record({
    fromLogits: fc.boolean(),
    labelSmoothing: amount,
    axis: axes(rank),
    alpha: fc.constantFrom(0.25, 0.7),
    gamma: fc.constantFrom(0, 0.5, 1, 1.5, 2, 3),
  });
const regionAxes = (rank: number): fc.Arbitrary<Options> =>
  fc.record({
    axis: fc.constantFrom(
      null,
      Array.from({ length: rank - 1 }, (_, axis) => axis + 1),
      [-1],
    ),
  });

const share = within(0.01, 0.99);
const logitsOrShares = ({ options }: LossCase): Draw => (options.fromLogits === true ? within(-9, 9) : share);
const likePredictions =
  (draw: Draw) =>
  ({ shape }: LossCase): Drawn => ({ shape, draw });
const shares = likePredictions(sometimes([0, 1], 0.7, within(0, 1)));
const classes = (given: LossCase): Drawn => {
  const axis = axisOf(given);
  const last = (given.shape[axis] as number) - 1;
  const ignored = given.options.ignoreClass as number | null | undefined;
  const draw = ignored === null || ignored === undefined ? whole(0, last) : sometimes([ignored], 0.4, whole(0, last));
  return { shape: without(given.shape, axis), dtype: "int32", draw };
};
const numbers = within(-3, 3);
const signsOf = ({ labels }: LossCase): Draw => (labels % 2 === 0 ? whole(0, 1) : (next) => (next() < 0.5 ? -1 : 1));

const regression = (rule: (y: Real, p: Real, given: LossCase) => Real, more: Partial<LossRule> = {}): LossRule => ({
  measure: averaged(rule),
  labels: likePredictions(numbers),
  predictions: () => numbers,
  ...more,
});

const rules: Readonly<Record<string, LossRule>> = {
  binaryCrossentropy: {
    options: classOptions,
    labels: shares,
    predictions: logitsOrShares,
    measure: averaged(binaryEntropy),
  },
  binaryFocalCrossentropy: {
    options: (rank) =>
      fc
        .tuple(focalOptions(rank), fc.boolean())
        .map(([rest, applyClassBalancing]) => ({ ...rest, applyClassBalancing })),
    labels: shares,
    predictions: logitsOrShares,
    measure: averaged(binaryFocal),
  },
  categoricalCrossentropy: { options: classOptions, labels: shares, predictions: logitsOrShares, measure: categorical },
  categoricalFocalCrossentropy: {
    options: focalOptions,
    labels: shares,
    predictions: logitsOrShares,
    measure: categoricalFocal,
  },
  sparseCategoricalCrossentropy: {
    options: (rank) =>
      fc.record({ fromLogits: fc.boolean(), axis: axes(rank), ignoreClass: fc.constantFrom(null, -1, 0, 2) }),
    labels: classes,
    predictions: logitsOrShares,
    measure: sparse,
  },
  categoricalGeneralizedCrossEntropy: {
    options: () => fc.record({ q: fc.constantFrom(0.2, 0.5, 0.7, 1) }),
    labels: classes,
    predictions: () => share,
    measure: generalized,
  },
  meanSquaredError: regression((y, p) => square(subtract(y, p))),
  meanAbsoluteError: regression((y, p) => absolute(subtract(y, p))),
  meanAbsolutePercentageError: regression((y, p) =>
    scale(absolute(divide(subtract(y, p), atLeast(absolute(y), tiny))), 100),
  ),
  meanSquaredLogarithmicError: regression((y, p) =>
    square(subtract(apply(log1p, atLeast(y, tiny)), apply(log1p, atLeast(p, tiny)))),
  ),
  huber: regression(
    (y, p, given) => {
      const delta = number(given, "delta", 1);
      const error = absolute(subtract(y, p));
      const beyond = subtract(multiply(error, rounded(delta)), rounded(0.5 * delta * delta));
      return choose(isLess(error, rounded(delta)), scale(square(error), 0.5), beyond);
    },
    { options: () => fc.record({ delta: fc.constantFrom(0.3, 1, 2.5) }) },
  ),
  logCosh: regression((y, p) => {
    const error = subtract(p, y);
    return subtract(add(error, softplus(scale(error, -2))), rounded(Math.LN2));
  }),
  klDivergence: {
    labels: shares,
    predictions: () => share,
    measure: (given, y, p) =>
      lines(axisOf(given), [y, p], (labels, line) => {
        const [a, b] = [labels, line].map((each) => each.map((x) => clipped(x, tiny, one))) as [Real[], Real[]];
        return sum(a.map((each, index) => multiply(each, apply(log, divide(each, b[index] as Real)))));
      }),
  },
  poisson: regression((y, p) => subtract(p, multiply(y, apply(log, add(p, tiny)))), {
    labels: likePredictions(whole(0, 7)),
    predictions: () => within(0.05, 6),
  }),
  cosineSimilarity: {
    options: (rank) => fc.record({ axis: axes(rank) }),
    labels: likePredictions(numbers),
    predictions: () => numbers,
    measure: cosine,
  },
  hinge: { labels: (given) => likePredictions(signsOf(given))(given), measure: margins((x) => x) },
  squaredHinge: { labels: (given) => likePredictions(signsOf(given))(given), measure: margins(square) },
  categoricalHinge: { labels: shares, measure: categoricalHinge },
  dice: { options: regionAxes, labels: shares, predictions: () => share, measure: dice },
  tversky: {
    options: (rank) =>
      fc
        .tuple(regionAxes(rank), fc.constantFrom(0.3, 0.5, 1), fc.constantFrom(0, 0.5, 0.7))
        .map(([axis, alpha, beta]) => ({ ...axis, alpha, beta })),
    labels: shares,
    predictions: () => share,
    measure: tversky,
  },
  circle: {
    options: () =>
      fc.record({
        gamma: fc.constantFrom(1, 16, 80),
        margin: fc.constantFrom(0.25, 0.4),
        removeDiagonal: fc.boolean(),
      }),
    shape: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 })).map((shape) => [...shape]),
    labels: ({ shape }) => ({ shape: shape.slice(0, 1), dtype: "int32", draw: whole(0, 2) }),
    predictions: () => within(-0.5, 0.5),
    measure: circle,
  },
  ctc: {
    shape: fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 3 }))
      .map((shape) => [...shape]),
    // Labels that always fit: as many as half the frames.
    labels: ({ shape: [batch = 0, frames = 0, count = 0] }) => ({
      shape: [batch, Math.max(1, Math.floor(frames / 2))],
      dtype: "int32",
      draw: whole(1, count - 1),
    }),
    measure: ctc,
    // A frame of the recursion adds two numbers by logarithm and exponential, four roundings, where a path adds one.
    slack: 4,
  },
};

function casesOf(rule: LossRule): fc.Arbitrary<LossCase> {
  return (rule.shape ?? usualShape).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      options: rule.options?.(shape.length) ?? fc.constant({}),
      reduction: fc.constantFrom<Reduction>("sumOverBatchSize", "mean", "sum", "meanWithSampleWeight", "none"),
      weights: fc.constantFrom<LossCase["weights"]>(null, "sample", "value"),
      mask: fc.constantFrom<LossCase["mask"]>(null, null, "sample", "value"),
      labels: fc.nat(1),
      seed: seeds,
    }),
  );
}

/** The shape of the values of a case. */
function valueShape(name: string, { shape, options }: LossCase): Shape {
  if (name === "circle" || name === "ctc") return shape.slice(0, 1);
  if (name !== "dice" && name !== "tversky") return without(shape, axisOf({ shape, options } as LossCase));
  const inside = options.axis as readonly number[] | null;
  return inside === null
    ? []
    : shape.filter((_, axis) => !inside.includes(axis) && !inside.includes(axis - shape.length));
}

/** The weights and the mask of a case that has values for them to weigh: with a value of the batch itself. */
function extras(name: string, given: LossCase): { readonly weights?: Shape; readonly mask?: Shape } {
  const values = valueShape(name, given);
  if (values.length === 0) return {};
  const of = (kind: LossCase["weights"]): Shape => (kind === "sample" ? values.slice(0, 1) : values);
  return {
    ...(given.weights === null ? {} : { weights: of(given.weights) }),
    ...(given.mask === null ? {} : { mask: of(given.mask) }),
  };
}

type Make = (options: object) => losses.Loss;
const known = losses as unknown as Readonly<Record<string, Make>>;

function loss(name: string, rule: LossRule): Subject {
  return op<LossCase>({
    name: `losses.${name}`,
    kind: "loss",
    cases: casesOf(rule),
    ...(rule.slack === undefined ? {} : { slack: rule.slack }),
    inputs: (given) => {
      const { weights, mask } = extras(name, given);
      return [
        rule.labels?.(given) ?? { shape: given.shape },
        { shape: given.shape, draw: rule.predictions?.(given) ?? numbers },
        ...(weights === undefined ? [] : [{ shape: weights, draw: sometimes([0], 0.3, within(0.1, 3)) }]),
        ...(mask === undefined ? [] : [{ shape: mask, dtype: "bool" as const }]),
      ];
    },
    call: (given, ...inputs) => {
      const { weights, mask } = extras(name, given);
      const { reduction, options } = given;
      const made = (known[name] as Make)({ ...options, reduction });
      // On symbols it is the function itself.
      return compiled((...given: SymbolicTensor[]): SymbolicTensor => {
        const [y, p, third, fourth] = given as [SymbolicTensor, SymbolicTensor, SymbolicTensor?, SymbolicTensor?];
        const counts = mask === undefined ? undefined : weights === undefined ? third : fourth;
        return made.call(y, p, weights === undefined ? undefined : third, counts);
      })(...(inputs as [SymbolicTensor, ...SymbolicTensor[]]));
    },
    reference: (given, ...inputs) => {
      const { weights, mask } = extras(name, given);
      const [y, p, third, fourth] = inputs as [RealArray, RealArray, RealArray?, RealArray?];
      const found = rule.measure(given, y, p);
      return reduced(
        "values" in found ? found : { values: found },
        given.reduction,
        weights === undefined ? undefined : third,
        mask === undefined ? undefined : weights === undefined ? third : fourth,
      );
    },
  });
}

export const lossSubjects: readonly Subject[] = Object.entries(rules).map(([name, rule]) => loss(name, rule));

/** The values of a loss for labels and predictions: what its metric is the mean of. */
export function valuesOf(name: string, shape: Shape, options: Options, y: RealArray, p: RealArray): RealArray {
  const found = (rules[name] as LossRule).measure({ shape, options } as LossCase, y, p);
  return "values" in found ? found.values : found;
}
