// How is a layer made from its Keras configuration?

import { checkClassName, type Json, toCamelCase } from "../config.ts";
import { check, show, unknownName } from "../errors.ts";
import * as layers from "./index.ts";
import type { Layer } from "./layer.ts";

type Factory = (options: never) => Layer;

/** The factories by Keras' class name. */
const factories: Readonly<Record<string, Factory>> = {
  Activation: layers.activation,
  ActivityRegularization: layers.activityRegularization,
  AdaptiveAveragePooling1D: layers.adaptiveAveragePooling1D,
  AdaptiveAveragePooling2D: layers.adaptiveAveragePooling2D,
  AdaptiveAveragePooling3D: layers.adaptiveAveragePooling3D,
  AdaptiveMaxPooling1D: layers.adaptiveMaxPooling1D,
  AdaptiveMaxPooling2D: layers.adaptiveMaxPooling2D,
  AdaptiveMaxPooling3D: layers.adaptiveMaxPooling3D,
  Add: layers.add,
  AlphaDropout: layers.alphaDropout,
  Average: layers.average,
  AveragePooling1D: layers.averagePooling1D,
  AveragePooling2D: layers.averagePooling2D,
  AveragePooling3D: layers.averagePooling3D,
  BatchNormalization: layers.batchNormalization,
  CategoryEncoding: layers.categoryEncoding,
  CenterCrop: layers.centerCrop,
  Concatenate: layers.concatenate,
  Conv1D: layers.conv1D,
  Conv1DTranspose: layers.conv1DTranspose,
  Conv2D: layers.conv2D,
  Conv2DTranspose: layers.conv2DTranspose,
  Conv3D: layers.conv3D,
  Conv3DTranspose: layers.conv3DTranspose,
  Cropping1D: layers.cropping1D,
  Cropping2D: layers.cropping2D,
  Cropping3D: layers.cropping3D,
  CutMix: layers.cutMix,
  Dense: layers.dense,
  DepthwiseConv1D: layers.depthwiseConv1D,
  DepthwiseConv2D: layers.depthwiseConv2D,
  Discretization: layers.discretization as unknown as Factory,
  Dot: layers.dot as Factory,
  Dropout: layers.dropout,
  EinsumDense: layers.einsumDense as Factory,
  ELU: layers.elu,
  Embedding: layers.embedding,
  Flatten: layers.flatten,
  GaussianDropout: layers.gaussianDropout,
  GaussianNoise: layers.gaussianNoise,
  GlobalAveragePooling1D: layers.globalAveragePooling1D,
  GlobalAveragePooling2D: layers.globalAveragePooling2D,
  GlobalAveragePooling3D: layers.globalAveragePooling3D,
  GlobalMaxPooling1D: layers.globalMaxPooling1D,
  GlobalMaxPooling2D: layers.globalMaxPooling2D,
  GlobalMaxPooling3D: layers.globalMaxPooling3D,
  GroupNormalization: layers.groupNormalization,
  Identity: layers.identity,
  InputLayer: layers.inputLayer as Factory,
  Lambda: layers.lambda,
  LayerNormalization: layers.layerNormalization,
  LeakyReLU: layers.leakyReLU,
  Masking: layers.masking,
  Maximum: layers.maximum,
  MaxPooling1D: layers.maxPooling1D,
  MaxPooling2D: layers.maxPooling2D,
  MaxPooling3D: layers.maxPooling3D,
  Minimum: layers.minimum,
  MixUp: layers.mixUp,
  Multiply: layers.multiply,
  Normalization: layers.normalization as unknown as Factory,
  Permute: layers.permute,
  PReLU: layers.pReLU,
  RandomBrightness: layers.randomBrightness,
  RandomContrast: layers.randomContrast,
  RandomCrop: layers.randomCrop,
  RandomErasing: layers.randomErasing,
  RandomFlip: layers.randomFlip,
  RandomRotation: layers.randomRotation,
  RandomTranslation: layers.randomTranslation,
  RandomZoom: layers.randomZoom,
  ReLU: layers.reLU,
  RMSNormalization: layers.rmsNormalization,
  RepeatVector: layers.repeatVector,
  Rescaling: layers.rescaling,
  Reshape: layers.reshape,
  Resizing: layers.resizing,
  SeparableConv1D: layers.separableConv1D,
  SeparableConv2D: layers.separableConv2D,
  Softmax: layers.softmax,
  SpatialDropout1D: layers.spatialDropout1D,
  SpatialDropout2D: layers.spatialDropout2D,
  SpatialDropout3D: layers.spatialDropout3D,
  SpectralNormalization: layers.spectralNormalization as Factory,
  Subtract: layers.subtract,
  ThresholdedReLU: layers.thresholdedReLU,
  UnitNormalization: layers.unitNormalization,
  UpSampling1D: layers.upSampling1D,
  UpSampling2D: layers.upSampling2D,
  UpSampling3D: layers.upSampling3D,
  ZeroPadding1D: layers.zeroPadding1D,
  ZeroPadding2D: layers.zeroPadding2D,
  ZeroPadding3D: layers.zeroPadding3D,
};

const custom = new Map<string, Factory>();

/** Lets configurations name layers of your own: `registerLayer("Highway", highway)`. */
export function registerLayer(className: string, factory: (options: never) => Layer): void {
  check(typeof className === "string" && className !== "" && typeof factory === "function", "option", () => ({
    where: "registerLayer",
    expected: "a name and a function that makes layers",
    received: `${show(className)} and ${show(factory)}`,
  }));
  custom.set(className, factory);
}

/**
 * The layer that a Keras 3 configuration describes; keys in snake_case. New weights.
 * @throws {TensorError} `name` for an unknown class, `option` or `unsupported` for what it cannot do.
 */
export function layerFromConfig(className: string, config: Readonly<Record<string, Json>>): Layer {
  checkClassName("layerFromConfig", "a layer class", className);
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
    if (key === "dtype" && className !== "InputLayer") checkDtype(className, value, config);
    else if (key === "batch_shape") options.shape = Array.isArray(value) ? value.slice(1) : value;
    else if (key === "layer") options.layer = wrappedLayer(className, value);
    else if (!ignored(className, key, value)) options[toCamelCase(key)] = value;
  }
  return factory(options as never);
}

/** The layer inside another, written as `{ class_name, config }`. */
function wrappedLayer(className: string, written: Json): Layer {
  const { class_name: name, config } = (written ?? {}) as { class_name?: Json; config?: Record<string, Json> };
  check(typeof name === "string" && config !== undefined, "option", () => ({
    where: `layerFromConfig("${className}").layer`,
    expected: 'a layer, { class_name: "Dense", config: { units: 10, … } }',
    received: show(written),
  }));
  return layerFromConfig(name, config);
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
  if (className === "Discretization" && (key === "epsilon" || (key === "sparse" && value === false))) return true;
  return value === null && (key === "lora_rank" || key === "quantization_config" || key === "build_config");
}

/** Weights and results are float32 only; the numbers of ranges are int32, which Keras calls int64. */
function checkDtype(className: string, value: Json, config: Readonly<Record<string, Json>>): void {
  const name =
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? ((value as { config?: { name?: Json } }).config?.name as Json | undefined)
      : value;
  if (className === "Discretization" && config.output_mode === "int" && name === "int64") return;
  check(name === "float32" || name === undefined, "unsupported", () => ({
    where: `${className}.dtype`,
    expected: "float32",
    received: show(name),
  }));
}
