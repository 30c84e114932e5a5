// How wrong are probabilities of classes?

import type { SymbolicTensor } from "../graph.ts";
import {
  sparseCategoricalCrossentropy as entropyOfLabels,
  categoricalCrossentropy as entropyOfMany,
  binaryCrossentropy as entropyOfTwo,
  epsilon,
  pick,
  softmaxInput,
  toProbabilities,
} from "../ops/classEntropies.ts";
import { power } from "../ops/composed.ts";
import {
  add,
  asFloat,
  divide,
  greater,
  log,
  maximum,
  multiply,
  notEqual,
  sigmoid,
  subtract,
  where,
} from "../ops/map.ts";
import { mean, resolveAxes, sum } from "../ops/reduce.ts";
import { logSoftmax, softmax } from "../ops/softmax.ts";
import { flag, integer, nullOr, number } from "../optionRules.ts";
import { type Shape, sameShape } from "../tensor.ts";
import { type Labels, type Loss, type LossOptions, makeLoss } from "./loss.ts";
import { checkSame, matched, sparse, toSameRank } from "./shapes.ts";

type Node = SymbolicTensor;

/** Options of {@link binaryCrossentropy} and {@link categoricalCrossentropy}. */
export interface CrossentropyOptions extends LossOptions {
  /** Predictions are logits, not probabilities. Default false; the last layer's softmax or sigmoid is undone anyway. */
  readonly fromLogits?: boolean;
  /** Share s in [0, 1] of each label that is spread evenly: y·(1 − s) + s/classes. Default 0. */
  readonly labelSmoothing?: number;
  /** Axis of the classes. Default -1. */
  readonly axis?: number;
}
/** Options of {@link sparseCategoricalCrossentropy}. */
export interface SparseCategoricalCrossentropyOptions extends LossOptions {
  /** Predictions are logits, not probabilities. Default false; the last layer's softmax is undone anyway. */
  readonly fromLogits?: boolean;
  /** A label that does not count, such as -1 for padding. Default null. */
  readonly ignoreClass?: number | null;
  /** Axis of the classes. Default -1. */
  readonly axis?: number;
}
/** Options of {@link categoricalFocalCrossentropy}. */
export interface CategoricalFocalCrossentropyOptions extends CrossentropyOptions {
  /** Factor of the loss. Default 0.25. */
  readonly alpha?: number;
  /** How much less a sure prediction counts; 0 for not at all. Default 2. */
  readonly gamma?: number;
}
/** Options of {@link binaryFocalCrossentropy}. */
export interface BinaryFocalCrossentropyOptions extends CategoricalFocalCrossentropyOptions {
  /** Weigh class 1 by alpha and class 0 by 1 − alpha. Default false: then alpha is not used. */
  readonly applyClassBalancing?: boolean;
}
/** Options of {@link categoricalGeneralizedCrossEntropy}. */
export interface CategoricalGeneralizedCrossEntropyOptions extends LossOptions {
  /** From near 0 (like cross-entropy) to 1 (like the absolute error: forgives wrong labels). Default 0.5. */
  readonly q?: number;
}

const classRules = {
  fromLogits: /* @__PURE__ */ flag(false),
  labelSmoothing: /* @__PURE__ */ number(0, 0, 1),
  axis: /* @__PURE__ */ integer(-1),
};
const focalRules = { alpha: /* @__PURE__ */ number(0.25, 0), gamma: /* @__PURE__ */ number(2, 0) };
type ClassSettings = Required<Omit<CrossentropyOptions, keyof LossOptions>>;

// Two classes ---------------------------------------------------------------------------------------------------------

/** −y·ln p − (1 − y)·ln(1 − p), mean over `axis`: labels and p of one shape [batch, ..., n] → [batch, ...]. */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  return makeLoss("BinaryCrossentropy", options, classRules, (settings) => (yTrue, yPred) => {
    const { entropy } = binary("binaryCrossentropy", yTrue, yPred, settings);
    return mean(entropy, entropy.shape.length === 0 ? [] : settings.axis);
  });
}

