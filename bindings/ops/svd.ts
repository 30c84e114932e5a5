// Which orthonormal bases turn a matrix into a diagonal one, and how do they change with it?

import * as code from "../../assembly/opcodes.ts";
import { reads, writes } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import {
  checkFlag,
  constant,
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
} from "../graph.ts";
import { type Shape, sizeOf } from "../tensor.ts";
import { flip, swapAxes, tril } from "./composedMoves.ts";
import { concat, pad, slice } from "./copy.ts";
import { eye } from "./creation.ts";
import { add, asFloat, broadcastTo, divide, equal, full, multiply, subtract, where } from "./map.ts";
import { matMul } from "./matMul.ts";
import { reshape, stopGradient } from "./view.ts";

type Node = SymbolicTensor;
type Attributes = { readonly symmetric: boolean };

/**
 * [batch, m, n] with m ≥ n → [batch, 1 + n + m, n]: a row of singular values in descending order, V, U. Of symmetric
 * matrices → [batch, 1 + n, n]: a row of eigenvalues in descending order, V.
 */
const svdOp: Operation<Attributes> = defineOp({
  name: "svd",
  infer: ([x], { symmetric }) => {
    const [batch = 1, rows = 1, columns = 1] = (x as Node).shape;
    return { shape: [batch, 1 + columns + (symmetric ? 0 : rows), columns], dtype: "float32" };
  },
  gradient: (node, dy) => [(node.attributes.symmetric ? eigenGradient : singularGradient)(partsOf(node), partsOf(dy))],
  // Behind the result stand the columns that are rotated, in float64.
  trailing: ({ inputs: [x] }) => workBytes((x as Node).shape) + 8,
  lower: (node) => {
    const x = node.inputs[0] as Node;
    const [batch = 1, rows = 1, columns = 1] = x.shape;
    return [
      {
        opcode: code.SVD,
        name: "svd",
        units: batch,
        grain: Math.max(1, Math.floor(2000 / (rows * columns * columns))),
        operands: {
          x: reads(x),
          out: writes(node),
          work: writes(node, 8 * Math.ceil(node.size / 2)),
          rows,
          columns,
          symmetric: node.attributes.symmetric ? 1 : 0,
        },
        // Some eight sweeps over all pairs of columns.
        flops: 8 * batch * columns * columns * (6 * rows + 3 * columns),
      },
    ];
  },
});

function workBytes([batch = 1, rows = 1, columns = 1]: Shape): number {
  return 16 * batch * columns * (Math.ceil(rows / 2) + Math.ceil(columns / 2));
}

/** Values [batch, 1, n], V [batch, n, n] and U [batch, m, n], which an eigendecomposition lacks. */
interface Parts {
  readonly values: Node;
  readonly v: Node;
  readonly u: Node;
}

function partsOf(packed: Node): Parts {
  const [batch = 1, rows = 1, columns = 1] = packed.shape;
  const block = (begin: number, count: number): Node => slice(packed, [0, begin, 0], [batch, count, columns]);
  return { values: block(0, 1), v: block(1, columns), u: block(1 + columns, rows - 1 - columns) };
}

// Gradients -----------------------------------------------------------------------------------------------------------

/** V (diag dλ + F ∘ VᵀdV) Vᵀ with F_ij = 1 / (λ_j − λ_i) (Giles, 2008, 3.1). */
function eigenGradient({ values, v }: Parts, { values: dValues, v: dv }: Parts): Node {
  const turning = matMul(v, dv, { transposeA: true });
  const inner = add(multiply(turning, offDiagonal(subtract(values, swapAxes(values, 1, 2)))), spread(dValues));
  return matMul(matMul(v, inner), v, { transposeB: true });
}

/**
 * U (diag ds + (F ∘ (UᵀdU − dUᵀU)) S + S (F ∘ (VᵀdV − dVᵀV))) Vᵀ + (1 − UUᵀ) dU S⁻¹ Vᵀ with F_ij = 1 / (s_j² − s_i²)
 * (Giles, 2008, 3.2; Townsend, 2016).
 */
function singularGradient({ values, v, u }: Parts, { values: dValues, v: dv, u: du }: Parts): Node {
  const rows = swapAxes(values, 1, 2);
  // s_j² − s_i² as a product keeps its digits.
  const factors = offDiagonal(multiply(subtract(values, rows), add(values, rows)));
  const ofU = matMul(u, du, { transposeA: true });
  const ofV = matMul(v, dv, { transposeA: true });
  const turned = (each: Node): Node => multiply(subtract(each, swapAxes(each, 1, 2)), factors);
  const inner = add(add(multiply(turned(ofU), values), multiply(rows, turned(ofV))), spread(dValues));
  const outside = multiply(subtract(du, matMul(u, ofU)), reciprocalOrZero(values));
  return matMul(add(matMul(u, inner), outside), v, { transposeB: true });
}

