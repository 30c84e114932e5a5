// Which operations by coordinates can users call, on values and on symbols?

import { type Lifted, lift, type Result } from "../compiled.ts";
import type { Operand } from "../graph.ts";
import * as indexing from "./indexing.ts";

/**
 * For each position of `indices` the element of x there along `axis`: y[i, j] = x[i, indices[i, j]] for the last axis of
 * matrices. x and indices have one rank; their other axes broadcast. When `axis` is missing, those of all elements in one
 * row. What `argSort` and `argTopK` find along an axis is picked by it along that one.
 * @throws {TensorError} `data` while running, when an index is outside the axis.
 */
export const takeAlongAxis: Lifted<typeof indexing.takeAlongAxis> = /* @__PURE__ */ lift(
  "takeAlongAxis",
  indexing.takeAlongAxis,
  2,
  { indices: 1 },
);
/**
 * The blocks of x at coordinates `indices` [..., k] of its first k axes: [..., ...x.shape.slice(k)].
 * @throws {TensorError} `data` while running, when coordinates are outside.
 */
export const gatherNd: Lifted<typeof indexing.gatherNd> = /* @__PURE__ */ lift("gatherNd", indexing.gatherNd, 2, {
  indices: 1,
});
/**
 * Zeros of `shape` with `values` added at coordinates `indices` [..., k] of its first k axes; values
 * [..., ...shape.slice(k)] or what broadcasts to that. Values for the same coordinates add up. float32.
 * @throws {TensorError} `data` while running, when coordinates are outside.
 */
export const scatter: Lifted<typeof indexing.scatter> = /* @__PURE__ */ lift("scatter", indexing.scatter, 2, {
  indices: 0,
});
/**
 * x with `updates` in place of the blocks at coordinates `indices` [..., k] of its first k axes. Of several updates of
 * one block the last one stays, and it alone has a gradient. float32.
 * @throws {TensorError} `data` while running, when coordinates are outside.
 */
export const scatterUpdate: Lifted<typeof indexing.scatterUpdate> = /* @__PURE__ */ lift(
  "scatterUpdate",
  indexing.scatterUpdate,
  3,
  { indices: 1 },
);
const updatedAt = /* @__PURE__ */ lift("sliceUpdate", indexing.sliceUpdate, 2);
/** x with `updates` in place of the block that begins at `start`. @throws {TensorError} `shape` when it sticks out. */
export function sliceUpdate<const A extends Operand, const B extends Operand>(
  x: A,
  start: readonly number[],
  updates: B,
): Result<[A, B]> {
  return updatedAt(x, updates, start) as unknown as Result<[A, B]>;
}
/**
 * Sums of the entries of x [n, ...] with the same number in `segments` [n], as [count, ...], zero where there are none.
 * @throws {TensorError} `data` while running, when a number is outside 0 … count − 1.
 */
export const segmentSum: Lifted<typeof indexing.segmentSum> = /* @__PURE__ */ lift(
  "segmentSum",
  indexing.segmentSum,
  2,
  { indices: 1 },
);
/** For each value the position in the ascending vector `sorted` [n] where it belongs: before its equals, or behind. */
export const searchSorted: Lifted<typeof indexing.searchSorted> = /* @__PURE__ */ lift(
  "searchSorted",
  indexing.searchSorted,
  2,
);
/**
 * The largest of the entries of x [n, ...] with the same number in `segments` [n] → [count, ...], −Infinity where there are
 * none. In log₂ n passes over the entries, sorted by segment; equal maxima share the gradient.
 * @throws {TensorError} `data` while running, when a number is outside 0 … count − 1.
 */
export const segmentMax: Lifted<typeof indexing.segmentMax> = /* @__PURE__ */ lift(
  "segmentMax",
  indexing.segmentMax,
  2,
  { indices: 1 },
);
/** The smallest of such entries: see {@link segmentMax}. Infinity where there are none. */
export const segmentMin: Lifted<typeof indexing.segmentMin> = /* @__PURE__ */ lift(
  "segmentMin",
  indexing.segmentMin,
  2,
  { indices: 1 },
);
/**
 * Positions in the order of memory as coordinates of `shape`: int32, one tensor for each axis.
 * @throws {TensorError} `unsupported` for 2³¹ elements or more, whose positions int32 does not hold.
 */
export const unravelIndex: Lifted<typeof indexing.unravelIndex> = /* @__PURE__ */ lift(
  "unravelIndex",
  indexing.unravelIndex,
  1,
  { indices: 0 },
);
