// Activations that are layers of their own, with options.

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { elu as eluOf, leakyRelu as leakyReluOf } from "../ops/activations.ts";
import { transpose } from "../ops/copy.ts";
import { greaterEqual, minimum, multiply, relu as reluOf, subtract, where } from "../ops/map.ts";
import { resolveAxes } from "../ops/reduce.ts";
import { softmax as softmaxOf } from "../ops/softmax.ts";
import { reshape } from "../ops/view.ts";
import { sizeOf } from "../tensor.ts";
import { integers, number, optionalNumber } from "./field.ts";
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
  call: (x, { options: { maxValue, negativeSlope, threshold } }) => {
    const plain = threshold === 0 && negativeSlope === 0;
    const limit = (y: SymbolicTensor): SymbolicTensor => (maxValue === null ? y : minimum(y, maxValue));
    if (plain) return limit(reluOf(x));
    return where(greaterEqual(x, threshold), limit(x), multiply(subtract(x, threshold), negativeSlope));
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
  call: (x, { options }) => eluOf(x, options.alpha),
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
  call: (x, { options }) => softmaxOverAxes(x, options.axis ?? [-1]),
});

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
