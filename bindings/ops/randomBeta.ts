// How are shares drawn that are mostly near 0 and 1, or mostly near a half?

import type { Operand, SymbolicTensor } from "../graph.ts";
import { sizeOf } from "../tensor.ts";
import { randomNormal } from "./composed.ts";
import {
  add,
  asFloat,
  divide,
  equal,
  greater,
  less,
  log,
  logicalAnd,
  maximum,
  multiply,
  sigmoid,
  sqrt,
  square,
  subtract,
  where,
} from "./map.ts";
import { randomUniform } from "./random.ts";
import { argMax, sum } from "./reduce.ts";
import { expandDims, reshape, stopGradient } from "./view.ts";

type Node = SymbolicTensor;

/** For each number. At most 1 in 20 is refused, so that all are with a probability below 2⁻²⁵: the first is taken then. */
const proposals = 6;
/** Half the distance of neighbouring uniforms: keeps them away from 0. */
const halfStep = 2 ** -25;

/**
 * Numbers in [0, 1] with the density of x^(α−1) · (1−x)^(α−1), one for each element of `alpha` > 0, which gets no
 * gradient. They are G₁ / (G₁ + G₂) = sigmoid(ln G₁ − ln G₂) of gamma numbers G, which a small α cannot bring to 0 / 0.
 */
export function randomBeta(seed: Operand, step: Operand, alpha: Node): Node {
  const fixed = stopGradient(alpha);
  const first = logOfGamma(seed, step, fixed);
  const second = logOfGamma(seed, step, fixed);
  return sigmoid(subtract(first, second));
}

/**
 * ln of numbers with the density of x^(α−1) · e⁻ˣ: d·v·u^(1/α) for d = α + 2/3, v = (1 + z/√(9d))³ of a normal z that is
 * accepted when v > 0 and ln u′ < z²/2 + d − d·v + d·ln v (Marsaglia and Tsang, 2000).
 */
function logOfGamma(seed: Operand, step: Operand, alpha: Node): Node {
  const count = sizeOf(alpha.shape);
  const shape = reshape(alpha, [1, count]);
  const d = add(shape, 2 / 3);
  const z = randomNormal(seed, step, [proposals, count]);
  const root = add(divide(z, sqrt(multiply(d, 9))), 1);
  const v = multiply(square(root), root);
  const logOfV = log(maximum(v, 2 ** -126));
  const bound = add(multiply(square(z), 0.5), multiply(d, add(subtract(1, v), logOfV)));
  const fits = logicalAnd(greater(v, 0), less(log(uniformAbove0(seed, step, [proposals, count])), bound));
  const winner = argMax(asFloat(fits), 0);
  const order = reshape(
    Int32Array.from({ length: proposals }, (_, index) => index),
    [proposals, 1],
  );
  const chosen = sum(where(equal(order, expandDims(winner, 0)), logOfV, 0), 0);
  const boost = divide(log(uniformAbove0(seed, step, [count])), reshape(alpha, [count]));
  return reshape(add(add(reshape(log(d), [count]), chosen), boost), alpha.shape);
}

function uniformAbove0(seed: Operand, step: Operand, shape: readonly number[]): Node {
  return add(randomUniform(seed, step, shape), halfStep);
}
