// Elementwise ops that take numbers beside their operands, and those of several operands that no table holds.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { gapAt } from "../../harness/estimate.ts";
import { elementwise, type RealArray, sizeOf } from "../array.ts";
import { broadcastingShapes, type Draw, seeds, shapes, sometimes, special, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { apply, type Curve, choose, divide, exact, multiply, Real, subtract, sum, unknown } from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";
import { alongAxis, order } from "./reductions.ts";

type Node = SymbolicTensor;

// One operand and parameters ------------------------------------------------------------------------------------------

interface ParameterCase<P> {
  readonly shape: number[];
  readonly values: "usual" | "kinks" | "special";
  readonly options: P;
  readonly seed: number;
}

/** `curve` for each choice of the parameters; kinks are drawn often. */
function parameterised<P>(
  name: string,
  options: fc.Arbitrary<P>,
  call: (x: Node, options: P) => Node,
  curve: (options: P) => Curve,
  kinks: readonly number[],
): Subject {
  return op<ParameterCase<P>>({
    name,
    cases: fc.record({
      shape: shapes({ max: 3 }, 20, 200),
      values: fc.constantFrom<ParameterCase<P>["values"]>("usual", "usual", "kinks", "special"),
      options,
      seed: seeds,
    }),
    inputs: ({ shape, values }) => [
      { shape, draw: values === "special" ? special : sometimes(kinks, values === "kinks" ? 0.6 : 0, within(-5, 5)) },
    ],
    call: ({ options: chosen }, x) => call(x as Node, chosen),
    reference: ({ options: chosen }, x) => elementwise((each) => apply(curve(chosen), each), [x as RealArray]),
    gradient: ({ values }) => values !== "special",
  });
}

const quarters = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: min * 4, max: max * 4 }).map((each) => each / 4);
/** A product of x with a parameter that float32 holds. */
const scaled = { ulps: 4, roundings: 2 } as const;

interface Rectify {
  readonly slope: number;
  readonly most: number | null;
  readonly threshold: number;
}

