// How good are predictions above a threshold?

import { checkOptionsObject } from "../config.ts";
import { integer, nullOr, number, type OptionRule, oneOrMore } from "../optionRules.ts";
import { type Confusion, type ConfusionRule, confusionOf, confusionState, countBatch } from "./confusion.ts";
import { type Metric, type MetricParts, makeMetric, type Named, ratio } from "./metric.ts";

type Thresholds = number | readonly number[] | null;

/** Options of {@link truePositives} and the like. */
export interface ThresholdOptions<N extends string> extends Named<N> {
  /** Predictions above it are positive; in [0, 1]. A list gives a list of results. Default 0.5. */
  readonly thresholds?: Thresholds;
}

/** Options of {@link precision} and {@link recall}. */
export interface PrecisionOptions<N extends string> extends ThresholdOptions<N> {
  /** Only the largest k of each row can be positive; then there is no threshold unless one is given. Default null. */
  readonly topK?: number | null;
  /** Only this class of the last axis counts. Default null: all do. */
  readonly classId?: number | null;
}

const thresholdsRule: OptionRule<Thresholds> = /* @__PURE__ */ nullOr(
  /* @__PURE__ */ oneOrMore(/* @__PURE__ */ number(0.5, 0, 1)),
);

/** A metric that follows from the counts at each threshold: one number, or one for each where a list was given. */
function ofCounts(
  rule: Omit<ConfusionRule, "thresholds">,
  thresholds: Thresholds,
  value: (counts: { readonly [K in keyof Confusion]: number }) => number,
): MetricParts<typeof confusionState> {
  const given = thresholds ?? (rule.topK == null ? 0.5 : Number.NEGATIVE_INFINITY);
  const listed = typeof given === "number" ? [given] : given;
  const sorted = listed.toSorted((a, b) => a - b);
  const whole: ConfusionRule = { ...rule, thresholds: sorted };
  return {
    state: confusionState,
    update: (yTrue, yPred, sampleWeight) => ({ counts: countBatch(whole, yTrue, yPred, sampleWeight) }),
    result: ({ counts }) => {
      const found = confusionOf(whole, counts);
      const values = listed.map((threshold) => {
        const at = sorted.indexOf(threshold);
        const pick = (numbers: readonly number[]): number => numbers[at] as number;
        return value({
          truePositives: pick(found.truePositives),
          falsePositives: pick(found.falsePositives),
          trueNegatives: pick(found.trueNegatives),
          falseNegatives: pick(found.falseNegatives),
        });
      });
      return values.length === 1 ? (values[0] as number) : values;
    },
  };
}

/** Number of predictions above the threshold whose label is 1: labels and predictions of one shape. */
export function truePositives<const N extends string = "truePositives">(options: ThresholdOptions<N> = {}): Metric<N> {
  return counted("TruePositives", "truePositives", options);
}

/** Number of predictions not above the threshold whose label is 0. */
export function trueNegatives<const N extends string = "trueNegatives">(options: ThresholdOptions<N> = {}): Metric<N> {
  return counted("TrueNegatives", "trueNegatives", options);
}

/** Number of predictions above the threshold whose label is 0. */
export function falsePositives<const N extends string = "falsePositives">(
  options: ThresholdOptions<N> = {},
): Metric<N> {
  return counted("FalsePositives", "falsePositives", options);
}

/** Number of predictions not above the threshold whose label is 1. */
export function falseNegatives<const N extends string = "falseNegatives">(
  options: ThresholdOptions<N> = {},
): Metric<N> {
  return counted("FalseNegatives", "falseNegatives", options);
}

function counted<N extends string>(className: string, what: keyof Confusion, options: ThresholdOptions<N>): Metric<N> {
  return makeMetric(className, what, options, { thresholds: thresholdsRule }, ({ thresholds }) =>
    ofCounts({ name: what }, thresholds, (counts) => counts[what]),
  );
}

const precisionRules = {
  thresholds: thresholdsRule,
  topK: /* @__PURE__ */ nullOr(/* @__PURE__ */ integer(1, 1)),
  classId: /* @__PURE__ */ nullOr(/* @__PURE__ */ integer(0, 0)),
};

/** TP / (TP + FP): which share of the positive predictions is right. 0 when there are none. */
export function precision<const N extends string = "precision">(options: PrecisionOptions<N> = {}): Metric<N> {
  return makeMetric("Precision", "precision", options, precisionRules, ({ thresholds, topK, classId }) =>
    ofCounts({ name: "precision", topK, classId }, thresholds, (counts) =>
      ratio(counts.truePositives, counts.truePositives + counts.falsePositives),
    ),
  );
}

