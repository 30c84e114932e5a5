// Which predictions are right and wrong above a threshold, and how many?
//
// Predictions are sorted into the gaps between the thresholds, and only those are counted, apart for both labels: one
// addition an element, however many thresholds there are. What lies above a threshold is a sum over the gaps behind it.

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { toSameRank } from "../losses/shapes.ts";
import { gather, scatterAdd } from "../ops/gather.ts";
import {
  add,
  asFloat,
  cast,
  ceil,
  full,
  greater,
  less,
  maximum,
  minimum,
  multiply,
  notEqual,
  sigmoid,
  where,
} from "../ops/map.ts";
import { sum } from "../ops/reduce.ts";
import { rankOf } from "../ops/sort.ts";
import { expandDims, reshape } from "../ops/view.ts";
import { sameShape } from "../tensor.ts";
import { withWeights } from "./metric.ts";

type Node = SymbolicTensor;

/** Counts of predictions, one entry for each threshold. */
export interface Confusion {
  readonly truePositives: readonly number[];
  readonly falsePositives: readonly number[];
  readonly trueNegatives: readonly number[];
  readonly falseNegatives: readonly number[];
}

/** What is counted. */
export interface ConfusionRule {
  readonly name: string;
  /**
   * Ascending; a prediction is positive above its threshold. A number n: n thresholds evenly from 0 to 1, above which no
   * prediction is.
   */
  readonly thresholds: readonly number[] | number;
  /** With a number of thresholds: the first lies below 0, so that predictions of 0 are above it. Default false. */
  readonly fromBelow?: boolean;
  /** Only the largest k of each row can be positive. */
  readonly topK?: number | null;
  /** Only this entry of the last axis counts. */
  readonly classId?: number | null;
  /** Predictions are logits. */
  readonly fromLogits?: boolean;
  /** Count each entry of the last axis by itself. */
  readonly multiLabel?: boolean;
  /** Factor of each entry of the last axis. */
  readonly labelWeights?: readonly number[] | null;
}

/** The state of all metrics that count predictions: for each label, gap and truth how many there are. */
export const confusionState = { counts: ["sum"] } as const;

function thresholdCount({ thresholds }: ConfusionRule): number {
  return typeof thresholds === "number" ? thresholds : thresholds.length;
}

/** The counts of one batch: [labels · gaps · 2]. */
export function countBatch(rule: ConfusionRule, yTrue: Node, yPred: Node, sampleWeight: Node | undefined): Node {
  const [truths, predictions] = toSameRank(asFloat(yTrue), asFloat(yPred));
  check(sameShape(truths.shape, predictions.shape), "shape", () => ({
    where: errorPlace(rule.name),
    expected: `labels of the shape of the predictions, [${predictions.shape.join(", ")}]`,
    received: `[${truths.shape.join(", ")}]`,
    remedy: "Give one label, 0 or 1, for each prediction.",
  }));
  const { classId = null, topK = null, multiLabel = false, labelWeights = null } = rule;
  const last = predictions.shape[predictions.shape.length - 1] ?? 1;
  const certain = rule.fromLogits === true ? sigmoid(predictions) : predictions;
  const chances = topK === null ? certain : where(amongLargest(certain, topK), certain, Number.NEGATIVE_INFINITY);
  const chosen = (x: Node): Node => {
    if (classId === null) return x;
    check(classId < last, "option", () => ({
      where: `${rule.name}.classId`,
      expected: `a class below ${last}`,
      received: String(classId),
    }));
    return gather(x, Int32Array.of(classId), -1);
  };
  const [y, p] = [chosen(truths), chosen(chances)];
  const given = withWeights(y, sampleWeight)?.weights;
  const weights = labelWeights === null || multiLabel ? given : multiply(given ?? full(y.shape, 1), [...labelWeights]);
  const gaps = thresholdCount(rule) + 1;
  const labels = multiLabel ? last : 1;
  const gap = gapOf(p, rule);
  const offsets = Int32Array.from({ length: labels }, (_, label) => label * gaps);
  const place = add(multiply(multiLabel ? add(gap, offsets) : gap, 2), cast(notEqual(y, 0), "int32"));
  const rows = reshape(weights ?? full(y.shape, 1), [y.size, 1]);
  return reshape(scatterAdd(rows, place, labels * gaps * 2), [labels * gaps * 2]);
}

/** How many thresholds lie below a prediction: int32 of its shape. */
function gapOf(p: Node, { thresholds, fromBelow = false }: ConfusionRule): Node {
  if (typeof thresholds === "number") {
    const steps = thresholds - 1;
    return cast(minimum(maximum(ceil(multiply(p, steps)), fromBelow ? 1 : 0), steps), "int32");
  }
  if (thresholds.length === 1) return cast(greater(p, thresholds[0] as number), "int32");
  return sum(cast(greater(expandDims(p, -1), Float32Array.from(thresholds)), "int32"), -1);
}

/** Whether each element is among the `k` largest of its row; of equal ones the first are. */
function amongLargest(x: Node, k: number): Node {
  return less(rankOf(x), k);
}

/** The counts at each threshold, for label `label`. */
export function confusionOf(rule: ConfusionRule, counts: readonly number[], label = 0): Confusion {
  const thresholds = thresholdCount(rule);
  const first = label * (thresholds + 1) * 2;
  const above = (truth: number): number[] => {
    const sums = new Array<number>(thresholds + 1).fill(0);
    for (let gap = thresholds - 1; gap >= 0; gap--)
      sums[gap] = (sums[gap + 1] as number) + (counts[first + (gap + 1) * 2 + truth] as number);
    return sums;
  };
  const total = (truth: number): number => (above(truth)[0] as number) + (counts[first + truth] as number);
  const [negatives, positives] = [above(0).slice(0, thresholds), above(1).slice(0, thresholds)];
  const [allNegatives, allPositives] = [total(0), total(1)];
  return {
    truePositives: positives,
    falsePositives: negatives,
    trueNegatives: negatives.map((each) => allNegatives - each),
    falseNegatives: positives.map((each) => allPositives - each),
  };
}
