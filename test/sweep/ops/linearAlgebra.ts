// Elimination: systems of equations, inverses, determinants, triangular factors.
//
// The reference is Gaussian elimination over Reals: bounds and gradients follow from its steps. The library's gradients solve
// the transposed system instead, which takes as many roundings of numbers of the same size.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { unit } from "../../harness/estimate.ts";
import { build, type RealArray, sizeOf } from "../array.ts";
import { type Draw, seeds, sizes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import {
  apply,
  type Curve,
  divide,
  dot,
  exact,
  multiply,
  product as productOf,
  Real,
  scale,
  subtract,
  sum,
  unknown,
  zero,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";

type Node = SymbolicTensor;
export type Matrix = Real[][];

// Drawing -------------------------------------------------------------------------------------------------------------

/** What matrices are like. */
export type Kind = "any" | "dominant" | "permuted" | "deficient" | "whole" | "zero" | "triangular" | "not finite";

/** Elements of matrices of `rows` × `columns`, one matrix after the other. */
export function matrixDraw(kind: Kind, rows: number, columns: number): Draw {
  let rest: number[] = [];
  return (next) => {
    if (rest.length === 0) rest = matrixOf(kind, rows, columns, next).flat();
    return rest.shift() as number;
  };
}

function matrixOf(kind: Kind, rows: number, columns: number, next: () => number): number[][] {
  const made = (element: (row: number, column: number) => number): number[][] =>
    Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (__, column) => element(row, column)));
  const uniform = within(-1, 1);
  const small = whole(-3, 3);
  switch (kind) {
    case "any":
      return made(() => uniform(next));
    case "not finite": {
      const place = Math.floor(next() * rows * columns);
      const value = next() < 0.5 ? Number.NaN : Number.NEGATIVE_INFINITY;
      return made((row, column) => (row * columns + column === place ? value : uniform(next)));
    }
    case "whole":
      return made(() => small(next));
    case "zero":
      return made(() => 0);
    case "triangular":
      return made((row, column) => (row === column ? 1 + next() : column < row ? uniform(next) : 0));
    case "dominant":
      return made((row, column) => (row === column ? Math.max(rows, columns) + next() : uniform(next)));
    case "permuted": {
      // Its largest elements are not on the diagonal, so that rows must change places.
      const turn = Math.floor(next() * Math.max(1, columns));
      return made((row, column) => (column === (row + turn) % columns ? -2 - rows - next() : uniform(next)));
    }
    case "deficient": {
      const [left, right] = [
        Array.from({ length: rows }, () => small(next)),
        Array.from({ length: columns }, () => small(next)),
      ];
      const more = Math.min(rows, columns) > 2;
      const [up, across] = [left.map(() => small(next)), right.map(() => small(next))];
      return made(
        (row, column) =>
          (left[row] as number) * (right[column] as number) +
          (more ? (up[row] as number) * (across[column] as number) : 0),
      );
    }
  }
}

// Reals ---------------------------------------------------------------------------------------------------------------

/** The matrices of the last two axes. */
export function matricesOf(x: RealArray): Matrix[] {
  const [rows = 0, columns = 0] = x.shape.slice(-2);
  return Array.from({ length: sizeOf(x.shape.slice(0, -2)) }, (_, batch) =>
    Array.from({ length: rows }, (__, row) =>
      x.data.slice((batch * rows + row) * columns, (batch * rows + row + 1) * columns),
    ),
  );
}

/** Matrices as an array, with the leading axes `lead` and matrices of that size. */
export function fromMatrices(
  lead: readonly number[],
  size: readonly [number, number],
  all: readonly Matrix[],
): RealArray {
  return { shape: [...lead, ...size], dtype: "float32", data: all.flat(2) };
}

/** An element. */
export const entry = (a: Matrix, row: number, column: number): Real => (a[row] as Real[])[column] as Real;
export const identity = (size: number): Matrix =>
  Array.from({ length: size }, (_, row) => Array.from({ length: size }, (__, column) => exact(row === column ? 1 : 0)));