const withParameters: readonly Subject[] = [
  parameterised(
    "elu with alpha",
    quarters(0, 3),
    (x, alpha) => ops.elu(x, alpha),
    (alpha) => ({
      ...scaled,
      f: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
      slope: (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
    }),
    [-1, 1],
  ),
  parameterised(
    "celu with alpha",
    quarters(1, 3),
    (x, alpha) => ops.celu(x, alpha),
    (alpha) => ({
      ...scaled,
      f: (x) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
      slope: (x) => (x > 0 ? 1 : Math.exp(x / alpha)),
      slopeError: (x) => (x < 0 ? 4 * 2 ** -24 * Math.abs(x / alpha) * Math.exp(x / alpha) : 0),
    }),
    [-1, 1],
  ),
  parameterised(
    "leakyRelu with slope",
    quarters(-1, 2),
    (x, slope) => ops.leakyRelu(x, slope),
    (slope) => ({
      ulps: 0.5,
      // A slope of 0 leaves nothing of −∞.
      f: (x) => (x > 0 ? x : slope === 0 && x < 0 ? 0 : x * slope),
      slope: (x) => (x > 0 ? 1 : slope),
      jumps: [0],
    }),
    [0, -0, 1],
  ),
  parameterised<Rectify>(
    "rectify",
    fc.record({
      slope: fc.oneof(fc.constant(0), quarters(0, 1)),
      most: fc.option(quarters(2, 6), { nil: null }),
      threshold: fc.oneof(fc.constant(0), quarters(-1, 2)),
    }),
    (x, { slope, most, threshold }) => ops.rectify(x, slope, most, threshold),
    ({ slope, most, threshold }) => ({
      ...scaled,
      f: (x) =>
        Number.isNaN(x) ? x : x > threshold ? Math.min(x, most ?? x) : slope === 0 ? 0 : slope * (x - threshold),
      // Equal to the limit it is one of two equal operands of a minimum: half.
      slope: (x) => (x <= threshold ? slope : most === null || x < most ? 1 : x === most ? 0.5 : 0),
      error: (x) => (x <= threshold && Number.isFinite(x) ? slope * 2 ** -24 * Math.abs(threshold) : 0),
    }),
    [0, 1, 2, 3, 4, -1],
  ),
  parameterised(
    "threshold",
    fc.record({ limit: quarters(-2, 2), otherwise: quarters(-3, 3) }),
    (x, { limit, otherwise }) => ops.threshold(x, limit, otherwise),
    ({ limit, otherwise }) => ({
      ulps: 0,
      f: (x) => (x <= limit ? otherwise : x),
      slope: (x) => (x <= limit ? 0 : 1),
    }),
    [-1, 0, 0.5, 1],
  ),
  parameterised(
    "hardShrink with threshold",
    quarters(0, 2),
    (x, threshold) => ops.hardShrink(x, threshold),
    (threshold) => ({
      ulps: 0,
      f: (x) => (Math.abs(x) <= threshold ? 0 : x),
      slope: (x) => (Math.abs(x) <= threshold ? 0 : 1),
    }),
    [0, 0.5, -0.5, 1, -1],
  ),
  parameterised(
    "softShrink with threshold",
    quarters(0, 2),
    (x, threshold) => ops.softShrink(x, threshold),
    (threshold) => ({
      ulps: 0.5,
      f: (x) => (Math.abs(x) <= threshold ? 0 : x - threshold * Math.sign(x)),
      slope: (x) => (Math.abs(x) <= threshold ? 0 : 1),
    }),
    [0, 0.5, -0.5, 1, -1],
  ),
  parameterised(
    "squareplus with b",
    quarters(1, 6),
    (x, b) => ops.squareplus(x, b),
    (b) => ({
      ...scaled,
      f: (x) => {
        const root = Math.hypot(x, Math.sqrt(b));
        return x > 0 ? (x + root) / 2 : b / (2 * (root - x));
      },
      slope: (x) => {
        const root = Math.hypot(x, Math.sqrt(b));
        return x > 0 ? (1 + x / root) / 2 : b / (2 * root * (root - x));
      },
      slopeError: () => 2 ** -21,
    }),
    [0, 1, -1],
  ),
  parameterised(
    "nanToNum",
    fc.record({
      nan: quarters(-2, 2),
      positive: fc.option(quarters(1, 90), { nil: undefined }),
      negative: fc.option(quarters(-90, 1), { nil: undefined }),
    }),
    (x, { nan, positive, negative }) => ops.nanToNum(x, nan, positive, negative),
    ({ nan, positive = 3.4028234663852886e38, negative = -3.4028234663852886e38 }) => ({
      ulps: 0,
      f: (x) => (Number.isNaN(x) ? nan : Number.isFinite(x) ? x : x > 0 ? positive : negative),
      slope: () => 1,
    }),
    [0, -0],
  ),
  parameterised(
    "stopGradient",
    fc.constant(null),
    (x) => ops.stopGradient(x),
    () => ({ ulps: 0, f: (x) => x, slope: () => 0 }),
    [0, -0],
  ),
];

interface UnitCase {
  readonly shape: number[];
  readonly edges: boolean;
  readonly seed: number;
}
const erfInverse = op<UnitCase>({
  name: "erfInverse",
  cases: fc.record({ shape: shapes({ max: 3 }, 20, 200), edges: fc.boolean(), seed: seeds }),
  inputs: ({ shape, edges }) => [
    {
      shape,
      draw: sometimes([1, -1, 1.5, -2, Number.NaN, 0, -0, 1 - 2 ** -24, 2 ** -140], edges ? 0.4 : 0, within(-1, 1)),
    },
  ],
  call: (_, x) => ops.erfInverse(x as Node),
  reference: (_, x) => elementwise((each) => apply(curves.erfInverse as Curve, each), [x as RealArray]),
  gradient: ({ edges }) => !edges,
});

// Several operands ----------------------------------------------------------------------------------------------------

interface PairCase {
  readonly a: number[];
  readonly b: number[];
  readonly special: boolean;
  readonly seed: number;
}
const pairCases: fc.Arbitrary<PairCase> = fc
  .tuple(broadcastingShapes, fc.boolean(), seeds)
  .map(([[a, b], special_, seed]) => ({ a, b, special: special_, seed }));

function pair(
  name: string,
  draws: readonly [Draw, Draw],
  edges: readonly number[],
  call: (a: Node, b: Node) => Node,
  rule: (a: Real, b: Real) => Real,
  dtype: DType = "float32",
): Subject {
  return op<PairCase>({
    name,
    cases: pairCases,
    inputs: (given) =>
      [given.a, given.b].map((shape, index) => ({
        shape,
        draw: sometimes(edges, given.special ? 0.5 : 0.1, draws[index] as Draw),
      })),
    call: (_, a, b) => call(a as Node, b as Node),
    reference: (_, a, b) => elementwise((x, y) => rule(x as Real, y as Real), [a as RealArray, b as RealArray], dtype),
    gradient: (given) => !given.special,
  });
}

/** ⌊a / b⌋ as the nearest float32, of quotients in float64. */
function floorQuotient(a: Real, b: Real): Real {
  const [x, y] = [a.value, b.value];
  if (!Number.isFinite(x) && y !== 0) return exact(Number.NaN);
  if (!Number.isFinite(y)) return exact(Number.isNaN(y) ? y : x === 0 || x < 0 === y < 0 ? 0 : -1);
  const quotient = Math.floor(x / y);
  return new Real(quotient, Number.isFinite(quotient) ? gapAt(quotient) / 2 : 0);
}

const infinity = Number.POSITIVE_INFINITY;
const pairs: readonly Subject[] = [
  pair(
    "floorDivide",
    [within(-50, 50), within(-5, 5)],
    [0, 1, -1, 2, -3, 0.5, infinity, -infinity, Number.NaN],
    (a, b) => ops.floorDivide(a, b),
    floorQuotient,
  ),
  pair(
    "heaviside",
    [within(-2, 2), within(-2, 2)],
    [0, -0, 1, infinity, -infinity, Number.NaN],
    (a, b) => ops.heaviside(a, b),
    (a, b) => (a.value === 0 ? b : exact(Number.isNaN(a.value) ? Number.NaN : a.value > 0 ? 1 : 0)),
  ),
  pair(
    "ldexp",
    [within(-2, 2), whole(-20, 20)],
    [0, -0, 1, -1, 3],
    (a, b) => ops.ldexp(a, b),
    // 2ᵇ within the bound of exp2, and its slope ln 2 · a · 2ᵇ.
    (a, b) => multiply(a, apply(curves.exp2 as Curve, b)),
  ),
  pair(
    "isClose",
    [whole(-2, 2), whole(-2, 2)],
    [0, 1, 1.00001, 1.1, -1, infinity, -infinity, Number.NaN],
    (a, b) => ops.isClose(a, b, 0.25, 0.125),
    ({ value: a }, { value: b }) =>
      exact(a === b || (Number.isFinite(b) && Math.abs(a - b) <= 0.25 * Math.abs(b) + 0.125) ? 1 : 0),
    "bool",
  ),
];

interface IntegerCase {
  readonly a: number[];
  readonly b: number[];
  readonly seed: number;
}
const anyInteger = sometimes([2 ** 31 - 1, -(2 ** 31), 0, 1, -1, 7, -7], 0.5, whole(-40, 40));
const integerPairs = (
  [
    ["floorDivide of integers", (a: Node, b: Node) => ops.floorDivide(a, b), Math.floor],
    ["mod of integers", (a: Node, b: Node) => ops.mod(a, b), undefined],
  ] as const
).map(([name, call, rule]) =>
  op<IntegerCase>({
    name,
    cases: fc.tuple(broadcastingShapes, seeds).map(([[a, b], seed]) => ({ a, b, seed })),
    inputs: ({ a, b }) => [a, b].map((shape) => ({ shape, dtype: "int32", draw: anyInteger })),
    call: (_, a, b) => call(a as Node, b as Node),
    // By 0 it is 0.
    reference: (_, a, b) =>
      elementwise(
        ({ value: x }: Real, { value: y }: Real) =>
          exact(y === 0 ? 0 : rule === undefined ? x - y * Math.floor(x / y) : rule(x / y) | 0),
        [a as RealArray, b as RealArray],
        "int32",
      ),
  }),
);

interface SelectCase {
  readonly a: number[];
  readonly b: number[];
  readonly count: number;
  readonly otherwise: number;
  readonly dtype: DType;
  readonly seed: number;
}
const select = op<SelectCase>({
  name: "select",
  cases: fc
    .record({
      both: broadcastingShapes,
      count: fc.integer({ min: 1, max: 3 }),
      otherwise: fc.constantFrom(0, 3),
      dtype: fc.constantFrom<DType>("float32", "float32", "int32", "uint8"),
      seed: seeds,
    })
    .map(({ both: [a, b], ...rest }) => ({ a, b, ...rest })),
  inputs: ({ a, b, count, dtype }) => [
    ...Array.from({ length: count }, () => ({ shape: a, dtype: "bool" as const })),
    ...Array.from({ length: count }, () => ({ shape: b, dtype })),
  ],
  call: ({ count, otherwise }, ...given) => ops.select(given.slice(0, count), given.slice(count), otherwise),
  reference: ({ count, otherwise, dtype }, ...given) =>
    elementwise(
      (...each) => {
        const first = each.slice(0, count).findIndex(({ value }) => value !== 0);
        return first < 0 ? exact(otherwise) : (each[count + first] as Real);
      },
      given,
      dtype,
    ),
});

// Along an axis -------------------------------------------------------------------------------------------------------

interface AxisCase {
  readonly shape: number[];
  readonly axis: number;
  readonly ties: boolean;
  readonly seed: number;
}
const axisCases: fc.Arbitrary<AxisCase> = shapes({ min: 1, max: 3 }, 9, 200).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
    ties: fc.boolean(),
    seed: seeds,
  }),
);
const glu = op<AxisCase>({
  name: "glu",
  cases: axisCases,
  inputs: ({ shape }) => [{ shape, draw: within(-6, 6) }],
  call: ({ axis }, x) => ops.glu(x as Node, axis),
  reference: ({ shape, axis }, x) =>
    (shape.at(axis) as number) % 2 === 1
      ? undefined
      : alongAxis(x as RealArray, axis, (line) =>
          line
            .slice(0, line.length / 2)
            .map((each, index) =>
              multiply(each, apply(curves.sigmoid as Curve, line[line.length / 2 + index] as Real)),
            ),
        ),
});

