// Layers that mix the images of a batch in pairs, and their labels alike.

import { constant, type SymbolicTensor } from "../graph.ts";
import { gather } from "../ops/gather.ts";
import { add, asFloat, broadcastTo, multiply, sqrt, subtract, where } from "../ops/map.ts";
import { randomBeta } from "../ops/randomBeta.ts";
import { argSort } from "../ops/sort.ts";
import {
  type AugmentationOptions,
  batchOfImages,
  type Draw,
  drawing,
  type Factor,
  factor,
  type ImageAugmentationOptions,
  perSample,
} from "./augmentation.ts";
import { number, seed } from "./field.ts";
import { defineLayer, type Layer } from "./layer.ts";
import { boxesIn } from "./randomErasing.ts";
import { noise } from "./regularization.ts";
import { dataFormat } from "./spatialFields.ts";

type Node = SymbolicTensor;

/** For each sample of a batch the number of another one, or itself: the batch in random order, int32 [batch]. */
function partners(draw: Draw, batch: number): Node {
  return argSort(draw([batch]));
}

/** share · x + (1 − share) · x[others], a share [batch] for each sample. */
function mixed(x: Node, others: Node, share: Node): Node {
  const weight = perSample(share, x);
  return add(multiply(asFloat(x), weight), multiply(asFloat(gather(x, others)), subtract(1, weight)));
}

/** Options of {@link mixUp}. */
export interface MixUpOptions extends AugmentationOptions {
  /** Shares have the density of x^(α−1) · (1−x)^(α−1): mostly near 0 and 1 below α = 1, all alike for 1. Default 0.2. */
  readonly alpha?: number;
}

/**
 * share · x + (1 − share) · x of another sample, with a share of its own for each; the labels of `fit` are mixed by the
 * same shares. In training only (Zhang et al., 2018). x [batch, …].
 */
export const mixUp: (options?: MixUpOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "MixUp",
  fields: { alpha: /* @__PURE__ */ number(0.2, 1e-6), seed: /* @__PURE__ */ seed() },
  inputs: "one",
  call: (x, { options, context }) => {
    if (!context.training) return asFloat(x);
    const batch = x.shape[0] as number;
    const others = partners(drawing(options.seed, context), batch);
    const share = noise(randomBeta, options.seed, context, broadcastTo(constant(options.alpha), [batch]));
    context.mixLabels?.((labels) => mixed(labels, others, share));
    return mixed(x, others, share);
  },
});

/** Options of {@link cutMix}. */
export interface CutMixOptions extends ImageAugmentationOptions {
  /**
   * Range of α, 0 to 1, drawn for each image: [lower, upper], or f for [0, f]. The share that stays has the density of
   * x^(α−1) · (1−x)^(α−1). Default 1; [1, 1] is the original, where all shares are alike.
   */
  readonly factor?: Factor;
}

/** Least α: what a factor of 0 stands for. */
const leastAlpha = 1e-6;

/**
 * Each image with a box of another one in it, at a place and of a size of its own; the labels of `fit` are mixed by the
 * numbers of pixels, and labels that are images of the same size are cut alike. In training only (Yun et al., 2019).
 */
export const cutMix: (options?: CutMixOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "CutMix",
  fields: {
    factor: /* @__PURE__ */ factor("from0", 0, 1, [0, 1]),
    seed: /* @__PURE__ */ seed(),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options, context }) => {
    const { dataFormat: format } = options;
    const all = batchOfImages(x, format);
    if (!context.training) return all;
    const draw = drawing(options.seed, context);
    const batch = all.shape[0] as number;
    const others = partners(draw, batch);
    const share = noise(randomBeta, options.seed, context, add(draw([batch], options.factor), leastAlpha));
    const side = sqrt(subtract(1, share));
    const boxes = boxesIn(all, format, draw, side, side);
    const cut = (images: Node): Node => where(boxes.inside, asFloat(gather(images, others)), asFloat(images));
    const fits = (labels: Node): boolean =>
      labels.shape.length === 4 && boxes.inside.shape.every((size, axis) => size === 1 || size === labels.shape[axis]);
    context.mixLabels?.((labels) => (fits(labels) ? cut(labels) : mixed(labels, others, subtract(1, boxes.share))));
    return cut(all);
  },
});
