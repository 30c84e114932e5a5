// How much of the data does a prediction explain?

import type { SymbolicTensor } from "../graph.ts";
import { epsilon, matched } from "../losses/shapes.ts";
import { concat } from "../ops/copy.ts";
import { add, asFloat, divide, maximum, multiply, notEqual, sqrt, square, subtract, where } from "../ops/map.ts";
import { mean as meanOver, sum as sumOver } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import { integer, nullOr, type OptionRule, oneOf } from "../optionRules.ts";
import { sizeOf } from "../tensor.ts";
import { type Metric, type MetricParts, makeMetric, meanOf, type Named, ratio, withWeights } from "./metric.ts";

type Node = SymbolicTensor;

/** The (weighted) mean of plain values: for {@link meter}, not for `compile`. */
export function mean<const N extends string = "mean">(options: Named<N> = {}): Metric<N> {
  return makeMetric("Mean", "mean", options, {}, () => ({ ...meanOf((values) => values), takes: "values" }));
}

/** The (weighted) sum of plain values: for {@link meter}, not for `compile`. */
export function sum<const N extends string = "sum">(options: Named<N> = {}): Metric<N> {
  return makeMetric("Sum", "sum", options, {}, () => ({
    takes: "values",
    state: { total: "sum" } as const,
    update: (values, _, sampleWeight) => {
      const weighted = withWeights(asFloat(values), sampleWeight);
      return { total: weighted === undefined ? values : multiply(weighted.values, weighted.weights) };
    },
    result: ({ total }) => total,
  }));
}

/** Options of {@link r2Score}. */
export interface R2ScoreOptions<N extends string> extends Named<N> {
  /**
   * How the values of the outputs become one: their mean, or weighted by how much each varies; null gives a list. Default
   * "uniformAverage". Keras' snake_case is accepted.
   */
  readonly classAggregation?:
    | "uniformAverage"
    | "varianceWeightedAverage"
    | "uniform_average"
    | "variance_weighted_average"
    | null;
  /**
   * Number of explaining variables p: adjusts R² to 1 − (1 − R²)·(n − 1)/(n − p − 1), n being the number of samples of a
   * weight other than 0, where n > p + 1; 0 for not at all. Default 0.
   */
  readonly numRegressors?: number;
}

const r2State = {
  squares: ["sum"],
  sums: ["sum"],
  residuals: ["sum"],
  least: ["min"],
  largest: ["max"],
  weight: "sum",
  samples: "sum",
} as const;

type Aggregation = NonNullable<R2ScoreOptions<string>["classAggregation"]>;
const aggregation: OptionRule<Aggregation | null> = /* @__PURE__ */ (() => ({
  ...nullOr(
    oneOf<Aggregation>("uniformAverage", [
      "uniformAverage",
      "varianceWeightedAverage",
      "uniform_average",
      "variance_weighted_average",
    ]),
  ),
  initial: "uniformAverage" as const,
}))();

/**
 * 1 − Σ (yTrue − yPred)² / Σ (yTrue − mean yTrue)²: the share of the variance that is explained; 1 is perfect, 0 as good as
 * the mean, and what there is for targets that do not vary. Both [batch, outputs] or [batch]. From sums in float64 of exact
 * squares, so that large means do not spoil it; with weights other than 0 and 1 each term is rounded to float32. Of no
 * samples it is NaN, as in Keras.
 */
