// Orthogonal factors: singular values and eigenvalues.
//
// The reference finds eigenvalues by Jacobi's rotations in float64, singular values as those of [[0, A], [Aᵀ, 0]]. The
// library computes in float64 too and rounds once, so values and vectors are within half an ULP, and what float64 leaves:
// ε · ‖A‖ of values, ε · ‖A‖ / gap of vectors. Slopes are those of first-order perturbation; where values are close, float32
// cannot tell them, which the bounds of the slopes say.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { halfUlp, unit } from "../../harness/estimate.ts";
import { build, type RealArray } from "../array.ts";
import { type Drawn, seeds, sizes } from "../draw.ts";
import { op } from "../op.ts";
import { exact, Real, unknown } from "../real.ts";
import type { Subject } from "../subject.ts";
import {
  entry,
  fromMatrices,
  type Kind,
  type Matrix,
  matricesOf,
  matrixDraw,
  type Plain,
  transposed,
} from "./linearAlgebra.ts";

type Node = SymbolicTensor;

/** What float64 leaves of ‖A‖, with room for the sweeps of both. */
export const wideError: number = 2 ** -44;

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

export const plain = (a: Matrix): Plain => a.map((row) => row.map(({ value }) => value));
export const normOf = (a: Plain): number => Math.hypot(...a.flat());
const isFinite_ = (a: Matrix): boolean => a.every((row) => row.every(({ value }) => Number.isFinite(value)));
const notANumber: Real = exact(Number.NaN);

export interface Singular {
  readonly s: number[];
  /** u[i], v[i] belong to s[i]. */
  readonly u: number[][];
  readonly v: number[][];
  readonly norm: number;
  /** How far float64 may turn vector i. */
  readonly doubt: number[];
}

/** Of a matrix of `rows` × `columns`. */
export function singularOf(a: Matrix, rows: number, columns: number): Singular {
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
export function dependent(
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
export function singularReals(a: Matrix, rows: number, columns: number): Real[] {
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

export interface SpectrumCase {
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
export const spectrumCases: fc.Arbitrary<SpectrumCase> = fc.record({
  batch,
  rows: sizes(6),
  columns: sizes(6),
  kind: fc.constantFrom(...kinds),
  seed: seeds,
});
export const drawn = ({ batch: lead, rows, columns, kind }: SpectrumCase): Drawn => ({
  shape: [...lead, rows, columns],
  draw: matrixDraw(kind, rows, columns),
});
export const isRegular = ({ kind }: SpectrumCase): boolean => !["deficient", "zero", "not finite"].includes(kind);

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
export const nearIdentity = (lead: readonly number[], size: number, length: number): RealArray =>
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
  const lower = a.map((row, i) => row.map((_, j) => entry(a, Math.max(i, j), Math.min(i, j)).value));
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
      const lower = each.map((row, i) => row.map((_, j) => entry(each, Math.max(i, j), Math.min(i, j)).value));
      const norm = normOf(lower);
      return lower.map((row) => row.map((value) => new Real(value, ((rows + 5) * unit + wideError) * norm)));
    });
    return [fromMatrices(lead, [rows, rows], found), nearIdentity(lead, rows, rows)];
  },
  gradient: () => false,
});

export const spectrumSubjects: readonly Subject[] = [svd, bases, singularValues, eigh, eigenBases];
