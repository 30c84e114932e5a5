// What is reported while training? Values for each sample, averaged over the epoch.

import { toCamelCase, toSnakeCase } from "./config.ts";
import { check, show, unknownName } from "./errors.ts";
import { errorPlace, type SymbolicTensor } from "./graph.ts";
import { toSameRank } from "./losses/shapes.ts";
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  checkedFunction,
  type LossFunction,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from "./losses.ts";
import { asFloat, cast, equal, greater } from "./ops/map.ts";
import { argMax, mean } from "./ops/reduce.ts";
import { reshape } from "./ops/view.ts";
import { sameShape } from "./tensor.ts";

type Node = SymbolicTensor;

/** A metric: its value for an epoch is the (weighted) mean of the values of all samples. */
export interface Metric {
  /** Key in logs and histories. */
  readonly name: string;
  /** One value a sample: [batch, ...]. */
  values(yTrue: SymbolicTensor, yPred: SymbolicTensor): SymbolicTensor;
}

/** Names of metrics. */
export type MetricName =
  | "accuracy"
  | "acc"
  | "binaryAccuracy"
  | "categoricalAccuracy"
  | "sparseCategoricalAccuracy"
  | "meanSquaredError"
  | "mse"
  | "meanAbsoluteError"
  | "mae"
  | "crossentropy"
  | "ce"
  | "binaryCrossentropy"
  | "categoricalCrossentropy"
  | "sparseCategoricalCrossentropy";

/** What `compile` takes as a metric. */
export type MetricLike = MetricName | Metric | LossFunction;

/** Options of {@link binaryAccuracy}. */
export interface BinaryAccuracyOptions {
  /** Predictions above it mean 1. Default 0.5. */
  readonly threshold?: number;
  /** Default "binaryAccuracy". */
  readonly name?: string;
}

/**
 * Share of right predictions. What counts as right follows from the shapes, as in Keras: predictions [..., 1] against a
 * threshold, integer labels against the largest of [..., classes], otherwise the largest of both.
 */
export function accuracy(name = "accuracy"): Metric {
  return metric(name, (yTrue, yPred) => byShapes(yTrue, yPred, accuracies)(yTrue, yPred));
}

/** Share of elements where (yPred > threshold) = yTrue: [batch, ..., n] → [batch, ...]. */
export function binaryAccuracy({ threshold = 0.5, name = "binaryAccuracy" }: BinaryAccuracyOptions = {}): Metric {
  return metric(name, (yTrue, yPred) => {
    const [labels, predictions] = toSameRank(asFloat(yTrue), asFloat(yPred));
    check(sameShape(labels.shape, predictions.shape), "shape", () => shapeError("binaryAccuracy", labels, predictions));
    const right = cast(equal(labels, cast(greater(predictions, threshold), "float32")), "float32");
    return right.shape.length === 0 ? right : mean(right, -1);
  });
}

/** 1 where the largest of yTrue and of yPred stand at one place: [batch, ..., classes] → [batch, ...]. */
export function categoricalAccuracy(name = "categoricalAccuracy"): Metric {
  return metric(name, (yTrue, yPred) => {
    check(sameShape(yTrue.shape, yPred.shape), "shape", () => shapeError("categoricalAccuracy", yTrue, yPred));
    return cast(equal(argMax(yTrue), argMax(yPred)), "float32");
  });
}

/** 1 where the largest of yPred [batch, ..., classes] stands at the label [batch, ...] or [batch, ..., 1]. */
export function sparseCategoricalAccuracy(name = "sparseCategoricalAccuracy"): Metric {
  return metric(name, (yTrue, yPred) => {
    const rows = yPred.shape.slice(0, -1);
    const column = sameShape(yTrue.shape, [...rows, 1]);
    check(column || sameShape(yTrue.shape, rows), "shape", () => shapeError("sparseCategoricalAccuracy", yTrue, yPred));
    return cast(equal(cast(reshape(yTrue, rows), "int32"), argMax(yPred)), "float32");
  });
}

/**
 * The metric meant by a name (camelCase, or snake_case as Keras writes it), an object, or a function
 * (yTrue, yPred) → values, named by the function.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveMetric(value: MetricLike | string, where: string): Metric {
  if (typeof value === "function")
    return metric(value.name === "" ? "custom" : value.name, checkedFunction("metric", value));
  if (typeof value === "object" && value !== null && typeof value.name === "string") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of a metric, an object or a function (yTrue, yPred) => values",
    received: show(value),
  }));
  const name = toCamelCase(toSnakeCase(value));
  if (!Object.hasOwn(byName, name)) throw unknownName(where, "a metric", value, Object.keys(byName));
  return byName[name as MetricName](name);
}

// Parts ---------------------------------------------------------------------------------------------------------------

type Values = (yTrue: Node, yPred: Node) => Node;

const accuracies: Readonly<Record<Labels, Values>> = {
  binary: (yTrue, yPred) => binaryAccuracy().values(yTrue, yPred),
  sparse: (yTrue, yPred) => sparseCategoricalAccuracy().values(yTrue, yPred),
  categorical: (yTrue, yPred) => categoricalAccuracy().values(yTrue, yPred),
};
const crossentropies: Readonly<Record<Labels, Values>> = {
  binary: (yTrue, yPred) => binaryCrossentropy().values(yTrue, yPred),
  sparse: (yTrue, yPred) => sparseCategoricalCrossentropy().values(yTrue, yPred),
  categorical: (yTrue, yPred) => categoricalCrossentropy().values(yTrue, yPred),
};

const byName: Readonly<Record<MetricName, (name: string) => Metric>> = {
  accuracy,
  acc: accuracy,
  binaryAccuracy: (name) => binaryAccuracy({ name }),
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  meanSquaredError: (name) => metric(name, meanSquaredError().values),
  mse: (name) => metric(name, meanSquaredError().values),
  meanAbsoluteError: (name) => metric(name, meanAbsoluteError().values),
  mae: (name) => metric(name, meanAbsoluteError().values),
  crossentropy: (name) => metric(name, (yTrue, yPred) => byShapes(yTrue, yPred, crossentropies)(yTrue, yPred)),
  ce: (name) => metric(name, (yTrue, yPred) => byShapes(yTrue, yPred, crossentropies)(yTrue, yPred)),
  binaryCrossentropy: (name) => metric(name, binaryCrossentropy().values),
  categoricalCrossentropy: (name) => metric(name, categoricalCrossentropy().values),
  sparseCategoricalCrossentropy: (name) => metric(name, sparseCategoricalCrossentropy().values),
};

type Labels = "binary" | "sparse" | "categorical";

/** The choice that Keras makes for "accuracy" and "crossentropy". */
function byShapes(yTrue: Node, yPred: Node, choices: Readonly<Record<Labels, Values>>): Values {
  const classes = yPred.shape[yPred.shape.length - 1] ?? 1;
  if (classes === 1) return choices.binary;
  const last = yTrue.shape[yTrue.shape.length - 1];
  return yTrue.shape.length < yPred.shape.length || last === 1 ? choices.sparse : choices.categorical;
}

function shapeError(name: string, yTrue: Node, yPred: Node): { where: string; expected: string; received: string } {
  return {
    where: errorPlace(name),
    expected: `labels that fit predictions of shape [${yPred.shape.join(", ")}]`,
    received: `[${yTrue.shape.join(", ")}]`,
  };
}

function metric(name: string, values: Values): Metric {
  return Object.freeze({ name, values });
}