export const transposed = (a: Matrix, columns: number): Matrix =>
  Array.from({ length: columns }, (_, column) => a.map((row) => row[column] as Real));
export const times = (a: Matrix, b: Matrix, columns: number): Matrix =>
  a.map((row) =>
    Array.from({ length: columns }, (_, column) =>
      dot(
        row,
        b.map((each) => each[column] as Real),
      ),
    ),
  );

interface Elimination {
  /** L without its diagonal below U. */
  readonly rows: Matrix;
  readonly order: number[];
  readonly sign: number;
  /** Whether rounding may choose another pivot. */
  readonly doubtful: boolean;
}

/** L·U = P·a, the largest pivot of each column first, the upper one of equals. */
function eliminate(a: Matrix): Elimination {
  const rows = a.map((row) => [...row]);
  const order = rows.map((_, row) => row);
  let sign = 1;
  let doubtful = false;
  for (let step = 0; step < rows.length; step++) {
    const size = (row: number): number => Math.abs(entry(rows, row, step).value);
    let best = step;
    for (let row = step + 1; row < rows.length; row++) if (size(row) > size(best)) best = row;
    const chosen = rows[best]?.[step] as Real;
    for (let row = step; row < rows.length; row++) {
      const doubt = entry(rows, row, step).bound + chosen.bound;
      if (row !== best && doubt > 0 && !(size(best) - size(row) > doubt)) doubtful = true;
    }
    if (best !== step) {
      [rows[step], rows[best]] = [rows[best] as Real[], rows[step] as Real[]];
      [order[step], order[best]] = [order[best] as number, order[step] as number];
      sign = -sign;
    }
    const own = rows[step] as Real[];
    const pivot = own[step] as Real;
    for (let row = step + 1; row < rows.length; row++) {
      const other = rows[row] as Real[];
      if (pivot.value !== 0 || pivot.bound > 0) other[step] = divide(other[step] as Real, pivot);
      for (let column = step + 1; column < rows.length; column++)
        other[column] = subtract(other[column] as Real, multiply(other[step] as Real, own[column] as Real));
    }
  }
  return { rows, order, sign, doubtful };
}

/** a⁻¹·b for that triangle of a. */
export function substitute(a: Matrix, b: Matrix, lower: boolean, unit = false): Matrix {
  const count = a.length;
  const found: Matrix = new Array(count);
  for (let step = 0; step < count; step++) {
    const row = lower ? step : count - 1 - step;
    found[row] = (b[row] as Real[]).map((each, column) => {
      let rest = each;
      for (let other = lower ? 0 : row + 1; other < (lower ? row : count); other++)
        rest = subtract(rest, multiply(a[row]?.[other] as Real, found[other]?.[column] as Real));
      return unit ? rest : divide(rest, a[row]?.[row] as Real);
    });
  }
  return found;
}

/** x with a·x = b. */
export function solution(a: Matrix, b: Matrix): Matrix {
  const { rows, order } = eliminate(a);
  return substitute(
    rows,
    substitute(
      rows,
      order.map((row) => b[row] as Real[]),
      true,
      true,
    ),
    false,
  );
}

/** The inverses of matrices. */
export function inverse(x: RealArray): RealArray {
  const size = x.shape.at(-1) as number;
  return fromMatrices(
    x.shape.slice(0, -2),
    [size, size],
    matricesOf(x).map((each) => solution(each, identity(size))),
  );
}

/** L with L·Lᵀ = a, from the lower triangle. */
function choleskyOf(a: Matrix): Matrix {
  const found: Matrix = a.map((row) => row.map(() => zero));
  for (let column = 0; column < a.length; column++)
    for (let row = column; row < a.length; row++) {
      let rest = a[row]?.[column] as Real;
      for (let each = 0; each < column; each++)
        rest = subtract(rest, multiply(found[row]?.[each] as Real, found[column]?.[each] as Real));
      (found[row] as Real[])[column] =
        row === column ? apply(curves.sqrt as Curve, rest) : divide(rest, found[column]?.[column] as Real);
    }
  return found;
}

