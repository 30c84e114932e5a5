// Layers that change the shape, not the values.

import { check } from "../errors.ts";
import { errorPlace } from "../graph.ts";
import { transpose } from "../ops/copy.ts";
import { broadcastTo } from "../ops/map.ts";
import { reshape as reshapeOf } from "../ops/view.ts";
import { completeShape, type Shape, sizeOf } from "../tensor.ts";
import { choice, integers, positiveInteger } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";

/** Options of {@link flatten}. */
export interface FlattenOptions extends LayerOptions {
  /** With `"channelsFirst"` the channels, axis 1, are moved last before flattening. Default `"channelsLast"`. */
  readonly dataFormat?: "channelsLast" | "channelsFirst";
}

const flattenFields = { dataFormat: choice(["channelsLast", "channelsFirst"], "channelsLast") };

/** All values of a sample in one row: [batch, ...] → [batch, values]. */
export const flatten: (options?: FlattenOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Flatten",
  fields: flattenFields,
  inputs: "one",
  call: (x, { options }) => {
    const [batch = 1, ...rest] = x.shape;
    const channelsLast = options.dataFormat === "channelsLast" || rest.length < 2;
    const ordered = channelsLast ? x : transpose(x, [0, ...rest.slice(1).map((_, axis) => axis + 2), 1]);
    return reshapeOf(ordered, [batch, rest.reduce((product, size) => product * size, 1)]);
  },
});

/** Options of {@link reshape}. */
export interface ReshapeOptions extends LayerOptions {
  /** Shape of one sample; one size may be -1. */
  readonly targetShape: Shape;
}

const reshapeFields = { targetShape: integers(undefined, -1) };

/** The same values under another shape: [batch, ...] → [batch, ...targetShape]. */
export const reshape: (options: ReshapeOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Reshape",
  fields: reshapeFields,
  inputs: "one",
  call: (x, { options }) => {
    // Of the sample alone, so that a batch without samples is looked at as any other.
    const [batch = 1, ...sample] = x.shape;
    const target = completeShape(errorPlace("reshape"), sizeOf(sample), options.targetShape ?? []);
    return reshapeOf(x, [batch, ...target]);
  },
});

/** Options of {@link permute}. */
export interface PermuteOptions extends LayerOptions {
  /** For each axis of the result the axis that it was, counted from 1: the batch, axis 0, stays. */
  readonly dims: readonly number[];
}

const permuteFields = { dims: integers(undefined, 1) };

/** Axes in another order: `dims: [2, 1]` is [batch, a, b] → [batch, b, a]. */
export const permute: (options: PermuteOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Permute",
  fields: permuteFields,
  inputs: "one",
  call: (x, { options }) => {
    const dims = options.dims ?? [];
    check(
      dims.length === x.shape.length - 1 && [...dims].sort((a, b) => a - b).every((dim, axis) => dim === axis + 1),
      "shape",
      () => ({
        where: errorPlace("permute"),
        expected: `dims that hold each of 1 to ${x.shape.length - 1}`,
        received: `[${dims.join(", ")}]`,
      }),
    );
    return transpose(x, [0, ...dims]);
  },
});

/** Options of {@link repeatVector}. */
export interface RepeatVectorOptions extends LayerOptions {
  /** How many times. */
  readonly n: number;
}

const repeatVectorFields = { n: positiveInteger() };

/** The same row over and over: [batch, features] → [batch, n, features]. */
export const repeatVector: (options: RepeatVectorOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RepeatVector",
  fields: repeatVectorFields,
  inputs: "one",
  call: (x, { options }) => {
    check(x.shape.length === 2, "shape", () => ({
      where: errorPlace("repeatVector"),
      expected: "an input [batch, features]",
      received: `shape [${x.shape.join(", ")}]`,
    }));
    const [batch = 1, features = 1] = x.shape;
    return broadcastTo(reshapeOf(x, [batch, 1, features]), [batch, options.n, features]);
  },
});
