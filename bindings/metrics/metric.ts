// What is a metric? Numbers that are summed up from batch to batch, and what follows from them.

import { type Config, checkDefinition } from "../config.ts";
import { check, show } from "../errors.ts";
import type { Operand, SymbolicTensor } from "../graph.ts";
import { expandedToMatch } from "../losses/loss.ts";
import type { Combination } from "../ops/accumulate.ts";
import { asFloat, broadcastTo, multiply } from "../ops/map.ts";
import { configOf, type OptionRules, settle } from "../optionRules.ts";

type Node = SymbolicTensor;

/**
 * The numbers that a metric keeps over an epoch, and how those of a batch are joined to them: `"sum"` for one number,
 * `["sum"]` for a list of them. All are float64: counts are exact up to 2⁵³.
 */
export type StateRules = Readonly<Record<string, Combination | readonly [Combination]>>;

/** What a batch brings: any shape for one number, all of its elements being joined; [..., n] for a list of n. */
export type Amounts<R extends StateRules> = { readonly [K in keyof R]: Operand };

/** The state of a metric: a number, or a list of numbers. */
export type StateOf<R extends StateRules> = {
  readonly [K in keyof R]: R[K] extends readonly unknown[] ? readonly number[] : number;
};

/** A metric: exact over an epoch, however it is cut into batches. Made by {@link defineMetric}. */
export interface Metric<N extends string = string> {
  /** Its class in Keras. */
  readonly className: string;
  /** Key in logs and histories. */
  readonly name: N;
  /** Its options as Keras writes them. */
  readonly config: Config;
  /** Whether it takes labels and predictions, or plain values in place of the labels. */
  readonly takes: "predictions" | "values";
  /** The numbers that it keeps over an epoch. */
  readonly state: StateRules;
  /** What a batch brings to the state, in ops. */
  update(yTrue: Node, yPred: Node, sampleWeight?: Node): Readonly<Record<string, Operand>>;
  /** The value of the metric, from the state so far. */
  result(state: Readonly<Record<string, number | readonly number[]>>): number | readonly number[];
}

/** What {@link defineMetric} needs to know. */
export interface MetricDefinition<N extends string, R extends StateRules> {
  /** Key in logs and histories. */
  readonly name: N;
  /** The numbers that it keeps over an epoch, and how those of a batch are joined to them. */
  readonly state: R;
  /** What a batch brings to the state: one entry for each, in ops. `sampleWeight` is given for `weightedMetrics`. */
  readonly update: (yTrue: Node, yPred: Node, sampleWeight?: Node) => Amounts<R>;
  /** The value of the metric, a plain function of plain numbers. */
  readonly result: (state: StateOf<R>) => number;
}

/**
 * A metric of your own. What a batch brings is computed inside the training step; the result only when it is looked at.
 *
 * ```ts
 * const worst = defineMetric({
 *   name: "worst",
 *   state: { worst: "max" },
 *   update: (yTrue, yPred) => ({ worst: ops.abs(ops.subtract(yTrue, yPred)) }),
 *   result: ({ worst }) => worst,
 * });
 * ```
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineMetric<const N extends string, const R extends StateRules>(
  definition: MetricDefinition<N, R>,
): Metric<N> {
  const parts = { name: "string", state: "object", update: "function", result: "function" } as const;
  checkDefinition("defineMetric", definition, parts);
  const { name, state, update, result } = definition;
  return metricOf("", name, {}, { state, update, result });
}

/** The parts of a metric that differ from one to the next. */
export interface MetricParts<R extends StateRules> {
  readonly takes?: "values";
  readonly state: R;
  readonly update: (yTrue: Node, yPred: Node, sampleWeight?: Node) => Amounts<R>;
  readonly result: (state: StateOf<R>) => number | readonly number[];
}

/** The metric of these parts. */
export function metricOf<N extends string, R extends StateRules>(
  className: string,
  name: N,
  config: Config,
  { takes, state, update, result }: MetricParts<R>,
): Metric<N> {
  return Object.freeze({
    className,
    name,
    config: Object.freeze({ name, ...config }),
    takes: takes ?? "predictions",
    state,
    update,
    result: result as Metric["result"],
  });
}

/** The option that every metric has. */
export interface Named<N extends string> {
  /** Key in logs and histories. Default: the name of the metric. */
  readonly name?: N;
}

/** The metric `className` of the options `given`, which have `rules`. */
export function makeMetric<N extends string, S extends object, R extends StateRules>(
  className: string,
  defaultName: string,
  given: Named<N>,
  rules: OptionRules<S>,
  parts: (settings: NoInfer<S>) => MetricParts<R>,
): Metric<N> {
  const settings = settle(defaultName, given, rules, ["name"]);
  const { name = defaultName as N } = given;
  checkName(defaultName, name);
  return metricOf(className, name, configOf(settings), parts(settings));
}

/** @throws {TensorError} `option` unless `name`, an option of the metric `where`, is a text that is not empty. */
export function checkName(where: string, name: unknown): void {
  check(typeof name === "string" && name !== "", "option", () => ({
    where: `${where}.name`,
    expected: "a name",
    received: show(name),
  }));
}

// Means ---------------------------------------------------------------------------------------------------------------

const meanState = { total: "sum", count: "sum" } as const;

/** The mean of values, weighted by the samples they belong to. */
export function meanOf(
  values: (yTrue: Node, yPred: Node) => Node,
  finish: (mean: number) => number = (mean) => mean,
): MetricParts<typeof meanState> {
  return {
    state: meanState,
    update: (yTrue, yPred, sampleWeight) => {
      const measured = asFloat(values(yTrue, yPred));
      const weighted = withWeights(measured, sampleWeight);
      return weighted === undefined
        ? { total: measured, count: measured.size }
        : { total: multiply(weighted.values, weighted.weights), count: weighted.weights };
    },
    result: ({ total, count }) => (count === 0 ? 0 : finish(total / count)),
  };
}

/** A metric whose value for an epoch is the (weighted) mean of what `fn` gives for each sample: [batch, ...]. */
/* @__NO_SIDE_EFFECTS__ */
export function meanMetric<const N extends string>(name: N, fn: (yTrue: Node, yPred: Node) => Node): Metric<N> {
  checkName("meanMetric", name);
  check(typeof fn === "function", "option", () => ({
    where: "meanMetric",
    expected: "a function (yTrue, yPred) => values",
    received: show(fn),
  }));
  return metricOf("", name, {}, meanOf(fn));
}

/** Values and the weight of each of them, both of one shape; undefined without weights. */
export function withWeights(
  values: Node,
  sampleWeight: Node | undefined,
): { readonly values: Node; readonly weights: Node } | undefined {
  if (sampleWeight === undefined) return undefined;
  const [own, factors] = expandedToMatch(values, asFloat(sampleWeight));
  return { values: own, weights: broadcastTo(factors, own.shape) };
}

/** A quotient that is 0 where the divisor is. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
