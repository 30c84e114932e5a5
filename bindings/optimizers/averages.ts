// How do optimizers keep running averages, in ops?

import type { Operand, SymbolicTensor } from "../graph.ts";
import { abs, add, cast, exp, expm1, less, log1p, multiply, negate, subtract, where } from "../ops/map.ts";
import { number, type OptionRule } from "../optionRules.ts";
import { decayRate } from "./settings.ts";

type Node = SymbolicTensor;

/** The share of an average that stays in each step: a number in [0, 1). */
/* @__NO_SIDE_EFFECTS__ */
export function share(initial: number): OptionRule<number> {
  return { initial, check: (where, value) => decayRate(where, value as number) };
}

/** A number ≥ 0 that keeps a divisor from being 0. */
/* @__NO_SIDE_EFFECTS__ */
export function epsilonOption(initial = 1e-7): OptionRule<number> {
  return number(initial, 0);
}

/** The average moves 1 − kept of the way to x. */
export function approach(average: Node, x: Node, kept: number): Node {
  return settled(add(average, multiply(subtract(x, average), 1 - kept)));
}

/** 0 where |x| < 2⁻¹⁰⁰, as in kernels/optimize.ts: averages that decay would become subnormal numbers, and slow. */
export function settled(x: Node): Node {
  return where(less(abs(x), 2 ** -100), 0, x);
}

/** factor^step for a factor in [0, 1), as e^(step · ln factor). */
export function powerOf(factor: number, step: Operand): Node {
  return exp(exponent(factor, step));
}

/** 1 − factor^step, exact where the power is next to 1. */
export function oneMinusPower(factor: number, step: Operand): Node {
  return negate(expm1(exponent(factor, step)));
}

function exponent(factor: number, step: Operand): Node {
  return multiply(log1p(factor - 1), cast(step, "float32"));
}
