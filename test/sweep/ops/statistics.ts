// Norms, moments, quantiles, and other statistics that are compositions.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import type { NormOrder } from "../../../bindings/ops/index.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { at, build, type RealArray } from "../array.ts";
import { type Draw, seeds, shapes, sizes, sometimes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import {
  add,
  apply,
  type Curve,
  divide,
  dot,
  exact,
  extremum,
  multiply,
  Real,
  rounded,
  scale,
  subtract,
  sum,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";
import { alongAxis, mean, order, reduced, root, variance } from "./reductions.ts";

type Node = SymbolicTensor;
const larger = (a: number, b: number): boolean => a > b;
const smaller = (a: number, b: number): boolean => a < b;
const absolute = (x: Real): Real => apply(curves.abs as Curve, x);
const square = (x: Real): Real => multiply(x, x);

interface AxesCase<P> {
  readonly shape: number[];
  readonly axes: number[] | undefined;
  readonly keepDims: boolean;
  readonly options: P;
  readonly values: "usual" | "ties" | "zeros" | "special";
  readonly seed: number;
}

const shape = shapes({ max: 3 }, 12, 300);
const axesCases = <P>(options: fc.Arbitrary<P>, values: AxesCase<P>["values"][]): fc.Arbitrary<AxesCase<P>> =>
  fc
    .record({
      shape,
      chosen: fc.option(fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), { nil: undefined, freq: 4 }),
      negative: fc.boolean(),
      keepDims: fc.boolean(),
      options,
      values: fc.constantFrom(...values),
      seed: seeds,
    })
    .map(({ chosen, negative, ...rest }) => ({
      ...rest,
      axes:
        chosen && rest.shape.flatMap((_, axis) => (chosen[axis] ? [negative ? axis - rest.shape.length : axis] : [])),
    }));
const drawOf: Readonly<Record<AxesCase<unknown>["values"], Draw>> = {
  usual: within(-2, 2),
  ties: whole(-2, 2),
  zeros: (next) => 0 * next(),
  special: sometimes([Number.NaN, Number.POSITIVE_INFINITY, -0], 0.3, within(-3, 3)),
};
const axesOf = ({ shape: of, axes }: AxesCase<unknown>): number[] =>
  (axes ?? of.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + of.length : axis));
const isEmpty = (given: AxesCase<unknown>): boolean => axesOf(given).some((axis) => given.shape[axis] === 0);

// Norms ---------------------------------------------------------------------------------------------------------------

const { POSITIVE_INFINITY: infinity } = Number;

/** (Σ|x|ᵖ)^(1/p), 0 with gradient 0 for zeros. */
function normOf(elements: readonly Real[], order_: number): Real {
  if (order_ === infinity) return extremum(elements.map(absolute), larger, "equal");
  if (order_ === -infinity) return extremum(elements.map(absolute), smaller, "equal");
  if (order_ === 1) return sum(elements.map(absolute));
  if (order_ === 2) return root(sum(elements.map(square)));
  const power = (exponent: number): Curve => ({
    f: (x) => x ** exponent,
    ulps: 1,
    slope: (x) => (x === 0 ? 0 : exponent * x ** (exponent - 1)),
  });
  // 1/p as float32 rounds it: u · |ln Σ| · Σ^(1/p).
  const outer: Curve = {
    ...power(1 / order_),
    error: (x) => (2 ** -24 / order_) * Math.abs(Math.log(x)) * x ** (1 / order_),
    slopeError: (x) => 2 ** -22 * (1 + Math.abs(Math.log(x))) * x ** (1 / order_ - 1),
  };
  const total = sum(elements.map((each) => apply(power(order_), absolute(each))));
  return total.value === 0 ? new Real(0, total.bound, [total], [0], [0]) : apply(outer, total);
}

