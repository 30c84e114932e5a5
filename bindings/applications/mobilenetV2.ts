// MobileNet, version 2.
// Source: Sandler and others, "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018).

import { checkNumber, checkOptionsObject } from "../config.ts";
import { reLU } from "../layers/activation.ts";
import { batchNormalization } from "../layers/batchNormalization.ts";
import { conv2D } from "../layers/convolutional.ts";
import { dense } from "../layers/core.ts";
import { depthwiseConv2D } from "../layers/depthwise.ts";
import type { Layer } from "../layers/layer.ts";
import { add } from "../layers/merging.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { globalAveragePooling2D } from "../layers/pooling.ts";
import { zeroPadding2D } from "../layers/spatial.ts";
import { type Classifier, type ClassifierOptions, classifier, type ImageNetwork, through } from "./classifier.ts";

/** Options of {@link mobilenetV2}. Default `inputShape` [224, 224, 3], default `classes` 1000. */
export interface MobilenetV2Options extends ClassifierOptions {
  /** Width: the factor of the number of filters of each block, which is rounded to a multiple of 8. Default 1. */
  readonly alpha?: number;
}

/** Filters, stride of the first block, expansion and number of the inverted residual blocks of each stage. */
const stages: readonly (readonly [filters: number, stride: 1 | 2, expansion: number, blocks: number])[] = [
  [16, 1, 1, 1],
  [24, 2, 6, 2],
  [32, 2, 6, 3],
  [64, 2, 6, 4],
  [96, 1, 6, 3],
  [160, 2, 6, 3],
  [320, 1, 6, 1],
];

/**
 * MobileNetV2 with weights drawn at random: a convolution, 17 inverted residual blocks (channels are expanded, convolved
 * one by one, and projected back without an activation) and a mixing of channels, 32 times smaller at the end. 3,538,984
 * parameters as it is; layers are named as in Keras.
 * @throws {TensorError} `option` for options that are not known, do not fit or would have no effect.
 */
export function mobilenetV2(options: MobilenetV2Options = {}): ImageNetwork {
  checkOptionsObject("mobilenetV2", options);
  const { alpha = 1 } = options;
  checkNumber("mobilenetV2.alpha", alpha, 1 / 32);
  const definition: Classifier = {
    where: "mobilenetV2",
    ownOptions: ["alpha"],
    inputShape: [224, 224, 3],
    classes: 1000,
    features: (images) => {
      const first = conv2D({ ...plain, filters: eights(32 * alpha), kernelSize: 3, strides: 2, name: "Conv1" });
      let x = through(images, first, ...normalized("bn_Conv1", "Conv1_relu"));
      let number = 0;
      for (const [filters, stride, expansion, count] of stages)
        for (let index = 0; index < count; index++)
          x = invertedResidual(x, eights(Math.floor(filters * alpha)), index === 0 ? stride : 1, expansion, number++);
      const last = conv2D({ ...plain, filters: eights(1280 * Math.max(1, alpha)), kernelSize: 1, name: "Conv_1" });
      return through(x, last, ...normalized("Conv_1_bn", "out_relu"));
    },
    top: (x, { classes, classifierActivation }) =>
      through(
        x,
        globalAveragePooling2D(),
        dense({ units: classes, activation: classifierActivation, name: "predictions" }),
      ),
  };
  return classifier(definition, options);
}

const plain = { padding: "same", useBias: false } as const;

function invertedResidual(
  x: Placeholder,
  filters: number,
  strides: 1 | 2,
  expansion: number,
  number: number,
): Placeholder {
  const [, height, width, channels] = x.shape as [null, number, number, number];
  const name = number === 0 ? "expanded_conv" : `block_${number}`;
  const expanding = [
    conv2D({ ...plain, filters: expansion * channels, kernelSize: 1, name: `${name}_expand` }),
    ...normalized(`${name}_expand_BN`, `${name}_expand_relu`),
  ];
  // Keras's margins, so that its weights see the same cells: one less before an even size.
  const margin = [height, width].map((size) => [size % 2, 1] as const);
  const padding = strides === 1 ? "same" : "valid";
  const projected = through(
    x,
    ...(number === 0 ? [] : expanding),
    ...(strides === 1 ? [] : [zeroPadding2D({ padding: margin, name: `${name}_pad` })]),
    depthwiseConv2D({ kernelSize: 3, strides, padding, useBias: false, name: `${name}_depthwise` }),
    ...normalized(`${name}_depthwise_BN`, `${name}_depthwise_relu`),
    conv2D({ ...plain, filters, kernelSize: 1, name: `${name}_project` }),
    normalization(`${name}_project_BN`),
  );
  return channels === filters && strides === 1 ? add({ name: `${name}_add` }).apply([x, projected]) : projected;
}

function normalized(name: string, activationName: string): Layer[] {
  return [normalization(name), reLU({ maxValue: 6, name: activationName })];
}

function normalization(name: string): Layer {
  return batchNormalization({ epsilon: 0.001, momentum: 0.999, name });
}

/** The multiple of 8 next to a number of filters, at least 8, and at least 90 % of it. */
function eights(filters: number): number {
  const nearest = Math.max(8, Math.floor(filters / 8 + 0.5) * 8);
  return nearest < 0.9 * filters ? nearest + 8 : nearest;
}