export function r2Score<const N extends string = "r2Score">(options: R2ScoreOptions<N> = {}): Metric<N> {
  const rules = { classAggregation: aggregation, numRegressors: integer(0, 0) };
  return makeMetric(
    "R2Score",
    "r2Score",
    options,
    rules,
    ({ classAggregation, numRegressors }): MetricParts<typeof r2State> => ({
      state: r2State,
      update: (yTrue, yPred, sampleWeight) => {
        const [y, p] = matched("r2Score", yTrue, yPred).map((each) =>
          reshape(each, [each.shape[0] ?? 1, sizeOf(each.shape.slice(1))]),
        ) as [Node, Node];
        const rows = y.shape[0] as number;
        const residuals = square(subtract(y, p));
        const squares = exactSquares(y);
        if (sampleWeight === undefined)
          return { squares, sums: y, residuals, least: y, largest: y, weight: rows, samples: rows };
        const weights = reshape(asFloat(sampleWeight), [rows, 1]);
        const counts = notEqual(weights, 0);
        return {
          squares: multiply(squares, concat([weights, weights, weights])),
          sums: multiply(y, weights),
          residuals: multiply(residuals, weights),
          least: where(counts, y, Number.POSITIVE_INFINITY),
          largest: where(counts, y, Number.NEGATIVE_INFINITY),
          weight: weights,
          samples: asFloat(counts),
        };
      },
      result: ({ squares, sums, residuals, least, largest, weight, samples }) => {
        if (samples === 0) return classAggregation === null ? squares.map(() => Number.NaN) : Number.NaN;
        const totals = squares.map((total, output) =>
          (least[output] as number) < (largest[output] as number)
            ? total - ratio((sums[output] as number) * (sums[output] as number), weight)
            : 0,
        );
        const scores = totals.map((total, output) => (total === 0 ? 0 : 1 - (residuals[output] as number) / total));
        const free = samples - numRegressors - 1;
        const adjusted = (score: number): number =>
          numRegressors === 0 || free <= 0 ? score : 1 - ((1 - score) * (samples - 1)) / free;
        if (classAggregation === null) return scores.map(adjusted);
        if (classAggregation.startsWith("uniform")) return adjusted(total(scores) / scores.length);
        return adjusted(ratio(total(scores.map((score, output) => score * (totals[output] as number))), total(totals)));
      },
    }),
  );
}

/** Three addends of y² [rows, n] that float32 holds exactly: those of the halves of its digits (Dekker, 1971). */
function exactSquares(y: Node): Node {
  const scaled = multiply(y, 2 ** 12 + 1);
  const high = subtract(scaled, subtract(scaled, y));
  const low = subtract(y, high);
  return concat([square(high), multiply(multiply(high, low), 2), square(low)], 0);
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((left, right) => left + right, 0);
}

// Correlations --------------------------------------------------------------------------------------------------------

/** Options of {@link pearsonCorrelation} and {@link concordanceCorrelation}. */
export interface CorrelationOptions<N extends string> extends Named<N> {
  /** The axis along which they are compared. Default -1. */
  readonly axis?: number;
}

interface Moments {
  /** Mean of the product of deviations, of the squared ones, and the difference of the means. */
  readonly shared: Node;
  readonly ofTrue: Node;
  readonly ofPred: Node;
  readonly shift: Node;
}

function moments(name: string, yTrue: Node, yPred: Node, axis: number): Moments {
  const [y, p] = matched(name, yTrue, yPred);
  const [yMean, pMean] = [meanOver(y, axis, true), meanOver(p, axis, true)];
  const [dy, dp] = [subtract(y, yMean), subtract(p, pMean)];
  return {
    shared: meanOver(multiply(dy, dp), axis),
    ofTrue: meanOver(square(dy), axis),
    ofPred: meanOver(square(dp), axis),
    shift: sumOver(subtract(pMean, yMean), axis),
  };
}

/** Mean over samples of the covariance over the deviations, along `axis`: from −1 to 1 (Pearson, 1895). */
export function pearsonCorrelation<const N extends string = "pearsonCorrelation">(
  options: CorrelationOptions<N> = {},
): Metric<N> {
  const name = "pearsonCorrelation";
  return makeMetric("PearsonCorrelation", name, options, { axis: integer(-1) }, ({ axis }) =>
    meanOf((yTrue, yPred) => {
      const { shared, ofTrue, ofPred } = moments(name, yTrue, yPred, axis);
      return divide(shared, maximum(sqrt(multiply(ofTrue, ofPred)), epsilon));
    }),
  );
}

/** Mean over samples of 2·cov / (var + var + (mean − mean)²), along `axis`: agreement, not only likeness (Lin, 1989). */
export function concordanceCorrelation<const N extends string = "concordanceCorrelation">(
  options: CorrelationOptions<N> = {},
): Metric<N> {
  const name = "concordanceCorrelation";
  return makeMetric("ConcordanceCorrelation", name, options, { axis: integer(-1) }, ({ axis }) =>
    meanOf((yTrue, yPred) => {
      const { shared, ofTrue, ofPred, shift } = moments(name, yTrue, yPred, axis);
      return divide(multiply(shared, 2), add(add(ofTrue, ofPred), add(square(shift), epsilon)));
    }),
  );
}
