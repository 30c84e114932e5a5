// How far are numbers from those wanted?

import type { SymbolicTensor } from "../graph.ts";
import { softplus } from "../ops/activations.ts";
import { clip } from "../ops/composed.ts";
import {
  abs,
  add,
  divide,
  lessEqual,
  log,
  log1p,
  maximum,
  multiply,
  negate,
  sqrt,
  square,
  subtract,
  where,
} from "../ops/map.ts";
import { max, resolveAxes, sum } from "../ops/reduce.ts";
import { integer, number } from "../optionRules.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";
import { epsilon, matched, meanOverLast } from "./shapes.ts";

type Node = SymbolicTensor;

/** The mean over the last axis of what `distance` makes of labels and predictions. */
function averaged(
  className: string,
  name: string,
  options: LossOptions,
  distance: (labels: Node, predictions: Node) => Node,
): Loss {
  return makeLoss<object>(
    className,
    options,
    {},
    () => (yTrue, yPred) => meanOverLast(distance(...matched(name, yTrue, yPred))),
  );
}

/** Σ (yTrue − yPred)² / n over the last axis: [batch, ..., n] → [batch, ...], then reduced. */
export function meanSquaredError(options: LossOptions = {}): Loss {
  return averaged("MeanSquaredError", "meanSquaredError", options, (y, p) => square(subtract(y, p)));
}

/** Σ |yTrue − yPred| / n over the last axis: [batch, ..., n] → [batch, ...], then reduced. */
export function meanAbsoluteError(options: LossOptions = {}): Loss {
  return averaged("MeanAbsoluteError", "meanAbsoluteError", options, (y, p) => abs(subtract(y, p)));
}

/** 100 · Σ |yTrue − yPred| / max(|yTrue|, 1e-7) / n over the last axis: [batch, ..., n] → [batch, ...], in percent. */
export function meanAbsolutePercentageError(options: LossOptions = {}): Loss {
  return averaged("MeanAbsolutePercentageError", "meanAbsolutePercentageError", options, (y, p) =>
    multiply(abs(divide(subtract(y, p), maximum(abs(y), epsilon))), 100),
  );
}

/** Σ (ln(1 + yTrue) − ln(1 + yPred))² / n over the last axis, values below 0 counting as 0: [batch, ..., n] → [batch, ...]. */
export function meanSquaredLogarithmicError(options: LossOptions = {}): Loss {
  const logarithm = (x: Node): Node => log1p(maximum(x, epsilon));
  return averaged("MeanSquaredLogarithmicError", "meanSquaredLogarithmicError", options, (y, p) =>
    square(subtract(logarithm(y), logarithm(p))),
  );
}

/** Options of {@link huber}. */
export interface HuberOptions extends LossOptions {
  /** Distance up to which the error is squared; > 0. Default 1. */
  readonly delta?: number;
}

/**
 * Mean over the last axis of e²/2 where |e| ≤ delta, delta·|e| − delta²/2 beyond, with e = yTrue − yPred:
 * [batch, ..., n] → [batch, ...] (Huber, 1964).
 */
export function huber(options: HuberOptions = {}): Loss {
  return makeLoss("Huber", options, { delta: number(1, 0) }, ({ delta }) => (yTrue, yPred) => {
    const error = abs(subtract(...matched("huber", yTrue, yPred)));
    const beyond = subtract(multiply(error, delta), 0.5 * delta * delta);
    return meanOverLast(where(lessEqual(error, delta), multiply(square(error), 0.5), beyond));
  });
}

/** Mean over the last axis of ln cosh e = |e| + ln(1 + e^(−2|e|)) − ln 2, e = yPred − yTrue: [batch, ..., n] → [batch, ...]. */
export function logCosh(options: LossOptions = {}): Loss {
  return averaged("LogCosh", "logCosh", options, (y, p) => {
    const error = subtract(p, y);
    return subtract(add(error, softplus(multiply(error, -2))), Math.LN2);
  });
}

/**
 * Σ yTrue · ln(yTrue / yPred) over the last axis, both limited to [1e-7, 1]: [batch, ..., n] → [batch, ...]
 * (Kullback & Leibler, 1951).
 */
export function klDivergence(options: LossOptions = {}): Loss {
  return makeLoss<object>("KLDivergence", options, {}, () => (yTrue, yPred) => {
    const [y, p] = matched("klDivergence", yTrue, yPred).map((each) => clip(each, epsilon, 1)) as [Node, Node];
    return sum(multiply(y, log(divide(y, p))), y.shape.length === 0 ? [] : -1);
  });
}

/** Mean over the last axis of yPred − yTrue · ln(yPred + 1e-7): [batch, ..., n] → [batch, ...]; for counts. */
export function poisson(options: LossOptions = {}): Loss {
  return averaged("Poisson", "poisson", options, (y, p) => subtract(p, multiply(y, log(add(p, epsilon)))));
}

/** Options of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions extends LossOptions {
  /** The axis of the vectors. Default -1. */
  readonly axis?: number;
}

/**
 * −Σ yTrue·yPred / (|yTrue|·|yPred|) over `axis`: −1 for vectors of one direction, 1 for opposite ones.
 * [batch, ..., n] → [batch, ...]. Lengths below 1e-7 count as 1e-7.
 */
export function cosineSimilarity(options: CosineSimilarityOptions = {}): Loss {
  return makeLoss("CosineSimilarity", options, { axis: integer(-1) }, ({ axis }) => (yTrue, yPred) => {
    const [y, p] = matched("cosineSimilarity", yTrue, yPred);
    return negate(sum(multiply(normalized(y, axis), normalized(p, axis)), axis));
  });
}

/** x divided by its length along `axis`. The square root has no gradient at 0, so it is kept away from there. */
function normalized(x: Node, axis: number): Node {
  resolveAxes("cosineSimilarity", x.shape.length, axis);
  return divide(x, sqrt(maximum(sum(square(x), axis, true), epsilon * epsilon)));
}

// Margins -------------------------------------------------------------------------------------------------------------

/** Labels −1 and 1: those of a batch of only 0 and 1 are moved there, as Keras does. */
function signs(labels: Node): Node {
  const others = sum(multiply(square(labels), square(subtract(labels, 1))));
  return where(lessEqual(others, 0), subtract(multiply(labels, 2), 1), labels);
}

function margin(labels: Node, predictions: Node): Node {
  return maximum(subtract(1, multiply(signs(labels), predictions)), 0);
}

/** Mean over the last axis of max(1 − yTrue·yPred, 0): [batch, ..., n] → [batch, ...]. Labels −1, 1, or all of 0 and 1. */
export function hinge(options: LossOptions = {}): Loss {
  return averaged("Hinge", "hinge", options, margin);
}

/** Mean over the last axis of max(1 − yTrue·yPred, 0)²: [batch, ..., n] → [batch, ...]. Labels as for {@link hinge}. */
export function squaredHinge(options: LossOptions = {}): Loss {
  return averaged("SquaredHinge", "squaredHinge", options, (y, p) => square(margin(y, p)));
}

/** max(max_c (1 − y)·p − Σ y·p + 1, 0) over the last axis: one-hot y and p of one shape [batch, ..., classes] → [batch, ...]. */
export function categoricalHinge(options: LossOptions = {}): Loss {
  return makeLoss<object>("CategoricalHinge", options, {}, () => (yTrue, yPred) => {
    const [y, p] = matched("categoricalHinge", yTrue, yPred);
    const own = sum(multiply(y, p), -1);
    const best = max(multiply(subtract(1, y), p), -1);
    return maximum(add(subtract(best, own), 1), 0);
  });
}
