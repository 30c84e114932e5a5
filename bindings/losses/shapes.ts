// Do labels and predictions fit together?

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { asFloat, cast } from "../ops/map.ts";
import { mean, resolveAxes } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import { sameShape } from "../tensor.ts";

type Node = SymbolicTensor;

export { epsilon } from "../ops/classEntropies.ts";

/** Labels and predictions of one rank: a missing last axis of size 1 is added or dropped, as Keras does. */
export function toSameRank(yTrue: Node, yPred: Node): readonly [Node, Node] {
  const [labels, predictions] = [yTrue.shape.length, yPred.shape.length];
  if (labels === predictions + 1 && yTrue.shape[labels - 1] === 1)
    return predictions === 1
      ? [yTrue, reshape(yPred, [...yPred.shape, 1])]
      : [reshape(yTrue, yTrue.shape.slice(0, -1)), yPred];
  if (predictions === labels + 1 && yPred.shape[predictions - 1] === 1)
    return labels === 1
      ? [reshape(yTrue, [...yTrue.shape, 1]), yPred]
      : [yTrue, reshape(yPred, yPred.shape.slice(0, -1))];
  return [yTrue, yPred];
}

/** Both as float32 and of one shape. @throws {TensorError} `shape` when they are not. */
export function matched(name: string, yTrue: Node, yPred: Node): readonly [Node, Node] {
  const [labels, predictions] = toSameRank(asFloat(yTrue), asFloat(yPred));
  checkSame(name, labels, predictions);
  return [labels, predictions];
}

/** @throws {TensorError} `shape` unless both have one shape. */
export function checkSame(name: string, labels: Node, predictions: Node, remedy?: string): void {
  check(sameShape(labels.shape, predictions.shape), "shape", () => ({
    where: errorPlace(name),
    expected: `labels of the shape of the predictions, [${predictions.shape.join(", ")}]`,
    received: `[${labels.shape.join(", ")}]`,
    remedy: remedy ?? "Reshape the labels, or change the last layer of the model.",
  }));
}

/** The mean over the last axis; a scalar stays as it is. */
export function meanOverLast(x: Node): Node {
  return x.shape.length === 0 ? x : mean(x, -1);
}

/** Integer labels and float predictions whose classes lie along `axis`. @throws {TensorError} `shape`. */
export function sparse(
  name: string,
  yTrue: Node,
  yPred: Node,
  givenAxis: number,
): { readonly labels: Node; readonly predictions: Node; readonly axis: number } {
  const predictions = asFloat(yPred);
  check(predictions.shape.length >= 1, "shape", () => ({
    where: errorPlace(name),
    expected: "predictions with an axis of classes",
    received: "a scalar",
  }));
  const [axis = 0] = resolveAxes(name, predictions.shape.length, givenAxis);
  const rows = predictions.shape.filter((_, each) => each !== axis);
  const column = sameShape(yTrue.shape, [...rows, 1]);
  check(column || sameShape(yTrue.shape, rows), "shape", () => ({
    where: errorPlace(name),
    expected: `one integer label a row, shape [${rows.join(", ")}], for predictions [${predictions.shape.join(", ")}]`,
    received: `labels of shape [${yTrue.shape.join(", ")}]`,
    ...(sameShape(yTrue.shape, predictions.shape) ? { remedy: "For one-hot labels use categoricalCrossentropy." } : {}),
  }));
  return { labels: cast(reshape(yTrue, rows), "int32"), predictions, axis };
}
