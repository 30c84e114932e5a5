// Activations as layers: all names, those with options, those over whole axes.

import fc from "fast-check";
import type { ActivationName } from "../../../bindings/activations.ts";
import * as layers from "../../../bindings/layers/index.ts";
import type { Layer } from "../../../bindings/layers/layer.ts";
import { at, build, elementwise, positionsOf, type RealArray } from "../array.ts";
import { type Draw, seeds, shapes, sometimes, specialValues, within } from "../draw.ts";
import { layer } from "../layer.ts";
import { curves } from "../ops/curves.ts";
import { alongAxis, logSoftmax, order, softmax } from "../ops/reductions.ts";
import { apply, type Curve, divide, exact, multiply, Real, subtract, sum, unknown, zero } from "../real.ts";
import type { Subject } from "../subject.ts";

type Values = "usual" | "kinks" | "special";

/** Ordinary numbers, those where functions bend, NaN and the infinities. */
function drawOf(values: Values, kinks: readonly number[] = []): Draw {
  if (values === "special") return sometimes(specialValues, 0.4, within(-8, 8));
  return values === "kinks"
    ? sometimes([0, -0, 0.5, -0.5, 1, -1, 3, -3, 6, ...kinks], 0.6, within(-4, 7))
    : within(-6, 6);
}
const valuesOf = fc.constantFrom<Values>("usual", "usual", "kinks", "special");
const someShape = shapes({ min: 1, max: 4 }, 20, 300);

const identity = (x: RealArray): RealArray => x;
const curve =
  (name: string) =>
  (x: RealArray): RealArray =>
    elementwise((each) => apply(curves[name] as Curve, each), [x]);
const lines =
  (change: (line: readonly Real[]) => readonly Real[]) =>
  (x: RealArray): RealArray =>
    alongAxis(x, -1, change);

/** The first half times the sigmoid of the second. */
const gated = (line: readonly Real[]): Real[] =>
  line
    .slice(0, line.length / 2)
    .map((each, index) => multiply(each, apply(curves.sigmoid as Curve, line[line.length / 2 + index] as Real)));

/**
 * max(x − τ, 0), where the k largest are above τ = (Σ of them − 1) / k for the largest k with 1 + k · x_(k) > Σ of them
 * (Martins & Astudillo, 2016).
 */
function sparsemax(line: readonly Real[]): Real[] {
  if (line.length === 0) return [];
  const descending = order(line).reverse();
  let total = 0;
  let count = 0;
  let close = false;
  descending.forEach((place, index) => {
    const { value } = line[place] as Real;
    total += value;
    const excess = 1 + (index + 1) * value - total;
    close ||= Math.abs(excess) < 2 ** -18 * (1 + Math.abs(value) * (index + 1));
    if (excess > 0) count = index + 1;
  });
  const support = new Set(descending.slice(0, count));
  // Less the largest first: what is left is of the order of 1.
  const largest = line[descending[0] as number] as Real;
  const shifted = line.map((each) => subtract(each, largest));
  const limit = divide(subtract(sum([...support].map((place) => shifted[place] as Real)), exact(1)), exact(count));
  return shifted.map((each, index) => {
    const above = support.has(index) ? subtract(each, limit) : zero;
    // At the border of the support its size is a matter of rounding; the value is 0 on both sides.
    return close
      ? new Real(
          above.value,
          limit.bound + 2 ** -20,
          line,
          new Array<number>(line.length).fill(0),
          new Array<number>(line.length).fill(unknown),
        )
      : above;
  });
}

interface NamedRule {
  readonly reference: (x: RealArray) => RealArray;
  /** Over a whole axis: special values are the business of the op. */
  readonly whole?: boolean;
}
const named: Readonly<Record<ActivationName, NamedRule>> = {
  linear: { reference: identity },
  relu: { reference: curve("relu") },
  relu6: { reference: curve("relu6") },
  leakyRelu: { reference: curve("leakyRelu") },
  elu: { reference: curve("elu") },
  selu: { reference: curve("selu") },
  celu: { reference: curve("celu") },
  gelu: { reference: curve("gelu exact") },
  silu: { reference: curve("silu") },
  swish: { reference: curve("silu") },
  sigmoid: { reference: curve("sigmoid") },
  hardSigmoid: { reference: curve("hardSigmoid") },
  hardSilu: { reference: curve("hardSilu") },
  hardSwish: { reference: curve("hardSilu") },
  hardTanh: { reference: curve("hardTanh") },
  hardShrink: { reference: curve("hardShrink") },
  softShrink: { reference: curve("softShrink") },
  tanh: { reference: curve("tanh") },
  tanhShrink: { reference: curve("tanhShrink") },
  softplus: { reference: curve("softplus") },
  softsign: { reference: curve("softsign") },
  exponential: { reference: curve("exp") },
  logSigmoid: { reference: curve("logSigmoid") },
  mish: { reference: curve("mish") },
  sparsePlus: { reference: curve("sparsePlus") },
  sparseSigmoid: { reference: curve("sparseSigmoid") },
  squareplus: { reference: curve("squareplus") },
  softmax: { reference: lines(softmax), whole: true },
  logSoftmax: { reference: lines(logSoftmax), whole: true },
  glu: { reference: lines(gated), whole: true },
  sparsemax: { reference: lines(sparsemax), whole: true },
};