/**
 * The binary cross-entropy times (1 − p_t)^gamma, p_t = y·p + (1 − y)·(1 − p) being the probability of what is the case;
 * mean over `axis`: labels and p of one shape [batch, ..., n] → [batch, ...] (Lin et al., 2017).
 */
export function binaryFocalCrossentropy(options: BinaryFocalCrossentropyOptions = {}): Loss {
  const rules = { ...classRules, applyClassBalancing: flag(false), ...focalRules };
  return makeLoss("BinaryFocalCrossentropy", options, rules, (settings) => (yTrue, yPred) => {
    const { labels, entropy, probabilities } = binary("binaryFocalCrossentropy", yTrue, yPred, settings);
    const { alpha, gamma, applyClassBalancing } = settings;
    const either = (ofOne: Node | number, ofZero: Node | number): Node =>
      add(multiply(labels, ofOne), multiply(subtract(1, labels), ofZero));
    const focal = multiply(remoteness(either(probabilities, subtract(1, probabilities)), gamma), entropy);
    const weighted = applyClassBalancing ? multiply(focal, either(alpha, 1 - alpha)) : focal;
    return mean(weighted, weighted.shape.length === 0 ? [] : settings.axis);
  });
}

/** Smoothed labels, entropy and probability of each element. Of a sigmoid, the logits are taken instead of its values. */
function binary(
  name: string,
  yTrue: Node,
  yPred: Node,
  { fromLogits, labelSmoothing }: ClassSettings,
): { readonly labels: Node; readonly entropy: Node; readonly probabilities: Node } {
  const [given, predictions] = matched(name, yTrue, yPred);
  const labels = smoothed(given, labelSmoothing, 2);
  const probabilities = fromLogits ? sigmoid(predictions) : predictions;
  return { labels, entropy: entropyOfTwo(labels, predictions, fromLogits), probabilities };
}

// Many classes --------------------------------------------------------------------------------------------------------

/**
 * −Σ y·ln p over `axis`, p made to sum to 1: shares y and p of one shape [batch, ..., classes] → [batch, ...]. Of a
 * softmax, the logits are taken instead of its values.
 */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  return makeLoss("CategoricalCrossentropy", options, classRules, (settings) => (yTrue, yPred) => {
    const { labels, predictions, axis } = categorical("categoricalCrossentropy", yTrue, yPred, settings);
    return entropyOfMany(labels, predictions, settings.fromLogits, axis);
  });
}

/**
 * −Σ alpha·(1 − p)^gamma · y·ln p over `axis`, p made to sum to 1: y and p of one shape [batch, ..., classes] →
 * [batch, ...] (Lin et al., 2017).
 */
export function categoricalFocalCrossentropy(options: CategoricalFocalCrossentropyOptions = {}): Loss {
  const rules = { ...classRules, ...focalRules };
  return makeLoss("CategoricalFocalCrossentropy", options, rules, (settings) => (yTrue, yPred) => {
    const { labels, predictions, axis } = categorical("categoricalFocalCrossentropy", yTrue, yPred, settings);
    const logits = settings.fromLogits ? predictions : softmaxInput(predictions, axis);
    const p = logits === undefined ? toProbabilities(predictions, axis) : softmax(logits, axis);
    const logarithm = logits === undefined ? log(p) : logSoftmax(logits, axis);
    const weights = multiply(remoteness(p, settings.gamma), -settings.alpha);
    return sum(multiply(weights, multiply(labels, logarithm)), axis);
  });
}

