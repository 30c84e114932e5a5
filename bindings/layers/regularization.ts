// Layers that disturb training, and do nothing otherwise.

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { randomNormal } from "../ops/composed.ts";
import { add, asFloat, greaterEqual, multiply, where } from "../ops/map.ts";
import { randomUniform } from "../ops/random.ts";
import { integers, requiredNumber, seed } from "./field.ts";
import { type CallContext, defineLayer, type Layer, type LayerOptions } from "./layer.ts";

/** Options of {@link dropout}. */
export interface DropoutOptions extends LayerOptions {
  /** Share of values set to zero, from 0 to below 1 (1 drops all). */
  readonly rate: number;
  /** Shape of the mask; axes of size 1 (or null for the whole axis) are dropped together. Default the input's. */
  readonly noiseShape?: readonly (number | null)[] | null;
  /** Fixed seed; the mask still differs from step to step. Default drawn from the global seed. */
  readonly seed?: number | null;
}

const dropoutFields = { rate: requiredNumber(0, 1), seed: seed(), noiseShape: integers(null, 1) };

/** Sets values to zero at random and scales the rest by 1 / (1 − rate), in training only (Srivastava et al., 2014). */
export const dropout: (options: DropoutOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Dropout",
  fields: dropoutFields,
  inputs: "one",
  call: (x, { options, context }) => {
    if (!context.training || options.rate === 0) return asFloat(x);
    const shape = options.noiseShape ?? x.shape;
    check(
      shape.length === x.shape.length && shape.every((size, axis) => size === 1 || size === x.shape[axis]),
      "shape",
      () => ({
        where: errorPlace("dropout"),
        expected: `a noiseShape that broadcasts to [${x.shape.join(", ")}]`,
        received: `[${shape.join(", ")}]`,
      }),
    );
    return drop(x, shape, options, context);
  },
});

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
  call: (x, { options, context }) => {
    if (!context.training || options.stddev === 0) return asFloat(x);
    return add(asFloat(x), multiply(noise(randomNormal, options.seed, context, x.shape), options.stddev));
  },
});

type Random = (
  seed: number | CallContext["seed"],
  step: CallContext["step"],
  shape: readonly number[],
) => SymbolicTensor;

function noise(random: Random, fixed: number | null, context: CallContext, shape: readonly number[]): SymbolicTensor {
  return random(fixed === null ? context.seed : fixed | 0, context.step, shape);
}
