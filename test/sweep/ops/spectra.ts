// Orthogonal factors: singular values, eigenvalues, what is made of them, and Gram and Schmidt's.
//
// The reference finds eigenvalues by Jacobi's rotations in float64, singular values as those of [[0, A], [Aᵀ, 0]]. The
// library computes in float64 too and rounds once, so values and vectors are within half an ULP, and what float64 leaves:
// ε · ‖A‖ of values, ε · ‖A‖ / gap of vectors. Slopes are those of first-order perturbation; where values are close, float32
// cannot tell them, which the bounds of the slopes say.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { halfUlp, unit } from "../../harness/estimate.ts";
import { build, type RealArray, sizeOf } from "../array.ts";
import { type Drawn, seeds, sizes } from "../draw.ts";
import { op } from "../op.ts";
import { apply, type Curve, divide, dot, exact, multiply, Real, subtract, sum, unknown, zero } from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";
import {
  absolute,
  fromMatrices,
  identity,
  type Kind,
  type Matrix,
  matricesOf,
  matrixDraw,
  type Plain,
  plainTimes,
  ruled,
  substitute,
  transposed,
  turned,
} from "./linearAlgebra.ts";
import { product } from "./matMul.ts";

type Node = SymbolicTensor;

/** What float64 leaves of ‖A‖, with room for the sweeps of both. */
const wideError = 2 ** -44;

// Jacobi --------------------------------------------------------------------------------------------------------------

interface Spectrum {
  /** In descending order. */
  readonly values: number[];
  /** vectors[i] belongs to values[i]. */
  readonly vectors: number[][];
}

/** Eigenvalues and eigenvectors of a symmetric matrix (Jacobi, 1846). */
function spectrumOf(given: Plain): Spectrum {
  const size = given.length;
  const a = given.map((row) => [...row]);
  const v: Plain = a.map((_, row) => a.map((__, column) => (row === column ? 1 : 0)));
  const get = (m: Plain, i: number, j: number): number => m[i]?.[j] as number;
  for (let sweep = 0; sweep < 30; sweep++) {
    let rest = 0;
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        const off = get(a, p, q);
        rest += off * off;
        if (off === 0) continue;
        const theta = (get(a, q, q) - get(a, p, p)) / (2 * off);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(1, theta));
        const c = 1 / Math.hypot(1, t);
        const s = c * t;
        for (let k = 0; k < size; k++) {
          const [x, y] = [get(a, k, p), get(a, k, q)];
          (a[k] as number[])[p] = c * x - s * y;
          (a[k] as number[])[q] = s * x + c * y;
        }
        for (let k = 0; k < size; k++) {
          const [x, y] = [get(a, p, k), get(a, q, k)];
          (a[p] as number[])[k] = c * x - s * y;
          (a[q] as number[])[k] = s * x + c * y;
          const [left, right] = [get(v, k, p), get(v, k, q)];
          (v[k] as number[])[p] = c * left - s * right;
          (v[k] as number[])[q] = s * left + c * right;
        }
      }
    if (rest === 0) break;
  }
  const order = a.map((_, index) => index).sort((i, j) => get(a, j, j) - get(a, i, i));
  return {
    values: order.map((index) => get(a, index, index)),
    vectors: order.map((index) => v.map((row) => row[index] as number)),
  };
}

const plain = (a: Matrix): Plain => a.map((row) => row.map(({ value }) => value));
const normOf = (a: Plain): number => Math.hypot(...a.flat());
const isFinite_ = (a: Matrix): boolean => a.every((row) => row.every(({ value }) => Number.isFinite(value)));
const notANumber: Real = exact(Number.NaN);

interface Singular {
  readonly s: number[];
  /** u[i], v[i] belong to s[i]. */
  readonly u: number[][];
  readonly v: number[][];
  readonly norm: number;
  /** How far float64 may turn vector i. */
  readonly doubt: number[];
}

/** Of a matrix of `rows` × `columns`. */
function singularOf(a: Matrix, rows: number, columns: number): Singular {
  const count = Math.min(rows, columns);
  const numbers = plain(a);
  const both: Plain = Array.from({ length: rows + columns }, (_, i) =>
    Array.from({ length: rows + columns }, (__, j) =>
      i < rows && j >= rows
        ? (numbers[i]?.[j - rows] as number)
        : i >= rows && j < rows
          ? (numbers[j]?.[i - rows] as number)
          : 0,
    ),
  );
  const { values, vectors } = spectrumOf(both);
  const s = values.slice(0, count).map((each) => Math.max(0, each));
  const norm = normOf(numbers);
  const parts = vectors.slice(0, count).map((each) => [each.slice(0, rows), each.slice(rows)] as const);
  const scaled = parts.map(([top, bottom]) => [
    top.map((each) => each * Math.SQRT2),
    bottom.map((each) => each * Math.SQRT2),
  ]);
  const doubt = s.map((each, i) => {
    const gap = s.reduce((least, other, j) => (i === j ? least : Math.min(least, Math.abs(each - other))), each);
    return (wideError * norm) / gap;
  });
  return { s, u: scaled.map(([u]) => u as number[]), v: scaled.map(([, v]) => v as number[]), norm, doubt };
}

