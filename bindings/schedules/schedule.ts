// What is a learning-rate schedule?
//
// It is traced in ops, so that it is computed inside the program: many steps run in one call, and the rates have the same
// bits in every engine. Steps are float32 there: whole numbers up to 2²⁴ are told apart.

import { compiled } from "../compiled.ts";
import { type Config, type Json, serialize } from "../config.ts";
import { check, show } from "../errors.ts";
import { SymbolicTensor } from "../graph.ts";
import { asFloat, log1p } from "../ops/map.ts";
import { configOf, number, type OptionRule, type OptionRules, required, settle } from "../optionRules.ts";
import { type Tensor, tensor } from "../tensor.ts";

type Node = SymbolicTensor;

/** A learning rate for each step. */
export interface Schedule {
  /** Its class in Keras; empty for a function of your own. */
  readonly className: string;
  /** Its options as Keras writes them. */
  readonly config: Config;
  /** The rate of step `step`, a float32 scalar; the first step is 0. */
  call(step: SymbolicTensor): SymbolicTensor;
  /** The rate of a step as a number, to look at or to draw. */
  at(step: number): number;
}

/** The option that schedules begin with. */
export interface InitialRate {
  /** The learning rate of step 0, where nothing comes before it; ≥ 0. */
  readonly initialLearningRate: number;
}

/** A schedule of your own, in ops, of a float32 scalar: `(step) => ops.divide(0.1, ops.sqrt(ops.add(step, 1)))`. */
export type ScheduleFunction = (step: SymbolicTensor) => SymbolicTensor;

/** What an optimizer takes as a learning rate. */
export type LearningRate = number | Schedule | ScheduleFunction;

/** A number as it is; a schedule, or what a function makes one. @throws {TensorError} `option` for anything else. */
export function scheduleOrNumber(value: LearningRate, where: string): number | Schedule {
  if (typeof value === "function") return customSchedule(value, where);
  if (typeof value === "object" && value !== null && typeof value.call === "function") return value;
  check(typeof value === "number" && Number.isFinite(value) && value >= 0, "option", () => ({
    where,
    expected: "a finite number ≥ 0, a schedule, or a function of the step in ops",
    received: show(value),
  }));
  return value;
}

/** A rate as configurations hold it. */
export function serializeSchedule(value: number | Schedule): Json {
  return typeof value === "number" ? value : (serialize(value.className, value.config) as unknown as Json);
}

/** A number > 0 that must be given. */
export const positive: OptionRule<number> = required(number(1, Number.MIN_VALUE));
/** A rate that must be given. */
export const rate: OptionRule<number> = required(number(0, 0));

/** The schedule `className` of the options `given`, which have `rules`. */
export function scheduleOf<S extends object>(
  className: string,
  given: object,
  rules: OptionRules<S>,
  rateOf: (settings: S) => (step: Node) => Node,
): Schedule {
  const settings = settle(`${className.charAt(0).toLowerCase()}${className.slice(1)}`, given, rules);
  const call = rateOf(settings);
  return scheduleFrom(className, configOf(settings), (step) => call(asFloat(step)));
}

/** The schedule that computes `call`. */
export function scheduleFrom(className: string, config: Config, call: (step: Node) => Node): Schedule {
  let values: ((step: Tensor) => Tensor) | undefined;
  const at = (step: number): number => {
    values ??= compiled(call) as unknown as (step: Tensor) => Tensor;
    return values(tensor(Int32Array.of(step), [])).item();
  };
  return Object.freeze({ className, config: Object.freeze(config), call, at });
}

function customSchedule(fn: ScheduleFunction, where: string): Schedule {
  return scheduleFrom("", {}, (step) => {
    const found: unknown = fn(asFloat(step));
    check(found instanceof SymbolicTensor && found.size === 1, "option", () => ({
      where,
      expected: "a function of the step in ops that returns a scalar",
      received: found instanceof SymbolicTensor ? `[${found.shape.join(", ")}]` : show(found),
      remedy: "Compute it with ops; or assign to model.learningRate between epochs, in a callback.",
    }));
    return asFloat(found);
  });
}

/** ln x as a constant of the program: exact near 1, where most rates of decay are. */
export function logOf(x: number): Node {
  return log1p(x - 1);
}