interface ActivationCase {
  readonly name: ActivationName;
  readonly shape: number[];
  readonly values: Values;
  readonly seed: number;
}

const activation = layer<ActivationCase>({
  name: "activation",
  cases: fc
    .record({
      name: fc.constantFrom(...(Object.keys(named) as ActivationName[])),
      shape: someShape,
      values: valuesOf,
      seed: seeds,
    })
    .map((given) => (named[given.name].whole === true ? { ...given, values: "usual" as const } : given)),
  make: ({ name }) => layers.activation({ activation: name }),
  inputs: ({ shape, values }) => [{ shape, draw: drawOf(values) }],
  refuses: ({ name, shape }) => name === "glu" && (shape.at(-1) as number) % 2 !== 0,
  reference: ({ name }, [x]) => named[name].reference(x as RealArray),
  gradient: ({ values }) => values !== "special",
});

/** A layer that is a function of one number, with options. */
interface CurveLayer<O> {
  readonly name: string;
  readonly options: fc.Arbitrary<O>;
  readonly make: (options: O) => Layer;
  readonly curve: (options: O) => Curve;
  readonly kinks: (options: O) => readonly number[];
}
interface OptionsCase<O> {
  readonly shape: number[];
  readonly values: Values;
  readonly options: O;
  readonly seed: number;
}
function bent<O>({ name, options, make, curve: curveOf, kinks }: CurveLayer<O>): Subject {
  return layer<OptionsCase<O>>({
    name,
    cases: fc.record({ shape: someShape, values: valuesOf, options, seed: seeds }),
    make: ({ options: given }) => make(given),
    inputs: ({ shape, values, options: given }) => [{ shape, draw: drawOf(values, kinks(given)) }],
    reference: ({ options: given }, [x]) => elementwise((each) => apply(curveOf(given), each), [x as RealArray]),
    // At a kink either slope is one.
    gradient: ({ values }) => values === "usual",
  });
}

const { fround } = Math;
const some = (...values: number[]): fc.Arbitrary<number> => fc.constantFrom(...values);