/** A number that depends on the elements of `inputs`. */
function dependent(
  value: number,
  bound: number,
  inputs: Matrix,
  slope: (k: number, l: number) => readonly [number, number],
): Real {
  const pairs = inputs.flatMap((row, k) => row.map((_, l) => slope(k, l)));
  const finite = (each: number): number => (Number.isNaN(each) ? unknown : each);
  return new Real(
    value,
    finite(bound),
    inputs.flat(),
    pairs.map(([each]) => (Number.isFinite(each) ? each : 0)),
    pairs.map(([each, doubt]) => (Number.isFinite(each) ? finite(doubt) : unknown)),
  );
}

const product2 = (u: readonly number[], v: readonly number[], k: number, l: number): number =>
  (u[k] as number) * (v[l] as number);

/** Singular values, with ds_i = u_iᵀ dA v_i. */
function singularReals(a: Matrix, rows: number, columns: number): Real[] {
  const count = Math.min(rows, columns);
  if (!isFinite_(a)) return new Array<Real>(count).fill(notANumber);
  const { s, u, v, norm, doubt } = singularOf(a, rows, columns);
  // Both vectors are rounded, multiplied by the upstream gradient, and added up over the values.
  const roundings = (count + 5) * unit;
  return s.map((each, i) =>
    dependent(each, halfUlp(each) + wideError * norm, a, (k, l) => {
      const slope = product2(u[i] as number[], v[i] as number[], k, l);
      return [slope, roundings * Math.abs(slope) + 4 * (doubt[i] as number)];
    }),
  );
}

/** 1 or −1, so that the largest number becomes positive; 0 where rounding decides it. */
function signOf(vector: readonly number[], doubt: number): number {
  const largest = Math.max(...vector.map(Math.abs));
  const close = vector.filter((each) => Math.abs(each) > largest * (1 - 2 ** -20) - doubt);
  return close.every((each) => each > 0) ? 1 : close.every((each) => each < 0) ? -1 : 0;
}

// Singular value decomposition ----------------------------------------------------------------------------------------

interface SpectrumCase {
  readonly batch: number[];
  readonly rows: number;
  readonly columns: number;
  readonly kind: Kind;
  readonly seed: number;
}
const batch = fc.constantFrom<number[]>([], [], [], [2], [0], [1, 2]);
const kinds: readonly Kind[] = [
  "any",
  "any",
  "any",
  "dominant",
  "permuted",
  "triangular",
  "deficient",
  "zero",
  "not finite",
];
const spectrumCases = fc.record({
  batch,
  rows: sizes(6),
  columns: sizes(6),
  kind: fc.constantFrom(...kinds),
  seed: seeds,
});
const drawn = ({ batch: lead, rows, columns, kind }: SpectrumCase): Drawn => ({
  shape: [...lead, rows, columns],
  draw: matrixDraw(kind, rows, columns),
});
const isRegular = ({ kind }: SpectrumCase): boolean => !["deficient", "zero", "not finite"].includes(kind);

