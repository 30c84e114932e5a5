// MobileNet, version 1.
// Source: Howard and others, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (2017).

import { checkNumber, checkOptionsObject } from "../config.ts";
import { reLU } from "../layers/activation.ts";
import { batchNormalization } from "../layers/batchNormalization.ts";
import { conv2D } from "../layers/convolutional.ts";
import { activationLayer } from "../layers/core.ts";
import { depthwiseConv2D } from "../layers/depthwise.ts";
import type { Layer } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { globalAveragePooling2D } from "../layers/pooling.ts";
import { dropout as dropoutLayer } from "../layers/regularization.ts";
import { reshape } from "../layers/reshaping.ts";
import { zeroPadding2D } from "../layers/spatial.ts";
import { wholeNumber } from "../models/fit.ts";
import { type Classifier, type ClassifierOptions, classifier, type ImageNetwork, through } from "./classifier.ts";

/** Options of {@link mobilenet}. Default `inputShape` [224, 224, 3], default `classes` 1000. */
export interface MobilenetOptions extends ClassifierOptions {
  /** Width: the factor of the number of filters of each layer. Default 1. */
  readonly alpha?: number;
  /** Results of a depthwise convolution for each of its channels. Default 1. */
  readonly depthMultiplier?: number;
  /** Rate of the dropout before the classes; only with the top. Default 0.001. */
  readonly dropout?: number;
}

/** Filters and stride of each depthwise separable block. */
const blocks: readonly (readonly [filters: number, stride: 1 | 2])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

/**
 * MobileNet (version 1) with weights drawn at random: a convolution and 13 blocks, each a depthwise and a pointwise
 * convolution, 32 times smaller at the end. 4,253,864 parameters as it is; layers are named as in Keras.
 * @throws {TensorError} `option` for options that are not known, do not fit or would have no effect.
 */
export function mobilenet(options: MobilenetOptions = {}): ImageNetwork {
  checkOptionsObject("mobilenet", options);
  const { alpha = 1, depthMultiplier = 1, dropout = 0.001 } = options;
  checkNumber("mobilenet.alpha", alpha, 1 / 32);
  wholeNumber("mobilenet.depthMultiplier", depthMultiplier, 1);
  const width = (filters: number): number => Math.floor(filters * alpha);
  const definition: Classifier = {
    where: "mobilenet",
    ownOptions: ["alpha", "depthMultiplier", "dropout"],
    topOptions: ["dropout"],
    inputShape: [224, 224, 3],
    classes: 1000,
    features: (images) => {
      const first = conv2D({ ...plain, filters: width(32), kernelSize: 3, strides: 2, name: "conv1" });
      return blocks.reduce(
        (x, [filters, stride], index) => separableBlock(x, width(filters), depthMultiplier, stride, index + 1),
        through(images, first, ...normalized("conv1")),
      );
    },
    top: (x, { classes, classifierActivation }) =>
      through(
        x,
        globalAveragePooling2D({ keepdims: true }),
        dropoutLayer({ rate: dropout, name: "dropout" }),
        conv2D({ filters: classes, kernelSize: 1, padding: "same", name: "conv_preds" }),
        reshape({ targetShape: [classes], name: "reshape_2" }),
        activationLayer({ activation: classifierActivation ?? "linear", name: "predictions" }),
      ),
  };
  return classifier(definition, options);
}

const plain = { padding: "same", useBias: false } as const;

/** A 3 × 3 convolution of each channel, then a mixing of channels. */
function separableBlock(
  x: Placeholder,
  filters: number,
  depthMultiplier: number,
  strides: 1 | 2,
  number: number,
): Placeholder {
  const [depthwise, pointwise] = [`conv_dw_${number}`, `conv_pw_${number}`];
  const margin = { padding: [[0, 1] as const, [0, 1] as const], name: `conv_pad_${number}` };
  const [padded, padding] =
    strides === 1 ? ([x, "same"] as const) : ([zeroPadding2D(margin).apply(x), "valid"] as const);
  return through(
    padded,
    depthwiseConv2D({ kernelSize: 3, strides, depthMultiplier, padding, useBias: false, name: depthwise }),
    ...normalized(depthwise),
    conv2D({ ...plain, filters, kernelSize: 1, name: pointwise }),
    ...normalized(pointwise),
  );
}

function normalized(name: string): Layer[] {
  return [batchNormalization({ name: `${name}_bn` }), reLU({ maxValue: 6, name: `${name}_relu` })];
}
