// Layers that disturb training, and do nothing otherwise.

import { check, show } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { randomNormal } from "../ops/composed.ts";
import { add, asFloat, greaterEqual, multiply, where } from "../ops/map.ts";
import { randomUniform } from "../ops/random.ts";
import { l1l2 } from "../regularizers.ts";
import { type Field, number, requiredNumber, seed } from "./field.ts";
import { activityPenalty, type CallContext, defineLayer, type Layer, type LayerOptions } from "./layer.ts";

/** Rates stay below 1, where nothing would be left. */
const largestRate = 1 - 2 ** -24;

/** Options of {@link dropout}. */
export interface DropoutOptions extends LayerOptions {
  /** Share of values set to zero, from 0 to below 1 (1 drops all). */
  readonly rate: number;
  /** Shape of the mask, null for an axis as long as the input's; axes of size 1 are dropped together. Default the input's. */
  readonly noiseShape?: readonly (number | null)[] | null;
  /** Fixed seed; the mask still differs from step to step. Default drawn from the global seed. */
  readonly seed?: number | null;
}

/** Sizes of at least 1, null for those of the input, or null for all of them. */
/* @__NO_SIDE_EFFECTS__ */
function noiseShape(): Field<readonly (number | null)[] | null> {
  return {
    parse: (value, where) => {
      if (value === undefined || value === null) return null;
      const list = typeof value === "number" ? [value] : value;
      const fits =
        Array.isArray(list) && [...list].every((each) => each === null || (Number.isInteger(each) && each > 0));
      check(fits, "option", () => ({ where, expected: "a list of integers ≥ 1 or null", received: show(value) }));
      return list as (number | null)[];
    },
    write: (value) => (value === null ? null : [...value]),
  };
}

const dropoutFields = { rate: requiredNumber(0, 1), seed: seed(), noiseShape: noiseShape() };

/** Sets values to zero at random and scales the rest by 1 / (1 − rate), in training only (Srivastava et al., 2014). */
export const dropout: (options: DropoutOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Dropout",
  fields: dropoutFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options, context }) => {
    if (!context.training || options.rate === 0) return asFloat(x);
    return drop(x, maskShape("dropout", x, options.noiseShape), options, context);
  },
});

/** The shape of the mask for x. @throws {TensorError} `shape` unless it broadcasts to that of x. */
function maskShape(className: string, x: SymbolicTensor, given: readonly (number | null)[] | null): readonly number[] {
  const shape = given?.map((size, axis) => size ?? (x.shape[axis] as number)) ?? x.shape;
  check(
    shape.length === x.shape.length && shape.every((size, axis) => size === 1 || size === x.shape[axis]),
    "shape",
    () => ({
      where: errorPlace(className),
      expected: `a noiseShape that broadcasts to [${x.shape.join(", ")}]`,
      received: `[${shape.join(", ")}]`,
    }),
  );
  return shape;
}

/** x with a share of `rate` set to zero and the rest scaled, in training only; the mask has a shape that broadcasts. */
export function drop(
  x: SymbolicTensor,
  shape: readonly number[],
  { rate, seed: fixed }: { readonly rate: number; readonly seed: number | null },
  context: CallContext,
): SymbolicTensor {
  if (!context.training || rate === 0) return asFloat(x);
  const kept = greaterEqual(noise(randomUniform, fixed, context, shape), rate);
  return where(kept, multiply(asFloat(x), rate === 1 ? 0 : 1 / (1 - rate)), 0);
}

/** Options of {@link gaussianNoise}. */
export interface GaussianNoiseOptions extends LayerOptions {
  /** Standard deviation, ≥ 0. */
  readonly stddev: number;
  /** Fixed seed; the noise still differs from step to step. */
  readonly seed?: number | null;
}

const gaussianNoiseFields = { stddev: requiredNumber(0, Number.MAX_VALUE), seed: seed() };