/** U, s, Vᵀ of one matrix with at least as many rows as columns, with slopes. */
function decomposed(a: Matrix, rows: number, columns: number): { u: Matrix; s: Real[]; vh: Matrix } {
  const s = singularReals(a, rows, columns);
  if (!isFinite_(a)) {
    const row = (count: number): Real[] => new Array<Real>(count).fill(notANumber);
    return { u: a.map(() => row(columns)), s, vh: s.map(() => row(columns)) };
  }
  const found = singularOf(a, rows, columns);
  const signs = found.v.map((each, i) => signOf(each, found.doubt[i] as number));
  const [u, v] = [found.u, found.v].map((all) => all.map((each, i) => each.map((x) => x * (signs[i] || 1)))) as [
    Plain,
    Plain,
  ];
  const value = (i: number): number => found.s[i] as number;
  // Products with U and V twice, of their rounded elements, and the factors 1 / (s_j² − s_i²).
  const roundings = (2 * rows + 2 * columns + 12) * unit;
  /** Vector i of U or V, of which `own` are all: Σ_j own_j (weight · u_j dA v_i + other · u_i dA v_j) / (s_i² − s_j²). */
  const vector = (own: Plain, i: number, place: number, left: boolean): Real => {
    const doubt = found.doubt[i] as number;
    const x = own[i]?.[place] as number;
    const bound = signs[i] === 0 ? unknown : halfUlp(x) + 2 * doubt;
    return dependent(x, bound, a, (k, l) => {
      let slope = 0;
      let error = 0;
      for (let j = 0; j < columns; j++) {
        if (j === i) continue;
        const [si, sj] = [value(i), value(j)];
        const difference = (si - sj) * (si + sj);
        const [one, two] = [
          product2(u[j] as number[], v[i] as number[], k, l),
          product2(u[i] as number[], v[j] as number[], k, l),
        ];
        const [a1, a2] = left ? [one * si, two * sj] : [one * sj, two * si];
        const weight = (own[j]?.[place] as number) / difference;
        slope += weight * (a1 + a2);
        const closeness = (unit * 2 * (si + sj) + wideError * found.norm) / Math.abs(si - sj);
        const turning = 4 * Math.max(doubt, found.doubt[j] as number);
        error +=
          Math.abs(weight) * (Math.abs(a1) + Math.abs(a2)) * (roundings + closeness) +
          ((si + sj) / Math.abs(difference)) * turning;
      }
      if (left && rows > columns) {
        // (1 − UUᵀ) dA v / s: what is left outside of the columns of U.
        const inside = u.reduce((total, each) => total + product2(each, each, place, k), 0);
        const mass = u.reduce((total, each) => total + Math.abs(product2(each, each, place, k)), 0);
        const factor = (v[i]?.[l] as number) / value(i);
        const here = place === k ? 1 : 0;
        slope += (here - inside) * factor;
        error += (here + mass) * Math.abs(factor) * roundings + (4 * doubt) / value(i);
      } else if (left) {
        // The library subtracts U·UᵀdU of a square U, too: nothing but roundings.
        const mass = u.reduce((total, each) => total + Math.abs(product2(each, each, place, k)), 0);
        error += ((place === k ? 1 : 0) + mass) * Math.abs((v[i]?.[l] as number) / value(i)) * roundings;
      }
      return [signs[i] === 0 ? Number.NaN : slope, error];
    });
  };
  return {
    u: Array.from({ length: rows }, (_, place) => s.map((__, i) => vector(u, i, place, true))),
    s,
    vh: s.map((_, i) => Array.from({ length: columns }, (__, place) => vector(v, i, place, false))),
  };
}

const svd = op<SpectrumCase>({
  name: "svd",
  cases: spectrumCases.filter(({ rows, columns }) => rows * columns <= 20),
  inputs: (given) => [drawn(given)],
  call: (_, a) => ops.svd(a as Node) as unknown as Node[],
  reference: ({ batch: lead, rows, columns }, a) => {
    const count = Math.min(rows, columns);
    const found = matricesOf(a as RealArray).map((each) => {
      if (rows >= columns) return decomposed(each, rows, columns);
      const { u, s, vh } = decomposed(transposed(each, columns), columns, rows);
      return { u: transposed(vh, count), s, vh: transposed(u, count) };
    });
    return [
      fromMatrices(
        lead,
        [rows, count],
        found.map(({ u }) => u),
      ),
      { shape: [...lead, count], dtype: "float32", data: found.flatMap(({ s }) => s) },
      fromMatrices(
        lead,
        [count, columns],
        found.map(({ vh }) => vh),
      ),
    ];
  },
  gradient: isRegular,
});

const singularValues = op<SpectrumCase>({
  name: "singularValues",
  cases: spectrumCases,
  inputs: (given) => [drawn(given)],
  call: (_, a) => ops.singularValues(a as Node),
  reference: ({ batch: lead, rows, columns }, a) => ({
    shape: [...lead, Math.min(rows, columns)],
    dtype: "float32",
    data: matricesOf(a as RealArray).flatMap((each) => singularReals(each, rows, columns)),
  }),
  gradient: isRegular,
});

/** The unit matrix, of which float32 knows as much as products of `length` rounded numbers of unit vectors say. */
const nearIdentity = (lead: readonly number[], size: number, length: number): RealArray =>
  build(
    [...lead, size, size],
    (position) => new Real(position.at(-1) === position.at(-2) ? 1 : 0, (length + 3) * unit * 1.0001),
  );

