// Which elementwise functions are a few lines of others?

import { check } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { checkList } from "./arguments.ts";
import { withRule } from "./customGradient.ts";
import {
  abs,
  add,
  asFloat,
  atLeast,
  atMost,
  cast,
  cos,
  divide,
  equal,
  exp,
  expm1,
  floor,
  greater,
  less,
  lessEqual,
  log,
  log1p,
  logicalAnd,
  logicalOr,
  maximum,
  minimum,
  multiply,
  negate,
  notEqual,
  sign,
  sin,
  sqrt,
  square,
  subtract,
  where,
} from "./map.ts";

export { floorDivide, mod } from "./map.ts";

type Node = SymbolicTensor;

/** Largest float32. */
const largest = 3.4028234663852886e38;

/** sin x / cos x. */
export function tan(x: Operand): Node {
  const node = asFloat(x);
  return divide(sin(node), cos(node));
}

/** (eˣ − e⁻ˣ) / 2, exact near 0. */
export function sinh(x: Operand): Node {
  return withRule(
    (node) => [
      where(far(node), multiply(sign(node), halfExp(node)), multiply(subtract(expm1(node), expm1(negate(node))), 0.5)),
      (dy) => multiply(dy, cosh(node)),
    ],
    [asFloat(x)],
  );
}

/** (eˣ + e⁻ˣ) / 2. */
export function cosh(x: Operand): Node {
  return withRule(
    (node) => [
      where(far(node), halfExp(node), multiply(add(exp(node), exp(negate(node))), 0.5)),
      (dy) => multiply(dy, sinh(node)),
    ],
    [asFloat(x)],
  );
}

/** Where eˣ or e⁻ˣ may be no float32 any more, although its half is one. */
function far(x: Node): Node {
  return greater(abs(x), 88);
}

/** e^|x| / 2. */
function halfExp(x: Node): Node {
  const root = exp(multiply(abs(x), 0.5));
  return multiply(multiply(root, 0.5), root);
}

/** Inverse of sinh: ln(x + √(x² + 1)), exact near 0. */
export function asinh(x: Operand): Node {
  const node = asFloat(x);
  const negative = less(node, 0);
  const size = where(negative, negate(node), node);
  // Beyond 10¹⁰ the root is x itself, and soon x² is no float32 any more.
  const small = minimum(size, 1e10);
  const grown = add(small, divide(square(small), add(sqrt(add(square(small), 1)), 1)));
  const result = where(greater(size, 1e10), add(log(maximum(size, 1)), Math.LN2), log1p(grown));
  return where(negative, negate(result), result);
}

/** Inverse of cosh on x ≥ 1: ln(x + √(x² − 1)); NaN below 1. */
export function acosh(x: Operand): Node {
  const node = asFloat(x);
  const over = subtract(atMost(node, 1e10), 1);
  const near = log1p(add(over, multiply(sqrt(over), sqrt(add(over, 2)))));
  return where(greater(node, 1e10), add(log(atLeast(node, 1)), Math.LN2), near);
}

/** Inverse of tanh on (−1, 1): ½ ln((1 + x) / (1 − x)), exact near 0. */
export function atanh(x: Operand): Node {
  const node = asFloat(x);
  return multiply(subtract(log1p(node), log1p(negate(node))), 0.5);
}

/** log₂ x. */
export function log2(x: Operand): Node {
  return multiply(log(x), Math.LOG2E);
}

/** log₁₀ x. */
export function log10(x: Operand): Node {
  return multiply(log(x), Math.LOG10E);
}

/** The integer next to x on the side of 0; its gradient is zero. */
export function trunc(x: Operand): Node {
  const node = asFloat(x);
  return multiply(sign(node), floor(abs(node)));
}

/** a / b, and 0 (with gradients 0) where b = 0. */
export function divideNoNan(a: Operand, b: Operand): Node {
  const divisor = asFloat(b);
  const zero = equal(divisor, 0);
  return where(zero, 0, divide(a, where(zero, 1, divisor)));
}

/** ln(eᵃ + eᵇ), without overflow. */
export function logAddExp(a: Operand, b: Operand): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  // Equal infinities have no difference.
  const distance = abs(where(equal(first, second), 0, subtract(first, second)));
  return add(maximum(first, second), log1p(exp(negate(distance))));
}

/** Whether x is NaN, as bool. */
export function isNan(x: Operand): Node {
  const node = toSymbolic(x);
  return notEqual(node, node);
}

/** Whether x is neither NaN nor infinite, as bool. */
export function isFiniteNumber(x: Operand): Node {
  const node = toSymbolic(x);
  return node.dtype === "float32" ? lessEqual(abs(node), largest) : equal(node, node);
}

/** Whether x is infinite, as bool. */
export function isInfinite(x: Operand): Node {
  const node = toSymbolic(x);
  return node.dtype === "float32" ? greater(abs(node), largest) : notEqual(node, node);
}

/** Whether |a − b| ≤ absolute + relative · |b|, as bool; equal infinities are close, NaN is close to nothing. */
export function isClose(a: Operand, b: Operand, relative = 1e-5, absolute = 1e-8): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  const bound = add(multiply(abs(second), relative), absolute);
  const near = lessEqual(abs(subtract(first, second)), bound);
  return logicalOr(equal(first, second), logicalAnd(isFiniteNumber(second), near));
}

/** x with `nan` in place of NaN and the largest float32 numbers, or those given, in place of the infinities. */
export function nanToNum(x: Operand, nan = 0, positive: number = largest, negative: number = -largest): Node {
  const node = toSymbolic(x);
  if (node.dtype !== "float32") return node;
  const above = where(greater(node, largest), positive, where(isNan(node), nan, node));
  return where(less(node, -largest), negative, above);
}

/** Either a or b, not both. Operands are cast to bool. */
export function logicalXor(a: Operand, b: Operand): Node {
  return notEqual(cast(cast(toSymbolic(a), "bool"), "int32"), cast(cast(toSymbolic(b), "bool"), "int32"));
}

/** choices[i] for the first i whose condition holds, else `otherwise`; all broadcast. */
export function select(conditions: readonly Operand[], choices: readonly Operand[], otherwise: Operand = 0): Node {
  checkList("select", "conditions", conditions);
  checkList("select", "choices", choices);
  check(conditions.length === choices.length && conditions.length > 0, "shape", () => ({
    where: errorPlace("select"),
    expected: "as many choices as conditions, at least one",
    received: `${conditions.length} conditions and ${choices.length} choices`,
  }));
  return conditions.reduceRight<Operand>(
    (rest, condition, index) => where(condition, choices[index] as Operand, rest),
    otherwise,
  ) as Node;
}