const orders = fc.constantFrom<NormOrder>("euclidean", 1, 2, 3, 0.5, 2.5, infinity, -infinity, 0, -1);
const norm = op<AxesCase<NormOrder>>({
  name: "norm",
  // 2 of matrices is their largest singular value: a subject of linear algebra.
  cases: axesCases(orders, ["usual", "usual", "ties", "zeros"]).filter(
    (given) => !(axesOf(given).length === 2 && given.options === 2),
  ),
  inputs: ({ shape: of, values }) => [{ shape: of, draw: drawOf[values] }],
  call: ({ axes, keepDims, options }, x) => ops.norm(x as Node, options, axes, keepDims),
  reference: (given, x) => {
    const count = axesOf(given).length;
    const order_ = given.options === "euclidean" ? 2 : (given.options as number);
    const fold = (p: number) => (elements: readonly Real[]) => normOf(elements, p);
    if (given.options === "euclidean") return reduced(x as RealArray, given, fold(2));
    const isInfinite = Math.abs(order_) === infinity;
    if (!(order_ > 0 || isInfinite)) return undefined;
    if (count !== 2) {
      if (count > 2 || (isInfinite && isEmpty(given))) return undefined;
      return reduced(x as RealArray, given, fold(order_));
    }
    if (isEmpty(given) || !(order_ === 1 || isInfinite)) return undefined;
    // Of matrices: the largest (smallest) sum of a column for 1, of a row for ±∞.
    const [rows, columns] = axesOf(given) as [number, number];
    const [summed, left] = isInfinite ? [columns, rows] : [rows, columns];
    const sums = reduced(x as RealArray, { axes: [summed], keepDims: true }, fold(1));
    const found = reduced(sums, { axes: [left], keepDims: true }, (each) =>
      extremum(each, order_ < 0 ? smaller : larger, "equal"),
    );
    return given.keepDims
      ? found
      : { ...found, shape: found.shape.filter((_, axis) => axis !== rows && axis !== columns) };
  },
  gradient: ({ options, values }) => values === "usual" || (values === "zeros" && options !== 0.5),
});

interface LineCase {
  readonly shape: number[];
  readonly axis: number;
  readonly option: number;
  readonly values: "usual" | "ties" | "special";
  readonly seed: number;
}
const lineCases = (option: fc.Arbitrary<number>, values: LineCase["values"][] = ["usual"]): fc.Arbitrary<LineCase> =>
  shapes({ min: 1, max: 3 }, 12, 300).chain((of) =>
    fc.record({
      shape: fc.constant(of),
      axis: fc.integer({ min: -of.length, max: of.length - 1 }),
      option,
      values: fc.constantFrom(...values),
      seed: seeds,
    }),
  );

const normalize = op<LineCase>({
  name: "normalize",
  cases: lineCases(fc.constantFrom(1, 2, 3, infinity), ["usual", "ties"]),
  inputs: ({ shape: of, values }) => [{ shape: of, draw: drawOf[values] }],
  call: ({ axis, option }, x) => ops.normalize(x as Node, axis, option, 0.25),
  reference: ({ axis, option }, x) =>
    option === infinity && (x as RealArray).shape.at(axis) === 0
      ? undefined
      : alongAxis(x as RealArray, axis, (line) => {
          if (line.length === 0) return [];
          const length = extremum([normOf(line, option), exact(0.25)], larger, "equal");
          return line.map((each) => divide(each, length));
        }),
  gradient: ({ values }) => values === "usual",
});

// Reductions ----------------------------------------------------------------------------------------------------------

const moments = op<AxesCase<null>>({
  name: "moments",
  cases: axesCases(fc.constant(null), ["usual", "ties"]),
  inputs: ({ shape: of, values }) => [{ shape: of, draw: drawOf[values] }],
  call: ({ axes, keepDims }, x) => ops.moments(x as Node, axes, keepDims),
  reference: (given, x) => [mean, variance].map((fold) => reduced(x as RealArray, given, fold)),
});

const nanExtremes = (
  [
    ["nanMax", (x: Node, axes: number[] | undefined, keep: boolean) => ops.nanMax(x, axes, keep), larger, -infinity],
    ["nanMin", (x: Node, axes: number[] | undefined, keep: boolean) => ops.nanMin(x, axes, keep), smaller, infinity],
  ] as const
).map(([name, call, better, none]) =>
  op<AxesCase<null>>({
    name,
    cases: axesCases(fc.constant(null), ["usual", "ties", "special"]),
    inputs: ({ shape: of, values }) => [{ shape: of, draw: drawOf[values] }],
    call: ({ axes, keepDims }, x) => call(x as Node, axes, keepDims),
    reference: (given, x) =>
      isEmpty(given)
        ? undefined
        : reduced(x as RealArray, given, (elements) => {
            const numbers = elements.filter(({ value }) => !Number.isNaN(value));
            return numbers.length === 0 ? exact(none) : extremum(numbers, better, "equal");
          }),
    gradient: ({ values }) => values !== "special",
  }),
);

