// Which learning rates follow a cosine, begin anew, or first grow?

import { checkOptionsObject } from "../config.ts";
import { check, show } from "../errors.ts";
import { type SymbolicTensor, toSymbolic } from "../graph.ts";
import {
  add,
  cos,
  divide,
  exp,
  floor,
  greaterEqual,
  less,
  maximum,
  minimum,
  multiply,
  subtract,
  where,
} from "../ops/map.ts";
import { max, min } from "../ops/reduce.ts";
import { nullOr, number, type OptionRules } from "../optionRules.ts";
import { type Tensor, tensor } from "../tensor.ts";
import {
  type InitialRate,
  type LearningRate,
  logOf,
  positive,
  rate,
  type Schedule,
  scheduleFrom,
  scheduleOf,
  scheduleOrNumber,
  serializeSchedule,
} from "./schedule.ts";

type Node = SymbolicTensor;

/**
 * From the initial rate (after a warm-up the target) down to alpha times it, along half a cosine over decaySteps
 * (Loshchilov & Hutter, 2017); the warm-up is a straight line (Goyal et al., 2017).
 */
export function cosineDecay(options: CosineDecayOptions): Schedule {
  const rules: OptionRules<CosineSettings> = {
    initialLearningRate: rate,
    decaySteps: positive,
    alpha: number(0, 0),
    warmupTarget: nullOr(number(0, 0)),
    warmupSteps: number(0, 0),
  };
  return scheduleOf("CosineDecay", options, rules, (settings) => (step) => {
    const { initialLearningRate: initial, decaySteps, alpha, warmupTarget: target, warmupSteps } = settings;
    if (target === null) return multiply(cosine(divide(step, decaySteps), alpha), initial);
    const decayed = multiply(cosine(divide(subtract(step, warmupSteps), decaySteps), alpha), target);
    return warmupSteps === 0
      ? decayed
      : where(less(step, warmupSteps), line(step, warmupSteps, initial, target), decayed);
  });
}
/** Options of {@link cosineDecay}. */
export interface CosineDecayOptions extends InitialRate {
  /** Steps of the decay, after those of the warm-up; > 0. */
  readonly decaySteps: number;
  /** The rate at the end, as a share of that at the beginning; ≥ 0. Default 0. */
  readonly alpha?: number;
  /** The rate after the warm-up; ≥ 0. Default null: no warm-up. */
  readonly warmupTarget?: number | null;
  /** Steps of the warm-up; ≥ 0. Default 0. */
  readonly warmupSteps?: number;
}
interface CosineSettings extends Required<CosineDecayOptions> {}

/** Most periods that are told apart: with tMul 2 there are some thirty in all steps that int32 can count. */
const mostPeriods = 1024;

/**
 * Cosine decays one after the other, each tMul times as long as the one before and starting at mMul times its rate
 * (Loshchilov & Hutter, 2017).
 * @throws {TensorError} `unsupported` when tMul is so little above 1 that there are over 1024 periods.
 */
export function cosineDecayRestarts(options: CosineDecayRestartsOptions): Schedule {
  const rules: OptionRules<Required<CosineDecayRestartsOptions>> = {
    initialLearningRate: rate,
    firstDecaySteps: positive,
    tMul: number(2, 1),
    mMul: number(1, Number.MIN_VALUE),
    alpha: number(0, 0),
  };
  return scheduleOf("CosineDecayRestarts", options, rules, (settings) => {
    const { initialLearningRate, firstDecaySteps, tMul, mMul, alpha } = settings;
    const scaled = (done: Node, amplitude: Node): Node =>
      multiply(add(multiply(multiply(cosine(done, 0), amplitude), 1 - alpha), alpha), initialLearningRate);
    if (tMul === 1)
      return (step) => {
        const periods = divide(step, firstDecaySteps);
        const whole = floor(periods);
        return scaled(subtract(periods, whole), exp(multiply(whole, logOf(mMul))));
      };
    const { starts, lengths, amplitudes } = periodsFrom(firstDecaySteps, tMul, mMul);
    return (step) => {
      const begun = greaterEqual(step, starts);
      // All three only grow (or, the amplitudes, only shrink): the last one begun is the extreme one.
      const [start, length] = [max(where(begun, starts, 0)), max(where(begun, lengths, 0))];
      const amplitude = mMul < 1 ? min(where(begun, amplitudes, 1)) : max(where(begun, amplitudes, 0));
      return scaled(divide(subtract(step, start), length), amplitude);
    };
  });
}
/** Options of {@link cosineDecayRestarts}. */
export interface CosineDecayRestartsOptions extends InitialRate {
  /** Steps until the first restart; > 0. */
  readonly firstDecaySteps: number;
  /** Length of a period over that of the one before; ≥ 1. Default 2. */
  readonly tMul?: number;
  /** First rate of a period over that of the one before; > 0. Default 1. */
  readonly mMul?: number;
  /** The rate at the end of each period, as a share of the initial one; ≥ 0. Default 0. */
  readonly alpha?: number;
}

