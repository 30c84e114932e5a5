// Reductions over any axes: sums, extremes, statistics, orders.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { elementary } from "../../harness/elementary.ts";
import { build, positionsOf, type RealArray } from "../array.ts";
import { type Draw, type Drawn, seeds, sizes, sometimes, specialValues, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import {
  add,
  apply,
  type Curve,
  divide,
  exact,
  extremum,
  multiply,
  product,
  Real,
  subtract,
  sum,
  unknown,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";

interface ReduceCase {
  readonly shape: number[];
  /** undefined: all. */
  readonly axes: number[] | undefined;
  readonly keepDims: boolean;
  readonly dtype: DType;
  readonly values: "usual" | "ties" | "special";
  readonly seed: number;
}

const size = fc.oneof(
  { weight: 6, arbitrary: sizes(9) },
  { weight: 1, arbitrary: fc.integer({ min: 10, max: 70 }) },
  { weight: 1, arbitrary: fc.constantFrom(127, 128, 129, 255, 256, 257) },
);

const shape = fc
  .array(size, { maxLength: 4, size: "max" })
  .filter((each) => each.reduce((total, length) => total * length, 1) <= 700);
const longShape = fc
  .tuple(fc.constantFrom(1023, 1024, 1025, 2050), fc.constantFrom(1, 2, 3), fc.boolean())
  .map(([long, short, first]) => (first ? [long, short] : [short, long]));

const cases = (dtypes: readonly DType[], long: boolean): fc.Arbitrary<ReduceCase> =>
  fc
    .record({
      shape: long ? fc.oneof({ weight: 12, arbitrary: shape }, { weight: 1, arbitrary: longShape }) : shape,
      chosen: fc.option(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { nil: undefined, freq: 4 }),
      negative: fc.boolean(),
      keepDims: fc.boolean(),
      dtype: fc.constantFrom(...dtypes),
      values: fc.constantFrom<ReduceCase["values"]>("usual", "usual", "ties", "special"),
      seed: seeds,
    })
    .map(({ chosen, negative, ...rest }) => ({
      ...rest,
      axes:
        chosen &&
        rest.shape.flatMap((_, axis) => (chosen[axis] === true ? [negative ? axis - rest.shape.length : axis] : [])),
    }));

const specials = sometimes(specialValues.slice(0, 5), 0.15, within(-3, 3));
function drawn({ shape: of, dtype, values }: ReduceCase, usual: Draw = within(-2, 2)): Drawn {
  if (dtype !== "float32") return { shape: of, dtype };
  return { shape: of, draw: values === "special" ? specials : values === "ties" ? whole(-2, 2) : usual };
}

/** The elements of each group, in the shape of the result. */
function groups(
  x: RealArray,
  axes: readonly number[] | undefined,
  keepDims: boolean,
): { shape: number[]; groups: Real[][] } {
  const rank = x.shape.length;
  const reduced = new Set((axes ?? x.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + rank : axis)));
  const kept = x.shape.map((length, axis) => (reduced.has(axis) ? 1 : length));
  const count = kept.reduce((total, length) => total * length, 1);
  const result: Real[][] = Array.from({ length: count }, () => []);
  positionsOf(x.shape).forEach((position, index) => {
    let place = 0;
    kept.forEach((length, axis) => {
      place = place * length + (reduced.has(axis) ? 0 : (position[axis] as number));
    });
    (result[place] as Real[]).push(x.data[index] as Real);
  });
  return { shape: keepDims ? kept : kept.filter((_, axis) => !reduced.has(axis)), groups: result };
}

/** An array of one Real for each group. */
export function reduced(
  x: RealArray,
  { axes, keepDims }: Pick<ReduceCase, "axes" | "keepDims">,
  fold: (elements: readonly Real[]) => Real,
  dtype: DType = "float32",
): RealArray {
  const { shape: result, groups: each } = groups(x, axes, keepDims);
  return build(result, (_, index) => fold(each[index] as Real[]), dtype);
}

export function mean(elements: readonly Real[]): Real {
  return elements.length === 0 ? exact(Number.NaN) : divide(sum(elements), exact(elements.length));
}

export function variance(elements: readonly Real[]): Real {
  const centre = mean(elements);
  return mean(
    elements.map((each) => {
      const away = subtract(each, centre);
      return multiply(away, away);
    }),
  );
}

/** √x; of 0 it is 0, with gradient 0. */
export function root(x: Real): Real {
  if (x.value === 0 && x.bound === 0) return new Real(0, 0, [x], [0], [0]);
  // Near 0 a rounding decides: of the order of the root of the bound.
  if (x.bound >= x.value) return new Real(Math.sqrt(Math.max(x.value, 0)), Math.sqrt(x.bound * 2), [x], [0], [unknown]);
  return apply(curves.sqrt as Curve, x);
}

const exp: Curve = { ...(elementary.exp as Curve), slope: Math.exp };
const log: Curve = { ...(elementary.log as Curve), slope: (x) => 1 / x };

/** ln Σ eˣ, from x − max x; of nothing ln 0. */
export function logSumExp(elements: readonly Real[]): Real {
  const largest = Math.max(...elements.map(({ value }) => value));
  if (elements.some(({ value }) => Number.isNaN(value)))
    return new Real(
      Number.NaN,
      0,
      elements,
      elements.map(() => 0),
      elements.map(() => unknown),
    );
  if (!Number.isFinite(largest))
    return new Real(
      largest,
      0,
      elements,
      elements.map(() => 0),
      elements.map(() => unknown),
    );
  const shift = exact(largest);
  return add(apply(log, sum(elements.map((each) => apply(exp, subtract(each, shift))))), shift);
}

const wrap =
  (fold: (a: number, b: number) => number, start: number) =>
  (elements: readonly Real[]): Real =>
    exact(elements.map(({ value }) => value).reduce(fold, start));

type Reduce = (x: SymbolicTensor, axes?: number[], keepDims?: boolean) => SymbolicTensor;
const known = ops as unknown as Readonly<Record<string, Reduce>>;

interface Rule {
  readonly float: (elements: readonly Real[]) => Real;
  /** On integers, uint8 and bool; undefined: they are converted to float32. */
  readonly integer?: (elements: readonly Real[]) => Real;
  readonly dtypes?: readonly DType[];
  readonly result?: DType;
  readonly usual?: Draw;
  /** Whether groups without elements are refused. */
  readonly refusesNothing?: boolean;
  readonly long?: boolean;
  readonly gradientOfTies?: boolean;
  readonly specials?: boolean;
}

const all: readonly DType[] = ["float32", "float32", "float32", "int32", "uint8", "bool"];

function reduction(name: string, rule: Rule): Subject {
  const {
    float,
    integer,
    dtypes = all,
    result,
    usual,
    refusesNothing = false,
    long = false,
    gradientOfTies = true,
  } = rule;
  return op<ReduceCase>({
    name,
    cases: cases(dtypes, long),
    inputs: (given) => [drawn(given, usual)],
    call: ({ axes, keepDims }, x) => (known[name] as Reduce)(x as SymbolicTensor, axes, keepDims),
    reference: (given, input) => {
      const x = input as RealArray;
      const isFloat = given.dtype === "float32";
      const dtype = result ?? (isFloat || integer === undefined ? "float32" : "int32");
      if (
        refusesNothing &&
        x.shape.some(
          (length, axis) =>
            length === 0 &&
            (given.axes === undefined || given.axes.some((one) => one === axis || one + x.shape.length === axis)),
        )
      )
        return undefined;
      return reduced(
        x,
        given,
        (elements) => (isFloat || integer === undefined ? float(elements) : integer(elements)),
        dtype,
      );
    },
    gradient: ({ values }) => result === undefined && (values === "usual" || (values === "ties" && gradientOfTies)),
  });
}

const withoutNan = (elements: readonly Real[]): Real[] => elements.filter(({ value }) => !Number.isNaN(value));
const larger = (a: number, b: number): boolean => a > b;
const smaller = (a: number, b: number): boolean => a < b;

const rules: Readonly<Record<string, Rule>> = {
  sum: { float: (each) => sum(each), integer: wrap((a, b) => (a + b) | 0, 0), long: true },
  product: { float: product, integer: wrap(Math.imul, 1), usual: within(-1.6, 1.6) },
  mean: { float: mean, long: true },
  max: {
    float: (each) => extremum(each, larger, "equal"),
    integer: (each) => extremum(each, larger, "first"),
    refusesNothing: true,
    long: true,
  },
  min: {
    float: (each) => extremum(each, smaller, "equal"),
    integer: (each) => extremum(each, smaller, "first"),
    refusesNothing: true,
  },
  any: { float: (each) => exact(each.some(({ value }) => value !== 0) ? 1 : 0), result: "bool" },
  all: { float: (each) => exact(each.every(({ value }) => value !== 0) ? 1 : 0), result: "bool" },
  countNonzero: { float: (each) => exact(each.filter(({ value }) => value !== 0).length), result: "int32" },
  variance: { float: variance, dtypes: ["float32"], long: true },
  std: { float: (each) => root(variance(each)), dtypes: ["float32"], gradientOfTies: false },
  logSumExp: { float: logSumExp, dtypes: ["float32"], usual: within(-30, 30) },
  nanSum: { float: (each) => sum(withoutNan(each)), dtypes: ["float32"] },
  nanMean: { float: (each) => mean(withoutNan(each)), dtypes: ["float32"] },
  nanProduct: { float: (each) => product(withoutNan(each)), dtypes: ["float32"], usual: within(-1.6, 1.6) },
  ptp: {
    float: (each) => subtract(extremum(each, larger, "equal"), extremum(each, smaller, "equal")),
    dtypes: ["float32"],
    refusesNothing: true,
  },
};

interface ArgCase {
  readonly shape: number[];
  readonly axis: number;
  readonly dtype: DType;
  readonly values: ReduceCase["values"];
  readonly seed: number;
}
const argCases: fc.Arbitrary<ArgCase> = fc
  .record({
    shape: shape.filter((each) => each.length > 0),
    axis: fc.nat(3),
    negative: fc.boolean(),
    dtype: fc.constantFrom<DType>("float32", "float32", "int32"),
    values: fc.constantFrom<ReduceCase["values"]>("usual", "ties", "special"),
    seed: seeds,
  })
  .map(({ axis, negative, ...rest }) => {
    const rank = rest.shape.length;
    return { ...rest, axis: negative ? (axis % rank) - rank : axis % rank };
  });

function argument(
  name: string,
  call: (x: SymbolicTensor, axis: number) => SymbolicTensor,
  better: (a: number, b: number) => boolean,
): Subject {
  return op<ArgCase>({
    name,
    cases: argCases,
    inputs: ({ shape: of, dtype, values }) => [drawn({ shape: of, dtype, values } as ReduceCase)],
    call: ({ axis }, x) => call(x as SymbolicTensor, axis),
    reference: ({ axis }, input) => {
      const x = input as RealArray;
      if (x.shape.at(axis) === 0) return undefined;
      return reduced(
        x,
        { axes: [axis], keepDims: false },
        (each) => exact(each.indexOf(extremum(each, better, "first").parents[0] as Real)),
        "int32",
      );
    },
  });
}

/** Positions in ascending order, NaN last; equal numbers keep their order. */
export function order(elements: readonly Real[]): number[] {
  const rank = (value: number): number => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value);
  return elements
    .map((_, index) => index)
    .sort((a, b) => {
      const [x, y] = [(elements[a] as Real).value, (elements[b] as Real).value];
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
      return rank(x) < rank(y) ? -1 : rank(x) > rank(y) ? 1 : a - b;
    });
}

