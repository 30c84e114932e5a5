// Convolutions that keep channels apart: depthwise, and depthwise followed by a mixing of channels.

import type { ConstraintLike } from "../constraints.ts";
import type { SymbolicTensor } from "../graph.ts";
import type { InitializerLike } from "../initializers.ts";
import { reshape } from "../ops/view.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { channelsOf, convolve, finish, type Window, withChannelsLast } from "./convolutionGeometry.ts";
import { constraint, initializer, positiveInteger, regularizer } from "./field.ts";
import { defineLayer, type Layer } from "./layer.ts";
import {
  biasSpec,
  oneOrMore,
  type SpatialRank,
  type WindowOptions,
  type WithCausal,
  windowFields,
} from "./windowFields.ts";

interface DepthwiseOptions<Rank extends SpatialRank> extends WindowOptions<Rank> {
  /** Results for each input channel. Default 1. */
  readonly depthMultiplier?: number;
  /** First values of the kernels of single channels. Default `"glorotUniform"`. */
  readonly depthwiseInitializer?: InitializerLike;
  /** Penalty for the kernels of single channels, added to the loss. Default null: none. */
  readonly depthwiseRegularizer?: RegularizerLike | null;
  /** What the kernels of single channels are held to after each step. Default null: nothing. */
  readonly depthwiseConstraint?: ConstraintLike | null;
}

/** Options of {@link depthwiseConv1D}. */
export interface DepthwiseConv1DOptions extends WithCausal<DepthwiseOptions<1>> {}
/** Options of {@link depthwiseConv2D}. */
export interface DepthwiseConv2DOptions extends DepthwiseOptions<2> {}

interface SeparableOptions<Rank extends SpatialRank> extends DepthwiseOptions<Rank> {
  /** Number of channels of the result; ≥ 1. */
  readonly filters: number;
  /** First values of the kernel that mixes channels. Default `"glorotUniform"`. */
  readonly pointwiseInitializer?: InitializerLike;
  /** Penalty for the kernel that mixes channels, added to the loss. Default null: none. */
  readonly pointwiseRegularizer?: RegularizerLike | null;
  /** What the kernel that mixes channels is held to after each step. Default null: nothing. */
  readonly pointwiseConstraint?: ConstraintLike | null;
}

/** Options of {@link separableConv1D}. */
export interface SeparableConv1DOptions extends WithCausal<SeparableOptions<1>> {}
/** Options of {@link separableConv2D}. */
export interface SeparableConv2DOptions extends SeparableOptions<2> {}

const depthwiseFields = {
  depthMultiplier: oneOrMore(),
  depthwiseInitializer: initializer("glorotUniform"),
  depthwiseRegularizer: regularizer(),
  depthwiseConstraint: constraint(),
};

/** Convolves each channel of x [n, ...spatial, channels] by itself; kernel [...kernelSize, channels, multiplier]. */
function convolveDepthwise(
  className: string,
  x: SymbolicTensor,
  kernel: SymbolicTensor,
  window: Window,
): SymbolicTensor {
  const rank = window.kernelSize.length;
  const [channels, multiplier] = kernel.shape.slice(rank) as [number, number];
  const groups = Math.max(1, channels); // no channels make no groups
  const grouped = reshape(kernel, [...window.kernelSize, channels / groups, channels * multiplier]);
  return convolve(className, x, grouped, window, groups);
}

/* @__NO_SIDE_EFFECTS__ */
function depthwise(className: string, rank: 1 | 2): (options?: object) => Layer {
  return defineLayer({
    className,
    fields: { ...windowFields(rank, rank === 1), ...depthwiseFields },
    inputs: "one",
    weights: ([shape = []], options) => {
      const channels = channelsOf(className, shape, options);
      const kernel = {
        shape: [...options.kernelSize, channels, options.depthMultiplier],
        initializer: options.depthwiseInitializer,
        regularizer: options.depthwiseRegularizer,
        constraint: options.depthwiseConstraint,
      };
      return { kernel, ...biasSpec(options, channels * options.depthMultiplier) };
    },
    call: (x, { options, weights }) => {
      const kernel = weights.kernel as SymbolicTensor;
      const input = withChannelsLast(className, x, options, kernel.shape[rank] as number);
      const y = convolveDepthwise(className, input, kernel, options);
      return finish(y, weights.bias, options.activation, options);
    },
  });
}

