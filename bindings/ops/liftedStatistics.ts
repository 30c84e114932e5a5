// Which counts and statistics can users call, on values and on symbols?

import { type Lifted, lift, type Result } from "../compiled.ts";
import type { Operand } from "../graph.ts";
import type { Axes } from "./axes.ts";
import * as statistics from "./composedStatistics.ts";

const weighted = /* @__PURE__ */ lift("average", statistics.average, 2);
/**
 * Σ w·x / Σ w over `axes`, all when missing; weights of the shape of x, or one for each entry of a single axis. The mean
 * without weights.
 */
export function average<const A extends Operand, const B extends Operand = number>(
  x: A,
  axes?: Axes,
  weights?: B,
): Result<[A, B]> {
  return weighted(x, weights, axes) as unknown as Result<[A, B]>;
}
const integral = /* @__PURE__ */ lift("trapezoid", statistics.trapezoid, 2);
/** The integral along `axis` by trapezoids between neighbours that are `dx` apart, or at positions `x` [n]. */
export function trapezoid<const A extends Operand, const B extends Operand = number>(
  y: A,
  x?: B,
  dx?: number,
  axis?: number,
): Result<[A, B]> {
  return integral(y, x, dx, axis) as unknown as Result<[A, B]>;
}
const counts = /* @__PURE__ */ lift("bincount", statistics.bincount, 2, { indices: 0 });
/**
 * How often each of 0 … length − 1 occurs in the last axis of integers: [..., n] → int32 [..., length]; with `weights` of
 * the shape of x their sums, float32.
 * @throws {TensorError} `data` while running, when a number is outside.
 */
export function bincount<const A extends Operand, const B extends Operand = number>(
  x: A,
  length: number,
  weights?: B,
): Result<[A, B]> {
  return counts(x, weights, length) as unknown as Result<[A, B]>;
}
/** The largest minus the smallest element over `axes`. */
export const ptp: Lifted<typeof statistics.ptp> = /* @__PURE__ */ lift("ptp", statistics.ptp, 1);
/** The value below which `q` percent (0 to 100) of the elements along `axis` lie: the quantile of q / 100. */
export const percentile: Lifted<typeof statistics.percentile> = /* @__PURE__ */ lift(
  "percentile",
  statistics.percentile,
  1,
);
/** Σ over `axes` of what is not NaN. */
export const nanSum: Lifted<typeof statistics.nanSum> = /* @__PURE__ */ lift("nanSum", statistics.nanSum, 1);
/** The mean over `axes` of what is not NaN; NaN where there is nothing else. */
export const nanMean: Lifted<typeof statistics.nanMean> = /* @__PURE__ */ lift("nanMean", statistics.nanMean, 1);
/** Product over `axes` of what is not NaN. */
export const nanProduct: Lifted<typeof statistics.nanProduct> = /* @__PURE__ */ lift(
  "nanProduct",
  statistics.nanProduct,
  1,
);
/** The largest element over `axes` that is not NaN; −Infinity where there is none. */
export const nanMax: Lifted<typeof statistics.nanMax> = /* @__PURE__ */ lift("nanMax", statistics.nanMax, 1);
/** The smallest element over `axes` that is not NaN; Infinity where there is none. */
export const nanMin: Lifted<typeof statistics.nanMin> = /* @__PURE__ */ lift("nanMin", statistics.nanMin, 1);
/** The correlations of the rows of x [variables, samples], or with `rows` false of its columns: from −1 to 1. */
export const corrcoef: Lifted<typeof statistics.corrcoef> = /* @__PURE__ */ lift("corrcoef", statistics.corrcoef, 1);
/** Differences of neighbours along `axis`, `order` times over: each time one entry less. */
export const diff: Lifted<typeof statistics.diff> = /* @__PURE__ */ lift("diff", statistics.diff, 1);
/**
 * How many elements of x lie in each of `bins` intervals of one width from low to high, both included, and the bins + 1
 * edges: int32 [bins], float32 [bins + 1]. Without a range from the smallest to the largest element; what is outside one
 * does not count.
 */
export const histogram: Lifted<typeof statistics.histogram> = /* @__PURE__ */ lift(
  "histogram",
  statistics.histogram,
  1,
);
/** For each value the number of ascending edges [n] that are ≤ it, int32: the interval it lies in. */
export const digitize: Lifted<typeof statistics.digitize> = /* @__PURE__ */ lift("digitize", statistics.digitize, 2);
/** Whether the score of each target is among the k largest of its row: int32 [n], scores [n, classes] → bool [n]. */
export const inTopK: Lifted<typeof statistics.inTopK> = /* @__PURE__ */ lift("inTopK", statistics.inTopK, 2, {
  indices: 0,
});
/** Whether each element of x is equal to any of `elements`, as bool. */
export const isIn: Lifted<typeof statistics.isIn> = /* @__PURE__ */ lift("isIn", statistics.isIn, 2);