interface BasesCase extends SpectrumCase {
  readonly fullMatrices: boolean;
}
/** Whatever the vectors are: they are orthonormal, complete the space with `fullMatrices`, and give the matrix. */
const bases = op<BasesCase>({
  name: "svd, bases",
  cases: fc.tuple(spectrumCases, fc.boolean()).map(([given, fullMatrices]) => ({
    ...given,
    kind: given.kind === "not finite" ? ("deficient" as const) : given.kind,
    fullMatrices,
  })),
  inputs: (given) => [drawn(given)],
  call: ({ fullMatrices, rows, columns }, a) => {
    const [u, s, vh] = ops.svd(a as Node, fullMatrices) as unknown as [Node, Node, Node];
    const count = Math.min(rows, columns);
    const lead = a?.shape.slice(0, -2) as number[];
    const some = (x: Node, height: number, width: number): Node =>
      ops.slice(x, [...lead.map(() => 0), 0, 0], [...lead, height, width]) as Node;
    const parts = [some(u, rows, count), some(vh, count, columns)] as const;
    return [
      ops.matMul(ops.multiply(parts[0], ops.expandDims(s, -2)), parts[1]),
      ops.matMul(u, u, { transposeA: true }),
      ops.matMul(vh, vh, { transposeB: true }),
    ] as Node[];
  },
  reference: ({ batch: lead, rows, columns, fullMatrices }, a) => {
    const count = Math.min(rows, columns);
    const all = matricesOf(a as RealArray);
    // Σ |u_i s_i v_i| ≤ s_1 ≤ ‖A‖ for rows of unit length or less.
    const found = all.map((each) => {
      const norm = normOf(plain(each));
      return each.map((row) => row.map(({ value }) => new Real(value, ((count + 5) * unit + wideError) * norm)));
    });
    return [
      fromMatrices(lead, [rows, columns], found),
      nearIdentity(lead, fullMatrices ? rows : count, rows),
      nearIdentity(lead, fullMatrices ? columns : count, columns),
    ];
  },
  gradient: () => false,
});

// Symmetric matrices --------------------------------------------------------------------------------------------------

/** Eigenvalues in ascending order and vectors as columns, of the lower triangle, with slopes. */
function eigenReals(a: Matrix): { values: Real[]; vectors: Matrix } {
  const size = a.length;
  const lower = a.map((row, i) => row.map((_, j) => (a[Math.max(i, j)]?.[Math.min(i, j)] as Real).value));
  if (!lower.flat().every(Number.isFinite)) {
    const row = new Array<Real>(size).fill(notANumber);
    return { values: row, vectors: a.map(() => row) };
  }
  const { values, vectors } = spectrumOf(lower);
  values.reverse();
  vectors.reverse();
  const norm = normOf(lower);
  const doubt = values.map(
    (each, i) =>
      (wideError * norm) /
      values.reduce(
        (least, other, j) => (i === j ? least : Math.min(least, Math.abs(each - other))),
        Math.max(norm, 2 ** -149),
      ),
  );
  const signs = vectors.map((each, i) => signOf(each, doubt[i] as number));
  const v = vectors.map((each, i) => each.map((x) => x * (signs[i] || 1)));
  const roundings = (3 * size + 10) * unit;
  /** An element below the diagonal stands for that above it too. */
  const both = (x: readonly number[], y: readonly number[], k: number, l: number): readonly [number, number] => {
    if (k < l) return [0, 0];
    const one = product2(x, y, k, l);
    if (k === l) return [one, Math.abs(one)];
    const other = product2(x, y, l, k);
    return [one + other, Math.abs(one) + Math.abs(other)];
  };
  return {
    values: values.map((each, i) =>
      dependent(each, halfUlp(each) + wideError * norm, a, (k, l) => {
        const [slope, mass] = both(v[i] as number[], v[i] as number[], k, l);
        return [slope, roundings * mass + (k < l ? 0 : 8 * (doubt[i] as number))];
      }),
    ),
    vectors: Array.from({ length: size }, (_, place) =>
      values.map((own, i) => {
        const x = v[i]?.[place] as number;
        return dependent(x, signs[i] === 0 ? unknown : halfUlp(x) + 2 * (doubt[i] as number), a, (k, l) => {
          if (k < l) return [0, 0];
          let slope = 0;
          let error = 0;
          values.forEach((other, j) => {
            if (j === i) return;
            const gap = own - other;
            const [one, mass] = both(v[j] as number[], v[i] as number[], k, l);
            const weight = (v[j]?.[place] as number) / gap;
            slope += weight * one;
            const closeness = (unit * 2 * (Math.abs(own) + Math.abs(other)) + wideError * norm) / Math.abs(gap);
            error +=
              Math.abs(weight) * mass * (roundings + closeness) +
              (8 * Math.max(doubt[i] as number, doubt[j] as number)) / Math.abs(gap);
          });
          return [signs[i] === 0 ? Number.NaN : slope, error];
        });
      }),
    ),
  };
}