/**
 * Each channel convolved with `depthMultiplier` kernels of its own: x [batch, length, channels] → [batch, results,
 * channels · depthMultiplier]; kernel [kernelSize, channels, depthMultiplier].
 * @throws {TensorError} `shape` for input of another rank or shorter than the kernel.
 */
export const depthwiseConv1D: (options: DepthwiseConv1DOptions) => Layer = /* @__PURE__ */ depthwise(
  "DepthwiseConv1D",
  1,
);
/** As {@link depthwiseConv1D} over two axes: x [batch, height, width, channels]. */
export const depthwiseConv2D: (options: DepthwiseConv2DOptions) => Layer = /* @__PURE__ */ depthwise(
  "DepthwiseConv2D",
  2,
);

/* @__NO_SIDE_EFFECTS__ */
function separable(className: string, rank: 1 | 2): (options?: object) => Layer {
  return defineLayer({
    className,
    fields: {
      ...windowFields(rank, rank === 1),
      ...depthwiseFields,
      filters: positiveInteger(),
      pointwiseInitializer: initializer("glorotUniform"),
      pointwiseRegularizer: regularizer(),
      pointwiseConstraint: constraint(),
    },
    inputs: "one",
    weights: ([shape = []], options) => {
      const channels = channelsOf(className, shape, options);
      const { depthMultiplier, filters, kernelSize } = options;
      const depthwiseKernel = {
        shape: [...kernelSize, channels, depthMultiplier],
        initializer: options.depthwiseInitializer,
        regularizer: options.depthwiseRegularizer,
        constraint: options.depthwiseConstraint,
      };
      const pointwiseKernel = {
        shape: [...kernelSize.map(() => 1), channels * depthMultiplier, filters],
        initializer: options.pointwiseInitializer,
        regularizer: options.pointwiseRegularizer,
        constraint: options.pointwiseConstraint,
      };
      return {
        depthwise_kernel: depthwiseKernel,
        pointwise_kernel: pointwiseKernel,
        ...biasSpec(options, filters),
      };
    },
    call: (x, { options, weights }) => {
      const kernel = weights.depthwise_kernel as SymbolicTensor;
      const input = withChannelsLast(className, x, options, kernel.shape[rank] as number);
      const between = convolveDepthwise(className, input, kernel, options);
      const ones = options.kernelSize.map(() => 1);
      const point: Window = { ...options, kernelSize: ones, strides: ones, dilationRate: ones, padding: "valid" };
      const y = convolve(className, between, weights.pointwise_kernel as SymbolicTensor, point, 1);
      return finish(y, weights.bias, options.activation, options);
    },
  });
}

/**
 * A depthwise convolution, then a mixing of its channels in each place: x [batch, length, channels] → [batch, results,
 * filters]; depthwise_kernel [kernelSize, channels, depthMultiplier], pointwise_kernel [1, channels · depthMultiplier,
 * filters], bias [filters].
 * @throws {TensorError} `shape` for input of another rank or shorter than the kernel.
 */
export const separableConv1D: (options: SeparableConv1DOptions) => Layer = /* @__PURE__ */ separable(
  "SeparableConv1D",
  1,
);
/** As {@link separableConv1D} over two axes: x [batch, height, width, channels]. */
export const separableConv2D: (options: SeparableConv2DOptions) => Layer = /* @__PURE__ */ separable(
  "SeparableConv2D",
  2,
);
