// Activations that are layers of their own, with options.

import type { ConstraintLike } from "../constraints.ts";
import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import type { InitializerLike } from "../initializers.ts";
import { elu as eluOf, leakyRelu as leakyReluOf, threshold } from "../ops/activations.ts";
import { transpose } from "../ops/copy.ts";
import {
  asFloat,
  less,
  minimum,
  multiply,
  negate,
  relu6 as relu6Of,
  relu as reluOf,
  subtract,
  where,
} from "../ops/map.ts";
import { resolveAxes } from "../ops/reduce.ts";
import { softmax as softmaxOf } from "../ops/softmax.ts";
import { reshape } from "../ops/view.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { sizeOf } from "../tensor.ts";
import { constraint, initializer, integers, number, optionalNumber, regularizer } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";

/** Options of {@link reLU}. */
export interface ReLUOptions extends LayerOptions {
  /** Upper limit; null for none. Default null. */
  readonly maxValue?: number | null;
  /** Slope below the threshold. Default 0. */
  readonly negativeSlope?: number;
  /** Below it the slope applies. Default 0. */
  readonly threshold?: number;
}

const reLUFields = { maxValue: optionalNumber(0), negativeSlope: number(0, 0), threshold: number(0, 0) };

/** min(x, maxValue) for x ≥ threshold, negativeSlope · (x − threshold) below. Same shape. */
export const reLU: (options?: ReLUOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "ReLU",
  fields: reLUFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options: { maxValue, negativeSlope, threshold } }) => {
    const plain = threshold === 0 && negativeSlope === 0;
    const limit = (y: SymbolicTensor): SymbolicTensor => (maxValue === null ? y : minimum(y, maxValue));
    if (plain) return maxValue === 6 ? relu6Of(x) : limit(reluOf(x));
    // 0 · ∞ would be NaN.
    const below = negativeSlope === 0 ? 0 : multiply(subtract(x, threshold), negativeSlope);
    return where(less(x, threshold), below, limit(asFloat(x)));
  },
});

/** Options of {@link leakyReLU}. */
export interface LeakyReLUOptions extends LayerOptions {
  /** Slope for x < 0. Default 0.3. */
  readonly negativeSlope?: number;
}

const leakyReLUFields = { negativeSlope: number(0.3, 0) };

/** x for x > 0, negativeSlope · x below. Same shape. */
export const leakyReLU: (options?: LeakyReLUOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "LeakyReLU",
  fields: leakyReLUFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options }) => leakyReluOf(x, options.negativeSlope),
});

/** Options of {@link elu}. */
export interface ELUOptions extends LayerOptions {
  /** Limit for x → −∞ is −alpha. Default 1. */
  readonly alpha?: number;
}

const eluFields = { alpha: number(1) };

/** x for x > 0, alpha · (eˣ − 1) below. Same shape. */
export const elu: (options?: ELUOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "ELU",
  fields: eluFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options }) => eluOf(x, options.alpha),
});

/** Options of {@link thresholdedReLU}. */
export interface ThresholdedReLUOptions extends LayerOptions {
  /** Values up to it become 0; ≥ 0. Default 1. */
  readonly theta?: number;
}

const thresholdedReLUFields = { theta: number(1, 0) };

/** x for x > theta, 0 for the rest; NaN stays. Same shape (Konda et al., 2014). */
export const thresholdedReLU: (options?: ThresholdedReLUOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "ThresholdedReLU",
  fields: thresholdedReLUFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options }) => threshold(x, options.theta, 0),
});

/** Options of {@link pReLU}. */
export interface PReLUOptions extends LayerOptions {
  /** First values of the slopes. Default `"zeros"`. */
  readonly alphaInitializer?: InitializerLike;
  /** Penalty for the slopes, added to the loss. Default null: none. */
  readonly alphaRegularizer?: RegularizerLike | null;
  /** What the slopes are held to after each step. Default null: nothing. */
  readonly alphaConstraint?: ConstraintLike | null;
  /** Axes along which slopes are shared, counted with the batch axis as 0. Default none. */
  readonly sharedAxes?: number | readonly number[] | null;
}

const preluFields = {
  alphaInitializer: initializer("zeros"),
  alphaRegularizer: regularizer(),
  alphaConstraint: constraint(),
  sharedAxes: integers(null, 1),
};

/** max(x, 0) + alpha · min(x, 0) with a slope that is learnt for each value of a sample; same shape (He et al., 2015). */
export const pReLU: (options?: PReLUOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "PReLU",
  fields: preluFields,
  inputs: "one",
  masking: "pass",
  weights: ([shape = []], options) => {
    const shared = options.sharedAxes ?? [];
    check(
      shared.every((axis) => axis < shape.length),
      "option",
      () => ({
        where: `${errorPlace("pReLU")}.sharedAxes`,
        expected: `axes from 1 to ${shape.length - 1} of an input of rank ${shape.length}`,
        received: `[${shared.join(", ")}]`,
      }),
    );
    return {
      alpha: {
        shape: shape.slice(1).map((size, axis) => (shared.includes(axis + 1) ? 1 : size)),
        initializer: options.alphaInitializer,
        regularizer: options.alphaRegularizer,
        constraint: options.alphaConstraint,
      },
    };
  },
  call: (x, { weights }) => subtract(reluOf(x), multiply(weights.alpha as SymbolicTensor, reluOf(negate(asFloat(x))))),
});

/** Options of {@link softmax}. */
export interface SoftmaxOptions extends LayerOptions {
  /** The axes that sum to 1 together. Default -1. */
  readonly axis?: number | readonly number[];
}

const softmaxFields = { axis: integers([-1], Number.MIN_SAFE_INTEGER) };

/** eˣ / Σ eˣ over `axis`. Same shape. */
export const softmax: (options?: SoftmaxOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Softmax",
  fields: softmaxFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options, masks: [mask] }) => {
    // A mask of steps alone says nothing about the values of a step.
    const covers = mask !== undefined && mask.shape.length === x.shape.length;
    return softmaxOverAxes(covers ? where(mask, asFloat(x), excluded) : x, options.axis ?? [-1]);
  },
});

/** So small that its exponential is 0 next to any other. */
const excluded = -3e38;

/** Softmax over several axes at once: they are moved last and joined. */
function softmaxOverAxes(x: SymbolicTensor, axis: readonly number[]): SymbolicTensor {
  const axes = resolveAxes("softmax", x.shape.length, axis);
  check(axes.length > 0, "option", () => ({
    where: errorPlace("softmax"),
    expected: "at least one axis",
    received: "none",
  }));
  if (axes.length === 1) return softmaxOf(x, axes[0]);
  const kept = [...x.shape.keys()].filter((each) => !axes.includes(each));
  const order = [...kept, ...axes];
  const moved = transpose(x, order);
  const joined = reshape(moved, [
    ...kept.map((each) => x.shape[each] as number),
    sizeOf(axes.map((each) => x.shape[each] as number)),
  ]);
  return transpose(
    reshape(softmaxOf(joined), moved.shape),
    [...x.shape.keys()].map((each) => order.indexOf(each)),
  );
}
