// Elementwise ops of two and three operands: broadcasting, promotion of dtypes, special values, gradients.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { gapAt } from "../../harness/estimate.ts";
import { elementwise, type RealArray } from "../array.ts";
import { broadcastingShapes, type Draw, type Drawn, seeds, sometimes, special, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { add, choose, divide, exact, extremum, multiply, Real, subtract, unknown } from "../real.ts";
import type { Subject } from "../subject.ts";

type Binary = (a: SymbolicTensor, b: SymbolicTensor) => SymbolicTensor;
const known = ops as unknown as Readonly<Record<string, Binary>>;

interface BinaryCase {
  readonly a: number[];
  readonly b: number[];
  readonly dtypes: [DType, DType];
  readonly values: "usual" | "whole" | "special";
  readonly seed: number;
}

const floats: [DType, DType] = ["float32", "float32"];
const anyDtypes = fc.oneof(
  { weight: 3, arbitrary: fc.constant(floats) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      ...(["a", "b"].map(() => fc.constantFrom<DType>("float32", "int32", "uint8", "bool")) as [
        fc.Arbitrary<DType>,
        fc.Arbitrary<DType>,
      ]),
    ),
  },
);

const cases: fc.Arbitrary<BinaryCase> = fc
  .record({
    both: broadcastingShapes,
    dtypes: anyDtypes,
    values: fc.constantFrom<BinaryCase["values"]>("usual", "whole", "special"),
    seed: seeds,
  })
  .map(({ both: [a, b], ...rest }) => ({ a, b, ...rest }));

const wholeNumbers = sometimes([2 ** 31 - 1, -(2 ** 31), 2 ** 24 + 1, 0, 1, -1, 2, -3], 0.4, whole(-20, 20));

function drawn(shape: number[], dtype: DType, values: BinaryCase["values"], usual: Draw): Drawn {
  if (dtype === "int32") return { shape, dtype, draw: wholeNumbers };
  if (dtype !== "float32") return { shape, dtype };
  return { shape, dtype, draw: values === "special" ? special : values === "whole" ? whole(-4, 4) : usual };
}

interface Rule {
  readonly float: (a: Real, b: Real) => Real;
  /** On int32; undefined: integers are converted to float32 first. */
  readonly integer?: (a: number, b: number) => number;
  readonly usual?: Draw;
  /** Whether gradients are compared where there are kinks or special values. Default: for usual values. */
  readonly gradientOfWhole?: boolean;
}

/** int32 as float32 rounds it. */
const asFloat = (x: Real, dtype: DType): Real => (dtype === "int32" ? exact(Math.fround(x.value)) : x);

function binary(name: string, { float, integer, usual = within(-3, 3), gradientOfWhole = true }: Rule): Subject {
  return op<BinaryCase>({
    name,
    cases,
    inputs: ({ a, b, dtypes, values }) => [drawn(a, dtypes[0], values, usual), drawn(b, dtypes[1], values, usual)],
    call: (_, a, b) => (known[name] as Binary)(a as SymbolicTensor, b as SymbolicTensor),
    reference: ({ dtypes }, a, b) => {
      const whole = integer !== undefined && !dtypes.includes("float32");
      return elementwise(
        (x, y) => (whole ? exact(integer(x.value, y.value)) : float(asFloat(x, dtypes[0]), asFloat(y, dtypes[1]))),
        [a as RealArray, b as RealArray],
        whole ? "int32" : "float32",
      );
    },
    gradient: ({ values }) => values === "usual" || (values === "whole" && gradientOfWhole),
  });
}

/** A function of two numbers with its slopes, rounded a few times. */
function surface(
  f: (a: number, b: number) => number,
  da: (a: number, b: number) => number,
  db: (a: number, b: number) => number,
  ulps = 4,
): (a: Real, b: Real) => Real {
  return (a, b) => {
    const value = f(a.value, b.value);
    const slopes = [da(a.value, b.value), db(a.value, b.value)];
    const condition = slopes.reduce(
      (sum, slope, index) => sum + Math.abs(slope * ((index === 0 ? a : b).value || 0)),
      0,
    );
    const own = Number.isFinite(value)
      ? ulps * gapAt(value) + (Number.isFinite(condition) ? ulps * 2 ** -24 * condition : 0)
      : 0;
    const passed = a.bound + b.bound > 0 ? unknown : 0;
    // A rule sees operands that were rounded a few times, and takes a few roundings itself.
    const rounding = 1 + 4 * 2 ** -24;
    const boundOf = (slope: number, rule: (a: number, b: number) => number): number => {
      const moved = [rule(a.value * rounding, b.value), rule(a.value, b.value * rounding)];
      const change = moved.reduce((sum, each) => sum + Math.abs(each - slope), 0);
      return Number.isFinite(slope + change) ? change + 16 * 2 ** -24 * Math.abs(slope) + 2 ** -149 : unknown;
    };
    return new Real(value, own + passed, [a, b], slopes, [
      boundOf(slopes[0] as number, da),
      boundOf(slopes[1] as number, db),
    ]);
  };
}

