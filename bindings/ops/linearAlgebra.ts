// How are the factors, inverses and determinants of small matrices made of other operations?
//
// Elimination is unrolled: a program grows with the matrix, which is why the size is limited. A larger system is solved
// faster by iterating, and one of hundreds of equations elsewhere.

import { check } from "../errors.ts";
import { constant, errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { type Shape, sameShape, sizeOf, Tensor } from "../tensor.ts";
import { diagonal, swapAxes, tril, triu } from "./composedMoves.ts";
import { norm } from "./composedReductions.ts";
import { concat, slice } from "./copy.ts";
import { eye } from "./creation.ts";
import { withRule } from "./customGradient.ts";
import { abs, asFloat, broadcastTo, divide, equal, log, multiply, negate, sign, sqrt, subtract, where } from "./map.ts";
import { matMul } from "./matMul.ts";
import { argMax, product, sum } from "./reduce.ts";
import { reshape, squeeze } from "./view.ts";

type Node = SymbolicTensor;

/** Most rows of a matrix whose elimination is unrolled. */
const mostRows = 64;

// Systems of equations ------------------------------------------------------------------------------------------------

/**
 * x with a·x = b: a [..., n, n], b [..., n, m] or [..., n]. By Gauss and Jordan's elimination, the largest pivot first.
 * Infinite or NaN where a is singular.
 * @throws {TensorError} `shape` when shapes do not fit, `unsupported` for more than 64 rows.
 */
export function solve(a: Operand, b: Operand): Node {
  return onColumns("solve", a, b, (matrix, columns) => withRule(solved, [matrix, columns]));
}

/** The value of {@link solve} for [batch, n, n] and [batch, n, m], and its gradients: db = a⁻ᵀ dx, da = −db xᵀ. */
function solved(a: Node, b: Node): readonly [Node, (dx: Node) => readonly Node[]] {
  const [batch = 1, size = 1] = a.shape;
  let rows = concat([a, b], 2);
  for (let step = 0; step < size; step++) {
    const { pivotRow, swapped } = pivoted(rows, step);
    const scaled = divide(pivotRow, slice(pivotRow, [0, 0, step], [batch, 1, 1]));
    const cleared = subtract(swapped, multiply(slice(swapped, [0, 0, step], [batch, size, 1]), scaled));
    rows = where(
      rowMask(size, (row) => row === step),
      scaled,
      cleared,
    );
  }
  const x = slice(rows, [0, 0, size], b.shape);
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
 * @throws {TensorError} `shape` when shapes do not fit, `unsupported` for more than 64 rows.
 */
export function solveTriangular(a: Operand, b: Operand, lower = false): Node {
  return onColumns("solveTriangular", a, b, (matrix, columns) =>
    withRule((each, right) => substituted(each, right, lower), [matrix, columns]),
  );
}

function substituted(a: Node, b: Node, lower: boolean): readonly [Node, (dx: Node) => readonly Node[]] {
  const [batch = 1, size = 1, width = 1] = b.shape;
  const found: Node[] = [];
  let rest = b;
  for (let step = 0; step < size; step++) {
    const place = lower ? step : size - 1 - step;
    const own = divide(slice(rest, [0, place, 0], [batch, 1, width]), slice(a, [0, place, place], [batch, 1, 1]));
    found[place] = own;
    const others = rowMask(size, (row) => (lower ? row > place : row < place));
    const column = where(others, slice(a, [0, 0, place], [batch, size, 1]), 0);
    if (step < size - 1) rest = subtract(rest, multiply(column, own));
  }
  const x = concat(found, 1);
  return [
    x,
    (dx) => {
      const db = withRule((each, right) => substituted(each, right, !lower), [swapAxes(a, 1, 2), dx]);
      const da = negate(matMul(db, swapAxes(x, 1, 2)));
      return [lower ? tril(da) : triu(da), db];
    },
  ];
}

/** a⁻¹ of matrices [..., n, n]; see {@link solve}, which is better where the inverse would only be multiplied by. */
export function inv(a: Operand): Node {
  const node = asFloat(a);
  const size = rowsOf("inv", node);
  return solve(node, broadcastTo(eye(size), node.shape));
}

/** The determinant of matrices [..., n, n] → [...]. Its gradient holds for regular matrices. */
export function det(a: Operand): Node {
  const { pivots, swaps, batch } = pivotsOf("det", a);
  return reshape(multiply(product(pivots, 1), product(swaps, 1)), batch);
}

/** Sign and logarithm of the absolute value of the determinant, which may be too large for a number: [...] each. */
export function slogdet(a: Operand): readonly [sign: Node, logAbsolute: Node] {
  const { pivots, swaps, batch } = pivotsOf("slogdet", a);
  return [
    reshape(multiply(product(sign(pivots), 1), product(swaps, 1)), batch),
    reshape(sum(log(abs(pivots)), 1), batch),
  ];
}

/** The logarithm of the determinant of symmetric positive definite matrices, 2 · Σ ln L_ii: [..., n, n] → [...]. */
export function logdet(a: Operand): Node {
  return multiply(sum(log(diagonal(cholesky(a), 0, -2, -1)), -1), 2);
}

// Factors -------------------------------------------------------------------------------------------------------------

/**
 * The lower triangle L with L·Lᵀ = a, for symmetric positive definite a [..., n, n], of which only the lower triangle is
 * read and has a gradient. NaN where a is not positive definite.
 * @throws {TensorError} `shape` unless the matrices are square, `unsupported` for more than 64 rows.
 */
export function cholesky(a: Operand): Node {
  const node = asFloat(a);
  const size = rowsOf("cholesky", node);
  let rest = batched(node);
  const [batch = 1] = rest.shape;
  const columns: Node[] = [];
  for (let step = 0; step < size; step++) {
    const root = sqrt(slice(rest, [0, step, step], [batch, 1, 1]));
    const below = rowMask(size, (row) => row >= step);
    const column = where(below, divide(slice(rest, [0, 0, step], [batch, size, 1]), root), 0);
    columns.push(column);
    if (step < size - 1) rest = subtract(rest, multiply(column, reshape(column, [batch, 1, size])));
  }
  return reshape(concat(columns, 2), node.shape);
}

/** (L·Lᵀ)⁻¹ for lower triangles L [..., n, n]; with `upper` (Uᵀ·U)⁻¹ for upper ones. */
export function choleskyInverse(factor: Operand, upper = false): Node {
  const node = asFloat(factor);
  const inverse = solveTriangular(node, broadcastTo(eye(rowsOf("choleskyInverse", node)), node.shape), !upper);
  return upper ? matMul(inverse, inverse, { transposeB: true }) : matMul(inverse, inverse, { transposeA: true });
}

/**
 * Q with orthogonal columns of length 1 and an upper triangle R with Q·R = a: [..., m, n] → [..., m, k] and [..., k, n],
 * k being the smaller of m and n. The diagonal of R is positive. By Gram and Schmidt's method, each column twice (Giraud
 * et al., 2005); the first k columns must be linearly independent.
 * @throws {TensorError} `shape` for less than two axes, `unsupported` for k above 64.
 */
export function qr(a: Operand): readonly [q: Node, r: Node] {
  const node = asFloat(a);
  const [rows = 1, columns = 1] = matrixOf("qr", node);
  const count = Math.min(rows, columns);
  checkRows("qr", count);
  const matrices = batched(node);
  const [batch = 1] = matrices.shape;
  let q: Node | undefined;
  for (let step = 0; step < count; step++) {
    let column = slice(matrices, [0, 0, step], [batch, rows, 1]);
    if (q !== undefined)
      for (let round = 0; round < 2; round++) column = subtract(column, matMul(q, matMul(swapAxes(q, 1, 2), column)));
    const unit = divide(column, norm(column, "euclidean", 1, true));
    q = q === undefined ? unit : concat([q, unit], 2);
  }
  const lead = node.shape.slice(0, -2);
  const basis = q as Node;
  return [
    reshape(basis, [...lead, rows, count]),
    reshape(triu(matMul(swapAxes(basis, 1, 2), matrices)), [...lead, count, columns]),
  ];
}

// Parts ---------------------------------------------------------------------------------------------------------------

/** Rows [batch, n, ...] with the row of the largest number of column `step`, from there on down, in place `step`. */
function pivoted(rows: Node, step: number): { pivotRow: Node; swapped: Node; place: Node } {
  const [batch = 1, size = 1, width = 1] = rows.shape;
  const column = abs(slice(rows, [0, 0, step], [batch, size, 1]));
  const place = argMax(
    where(
      rowMask(size, (row) => row >= step),
      column,
      -1,
    ),
    1,
  );
  const indices = constant(
    Tensor.of(
      Int32Array.from({ length: size }, (_, row) => row),
      [size, 1],
      "int32",
    ),
  );
  const chosen = equal(indices, reshape(place, [batch, 1, 1]));
  const pivotRow = sum(where(chosen, rows, 0), 1, true);
  const own = slice(rows, [0, step, 0], [batch, 1, width]);
  const swapped = where(
    rowMask(size, (row) => row === step),
    pivotRow,
    where(chosen, own, rows),
  );
  return { pivotRow, swapped, place };
}

/** What elimination divides by, step by step, and −1 for each exchange of rows: [batch, n] both. */
function pivotsOf(name: string, a: Operand): { pivots: Node; swaps: Node; batch: Shape } {
  const node = asFloat(a);
  const size = rowsOf(name, node);
  let rows = batched(node);
  const [batch = 1] = rows.shape;
  const [pivots, swaps]: [Node[], Node[]] = [[], []];
  for (let step = 0; step < size; step++) {
    const { pivotRow, swapped, place } = pivoted(rows, step);
    const pivot = slice(pivotRow, [0, 0, step], [batch, 1, 1]);
    pivots.push(reshape(pivot, [batch, 1]));
    swaps.push(reshape(where(equal(place, step), 1, asFloat(-1)), [batch, 1]));
    // Where the pivot is 0 there is nothing to clear.
    const factors = divide(slice(swapped, [0, 0, step], [batch, size, 1]), where(equal(pivot, 0), 1, pivot));
    rows = subtract(
      swapped,
      multiply(
        where(
          rowMask(size, (row) => row > step),
          factors,
          0,
        ),
        pivotRow,
      ),
    );
  }
  return { pivots: concat(pivots, 1), swaps: concat(swaps, 1), batch: node.shape.slice(0, -2) };
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

function rowMask(size: number, holds: (row: number) => boolean): Node {
  return constant(
    Tensor.of(
      Uint8Array.from({ length: size }, (_, row) => (holds(row) ? 1 : 0)),
      [size, 1],
      "bool",
    ),
  );
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
  check(rows === columns && rows > 0, "shape", () => ({
    where: errorPlace(name),
    expected: "square matrices [..., n, n]",
    received: `[${x.shape.join(", ")}]`,
  }));
  checkRows(name, rows);
  return rows;
}

function checkRows(name: string, rows: number): void {
  check(rows <= mostRows, "unsupported", () => ({
    where: errorPlace(name),
    expected: `at most ${mostRows} rows`,
    received: String(rows),
    remedy: "Elimination is unrolled into the program, which would become too long.",
  }));
}
