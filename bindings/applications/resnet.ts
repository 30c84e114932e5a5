// Residual networks of any depth and width.
// Source: He and others, "Deep Residual Learning for Image Recognition" (2015).

import { checkOptionsObject } from "../config.ts";
import { check, show } from "../errors.ts";
import { batchNormalization } from "../layers/batchNormalization.ts";
import { conv2D } from "../layers/convolutional.ts";
import { activationLayer, dense } from "../layers/core.ts";
import type { Layer } from "../layers/layer.ts";
import { add } from "../layers/merging.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { globalAveragePooling2D, maxPooling2D } from "../layers/pooling.ts";
import { zeroPadding2D } from "../layers/spatial.ts";
import { wholeNumber } from "../models/fit.ts";
import { type Classifier, type ClassifierOptions, classifier, type ImageNetwork, through } from "./classifier.ts";

/** Options of {@link resnet}. */
export interface ResnetOptions extends ClassifierOptions {
  /**
   * `"imagenet"` begins with a 7 × 7 convolution and a pooling, which make images 4 times smaller, and has four stages;
   * `inputShape` is [224, 224, 3] and `classes` 1000 by default. `"cifar"` begins with a 3 × 3 convolution and has three
   * stages, for small images; [32, 32, 3] and 10. Default `"imagenet"`.
   */
  readonly style?: "imagenet" | "cifar";
  /**
   * Number of layers from the images to the classes. `"imagenet"`: 18, 34, or with bottlenecks 26, 50, 101, 152; default
   * 50. `"cifar"`: 6n + 2, or with bottlenecks 9n + 2; default 20, with bottlenecks 29.
   */
  readonly depth?: number;
  /** Filters of the first stage; each stage has twice as many as the one before. Default 64, for `"cifar"` 16. */
  readonly width?: number;
  /**
   * Whether a block has 1 × 1, 3 × 3 and 1 × 1 convolutions, the last with 4 times the filters, instead of two of 3 × 3.
   * Default: as the depth needs; for `"cifar"` false.
   */
  readonly bottleneck?: boolean;
}

type Blocks = readonly number[];

/** Blocks of each stage, by depth. */
const basicDepths: Readonly<Record<number, Blocks>> = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3] };
const bottleneckDepths: Readonly<Record<number, Blocks>> = {
  26: [2, 2, 2, 2],
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
  152: [3, 8, 36, 3],
};

/**
 * A residual network (version 1: activations after the sums) with weights drawn at random. Without options it is
 * ResNet50 with 25,636,712 parameters; layers are named as in Keras.
 * @throws {TensorError} `option` for options that are not known, do not fit or would have no effect.
 */
export function resnet(options: ResnetOptions = {}): ImageNetwork {
  checkOptionsObject("resnet", options);
  const { style = "imagenet" } = options;
  check(style === "imagenet" || style === "cifar", "option", () => ({
    where: "resnet.style",
    expected: '"imagenet" or "cifar"',
    received: show(style),
  }));
  check(options.bottleneck === undefined || typeof options.bottleneck === "boolean", "option", () => ({
    where: "resnet.bottleneck",
    expected: "true or false",
    received: show(options.bottleneck),
  }));
  const small = style === "cifar";
  const width = wholeNumber("resnet.width", options.width ?? (small ? 16 : 64), 1);
  const { blocks, bottleneck } = small ? cifarBlocks(options) : imagenetBlocks(options);
  const definition: Classifier = {
    where: "resnet",
    ownOptions: ["style", "depth", "width", "bottleneck"],
    inputShape: small ? [32, 32, 3] : [224, 224, 3],
    classes: small ? 10 : 1000,
    features: (images) =>
      blocks.reduce(
        (x, count, stage) => residualStage(x, count, stage, width * 2 ** stage, bottleneck),
        small ? smallStem(images, width) : stem(images, width),
      ),
    top: (x, { classes, classifierActivation }) =>
      through(
        x,
        globalAveragePooling2D({ name: "avg_pool" }),
        dense({ units: classes, activation: classifierActivation, name: "predictions" }),
      ),
  };
  return classifier(definition, options);
}

