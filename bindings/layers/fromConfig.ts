// How is a layer made from its Keras configuration?

import { type Json, toCamelCase } from "../config.ts";
import { check, show, unknownName } from "../errors.ts";
import * as layers from "./index.ts";
import type { Layer } from "./layer.ts";

type Factory = (options: never) => Layer;

/** The factories by Keras' class name. */
const factories: Readonly<Record<string, Factory>> = {
  Activation: layers.activation,
  Add: layers.add,
  Average: layers.average,
  BatchNormalization: layers.batchNormalization,
  Concatenate: layers.concatenate,
  Conv1D: layers.conv1D,
  Conv1DTranspose: layers.conv1DTranspose,
  Conv2D: layers.conv2D,
  Conv2DTranspose: layers.conv2DTranspose,
  Conv3D: layers.conv3D,
  Conv3DTranspose: layers.conv3DTranspose,
  Dense: layers.dense,
  DepthwiseConv1D: layers.depthwiseConv1D,
  DepthwiseConv2D: layers.depthwiseConv2D,
  Dropout: layers.dropout,
  ELU: layers.elu,
  Flatten: layers.flatten,
  GaussianNoise: layers.gaussianNoise,
  GroupNormalization: layers.groupNormalization,
  InputLayer: layers.inputLayer as Factory,
  LayerNormalization: layers.layerNormalization,
  LeakyReLU: layers.leakyReLU,
  Maximum: layers.maximum,
  Minimum: layers.minimum,
  Multiply: layers.multiply,
  Normalization: layers.normalization as unknown as Factory,
  ReLU: layers.reLU,
  Rescaling: layers.rescaling,
  Reshape: layers.reshape,
  SeparableConv1D: layers.separableConv1D,
  SeparableConv2D: layers.separableConv2D,
  Softmax: layers.softmax,
  Subtract: layers.subtract,
  UnitNormalization: layers.unitNormalization,
};

const custom = new Map<string, Factory>();

/** Lets configurations name layers of your own: `registerLayer("Highway", highway)`. */
export function registerLayer(className: string, factory: (options: never) => Layer): void {
  custom.set(className, factory);
}

/**
 * The layer that a Keras 3 configuration describes; keys in snake_case. New weights.
 * @throws {TensorError} `name` for an unknown class, `option` or `unsupported` for what it cannot do.
 */
export function layerFromConfig(className: string, config: Readonly<Record<string, Json>>): Layer {
  const factory = custom.get(className) ?? (Object.hasOwn(factories, className) ? factories[className] : undefined);
  if (factory === undefined)
    throw unknownName("layerFromConfig", "a layer class", className, [...Object.keys(factories), ...custom.keys()]);
  check(typeof config === "object" && config !== null && !Array.isArray(config), "option", () => ({
    where: `layerFromConfig("${className}")`,
    expected: "a configuration, { units: 10, … }",
    received: show(config),
  }));
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    if (key === "dtype" && className !== "InputLayer") checkDtype(className, value);
    else if (key === "batch_shape") options.shape = Array.isArray(value) ? value.slice(1) : value;
    else if (!ignored(className, key, value)) options[toCamelCase(key)] = value;
  }
  return factory(options as never);
}

/** Keys that Keras writes and that change nothing here. */
function ignored(className: string, key: string, value: Json): boolean {
  if (
    className === "InputLayer" &&
    (key === "sparse" || key === "ragged" || key === "trainable" || key === "batch_shape")
  )
    return value !== true || key === "trainable";
  // There is one replica here, which is in step with itself.
  if (className === "BatchNormalization" && key === "synchronized") return true;
  return value === null && (key === "lora_rank" || key === "quantization_config" || key === "build_config");
}

/** Weights and results are float32 only. */
function checkDtype(className: string, value: Json): void {
  const name =
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? ((value as { config?: { name?: Json } }).config?.name as Json | undefined)
      : value;
  check(name === "float32" || name === undefined, "unsupported", () => ({
    where: `${className}.dtype`,
    expected: "float32",
    received: show(name),
  }));
}