/** Replaces each line along `axis`. */
export function alongAxis(
  x: RealArray,
  axis: number,
  change: (line: readonly Real[]) => readonly Real[],
  dtype: DType = x.dtype,
): RealArray {
  const position = axis < 0 ? axis + x.shape.length : axis;
  const stride = x.shape.slice(position + 1).reduce((total, length) => total * length, 1);
  const length = x.shape[position] as number;
  let resulting = length;
  const lines = new Map<number, readonly Real[]>();
  const before = x.shape.slice(0, position).reduce((total, each) => total * each, 1);
  for (let outer = 0; outer < before; outer++)
    for (let inner = 0; inner < stride; inner++) {
      const line = change(Array.from({ length }, (_, at) => x.data[(outer * length + at) * stride + inner] as Real));
      resulting = line.length;
      lines.set(outer * stride + inner, line);
    }
  if (lines.size === 0) resulting = change(Array.from({ length }, () => exact(0))).length;
  const result = x.shape.map((each, index) => (index === position ? resulting : each));
  return build(
    result,
    (place) => {
      const outer = place.slice(0, position).reduce((total, at, index) => total * (x.shape[index] as number) + at, 0);
      const inner = place
        .slice(position + 1)
        .reduce((total, at, index) => total * (x.shape[position + 1 + index] as number) + at, 0);
      return (lines.get(outer * stride + inner) as readonly Real[])[place[position] as number] as Real;
    },
    dtype,
  );
}

