// Which operations are a few lines of others?

import { check } from "../errors.ts";
import { checkFlag, errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import type { Shape } from "../tensor.ts";
import { checkScalar } from "./arguments.ts";
import {
  add,
  asFloat,
  erfInverse,
  exp,
  greater,
  log,
  maximum,
  minimum,
  multiply,
  negate,
  reciprocal,
  sqrt,
  square,
  subtract,
  where,
} from "./map.ts";
import { randomUniform } from "./random.ts";
import { type Axes, max, mean, sum } from "./reduce.ts";
import { reshape, stopGradient } from "./view.ts";

type Node = SymbolicTensor;

/** x^exponent. Whole exponents up to 64 by multiplication; others as e^(exponent · ln x), for x ≥ 0. */
export function power(x: Operand, exponent: Operand): Node {
  const base = asFloat(x);
  if (typeof exponent !== "number") return exp(multiply(exponent, log(base)));
  if (exponent === 0.5) return sqrt(base);
  if (!Number.isInteger(exponent) || Math.abs(exponent) > 64) return exp(multiply(log(base), exponent));
  if (exponent < 0) return reciprocal(power(base, -exponent));
  if (exponent === 0) return where(true, 1, base);
  if (exponent === 1) return base;
  const half = square(power(base, Math.floor(exponent / 2)));
  return exponent % 2 === 0 ? half : multiply(half, base);
}

/** The values limited to [low, high]; the gradient is zero outside. */
export function clip(x: Operand, low: number, high: number): Node {
  checkScalar("clip", "low", low);
  checkScalar("clip", "high", high);
  check(low <= high, "option", () => ({
    where: errorPlace("clip"),
    expected: "low ≤ high",
    received: `${low} and ${high}`,
  }));
  return minimum(maximum(x, low), high);
}

/** ln Σ eˣ over `axes` (all when missing), computed from x − max x; −Infinity where all x are. */
export function logSumExp(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("logSumExp", "keepDims", keepDims);
  const node = asFloat(x);
  const largest = maximum(stopGradient(max(node, axes, true)), -3.4e38);
  const total = add(log(sum(exp(subtract(node, largest)), axes, true)), largest);
  return keepDims ? total : reshape(total, sum(node, axes).shape);
}

/** All elements in one row for each entry of the first axis: [batch, ...] → [batch, elements]. */
export function flatten(x: Operand): Node {
  const node = asFloat(x);
  return reshape(node, [node.shape[0] ?? 1, -1]);
}

/** Σ (x − mean)² / n over `axes`. */
export function variance(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("variance", "keepDims", keepDims);
  return mean(square(subtract(x, mean(x, axes, true))), axes, keepDims);
}

/** −|x|, with derivative 1 at 0, so that max(x, 0) + f(−|x|) has the right one there. */
export function negativeAbs(x: Node): Node {
  return where(greater(x, 0), negate(x), x);
}

// Random numbers ------------------------------------------------------------------------------------------------------

/** Normal numbers of mean 0 and deviation 1: √2 · erf⁻¹(2u − 1) of uniform u, shifted by half a step away from ±1. */
export function randomNormal(seed: Operand, step: Operand, shape: Shape): Node {
  const centred = add(multiply(randomUniform(seed, step, shape), 2), halfStep - 1);
  return multiply(erfInverse(centred), Math.SQRT2);
}

/** Normal numbers within two deviations of the mean 0; the deviation is that before cutting. */
export function randomTruncatedNormal(seed: Operand, step: Operand, shape: Shape): Node {
  const centred = add(multiply(randomUniform(seed, step, shape), 2), halfStep - 1);
  return clip(multiply(erfInverse(multiply(centred, erfOfSqrt2)), Math.SQRT2), -2, 2);
}

/** Half the distance of neighbouring uniforms, doubled: keeps 2u − 1 inside (−1, 1). */
const halfStep = 2 ** -24;
/** erf(√2): the share of a normal distribution within two deviations. */
const erfOfSqrt2 = 0.9544997361036416;
