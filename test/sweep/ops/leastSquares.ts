// What singular values say of a matrix: its rank, its norms, its inverse in the sense of least squares.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { unit } from "../../harness/estimate.ts";
import { build, type RealArray, sizeOf } from "../array.ts";
import { seeds, sizes } from "../draw.ts";
import { op } from "../op.ts";
import { Real, sum, unknown } from "../real.ts";
import type { Subject } from "../subject.ts";
import { fromMatrices, type Matrix, matricesOf, type Plain, plainTimes, turned } from "./linearAlgebra.ts";
import { product } from "./matMul.ts";
import {
  dependent,
  drawn,
  plain,
  type SpectrumCase,
  singularOf,
  singularReals,
  spectrumCases,
  wideError,
} from "./spectra.ts";

type Node = SymbolicTensor;

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

export const leastSquaresSubjects: readonly Subject[] = [matrixRank, pinv, lstsq, singularNorm];
