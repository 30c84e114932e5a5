// How wrong is a prediction, sample by sample?

import { check, show } from "./errors.ts";
import { errorPlace, SymbolicTensor } from "./graph.ts";
import { clip } from "./ops/composed.ts";
import { transpose } from "./ops/copy.ts";
import { oneHot, sigmoidCrossEntropy, softmaxCrossEntropy, sparseSoftmaxCrossEntropy } from "./ops/crossEntropy.ts";
import { gather } from "./ops/gather.ts";
import {
  abs,
  add,
  asFloat,
  cast,
  divide,
  log,
  multiply,
  negate,
  notEqual,
  square,
  subtract,
  where,
} from "./ops/map.ts";
import { mean, resolveAxes, sum } from "./ops/reduce.ts";
import { softmaxOp } from "./ops/softmax.ts";
import { reshape } from "./ops/view.ts";
import { sameShape } from "./tensor.ts";

type Node = SymbolicTensor;

/** A loss or metric of a user: predictions and labels in, values out. */
export type LossFunction = (yTrue: SymbolicTensor, yPred: SymbolicTensor) => SymbolicTensor;

/** Probabilities are kept this far from 0 and 1 before their logarithm is taken, as Keras does. */
const epsilon = 1e-7;

/** Options of {@link categoricalCrossEntropy} and {@link binaryCrossEntropy}. */
export interface CrossEntropyRule {
  readonly fromLogits: boolean;
  readonly labelSmoothing: number;
  readonly axis: number;
}
export interface SparseCrossEntropyRule {
  readonly fromLogits: boolean;
  readonly ignoreClass: number | null;
  readonly axis: number;
}

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

/** Σ (yTrue − yPred)² / n over the last axis: [..., n] → [...]. */
export function squaredError(yTrue: Node, yPred: Node): Node {
  const [labels, predictions] = matched("meanSquaredError", yTrue, yPred);
  return meanOverLast(square(subtract(labels, predictions)));
}

/** Σ |yTrue − yPred| / n over the last axis: [..., n] → [...]. */
export function absoluteError(yTrue: Node, yPred: Node): Node {
  const [labels, predictions] = matched("meanAbsoluteError", yTrue, yPred);
  return meanOverLast(abs(subtract(labels, predictions)));
}

/** Mean of −y·ln p − (1 − y)·ln(1 − p) over `axis`. Of a sigmoid, the logits are taken instead of the probabilities. */
export function binaryCrossEntropy(yTrue: Node, yPred: Node, rule: CrossEntropyRule): Node {
  const [given, predictions] = matched("binaryCrossentropy", yTrue, yPred);
  const labels = smoothed(given, rule.labelSmoothing, 2);
  const logits = rule.fromLogits ? predictions : sigmoidInput(predictions);
  const axes = predictions.shape.length === 0 ? [] : rule.axis;
  if (logits !== undefined) return mean(sigmoidCrossEntropy(labels, logits), axes);
  // 1 − p is exact where p is near 1, so it is limited itself: ln(1 − min(p, 1 − ε)) in float32 would be off by 1 %.
  const positive = multiply(labels, log(clip(predictions, epsilon, 1 - epsilon)));
  const negative = multiply(subtract(1, labels), log(clip(subtract(1, predictions), epsilon, 1 - epsilon)));
  return mean(negate(add(positive, negative)), axes);
}

/** −Σ y·ln p over `axis`, p made to sum to 1. Of a softmax, the logits are taken instead of the probabilities. */
export function categoricalCrossEntropy(yTrue: Node, yPred: Node, rule: CrossEntropyRule): Node {
  const name = "categoricalCrossentropy";
  const [given, predictions] = toSameRank(asFloat(yTrue), asFloat(yPred));
  const integers = given.size * (predictions.shape[predictions.shape.length - 1] ?? 1) === predictions.size;
  checkSame(
    name,
    given,
    predictions,
    integers
      ? "For integer labels use sparseCategoricalCrossentropy, or one-hot the labels with ops.oneHot."
      : undefined,
  );
  const [axis = 0] = resolveAxes(name, predictions.shape.length, rule.axis);
  const labels = smoothed(given, rule.labelSmoothing, predictions.shape[predictions.shape.length - 1] as number);
  const logits = rule.fromLogits ? predictions : softmaxInput(predictions, axis);
  if (logits !== undefined) return softmaxCrossEntropy(axisLast(labels, axis), axisLast(logits, axis));
  return negate(sum(multiply(labels, logProbabilities(predictions, axis)), axis));
}