/** TP / (TP + FN): which share of the positive labels is found. 0 when there are none. */
export function recall<const N extends string = "recall">(options: PrecisionOptions<N> = {}): Metric<N> {
  return makeMetric("Recall", "recall", options, precisionRules, ({ thresholds, topK, classId }) =>
    ofCounts({ name: "recall", topK, classId }, thresholds, (counts) =>
      ratio(counts.truePositives, counts.truePositives + counts.falseNegatives),
    ),
  );
}

// The best value under a condition ------------------------------------------------------------------------------------

/** Options of {@link sensitivityAtSpecificity} and the like. */
export interface ConstraintOptions<N extends string> extends Named<N> {
  /** How many thresholds are tried, evenly from 0 to 1; only ½ for one. Default 200. */
  readonly numThresholds?: number;
  /** Only this class of the last axis counts. Default null: all do. */
  readonly classId?: number | null;
}

type Rate = (counts: Confusion, at: number) => number;
const at = (numbers: readonly number[], index: number): number => numbers[index] as number;
const sensitivity: Rate = (counts, index) =>
  ratio(at(counts.truePositives, index), at(counts.truePositives, index) + at(counts.falseNegatives, index));
const specificity: Rate = (counts, index) =>
  ratio(at(counts.trueNegatives, index), at(counts.trueNegatives, index) + at(counts.falsePositives, index));
const exactness: Rate = (counts, index) =>
  ratio(at(counts.truePositives, index), at(counts.truePositives, index) + at(counts.falsePositives, index));

/** The largest `wanted` over all thresholds where `condition` is at least the option named `least`. */
function bestUnder<N extends string, K extends string>(
  className: string,
  name: string,
  options: ConstraintOptions<N> & Readonly<Record<K, number>>,
  least: K,
  [wanted, condition]: readonly [Rate, Rate],
): Metric<N> {
  const rules = {
    [least]: number(Number.NaN, 0, 1),
    numThresholds: integer(200, 1),
    classId: nullOr(integer(0, 0)),
  } as Record<K, OptionRule<number>> & {
    readonly numThresholds: OptionRule<number>;
    readonly classId: OptionRule<number | null>;
  };
  checkOptionsObject(name, options);
  rules[least].check(`${name}.${least}`, options[least]);
  return makeMetric(className, name, options, rules, (settings): MetricParts<typeof confusionState> => {
    const { numThresholds, classId } = settings as { numThresholds: number; classId: number | null };
    const bound = (settings as Record<K, number>)[least];
    const rule: ConfusionRule = { name, classId, thresholds: numThresholds === 1 ? [0.5] : numThresholds };
    return {
      state: confusionState,
      update: (yTrue, yPred, sampleWeight) => ({ counts: countBatch(rule, yTrue, yPred, sampleWeight) }),
      result: ({ counts }) => {
        const found = confusionOf(rule, counts);
        const rates = found.truePositives.map((_, index) =>
          condition(found, index) >= bound ? wanted(found, index) : 0,
        );
        return rates.reduce((best, rate) => Math.max(best, rate));
      },
    };
  });
}

/** The best recall at a threshold where TN / (TN + FP) ≥ specificity; 0 if there is none. */
export function sensitivityAtSpecificity<const N extends string = "sensitivityAtSpecificity">(
  options: ConstraintOptions<N> & { readonly specificity: number },
): Metric<N> {
  const rates = [sensitivity, specificity] as const;
  return bestUnder("SensitivityAtSpecificity", "sensitivityAtSpecificity", options, "specificity", rates);
}

/** The best TN / (TN + FP) at a threshold where the recall is ≥ sensitivity; 0 if there is none. */
export function specificityAtSensitivity<const N extends string = "specificityAtSensitivity">(
  options: ConstraintOptions<N> & { readonly sensitivity: number },
): Metric<N> {
  const rates = [specificity, sensitivity] as const;
  return bestUnder("SpecificityAtSensitivity", "specificityAtSensitivity", options, "sensitivity", rates);
}

/** The best precision at a threshold where the recall is ≥ recall; 0 if there is none. */
export function precisionAtRecall<const N extends string = "precisionAtRecall">(
  options: ConstraintOptions<N> & { readonly recall: number },
): Metric<N> {
  return bestUnder("PrecisionAtRecall", "precisionAtRecall", options, "recall", [exactness, sensitivity]);
}

/** The best recall at a threshold where the precision is ≥ precision; 0 if there is none. */
export function recallAtPrecision<const N extends string = "recallAtPrecision">(
  options: ConstraintOptions<N> & { readonly precision: number },
): Metric<N> {
  return bestUnder("RecallAtPrecision", "recallAtPrecision", options, "precision", [sensitivity, exactness]);
}
