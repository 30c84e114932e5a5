// What are the singular values and vectors of small matrices in float64? By rotations of AᵀA from both sides.

import type { SymbolicTensor } from "../../bindings/graph.ts";
import { blank, type Estimate, halfUlp } from "./estimate.ts";

type Matrix = number[][];

/** Eigenvalues, descending, and eigenvectors as rows of a symmetric matrix (Jacobi, 1846). */
function eigenpairs(symmetric: Matrix): { readonly value: number; readonly vector: number[] }[] {
  const size = symmetric.length;
  const a = symmetric.map((row) => [...row]);
  const v: Matrix = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const get = (m: Matrix, i: number, j: number): number => m[i]?.[j] as number;
  for (let sweep = 0; sweep < 30; sweep++)
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        if (Math.abs(get(a, p, q)) < 1e-300) continue;
        const angle = Math.atan2(2 * get(a, p, q), get(a, q, q) - get(a, p, p)) / 2;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const turn = (m: Matrix): void => {
          const [x, y] = [m[p] as number[], m[q] as number[]];
          m[p] = x.map((each, k) => c * each - s * (y[k] as number));
          m[q] = x.map((each, k) => s * each + c * (y[k] as number));
        };
        turn(a);
        for (const row of a) {
          const [x, y] = [row[p] as number, row[q] as number];
          row[p] = c * x - s * y;
          row[q] = s * x + c * y;
        }
        turn(v);
      }
  return v
    .map((vector, index) => {
      const largest = vector.reduce((best, each) => (Math.abs(each) > Math.abs(best) ? each : best), 0);
      return { value: get(a, index, index), vector: vector.map((each) => each * Math.sign(largest)) };
    })
    .sort((first, second) => second.value - first.value);
}

/**
 * The estimate of an "svd" node. Bounds: a change E of A moves a value by ‖E‖ at most and a vector by ‖E‖ over the
 * distance to the next value (Wedin, 1972), to first order; U = A·V / s.
 */
export function evaluateSpectrum(node: SymbolicTensor, [x]: readonly Estimate[]): Estimate | undefined {
  if (node.op.name !== "svd" || x === undefined) return undefined;
  const { symmetric } = node.attributes as { symmetric: boolean };
  const [batch = 1, rows = 1, columns = 1] = (node.inputs[0] as SymbolicTensor).shape;
  const height = node.shape[1] as number;
  const result = blank(node.size);
  for (let each = 0; each < batch; each++) {
    const at = (i: number, j: number): number => (each * rows + i) * columns + j;
    const a = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_, j) => x.values[at(i, j)] as number),
    );
    const moved = Math.hypot(...x.bounds.slice(at(0, 0), at(rows, 0)));
    const square = symmetric
      ? a
      : Array.from({ length: columns }, (_, i) =>
          Array.from({ length: columns }, (_, j) =>
            a.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0),
          ),
        );
    const pairs = eigenpairs(square).map(({ value, vector }) => {
      const image = a.map((row) => row.reduce((sum, entry, j) => sum + entry * (vector[j] as number), 0));
      return { value: symmetric ? value : Math.hypot(...image), vector, image };
    });
    pairs.forEach(({ value, vector, image }, j) => {
      const gap = Math.min(
        ...pairs.map((other) => (other.value === value ? Number.POSITIVE_INFINITY : Math.abs(other.value - value))),
        symmetric ? Number.POSITIVE_INFINITY : value,
      );
      const write = (row: number, entry: number, bound: number): void => {
        const place = (each * height + row) * columns + j;
        result.values[place] = entry;
        result.bounds[place] = bound + halfUlp(entry) * (1 + 1e-6);
      };
      // The reference itself is off by the rounding of AᵀA.
      const own = 1e-14 * Math.hypot(...a.flat());
      write(0, value, moved + own);
      const turned = (2 * (moved + own)) / gap;
      vector.forEach((entry, i) => {
        write(1 + i, entry, turned);
      });
      if (!symmetric)
        image.forEach((entry, i) => {
          write(1 + columns + i, entry / value, 2 * turned);
        });
    });
  }
  return result;
}
