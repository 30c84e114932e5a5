// A network that tells the class of every pixel.
// Source: Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation" (2015); here with
// margins of zeros, so that the result is as large as the image, and with batch normalization.

import { checkNumber, checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { batchNormalization } from "../layers/batchNormalization.ts";
import { conv2D, conv2DTranspose } from "../layers/convolutional.ts";
import { activationLayer, input } from "../layers/core.ts";
import type { ActivationLike } from "../layers/field.ts";
import type { Layer } from "../layers/layer.ts";
import { concatenate } from "../layers/merging.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { maxPooling2D } from "../layers/pooling.ts";
import { dropout as dropoutLayer } from "../layers/regularization.ts";
import { wholeNumber } from "../models/fit.ts";
import { model } from "../models/functional.ts";
import type { Shape } from "../tensor.ts";
import { checkTop, type ImageNetwork, imageShape, through } from "./classifier.ts";

/** Options of {@link unet}. */
export interface UnetOptions {
  /** [height, width, channels] of one image; height and width divisible by 2 to the `depth`. Default [256, 256, 3]. */
  readonly inputShape?: Shape;
  /** How many times the image is halved. Default 4. */
  readonly depth?: number;
  /** Filters at the full size; twice as many after each halving. Default 64. */
  readonly width?: number;
  /** Classes of a pixel. Default 1: a probability of being foreground. */
  readonly classes?: number;
  /** Default `"softmax"`, for one class `"sigmoid"`. `null` gives logits. */
  readonly classifierActivation?: ActivationLike;
  /** Rate of the dropout at the smallest size. Default 0: none. */
  readonly dropout?: number;
  /** Whether the 1 × 1 convolution to classes comes last; else there are `width` features a pixel. Default true. */
  readonly includeTop?: boolean;
  /** Name of the model. Default `"unet"`. */
  readonly name?: string;
}

const knownOptions: readonly string[] = [
  "inputShape",
  "depth",
  "width",
  "classes",
  "classifierActivation",
  "dropout",
  "includeTop",
  "name",
];

/**
 * A U-Net with weights drawn at random: images [batch, height, width, channels] → [batch, height, width, classes]. `depth`
 * times two 3 × 3 convolutions and a halving, two convolutions at the smallest size, and as many times a doubling, joined
 * with what was there before the halving of that size.
 * @throws {TensorError} `option` for options that are not known, do not fit or would have no effect; for sizes that cannot
 *   be halved `depth` times.
 */
export function unet(options: UnetOptions = {}): ImageNetwork {
  checkOptionNames("unet", options, knownOptions);
  const depth = wholeNumber("unet.depth", options.depth ?? 4, 1);
  const width = wholeNumber("unet.width", options.width ?? 64, 1);
  const dropout = checkNumber("unet.dropout", options.dropout ?? 0, 0, 1);
  const images = input({ shape: sizesOf(options.inputShape ?? [256, 256, 3], depth) });
  const levels = Array.from({ length: depth }, (_, level) => level + 1);
  const passed: Placeholder[] = [];
  let x: Placeholder = images;
  for (const level of levels) {
    const kept = twoConvolutions(x, width * 2 ** (level - 1), `encoder${level}`);
    passed.push(kept);
    x = maxPooling2D({ name: `encoder${level}_pool` }).apply(kept);
  }
  x = twoConvolutions(x, width * 2 ** depth, "bottleneck");
  if (dropout > 0) x = dropoutLayer({ rate: dropout, name: "bottleneck_dropout" }).apply(x);
  for (const level of levels.reverse()) {
    const [filters, name] = [width * 2 ** (level - 1), `decoder${level}`];
    const grown = conv2DTranspose({ filters, kernelSize: 2, strides: 2, name: `${name}_up` }).apply(x);
    const joined = concatenate({ name: `${name}_concat` }).apply([passed[level - 1] as Placeholder, grown]);
    x = twoConvolutions(joined, filters, name);
  }
  return model({ inputs: images, outputs: pixelClasses(x, options), name: options.name ?? "unet" });
}

function sizesOf(shape: Shape, depth: number): Shape {
  const [height = 0, width = 0] = imageShape("unet", shape);
  const step = 2 ** depth;
  check(height % step === 0 && width % step === 0, "option", () => ({
    where: "unet.inputShape",
    expected: `height and width divisible by ${step}, since depth is ${depth}`,
    received: show(shape),
    remedy: "Resize or pad the images, or set a smaller depth.",
  }));
  return shape;
}

function twoConvolutions(x: Placeholder, filters: number, name: string): Placeholder {
  return through(x, ...convolution(filters, `${name}_conv1`), ...convolution(filters, `${name}_conv2`));
}

function convolution(filters: number, name: string): Layer[] {
  return [
    conv2D({
      filters,
      kernelSize: 3,
      padding: "same",
      useBias: false,
      kernelInitializer: "heNormal",
      name,
    }),
    batchNormalization({ momentum: 0.9, name: `${name}_bn` }),
    activationLayer({ activation: "relu", name: `${name}_relu` }),
  ];
}

function pixelClasses(x: Placeholder, options: UnetOptions): Placeholder {
  const { includeTop = true, classes = 1, classifierActivation = classes === 1 ? "sigmoid" : "softmax" } = options;
  checkTop("unet", options, includeTop, []);
  if (!includeTop) return x;
  const units = wholeNumber("unet.classes", classes, 1);
  return conv2D({ filters: units, kernelSize: 1, activation: classifierActivation, name: "predictions" }).apply(x);
}
