// Which composed ways of moving elements can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as moves from "./composedMoves.ts";

/** x with `axis` moved to position `to`, the others in their order. */
export const moveAxis: Lifted<typeof moves.moveAxis> = /* @__PURE__ */ lift("moveAxis", moves.moveAxis, 1);
/** x with two axes exchanged. */
export const swapAxes: Lifted<typeof moves.swapAxes> = /* @__PURE__ */ lift("swapAxes", moves.swapAxes, 1);
/** x backwards along `axes`, all of them when missing. */
export const flip: Lifted<typeof moves.flip> = /* @__PURE__ */ lift("flip", moves.flip, 1);
/**
 * x shifted by `shift` along `axis`, where what leaves at one end comes in at the other. Without an axis the elements are
 * shifted in their order in memory.
 */
export const roll: Lifted<typeof moves.roll> = /* @__PURE__ */ lift("roll", moves.roll, 1);
/**
 * Each entry of `axis` repeated `counts` times (or counts[i] times), next to each other. Without an axis x is flattened
 * first: repeat([1, 2], 2) is [1, 1, 2, 2].
 */
export const repeat: Lifted<typeof moves.repeat> = /* @__PURE__ */ lift("repeat", moves.repeat, 1);
/** x as a whole, `repeats[axis]` times along each axis; axes missing on either side count as 1. */
export const tile: Lifted<typeof moves.tile> = /* @__PURE__ */ lift("tile", moves.tile, 1);
/** Parts of x along `axis`: so many equal ones, or those before, between and behind the given positions. */
export const split: Lifted<typeof moves.split> = /* @__PURE__ */ lift("split", moves.split, 1);
/** The entries of `axis`, each without it. */
export const unstack: Lifted<typeof moves.unstack> = /* @__PURE__ */ lift("unstack", moves.unstack, 1);
/**
 * The coordinates of a grid over vectors: each vector spread over all of them. With `"xy"`, as for images, the first two
 * change places: [n], [m] → [m, n] twice; with `"ij"` → [n, m].
 */
export const meshgrid: Lifted<typeof moves.meshgrid> = /* @__PURE__ */ lift("meshgrid", moves.meshgrid, 1, {
  lists: 1,
});
/** The lower triangle of matrices [..., m, n]: zero above the diagonal number `offset`. */
export const tril: Lifted<typeof moves.tril> = /* @__PURE__ */ lift("tril", moves.tril, 1);
/** The upper triangle of matrices [..., m, n]: zero below the diagonal number `offset`. */
export const triu: Lifted<typeof moves.triu> = /* @__PURE__ */ lift("triu", moves.triu, 1);
/**
 * A vector [n] as the diagonal number `offset` of a matrix of zeros, of n + |offset| rows and columns; of a matrix [m, n]
 * its {@link diagonal}.
 */
export const diag: Lifted<typeof moves.diag> = /* @__PURE__ */ lift("diag", moves.diag, 1);
/** The elements [i, i + offset] of two axes, along a new last axis. */
export const diagonal: Lifted<typeof moves.diagonal> = /* @__PURE__ */ lift("diagonal", moves.diagonal, 1);
/** Σ of the diagonal number `offset` of two axes. */
export const trace: Lifted<typeof moves.trace> = /* @__PURE__ */ lift("trace", moves.trace, 1);
