// Which matrices transform the tiles of Winograd's algorithm? assembly/kernels/convWinogradTransforms.ts tells what they are.

import { constant, type SymbolicTensor } from "../graph.ts";
import { Tensor } from "../tensor.ts";

type Matrix = readonly (readonly number[])[];

/** Beside 0 and ∞, the points ±p and ±q. */
const [P, Q] = [0.75, 1.5];
const [P2, Q2] = [P * P, Q * Q];

/** Bᵀ, G and Aᵀ. */
const inputMatrix: Matrix = [
  [P2 * Q2, 0, -P2 - Q2, 0, 1, 0],
  [0, P2 * Q2, 0, -P2 - Q2, 0, 1],
  [0, -P * Q2, -Q2, P, 1, 0],
  [0, P * Q2, -Q2, -P, 1, 0],
  [0, -P2 * Q, -P2, Q, 1, 0],
  [0, P2 * Q, -P2, -Q, 1, 0],
];
const powers = (x: number): number[] => [1, x, x * x, x * x * x];
const kernelRow = (x: number, divisor: number): number[] => [1 / divisor, x / divisor, (x * x) / divisor];
const kernelMatrix: Matrix = [
  kernelRow(0, P2 * Q2),
  [0, 0, 1],
  ...[P, -P].map((x) => kernelRow(x, 2 * P2 * (P2 - Q2))),
  ...[Q, -Q].map((x) => kernelRow(x, 2 * Q2 * (Q2 - P2))),
];
const outputMatrix: Matrix = transposed([powers(0), [0, 0, 0, 1], ...[P, -P, Q, -Q].map(powers)]);

/** What applies `a` to the rows and `b` to the columns of a matrix written as one vector: a ⊗ b. */
function kronecker(a: Matrix, b: Matrix): Matrix {
  return a.flatMap((left) => b.map((right) => left.flatMap((x) => right.map((y) => x * y))));
}

function transposed(rows: Matrix): Matrix {
  return (rows[0] as readonly number[]).map((_, column) => rows.map((row) => row[column] as number));
}

function asNode(rows: Matrix): SymbolicTensor {
  const shape = [rows.length, (rows[0] as readonly number[]).length];
  return constant(Tensor.of(Float32Array.from(rows.flat()), shape, "float32"));
}

/** Bᵀ · B: [36, 36], for inputs written as one vector. */
export const inputTransform = (): SymbolicTensor => asNode(kronecker(inputMatrix, inputMatrix));

/** Aᵀ · A: [16, 36]. */
export const outputTransform = (): SymbolicTensor => asNode(kronecker(outputMatrix, outputMatrix));

/** A · Aᵀ: [36, 16]. */
export const outputGradient = (): SymbolicTensor => asNode(transposed(kronecker(outputMatrix, outputMatrix)));

/** The axes along which a kernel runs backwards. */
type Backwards = readonly [boolean, boolean];

const kernelMatrices = (backwards: Backwards): Matrix => {
  const [rows, columns] = backwards.map((turned) =>
    turned ? kernelMatrix.map((row) => row.toReversed()) : kernelMatrix,
  ) as [Matrix, Matrix];
  return kronecker(rows, columns);
};

/** G · Gᵀ: [36, 9]. */
export const kernelTransform = (backwards: Backwards): SymbolicTensor => asNode(kernelMatrices(backwards));

/** Gᵀ · G: [9, 36]. */
export const kernelGradient = (backwards: Backwards): SymbolicTensor => asNode(transposed(kernelMatrices(backwards)));
