// How are systems of equations solved, and what are the factors, inverses and determinants of matrices?

import { check } from "../errors.ts";
import { checkFlag, errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { type Shape, sameShape, sizeOf } from "../tensor.ts";
import { diagonal, swapAxes, tril, triu } from "./composedMoves.ts";
import { norm } from "./composedReductions.ts";
import { concat, slice } from "./copy.ts";
import { eye } from "./creation.ts";
import { oneHot } from "./crossEntropy.ts";
import { withRule } from "./customGradient.ts";
import { choleskyFactor, lu, permuted, triangular } from "./factor.ts";
import {
  abs,
  add,
  asFloat,
  broadcastTo,
  divide,
  equal,
  full,
  lessEqual,
  log,
  multiply,
  negate,
  sign,
  square,
  subtract,
  where,
} from "./map.ts";
import { matMul } from "./matMul.ts";
import { argMin, max, product, sum } from "./reduce.ts";
import { expandDims, reshape, squeeze } from "./view.ts";

type Node = SymbolicTensor;

/** Most columns that are made orthogonal, which is unrolled. */
const mostColumns = 64;

// Systems of equations ------------------------------------------------------------------------------------------------

/**
 * x with a·x = b: a [..., n, n], b [..., n, m] or [..., n]. By elimination, the largest pivot first.
 * Infinite or NaN where a is singular.
 * @throws {TensorError} `shape` when shapes do not fit.
 */
export function solve(a: Operand, b: Operand): Node {
  return onColumns("solve", a, b, (matrix, columns) => withRule(solved, [matrix, columns]));
}

/** The value of {@link solve} for [batch, n, n] and [batch, n, m], and its gradients: db = a⁻ᵀ dx, da = −db xᵀ. */
function solved(a: Node, b: Node): readonly [Node, (dx: Node) => readonly Node[]] {
  const { factors, order } = lu(a);
  const x = triangular(factors, triangular(factors, permuted(b, order), { lower: true, unit: true }), { lower: false });
  return [
    x,
    (dx) => {
      const db = withRule(solved, [swapAxes(a, 1, 2), dx]);
      return [negate(matMul(db, swapAxes(x, 1, 2))), db];
    },
  ];
}

/**
 * x with a·x = b for a triangular a [..., n, n], of which only that triangle is read: the upper one, or with `lower` the
 * lower one. b [..., n, m] or [..., n].
 * @throws {TensorError} `shape` when shapes do not fit.
 */
export function solveTriangular(a: Operand, b: Operand, lower = false): Node {
  checkFlag("solveTriangular", "lower", lower);
  return onColumns("solveTriangular", a, b, (matrix, columns) => triangular(matrix, columns, { lower }));
}

/** a⁻¹ of matrices [..., n, n]; see {@link solve}, which is better where the inverse would only be multiplied by. */
export function inv(a: Operand): Node {
  const node = asFloat(a);
  const size = rowsOf("inv", node);
  return solve(node, broadcastTo(eye(size), node.shape));
}

/** The determinant of matrices [..., n, n] → [...]. Its gradient holds for regular matrices. */
export function det(a: Operand): Node {
  const { pivots, sign: swaps, batch } = pivotsOf("det", a);
  return reshape(multiply(product(pivots, 1), swaps), batch);
}

/** Sign and logarithm of the absolute value of the determinant, which may be too large for a number: [...] each. */
export function slogdet(a: Operand): readonly [sign: Node, logAbsolute: Node] {
  const { pivots, sign: swaps, batch } = pivotsOf("slogdet", a);
  return [reshape(multiply(product(sign(pivots), 1), swaps), batch), reshape(sum(log(abs(pivots)), 1), batch)];
}

/** The logarithm of the determinant of symmetric positive definite matrices, 2 · Σ ln L_ii: [..., n, n] → [...]. */
export function logdet(a: Operand): Node {
  return multiply(sum(log(diagonal(cholesky(a), 0, -2, -1)), -1), 2);
}

// Factors -------------------------------------------------------------------------------------------------------------

/**
 * The lower triangle L with L·Lᵀ = a, for symmetric positive definite a [..., n, n], of which only the lower triangle is
 * read and has a gradient. NaN where a is not positive definite.
 * @throws {TensorError} `shape` unless the matrices are square.
 */
export function cholesky(a: Operand): Node {
  const node = asFloat(a);
  rowsOf("cholesky", node);
  return reshape(choleskyFactor(batched(node)), node.shape);
}

/**
 * L·U = P·a by elimination, the largest pivot of each column first: L without its diagonal of ones below U, [..., n, n], and
 * for each row of P·a its number in a, int32 [..., n]. The gradient holds for regular matrices.
 * @throws {TensorError} `shape` unless the matrices are square.
 */
export function luFactor(a: Operand): readonly [factors: Node, order: Node] {
  const node = asFloat(a);
  rowsOf("luFactor", node);
  const { factors, order } = lu(batched(node));
  return [reshape(factors, node.shape), reshape(order, node.shape.slice(0, -1))];
}

/** (L·Lᵀ)⁻¹ for lower triangles L [..., n, n]; with `upper` (Uᵀ·U)⁻¹ for upper ones. */
export function choleskyInverse(factor: Operand, upper = false): Node {
  checkFlag("choleskyInverse", "upper", upper);
  const node = asFloat(factor);
  const inverse = solveTriangular(node, broadcastTo(eye(rowsOf("choleskyInverse", node)), node.shape), !upper);
  return upper ? matMul(inverse, inverse, { transposeB: true }) : matMul(inverse, inverse, { transposeA: true });
}

/**
 * Q with orthogonal columns of length 1 and an upper triangle R with Q·R = a: [..., m, n] → [..., m, k] and [..., k, n],
 * k being the smaller of m and n. The diagonal of R is positive, and about 0 where a column depends on those before it. By
 * Gram and Schmidt's method, each column twice (Giraud et al., 2005). The gradient holds where the first k columns are
 * linearly independent.
 * @throws {TensorError} `shape` for less than two axes, `unsupported` for k above 64.
 */
export function qr(a: Operand): readonly [q: Node, r: Node] {
  const node = asFloat(a);
  const [rows = 1, columns = 1] = matrixOf("qr", node);
  const count = Math.min(rows, columns);
  checkColumns("qr", count);
  if (node.size === 0) {
    const outer = node.shape.slice(0, -2);
    return [full([...outer, rows, count], 0), full([...outer, count, columns], 0)];
  }
  const matrices = batched(node);
  const [batch = 1] = matrices.shape;
  const packed = withRule(orthogonalized, [slice(matrices, [0, 0, 0], [batch, rows, count])]);
  const q = slice(packed, [0, 0, 0], [batch, rows, count]);
  const r = slice(packed, [0, rows, 0], [batch, count, count]);
  const further = slice(matrices, [0, 0, count], [batch, rows, columns - count]);
  const lead = node.shape.slice(0, -2);
  const whole = count === columns ? r : concat([r, matMul(q, further, { transposeA: true })], 2);
  return [reshape(q, [...lead, rows, count]), reshape(whole, [...lead, count, columns])];
}

/**
 * Q, and below it R, of [batch, m, n] with m ≥ n. The gradient is (dQ + Q · sym(R dRᵀ − dQᵀ Q)) R⁻ᵀ, where sym mirrors the
 * lower triangle (Walter & Lehmann, 2018).
 */
function orthogonalized(a: Node): readonly [Node, (upstream: Node) => Node] {
  const [batch = 1, rows = 1, columns = 1] = a.shape;
  const lengthOf = (column: Node): Node => norm(column, "euclidean", 1, true);
  const freed = (column: Node, from: Node | undefined): Node => {
    let rest = column;
    if (from !== undefined)
      for (let round = 0; round < 2; round++)
        rest = subtract(rest, matMul(from, matMul(from, rest, { transposeA: true })));
    return rest;
  };
  // Q does not depend on the lengths of columns: squares of what is scaled are float32.
  const scale = max(abs(a), 1, true);
  const scaled = divide(a, where(equal(scale, 0), 1, scale));
  let basis: Node | undefined;
  for (let step = 0; step < columns; step++) {
    const column = slice(scaled, [0, 0, step], [batch, rows, 1]);
    const rest = freed(column, basis);
    const length = lengthOf(rest);
    // What is left of a column that depends on the others is rounding: the axis that they leave most of stands for it.
    const dependent = lessEqual(length, multiply(lengthOf(column), 2 ** -20));
    const covered = basis === undefined ? full([batch, rows], 0) : sum(square(basis), 2);
    const axis = freed(expandDims(oneHot(argMin(covered, 1), rows), 2), basis);
    const unit = divide(where(dependent, axis, rest), where(dependent, lengthOf(axis), length));
    basis = basis === undefined ? unit : concat([basis, unit], 2);
  }
  const q = basis as Node;
  const r = triu(matMul(q, a, { transposeA: true }));
  return [
    concat([q, r], 1),
    (upstream) => {
      const packed = withRule(orthogonalized, [a]);
      const parts = (x: Node): readonly [Node, Node] => [
        slice(x, [0, 0, 0], [batch, rows, columns]),
        slice(x, [0, rows, 0], [batch, columns, columns]),
      ];
      const [[ownQ, ownR], [dq, dr]] = [parts(packed), parts(upstream)];
      const inner = subtract(matMul(ownR, triu(dr), { transposeB: true }), matMul(dq, ownQ, { transposeA: true }));
      const mirrored = add(tril(inner), swapAxes(tril(inner, -1), 1, 2));
      const left = add(dq, matMul(ownQ, mirrored));
      return swapAxes(triangular(ownR, swapAxes(left, 1, 2), { lower: false }), 1, 2);
    },
  ];
}

// Parts ---------------------------------------------------------------------------------------------------------------

/** The diagonal of U [batch, n], and the sign of the permutation [batch]. */
function pivotsOf(name: string, a: Operand): { pivots: Node; sign: Node; batch: Shape } {
  const node = asFloat(a);
  rowsOf(name, node);
  const { factors, sign } = lu(batched(node));
  return { pivots: diagonal(factors, 0, 1, 2), sign, batch: node.shape.slice(0, -2) };
}

/** `apply` on [batch, n, n] and [batch, n, m], for b of columns or of single vectors. */
function onColumns(name: string, a: Operand, b: Operand, apply: (a: Node, b: Node) => Node): Node {
  const [matrices, right] = [asFloat(a), asFloat(b)];
  const size = rowsOf(name, matrices);
  const lead = matrices.shape.slice(0, -2);
  const vectors = right.shape.length === lead.length + 1;
  const columns = vectors ? reshape(right, [...right.shape, 1]) : right;
  check(sameShape(columns.shape.slice(0, -1), [...lead, size]), "shape", () => ({
    where: errorPlace(name),
    expected: `a right side of shape [${[...lead, size].join(", ")}] or [${[...lead, size, "m"].join(", ")}]`,
    received: `[${right.shape.join(", ")}]`,
  }));
  const result = reshape(apply(batched(matrices), batched(columns)), columns.shape);
  return vectors ? squeeze(result, -1) : result;
}

function batched(x: Node): Node {
  return reshape(x, [sizeOf(x.shape.slice(0, -2)), ...x.shape.slice(-2)]);
}

function matrixOf(name: string, x: Node): Shape {
  check(x.shape.length >= 2, "shape", () => ({
    where: errorPlace(name),
    expected: "matrices [..., m, n]",
    received: `[${x.shape.join(", ")}]`,
  }));
  return x.shape.slice(-2);
}

function rowsOf(name: string, x: Node): number {
  const [rows = 0, columns = 0] = matrixOf(name, x);
  check(rows === columns, "shape", () => ({
    where: errorPlace(name),
    expected: "square matrices [..., n, n]",
    received: `[${x.shape.join(", ")}]`,
  }));
  return rows;
}

function checkColumns(name: string, columns: number): void {
  check(columns <= mostColumns, "unsupported", () => ({
    where: errorPlace(name),
    expected: `at most ${mostColumns} columns`,
    received: String(columns),
    remedy: "Each column is a part of the program, which would become too long.",
  }));
}
