// Layers that drop whole channels of images, sequences and volumes in training.

import { requiredNumber, seed } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";
import { drop } from "./regularization.ts";
import { checkSpatial } from "./spatialAxes.ts";
import { type DataFormat, dataFormat } from "./spatialFields.ts";

/** Options of {@link spatialDropout1D}. */
export interface SpatialDropout1DOptions extends LayerOptions {
  /** Share of channels set to zero, from 0 to 1. */
  readonly rate: number;
  /** Fixed seed; the mask still differs from step to step. Default drawn from the global seed. */
  readonly seed?: number | null;
}

/** Options of {@link spatialDropout2D} and {@link spatialDropout3D}. */
export interface SpatialDropoutOptions extends SpatialDropout1DOptions {
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/** Sets whole channels of [batch, length, channels] to zero at random, each sample its own, in training only (Tompson, 2015). */
export const spatialDropout1D: (options: SpatialDropout1DOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "SpatialDropout1D",
  fields: { rate: /* @__PURE__ */ requiredNumber(0, 1), seed: /* @__PURE__ */ seed() },
  inputs: "one",
  masking: "pass",
  call: (x, { options, context }) => {
    checkSpatial(x, 1, "channelsLast");
    return drop(x, [x.shape[0] as number, 1, x.shape[2] as number], options, context);
  },
});

/* @__NO_SIDE_EFFECTS__ */
function spatialDropout(axes: 2 | 3): (options: SpatialDropoutOptions) => Layer {
  return defineLayer({
    className: `SpatialDropout${axes}D`,
    fields: { rate: requiredNumber(0, 1), seed: seed(), dataFormat: dataFormat() },
    inputs: "one",
    masking: "pass",
    call: (x, { options, context }) => {
      checkSpatial(x, axes, options.dataFormat);
      const channels = options.dataFormat === "channelsLast" ? axes + 1 : 1;
      const shape = x.shape.map((size, axis) => (axis === 0 || axis === channels ? size : 1));
      return drop(x, shape, options, context);
    },
  });
}

/** The same for [batch, height, width, channels]. */
export const spatialDropout2D: (options: SpatialDropoutOptions) => Layer = /* @__PURE__ */ spatialDropout(2);
/** The same for [batch, depth, height, width, channels]. */
export const spatialDropout3D: (options: SpatialDropoutOptions) => Layer = /* @__PURE__ */ spatialDropout(3);
