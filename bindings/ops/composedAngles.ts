// Which functions of angles, lengths and powers of two are a few lines of others?

import { type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { isInfinite, isNan, log2 } from "./composedElements.ts";
import { linspace } from "./creation.ts";
import { withRule } from "./customGradient.ts";
import {
  abs,
  add,
  asFloat,
  atan,
  cast,
  divide,
  equal,
  exp,
  floor,
  greater,
  less,
  log,
  log1p,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  multiply,
  negate,
  round,
  sign,
  sin,
  sqrt,
  square,
  subtract,
  where,
} from "./map.ts";

type Node = SymbolicTensor;

// Angles --------------------------------------------------------------------------------------------------------------

/** Inverse of the sine on [−1, 1], in radians from −π/2 to π/2: atan(x / √((1 − x)(1 + x))); NaN outside. */
export function asin(x: Operand): Node {
  const node = asFloat(x);
  return atan(divide(node, sqrt(multiply(subtract(1, node), add(node, 1)))));
}

/** Inverse of the cosine on [−1, 1], in radians from 0 to π: 2 · atan(√((1 − x) / (1 + x))); NaN outside. */
export function acos(x: Operand): Node {
  const node = asFloat(x);
  return multiply(atan(sqrt(divide(subtract(1, node), add(node, 1)))), 2);
}

/**
 * The angle from −π to π of the point with coordinates y and x: atan(y / x), ± π where x < 0. 0 at the origin; the sign of
 * a zero does not count. NaN for two infinities.
 */
export function atan2(y: Operand, x: Operand): Node {
  const [rise, run] = [asFloat(y), asFloat(x)];
  const steep = greater(abs(rise), abs(run));
  const flat = logicalNot(steep);
  // A quotient of at most 1, so that nothing is infinite.
  const divisor = where(steep, rise, where(equal(run, 0), 1, run));
  const angle = atan(divide(where(steep, run, rise), divisor));
  const half = where(less(rise, 0), -Math.PI, Math.PI);
  const turned = where(logicalAnd(flat, less(run, 0)), half, where(steep, multiply(half, 0.5), 0));
  return add(turned, where(steep, negate(angle), angle));
}

/** Degrees as radians. */
export function deg2rad(x: Operand): Node {
  return multiply(asFloat(x), Math.PI / 180);
}

/** Radians as degrees. */
export function rad2deg(x: Operand): Node {
  return multiply(asFloat(x), 180 / Math.PI);
}

/** sin(πx) / (πx), and 1 at 0; exactly 0 at the other integers. */
export function sinc(x: Operand): Node {
  const node = asFloat(x);
  const far = greater(abs(node), 0.25);
  // By Taylor near 0, where the slope would be a difference of large numbers.
  const t = square(multiply(where(far, 0, node), Math.PI));
  const series = [-1 / 5040, 1 / 120, -1 / 6].reduce(
    (sum, coefficient) => add(multiply(sum, t), coefficient),
    asFloat(1 / 362880),
  );
  const turns = round(node);
  const even = subtract(1, multiply(subtract(turns, multiply(floor(multiply(turns, 0.5)), 2)), 2));
  const sine = multiply(sin(multiply(subtract(node, turns), Math.PI)), even);
  return where(far, divide(sine, multiply(where(far, node, 1), Math.PI)), add(multiply(series, t), 1));
}

// Lengths and roots ---------------------------------------------------------------------------------------------------

/** √(a² + b²) without overflow; of zeros 0, with gradients 0; beside an infinite one ∞, NaN too (IEEE 754). */
export function hypot(a: Operand, b: Operand): Node {
  const [first, second] = [abs(asFloat(a)), abs(asFloat(b))];
  const large = maximum(first, second);
  const regular = logicalAnd(greater(large, 0), less(large, Number.POSITIVE_INFINITY));
  const ratio = divide(where(regular, minimum(first, second), 0), where(regular, large, 1));
  const infinite = logicalOr(isInfinite(first), isInfinite(second));
  return where(infinite, Number.POSITIVE_INFINITY, multiply(large, sqrt(add(square(ratio), 1))));
}

/** ∛x, of either sign; its gradient at 0 is 0. */
export function cbrt(x: Operand): Node {
  return withRule(
    (node) => {
      const special = logicalOr(equal(node, 0), isInfinite(node));
      const size = where(special, 1, abs(node));
      const near = exp(divide(log(size), 3));
      // One step of Newton makes it exact.
      const root = multiply(subtract(near, divide(subtract(near, divide(size, square(near))), 3)), sign(node));
      return [
        where(special, node, root),
        (dy) => multiply(dy, where(special, 0, divide(1, multiply(square(where(special, 1, root)), 3)))),
      ];
    },
    [asFloat(x)],
  );
}

// Powers of two -------------------------------------------------------------------------------------------------------

/** ln 2 in two parts: the product of the first with an exponent is exact. */
const [ln2High, ln2Low] = [0.693145751953125, 1.4286068203094173e-6];

/** 2ˣ. */
export function exp2(x: Operand): Node {
  const node = asFloat(x);
  const whole = maximum(minimum(round(node), 128), -150);
  const rest = add(multiply(subtract(node, whole), Math.LN2), multiply(whole, ln2Low));
  return multiply(exp(multiply(whole, ln2High)), exp(rest));
}

/** x · 2^exponent. */
export function ldexp(x: Operand, exponent: Operand): Node {
  return multiply(asFloat(x), exp2(exponent));
}

/** `count` numbers from base^start to base^stop, both included, at equal ratios. float32. */
export function logspace(start: number, stop: number, count = 50, base = 10): Node {
  return exp2(multiply(log2(base), linspace(start, stop, count)));
}

/** log₂(2ᵃ + 2ᵇ), without overflow. */
export function logAddExp2(a: Operand, b: Operand): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  const distance = abs(where(equal(first, second), 0, subtract(first, second)));
  return add(maximum(first, second), multiply(log1p(exp2(negate(distance))), Math.LOG2E));
}

// Signs ---------------------------------------------------------------------------------------------------------------

/** 0 for x < 0, `atZero` for x = 0, 1 for x > 0; NaN for NaN. Only `atZero` has a gradient. */
export function heaviside(x: Operand, atZero: Operand): Node {
  const node = asFloat(x);
  const step = where(isNan(node), Number.NaN, cast(greater(node, 0), "float32"));
  return where(equal(node, 0), asFloat(atZero), step);
}

/** Whether x is below 0 or −0, as bool; false for NaN. */
export function signbit(x: Operand): Node {
  const node = asFloat(x);
  return less(where(equal(node, 0), divide(1, node), node), 0);
}

/** Whether x is −Infinity, as bool. */
export function isNegativeInfinity(x: Operand): Node {
  return equal(toSymbolic(x), Number.NEGATIVE_INFINITY);
}

/** Whether x is Infinity, as bool. */
export function isPositiveInfinity(x: Operand): Node {
  return equal(toSymbolic(x), Number.POSITIVE_INFINITY);
}