interface AverageCase {
  readonly shape: number[];
  readonly axis: number | undefined;
  readonly along: boolean;
  readonly seed: number;
}
const average = op<AverageCase>({
  name: "average",
  cases: shapes({ min: 1, max: 3 }, 9, 200).chain((of) =>
    fc.record({
      shape: fc.constant(of),
      axis: fc.option(fc.integer({ min: -of.length, max: of.length - 1 }), { nil: undefined }),
      along: fc.boolean(),
      seed: seeds,
    }),
  ),
  inputs: ({ shape: of, axis, along }) => [
    { shape: of },
    { shape: along && axis !== undefined ? [of.at(axis) as number] : of, draw: within(0.25, 2) },
  ],
  call: ({ axis }, x, weights) => ops.average(x as Node, axis, weights as Node) as Node,
  reference: ({ shape: of, axis, along }, x, weights) => {
    const place = axis === undefined ? undefined : axis < 0 ? axis + of.length : axis;
    const all = build(of, (position) =>
      along && place !== undefined
        ? at(weights as RealArray, [position[place] as number])
        : at(weights as RealArray, position),
    );
    const products = build(of, (_, index) => multiply((x as RealArray).data[index] as Real, all.data[index] as Real));
    const by = { axes: place === undefined ? undefined : [place], keepDims: false };
    const [above, below] = [products, all].map((each) => reduced(each, by, (terms) => sum(terms))) as [
      RealArray,
      RealArray,
    ];
    return build(above.shape, (_, index) => divide(above.data[index] as Real, below.data[index] as Real));
  },
});

// Orders --------------------------------------------------------------------------------------------------------------

interface QuantileCase {
  readonly shape: number[];
  readonly axis: number | undefined;
  readonly keepDims: boolean;
  /** In eighths, so that the share is exact. */
  readonly eighths: number;
  readonly values: "usual" | "special";
  readonly seed: number;
}
const quantileCases: fc.Arbitrary<QuantileCase> = shapes({ max: 3 }, 9, 200).chain((of) =>
  fc.record({
    shape: fc.constant(of),
    axis:
      of.length === 0
        ? fc.constant(undefined)
        : fc.option(fc.integer({ min: -of.length, max: of.length - 1 }), { nil: undefined }),
    keepDims: fc.boolean(),
    eighths: fc.nat(8),
    values: fc.constantFrom<QuantileCase["values"]>("usual", "usual", "special"),
    seed: seeds,
  }),
);
function quantileOf(line: readonly Real[], q: number): Real {
  const ordered = order(line).map((each) => line[each] as Real);
  const last = ordered.at(-1) as Real;
  if (Number.isNaN(last.value)) return last;
  const place = q * (line.length - 1);
  const below = Math.floor(place);
  const share = place - below;
  const [low, high] = [ordered[below], ordered[below + 1]] as [Real, Real];
  if (share === 0) return low;
  return add(multiply(low, rounded(1 - share)), multiply(high, rounded(share)));
}
const quantiles = (
  [
    ["quantile", (x: Node, q: number, axis: number | undefined, keep: boolean) => ops.quantile(x, q, axis, keep)],
    [
      "percentile",
      (x: Node, q: number, axis: number | undefined, keep: boolean) => ops.percentile(x, 100 * q, axis, keep),
    ],
    ["median", (x: Node, _: number, axis: number | undefined, keep: boolean) => ops.median(x, axis, keep)],
  ] as const
).map(([name, call]) =>
  op<QuantileCase>({
    name,
    cases: quantileCases,
    inputs: ({ shape: of, values }) => [
      { shape: of, draw: values === "special" ? sometimes([Number.NaN], 0.1, within(-3, 3)) : within(-2, 2) },
    ],
    call: ({ eighths, axis, keepDims }, x) => call(x as Node, eighths / 8, axis, keepDims),
    reference: ({ shape: of, eighths, axis, keepDims }, x) =>
      (axis === undefined ? of : [of.at(axis)]).includes(0)
        ? undefined
        : reduced(x as RealArray, { axes: axis === undefined ? undefined : [axis], keepDims }, (line) =>
            quantileOf(line, name === "median" ? 0.5 : eighths / 8),
          ),
    gradient: ({ values }) => values === "usual",
  }),
);

