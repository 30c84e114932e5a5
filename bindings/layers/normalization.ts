// How are the values of each sample kept in range: by mean and variance over axes or groups, or by length?

import { check } from "../errors.ts";
import { constant, errorPlace, type SymbolicTensor } from "../graph.ts";
import { ones } from "../initializers.ts";
import { add, asFloat, maximum, multiply, rsqrt, square } from "../ops/map.ts";
import { mean, resolveAxes, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import type { Shape } from "../tensor.ts";
import {
  type AffineFields,
  type AffineOptions,
  affineFields,
  affineWeights,
  centre,
  scaleAndShift,
} from "./affineFields.ts";
import { type Field, flag, integers, number, type Parsed } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";

/** Options of {@link layerNormalization}. */
export interface LayerNormalizationOptions extends AffineOptions {
  /** The axes that are normalised together, and that gamma and beta have. Default -1. */
  readonly axis?: number | readonly number[];
  /** Added to variances. Default 0.001. */
  readonly epsilon?: number;
  /** Only divide by the standard deviation and multiply by gamma, whatever `center` and `scale` say. Default false. */
  readonly rmsScaling?: boolean;
}

const layerFields: AffineFields & {
  readonly axis: Field<readonly number[] | null>;
  readonly epsilon: Field<number>;
  readonly rmsScaling: Field<boolean>;
} = /* @__PURE__ */ affineFields({
  axis: integers([-1], Number.MIN_SAFE_INTEGER),
  epsilon: number(1e-3, 0),
  rmsScaling: flag(false),
});

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta with mean and variance over `axis` of each sample, same shape (Ba et
 * al., 2016).
 * @throws {TensorError} `option` for the batch axis.
 */
export const layerNormalization: (options?: LayerNormalizationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "LayerNormalization",
  fields: layerFields,
  inputs: "one",
  masking: "pass",
  weights: ([shape = []], options) => {
    const sizes = axesOf("layerNormalization", shape, options.axis ?? []).map((axis) => shape[axis] as number);
    const { center, scale, rmsScaling } = options;
    return affineWeights(sizes, { ...options, center: center && !rmsScaling, scale: scale || rmsScaling });
  },
  call: (x, { options, weights }) => {
    const axes = axesOf("layerNormalization", x.shape, options.axis ?? []);
    const shape = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
    checkFeatures("layerNormalization", x.shape, axes, weights);
    const float = asFloat(x);
    const centred = centre(float, mean(float, axes, true));
    const factor = rsqrt(add(mean(square(centred), axes, true), options.epsilon));
    return scaleAndShift(options.rmsScaling ? float : centred, factor, weights, shape);
  },
});

/** Options of {@link groupNormalization}. */
export interface GroupNormalizationOptions extends AffineOptions {
  /** Number of groups; divides the channels. -1 for a group for each channel. Default 32. */
  readonly groups?: number;
  /** The axis of the channels. Default -1. */
  readonly axis?: number;
  /** Added to variances. Default 0.001. */
  readonly epsilon?: number;
}

const groupFields: AffineFields & {
  readonly groups: Field<number>;
  readonly axis: Field<number>;
  readonly epsilon: Field<number>;
} = /* @__PURE__ */ affineFields({ groups: number(32, -1), axis: number(-1), epsilon: number(1e-3, 0) });

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta with mean and variance over each group of neighbouring channels of a
 * sample, and over all its other axes; same shape; gamma and beta [channels] (Wu & He, 2018).
 * @throws {TensorError} `option` for groups that do not divide the channels, or for the batch axis.
 */
export const groupNormalization: (options?: GroupNormalizationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "GroupNormalization",
  fields: groupFields,
  inputs: "one",
  masking: "pass",
  weights: ([shape = []], options) => {
    const { channels } = groupsOf(shape, options);
    return affineWeights([channels], options);
  },
  call: (x, { options, weights }) => {
    const { axis, channels, groups } = groupsOf(x.shape, options);
    checkFeatures("groupNormalization", x.shape, [axis], weights);
    const split = [...x.shape.slice(0, axis), groups, channels / groups, ...x.shape.slice(axis + 1)];
    const grouped = reshape(asFloat(x), split);
    const others = [...split.keys()].filter((each) => each !== 0 && each !== axis);
    const centred = centre(grouped, mean(grouped, others, true));
    // Nothing has no variance, and NaN in its place would reach the gradient of gamma.
    const factor = x.size === 0 ? constant(1) : rsqrt(add(mean(square(centred), others, true), options.epsilon));
    const shape = split.map((size, each) => (each === axis || each === axis + 1 ? size : 1));
    return reshape(scaleAndShift(centred, factor, weights, shape), x.shape);
  },
});