/**
 * −ln p_label over `axis`, p made to sum to 1: labels [...] or [..., 1], p [..., classes] → [...]. Positions whose label is
 * `ignoreClass` give 0 and are left out by `mask` (undefined without `ignoreClass`).
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export function sparseCategoricalCrossEntropy(
  yTrue: Node,
  yPred: Node,
  rule: SparseCrossEntropyRule,
): { readonly values: Node; readonly mask: Node | undefined } {
  const name = "sparseCategoricalCrossentropy";
  const predictions = asFloat(yPred);
  check(predictions.shape.length >= 1, "shape", () => ({
    where: errorPlace(name),
    expected: "predictions with an axis of classes",
    received: "a scalar",
  }));
  const [axis = 0] = resolveAxes(name, predictions.shape.length, rule.axis);
  const rows = predictions.shape.filter((_, each) => each !== axis);
  const column = sameShape(yTrue.shape, [...rows, 1]);
  check(column || sameShape(yTrue.shape, rows), "shape", () => ({
    where: errorPlace(name),
    expected: `one integer label a row, shape [${rows.join(", ")}], for predictions [${predictions.shape.join(", ")}]`,
    received: `labels of shape [${yTrue.shape.join(", ")}]`,
    ...(sameShape(yTrue.shape, predictions.shape) ? { remedy: "For one-hot labels use categoricalCrossentropy." } : {}),
  }));
  const given = cast(reshape(yTrue, rows), "int32");
  const mask = rule.ignoreClass === null ? undefined : notEqual(given, rule.ignoreClass);
  const labels = mask === undefined ? given : where(mask, given, 0);
  const logits = rule.fromLogits ? predictions : softmaxInput(predictions, axis);
  const values =
    logits !== undefined
      ? sparseSoftmaxCrossEntropy(labels, axisLast(logits, axis))
      : negate(pick(axisLast(logProbabilities(predictions, axis), axis), labels));
  return { values: mask === undefined ? values : where(mask, values, 0), mask };
}

// Parts ---------------------------------------------------------------------------------------------------------------

function matched(name: string, yTrue: Node, yPred: Node): readonly [Node, Node] {
  const [labels, predictions] = toSameRank(asFloat(yTrue), asFloat(yPred));
  checkSame(name, labels, predictions);
  return [labels, predictions];
}

function checkSame(name: string, labels: Node, predictions: Node, remedy?: string): void {
  check(sameShape(labels.shape, predictions.shape), "shape", () => ({
    where: errorPlace(name),
    expected: `labels of the shape of the predictions, [${predictions.shape.join(", ")}]`,
    received: `[${labels.shape.join(", ")}]`,
    remedy: remedy ?? "Reshape the labels, or change the last layer of the model.",
  }));
}

function meanOverLast(x: Node): Node {
  return x.shape.length === 0 ? x : mean(x, -1);
}

/** Labels moved towards equal shares: y·(1 − s) + s/classes (Szegedy et al., 2016). */
function smoothed(labels: Node, amount: number, classes: number): Node {
  return amount === 0 ? labels : add(multiply(labels, 1 - amount), amount / classes);
}

/** ln of the probabilities after they were made to sum to 1 and kept away from 0 and 1. */
function logProbabilities(x: Node, axis: number): Node {
  return log(clip(divide(x, sum(x, axis, true)), epsilon, 1 - epsilon));
}

/** Element `label` of each row: [..., classes], [...] → [...]. The labels are checked while running. */
function pick(rows: Node, labels: Node): Node {
  const classes = rows.shape[rows.shape.length - 1] as number;
  const checked = gather(
    Int32Array.from({ length: classes }, (_, index) => index),
    labels,
  );
  return sum(multiply(oneHot(checked, classes), rows), -1);
}

function axisLast(x: Node, axis: number): Node {
  const order = [...x.shape.keys()].filter((each) => each !== axis);
  return transpose(x, [...order, axis]);
}

/** What `x` was reshaped from; unlike other views, this hides no change of the gradient. */
function unshaped(x: Node): Node {
  let root = x;
  while (root.op.name === "reshape") root = root.inputs[0] as Node;
  return root;
}

/** The logits, when `x` is their softmax over `axis`. See docs/decisions/0001-cross-entropy-of-a-softmax.md. */
function softmaxInput(x: Node, axis: number): Node | undefined {
  const root = unshaped(x);
  const last = x.shape.length - 1;
  const classes = root.shape[root.shape.length - 1];
  if (root.op !== softmaxOp || axis !== last || classes !== x.shape[last]) return undefined;
  return reshape(root.inputs[0] as Node, x.shape);
}

/** The logits, when `x` is their sigmoid. */
function sigmoidInput(x: Node): Node | undefined {
  const root = unshaped(x);
  return root.op.name === "sigmoid" ? reshape(root.inputs[0] as Node, x.shape) : undefined;
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
