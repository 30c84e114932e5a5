// What do reductions, products and added rows give in float64, and how far off may a float32 sum be?

import type { SymbolicTensor } from "../../bindings/graph.ts";
import { blank, type Estimate, overflowing, unit } from "./estimate.ts";

/**
 * Additions that one float32 term passes through at most: assembly/kernels/reduce.ts promises blocks of 1024 in a row
 * (32 in a lane, 3 + 2 to join lanes), of 128 rows in a panel, float64 between blocks, one rounding at the end.
 */
const depthOfRow = 40;
const depthOfPanel = 132;
/** The same of matrix products: assembly/kernels/totals.ts promises running sums of 1024, float64 between them, one rounding. */
const depthOfProduct = 1025;
/** And of scatterAdd, up to 2²⁰ updates: assembly/kernels/gather.ts. */
const depthOfUpdates = 1025;

const at = (array: Float64Array, index: number): number => array[index] as number;

/** Σ of `indices`, with the bound of a sum of the given depth. */
function sumOver(x: Estimate, indices: readonly number[], depth: number): [number, number] {
  let sum = 0;
  let mass = 0;
  let passed = 0;
  // Adding an exact zero rounds nothing.
  let terms = 0;
  for (const index of indices) {
    if (at(x.values, index) !== 0 || at(x.bounds, index) !== 0) terms++;
    sum += at(x.values, index);
    mass += Math.abs(at(x.values, index)) + at(x.bounds, index);
    passed += at(x.bounds, index);
  }
  const own = Number.isFinite(mass) ? Math.min(terms - 1, depth) * unit * mass : 0;
  return [overflowing(sum), passed + Math.max(0, own)];
}

function productOver(x: Estimate, indices: readonly number[]): [number, number] {
  let product = 1;
  let relative = 0;
  let uncertain = 0;
  for (const index of indices) {
    const value = at(x.values, index);
    const bound = at(x.bounds, index);
    if (value === 0 && bound > 0) uncertain = Number.POSITIVE_INFINITY;
    if (value !== 0) relative += bound / Math.abs(value) + unit;
    product *= value;
  }
  return [
    overflowing(product),
    uncertain > 0
      ? uncertain
      : Number.isFinite(product)
        ? Math.abs(product) * Math.expm1(relative) + indices.length * 2 ** -149
        : 0,
  ];
}

/** The best element by `better`; NaN beats all. Its index, value and bound; the bound of the index is 0 or infinite. */
function extremum(
  x: Estimate,
  indices: readonly number[],
  better: (a: number, b: number) => boolean,
): { place: number; value: number; bound: number; certain: boolean } {
  let place = 0;
  indices.forEach((index, position) => {
    const best = at(x.values, indices[place] as number);
    const value = at(x.values, index);
    if (!Number.isNaN(best) && (Number.isNaN(value) || better(value, best))) place = position;
  });
  const value = at(x.values, indices[place] as number);
  const bound = Math.max(0, ...indices.map((index) => at(x.bounds, index)));
  const certain =
    bound === 0 ||
    indices.every((index, position) => position === place || Math.abs(at(x.values, index) - value) > 2 * bound);
  return { place, value, bound, certain };
}

/** Reductions of [outer, axis, inner] to [outer, inner]. */
export function evaluateReduction(node: SymbolicTensor, [x]: readonly Estimate[]): Estimate | undefined {
  const kind = node.op.name;
  if (!["sum", "max", "min", "product", "argMax", "argMin"].includes(kind) || x === undefined) return undefined;
  const input = node.inputs[0] as SymbolicTensor;
  const [outer = 1, axis = 1, inner = 1] = input.shape;
  const result = blank(node.size);
  for (let row = 0; row < outer; row++)
    for (let column = 0; column < inner; column++) {
      const indices = Array.from({ length: axis }, (_, position) => (row * axis + position) * inner + column);
      const place = row * inner + column;
      if (input.dtype === "int32" && (kind === "sum" || kind === "product")) {
        const fold = kind === "sum" ? (a: number, b: number): number => (a + b) | 0 : Math.imul;
        result.values[place] = indices.map((index) => at(x.values, index)).reduce(fold, kind === "sum" ? 0 : 1);
      } else if (kind === "sum" || kind === "product") {
        const [value, bound] =
          kind === "sum" ? sumOver(x, indices, inner === 1 ? depthOfRow : depthOfPanel) : productOver(x, indices);
        result.values[place] = value;
        result.bounds[place] = bound;
      } else {
        const found = extremum(x, indices, kind === "max" || kind === "argMax" ? (a, b) => a > b : (a, b) => a < b);
        const indexed = kind.startsWith("arg");
        result.values[place] = indexed ? found.place : found.value;
        result.bounds[place] = !indexed ? found.bound : found.certain ? 0 : Number.POSITIVE_INFINITY;
      }
    }
  return result;
}

/** C = A·B for every matrix of the batch; a bound of as many roundings of Σ|a|·|b| as the longest path has. */
export function evaluateMatMul(node: SymbolicTensor, [a, b]: readonly Estimate[]): Estimate | undefined {
  if (node.op.name !== "matMul" || a === undefined || b === undefined) return undefined;
  const { transposeA, transposeB } = node.attributes as { transposeA: boolean; transposeB: boolean };
  const [left, right] = node.inputs as [SymbolicTensor, SymbolicTensor];
  const [batch = 1, m = 1, n = 1] = node.shape;
  const k = (transposeA ? left.shape[1] : left.shape[2]) as number;
  const result = blank(node.size);
  for (let matrix = 0; matrix < batch; matrix++) {
    const startA = left.shape[0] === 1 ? 0 : matrix * m * k;
    const startB = right.shape[0] === 1 ? 0 : matrix * k * n;
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        let mass = 0;
        let passed = 0;
        for (let p = 0; p < k; p++) {
          const positionA = startA + (transposeA ? p * m + i : i * k + p);
          const positionB = startB + (transposeB ? j * k + p : p * n + j);
          const x = at(a.values, positionA);
          const y = at(b.values, positionB);
          const ex = at(a.bounds, positionA);
          const ey = at(b.bounds, positionB);
          sum += x * y;
          mass += (Math.abs(x) + ex) * (Math.abs(y) + ey);
          passed += Math.abs(x) * ey + Math.abs(y) * ex + ex * ey;
        }
        result.values[(matrix * m + i) * n + j] = overflowing(sum);
        result.bounds[(matrix * m + i) * n + j] =
          passed + (Number.isFinite(mass) ? Math.min(k, depthOfProduct) * unit * mass : 0);
      }
  }
  return result;
}

/** Rows of updates added up where the indices say. */
export function evaluateScatter(node: SymbolicTensor, [updates, indices]: readonly Estimate[]): Estimate | undefined {
  if (node.op.name !== "scatterAdd" || updates === undefined || indices === undefined) return undefined;
  const inner = node.shape[1] as number;
  const result = blank(node.size);
  for (let target = 0; target < (node.shape[0] as number); target++) {
    const rows = [...indices.values.keys()].filter((row) => at(indices.values, row) === target);
    for (let column = 0; column < inner; column++) {
      const [value, bound] = sumOver(
        updates,
        rows.map((row) => row * inner + column),
        depthOfUpdates,
      );
      result.values[target * inner + column] = value;
      result.bounds[target * inner + column] = bound;
    }
  }
  return result;
}