function along(
  name: string,
  call: (x: SymbolicTensor, axis: number) => SymbolicTensor,
  change: (line: readonly Real[]) => readonly Real[],
  more: {
    readonly dtype?: DType;
    readonly usual?: Draw;
    readonly gradient?: (given: ArgCase) => boolean;
    readonly floats?: boolean;
  } = {},
): Subject {
  return op<ArgCase>({
    name,
    cases: more.floats === true ? argCases.map((given) => ({ ...given, dtype: "float32" as const })) : argCases,
    inputs: ({ shape: of, dtype, values }) => [drawn({ shape: of, dtype, values } as ReduceCase, more.usual)],
    call: ({ axis }, x) => call(x as SymbolicTensor, axis),
    reference: ({ axis }, x) => alongAxis(x as RealArray, axis, change, more.dtype),
    gradient: more.gradient ?? (({ values }) => values !== "special"),
  });
}

/** Running sums, each with the bound of a long sum. */
const cumsum = (line: readonly Real[]): Real[] => line.map((_, index) => sum(line.slice(0, index + 1)));
const cumprod = (line: readonly Real[]): Real[] => line.map((_, index) => product(line.slice(0, index + 1)));

/** eˣ / Σ eˣ, from x − max x, with its own gradient: y · (dy − Σ y·dy). */
export function softmax(line: readonly Real[]): Real[] {
  if (line.length === 0) return [];
  const largest = exact(line.reduce((most, each) => Math.max(most, each.value), Number.NEGATIVE_INFINITY));
  const powers = line.map((each) => apply(exp, subtract(each, largest)));
  const total = sum(powers);
  return powers.map((each) => divide(each, total));
}