// Neighbours and pairs ------------------------------------------------------------------------------------------------

const differences = (line: readonly Real[], times: number): readonly Real[] =>
  times === 0
    ? line
    : differences(
        line.slice(1).map((each, index) => subtract(each, line[index] as Real)),
        times - 1,
      );
const diff = op<LineCase>({
  name: "diff",
  cases: lineCases(fc.nat(3)),
  inputs: ({ shape: of }) => [{ shape: of }],
  call: ({ axis, option }, x) => ops.diff(x as Node, option, axis),
  reference: ({ axis, option }, x) => alongAxis(x as RealArray, axis, (line) => differences(line, option)),
});

const trapezoid = op<LineCase>({
  name: "trapezoid",
  // 0: at given positions; else they are so many halves apart.
  cases: lineCases(fc.nat(3)),
  inputs: ({ shape: of, axis, option }) => [
    { shape: of },
    ...(option === 0 ? [{ shape: [of.at(axis) as number] }] : []),
  ],
  call: ({ axis, option }, y, x) => ops.trapezoid(y as Node, x, option / 2, axis) as Node,
  reference: ({ shape: of, axis, option }, y, x) => {
    const place = axis < 0 ? axis + of.length : axis;
    const widths = option === 0 ? differences((x as RealArray).data, 1) : undefined;
    return reduced(y as RealArray, { axes: [place], keepDims: false }, (line) =>
      sum(
        line
          .slice(1)
          .map((each, index) =>
            multiply(scale(add(line[index] as Real, each), 0.5), widths?.[index] ?? exact(option / 2)),
          ),
      ),
    );
  },
});

interface MatrixCase {
  readonly variables: number;
  readonly samples: number;
  readonly rows: boolean;
  readonly seed: number;
}
const corrcoef = op<MatrixCase>({
  name: "corrcoef",
  cases: fc.record({ variables: sizes(6), samples: fc.integer({ min: 3, max: 12 }), rows: fc.boolean(), seed: seeds }),
  inputs: ({ variables, samples, rows }) => [{ shape: rows ? [variables, samples] : [samples, variables] }],
  call: ({ rows }, x) => ops.corrcoef(x as Node, rows),
  reference: ({ variables, samples, rows }, x) => {
    const units = Array.from({ length: variables }, (_, row) => {
      const line = Array.from({ length: samples }, (_each, column) =>
        at(x as RealArray, rows ? [row, column] : [column, row]),
      );
      const centre = mean(line);
      const away = line.map((each) => subtract(each, centre));
      const length = root(sum(away.map(square)));
      return away.map((each) => divide(each, length));
    });
    return build([variables, variables], ([a = 0, b = 0]) => dot(units[a] as Real[], units[b] as Real[]));
  },
});

const log10: Curve = {
  f: Math.log10,
  ulps: 1.5,
  error: (x) => 2 ** -24 * Math.abs(Math.log10(x)),
  slope: (x) => 1 / (x * Math.LN10),
};
const psnr = op<{ readonly shape: number[]; readonly largest: number; readonly seed: number }>({
  name: "psnr",
  cases: fc.record({ shape: shapes({ max: 3 }, 9, 200), largest: fc.constantFrom(1, 2, 255), seed: seeds }),
  inputs: ({ shape: of }) => [{ shape: of }, { shape: of }],
  call: ({ largest }, a, b) => ops.psnr(a as Node, b as Node, largest),
  reference: ({ shape: of, largest }, a, b) => {
    const squares = build(of, (_, index) =>
      square(subtract((a as RealArray).data[index] as Real, (b as RealArray).data[index] as Real)),
    );
    return reduced(squares, { axes: undefined, keepDims: false }, (each) =>
      multiply(apply(log10, divide(exact(largest * largest), mean(each))), exact(10)),
    );
  },
});

export const statisticSubjects: readonly Subject[] = [
  norm,
  normalize,
  moments,
  ...nanExtremes,
  average,
  ...quantiles,
  diff,
  trapezoid,
  corrcoef,
  psnr,
];