// Roundings of gradient rules ------------------------------------------------------------------------------------------

export type Plain = number[][];
export const absolute = (a: Matrix): Plain => a.map((row) => row.map(({ value }) => Math.abs(value)));
export const turned = (a: Plain): Plain => (a[0] ?? []).map((_, row) => a.map((each) => each[row] as number));
export const plainTimes = (a: Plain, b: Plain): Plain =>
  a.map((row) =>
    (b[0] ?? []).map((_, column) => row.reduce((total, each, k) => total + each * (b[k]?.[column] as number), 0)),
  );

/**
 * What the rule Pᵀ L⁻ᵀ M U⁻ᵀ with M = tril(Lᵀ dL, −1) + triu(dU Uᵀ) may be off by rounding, for an upstream gradient that is
 * 1 at one element of the factors: with X = |L⁻ᵀ| |M| |U⁻ᵀ|, n + 2 roundings of the products of M, and one of each element that
 * a substitution finds, which then is a residual of that system: u · ((n + 2) X + |L⁻ᵀ| |Lᵀ| X + X |Uᵀ| |U⁻ᵀ|).
 */
function roundingOfRule({ rows, order }: Elimination): (row: number, column: number) => Plain {
  const count = rows.length;
  const lower = rows.map((row, i) => row.map((each, j) => (i > j ? each : exact(i === j ? 1 : 0))));
  const upper = rows.map((row, i) => row.map((each, j) => (i <= j ? each : zero)));
  const lowerInverse = turned(absolute(substitute(lower, identity(count), true, true)));
  const upperInverse = turned(absolute(substitute(upper, identity(count), false)));
  const [ofLower, ofUpper] = [absolute(lower), absolute(upper)];
  const lowerCondition = plainTimes(lowerInverse, turned(ofLower));
  const upperCondition = plainTimes(turned(ofUpper), upperInverse);
  return (i, j) => {
    const inner = rows.map((_, p) =>
      rows.map((__, q) => {
        if (i > j) return q === j && p > j ? (ofLower[i]?.[p] as number) : 0;
        return p === i && q >= i ? (ofUpper[q]?.[j] as number) : 0;
      }),
    );
    const x = plainTimes(plainTimes(lowerInverse, inner), upperInverse);
    const [first, second] = [plainTimes(lowerCondition, x), plainTimes(x, upperCondition)];
    const found: Plain = [];
    x.forEach((row, p) => {
      found[order[p] as number] = row.map(
        (each, q) => unit * ((count + 2) * each + (first[p]?.[q] as number) + (second[p]?.[q] as number)),
      );
    });
    return found;
  };
}

/** The same number; gradients towards `inputs` may be off by `doubts` more. */
export function ruled(x: Real, inputs: Matrix, doubts: Plain): Real {
  const parents = inputs.flat();
  return new Real(x.value, x.bound, [x, ...parents], [1, ...parents.map(() => 0)], [0, ...doubts.flat()]);
}

/** Nothing is foretold of it. */
const undetermined = (x: Real): Real => new Real(x.value, unknown, [x], [0], [unknown]);

// Subjects ------------------------------------------------------------------------------------------------------------

interface SquareCase {
  readonly batch: number[];
  readonly size: number;
  readonly kind: Kind;
  readonly seed: number;
}
const batch = fc.constantFrom<number[]>([], [], [], [2], [0], [1, 3]);
const size = fc.oneof({ weight: 6, arbitrary: sizes(5) }, { weight: 1, arbitrary: fc.integer({ min: 6, max: 9 }) });
const regular: readonly Kind[] = ["dominant", "dominant", "permuted", "any", "triangular"];
const squares = (kinds: readonly Kind[]): fc.Arbitrary<SquareCase> =>
  fc.record({ batch, size, kind: fc.constantFrom(...kinds), seed: seeds });