const squareCases = spectrumCases.filter(({ rows }) => rows <= 6).map((given) => ({ ...given, columns: given.rows }));
const eigh = op<SpectrumCase>({
  name: "eigh",
  cases: squareCases,
  inputs: (given) => [drawn(given)],
  call: (_, a) => ops.eigh(a as Node) as unknown as Node[],
  reference: ({ batch: lead, rows }, a) => {
    const found = matricesOf(a as RealArray).map(eigenReals);
    return [
      { shape: [...lead, rows], dtype: "float32", data: found.flatMap(({ values }) => values) },
      fromMatrices(
        lead,
        [rows, rows],
        found.map(({ vectors }) => vectors),
      ),
    ];
  },
  gradient: isRegular,
});

/** V·diag(λ)·Vᵀ is the symmetric matrix of the lower triangle, VᵀV the unit matrix: for equal eigenvalues too. */
const eigenBases = op<SpectrumCase>({
  name: "eigh, bases",
  cases: squareCases.filter(({ kind }) => kind !== "not finite"),
  inputs: (given) => [drawn(given)],
  call: (_, a) => {
    const [values, v] = ops.eigh(a as Node) as unknown as [Node, Node];
    return [
      ops.matMul(ops.multiply(v, ops.expandDims(values, -2)), v, { transposeB: true }),
      ops.matMul(v, v, { transposeA: true }),
    ] as Node[];
  },
  reference: ({ batch: lead, rows }, a) => {
    const found = matricesOf(a as RealArray).map((each) => {
      const lower = each.map((row, i) => row.map((_, j) => (each[Math.max(i, j)]?.[Math.min(i, j)] as Real).value));
      const norm = normOf(lower);
      return lower.map((row) => row.map((value) => new Real(value, ((rows + 5) * unit + wideError) * norm)));
    });
    return [fromMatrices(lead, [rows, rows], found), nearIdentity(lead, rows, rows)];
  },
  gradient: () => false,
});

// What is made of singular values -------------------------------------------------------------------------------------

interface RankCase extends SpectrumCase {
  readonly tolerance: number | undefined;
}
const matrixRank = op<RankCase>({
  name: "matrixRank",
  cases: fc.tuple(spectrumCases, fc.constantFrom(undefined, undefined, 0, 0.5, 3)).map(([given, tolerance]) => ({
    ...given,
    kind: given.kind === "not finite" ? ("any" as const) : given.kind,
    tolerance,
  })),
  inputs: (given) => [drawn(given)],
  call: ({ tolerance }, a) => ops.matrixRank(a as Node, tolerance),
  reference: ({ batch: lead, rows, columns, tolerance }, a) => ({
    shape: lead,
    dtype: "int32",
    data: matricesOf(a as RealArray).map((each) => {
      const s = singularReals(each, rows, columns);
      const least = tolerance ?? 2 ** -23 * Math.max(rows, columns) * (s[0]?.value ?? 0);
      const close = s.some(({ value, bound }) => Math.abs(value - least) <= bound + 4 * unit * least && value !== 0);
      return new Real(s.filter(({ value }) => value > least).length, close ? unknown : 0);
    }),
  }),
});

interface InverseCase extends SpectrumCase {
  readonly rcond: number | undefined;
}
const inverseCases: fc.Arbitrary<InverseCase> = fc
  .tuple(spectrumCases, fc.constantFrom(undefined, undefined, undefined, 0.3, -1))
  .filter(([{ rows, columns }]) => rows * columns <= 16)
  .map(([given, rcond]) => ({
    ...given,
    kind: given.kind === "not finite" ? ("deficient" as const) : given.kind,
    rcond,
  }));

