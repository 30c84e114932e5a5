// Which learning rates only fall?

import { check, show } from "../errors.ts";
import { type SymbolicTensor, toSymbolic } from "../graph.ts";
import { power } from "../ops/composed.ts";
import { add, ceil, divide, exp, floor, greater, maximum, minimum, multiply, subtract, where } from "../ops/map.ts";
import { flag, listOf, number, type OptionRules, required } from "../optionRules.ts";
import { logOf, positive, rate, type Schedule, scheduleOf } from "./schedule.ts";

type Node = SymbolicTensor;

/** rate(step) = initialLearningRate · decayRate^(step / decaySteps). */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  return scheduleOf("ExponentialDecay", options, exponentialRules, (settings) => (step) => {
    const periods = periodsOf(step, settings);
    const factor = exp(multiply(periods, logOf(settings.decayRate)));
    return multiply(factor, settings.initialLearningRate);
  });
}
export interface ExponentialDecayOptions {
  readonly initialLearningRate: number;
  /** Steps after which the rate is multiplied by `decayRate`. */
  readonly decaySteps: number;
  /** > 0. */
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
export interface InverseTimeDecayOptions extends Omit<ExponentialDecayOptions, "decayRate"> {
  /** ≥ 0. */
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
export interface PolynomialDecayOptions {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  /** Default 0.0001. */
  readonly endLearningRate?: number;
  /** Default 1: a straight line. */
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
export interface PiecewiseConstantDecayOptions {
  /** Steps, growing. */
  readonly boundaries: readonly number[];
  /** Rates, one more than boundaries. */
  readonly values: readonly number[];
}

function periodsOf(step: Node, { decaySteps, staircase }: { decaySteps: number; staircase: boolean }): Node {
  const periods = divide(step, decaySteps);
  return staircase ? floor(periods) : periods;
}
