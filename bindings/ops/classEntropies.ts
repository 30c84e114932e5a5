// What are cross-entropies of probabilities, or of the logits behind them?

import { check } from "../errors.ts";
import { checkFlag, errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { sameShape } from "../tensor.ts";
import { clip } from "./composed.ts";
import { transpose } from "./copy.ts";
import { oneHot, sigmoidCrossEntropy, softmaxCrossEntropy, sparseSoftmaxCrossEntropy } from "./crossEntropy.ts";
import { gather, integers } from "./gather.ts";
import { add, asFloat, divide, log, multiply, negate, subtract } from "./map.ts";
import { resolveAxes, sum } from "./reduce.ts";
import { softmaxOp } from "./softmax.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/** Probabilities are kept this far from 0 and 1 before their logarithm is taken, as Keras does. */
export const epsilon = 1e-7;

/**
 * −y·ln p − (1 − y)·ln(1 − p) for each element: targets y and p of one shape. With `fromLogits` p is the sigmoid of the
 * output; of a sigmoid in the same program the logits are taken anyway.
 * @throws {TensorError} `shape` when the shapes differ.
 */
export function binaryCrossentropy(target: Operand, output: Operand, fromLogits = false): Node {
  checkFlag("binaryCrossentropy", "fromLogits", fromLogits);
  const [labels, given] = sameSized("binaryCrossentropy", target, output);
  const logits = fromLogits ? given : sigmoidInput(given);
  if (logits !== undefined) return sigmoidCrossEntropy(labels, logits);
  // 1 − p is exact where p is near 1, so it is limited itself: ln(1 − min(p, 1 − ε)) in float32 would be off by 1 %.
  const positive = multiply(labels, log(clip(given, epsilon, 1 - epsilon)));
  const negative = multiply(subtract(1, labels), log(clip(subtract(1, given), epsilon, 1 - epsilon)));
  return negate(add(positive, negative));
}

/**
 * −Σ y·ln p along `axis`, p made to sum to 1: targets y and p of one shape [..., classes] → [...]. With `fromLogits` p is
 * the softmax of the output; of a softmax in the same program the logits are taken anyway.
 * @throws {TensorError} `shape` when the shapes differ.
 */
export function categoricalCrossentropy(target: Operand, output: Operand, fromLogits = false, axis = -1): Node {
  checkFlag("categoricalCrossentropy", "fromLogits", fromLogits);
  const [labels, given] = sameSized("categoricalCrossentropy", target, output);
  const [position = 0] = resolveAxes("categoricalCrossentropy", given.shape.length, axis);
  const logits = fromLogits ? given : softmaxInput(given, position);
  if (logits !== undefined) return softmaxCrossEntropy(axisLast(labels, position), axisLast(logits, position));
  return negate(sum(multiply(labels, log(toProbabilities(given, position))), position));
}

/**
 * −ln p_label along `axis`, p made to sum to 1: integer targets [...], p [..., classes] → [...]. `fromLogits` as for
 * {@link categoricalCrossentropy}.
 * @throws {TensorError} `shape` unless there is one label a row, `data` while running, when one is outside 0 … classes − 1.
 */
export function sparseCategoricalCrossentropy(target: Operand, output: Operand, fromLogits = false, axis = -1): Node {
  checkFlag("sparseCategoricalCrossentropy", "fromLogits", fromLogits);
  const given = asFloat(output);
  const labels = integers("sparseCategoricalCrossentropy", target);
  const [position = 0] = resolveAxes("sparseCategoricalCrossentropy", given.shape.length, axis);
  const rows = given.shape.filter((_, each) => each !== position);
  check(given.shape.length > 0 && sameShape(labels.shape, rows), "shape", () => ({
    where: errorPlace("sparseCategoricalCrossentropy"),
    expected: `one integer label a row, shape [${rows.join(", ")}]`,
    received: `[${labels.shape.join(", ")}]`,
  }));
  const logits = fromLogits ? given : softmaxInput(given, position);
  return logits !== undefined
    ? sparseSoftmaxCrossEntropy(labels, axisLast(logits, position))
    : negate(pick(axisLast(log(toProbabilities(given, position)), position), labels));
}

// Parts ---------------------------------------------------------------------------------------------------------------

function sameSized(name: string, target: Operand, output: Operand): readonly [Node, Node] {
  const [labels, given] = [asFloat(target), asFloat(output)];
  check(sameShape(labels.shape, given.shape), "shape", () => ({
    where: errorPlace(name),
    expected: `targets of the shape of the output, [${given.shape.join(", ")}]`,
    received: `[${labels.shape.join(", ")}]`,
  }));
  return [labels, given];
}

/** The probabilities after they were made to sum to 1 and kept away from 0 and 1. */
export function toProbabilities(x: Node, axis: number): Node {
  return clip(divide(x, sum(x, axis, true)), epsilon, 1 - epsilon);
}

/** Element `label` of each row: [..., classes], [...] → [...]. The labels are checked while running. */
export function pick(rows: Node, labels: Node): Node {
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
export function softmaxInput(x: Node, axis: number): Node | undefined {
  const root = unshaped(x);
  const last = x.shape.length - 1;
  const classes = root.shape[root.shape.length - 1];
  if (root.op !== softmaxOp || axis !== last || classes !== x.shape[last]) return undefined;
  return reshape(root.inputs[0] as Node, x.shape);
}

/** The logits, when `x` is their sigmoid. */
export function sigmoidInput(x: Node): Node | undefined {
  const root = unshaped(x);
  return root.op.name === "sigmoid" ? reshape(root.inputs[0] as Node, x.shape) : undefined;
}