/** Moore and Penrose's inverse with dP = −P dA P + P Pᵀ dAᵀ (1 − A P) + (1 − P A) dAᵀ Pᵀ P (Golub & Pereyra, 1973). */
function pseudoinverse(a: Matrix, rows: number, columns: number, rcond: number | undefined): Matrix {
  const { s, u, v, norm } = singularOf(a, rows, columns);
  const least = (rcond ?? 2 ** -23 * Math.max(rows, columns)) * (s[0] ?? 0);
  const close = s.some(
    (each) => Math.abs(each - least) <= 4 * unit * least + wideError * norm && least > 2 * wideError * norm,
  );
  const kept = s.flatMap((each, i) => (each > least && each > 2 * wideError * norm ? [i] : []));
  const matrix = (height: number, width: number, element: (i: number, j: number) => number): Plain =>
    Array.from({ length: height }, (_, i) => Array.from({ length: width }, (__, j) => element(i, j)));
  const term = (i: number, j: number, k: number): number =>
    ((v[k]?.[i] as number) * (u[k]?.[j] as number)) / (s[k] as number);
  const p = matrix(columns, rows, (i, j) => kept.reduce((total, k) => total + term(i, j, k), 0));
  // Factors are rounded, multiplied, and added up.
  const roundings = (s.length + 4) * unit;
  const least_ = kept.length === 0 ? 1 : (s[kept.at(-1) as number] as number);
  // What float64 leaves of the space that is cut off, not of single vectors.
  const rest = (wideError * norm) / (least_ * least_);
  const off = matrix(columns, rows, (i, j) =>
    kept.reduce((total, k) => total + Math.abs(term(i, j, k)) * roundings, rest),
  );
  const numbers = plain(a);
  const [absP, absA] = [p, numbers].map((m) => m.map((row) => row.map(Math.abs))) as [Plain, Plain];
  const minus = (size: number, m: Plain): Plain =>
    matrix(size, size, (i, j) => (i === j ? 1 : 0) - (m[i]?.[j] as number));
  const plus = (size: number, m: Plain): Plain =>
    matrix(size, size, (i, j) => (i === j ? 1 : 0) + (m[i]?.[j] as number));
  const [pT, absPT, offT] = [turned(p), turned(absP), turned(off)];
  const [ppT, pTp] = [plainTimes(p, pT), plainTimes(pT, p)];
  const [outside, beside] = [minus(rows, plainTimes(numbers, p)), minus(columns, plainTimes(p, numbers))];
  const [absPPT, absPTP] = [plainTimes(absP, absPT), plainTimes(absPT, absP)];
  const [offPPT, offPTP] = [plainTimes(off, absPT), plainTimes(offT, absP)];
  const [allOutside, allBeside] = [plus(rows, plainTimes(absA, absP)), plus(columns, plainTimes(absP, absA))];
  const [offOutside, offBeside] = [plainTimes(absA, off), plainTimes(off, absA)];
  const get = (m: Plain, i: number, j: number): number => m[i]?.[j] as number;
  const c = (2 * (rows + columns) + 8) * unit;
  return p.map((row, i) =>
    row.map((x, j) =>
      dependent(x, close ? unknown : get(off, i, j), a, (k, l) => {
        const slope =
          -get(p, i, k) * get(p, l, j) + get(ppT, i, l) * get(outside, k, j) + get(beside, i, l) * get(pTp, k, j);
        const both = (m: Plain, first: number, second: number): number => get(m, first, second) + get(m, second, first);
        const error =
          c * get(absP, i, k) * get(absP, l, j) +
          get(off, i, k) * get(absP, l, j) +
          get(absP, i, k) * get(off, l, j) +
          (c * get(absPPT, i, l) + both(offPPT, i, l)) * get(allOutside, k, j) +
          get(absPPT, i, l) * get(offOutside, k, j) +
          (c * get(absPTP, k, j) + both(offPTP, k, j)) * get(allBeside, i, l) +
          get(absPTP, k, j) * get(offBeside, i, l);
        return [slope, close ? unknown : error];
      }),
    ),
  );
}
const inverses = ({ batch: lead, rows, columns, rcond }: InverseCase, a: RealArray): RealArray =>
  fromMatrices(
    lead,
    [columns, rows],
    matricesOf(a).map((each) => pseudoinverse(each, rows, columns, rcond)),
  );
const refused = ({ rcond, batch: lead, rows, columns }: InverseCase): boolean =>
  rcond !== undefined && rcond < 0 && sizeOf([...lead, rows, columns]) > 0;

const pinv = op<InverseCase>({
  name: "pinv",
  cases: inverseCases,
  inputs: (given) => [drawn(given)],
  call: ({ rcond }, a) => ops.pinv(a as Node, rcond),
  reference: (given, a) => (refused(given) ? undefined : inverses(given, a as RealArray)),
});