/** Start, length and amplitude of each period, by multiplication alone: the same bits everywhere. */
function periodsFrom(first: number, tMul: number, mMul: number): Record<"starts" | "lengths" | "amplitudes", Tensor> {
  const [starts, lengths, amplitudes]: [number[], number[], number[]] = [[], [], []];
  for (let start = 0, length = first, amplitude = 1; start < 2 ** 31; amplitude *= mMul) {
    starts.push(start);
    lengths.push(length);
    amplitudes.push(amplitude);
    start += length;
    length *= tMul;
    check(starts.length <= mostPeriods, "unsupported", () => ({
      where: "cosineDecayRestarts.tMul",
      expected: `1, or a number by which there are at most ${mostPeriods} periods`,
      received: show(tMul),
    }));
  }
  return { starts: tensor(starts), lengths: tensor(lengths), amplitudes: tensor(amplitudes) };
}

/**
 * One cycle (Smith & Topin, 2018): along half a cosine up to the maximum, and along another one down to next to nothing by
 * totalSteps.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const rules: OptionRules<Required<OneCycleOptions>> = {
    maximumLearningRate: rate,
    totalSteps: positive,
    warmupFraction: number(0.3, 0, 1),
    divisor: number(25, 1),
    finalDivisor: number(10_000, 1),
  };
  return scheduleOf("OneCycle", options, rules, (settings) => (step) => {
    const { maximumLearningRate: top, totalSteps, warmupFraction, divisor, finalDivisor } = settings;
    const rising = warmupFraction * totalSteps;
    const [start, end] = [top / divisor, top / divisor / finalDivisor];
    const fall = cosineBetween(divide(subtract(step, rising), Math.max(totalSteps - rising, 1)), top, end);
    return rising === 0 ? fall : where(less(step, rising), cosineBetween(divide(step, rising), start, top), fall);
  });
}
/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** The largest rate that training bears: `lrFinder`, or docs/choosing-a-learning-rate.md. */
  readonly maximumLearningRate: number;
  /** Steps of all epochs together: epochs · ⌈samples / batchSize⌉. */
  readonly totalSteps: number;
  /** The share of the steps in which the rate grows. Default 0.3. */
  readonly warmupFraction?: number;
  /** The first rate is the maximum divided by it. Default 25. */
  readonly divisor?: number;
  /** The last rate is the first divided by it. Default 10,000. */
  readonly finalDivisor?: number;
}

/** A straight line up to the first rate of another schedule, which begins after `steps` steps. */
export function warmUp(options: WarmUpOptions): Schedule {
  checkOptionsObject("warmUp", options);
  const { learningRate, ...own } = options;
  const after = scheduleOrNumber(learningRate, "warmUp.learningRate");
  const rules: OptionRules<Omit<Required<WarmUpOptions>, "learningRate">> = {
    steps: positive,
    startLearningRate: number(0, 0),
  };
  const { className, config, call } = scheduleOf(
    "WarmUp",
    own,
    rules,
    ({ steps, startLearningRate: start }) =>
      (step) => {
        const rateAfter = (later: Node): Node => (typeof after === "number" ? toSymbolic(after) : after.call(later));
        const top = rateAfter(toSymbolic(0));
        const rising = add(multiply(subtract(top, start), divide(step, steps)), start);
        return where(less(step, steps), rising, rateAfter(maximum(subtract(step, steps), 0)));
      },
  );
  return scheduleFrom(className, { ...config, learning_rate: serializeSchedule(after) }, call);
}
/** Options of {@link warmUp}. */
export interface WarmUpOptions {
  /** What comes after: a rate, or a schedule, whose steps count from there. */
  readonly learningRate: LearningRate;
  /** Steps of the warm-up; > 0. */
  readonly steps: number;
  /** The rate of step 0; ≥ 0. Default 0. */
  readonly startLearningRate?: number;
}

/** 1 at 0, along half a cosine to `end` at 1, and there on. */
function cosine(done: Node, end: number): Node {
  return cosineBetween(done, 1, end);
}

function cosineBetween(done: Node, from: number, to: number): Node {
  const share = multiply(add(cos(multiply(minimum(done, 1), Math.PI)), 1), 0.5);
  return add(multiply(share, from - to), to);
}

function line(step: Node, steps: number, from: number, to: number): Node {
  return add(multiply(divide(step, steps), to - from), from);
}
