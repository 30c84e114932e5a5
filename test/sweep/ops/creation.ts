// Ops that make tensors from numbers.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType, Tensor } from "../../../bindings/tensor.ts";
import { build, type RealArray } from "../array.ts";
import { expectWithin } from "../compare.ts";
import { seeds, shapes, sizes, sometimes, within } from "../draw.ts";
import { expectRefusal, op } from "../op.ts";
import { apply, exact, product, Real, rounded } from "../real.ts";
import { type Subject, subject } from "../subject.ts";

const dtypes = fc.constantFrom<DType>("float32", "int32", "uint8", "bool");

/** Values of arguments that are not tensors. */
function creation<C>(
  name: string,
  cases: fc.Arbitrary<C>,
  call: (given: C) => Tensor,
  reference: (given: C) => RealArray | undefined,
): Subject {
  return subject<C>({
    name,
    kind: "op",
    cases,
    check: (given, tally) => {
      const wanted = reference(given);
      tally.cases++;
      if (wanted !== undefined) expectWithin(call(given), wanted, "result");
      else {
        expectRefusal(() => call(given));
        tally.refused++;
      }
    },
  });
}

/** A number as the dtype holds it; undefined where it does not. */
function held(value: number, dtype: DType): Real | undefined {
  if (dtype === "float32") return rounded(value);
  if (dtype === "bool") return exact(value === 0 ? 0 : 1);
  const whole = Math.trunc(value);
  const [low, high] = dtype === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255];
  return whole >= low && whole <= high ? exact(whole) : undefined;
}

function filled(shape: readonly number[], dtype: DType, value: (position: readonly number[], index: number) => number) {
  let fits = true;
  const result = build(
    shape,
    (position, index) => {
      const each = held(value(position, index), dtype);
      if (each === undefined) fits = false;
      return each ?? exact(0);
    },
    dtype,
  );
  return fits ? result : undefined;
}

const numbers = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(0.5, -1.75, 3e9, 2 ** 31 - 1, 1e-3));
interface FillCase {
  readonly shape: number[];
  readonly value: number;
  readonly dtype: DType;
}
const fillCases: fc.Arbitrary<FillCase> = fc.record({
  shape: shapes({ max: 4 }, 7, 200),
  value: numbers,
  dtype: dtypes,
});
/** Nothing is filled with what does not fit either. */
const fill = ({ shape, value, dtype }: FillCase): RealArray | undefined =>
  held(value, dtype) === undefined ? undefined : filled(shape, dtype, () => value);

interface MatrixCase {
  readonly rows: number;
  readonly columns: number | undefined;
  readonly offset: number;
  readonly dtype: DType;
}
const matrixCases: fc.Arbitrary<MatrixCase> = fc.record({
  rows: sizes(9),
  columns: fc.option(sizes(9), { nil: undefined }),
  offset: fc.integer({ min: -5, max: 5 }),
  dtype: dtypes,
});

interface RangeCase {
  readonly start: number;
  readonly stop: number | undefined;
  readonly step: number;
  readonly dtype: DType | undefined;
}
/** In quarters, so that every element is exact in float64. */
const quarter = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min, max }),
    fc.integer({ min: 4 * min, max: 4 * max }).map((each) => each / 4),
  );
const ends = fc.record({ start: quarter(-90, 90), stop: quarter(-90, 90), count: fc.nat(40) });
const between = (start: number, stop: number, count: number, index: number): number =>
  index > 0 && index === count - 1 ? stop : start + (count > 1 ? (index * (stop - start)) / (count - 1) : 0);

const like = (
  [
    ["zerosLike", (x: Tensor) => ops.zerosLike(x), () => 0],
    ["onesLike", (x: Tensor) => ops.onesLike(x), () => 1],
    ["fullLike", (x: Tensor, value: number) => ops.fullLike(x, value), (value: number) => value],
  ] as const
).map(([name, call, value]) =>
  creation(
    name,
    fillCases,
    ({ shape, value: one, dtype }) => call(ops.zeros(shape, dtype), one),
    (given) => fill({ ...given, value: value(given.value) }),
  ),
);