/** The nearest point of the simplex: max(x − τ, 0), where the k largest x, 1 + k·x_k > Σ of them, share τ. */
function sparsemaxOf(line: readonly Real[]): Real[] {
  const sorted = order(line.map(({ value }) => exact(-value))).map((at) => (line[at] as Real).value);
  let [count, total] = [0, 0];
  let decided = true;
  sorted.forEach((value, index) => {
    total += value;
    const margin = 1 + (index + 1) * value - total;
    // An element whose x is τ itself is 0 whether it counts or not, but its gradient is not.
    if (Math.abs(margin) < 1e-5 * (index + 1)) decided = false;
    if (margin > 0) count = index + 1;
  });
  const least = sorted[count - 1] ?? 0;
  const chosen = line.filter(({ value }) => value >= least);
  const largest = sorted[0] ?? 0;
  const shifted = (each: Real): Real => subtract(each, exact(largest));
  const excess = subtract(sum(chosen.map(shifted)), exact(1));
  const tau = divide(excess, exact(chosen.length));
  const slack = decided ? 0 : unknown;
  return line.map((each) => {
    const value = subtract(shifted(each), tau);
    const positive = each.value >= least;
    const kept = choose(positive, value, exact(0));
    const bounds = kept.slopes.map((_, index) => (decided ? (kept.slopeBounds[index] as number) : slack));
    return new Real(Math.max(kept.value, 0), kept.bound, kept.parents, kept.slopes, bounds);
  });
}
const sparsemax = op<AxisCase>({
  name: "sparsemax",
  cases: axisCases,
  inputs: ({ shape, ties }) => [{ shape, draw: ties ? whole(-1, 1) : within(-1.5, 1.5) }],
  call: ({ axis }, x) => ops.sparsemax(x as Node, axis),
  reference: ({ axis }, x) =>
    sizeOf((x as RealArray).shape) === 0 ? (x as RealArray) : alongAxis(x as RealArray, axis, sparsemaxOf),
});

export const parameterSubjects: readonly Subject[] = [
  ...withParameters,
  erfInverse,
  ...pairs,
  ...integerPairs,
  select,
  glu,
  sparsemax,
];