/** Python's remainder: the sign of the divisor. */
function remainder(a: number, b: number): number {
  if (b === 0 || !Number.isFinite(a) || Number.isNaN(b)) return Number.NaN;
  if (!Number.isFinite(b)) return a === 0 || Math.sign(a) === Math.sign(b) ? a : b;
  const rest = a % b;
  return rest !== 0 && Math.sign(rest) !== Math.sign(b) ? rest + b : rest;
}

/** Multiplication, division and the like round correctly; what is beyond float32 overflows. */
const rules: Readonly<Record<string, Rule>> = {
  add: { float: add, integer: (a, b) => (a + b) | 0 },
  subtract: { float: subtract, integer: (a, b) => (a - b) | 0 },
  multiply: { float: multiply, integer: Math.imul },
  divide: { float: divide, gradientOfWhole: false },
  maximum: {
    float: (a, b) => extremum([a, b], (x, y) => x > y, "equal"),
    integer: Math.max,
  },
  minimum: {
    float: (a, b) => extremum([a, b], (x, y) => x < y, "equal"),
    integer: Math.min,
  },
  divideNoNan: {
    float: (a, b) => (b.value === 0 ? exact(0) : divide(a, b)),
    gradientOfWhole: true,
  },
  hypot: {
    float: surface(
      (a, b) =>
        Math.abs(a) === Number.POSITIVE_INFINITY || Math.abs(b) === Number.POSITIVE_INFINITY
          ? Number.POSITIVE_INFINITY
          : Math.hypot(a, b),
      (a, b) => (a === 0 ? 0 : a / Math.hypot(a, b)),
      (a, b) => (b === 0 ? 0 : b / Math.hypot(a, b)),
    ),
  },
  logAddExp: {
    float: surface(
      (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))),
      (a, b) => 1 / (1 + Math.exp(b - a)),
      (a, b) => 1 / (1 + Math.exp(a - b)),
    ),
  },
  logAddExp2: {
    float: surface(
      (a, b) => (a === b ? a + 1 : Math.max(a, b) + Math.log2(1 + 2 ** -Math.abs(a - b))),
      (a, b) => 1 / (1 + 2 ** (b - a)),
      (a, b) => 1 / (1 + 2 ** (a - b)),
    ),
  },
  atan2: {
    float: surface(
      (a, b) =>
        Math.abs(a) === Number.POSITIVE_INFINITY && Math.abs(b) === Number.POSITIVE_INFINITY
          ? Number.NaN
          : a === 0 && b === 0
            ? 0
            : Math.atan2(a === 0 ? 0 : a, b),
      (a, b) => (a === 0 && b === 0 ? 0 : b / (a * a + b * b)),
      (a, b) => (a === 0 && b === 0 ? 0 : -a / (a * a + b * b)),
      6,
    ),
    gradientOfWhole: false,
  },
};

type Predicate = (a: number, b: number) => boolean;
/** Comparisons are exact, whatever the dtypes: int32 with float32 too. */
const comparisons: Readonly<Record<string, Predicate>> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
  logicalAnd: (a, b) => a !== 0 && b !== 0,
  logicalOr: (a, b) => a !== 0 || b !== 0,
  logicalXor: (a, b) => (a !== 0) !== (b !== 0),
};

function comparison(name: string, rule: Predicate): Subject {
  return op<BinaryCase>({
    name,
    cases,
    inputs: ({ a, b, dtypes, values }) => [
      drawn(a, dtypes[0], values, whole(-2, 2)),
      drawn(b, dtypes[1], values, whole(-2, 2)),
    ],
    call: (_, a, b) => (known[name] as Binary)(a as SymbolicTensor, b as SymbolicTensor),
    reference: ({ dtypes }, a, b) => {
      const mixed = dtypes.includes("float32");
      const read = (x: Real, dtype: DType): number =>
        mixed && !name.startsWith("logical") ? asFloat(x, dtype).value : x.value;
      return elementwise(
        (x, y) => exact(rule(read(x, dtypes[0]), read(y, dtypes[1])) ? 1 : 0),
        [a as RealArray, b as RealArray],
        "bool",
      );
    },
  });
}

