// Q·R: Gram and Schmidt's method, and what holds of Q and R whatever the matrix.

import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { unit } from "../../harness/estimate.ts";
import { build, type RealArray } from "../array.ts";
import { op } from "../op.ts";
import { apply, type Curve, divide, dot, multiply, Real, subtract, sum, zero } from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";
import {
  absolute,
  fromMatrices,
  identity,
  type Matrix,
  matricesOf,
  type Plain,
  plainTimes,
  ruled,
  substitute,
  transposed,
  turned,
} from "./linearAlgebra.ts";
import { drawn, isRegular, type SpectrumCase, spectrumCases } from "./spectra.ts";

type Node = SymbolicTensor;

/** The same number behind a rounded division by a scale. */
const scaled = (x: Real): Real => new Real(x.value, x.bound + unit * Math.abs(x.value), [x], [1], [unit]);

/**
 * Gram and Schmidt's method, one column after the other, of columns that are scaled so that squares are float32:
 * Q [rows, count], and R = Qᵀ·A [count, count].
 */
function orthogonalized(a: Matrix, count: number): { q: Matrix; r: Matrix } {
  const columns = transposed(a, count);
  const q: Matrix = [];
  columns.forEach((column) => {
    let rest = column.map(scaled);
    q.forEach((unit_) => {
      const share = dot(unit_, rest);
      rest = rest.map((each, row) => subtract(each, multiply(share, unit_[row] as Real)));
    });
    const length = apply(curves.sqrt as Curve, sum(rest.map((each) => multiply(each, each))));
    q.push(rest.map((each) => divide(each, length)));
  });
  const r = q.map((each, row) => columns.map((column, other) => (other < row ? zero : dot(each, column))));
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

export const orthogonalizationSubjects: readonly Subject[] = [qr, qrBases];