interface Plan {
  readonly blocks: Blocks;
  readonly bottleneck: boolean;
}

function imagenetBlocks({ depth = 50, bottleneck = !(depth in basicDepths) }: ResnetOptions): Plan {
  const known = bottleneck ? bottleneckDepths : basicDepths;
  const blocks = known[depth];
  check(blocks !== undefined, "option", () => ({
    where: "resnet.depth",
    expected: `${Object.keys(known).join(", ")} ${bottleneck ? "with" : "without"} bottlenecks`,
    received: show(depth),
  }));
  return { blocks, bottleneck };
}

function cifarBlocks({ bottleneck = false, depth = bottleneck ? 29 : 20 }: ResnetOptions): Plan {
  const layers = bottleneck ? 9 : 6;
  const count = (depth - 2) / layers;
  check(Number.isInteger(count) && count >= 1, "option", () => ({
    where: "resnet.depth",
    expected: `${layers}n + 2 layers, such as ${layers + 2} or ${3 * layers + 2}`,
    received: show(depth),
  }));
  return { blocks: [count, count, count], bottleneck };
}

function stem(images: Placeholder, filters: number): Placeholder {
  return through(
    images,
    zeroPadding2D({ padding: 3, name: "conv1_pad" }),
    conv2D({ filters, kernelSize: 7, strides: 2, name: "conv1_conv" }),
    ...normalized("conv1"),
    zeroPadding2D({ padding: 1, name: "pool1_pad" }),
    maxPooling2D({ poolSize: 3, strides: 2, name: "pool1_pool" }),
  );
}

function smallStem(images: Placeholder, filters: number): Placeholder {
  return through(
    images,
    conv2D({ filters, kernelSize: 3, padding: "same", name: "conv1_conv" }),
    ...normalized("conv1"),
  );
}

/** Blocks of one size; the first of all stages but one halves height and width. */
function residualStage(
  x: Placeholder,
  count: number,
  stage: number,
  filters: number,
  bottleneck: boolean,
): Placeholder {
  let value = x;
  for (let block = 0; block < count; block++) {
    const strides = stage > 0 && block === 0 ? 2 : 1;
    value = residualBlock(value, filters, strides, bottleneck, `conv${stage + 2}_block${block + 1}`);
  }
  return value;
}

/** relu(x + f(x)); where f changes the shape, x goes through a 1 × 1 convolution of its own. */
function residualBlock(
  x: Placeholder,
  filters: number,
  strides: 1 | 2,
  bottleneck: boolean,
  name: string,
): Placeholder {
  const results = bottleneck ? 4 * filters : filters;
  const project = [
    conv2D({ filters: results, kernelSize: 1, strides, name: `${name}_0_conv` }),
    normalization(`${name}_0`),
  ];
  const convolutions = bottleneck
    ? [
        conv2D({ filters, kernelSize: 1, strides, name: `${name}_1_conv` }),
        ...normalized(`${name}_1`),
        conv2D({ filters, kernelSize: 3, padding: "same", name: `${name}_2_conv` }),
        ...normalized(`${name}_2`),
        conv2D({ filters: results, kernelSize: 1, name: `${name}_3_conv` }),
        normalization(`${name}_3`),
      ]
    : [
        conv2D({ filters, kernelSize: 3, strides, padding: "same", name: `${name}_1_conv` }),
        ...normalized(`${name}_1`),
        conv2D({ filters, kernelSize: 3, padding: "same", name: `${name}_2_conv` }),
        normalization(`${name}_2`),
      ];
  const changes = strides !== 1 || x.shape[3] !== results;
  const shortcut = changes ? through(x, ...project) : x;
  const sum = add({ name: `${name}_add` }).apply([shortcut, through(x, ...convolutions)]);
  return activationLayer({ activation: "relu", name: `${name}_out` }).apply(sum);
}

function normalized(name: string): Layer[] {
  return [normalization(name), activationLayer({ activation: "relu", name: `${name}_relu` })];
}

function normalization(name: string): Layer {
  return batchNormalization({ epsilon: 1.001e-5, name: `${name}_bn` });
}
