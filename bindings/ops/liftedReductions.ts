// Which composed reductions can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as reductions from "./composedReductions.ts";

/** Whether any element over `axes` is not 0, as bool. */
export const any: Lifted<typeof reductions.any> = /* @__PURE__ */ lift("any", reductions.any, 1);
/** Whether all elements over `axes` are not 0, as bool. */
export const all: Lifted<typeof reductions.all> = /* @__PURE__ */ lift("all", reductions.all, 1);
/** How many elements over `axes` are not 0, int32. */
export const countNonzero: Lifted<typeof reductions.countNonzero> = /* @__PURE__ */ lift(
  "countNonzero",
  reductions.countNonzero,
  1,
);
/** √(Σ (x − mean)² / n) over `axes`; where all are equal it is 0, with gradient 0. */
export const std: Lifted<typeof reductions.std> = /* @__PURE__ */ lift("std", reductions.std, 1);
/** Products of the elements up to each one along `axis`, y_i = x_0 · … · x_i; of all in one row when it is missing. */
export const cumprod: Lifted<typeof reductions.cumprod> = /* @__PURE__ */ lift("cumprod", reductions.cumprod, 1);
/**
 * The value below which the share `q` (0 to 1) of the elements along `axis` lies, between two neighbours in proportion;
 * over all elements when `axis` is missing. NaN where an element is.
 * @throws {TensorError} `shape` where there is no element.
 */
export const quantile: Lifted<typeof reductions.quantile> = /* @__PURE__ */ lift("quantile", reductions.quantile, 1);
/** The value in the middle, or the mean of the two there: {@link quantile} of ½. */
export const median: Lifted<typeof reductions.median> = /* @__PURE__ */ lift("median", reductions.median, 1);
/**
 * The length of vectors along `axes`, all axes when missing: √(Σ x²) by default, (Σ|x|ᵖ)^(1/p) for p > 0, max |x| for
 * Infinity, min |x| for −Infinity. With two axes p = 1 and ±Infinity are the norms of matrices: the largest (smallest)
 * sum of a column, of a row, 2 and −2 the largest and smallest singular value, `"nuc"` their sum; other p are refused there.
 * Of zeros it is 0, with gradient 0.
 */
export const norm: Lifted<typeof reductions.norm> = /* @__PURE__ */ lift("norm", reductions.norm, 1);
/** x / max(‖x‖, epsilon) along `axis`, ‖x‖ being its {@link norm} of the order. */
export const normalize: Lifted<typeof reductions.normalize> = /* @__PURE__ */ lift(
  "normalize",
  reductions.normalize,
  1,
);
/** Mean and variance over `axes`. */
export const moments: Lifted<typeof reductions.moments> = /* @__PURE__ */ lift("moments", reductions.moments, 1);
