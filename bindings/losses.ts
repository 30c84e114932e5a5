// What does training minimise? One number for a batch, from values for each sample.

import {
  type Config,
  checkClassName,
  isSerialized,
  ownOptions,
  type SerializedObject,
  toCamelCase,
  toSnakeCase,
} from "./config.ts";
import { check, show, unknownName } from "./errors.ts";
import { errorPlace, SymbolicTensor } from "./graph.ts";
import {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  categoricalGeneralizedCrossEntropy,
  sparseCategoricalCrossentropy,
} from "./losses/crossEntropy.ts";
import { type Loss, lossOf } from "./losses/loss.ts";
import { circle, ctc } from "./losses/matching.ts";
import { dice, tversky } from "./losses/overlap.ts";
import {
  categoricalHinge,
  cosineSimilarity,
  hinge,
  huber,
  klDivergence,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
  squaredHinge,
} from "./losses/regression.ts";

export * from "./losses/crossEntropy.ts";
export type { Loss, LossOptions, Reduction } from "./losses/loss.ts";
export * from "./losses/matching.ts";
export * from "./losses/overlap.ts";
export * from "./losses/regression.ts";

/** A loss of your own, in ops: values for each sample [batch, ...], or a scalar. */
export type LossFunction = (yTrue: SymbolicTensor, yPred: SymbolicTensor) => SymbolicTensor;

/** Names of losses, with their default options. */
export type LossName =
  | "binaryCrossentropy"
  | "binaryFocalCrossentropy"
  | "categoricalCrossentropy"
  | "categoricalFocalCrossentropy"
  | "categoricalGeneralizedCrossEntropy"
  | "categoricalHinge"
  | "circle"
  | "cosineSimilarity"
  | "ctc"
  | "dice"
  | "hinge"
  | "huber"
  | "klDivergence"
  | "logCosh"
  | "meanAbsoluteError"
  | "meanAbsolutePercentageError"
  | "meanSquaredError"
  | "meanSquaredLogarithmicError"
  | "poisson"
  | "sparseCategoricalCrossentropy"
  | "squaredHinge"
  | "tversky"
  | LossAlias;
/** Short names. */
export type LossAlias = "bce" | "kld" | "mae" | "mape" | "mse" | "msle";
/** What `compile` takes as a loss. */
export type LossLike = LossName | Loss | LossFunction;

type Factory = (options: Record<string, never>) => Loss;

const factories: Readonly<Record<Exclude<LossName, LossAlias>, Factory>> = {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  categoricalGeneralizedCrossEntropy,
  categoricalHinge,
  circle,
  cosineSimilarity,
  ctc,
  dice,
  hinge,
  huber,
  klDivergence,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
  sparseCategoricalCrossentropy,
  squaredHinge,
  tversky,
};
const aliases: Readonly<Record<LossAlias, keyof typeof factories>> = {
  bce: "binaryCrossentropy",
  kld: "klDivergence",
  mae: "meanAbsoluteError",
  mape: "meanAbsolutePercentageError",
  mse: "meanSquaredError",
  msle: "meanSquaredLogarithmicError",
};

/**
 * The loss meant by a name (camelCase, or snake_case as Keras writes it), an object, a configuration or a function.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveLoss(value: LossLike | SerializedObject | string, where: string): Loss {
  if (typeof value === "function") return customLoss(value);
  if (isSerialized(value)) return lossFromConfig(value.class_name, value.config);
  if (typeof value === "object" && value !== null && typeof value.call === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of a loss, an object or a function (yTrue, yPred) => values",
    received: show(value),
  }));
  return factoryOf(where, value)({});
}

/** The loss of a Keras configuration. @throws {TensorError} `name` or `option` for what is not known. */
export function lossFromConfig(className: string, config: Config = {}): Loss {
  return factoryOf("lossFromConfig", className)(ownOptions(className, config));
}

function factoryOf(where: string, name: string): Factory {
  checkClassName(where, "a loss", name);
  const camel = toCamelCase(toSnakeCase(name));
  const key = Object.hasOwn(aliases, camel) ? aliases[camel as LossAlias] : camel;
  if (!Object.hasOwn(factories, key))
    throw unknownName(where, "a loss", name, [...Object.keys(factories), ...Object.keys(aliases)]);
  return factories[key as keyof typeof factories];
}

/** The loss that a function computes; a scalar it gives is the loss, other values are averaged. */
function customLoss(fn: LossFunction): Loss {
  const name = fn.name === "" ? "custom" : fn.name;
  return lossOf(name, { name }, {}, checkedFunction("loss", fn));
}

/** `fn` of a user, whose result is checked. @throws {TensorError} `dtype`, while tracing, when it is no tensor. */
export function checkedFunction(kind: "loss" | "metric", fn: LossFunction): LossFunction {
  return (yTrue, yPred) => {
    const values: unknown = fn(yTrue, yPred);
    check(values instanceof SymbolicTensor, "dtype", () => ({
      where: errorPlace(fn.name === "" ? `custom ${kind}` : fn.name),
      expected: `a ${kind} function that returns a tensor made of ops`,
      received: show(values),
    }));
    return values;
  };
}