const elu = bent<{ readonly alpha?: number }>({
  name: "elu",
  options: fc.record({ alpha: some(0, 0.1, 0.5, 1, 2.5, -1) }, { requiredKeys: [] }),
  make: (options) => layers.elu(options),
  curve: ({ alpha = 1 }) => ({
    f: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
    slope: (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
    ulps: 4,
    roundings: 3,
    jumps: [0],
  }),
  kinks: () => [],
});

const leakyReLU = bent<{ readonly negativeSlope?: number }>({
  name: "leakyReLU",
  options: fc.record({ negativeSlope: some(0, 0.01, 0.3, 1, 2) }, { requiredKeys: [] }),
  make: (options) => layers.leakyReLU(options),
  curve: ({ negativeSlope = 0.3 }) => ({
    f: (x) => (x > 0 || Number.isNaN(x) ? x : negativeSlope === 0 ? 0 : fround(negativeSlope) * x),
    slope: (x) => (x > 0 ? 1 : fround(negativeSlope)),
    ulps: 0.5,
    jumps: [0],
  }),
  kinks: () => [],
});

interface ReLUOptions {
  readonly maxValue?: number | null;
  readonly negativeSlope?: number;
  readonly threshold?: number;
}
/** As Keras documents it: x from the threshold on, up to maxValue; below negativeSlope · (x − threshold). */
function rectified({ maxValue = null, negativeSlope = 0, threshold = 0 }: ReLUOptions): Curve {
  const [slope, edge] = [fround(negativeSlope), fround(threshold)];
  const most = maxValue === null ? Number.POSITIVE_INFINITY : fround(maxValue);
  return {
    f: (x) => (Number.isNaN(x) ? x : x >= edge ? Math.min(x, most) : slope === 0 ? 0 : slope * (x - edge)),
    slope: (x) => (x >= edge && x > 0 ? (x < most ? 1 : 0) : slope),
    // The difference and the product are rounded.
    ulps: 1.5,
    jumps: [edge, most],
  };
}
const reLU = bent<ReLUOptions>({
  name: "reLU",
  options: fc.record(
    {
      maxValue: fc.constantFrom(null, 0, 0.5, 1, 6, 20),
      negativeSlope: some(0, 0.1, 0.25, 1, 1.5),
      threshold: some(0, 0, 0.1, 0.5, 1, 3),
    },
    { requiredKeys: [] },
  ),
  make: (options) => layers.reLU(options),
  curve: rectified,
  kinks: ({ maxValue, threshold = 0 }) => [maxValue ?? 0, threshold],
});

const thresholdedReLU = bent<{ readonly theta?: number }>({
  name: "thresholdedReLU",
  options: fc.record({ theta: some(0, 0.1, 0.5, 1, 3) }, { requiredKeys: [] }),
  make: (options) => layers.thresholdedReLU(options),
  curve: ({ theta = 1 }) => ({
    f: (x) => (x <= fround(theta) ? 0 : x),
    slope: (x) => (x > fround(theta) ? 1 : 0),
    ulps: 0,
    jumps: [fround(theta)],
  }),
  kinks: ({ theta = 1 }) => [theta],
});

interface PReLUCase {
  readonly shape: number[];
  readonly sharedAxes: number | number[] | null;
  readonly values: Values;
  readonly seed: number;
}
const listOf = (axes: number | readonly number[] | null): readonly number[] =>
  axes === null ? [] : typeof axes === "number" ? [axes] : axes;

const pReLU = layer<PReLUCase>({
  name: "pReLU",
  cases: fc.record({
    shape: shapes({ min: 2, max: 4 }, 9, 200),
    sharedAxes: fc.oneof(
      fc.constant(null),
      fc.integer({ min: 1, max: 2 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    ),
    values: valuesOf,
    seed: seeds,
  }),
  make: ({ sharedAxes }) => layers.pReLU({ sharedAxes }),
  inputs: ({ shape, values }) => [{ shape, draw: drawOf(values) }],
  shapes: ({ shape, sharedAxes }) => ({
    alpha: shape.map((size, axis) => (listOf(sharedAxes).includes(axis) ? 1 : size)).slice(1),
  }),
  refuses: ({ shape, sharedAxes }) => listOf(sharedAxes).some((axis) => axis >= shape.length),
  reference: ({ sharedAxes }, [x], { alpha }) => {
    const shared = listOf(sharedAxes);
    const { shape, data } = x as RealArray;
    return build(shape, (position, index) => {
      const each = data[index] as Real;
      const place = position.map((at, axis) => (shared.includes(axis) ? 0 : at)).slice(1);
      return each.value > 0 ? each : multiply(at(alpha as RealArray, place), each);
    });
  },
  gradient: ({ values }) => values === "usual",
});

interface SoftmaxCase {
  readonly shape: number[];
  readonly axis: number | number[] | undefined;
  /** Axes of the mask: of all values, or of the steps alone, which say nothing about them. */
  readonly mask: "none" | "values" | "steps";
  readonly seed: number;
}
/** `change` over the groups of elements that differ in `axes` only. */
function over(x: RealArray, axes: readonly number[], change: (group: readonly Real[]) => readonly Real[]): RealArray {
  const groups = new Map<string, number[]>();
  positionsOf(x.shape).forEach((position, index) => {
    const key = position.filter((_, axis) => !axes.includes(axis)).join();
    groups.set(key, [...(groups.get(key) ?? []), index]);
  });
  const data = [...x.data];
  for (const group of groups.values()) {
    const changed = change(group.map((index) => x.data[index] as Real));
    group.forEach((index, place) => {
      data[index] = changed[place] as Real;
    });
  }
  return { ...x, data };
}
const softmaxLayer = layer<SoftmaxCase>({
  name: "softmax",
  cases: fc.record({
    shape: shapes({ min: 2, max: 4 }, 9, 200),
    axis: fc.oneof(
      fc.constant(undefined),
      fc.integer({ min: -2, max: 3 }),
      fc.uniqueArray(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 2 }),
    ),
    mask: fc.constantFrom<SoftmaxCase["mask"]>("none", "none", "values", "values", "steps"),
    seed: seeds,
  }),
  make: ({ axis }) => layers.softmax(axis === undefined ? {} : { axis }),
  masked: ({ mask }) => mask !== "none",
  inputs: ({ shape, mask }) => [
    { shape, draw: within(-9, 9) },
    ...(mask === "none" ? [] : [{ shape: mask === "values" ? shape : shape.slice(0, 2), dtype: "bool" as const }]),
  ],
  refuses: ({ shape, axis = -1 }) => {
    const axes = listOf(axis).map((each) => (each < 0 ? each + shape.length : each));
    return axes.some((each) => each >= shape.length);
  },
  reference: ({ axis = -1 }, [x, mask]) => {
    const { shape, data } = x as RealArray;
    // An axis counts once, however it is named.
    const axes = [...new Set(listOf(axis).map((each) => (each < 0 ? each + shape.length : each)))];
    const covered = mask !== undefined && mask.shape.length === shape.length;
    // What does not count has a share of 0; where nothing counts, all shares are equal.
    const counted = covered
      ? data.map((each, index) => ((mask.data[index] as Real).value !== 0 ? each : exact(-3e38)))
      : data;
    return over({ ...(x as RealArray), data: counted }, axes, softmax);
  },
});

export const activationSubjects: readonly Subject[] = [
  activation,
  elu,
  leakyReLU,
  reLU,
  thresholdedReLU,
  pReLU,
  softmaxLayer,
];
