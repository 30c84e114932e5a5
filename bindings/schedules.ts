// How does the learning rate change from step to step?

import { type Config, checkClassName, isSerialized, ownOptions, type SerializedObject } from "./config.ts";
import { unknownName } from "./errors.ts";
import { cosineDecay, cosineDecayRestarts, oneCycle, type WarmUpOptions, warmUp } from "./schedules/cycles.ts";
import { exponentialDecay, inverseTimeDecay, piecewiseConstantDecay, polynomialDecay } from "./schedules/decays.ts";
import { type LearningRate, type Schedule, scheduleOrNumber } from "./schedules/schedule.ts";

export * from "./schedules/cycles.ts";
export * from "./schedules/decays.ts";
export type { LearningRate, Schedule, ScheduleFunction } from "./schedules/schedule.ts";

type Factory = (options: never) => Schedule;

const factories: Readonly<Record<string, Factory>> = {
  ExponentialDecay: exponentialDecay,
  InverseTimeDecay: inverseTimeDecay,
  PolynomialDecay: polynomialDecay,
  PiecewiseConstantDecay: piecewiseConstantDecay,
  CosineDecay: cosineDecay,
  CosineDecayRestarts: cosineDecayRestarts,
  OneCycle: oneCycle,
  WarmUp: (options: WarmUpOptions) =>
    warmUp({ ...options, learningRate: resolveSchedule(options.learningRate, "WarmUp.learning_rate") }),
};

/** The schedule of a Keras configuration. @throws {TensorError} `name` or `option`. */
export function scheduleFromConfig(className: string, config: Config): Schedule {
  checkClassName("scheduleFromConfig", "a schedule", className);
  if (!Object.hasOwn(factories, className))
    throw unknownName("scheduleFromConfig", "a schedule", className, Object.keys(factories));
  const { name: _, ...options } = ownOptions<{ readonly name?: string }>(className, config);
  return (factories[className] as Factory)(options as never);
}

/**
 * A number as it is; the schedule of an object, a configuration or a function.
 * @throws {TensorError} `option` for anything else, `name` for an unknown class.
 */
export function resolveSchedule(value: LearningRate | SerializedObject, where: string): number | Schedule {
  return isSerialized(value) ? scheduleFromConfig(value.class_name, value.config) : scheduleOrNumber(value, where);
}