const drawn = ({ batch: lead, size: n, kind }: SquareCase) => ({
  shape: [...lead, n, n],
  draw: matrixDraw(kind, n, n),
});
/** Whether a gradient exists. */
const isRegular = ({ kind }: SquareCase): boolean => !["deficient", "zero", "whole"].includes(kind);
const singular: readonly Kind[] = [...regular, ...regular, "deficient", "zero", "whole"];

/** A function of square matrices whose results are matrices of the same size. */
function squareSubject(
  name: string,
  kinds: readonly Kind[],
  call: (a: Node) => Node,
  reference: (a: Matrix) => Matrix,
): Subject {
  return op<SquareCase>({
    name,
    cases: squares(kinds),
    inputs: (given) => [drawn(given)],
    call: (_, a) => call(a as Node),
    reference: ({ batch: lead, size: n }, a) => fromMatrices(lead, [n, n], matricesOf(a as RealArray).map(reference)),
    gradient: isRegular,
  });
}

/** A function of square matrices with numbers as results. */
function numberSubject(
  name: string,
  kinds: readonly Kind[],
  call: (a: Node) => Node | readonly Node[],
  reference: (a: Matrix) => readonly Real[],
  results = 1,
): Subject {
  return op<SquareCase>({
    name,
    cases: squares(kinds),
    inputs: (given) => [drawn(given)],
    call: (_, a) => call(a as Node),
    reference: ({ batch: lead }, a) => {
      const found = matricesOf(a as RealArray).map(reference);
      return Array.from({ length: results }, (_, which) => build(lead, (__, index) => found[index]?.[which] as Real));
    },
    gradient: isRegular,
  });
}

const pivots = ({ rows }: Elimination): Real[] => rows.map((row, index) => row[index] as Real);
const ln = curves.log as Curve;
/** Of the sign only its value counts. */
const signOf = (x: Real): Real =>
  new Real(Math.sign(x.value), x.bound > 0 && Math.abs(x.value) <= x.bound ? unknown : 0);

interface SolveCase extends SquareCase {
  /** undefined: single vectors. */
  readonly columns: number | undefined;
  readonly lower: boolean;
}
const solves = (kinds: readonly Kind[]): fc.Arbitrary<SolveCase> =>
  fc.record({
    batch,
    size,
    kind: fc.constantFrom(...kinds),
    columns: fc.option(sizes(4), { nil: undefined }),
    lower: fc.boolean(),
    seed: seeds,
  });
function solveSubject(
  name: string,
  kinds: readonly Kind[],
  call: (a: Node, b: Node, lower: boolean) => Node,
  reference: (a: Matrix, b: Matrix, lower: boolean) => Matrix,
): Subject {
  return op<SolveCase>({
    name,
    cases: solves(kinds),
    inputs: (given) => [
      drawn(given),
      { shape: [...given.batch, given.size, ...(given.columns === undefined ? [] : [given.columns])] },
    ],
    call: ({ lower }, a, b) => call(a as Node, b as Node, lower),
    reference: ({ batch: lead, size: n, columns = 1, lower }, a, b) => {
      const right = matricesOf({ ...(b as RealArray), shape: [...lead, n, columns] });
      const found = matricesOf(a as RealArray).map((each, index) => reference(each, right[index] as Matrix, lower));
      return { shape: (b as RealArray).shape, dtype: "float32", data: found.flat(2) };
    },
    gradient: isRegular,
  });
}