interface ModCase extends BinaryCase {}
/** floorDivide and mod of float32: exact but for the rounding of the quotient. */
const exactQuotients: readonly Subject[] = [
  op<ModCase>({
    name: "mod",
    cases,
    inputs: ({ a, b, values }) => [
      drawn(a, "float32", values, within(-50, 50)),
      drawn(b, "float32", values, within(-5, 5)),
    ],
    call: (_, a, b) => ops.mod(a as SymbolicTensor, b as SymbolicTensor),
    reference: (_, a, b) =>
      elementwise(
        (x, y) => {
          const value = remainder(x.value, y.value);
          const quotient = Math.floor(x.value / y.value);
          return new Real(
            value,
            Number.isFinite(value) ? gapAt(value) / 2 : 0,
            [x, y],
            [1, -quotient],
            [0, Number.isFinite(quotient) ? 2 ** -23 * Math.abs(quotient) : unknown],
          );
        },
        [a as RealArray, b as RealArray],
      ),
    gradient: ({ values }) => values === "usual",
  }),
];

interface WhereCase {
  readonly condition: number[];
  readonly a: number[];
  readonly b: number[];
  readonly dtypes: [DType, DType];
  readonly seed: number;
}
/** What only moves elements keeps their dtype; the wider of two. */
const widest = (dtypes: readonly DType[]): DType =>
  (["float32", "int32", "uint8", "bool"] as const).find((each) => dtypes.includes(each)) as DType;
const where = op<WhereCase>({
  name: "where",
  cases: fc
    .tuple(broadcastingShapes, fc.boolean(), anyDtypes, seeds)
    .map(([[a, b], swapped, dtypes, seed]) => ({ condition: swapped ? a : b, a, b, dtypes, seed })),
  inputs: ({ condition, a, b, dtypes }) => [
    { shape: condition, dtype: "bool" },
    { shape: a, dtype: dtypes[0] },
    { shape: b, dtype: dtypes[1] },
  ],
  call: (_, condition, a, b) => ops.where(condition as SymbolicTensor, a as SymbolicTensor, b as SymbolicTensor),
  reference: ({ dtypes }, condition, a, b) =>
    elementwise(
      (c, x, y) => (c?.value !== 0 ? (x as Real) : (y as Real)),
      [condition as RealArray, a as RealArray, b as RealArray],
      widest(dtypes),
    ),
});

interface ClipCase {
  readonly shape: number[];
  readonly low: number;
  readonly high: number;
  readonly seed: number;
}
const clip = op<ClipCase>({
  name: "clip",
  cases: fc
    .tuple(broadcastingShapes, fc.integer({ min: -3, max: 3 }), fc.nat(4), seeds)
    .map(([[shape], low, extra, seed]) => ({ shape, low, high: low + extra, seed })),
  inputs: ({ shape }) => [
    { shape, draw: sometimes([Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1, 2], 0.3, within(-5, 5)) },
  ],
  call: ({ low, high }, x) => ops.clip(x as SymbolicTensor, low, high),
  // 1 on the closed interval.
  reference: ({ low, high }, x) =>
    elementwise(
      (each) =>
        Number.isNaN(each.value)
          ? new Real(Number.NaN, 0, [each], [0], [unknown])
          : (choose(each.value >= low && each.value <= high, each, exact(each.value < low ? low : high)) as Real),
      [x as RealArray],
    ),
});

interface PowerCase {
  readonly a: number[];
  readonly b: number[];
  readonly values: "positive" | "whole" | "edges";
  readonly seed: number;
}
/** IEEE 754's pow: pow(1, y) = pow(x, 0) = 1. */
const pow = (a: number, b: number): number => (a === 1 || b === 0 ? 1 : a ** b);
const power = op<PowerCase>({
  name: "power",
  cases: fc
    .tuple(broadcastingShapes, fc.constantFrom<PowerCase["values"]>("positive", "whole", "edges"), seeds)
    .map(([[a, b], values, seed]) => ({ a, b, values, seed })),
  inputs: ({ a, b, values }) => [
    {
      shape: a,
      draw:
        values === "positive"
          ? within(0.05, 8)
          : values === "whole"
            ? whole(-7, 7)
            : sometimes([0, -0, 1, -1, 2, Number.POSITIVE_INFINITY], 0.7, within(-3, 3)),
    },
    {
      shape: b,
      draw:
        values === "positive"
          ? within(-4, 4)
          : values === "whole"
            ? whole(-4, 6)
            : sometimes([0, 1, 2, 3, 0.5, 1.5, -1], 0.8, within(-3, 3)),
    },
  ],
  call: (_, a, b) => ops.power(a as SymbolicTensor, b as SymbolicTensor),
  reference: (_, a, b) =>
    elementwise(
      surface(
        pow,
        (x, y) => (y === 0 ? 0 : y * pow(x, y - 1)),
        (x, y) => (x === 0 && y >= 0 ? 0 : pow(x, y) * Math.log(x)),
        4,
      ),
      [a as RealArray, b as RealArray],
    ),
  gradient: ({ values }) => values === "positive",
});

export const binarySubjects: readonly Subject[] = [
  ...Object.entries(rules).map(([name, rule]) => binary(name, rule)),
  ...Object.entries(comparisons).map(([name, rule]) => comparison(name, rule)),
  ...exactQuotients,
  where,
  clip,
  power,
];
