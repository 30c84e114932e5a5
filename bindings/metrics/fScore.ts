// How good are precision and recall together?

import { check } from "../errors.ts";
import { errorPlace } from "../graph.ts";
import { epsilon, matched } from "../losses/shapes.ts";
import { abs, add, asFloat, cast, greater, greaterEqual, logicalAnd, multiply, subtract } from "../ops/map.ts";
import { max } from "../ops/reduce.ts";
import { nullOr, number, oneOf } from "../optionRules.ts";
import { type Metric, type MetricParts, makeMetric, type Named, withWeights } from "./metric.ts";

/** Options of {@link f1Score}. */
export interface F1ScoreOptions<N extends string> extends Named<N> {
  /**
   * How the values of the classes become one: "micro" counts all classes together, "macro" takes their mean, "weighted"
   * weighs them by their labels; null gives a list. Default null, as in Keras.
   */
  readonly average?: "micro" | "macro" | "weighted" | null;
  /** Predictions above it are positive. Default null: the largest of each row is. */
  readonly threshold?: number | null;
}

/** Options of {@link fBetaScore}. */
export interface FBetaScoreOptions<N extends string> extends F1ScoreOptions<N> {
  /** How many times recall matters as much as precision. Default 1. */
  readonly beta?: number;
}

type Average = NonNullable<F1ScoreOptions<string>["average"]> | null;

const f1Rules = {
  average: /* @__PURE__ */ nullOr(/* @__PURE__ */ oneOf<NonNullable<Average>>("macro", ["micro", "macro", "weighted"])),
  threshold: /* @__PURE__ */ nullOr(/* @__PURE__ */ number(0.5, epsilon, 1)),
};

/** The harmonic mean of precision and recall: {@link fBetaScore} with beta 1. Labels and predictions [batch, classes]. */
export function f1Score<const N extends string = "f1Score">(options: F1ScoreOptions<N> = {}): Metric<N> {
  return makeMetric("F1Score", "f1Score", options, f1Rules, (settings) => scoreParts("f1Score", 1, settings));
}

/** (1 + β²)·precision·recall / (β²·precision + recall) of each class. Labels and predictions [batch, classes]. */
export function fBetaScore<const N extends string = "fBetaScore">(options: FBetaScoreOptions<N> = {}): Metric<N> {
  const rules = { ...f1Rules, beta: number(1, epsilon) };
  return makeMetric("FBetaScore", "fBetaScore", options, rules, (settings) =>
    scoreParts("fBetaScore", settings.beta, settings),
  );
}

function scoreParts(
  name: string,
  beta: number,
  { average, threshold }: { readonly average: Average; readonly threshold: number | null },
): MetricParts<typeof scoreState> {
  return {
    state: scoreState,
    update: (yTrue, yPred, sampleWeight) => {
      const [labels, predictions] = matched(name, yTrue, yPred);
      check(labels.shape.length === 2, "shape", () => ({
        where: errorPlace(name),
        expected: "labels and predictions of shape [batch, classes]",
        received: `[${labels.shape.join(", ")}]`,
      }));
      const chosen =
        threshold === null
          ? logicalAnd(greaterEqual(predictions, max(predictions, -1, true)), greater(abs(predictions), 1e-9))
          : greater(predictions, threshold);
      const positive = cast(chosen, "float32");
      const weights = withWeights(labels, sampleWeight)?.weights;
      const weighted = weights === undefined ? labels : multiply(labels, weights);
      const hits = multiply(positive, weighted);
      return {
        hits,
        chosen:
          weights === undefined ? positive : add(hits, multiply(multiply(positive, subtract(1, labels)), weights)),
        wanted: asFloat(weighted),
      };
    },
    result: (state) => {
      const micro = average === "micro";
      const sums = (numbers: readonly number[]): readonly number[] => (micro ? [total(numbers)] : numbers);
      const [hits, chosen, wanted] = [sums(state.hits), sums(state.chosen), sums(state.wanted)];
      const scores = hits.map((hit, index) => {
        const precision = hit / ((chosen[index] as number) + epsilon);
        const recall = hit / ((wanted[index] as number) + epsilon);
        return ((1 + beta * beta) * precision * recall) / (beta * beta * precision + recall + epsilon);
      });
      if (average === null) return scores;
      if (average !== "weighted") return total(scores) / scores.length;
      const all = total(wanted) + epsilon;
      return total(scores.map((score, index) => (score * (wanted[index] as number)) / all));
    },
  };
}

const scoreState = { hits: ["sum"], chosen: ["sum"], wanted: ["sum"] } as const;

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
