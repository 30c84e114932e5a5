// Which learning rates only fall?

import { check, show } from "../errors.ts";
import { type SymbolicTensor, toSymbolic } from "../graph.ts";
import { power } from "../ops/composed.ts";
import { add, ceil, divide, exp, floor, greater, maximum, minimum, multiply, subtract, where } from "../ops/map.ts";
import { flag, listOf, number, type OptionRules, required } from "../optionRules.ts";
import { type InitialRate, logOf, positive, rate, type Schedule, scheduleOf } from "./schedule.ts";

type Node = SymbolicTensor;

/** rate(step) = initialLearningRate · decayRate^(step / decaySteps). */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  return scheduleOf("ExponentialDecay", options, exponentialRules, (settings) => (step) => {
    const periods = periodsOf(step, settings);
    const factor = exp(multiply(periods, logOf(settings.decayRate)));
    return multiply(factor, settings.initialLearningRate);
  });
}
/** Options of {@link exponentialDecay}. */
export interface ExponentialDecayOptions extends InitialRate {
  /** Steps after which the rate is multiplied by `decayRate`; > 0. */
  readonly decaySteps: number;
  /** What the rate is multiplied by every `decaySteps` steps; > 0. */
  readonly decayRate: number;
  /** Whether the rate stays the same for `decaySteps` steps at a time. Default false. */
  readonly staircase?: boolean;
}
const exponentialRules: OptionRules<Required<ExponentialDecayOptions>> = {
  initialLearningRate: rate,
  decaySteps: positive,
  decayRate: positive,
  staircase: flag(false),
};

/** rate(step) = initialLearningRate / (1 + decayRate · step / decaySteps). */
export function inverseTimeDecay(options: InverseTimeDecayOptions): Schedule {
  const rules = { ...exponentialRules, decayRate: rate };
  return scheduleOf<Required<InverseTimeDecayOptions>>(
    "InverseTimeDecay",
    options,
    rules,
    (settings) => (step) =>
      divide(settings.initialLearningRate, add(multiply(periodsOf(step, settings), settings.decayRate), 1)),
  );
}
/** Options of {@link inverseTimeDecay}. */
export interface InverseTimeDecayOptions extends Omit<ExponentialDecayOptions, "decayRate" | "decaySteps"> {
  /** Steps after which the divisor has grown by `decayRate`; > 0. */
  readonly decaySteps: number;
  /** What the divisor, 1 at first, grows by every `decaySteps` steps; ≥ 0. */
  readonly decayRate: number;
}

/**
 * rate(step) = (initial − end) · (1 − step / decaySteps)^power + end, and the end from there on; with `cycle` decaySteps
 * becomes its next multiple instead.
 */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule {
  const rules: OptionRules<Required<PolynomialDecayOptions>> = {
    initialLearningRate: rate,
    decaySteps: positive,
    endLearningRate: number(0.0001, 0),
    power: number(1, 0),
    cycle: flag(false),
  };
  return scheduleOf("PolynomialDecay", options, rules, (settings) => (step) => {
    const { initialLearningRate, endLearningRate, decaySteps, cycle } = settings;
    const periods = divide(step, decaySteps);
    const done = cycle ? divide(periods, maximum(ceil(periods), 1)) : minimum(periods, 1);
    const left = power(subtract(1, done), settings.power);
    return add(multiply(left, initialLearningRate - endLearningRate), endLearningRate);
  });
}
/** Options of {@link polynomialDecay}. */
export interface PolynomialDecayOptions extends InitialRate {
  /** Steps until the end; > 0. */
  readonly decaySteps: number;
  /** The rate at the end; ≥ 0. Default 0.0001. */
  readonly endLearningRate?: number;
  /** Exponent of the share of steps that are left; ≥ 0. Default 1: a straight line. */
  readonly power?: number;
  /** Begin anew, for longer, when the end is reached. Default false. */
  readonly cycle?: boolean;
}

/** rate(step) = values[k] for the first k with step ≤ boundaries[k]; the last value after all of them. */
export function piecewiseConstantDecay(options: PiecewiseConstantDecayOptions): Schedule {
  const rules: OptionRules<PiecewiseConstantDecayOptions> = {
    boundaries: required(listOf(number(0))),
    values: required(listOf(number(0, 0))),
  };
  return scheduleOf("PiecewiseConstantDecay", options, rules, ({ boundaries, values }) => {
    const sorted = boundaries.every((each, index) => index === 0 || each > (boundaries[index - 1] as number));
    check(values.length === boundaries.length + 1 && sorted, "option", () => ({
      where: "piecewiseConstantDecay",
      expected: "growing boundaries, and one value more than boundaries",
      received: `boundaries ${show(boundaries)} and values ${show(values)}`,
    }));
    return (step) =>
      boundaries.reduce(
        (value: Node, boundary, index) => where(greater(step, boundary), values[index + 1] as number, value),
        toSymbolic(values[0] as number),
      );
  });
}
/** Options of {@link piecewiseConstantDecay}. */
export interface PiecewiseConstantDecayOptions {
  /** Steps, ≥ 0, growing. */
  readonly boundaries: readonly number[];
  /** Rates, ≥ 0, one more than boundaries. */
  readonly values: readonly number[];
}

function periodsOf(step: Node, { decaySteps, staircase }: { decaySteps: number; staircase: boolean }): Node {
  const periods = divide(step, decaySteps);
  return staircase ? floor(periods) : periods;
}