const lstsq = op<InverseCase & { readonly right: number | undefined }>({
  name: "lstsq",
  cases: fc.tuple(inverseCases, fc.option(sizes(3), { nil: undefined })).map(([given, right]) => ({
    ...given,
    right: given.batch.length > 0 ? (right ?? 1) : right,
  })),
  inputs: (given) => [
    drawn(given),
    { shape: [...given.batch, given.rows, ...(given.right === undefined ? [] : [given.right])] },
  ],
  call: ({ rcond }, a, b) => ops.lstsq(a as Node, b as Node, rcond),
  reference: (given, a, b) => {
    if (refused(given)) return undefined;
    const { right = 1, batch: lead, rows, columns } = given;
    const columnsOf = { ...(b as RealArray), shape: [...lead, rows, right] };
    const found = product(inverses(given, a as RealArray), columnsOf, false, false);
    return given.right === undefined ? { ...found, shape: [...lead, columns] } : found;
  },
});

interface NormCase {
  readonly shape: number[];
  readonly axes: [number, number];
  readonly order: "nuc" | 2 | -2;
  readonly keepDims: boolean;
  readonly seed: number;
}
const singularNorm = op<NormCase>({
  name: "norm, of singular values",
  cases: fc.integer({ min: 2, max: 4 }).chain((rank) =>
    fc.record({
      shape: fc.array(sizes(4), { minLength: rank, maxLength: rank }).filter((shape) => sizeOf(shape) <= 60),
      axes: fc
        .shuffledSubarray(
          Array.from({ length: rank }, (_, axis) => axis),
          { minLength: 2, maxLength: 2 },
        )
        .chain(([a = 0, b = 0]) => fc.constantFrom<[number, number]>([a, b], [a - rank, b - rank], [a, b - rank])),
      order: fc.constantFrom<NormCase["order"]>("nuc", 2, -2),
      keepDims: fc.boolean(),
      seed: seeds,
    }),
  ),
  inputs: ({ shape }) => [{ shape }],
  call: ({ order, axes, keepDims }, x) => ops.norm(x as Node, order, axes, keepDims),
  reference: ({ shape, axes: given, order, keepDims }, x) => {
    const axes = given.map((axis) => (axis + shape.length) % shape.length) as [number, number];
    const [rows, columns] = axes.map((axis) => shape[axis] as number) as [number, number];
    if (order !== "nuc" && rows * columns === 0) return undefined;
    const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const found = build(kept, (position) => {
      const matrix = Array.from({ length: rows }, (_, row) =>
        Array.from({ length: columns }, (__, column) => {
          const place = position.map((each, axis) => (axis === axes[0] ? row : axis === axes[1] ? column : each));
          const index = place.reduce((total, each, axis) => total * (shape[axis] as number) + each, 0);
          return (x as RealArray).data[index] as Real;
        }),
      );
      const s = singularReals(matrix, rows, columns);
      return order === "nuc" ? sum(s) : ((order === 2 ? s[0] : s.at(-1)) as Real);
    });
    return keepDims ? found : { ...found, shape: shape.filter((_, axis) => !axes.includes(axis)) };
  },
});

// Q·R -----------------------------------------------------------------------------------------------------------------

/** Gram and Schmidt's method, one column after the other: Q [rows, count] and R [count, count]. */
function orthogonalized(a: Matrix, count: number): { q: Matrix; r: Matrix } {
  const columns = transposed(a, count);
  const r: Matrix = identity(count).map((row) => row.map(() => zero));
  const q: Matrix = [];
  columns.forEach((column, step) => {
    let rest = column;
    q.forEach((unit_, other) => {
      const share = dot(unit_, rest);
      (r[other] as Real[])[step] = share;
      rest = rest.map((each, row) => subtract(each, multiply(share, unit_[row] as Real)));
    });
    const length = apply(curves.sqrt as Curve, sum(rest.map((each) => multiply(each, each))));
    (r[step] as Real[])[step] = length;
    q.push(rest.map((each) => divide(each, length)));
  });
  return { q: transposed(q, a.length), r };
}

/**
 * What the rule (dQ + Q sym(R dRᵀ − dQᵀ Q)) R⁻ᵀ (Walter & Lehmann, 2018) may be off for an upstream gradient that is 1 at one
 * element of Q or R: roundings of its products, a residual of its triangular system, and what Q and R are off.
 */