interface VanderCase {
  readonly length: number;
  readonly columns: number | undefined;
  readonly increasing: boolean;
  readonly edges: boolean;
  readonly seed: number;
}
const vander = op<VanderCase>({
  name: "vander",
  cases: fc.record({
    length: sizes(9),
    columns: fc.option(sizes(7), { nil: undefined }),
    increasing: fc.boolean(),
    edges: fc.boolean(),
    seed: seeds,
  }),
  inputs: ({ length, edges }) => [
    {
      shape: [length],
      draw: sometimes([0, -0, 1, Number.POSITIVE_INFINITY, Number.NaN], edges ? 0.4 : 0, within(-2, 2)),
    },
  ],
  call: ({ columns, increasing }, x) => ops.vander(x as SymbolicTensor, columns, increasing),
  reference: ({ length, columns, increasing }, x) => {
    const count = columns ?? length;
    return build([length, count], ([row = 0, column = 0]) => {
      const exponent = increasing ? column : count - 1 - column;
      const base = (x as RealArray).data[row] as Real;
      if (exponent === 0) return new Real(1, 0, [base], [0], [0]);
      return product(new Array<Real>(exponent).fill(base));
    });
  },
  gradient: ({ edges }) => !edges,
});

export const creationSubjects: readonly Subject[] = [
  creation("full", fillCases, ({ shape, value, dtype }) => ops.full(shape, value, dtype), fill),
  creation(
    "ones",
    fillCases,
    ({ shape, dtype }) => ops.ones(shape, dtype),
    (given) => fill({ ...given, value: 1 }),
  ),
  creation(
    "zeros",
    fillCases,
    ({ shape, dtype }) => ops.zeros(shape, dtype),
    (given) => fill({ ...given, value: 0 }),
  ),
  ...like,
  creation(
    "eye",
    matrixCases,
    ({ rows, columns, offset, dtype }) => ops.eye(rows, columns, offset, dtype),
    ({ rows, columns = rows, offset, dtype }) =>
      filled([rows, columns], dtype, ([row = 0, column = 0]) => (column === row + offset ? 1 : 0)),
  ),
  creation(
    "tri",
    matrixCases,
    ({ rows, columns, offset, dtype }) => ops.tri(rows, columns, offset, dtype),
    ({ rows, columns = rows, offset, dtype }) =>
      filled([rows, columns], dtype, ([row = 0, column = 0]) => (column <= row + offset ? 1 : 0)),
  ),
  creation<RangeCase>(
    "arange",
    fc.record({
      start: quarter(-90, 90),
      stop: fc.option(quarter(-90, 90), { nil: undefined }),
      step: quarter(-9, 9),
      dtype: fc.option(dtypes, { nil: undefined }),
    }),
    ({ start, stop, step, dtype }) => ops.arange(start, stop, step, dtype),
    ({ start, stop, step, dtype }) => {
      if (step === 0) return undefined;
      const [from, to] = stop === undefined ? [0, start] : [start, stop];
      const whole = [from, to, step].every((each) => each % 1 === 0);
      let count = 0;
      while (step > 0 ? from + count * step < to : from + count * step > to) count++;
      return filled([count], dtype ?? (whole ? "int32" : "float32"), (_, index) => from + index * step);
    },
  ),
  creation(
    "linspace",
    ends,
    ({ start, stop, count }) => ops.linspace(start, stop, count),
    ({ start, stop, count }) => filled([count], "float32", (_, index) => between(start, stop, count, index)),
  ),
  creation(
    "logspace",
    fc.record({ start: quarter(-4, 4), stop: quarter(-4, 4), count: fc.nat(20), base: fc.constantFrom(2, 10, Math.E) }),
    ({ start, stop, count, base }) => ops.logspace(start, stop, count, base) as unknown as Tensor,
    // 2^(log₂ base · x): each rounding of the exponent costs u · |ln result|.
    ({ start, stop, count, base }) =>
      build([count], (_, index) => {
        const exponent = between(start, stop, count, index);
        return apply(
          {
            f: (x) => base ** x,
            ulps: 4,
            error: (x) => 6 * 2 ** -24 * Math.abs(x * Math.log(base)) * base ** x,
          },
          exact(exponent),
        );
      }),
  ),
  vander,
];