function groupsOf(
  shape: Shape,
  options: Parsed<typeof groupFields>,
): { readonly axis: number; readonly channels: number; readonly groups: number } {
  const [axis = 0] = axesOf("groupNormalization", shape, [options.axis]);
  const channels = shape[axis] as number;
  const groups = options.groups === -1 ? channels : options.groups;
  check(Number.isInteger(groups) && groups > 0 && channels % groups === 0, "option", () => ({
    where: `${errorPlace("groupNormalization")}.groups`,
    expected: `a divisor of ${channels} channels, or -1`,
    received: `${options.groups}`,
  }));
  return { axis, channels, groups };
}

/** Options of {@link rmsNormalization}. */
export interface RMSNormalizationOptions extends LayerOptions {
  /** The axes that are normalised together, and that scale has. Default -1. */
  readonly axis?: number | readonly number[];
  /** Added to mean squares. Default 1e-6. */
  readonly epsilon?: number;
}

const rmsFields = { axis: integers([-1], Number.MIN_SAFE_INTEGER), epsilon: number(1e-6, 0) };

/** x / √(mean x² + epsilon) · scale over `axis` of each sample, same shape (Zhang & Sennrich, 2019). */
export const rmsNormalization: (options?: RMSNormalizationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RMSNormalization",
  fields: rmsFields,
  inputs: "one",
  masking: "pass",
  weights: ([shape = []], options) => ({
    scale: {
      shape: axesOf("rmsNormalization", shape, options.axis ?? []).map((axis) => shape[axis] as number),
      initializer: ones(),
    },
  }),
  call: (x, { options, weights: { scale } }) => {
    const axes = axesOf("rmsNormalization", x.shape, options.axis ?? []);
    checkFeatures("rmsNormalization", x.shape, axes, { gamma: scale });
    const float = asFloat(x);
    const factor = rsqrt(add(mean(square(float), axes, true), options.epsilon));
    const shape = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
    return multiply(multiply(float, factor), reshape(scale as SymbolicTensor, shape));
  },
});

/** Options of {@link unitNormalization}. */
export interface UnitNormalizationOptions extends LayerOptions {
  /** The axes along which values make a vector. Default -1. */
  readonly axis?: number | readonly number[];
}

const unitFields = { axis: integers([-1], Number.MIN_SAFE_INTEGER) };

/** x / |x| with the length over `axis`, same shape; vectors shorter than 1e-12 are divided by that. */
export const unitNormalization: (options?: UnitNormalizationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "UnitNormalization",
  fields: unitFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options }) => {
    const float = asFloat(x);
    const axes = axesOf("unitNormalization", x.shape, options.axis ?? []);
    return multiply(float, rsqrt(maximum(sum(square(float), axes, true), shortestSquared)));
  },
});

const shortestSquared = 1e-24;

function axesOf(className: string, shape: Shape, given: readonly number[]): number[] {
  const axes = resolveAxes(className, shape.length, given);
  check(axes.length > 0 && !axes.includes(0), "option", () => ({
    where: `${errorPlace(className)}.axis`,
    expected: "axes other than the batch axis",
    received: `[${given.join(", ")}]`,
  }));
  return axes;
}

/** Whether gamma and beta, if there are any, fit the axes of an input of this shape. */
function checkFeatures(
  className: string,
  shape: Shape,
  axes: readonly number[],
  { gamma, beta }: Readonly<Record<string, SymbolicTensor | undefined>>,
): void {
  const built = (gamma ?? beta)?.shape;
  const sizes = axes.map((axis) => shape[axis] as number);
  check(built === undefined || built.join() === sizes.join(), "shape", () => ({
    where: errorPlace(className),
    expected: `sizes [${built?.join(", ")}] in axes [${axes.join(", ")}]`,
    received: `shape [${shape.join(", ")}]`,
    remedy: "The layer was built for another input.",
  }));
}
