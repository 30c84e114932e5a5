// The layers of a plain network: input, dense, activations.

import { check } from "../errors.ts";
import { errorPlace } from "../graph.ts";
import { add } from "../ops/map.ts";
import { matMul } from "../ops/matMul.ts";
import type { DType, Shape } from "../tensor.ts";
import {
  type ActivationLike,
  activation,
  choice,
  constraint,
  flag,
  initializer,
  integers,
  positiveInteger,
  regularizer,
  requiredActivation,
} from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";
import { Placeholder } from "./placeholder.ts";
import type { BiasOptions, KernelOptions, ResultOptions } from "./weightOptions.ts";

/** Options of {@link dense}. */
export interface DenseOptions extends LayerOptions, KernelOptions, BiasOptions, ResultOptions {
  /** Size of the last axis of the result; ≥ 1. */
  readonly units: number;
  /** Whether `bias` is added. Default true. */
  readonly useBias?: boolean;
}

const denseFields = {
  units: positiveInteger(),
  activation: activation(),
  useBias: flag(true),
  kernelInitializer: initializer("glorotUniform"),
  biasInitializer: initializer("zeros"),
  kernelRegularizer: regularizer(),
  biasRegularizer: regularizer(),
  activityRegularizer: regularizer(),
  kernelConstraint: constraint(),
  biasConstraint: constraint(),
};

/**
 * y = activation(x·kernel + bias). x [batch, ..., inputs] → [batch, ..., units]; kernel [inputs, units], bias [units].
 * @throws {TensorError} `shape` for inputs without a feature axis, `option` for units < 1.
 */
export const dense: (options: DenseOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Dense",
  fields: denseFields,
  inputs: "one",
  masking: "pass",
  weights: ([shape = []], options) => {
    check(shape.length >= 2, "shape", () => ({
      where: errorPlace("dense"),
      expected: "input of rank 2 or more, [batch, ..., features]",
      received: `[${shape.join(", ")}]`,
    }));
    const kernel = {
      shape: [shape[shape.length - 1] as number, options.units],
      initializer: options.kernelInitializer,
      regularizer: options.kernelRegularizer,
      constraint: options.kernelConstraint,
    };
    const bias = {
      shape: [options.units],
      initializer: options.biasInitializer,
      regularizer: options.biasRegularizer,
      constraint: options.biasConstraint,
    };
    return options.useBias ? { kernel, bias } : { kernel };
  },
  call: (x, { options, weights: { kernel, bias } }) => {
    const features = kernel?.shape[0];
    check(x.shape[x.shape.length - 1] === features, "shape", () => ({
      where: errorPlace("dense"),
      expected: `${features} features in the last axis`,
      received: `shape [${x.shape.join(", ")}]`,
      remedy: "The layer was built for another input.",
    }));
    const product = matMul(x, kernel as typeof x);
    return options.activation.call(bias === undefined ? product : add(product, bias));
  },
});

/** Options of {@link activationLayer}. */
export interface ActivationOptions extends LayerOptions {
  /** A name, or a function of ops that keeps the shape; null for none. */
  readonly activation: ActivationLike;
}

const activationFields = { activation: requiredActivation() };

/** activation(x), same shape. */
export const activationLayer: (options: ActivationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Activation",
  fields: activationFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options }) => options.activation.call(x),
});

/** Options of {@link input} and {@link inputLayer}. */
export interface InputOptions {
  /** Shape of one sample, without the batch. */
  readonly shape: Shape;
  /** Default float32. */
  readonly dtype?: DType;
  /** Unique in its model. Default `"input_layer"`, numbered. */
  readonly name?: string;
}

const inputFields = {
  shape: integers(undefined, 1),
  dtype: choice<DType>(["float32", "int32", "uint8", "bool"], "float32"),
};

/** The first layer of a sequential model: says what one sample looks like. */
export const inputLayer: (options: InputOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "InputLayer",
  fields: inputFields,
  inputs: "one",
  call: (x) => x,
});

/** A placeholder for samples of `shape`: where a functional model starts. */
export function input(options: InputOptions): Placeholder {
  const layer = inputLayer(options);
  const { shape, dtype } = layer.options as unknown as { shape: Shape; dtype: DType };
  return new Placeholder([null, ...shape], dtype, { layer, inputs: [], many: false });
}
