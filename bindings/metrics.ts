// How good are predictions, in numbers for people?

import { toCamelCase, toSnakeCase } from "./config.ts";
import { check, show, unknownName } from "./errors.ts";
import { checkedFunction, type LossFunction } from "./losses.ts";
import {
  accuracy,
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from "./metrics/accuracy.ts";
import { auc } from "./metrics/areaUnderCurve.ts";
import * as means from "./metrics/means.ts";
import { type Metric, meanMetric, type Named } from "./metrics/metric.ts";
import { concordanceCorrelation, pearsonCorrelation, r2Score } from "./metrics/regression.ts";
import {
  falseNegatives,
  falsePositives,
  precision,
  recall,
  trueNegatives,
  truePositives,
} from "./metrics/thresholds.ts";

export * from "./metrics/accuracy.ts";
export * from "./metrics/areaUnderCurve.ts";
export * from "./metrics/fromConfig.ts";
export * from "./metrics/fScore.ts";
export * from "./metrics/intersectionOverUnion.ts";
export * from "./metrics/means.ts";
export {
  type Amounts,
  defineMetric,
  type Metric,
  type MetricDefinition,
  meanMetric,
  type Named,
  type StateOf,
  type StateRules,
} from "./metrics/metric.ts";
export * from "./metrics/regression.ts";
export { type Meter, meter } from "./metrics/state.ts";
export * from "./metrics/thresholds.ts";

/** Names of metrics, with their default options. */
export type MetricName =
  | "acc"
  | "accuracy"
  | "auc"
  | "binaryAccuracy"
  | "binaryCrossentropy"
  | "categoricalAccuracy"
  | "categoricalCrossentropy"
  | "categoricalHinge"
  | "ce"
  | "concordanceCorrelation"
  | "cosineSimilarity"
  | "crossentropy"
  | "falseNegatives"
  | "falsePositives"
  | "hinge"
  | "kld"
  | "klDivergence"
  | "logCoshError"
  | "mae"
  | "mape"
  | "meanAbsoluteError"
  | "meanAbsolutePercentageError"
  | "meanSquaredError"
  | "meanSquaredLogarithmicError"
  | "mse"
  | "msle"
  | "pearsonCorrelation"
  | "poisson"
  | "precision"
  | "r2Score"
  | "recall"
  | "rootMeanSquaredError"
  | "sparseCategoricalAccuracy"
  | "sparseCategoricalCrossentropy"
  | "sparseTopKCategoricalAccuracy"
  | "squaredHinge"
  | "topKCategoricalAccuracy"
  | "trueNegatives"
  | "truePositives";

/** What `compile` takes as a metric. */
export type MetricLike = MetricName | Metric | LossFunction;

const byName: Readonly<Record<MetricName, (options: Named<string>) => Metric>> = {
  acc: accuracy,
  accuracy,
  auc,
  binaryAccuracy,
  binaryCrossentropy: means.binaryCrossentropy,
  categoricalAccuracy,
  categoricalCrossentropy: means.categoricalCrossentropy,
  categoricalHinge: means.categoricalHinge,
  ce: means.crossentropy,
  concordanceCorrelation,
  cosineSimilarity: means.cosineSimilarity,
  crossentropy: means.crossentropy,
  falseNegatives,
  falsePositives,
  hinge: means.hinge,
  kld: means.klDivergence,
  klDivergence: means.klDivergence,
  logCoshError: means.logCoshError,
  mae: means.meanAbsoluteError,
  mape: means.meanAbsolutePercentageError,
  meanAbsoluteError: means.meanAbsoluteError,
  meanAbsolutePercentageError: means.meanAbsolutePercentageError,
  meanSquaredError: means.meanSquaredError,
  meanSquaredLogarithmicError: means.meanSquaredLogarithmicError,
  mse: means.meanSquaredError,
  msle: means.meanSquaredLogarithmicError,
  pearsonCorrelation,
  poisson: means.poisson,
  precision,
  r2Score,
  recall,
  rootMeanSquaredError: means.rootMeanSquaredError,
  sparseCategoricalAccuracy,
  sparseCategoricalCrossentropy: means.sparseCategoricalCrossentropy,
  sparseTopKCategoricalAccuracy,
  squaredHinge: means.squaredHinge,
  topKCategoricalAccuracy,
  trueNegatives,
  truePositives,
};

/**
 * The metric meant by a name (camelCase, or snake_case as Keras writes it), an object, or a function
 * (yTrue, yPred) → values, named by the function.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveMetric(value: MetricLike | string, where: string): Metric {
  if (typeof value === "function")
    return meanMetric(value.name === "" ? "custom" : value.name, checkedFunction("metric", value));
  if (typeof value === "object" && value !== null && typeof value.update === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of a metric, an object or a function (yTrue, yPred) => values",
    received: show(value),
  }));
  const name = toCamelCase(toSnakeCase(value));
  if (!Object.hasOwn(byName, name)) throw unknownName(where, "a metric", value, Object.keys(byName));
  return byName[name as MetricName]({ name });
}