const luFactor = op<SquareCase>({
  name: "luFactor",
  cases: squares(singular),
  inputs: (given) => [drawn(given)],
  call: (_, a) => ops.luFactor(a as Node),
  reference: (given, a) => {
    const { batch: lead, size: n } = given;
    const matrices = matricesOf(a as RealArray);
    const found = matrices.map(eliminate);
    return [
      fromMatrices(
        lead,
        [n, n],
        found.map((each, index) => {
          if (each.doubtful) return each.rows.map((row) => row.map(undetermined));
          if (!isRegular(given)) return each.rows;
          const rounding = roundingOfRule(each);
          return each.rows.map((row, i) => row.map((x, j) => ruled(x, matrices[index] as Matrix, rounding(i, j))));
        }),
      ),
      {
        shape: [...lead, n],
        dtype: "int32",
        data: found.flatMap(({ order, doubtful }) => order.map((row) => new Real(row, doubtful ? unknown : 0))),
      },
    ];
  },
  gradient: isRegular,
});

const choleskyInverse = op<SolveCase>({
  name: "choleskyInverse",
  cases: solves(["dominant", "triangular"]),
  inputs: (given) => [drawn(given)],
  call: ({ lower }, a) => ops.choleskyInverse(a as Node, !lower),
  reference: ({ batch: lead, size: n, lower }, a) =>
    fromMatrices(
      lead,
      [n, n],
      matricesOf(a as RealArray).map((each) => {
        const own = substitute(each, identity(n), lower);
        return lower ? times(transposed(own, n), own, n) : times(own, transposed(own, n), n);
      }),
    ),
});

/** What is not square, or does not fit, is refused. */
const refusals = op<{ readonly rows: number; readonly columns: number; readonly which: number; readonly seed: number }>(
  {
    name: "solve, what is not square",
    cases: fc
      .record({ rows: sizes(4), columns: sizes(4), which: fc.nat(8), seed: seeds })
      .filter(({ rows, columns }) => rows !== columns),
    inputs: ({ rows, columns }) => [{ shape: [rows, columns] }],
    call: ({ which }, a) =>
      ([
        () => ops.solve(a as Node, a as Node),
        () => ops.solveTriangular(a as Node, a as Node),
        () => ops.inv(a as Node),
        () => ops.det(a as Node),
        () => ops.slogdet(a as Node),
        () => ops.cholesky(a as Node),
        () => ops.luFactor(a as Node),
        () => ops.eigh(a as Node),
        () => ops.choleskyInverse(a as Node),
      ][which]?.() ?? []) as Node[],
    reference: () => undefined,
  },
);

export const linearAlgebraSubjects: readonly Subject[] = [
  solveSubject("solve", singular, (a, b) => ops.solve(a, b), solution),
  solveSubject(
    "solveTriangular",
    ["dominant", "triangular", "dominant", "triangular", "zero"],
    (a, b, lower) => ops.solveTriangular(a, b, lower),
    (a, b, lower) => substitute(a, b, lower),
  ),
  squareSubject(
    "inv",
    singular,
    (a) => ops.inv(a),
    (a) => solution(a, identity(a.length)),
  ),
  // Only the lower triangle is read.
  squareSubject(
    "cholesky",
    ["dominant", "dominant", "dominant", "any", "zero", "permuted"],
    (a) => ops.cholesky(a),
    choleskyOf,
  ),
  numberSubject(
    "det",
    singular,
    (a) => ops.det(a),
    (a) => {
      const found = eliminate(a);
      return [scale(productOf(pivots(found)), found.sign)];
    },
  ),
  numberSubject(
    "slogdet",
    singular,
    (a) => ops.slogdet(a),
    (a) => {
      const found = eliminate(a);
      const all = pivots(found);
      return [
        productOf([exact(found.sign), ...all.map(signOf)]),
        sum(all.map((each) => apply(ln, apply(curves.abs as Curve, each)))),
      ];
    },
    2,
  ),
  numberSubject(
    "logdet",
    ["dominant"],
    (a) => ops.logdet(a),
    (a) => [scale(sum(choleskyOf(a).map((row, index) => apply(ln, row[index] as Real))), 2)],
  ),
  luFactor,
  choleskyInverse,
  refusals,
];