/** Adds normal noise of mean 0, in training only. */
export const gaussianNoise: (options: GaussianNoiseOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "GaussianNoise",
  fields: gaussianNoiseFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options, context }) => {
    if (!context.training || options.stddev === 0) return asFloat(x);
    return add(asFloat(x), multiply(noise(randomNormal, options.seed, context, x.shape), options.stddev));
  },
});

/** Options of {@link gaussianDropout}. */
export interface GaussianDropoutOptions extends LayerOptions {
  /** The noise has the standard deviation √(rate / (1 − rate)); from 0 to below 1. */
  readonly rate: number;
  /** Fixed seed; the noise still differs from step to step. */
  readonly seed?: number | null;
}

const gaussianDropoutFields = { rate: requiredNumber(0, largestRate), seed: seed() };

/** Multiplies by normal noise of mean 1, in training only (Srivastava et al., 2014, section 10). */
export const gaussianDropout: (options: GaussianDropoutOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "GaussianDropout",
  fields: gaussianDropoutFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options: { rate, seed: fixed }, context }) => {
    if (!context.training || rate === 0) return asFloat(x);
    const deviation = Math.sqrt(rate / (1 - rate));
    return multiply(asFloat(x), add(multiply(noise(randomNormal, fixed, context, x.shape), deviation), 1));
  },
});

/** Options of {@link alphaDropout}. */
export interface AlphaDropoutOptions extends LayerOptions {
  /** Share of values that are replaced, from 0 to below 1. */
  readonly rate: number;
  /** Shape of the mask, null for an axis as long as the input's; axes of size 1 are dropped together. Default the input's. */
  readonly noiseShape?: readonly (number | null)[] | null;
  /** Fixed seed; the mask still differs from step to step. */
  readonly seed?: number | null;
}

const alphaDropoutFields = { rate: requiredNumber(0, largestRate), seed: seed(), noiseShape: noiseShape() };

/** Where selu goes for x → −∞: −scale · alpha. */
const seluLimit = -1.0507009873554805 * 1.6732632423543772;

/**
 * Sets values to the limit of selu at random, then scales and shifts so that mean 0 and variance 1 stay; in training only
 * (Klambauer et al., 2017, section 3).
 */
export const alphaDropout: (options: AlphaDropoutOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "AlphaDropout",
  fields: alphaDropoutFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options, context }) => {
    const { rate } = options;
    if (!context.training || rate === 0) return asFloat(x);
    const kept = greaterEqual(
      noise(randomUniform, options.seed, context, maskShape("alphaDropout", x, options.noiseShape)),
      rate,
    );
    const a = 1 / Math.sqrt((1 - rate) * (1 + rate * seluLimit * seluLimit));
    const b = -a * seluLimit * rate;
    return add(multiply(where(kept, asFloat(x), seluLimit), a), b);
  },
});

/** Options of {@link activityRegularization}. */
export interface ActivityRegularizationOptions extends LayerOptions {
  /** Factor of Σ|x|, ≥ 0. Default 0. */
  readonly l1?: number;
  /** Factor of Σx², ≥ 0. Default 0. */
  readonly l2?: number;
}

const activityRegularizationFields = { l1: number(0, 0), l2: number(0, 0) };

/** x [batch, ...] as it is; adds (l1 · Σ|x| + l2 · Σx²) / batch to the loss of the model. */
export const activityRegularization: (options?: ActivityRegularizationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "ActivityRegularization",
  fields: activityRegularizationFields,
  inputs: "one",
  masking: "pass",
  call: (x, { options, context }) => {
    const { l1, l2 } = options;
    if (l1 !== 0 || l2 !== 0) context.addLoss(activityPenalty(l1l2({ l1, l2 }), asFloat(x)));
    return x;
  },
});

/** What `random` draws in this step, by the fixed seed if there is one. */
export function noise<T>(
  random: (seed: Operand, step: Operand, what: T) => SymbolicTensor,
  fixed: number | null,
  context: CallContext,
  what: T,
): SymbolicTensor {
  return random(fixed === null ? context.seed : fixed | 0, context.step, what);
}
