// How well do regions, groups and classes fit each other?

import type { SymbolicTensor } from "../graph.ts";
import { add, divide, multiply, subtract } from "../ops/map.ts";
import { sum } from "../ops/reduce.ts";
import { integer, nullOr, number, type OptionRule, oneOrMore } from "../optionRules.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";
import { epsilon, matched } from "./shapes.ts";

type Node = SymbolicTensor;
type Axis = number | readonly number[] | null;

const axisRule: OptionRule<Axis> = /* @__PURE__ */ nullOr(/* @__PURE__ */ oneOrMore(/* @__PURE__ */ integer(-1)));

/** Options of {@link dice}. */
export interface DiceOptions extends LossOptions {
  /** The axes that hold one region. Default null: all of them, the batch too. */
  readonly axis?: Axis;
}

/** Options of {@link tversky}. */
export interface TverskyOptions extends DiceOptions {
  /** Weight of what is predicted but not there (false positives). Default 0.5. */
  readonly alpha?: number;
  /** Weight of what is there but not predicted (false negatives). Default 0.5. */
  readonly beta?: number;
}

/** Σ x over the axes of a region. */
function over(x: Node, axis: Axis): Node {
  return axis === null ? sum(x) : sum(x, axis);
}

/**
 * 1 − 2·Σ y·p / (Σ y + Σ p + 1e-7), over `axis`: shares y and p of one shape → the axes that are left; 1 where nothing is
 * there (Milletari et al., 2016).
 */
export function dice(options: DiceOptions = {}): Loss {
  return makeLoss("Dice", options, { axis: axisRule }, ({ axis }) => (yTrue, yPred) => {
    const [y, p] = matched("dice", yTrue, yPred);
    const shared = multiply(over(multiply(y, p), axis), 2);
    const all = add(over(y, axis), over(p, axis));
    return subtract(1, divide(shared, add(all, epsilon)));
  });
}

/**
 * 1 − Σ y·p / (Σ y·p + alpha·Σ (1 − y)·p + beta·Σ y·(1 − p) + 1e-7), over `axis`: shares y and p of one shape → the axes
 * that are left; 1 where nothing is there (Salehi et al., 2017).
 */
export function tversky(options: TverskyOptions = {}): Loss {
  const rules = { alpha: number(0.5, 0), beta: number(0.5, 0), axis: axisRule };
  return makeLoss("Tversky", options, rules, ({ alpha, beta, axis }) => (yTrue, yPred) => {
    const [y, p] = matched("tversky", yTrue, yPred);
    const shared = over(multiply(y, p), axis);
    const onlyPredicted = multiply(over(multiply(subtract(1, y), p), axis), alpha);
    const onlyThere = multiply(over(multiply(y, subtract(1, p)), axis), beta);
    const all = add(add(shared, onlyPredicted), onlyThere);
    return subtract(1, divide(shared, add(all, epsilon)));
  });
}
