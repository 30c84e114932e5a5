// How do gradients change weights, and which optimizers have a name?

import { type Config, checkClassName, isSerialized, type Json, ownOptions, type SerializedObject } from "./config.ts";
import { check, show, TensorError, unknownName } from "./errors.ts";
import { lion, sgd } from "./optimizers/descent.ts";
import { adam, adamax, adamw, lamb, nadam } from "./optimizers/moments.ts";
import { muon } from "./optimizers/muon.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import { adadelta, adafactor, adagrad, ftrl, rmsprop } from "./optimizers/squares.ts";
import { resolveSchedule } from "./schedules.ts";

export * from "./optimizers/descent.ts";
export { type AdamOptions, adam, adamax, adamw, lamb, type MomentOptions, nadam } from "./optimizers/moments.ts";
export * from "./optimizers/muon.ts";
export {
  defineOptimizer,
  type Optimizer,
  type OptimizerDefinition,
  type OptimizerFactory,
  type OptimizerRule,
  type OptimizerStep,
  type OwnOptions,
  type SlotRule,
  type Slots,
} from "./optimizers/optimizer.ts";
export type { OptimizerOptions, OptimizerSettings } from "./optimizers/settings.ts";
export * from "./optimizers/squares.ts";
export { type OptimizerState, type Slot, type StartOptions, startOptimizer } from "./optimizers/state.ts";

/** Names of optimizers, with their default options. */
export type OptimizerName =
  | "adadelta"
  | "adafactor"
  | "adagrad"
  | "adam"
  | "adamax"
  | "adamw"
  | "ftrl"
  | "lamb"
  | "lion"
  | "muon"
  | "nadam"
  | "rmsprop"
  | "sgd";
/** What `compile` takes as an optimizer. */
export type OptimizerLike = OptimizerName | Optimizer;

type Factory = (options: never) => Optimizer;

const factories: Readonly<Record<OptimizerName, Factory>> = {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamw,
  ftrl,
  lamb,
  lion,
  muon,
  nadam,
  rmsprop,
  sgd,
};
const custom = new Map<string, Factory>();

/** Lets files and configurations name optimizers of your own: `registerOptimizer("SignMomentum", signMomentum)`. */
export function registerOptimizer(className: string, factory: (options: never) => Optimizer): void {
  check(typeof className === "string" && className !== "" && typeof factory === "function", "option", () => ({
    where: "registerOptimizer",
    expected: "a name and a function that makes optimizers",
    received: `${show(className)} and ${show(factory)}`,
  }));
  custom.set(className, factory);
}

/**
 * The optimizer meant by a name, an object or a configuration.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveOptimizer(value: OptimizerLike | SerializedObject | string, where: string): Optimizer {
  if (isSerialized(value)) return optimizerFromConfig(value.class_name, value.config);
  if (typeof value === "object" && value !== null && typeof value.rule?.update === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of an optimizer, or an object such as adam({ learningRate: 0.01 })",
    received: show(value),
  }));
  return factoryOf(where, value)({} as never);
}

/** The optimizer of a Keras configuration. @throws {TensorError} `name`, `option` or `unsupported`. */
export function optimizerFromConfig(className: string, config: Config = {}): Optimizer {
  const where = "optimizerFromConfig";
  if (className === "LossScaleOptimizer")
    throw new TensorError("unsupported", {
      where,
      expected: "an optimizer of float32 gradients",
      received: className,
      remedy: "It follows the range of float16; give the inner optimizer, with lossScaleFactor if need be.",
    });
  const { isLegacyOptimizer: _, ...options } = ownOptions<{ isLegacyOptimizer?: Json; learningRate?: Json }>(
    className,
    config,
  );
  const { learningRate: rate } = options;
  const learningRate = isSerialized(rate) ? { learningRate: resolveSchedule(rate, `${className}.learning_rate`) } : {};
  return factoryOf(where, className)({ ...options, ...learningRate } as never);
}

function factoryOf(where: string, name: string): Factory {
  checkClassName(where, "an optimizer", name);
  const own = custom.get(name);
  if (own !== undefined) return own;
  const key = name.toLowerCase();
  if (!Object.hasOwn(factories, key))
    throw unknownName(where, "an optimizer", name, [...Object.keys(factories), ...custom.keys()]);
  return factories[key as OptimizerName];
}
