// Which operations are a few lines of others?

import { check } from "../errors.ts";
import { checkFlag, errorPlace, isInt32, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { type Shape, sizeOf } from "../tensor.ts";
import { checkScalar } from "./arguments.ts";
import { withRule } from "./customGradient.ts";
import {
  abs,
  add,
  asFloat,
  atLeast,
  atMost,
  cast,
  divide,
  equal,
  erfInverse,
  exp,
  full,
  greater,
  lessEqual,
  log,
  maximum,
  minimum,
  multiply,
  negate,
  numeric,
  powerOf,
  reciprocal,
  sqrt,
  square,
  subtract,
  where,
} from "./map.ts";
import { randomUniform } from "./random.ts";
import { type Axes, max, mean, resolveAxes, sum } from "./reduce.ts";
import { reshape, squeeze, stopGradient } from "./view.ts";

type Node = SymbolicTensor;

/**
 * x^exponent as IEEE 754 has it: 1 for an exponent of 0, also of NaN; NaN where a negative x has an exponent that is not an
 * integer. Correct to 0.51 ULP, exponents −1 and 3 to 1. The gradient of x is 0 for an exponent of 0, that of the exponent
 * where x = 0. Integers to integers wrap in int32; to a negative number they are float32.
 */
export function power(x: Operand, exponent: Operand): Node {
  if (typeof exponent !== "number") return powerOf(x, exponent);
  const given = toSymbolic(x);
  const base = isInt32(exponent) && exponent >= 0 ? numeric(given) : asFloat(given);
  if (exponent === 2) return square(base);
  if (exponent === 3) return multiply(square(base), base);
  if (base.dtype !== "float32") return powerOf(base, exponent);
  // √ of −∞ is NaN, and of −0 it is −0.
  if (exponent === 0.5)
    return where(equal(base, Number.NEGATIVE_INFINITY), Number.POSITIVE_INFINITY, add(sqrt(base), 0));
  if (exponent === 0) return where(true, 1, base);
  if (exponent === 1) return base;
  return exponent === -1 ? reciprocal(base) : powerOf(base, exponent);
}

/**
 * The values limited to [low, high], NaN left as it is. The gradient is 1 from low to high, both included, and 0 outside.
 */
export function clip(x: Operand, low: number, high: number): Node {
  checkScalar("clip", "low", low);
  checkScalar("clip", "high", high);
  check(low <= high, "option", () => ({
    where: errorPlace("clip"),
    expected: "low ≤ high",
    received: `${low} and ${high}`,
  }));
  const node = numeric(x);
  const bound = (value: number): number =>
    node.dtype === "float32" ? value : Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1);
  return atMost(atLeast(node, bound(low)), bound(high));
}

/**
 * ln Σ eˣ over `axes` (all when missing), computed from x − max x; −Infinity where all x are, Infinity where one is. The
 * gradient is the softmax; of −Infinity it is 0, of Infinity shared among the x that are.
 */
export function logSumExp(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("logSumExp", "keepDims", keepDims);
  const node = asFloat(x);
  const chosen = resolveAxes("logSumExp", node.shape.length, axes);
  const total = withRule((given) => logOfSum(given, chosen), [node]);
  return keepDims ? total : squeeze(total, chosen);
}

function logOfSum(x: Node, axes: readonly number[]): readonly [Node, (dy: Node) => Node] {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  if (x.size === 0) return [full(kept, Number.NEGATIVE_INFINITY), () => x];
  const largest = minimum(maximum(max(x, axes, true), -3.4e38), 3.4e38);
  const total = add(log(sum(exp(subtract(x, largest)), axes, true)), largest);
  return [
    total,
    (dy) => {
      // The softmax from the shifted x: from the result, its rounding would be that of all shares.
      const regular = lessEqual(abs(total), 3.4028234663852886e38);
      const powers = exp(subtract(where(regular, x, 0), where(regular, stopGradient(largest), 0)));
      const infinite = cast(equal(x, Number.POSITIVE_INFINITY), "float32");
      const share = where(
        equal(total, Number.POSITIVE_INFINITY),
        divide(infinite, sum(infinite, axes, true)),
        where(equal(total, Number.NEGATIVE_INFINITY), 0, Number.NaN),
      );
      return multiply(dy, where(regular, divide(powers, sum(powers, axes, true)), share));
    },
  ];
}

/** All elements in one row for each entry of the first axis: [batch, ...] → [batch, elements]. */
export function flatten(x: Operand): Node {
  const node = asFloat(x);
  return reshape(node, [node.shape[0] ?? 1, sizeOf(node.shape.slice(1))]);
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