/**
 * (1 − p_t^q) / q with p_t the probability of the label: integer labels [batch, ...] or [batch, ..., 1], or shares of the
 * shape of the predictions, with p_t = Σ y·p; p [batch, ..., classes] → [batch, ...]. Bears wrong labels (Zhang & Sabuncu,
 * 2018).
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export function categoricalGeneralizedCrossEntropy(options: CategoricalGeneralizedCrossEntropyOptions = {}): Loss {
  const name = "categoricalGeneralizedCrossEntropy";
  const rules = { q: number(0.5, epsilon, 1) };
  const measure =
    ({ q }: { readonly q: number }) =>
    (yTrue: Node, yPred: Node) => {
      const shares = sameShape(yTrue.shape, yPred.shape) && yPred.shape.at(-1) !== 1;
      const likely = shares ? sum(multiply(asFloat(yTrue), asFloat(yPred)), -1) : likelihood(name, yTrue, yPred);
      // The power has no gradient at 0.
      const possible = greater(likely, leastLikely);
      const kept = where(possible, power(where(possible, likely, 1), q), 0);
      return divide(subtract(1, kept), q);
    };
  return makeLoss("CategoricalGeneralizedCrossEntropy", options, rules, measure, (shape) => classNumbers(shape, -1));
}

/** Below it a probability counts as 0. */
const leastLikely = 1e-30;

/** The prediction at each label: labels [...] or [..., 1], predictions [..., classes] → [...]. */
function likelihood(name: string, yTrue: Node, yPred: Node): Node {
  const { labels, predictions } = sparse(name, yTrue, yPred, -1);
  return pick(predictions, labels);
}

/** Labels that are numbers of the classes along `axis` of predictions. */
function classNumbers(shape: Shape, axis: number, ignored: number | null = null): Labels {
  const along = axis < 0 ? shape.length + axis : axis;
  return { shape: shape.filter((_, each) => each !== along), dtype: "int32", classes: shape[along] ?? 0, ignored };
}

/**
 * −ln p_label over `axis`, p made to sum to 1: integer labels [batch, ...] or [batch, ..., 1], p [batch, ..., classes] →
 * [batch, ...]. Positions whose label is `ignoreClass` give 0 and do not count.
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export function sparseCategoricalCrossentropy(options: SparseCategoricalCrossentropyOptions = {}): Loss {
  const rules = { fromLogits: flag(false), ignoreClass: nullOr(integer(0)), axis: integer(-1) };
  const measure =
    (settings: Required<Omit<SparseCategoricalCrossentropyOptions, keyof LossOptions>>) =>
    (yTrue: Node, yPred: Node) => {
      const { labels: given, predictions, axis } = sparse("sparseCategoricalCrossentropy", yTrue, yPred, settings.axis);
      const mask = settings.ignoreClass === null ? undefined : notEqual(given, settings.ignoreClass);
      const labels = mask === undefined ? given : where(mask, given, 0);
      const values = entropyOfLabels(labels, predictions, settings.fromLogits, axis);
      return { values: mask === undefined ? values : where(mask, values, 0), mask };
    };
  return makeLoss("SparseCategoricalCrossentropy", options, rules, measure, (shape, { axis, ignoreClass }) =>
    classNumbers(shape, axis, ignoreClass),
  );
}

// Parts ---------------------------------------------------------------------------------------------------------------

/** Smoothed shares and predictions of one shape, and the axis of the classes. */
function categorical(
  name: string,
  yTrue: Node,
  yPred: Node,
  settings: ClassSettings,
): { readonly labels: Node; readonly predictions: Node; readonly axis: number } {
  const [given, predictions] = toSameRank(asFloat(yTrue), asFloat(yPred));
  const [axis = 0] = resolveAxes(name, predictions.shape.length, settings.axis);
  const classes = predictions.shape[axis] ?? 1;
  const integers = given.size * classes === predictions.size;
  checkSame(
    name,
    given,
    predictions,
    integers
      ? "For integer labels use sparseCategoricalCrossentropy, or one-hot the labels with ops.oneHot."
      : undefined,
  );
  return { labels: smoothed(given, settings.labelSmoothing, classes), predictions, axis };
}

/** (1 − p)^gamma: small where a prediction is sure. */
function remoteness(p: Node, gamma: number): Node {
  const rest = subtract(1, p);
  return power(Number.isInteger(gamma) ? rest : maximum(rest, epsilon), gamma);
}

/** Labels moved towards equal shares: y·(1 − s) + s/classes (Szegedy et al., 2016). */
function smoothed(labels: Node, amount: number, classes: number): Node {
  return amount === 0 ? labels : add(multiply(labels, 1 - amount), amount / classes);
}
