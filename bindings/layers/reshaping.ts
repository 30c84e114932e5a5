// Layers that change the shape, not the values.

import { transpose } from "../ops/copy.ts";
import { reshape as reshapeOf } from "../ops/view.ts";
import type { Shape } from "../tensor.ts";
import { choice, integers } from "./field.ts";
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
  call: (x, { options }) => reshapeOf(x, [x.shape[0] ?? 1, ...(options.targetShape ?? [])]),
});
