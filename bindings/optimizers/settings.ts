// Which options do all optimizers have, and when are they right?

import { checkNumber } from "../config.ts";
import { check, show } from "../errors.ts";
import { checkFlag } from "../graph.ts";
import { integer, nullOr } from "../optionRules.ts";
import { type LearningRate, type Schedule, scheduleOrNumber } from "../schedules/schedule.ts";

/** Options that every optimizer has; null is the same as none. */
export interface OptimizerOptions {
  /**
   * ≥ 0; a schedule, or a function of the step in ops. A number is the rate to start with: assigning to
   * `model.learningRate` changes it.
   */
  readonly learningRate?: LearningRate;
  /**
   * Each step also moves weights towards 0 by learningRate · weightDecay of their value. Default none (adamw and muon
   * 0.004).
   */
  readonly weightDecay?: number | null;
  /** Weights that do not decay: those whose name has one of these in it, such as "bias". Default none. */
  readonly excludeFromWeightDecay?: readonly string[];
  /** Largest norm of the gradient of one weight; a longer one is shortened. At most one of the three may be given. */
  readonly clipnorm?: number | null;
  /** Largest absolute value in a gradient. */
  readonly clipvalue?: number | null;
  /** Largest norm of all gradients together. */
  readonly globalClipnorm?: number | null;
  /** Keep an exponential moving average of the weights; it replaces them at the end of `fit`. Default false. */
  readonly useEma?: boolean;
  /** Share of the old average that stays in each step. Default 0.99. */
  readonly emaMomentum?: number;
  /** The weights become their averages every so many steps. Default never. */
  readonly emaOverwriteFrequency?: number | null;
  /** The loss is multiplied by it and the gradients are divided by it. Default none. */
  readonly lossScaleFactor?: number | null;
  /** Weights change every so many steps, by the mean of the gradients since. ≥ 2. Default every step. */
  readonly gradientAccumulationSteps?: number | null;
  /** Default: the name of the rule. */
  readonly name?: string;
}

/** {@link OptimizerOptions}, checked and complete. */
export interface OptimizerSettings extends Required<Omit<OptimizerOptions, "learningRate" | "name">> {
  /** The rate to start with, or the schedule. */
  readonly learningRate: number | Schedule;
}

/** Names of {@link OptimizerOptions}. */
export const commonOptions: readonly (keyof OptimizerOptions)[] = [
  "learningRate",
  "weightDecay",
  "excludeFromWeightDecay",
  "clipnorm",
  "clipvalue",
  "globalClipnorm",
  "useEma",
  "emaMomentum",
  "emaOverwriteFrequency",
  "lossScaleFactor",
  "gradientAccumulationSteps",
  "name",
];

/** The options checked, defaults filled in. @throws {TensorError} `option`. */
export function checkedSettings(
  where: string,
  options: OptimizerOptions,
  learningRate: number,
  weightDecay: number | null,
): OptimizerSettings {
  const { useEma = false } = options;
  checkFlag(where, "useEma", useEma);
  const clips = (["clipnorm", "clipvalue", "globalClipnorm"] as const).filter((key) => options[key] != null);
  check(clips.length <= 1, "option", () => ({
    where,
    expected: "at most one of clipnorm, clipvalue and globalClipnorm",
    received: clips.join(" and "),
  }));
  const optional = (key: keyof OptimizerOptions, low: number): number | null =>
    options[key] == null ? null : checkNumber(`${where}.${key}`, options[key], low);
  return Object.freeze({
    learningRate: scheduleOrNumber(options.learningRate ?? learningRate, `${where}.learningRate`),
    weightDecay: options.weightDecay === undefined ? weightDecay : optional("weightDecay", 0),
    excludeFromWeightDecay: words(`${where}.excludeFromWeightDecay`, options.excludeFromWeightDecay ?? []),
    clipnorm: optional("clipnorm", Number.MIN_VALUE),
    clipvalue: optional("clipvalue", Number.MIN_VALUE),
    globalClipnorm: optional("globalClipnorm", Number.MIN_VALUE),
    useEma,
    emaMomentum: checkNumber(`${where}.emaMomentum`, options.emaMomentum ?? 0.99, 0, 1),
    emaOverwriteFrequency: wholeOrNull(`${where}.emaOverwriteFrequency`, 1, options.emaOverwriteFrequency),
    lossScaleFactor: optional("lossScaleFactor", Number.MIN_VALUE),
    gradientAccumulationSteps: wholeOrNull(`${where}.gradientAccumulationSteps`, 2, options.gradientAccumulationSteps),
  });
}

function wholeOrNull(where: string, low: number, value: number | null = null): number | null {
  nullOr(integer(low, low)).check(where, value);
  return value;
}

/** A list of names. */
export function words(where: string, value: unknown): readonly string[] {
  check(Array.isArray(value) && value.every((each) => typeof each === "string"), "option", () => ({
    where,
    expected: 'a list of names, such as ["bias"]',
    received: show(value),
  }));
  return Object.freeze([...value]);
}

/** A number in [0, 1). */
export function decayRate(where: string, value: number): number {
  check(checkNumber(where, value, 0, 1) < 1, "option", () => ({ where, expected: "a number < 1", received: "1" }));
  return value;
}