/** 1 / x off the diagonal of matrices [batch, n, n], and 0 where x is 0. */
function offDiagonal(x: Node): Node {
  return where(eye(x.shape[2] as number), 0, reciprocalOrZero(x));
}

/** 1 / x, and 0 where x is 0. */
function reciprocalOrZero(x: Node): Node {
  const zero = equal(x, 0);
  return where(zero, 0, divide(1, where(zero, 1, x)));
}

/** A row [batch, 1, n] as the diagonal of matrices [batch, n, n]. */
function spread(row: Node): Node {
  return multiply(row, eye(row.shape[2] as number));
}

// What users call -----------------------------------------------------------------------------------------------------

/**
 * U, s and Vᵀ with U·diag(s)·Vᵀ = a: [..., m, n] → [..., m, k], [..., k], [..., k, n], k being the smaller of m and n; with
 * `fullMatrices` U [..., m, m] and Vᵀ [..., n, n], whose further vectors complete the bases. s is in descending order, and
 * the largest entry of each column of the smaller of U and V is positive. By one-sided Jacobi rotations in float64. The
 * gradients hold where singular values are different and not 0; what equal ones would add to them is left out. The further
 * vectors of full matrices have none. NaN where a is not finite.
 * @throws {TensorError} `shape` unless these are matrices.
 */
export function svd(a: Operand, fullMatrices = false): readonly [u: Node, s: Node, vh: Node] {
  checkFlag("svd", "fullMatrices", fullMatrices);
  const { node, lead, rows, columns } = matricesOf("svd", a);
  if (node.size === 0 && sizeOf(lead) !== 0 && rows * columns === 0) {
    // Without rows or columns there are no singular values.
    const basis = (size: number): Node =>
      fullMatrices ? broadcastTo(constant(eye(size)), [...lead, size, size]) : full([...lead, size, 0], 0);
    return [basis(rows), full([...lead, 0], 0), swapAxes(basis(columns), -1, -2)];
  }
  if (rows < columns) {
    const [u, s, vh] = svd(swapAxes(node, -1, -2), fullMatrices);
    return [swapAxes(vh, -1, -2), s, swapAxes(u, -1, -2)];
  }
  const batch = sizeOf(lead);
  const matrices = reshape(node, [batch, rows, columns]);
  const { values, v, u } = partsOf(makeNode(svdOp, [matrices], { symmetric: false }));
  const found = { s: reshape(values, [...lead, columns]), vh: reshape(swapAxes(v, 1, 2), [...lead, columns, columns]) };
  if (!fullMatrices || rows === columns) return [reshape(u, [...lead, rows, columns]), found.s, found.vh];
  // Columns of zeros have the unit vectors that complete U.
  const none = [0, 0] as const;
  const { u: whole } = partsOf(
    makeNode(svdOp, [stopGradient(pad(matrices, [none, none, [0, rows - columns]]))], { symmetric: false }),
  );
  const further = slice(whole, [0, 0, columns], [batch, rows, rows - columns]);
  return [reshape(concat([u, further], 2), [...lead, rows, rows]), found.s, found.vh];
}

/** The singular values of matrices [..., m, n], in descending order: [..., k] with the smaller k of m and n. */
export function singularValues(a: Operand): Node {
  return svd(a)[1];
}

/**
 * Eigenvalues in ascending order and, as columns, the eigenvectors of symmetric a [..., n, n], of which only the lower
 * triangle is read and has a gradient: [..., n] and [..., n, n]. The largest entry of each vector is positive. The
 * gradients hold where eigenvalues are different; what equal ones would add is left out. See {@link svd}.
 * @throws {TensorError} `shape` unless the matrices are square.
 */
export function eigh(a: Operand): readonly [values: Node, vectors: Node] {
  const { node, lead, rows, columns } = matricesOf("eigh", a);
  check(rows === columns, "shape", () => ({
    where: errorPlace("eigh"),
    expected: "square matrices [..., n, n]",
    received: `[${node.shape.join(", ")}]`,
  }));
  if (rows === 0) return [full([...lead, 0], 0), node];
  const symmetric = add(tril(node), swapAxes(tril(node, -1), -1, -2));
  const matrices = reshape(symmetric, [sizeOf(lead), rows, rows]);
  const { values, v } = partsOf(makeNode(svdOp, [matrices], { symmetric: true }));
  return [reshape(flip(values, 2), [...lead, rows]), reshape(flip(v, 2), node.shape)];
}

function matricesOf(
  name: string,
  a: Operand,
): { readonly node: Node; readonly lead: Shape; readonly rows: number; readonly columns: number } {
  const node = asFloat(a);
  const [rows = 0, columns = 0] = node.shape.slice(-2);
  check(node.shape.length >= 2, "shape", () => ({
    where: errorPlace(name),
    expected: "matrices [..., m, n]",
    received: `[${node.shape.join(", ")}]`,
  }));
  return { node, lead: node.shape.slice(0, -2), rows, columns };
}
