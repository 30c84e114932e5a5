// How many predictions are right?

import type { SymbolicTensor } from "../graph.ts";
import { checkSame, matched, meanOverLast, sparse } from "../losses/shapes.ts";
import { oneHot } from "../ops/crossEntropy.ts";
import { asFloat, cast, equal, greater, less, multiply } from "../ops/map.ts";
import { argMax, sum } from "../ops/reduce.ts";
import { integer, number } from "../optionRules.ts";
import { type Metric, makeMetric, meanOf, type Named } from "./metric.ts";

type Node = SymbolicTensor;
type Values = (yTrue: Node, yPred: Node) => Node;

/** Options of {@link binaryAccuracy}. */
export interface BinaryAccuracyOptions<N extends string> extends Named<N> {
  /** Predictions above it mean 1; in [0, 1]. Default 0.5. */
  readonly threshold?: number;
}

/** Options of {@link topKCategoricalAccuracy} and {@link sparseTopKCategoricalAccuracy}. */
export interface TopKOptions<N extends string> extends Named<N> {
  /** How many of the largest predictions count. Default 5. */
  readonly k?: number;
}

/**
 * Share of right predictions. What counts as right follows from the shapes, as for the name "accuracy" in Keras:
 * predictions [..., 1] against a threshold of 0.5, integer labels against the largest of [..., classes], otherwise the
 * largest of both.
 */
export function accuracy<const N extends string = "accuracy">(options: Named<N> = {}): Metric<N> {
  return makeMetric("ShapedAccuracy", "accuracy", options, {}, () =>
    meanOf((yTrue, yPred) => byShapes(yTrue, yPred, accuracies)(yTrue, yPred)),
  );
}

/** Share of elements where yPred = yTrue: any one shape. (The class `Accuracy` of Keras.) */
export function exactAccuracy<const N extends string = "accuracy">(options: Named<N> = {}): Metric<N> {
  return makeMetric("Accuracy", "accuracy", options, {}, () =>
    meanOf((yTrue, yPred) => equal(...matched("exactAccuracy", yTrue, yPred))),
  );
}

/** Share of elements where (yPred > threshold) = yTrue: [batch, ..., n] → [batch, ...]. */
export function binaryAccuracy<const N extends string = "binaryAccuracy">(
  options: BinaryAccuracyOptions<N> = {},
): Metric<N> {
  return makeMetric("BinaryAccuracy", "binaryAccuracy", options, { threshold: number(0.5, 0, 1) }, ({ threshold }) =>
    meanOf((yTrue, yPred) => binaryValues(yTrue, yPred, threshold)),
  );
}

/** Share of rows whose largest of yTrue and of yPred stand at one place: [batch, ..., classes] → [batch, ...]. */
export function categoricalAccuracy<const N extends string = "categoricalAccuracy">(options: Named<N> = {}): Metric<N> {
  return makeMetric("CategoricalAccuracy", "categoricalAccuracy", options, {}, () => meanOf(categoricalValues));
}

/** Share of rows of yPred [batch, ..., classes] whose largest stands at the label [batch, ...] or [batch, ..., 1]. */
export function sparseCategoricalAccuracy<const N extends string = "sparseCategoricalAccuracy">(
  options: Named<N> = {},
): Metric<N> {
  return makeMetric("SparseCategoricalAccuracy", "sparseCategoricalAccuracy", options, {}, () => meanOf(sparseValues));
}

/** Share of rows where fewer than k predictions are larger than that of the largest of yTrue: [..., classes] → [...]. */
export function topKCategoricalAccuracy<const N extends string = "topKCategoricalAccuracy">(
  options: TopKOptions<N> = {},
): Metric<N> {
  return makeMetric("TopKCategoricalAccuracy", "topKCategoricalAccuracy", options, { k: integer(5, 1) }, ({ k }) =>
    meanOf((yTrue, yPred) => {
      checkSame("topKCategoricalAccuracy", yTrue, yPred);
      return amongTop(argMax(yTrue, -1), yPred, k);
    }),
  );
}

/** Share of rows where fewer than k predictions are larger than that of the label: labels [...], yPred [..., classes]. */
export function sparseTopKCategoricalAccuracy<const N extends string = "sparseTopKCategoricalAccuracy">(
  options: TopKOptions<N> = {},
): Metric<N> {
  const name = "sparseTopKCategoricalAccuracy";
  return makeMetric("SparseTopKCategoricalAccuracy", name, options, { k: integer(5, 1) }, ({ k }) =>
    meanOf((yTrue, yPred) => {
      const { labels, predictions } = sparse(name, yTrue, yPred, -1);
      return amongTop(labels, predictions, k);
    }),
  );
}

// Parts ---------------------------------------------------------------------------------------------------------------

function binaryValues(yTrue: Node, yPred: Node, threshold: number): Node {
  const [labels, predictions] = matched("binaryAccuracy", yTrue, yPred);
  return meanOverLast(asFloat(equal(labels, cast(greater(predictions, threshold), "float32"))));
}

function categoricalValues(yTrue: Node, yPred: Node): Node {
  checkSame("categoricalAccuracy", yTrue, yPred);
  return equal(argMax(yTrue, -1), argMax(yPred, -1));
}

function sparseValues(yTrue: Node, yPred: Node): Node {
  const { labels, predictions } = sparse("sparseCategoricalAccuracy", yTrue, yPred, -1);
  return equal(labels, argMax(predictions, -1));
}

function amongTop(labels: Node, predictions: Node, k: number): Node {
  const classes = predictions.shape[predictions.shape.length - 1] as number;
  const own = sum(multiply(oneHot(labels, classes), predictions), -1, true);
  return less(sum(cast(greater(predictions, own), "int32"), -1), k);
}

/** The three forms of labels. */
export type Labels = "binary" | "sparse" | "categorical";

const accuracies: Readonly<Record<Labels, Values>> = {
  binary: (yTrue, yPred) => binaryValues(yTrue, yPred, 0.5),
  sparse: sparseValues,
  categorical: categoricalValues,
};

/** The choice that Keras makes for "accuracy" and "crossentropy". */
export function byShapes(yTrue: Node, yPred: Node, choices: Readonly<Record<Labels, Values>>): Values {
  const classes = yPred.shape[yPred.shape.length - 1] ?? 1;
  if (classes === 1) return choices.binary;
  const last = yTrue.shape[yTrue.shape.length - 1];
  return yTrue.shape.length < yPred.shape.length || last === 1 ? choices.sparse : choices.categorical;
}