export function logSoftmax(line: readonly Real[]): Real[] {
  if (line.length === 0) return [];
  const largest = exact(line.reduce((most, each) => Math.max(most, each.value), Number.NEGATIVE_INFINITY));
  const shifted = line.map((each) => subtract(each, largest));
  const total = apply(log, sum(shifted.map((each) => apply(exp, each))));
  return shifted.map((each) => subtract(each, total));
}

export const reductionSubjects: readonly Subject[] = [
  ...Object.entries(rules).map(([name, rule]) => reduction(name, rule)),
  argument("argMax", (x, axis) => ops.argMax(x, axis), larger),
  argument("argMin", (x, axis) => ops.argMin(x, axis), smaller),
  along(
    "sort",
    (x, axis) => ops.sort(x, axis),
    (line) => order(line).map((at) => line[at] as Real),
  ),
  along(
    "argSort",
    (x, axis) => ops.argSort(x, axis),
    (line) => order(line).map(exact),
    { dtype: "int32" },
  ),
  along("cumsum", (x, axis) => ops.cumsum(x, axis), cumsum, { floats: true }),
  along("cumprod", (x, axis) => ops.cumprod(x, axis), cumprod, {
    floats: true,
    usual: within(-1.6, 1.6),
    gradient: ({ values }) => values === "usual",
  }),
  along("softmax", (x, axis) => ops.softmax(x, axis), softmax, { floats: true, usual: within(-9, 9) }),
  along("logSoftmax", (x, axis) => ops.logSoftmax(x, axis), logSoftmax, { floats: true, usual: within(-9, 9) }),
];
