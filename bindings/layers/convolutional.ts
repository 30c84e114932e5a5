// Convolutions and transposed convolutions over one, two and three spatial axes.

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { convInputGradient } from "../ops/conv.ts";
import { convOptions, transposedSizes } from "../ops/convWindows.ts";
import { channelsOf, convolve, finish, type Window, withChannelsLast } from "./convolutionGeometry.ts";
import { constraint, initializer, positiveInteger, regularizer } from "./field.ts";
import { defineLayer, type Layer } from "./layer.ts";
import { optionalSizePerAxis } from "./spatialFields.ts";
import type { KernelOptions } from "./weightOptions.ts";
import {
  biasSpec,
  oneOrMore,
  type PerAxis,
  type SpatialRank,
  type WindowOptions,
  type WithCausal,
  windowFields,
} from "./windowFields.ts";

/** Options of one kernel that makes `filters` channels. */
interface FilterOptions<Rank extends SpatialRank> extends WindowOptions<Rank>, KernelOptions {
  /** Number of channels of the result; ≥ 1. */
  readonly filters: number;
}

interface ConvOptions<Rank extends SpatialRank> extends FilterOptions<Rank> {
  /** Parts of the channels that are convolved apart; divides input channels and filters. Default 1. */
  readonly groups?: number;
}

/** Options of {@link conv1D}. */
export interface Conv1DOptions extends WithCausal<ConvOptions<1>> {}
/** Options of {@link conv2D}. */
export interface Conv2DOptions extends ConvOptions<2> {}
/** Options of {@link conv3D}. */
export interface Conv3DOptions extends ConvOptions<3> {}

interface ConvTransposeOptions<Rank extends SpatialRank> extends FilterOptions<Rank> {
  /**
   * Chooses among the sizes whose convolution has the size of the input: from 0 to stride − 1. Default null: size ·
   * stride for `"same"`, size · stride + max(kernel − stride, 0) for `"valid"`.
   */
  readonly outputPadding?: PerAxis<Rank> | null;
}

/** Options of {@link conv1DTranspose}. */
export interface Conv1DTransposeOptions extends ConvTransposeOptions<1> {}
/** Options of {@link conv2DTranspose}. */
export interface Conv2DTransposeOptions extends ConvTransposeOptions<2> {}
/** Options of {@link conv3DTranspose}. */
export interface Conv3DTransposeOptions extends ConvTransposeOptions<3> {}

const filterFields = {
  filters: positiveInteger(),
  kernelInitializer: initializer("glorotUniform"),
  kernelRegularizer: regularizer(),
  kernelConstraint: constraint(),
};

/* @__NO_SIDE_EFFECTS__ */
function convolution(className: string, rank: SpatialRank): (options?: object) => Layer {
  return defineLayer({
    className,
    fields: { ...windowFields(rank, rank === 1), ...filterFields, groups: oneOrMore() },
    inputs: "one",
    weights: ([shape = []], options) => {
      const channels = channelsOf(className, shape, options);
      const { filters, groups, kernelSize } = options;
      check(channels % groups === 0 && filters % groups === 0, "option", () => ({
        where: `${errorPlace(className)}.groups`,
        expected: `a divisor of ${channels} channels and of ${filters} filters`,
        received: `${groups}`,
      }));
      const kernel = {
        shape: [...kernelSize, channels / groups, filters],
        initializer: options.kernelInitializer,
        regularizer: options.kernelRegularizer,
        constraint: options.kernelConstraint,
      };
      return { kernel, ...biasSpec(options, filters) };
    },
    call: (x, { options, weights }) => {
      const kernel = weights.kernel as SymbolicTensor;
      const { groups } = options;
      const input = withChannelsLast(className, x, options, (kernel.shape[rank] as number) * groups);
      return finish(convolve(className, input, kernel, options, groups), weights.bias, options.activation, options);
    },
  });
}

/**
 * y[n, o, f] = activation(Σ_{t,c} x[n, o·stride + t·dilation − padding, c] · kernel[t, c, f] + bias[f]): x [batch, length,
 * channels] → [batch, results, filters]; kernel [kernelSize, channels / groups, filters], bias [filters].
 * @throws {TensorError} `shape` for input of another rank or shorter than the kernel, `option` for groups that do not
 *   divide channels and filters.
 */
export const conv1D: (options: Conv1DOptions) => Layer = /* @__PURE__ */ convolution("Conv1D", 1);
/**
 * As {@link conv1D} over two axes: x [batch, height, width, channels] → [batch, rows, columns, filters]; kernel
 * [height, width, channels / groups, filters].
 */
export const conv2D: (options: Conv2DOptions) => Layer = /* @__PURE__ */ convolution("Conv2D", 2);
/** As {@link conv1D} over three axes: x [batch, depth, height, width, channels]. */
export const conv3D: (options: Conv3DOptions) => Layer = /* @__PURE__ */ convolution("Conv3D", 3);

/* @__NO_SIDE_EFFECTS__ */
function transposedConvolution(className: string, rank: SpatialRank): (options?: object) => Layer {
  return defineLayer({
    className,
    fields: { ...windowFields(rank, false), ...filterFields, outputPadding: optionalSizePerAxis(rank, 0) },
    inputs: "one",
    weights: ([shape = []], options) => {
      const kernel = {
        shape: [...options.kernelSize, options.filters, channelsOf(className, shape, options)],
        initializer: options.kernelInitializer,
        regularizer: options.kernelRegularizer,
        constraint: options.kernelConstraint,
      };
      checkOutputPadding(className, options.outputPadding, options);
      return { kernel, ...biasSpec(options, options.filters) };
    },
    call: (x, { options, weights }) => {
      const kernel = weights.kernel as SymbolicTensor;
      const input = withChannelsLast(className, x, options, kernel.shape[rank + 1] as number);
      const sizes = transposedSizes(options, options.outputPadding, input.shape.slice(1, -1));
      const y = convInputGradient(input, kernel, sizes, convOptions(options, sizes, 1));
      return finish(y, weights.bias, options.activation, options);
    },
  });
}

function checkOutputPadding(className: string, given: readonly number[] | null, { strides }: Window): void {
  check(given === null || given.every((each, axis) => each < (strides[axis] as number)), "option", () => ({
    where: `${errorPlace(className)}.outputPadding`,
    expected: `less than the strides, [${strides.join(", ")}]`,
    received: `[${given?.join(", ")}]`,
  }));
}

/**
 * The transpose of {@link conv1D}, as a matrix, applied to x: spreads each entry over a window, so that sizes grow by the
 * strides. x [batch, length, channels] → [batch, results, filters]; kernel [kernelSize, filters, channels], bias [filters].
 * @throws {TensorError} `option` for an outputPadding that is not less than the stride.
 */
export const conv1DTranspose: (options: Conv1DTransposeOptions) => Layer = /* @__PURE__ */ transposedConvolution(
  "Conv1DTranspose",
  1,
);
/** As {@link conv1DTranspose} over two axes: x [batch, height, width, channels]. */
export const conv2DTranspose: (options: Conv2DTransposeOptions) => Layer = /* @__PURE__ */ transposedConvolution(
  "Conv2DTranspose",
  2,
);
/** As {@link conv1DTranspose} over three axes: x [batch, depth, height, width, channels]. */
export const conv3DTranspose: (options: Conv3DTransposeOptions) => Layer = /* @__PURE__ */ transposedConvolution(
  "Conv3DTranspose",
  3,
);