function roundingOfRule(q: Matrix, r: Matrix, count: number): (ofQ: boolean, i: number, j: number) => Plain {
  const rows = q.length;
  const bounds = (m: Matrix): Plain => m.map((row) => row.map(({ bound }) => bound));
  const inverse = absolute(substitute(r, identity(count), false));
  const sumOf = (a: Plain, b: Plain): Plain => a.map((row, i) => row.map((each, j) => each + (b[i]?.[j] as number)));
  const exactly = { q: absolute(q), r: absolute(r), inverse: turned(inverse) };
  const doubtful = {
    q: sumOf(exactly.q, bounds(q)),
    r: sumOf(exactly.r, bounds(r)),
    inverse: turned(sumOf(inverse, plainTimes(plainTimes(inverse, bounds(r)), inverse))),
  };
  const condition = plainTimes(turned(exactly.r), exactly.inverse);
  return (ofQ, i, j) => {
    const through = (parts: typeof exactly): Plain => {
      const inner: Plain = Array.from({ length: count }, (_, p) =>
        Array.from({ length: count }, (__, s) =>
          ofQ ? (p === j ? (parts.q[i]?.[s] as number) : 0) : s === i ? (parts.r[p]?.[j] as number) : 0,
        ),
      );
      const mirrored = inner.map((row, p) => row.map((each, s) => (p >= s ? each : (inner[s]?.[p] as number))));
      const left = plainTimes(parts.q, mirrored);
      if (ofQ) (left[i] as number[])[j] = (left[i]?.[j] as number) + 1;
      return plainTimes(left, parts.inverse);
    };
    const x = through(exactly);
    const wide = through(doubtful);
    const residual = plainTimes(x, condition);
    const c = (rows + 2 * count + 6) * unit;
    return x.map((row, p) =>
      row.map((each, s) => c * each + unit * (residual[p]?.[s] as number) + ((wide[p]?.[s] as number) - each)),
    );
  };
}

const qr = op<SpectrumCase>({
  name: "qr",
  cases: spectrumCases
    .filter(({ rows, columns }) => rows * columns <= 20)
    .map((given) => ({ ...given, kind: isRegular(given) ? given.kind : "dominant" })),
  inputs: (given) => [drawn(given)],
  call: (_, a) => ops.qr(a as Node) as unknown as Node[],
  reference: ({ batch: lead, rows, columns }, a) => {
    const count = Math.min(rows, columns);
    const found = matricesOf(a as RealArray).map((each) => {
      const { q, r } = orthogonalized(each, count);
      const first = each.map((row) => row.slice(0, count));
      const rounding = roundingOfRule(q, r, count);
      const ruledQ = q.map((row, i) => row.map((x, j) => ruled(x, first, rounding(true, i, j))));
      const ruledR = r.map((row, i) => row.map((x, j) => (j < i ? x : ruled(x, first, rounding(false, i, j)))));
      const further = Array.from({ length: columns - count }, (_, column) =>
        each.map((row) => row[count + column] as Real),
      );
      const q_ = transposed(ruledQ, count);
      return {
        q: ruledQ,
        r: ruledR.map((row, i) => [...row, ...further.map((column) => dot(q_[i] as Real[], column))]),
      };
    });
    return [
      fromMatrices(
        lead,
        [rows, count],
        found.map(({ q }) => q),
      ),
      fromMatrices(
        lead,
        [count, columns],
        found.map(({ r }) => r),
      ),
    ];
  },
});

/** Of any matrix: orthonormal columns that give it back. Columns below 2⁻²⁰ of their length count as dependent. */
const qrBases = op<SpectrumCase>({
  name: "qr, bases",
  cases: spectrumCases.map((given) => ({ ...given, kind: given.kind === "not finite" ? "deficient" : given.kind })),
  inputs: (given) => [drawn(given)],
  call: (_, a) => {
    const [q, r] = ops.qr(a as Node) as unknown as [Node, Node];
    return [ops.matMul(q, r), ops.matMul(q, q, { transposeA: true })] as Node[];
  },
  reference: ({ batch: lead, rows, columns }, a) => {
    const count = Math.min(rows, columns);
    // Two products a round, of `rows` and of up to `count` terms, a difference and a division: of unit vectors.
    const orthogonality = 2 * (2 * rows + count + 6) * unit;
    const found = matricesOf(a as RealArray).map((each) =>
      each.map((row) =>
        row.map(({ value }, column) => {
          const length = Math.hypot(...each.map((other) => (other[column] as Real).value));
          const tail = columns > rows ? 0 : 2 ** -20;
          return new Real(value, ((count + 1) * orthogonality + (rows + count) * unit + tail) * length);
        }),
      ),
    );
    return [
      fromMatrices(lead, [rows, columns], found),
      build(
        [...lead, count, count],
        (position) => new Real(position.at(-1) === position.at(-2) ? 1 : 0, orthogonality + (rows + 1) * unit),
      ),
    ];
  },
  gradient: () => false,
});

export const spectrumSubjects: readonly Subject[] = [
  svd,
  bases,
  singularValues,
  eigh,
  eigenBases,
  matrixRank,
  pinv,
  lstsq,
  singularNorm,
  qr,
  qrBases,
];
