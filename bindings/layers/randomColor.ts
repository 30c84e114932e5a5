// Layers that change the brightness and contrast of each image of a batch at random.

import { clip } from "../ops/composed.ts";
import { add, asFloat, multiply, subtract } from "../ops/map.ts";
import { mean } from "../ops/reduce.ts";
import {
  type AugmentationOptions,
  batchOfImages,
  drawing,
  type Factor,
  factor,
  type ImageAugmentationOptions,
  perSample,
  type Range,
  valueRange,
} from "./augmentation.ts";
import { seed } from "./field.ts";
import { defineLayer, type Layer } from "./layer.ts";
import { firstSpatialAxis } from "./spatialAxes.ts";
import { dataFormat } from "./spatialFields.ts";

/** Options of {@link randomBrightness}. */
export interface RandomBrightnessOptions extends AugmentationOptions {
  /** What is added, as a share of the value range, −1 to 1: [lower, upper], or f for [−f, f]. */
  readonly factor: Factor;
  /** The least and the largest value; results are cut off there. Default [0, 255]. */
  readonly valueRange?: Range;
}

/** Each image [batch, …] brighter or darker by a value of its own; in training only. */
export const randomBrightness: (options: RandomBrightnessOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomBrightness",
  fields: {
    factor: /* @__PURE__ */ factor("around0", -1, 1),
    valueRange: /* @__PURE__ */ valueRange(),
    seed: /* @__PURE__ */ seed(),
  },
  inputs: "one",
  call: (x, { options, context }) => {
    if (!context.training) return asFloat(x);
    const [low, high] = options.valueRange;
    const drawn = drawing(options.seed, context)([x.shape[0] as number], options.factor);
    return clip(add(asFloat(x), perSample(multiply(drawn, high - low), x)), low, high);
  },
});

/** Options of {@link randomContrast}. */
export interface RandomContrastOptions extends ImageAugmentationOptions {
  /** Distances from the mean are multiplied by 1 − lower to 1 + upper, 0 to 1: [lower, upper], or f for both. */
  readonly factor: Factor;
  /** The least and the largest value; results are cut off there. Default [0, 255]. */
  readonly valueRange?: Range;
}

/** (x − mean) · f + mean, mean of each channel of each image, with a factor f for each image; in training only. */
export const randomContrast: (options: RandomContrastOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomContrast",
  fields: {
    factor: /* @__PURE__ */ factor("twice", 0, 1),
    valueRange: /* @__PURE__ */ valueRange(),
    seed: /* @__PURE__ */ seed(),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options, context }) => {
    const images = batchOfImages(x, options.dataFormat);
    if (!context.training) return images;
    const [lower, upper] = options.factor;
    const rows = firstSpatialAxis(options.dataFormat);
    const centre = mean(images, [rows, rows + 1], true);
    const drawn = drawing(options.seed, context)([images.shape[0] as number], [1 - lower, 1 + upper]);
    const spread = multiply(subtract(images, centre), perSample(drawn, images));
    return clip(add(spread, centre), ...options.valueRange);
  },
});
