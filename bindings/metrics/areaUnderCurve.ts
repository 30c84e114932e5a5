// How large is the area under the curve of right and wrong predictions, over all thresholds?

import { check } from "../errors.ts";
import { flag, integer, listOf, nullOr, number, oneOf } from "../optionRules.ts";
import { type Confusion, type ConfusionRule, confusionOf, confusionState, countBatch } from "./confusion.ts";
import { type Metric, type MetricParts, makeMetric, type Named, ratio } from "./metric.ts";

/** Options of {@link auc}. */
export interface AucOptions<N extends string> extends Named<N> {
  /** How many thresholds there are, evenly from 0 to 1; ≥ 2. Default 200. */
  readonly numThresholds?: number;
  /** The thresholds between 0 and 1, instead of even ones. Default null. */
  readonly thresholds?: readonly number[] | null;
  /** "ROC": recall over the share of false alarms; "PR": precision over recall. Default "ROC". */
  readonly curve?: "ROC" | "PR";
  /**
   * How the area between two thresholds is taken: "interpolation" (trapezoids; for PR as Davis & Goadrich, 2006), or from
   * the smaller ("minoring") or larger side ("majoring"). Default "interpolation".
   */
  readonly summationMethod?: "interpolation" | "minoring" | "majoring";
  /** One curve for each entry of the last axis, and the mean of their areas. Default false. */
  readonly multiLabel?: boolean;
  /** Number of entries of the last axis, for Keras' configurations: it follows from the data. Default null. */
  readonly numLabels?: number | null;
  /** Weight of each entry of the last axis. Default null. */
  readonly labelWeights?: readonly number[] | null;
  /** Predictions are logits. Default false. */
  readonly fromLogits?: boolean;
}

/**
 * The area under the curve of a binary classifier: 1 is perfect; for "ROC" 0.5 is chance. Labels 0 and 1 and predictions
 * in [0, 1], of one shape. Approximated between `numThresholds` thresholds (Riemann sum).
 */
export function auc<const N extends string = "auc">(options: AucOptions<N> = {}): Metric<N> {
  const rules = {
    numThresholds: integer(200, 2),
    curve: oneOf("ROC", ["ROC", "PR"]),
    summationMethod: oneOf("interpolation", ["interpolation", "minoring", "majoring"]),
    multiLabel: flag(false),
    numLabels: nullOr(integer(1, 1)),
    labelWeights: nullOr(listOf(number(1, 0))),
    fromLogits: flag(false),
    thresholds: nullOr(listOf(number(0.5, 0, 1))),
  };
  return makeMetric("AUC", "auc", options, rules, (settings): MetricParts<typeof confusionState> => {
    const { numThresholds, thresholds, curve, summationMethod, multiLabel, labelWeights, fromLogits } = settings;
    check(multiLabel || settings.numLabels === null, "option", () => ({
      where: "auc.numLabels",
      expected: "null, unless multiLabel is true",
      received: String(settings.numLabels),
    }));
    const inner = thresholds?.toSorted((a, b) => a - b);
    const rule: ConfusionRule = {
      name: "auc",
      thresholds: inner === undefined ? numThresholds : [-1e-7, ...inner, 1 + 1e-7],
      fromBelow: true,
      fromLogits,
      multiLabel,
      labelWeights,
    };
    const count = inner === undefined ? numThresholds : inner.length + 2;
    const area = (found: Confusion): number =>
      curve === "PR" && summationMethod === "interpolation"
        ? interpolatedPrecision(found)
        : riemannSum(pointsOf(found, curve), summationMethod);
    return {
      state: confusionState,
      update: (yTrue, yPred, sampleWeight) => ({ counts: countBatch(rule, yTrue, yPred, sampleWeight) }),
      result: ({ counts }) => {
        if (!multiLabel) return area(confusionOf(rule, counts));
        const labels = counts.length / (2 * (count + 1));
        const weights = labelWeights ?? new Array<number>(labels).fill(1);
        const areas = weights.map((weight, label) => weight * area(confusionOf(rule, counts, label)));
        return ratio(total(areas), total(weights));
      },
    };
  });
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

interface Points {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

function pointsOf({ truePositives, falsePositives, trueNegatives, falseNegatives }: Confusion, curve: string): Points {
  const at = (numbers: readonly number[], index: number): number => numbers[index] as number;
  const recalls = truePositives.map((hits, index) => ratio(hits, hits + at(falseNegatives, index)));
  if (curve === "PR")
    return { x: recalls, y: truePositives.map((hits, index) => ratio(hits, hits + at(falsePositives, index))) };
  return { x: falsePositives.map((alarms, index) => ratio(alarms, alarms + at(trueNegatives, index))), y: recalls };
}

function riemannSum({ x, y }: Points, method: string): number {
  let area = 0;
  for (let index = 0; index + 1 < x.length; index++) {
    const [left, right] = [y[index] as number, y[index + 1] as number];
    const mean = (left + right) / 2;
    const height =
      method === "interpolation" ? mean : method === "minoring" ? Math.min(left, right) : Math.max(left, right);
    area += ((x[index] as number) - (x[index + 1] as number)) * height;
  }
  return area;
}

/**
 * The area under precision over recall with true positives taken as linear in all positives between two thresholds:
 * ∫ (slope + intercept / P) dTP (Davis & Goadrich, 2006, section 4).
 */
function interpolatedPrecision({ truePositives, falsePositives, falseNegatives }: Confusion): number {
  let area = 0;
  for (let index = 0; index + 1 < truePositives.length; index++) {
    const [hits, next] = [truePositives[index] as number, truePositives[index + 1] as number];
    const [all, rest] = [hits + (falsePositives[index] as number), next + (falsePositives[index + 1] as number)];
    const slope = ratio(hits - next, Math.max(all - rest, 0));
    const intercept = next - slope * rest;
    const quotient = all > 0 && rest > 0 ? all / rest : 1;
    const part = slope * (hits - next + intercept * Math.log(quotient));
    area += ratio(part, Math.max(next + (falseNegatives[index + 1] as number), 0));
  }
  return area;
}
