// Which layer erases a box of each image at random, and which pixels are in a box?

import { check, show } from "../errors.ts";
import { constant, errorPlace, type SymbolicTensor } from "../graph.ts";
import { clip, randomNormal } from "../ops/composed.ts";
import { add, ceil, greaterEqual, less, logicalAnd, multiply, sqrt, subtract, where } from "../ops/map.ts";
import { reshape } from "../ops/view.ts";
import {
  batchOfImages,
  type Draw,
  drawing,
  type Factor,
  factor,
  type ImageAugmentationOptions,
  perSample,
  type Range,
  valueRange,
} from "./augmentation.ts";
import { numbers, seed } from "./field.ts";
import { defineLayer, type Layer } from "./layer.ts";
import { noise } from "./regularization.ts";
import { sizeOfImages } from "./resizing.ts";
import { onSpatialAxes } from "./spatialAxes.ts";
import { type DataFormat, dataFormat } from "./spatialFields.ts";

type Node = SymbolicTensor;

/** A box in each image. */
export interface Boxes {
  /** Which pixels are in it, bool, of a shape that broadcasts to the images. */
  readonly inside: Node;
  /** Their share of all pixels, [batch]. */
  readonly share: Node;
}

/**
 * Boxes at random places inside the images, whose sides are these shares [batch] of the height and of the width. A pixel is
 * in a box when its middle is.
 */
export function boxesIn(images: Node, format: DataFormat, draw: Draw, down: Node, across: Node): Boxes {
  const [rows, columns] = sizeOfImages(images, format);
  const along = (size: number, share: Node, shape: readonly number[]): readonly [inside: Node, cells: Node] => {
    const length = multiply(share, size);
    const start = multiply(draw([share.size]), subtract(size, length));
    const [first, end] = [ceil(subtract(start, 0.5)), ceil(subtract(add(start, length), 0.5))];
    const places = reshape(constant(Float32Array.from({ length: size }, (_, place) => place)), shape);
    const inside = logicalAnd(greaterEqual(places, perSample(first, images)), less(places, perSample(end, images)));
    return [inside, subtract(end, first)];
  };
  const [insideDown, height] = along(rows, down, onSpatialAxes([rows, 1], 1, format));
  const [insideAcross, width] = along(columns, across, onSpatialAxes([1, columns], 1, format));
  return {
    inside: logicalAnd(insideDown, insideAcross),
    share: multiply(multiply(height, width), 1 / (rows * columns)),
  };
}

/** Options of {@link randomErasing}. */
export interface RandomErasingOptions extends ImageAugmentationOptions {
  /**
   * Probability of erasing, 0 to 1, drawn for each image: [lower, upper], or f for [0, f]. [1, 1] erases always.
   * Default 1, which erases in half of the images.
   */
  readonly factor?: Factor;
  /** Squares of the box' height and width as shares of the image's, 0 to 1: [lower, upper]. Default [0.02, 0.33]. */
  readonly scale?: Factor;
  /** What the box is filled with: a number, or one for each channel. Default null: normal noise · the largest value. */
  readonly fillValue?: number | readonly number[] | null;
  /** The least and the largest value; fillings are cut off there. Default [0, 255]. */
  readonly valueRange?: Range;
}

/** Fills a box of each image, at a place and of a size of its own; in training only (Zhong et al., 2017). */
export const randomErasing: (options?: RandomErasingOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomErasing",
  fields: {
    factor: /* @__PURE__ */ factor("from0", 0, 1, [0, 1]),
    scale: /* @__PURE__ */ factor("from0", 0, 1, [0.02, 0.33]),
    fillValue: /* @__PURE__ */ numbers(null),
    valueRange: /* @__PURE__ */ valueRange(),
    seed: /* @__PURE__ */ seed(),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options, context }) => {
    const { fillValue, dataFormat: format } = options;
    const images = batchOfImages(x, format);
    const channels = images.shape[format === "channelsLast" ? 3 : 1] as number;
    const given = typeof fillValue === "number" ? [fillValue] : fillValue;
    check(given === null || given.length === 1 || given.length === channels, "option", () => ({
      where: `${errorPlace("randomErasing")}.fillValue`,
      expected: `a number, or ${channels} of them, one for each channel`,
      received: show(fillValue),
    }));
    if (!context.training) return images;
    const batch = [images.shape[0] as number];
    const draw = drawing(options.seed, context);
    const side = (): Node => sqrt(draw(batch, options.scale));
    const { inside } = boxesIn(images, format, draw, side(), side());
    const erased = less(draw(batch), draw(batch, options.factor));
    const filling =
      given === null
        ? multiply(noise(randomNormal, options.seed, context, images.shape), options.valueRange[1])
        : reshape(
            constant(Float32Array.from(given)),
            format === "channelsLast" ? [1, 1, 1, given.length] : [1, given.length, 1, 1],
          );
    return where(logicalAnd(inside, perSample(erased, images)), clip(filling, ...options.valueRange), images);
  },
});
