// Which ways of putting together and cutting can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as pieces from "./composedPieces.ts";

/** Beside each other: along the second axis, vectors along their only one. */
export const hstack: Lifted<typeof pieces.hstack> = /* @__PURE__ */ lift("hstack", pieces.hstack, 1, { lists: 1 });
/** Below each other: along the first axis, vectors as rows. */
export const vstack: Lifted<typeof pieces.vstack> = /* @__PURE__ */ lift("vstack", pieces.vstack, 1, { lists: 1 });
/** Behind each other: along the third axis; vectors [n] become [1, n, 1], matrices [m, n, 1]. */
export const dstack: Lifted<typeof pieces.dstack> = /* @__PURE__ */ lift("dstack", pieces.dstack, 1, { lists: 1 });
/** `values` behind x along `axis`; without one both are flattened first. */
export const append: Lifted<typeof pieces.append> = /* @__PURE__ */ lift("append", pieces.append, 2);
/** All elements of x, in their order, as the diagonal number `offset` of a matrix of zeros. */
export const diagFlat: Lifted<typeof pieces.diagFlat> = /* @__PURE__ */ lift("diagFlat", pieces.diagFlat, 1);
/** x turned `times` quarters from the first of `axes` towards the second. */
export const rot90: Lifted<typeof pieces.rot90> = /* @__PURE__ */ lift("rot90", pieces.rot90, 1);
/** Windows of the last axis, `length` entries each, one every `stride`: [..., n] → [..., windows, length]. */
export const extractSequences: Lifted<typeof pieces.extractSequences> = /* @__PURE__ */ lift(
  "extractSequences",
  pieces.extractSequences,
  1,
);
/**
 * Σ_j a[i + j] · v[j] of vectors: for i where v lies inside a (`"valid"`), as many as the longer one has (`"same"`), or
 * wherever they meet (`"full"`).
 */
export const correlate: Lifted<typeof pieces.correlate> = /* @__PURE__ */ lift("correlate", pieces.correlate, 2);
/** Squares of `block` × `block` places as channels: [n, h, w, c] → [n, h / block, w / block, block² · c]. */
export const spaceToDepth: Lifted<typeof pieces.spaceToDepth> = /* @__PURE__ */ lift(
  "spaceToDepth",
  pieces.spaceToDepth,
  1,
);
/** Channels as squares of `block` × `block` places: [n, h, w, block² · c] → [n, h · block, w · block, c]. */
export const depthToSpace: Lifted<typeof pieces.depthToSpace> = /* @__PURE__ */ lift(
  "depthToSpace",
  pieces.depthToSpace,
  1,
);
