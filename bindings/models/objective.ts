// What is minimised and what is measured: losses and metrics of each output, and their running sums?

import { checkNumber } from "../config.ts";
import { check, show } from "../errors.ts";
import { constant, errorPlace, type SymbolicTensor, withScope } from "../graph.ts";
import { maskOf } from "../layers/masks.ts";
import { expandedToMatch } from "../losses/loss.ts";
import { type Loss, type LossLike, resolveLoss } from "../losses.ts";
import { meanMetric } from "../metrics/metric.ts";
import { MetricState } from "../metrics/state.ts";
import { type Metric, type MetricLike, resolveMetric } from "../metrics.ts";
import { add, asFloat, multiply } from "../ops/map.ts";
import { type Shape, sameShape } from "../tensor.ts";

/** A value for the single output, or one for each by name. */
export type PerOutput<T> = T | Readonly<Record<string, T>>;

/** What `compile` is given about outputs. */
export interface ObjectiveOptions {
  readonly loss: PerOutput<LossLike>;
  readonly metrics?: readonly MetricLike[] | Readonly<Record<string, readonly MetricLike[]>>;
  readonly weightedMetrics?: ObjectiveOptions["metrics"];
  readonly lossWeights?: Readonly<Record<string, number>>;
}

interface Measure {
  readonly name: string;
  /** Which output it belongs to. */
  readonly output: number;
  readonly metric: Metric;
  /** Whether the sample weights count. */
  readonly weighted: boolean;
}

/** Losses and metrics of a compiled model. */
export class Objective {
  readonly losses: readonly Loss[];
  readonly measures: readonly Measure[];
  /** `loss` first, then losses of several outputs, then metrics: the keys of logs. */
  readonly names: readonly string[];
  private readonly outputNames: readonly string[] | undefined;
  private readonly lossWeights: readonly number[];

  constructor(where: string, outputNames: readonly string[] | undefined, options: ObjectiveOptions) {
    this.outputNames = outputNames;
    const count = outputNames?.length ?? 1;
    this.losses = perOutput(`${where}.loss`, outputNames, options.loss, count).map((loss) =>
      resolveLoss(loss, `${where}.loss`),
    );
    this.lossWeights = weightsOf(where, outputNames, options.lossWeights);
    const measuresOf = (option: "metrics" | "weightedMetrics"): Measure[] =>
      metricsOf(`${where}.${option}`, outputNames, options[option]).flatMap((metrics, output) =>
        metrics.map((given) => {
          const metric = resolveMetric(given, `${where}.${option}`);
          check(metric.takes === "predictions", "option", () => ({
            where: `${where}.${option}`,
            expected: "metrics of labels and predictions",
            received: `"${metric.name}", which takes plain values`,
            remedy: "Measure it with metrics.meter() in a loop of your own.",
          }));
          const name = outputNames === undefined ? metric.name : joined(outputNames[output] as string, metric.name);
          return { name, output, metric, weighted: option === "weightedMetrics" };
        }),
      );
    this.measures = [...measuresOf("metrics"), ...measuresOf("weightedMetrics")];
    const lossNames = outputNames === undefined ? [] : outputNames.map((name) => joined(name, "loss"));
    this.names = ["loss", ...lossNames, ...this.measures.map((measure) => measure.name)];
    check(new Set(this.names).size === this.names.length, "name", () => ({
      where: `${where}.metrics`,
      expected: "each metric once",
      received: this.names.join(", "),
    }));
  }

  /**
   * @param predictions the shape of each output.
   * @throws {TensorError} `unsupported`, at the layer, when labels are numbers of classes, which cannot be mixed.
   */
  checkMixable(targets: readonly SymbolicTensor[], predictions: readonly Shape[]): void {
    const unmixable = this.losses.find(({ labels }, index) => {
      const shape = predictions[index] as Shape;
      return labels?.(shape).dtype === "int32" && !sameShape((targets[index] as SymbolicTensor).shape, shape);
    });
    check(unmixable === undefined, "unsupported", () => ({
      where: errorPlace("labels"),
      expected: "labels that can be mixed: one-hot, or numbers to be learnt",
      received: `the numbers of classes that "${unmixable?.name}" takes`,
      remedy: 'One-hot them, ops.oneHot(labels, classes), and compile with "categoricalCrossentropy".',
    }));
  }

  /** The loss of one batch: the weighted losses of all outputs, plus what layers add. Scalars. */
  loss(
    targets: readonly SymbolicTensor[],
    outputs: readonly SymbolicTensor[],
    sampleWeights: readonly (SymbolicTensor | undefined)[],
    added: readonly SymbolicTensor[],
  ): { total: SymbolicTensor; each: SymbolicTensor[] } {
    const each = this.losses.map((loss, index) =>
      withScope(this.outputNames?.[index] === undefined ? "loss" : `loss/${this.outputNames[index]}`, () =>
        loss.call(
          targets[index] as SymbolicTensor,
          outputs[index] as SymbolicTensor,
          sampleWeights[index],
          maskOf(outputs[index] as SymbolicTensor),
        ),
      ),
    );
    const weighted = each.map((value, index) =>
      (this.lossWeights[index] ?? 1) === 1 ? value : multiply(value, this.lossWeights[index] as number),
    );
    return { total: [...weighted, ...added].reduce((sum, value) => add(sum, value)), each };
  }

  /** Adds one batch to the states. */
  measure(
    states: readonly MetricState[],
    loss: { total: SymbolicTensor; each: SymbolicTensor[] },
    targets: readonly SymbolicTensor[],
    outputs: readonly SymbolicTensor[],
    sampleWeights: readonly (SymbolicTensor | undefined)[],
    batch: number,
  ): void {
    const lossValues = this.outputNames === undefined ? [loss.total] : [loss.total, ...loss.each];
    const samples = constant(batch);
    lossValues.forEach((value, index) => {
      (states[index] as MetricState).update(value, value, samples);
    });
    this.measures.forEach(({ output, weighted }, index) => {
      (states[lossValues.length + index] as MetricState).update(
        targets[output] as SymbolicTensor,
        outputs[output] as SymbolicTensor,
        withMask(outputs[output] as SymbolicTensor, weighted ? sampleWeights[output] : undefined),
      );
    });
  }

  /** States for one kind of run, one for each of {@link names}. */
  states(): MetricState[] {
    const losses = this.names.slice(0, this.names.length - this.measures.length);
    return [
      ...losses.map((name) => meanMetric(name, (value) => value)),
      ...this.measures.map(({ metric }) => metric),
    ].map((metric) => new MetricState(metric));
  }

  /** The values so far, by name. @throws {TensorError} `option` for a metric that is a list. */
  read(states: readonly MetricState[]): Record<string, number> {
    return Object.fromEntries(
      this.names.map((name, index) => {
        const value = (states[index] as MetricState).result();
        check(typeof value === "number", "option", () => ({
          where: name,
          expected: "a metric of one number",
          received: `a list of ${(value as readonly number[]).length}`,
          remedy: 'Give it one threshold, or say how to take the mean, such as { average: "macro" }.',
        }));
        return [name, value];
      }),
    );
  }

  /** Starts the states again. */
  clear(states: readonly MetricState[]): void {
    for (const state of states) state.clear();
  }
}

/** Sample weights that are 0 where layers have masked an output. */
function withMask(output: SymbolicTensor, sampleWeight: SymbolicTensor | undefined): SymbolicTensor | undefined {
  const mask = maskOf(output);
  if (mask === undefined) return sampleWeight;
  return sampleWeight === undefined
    ? asFloat(mask)
    : multiply(...expandedToMatch(asFloat(mask), asFloat(sampleWeight)));
}

function joined(output: string, name: string): string {
  return `${output}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("className" in value);
}

function perOutput<T>(where: string, names: readonly string[] | undefined, given: PerOutput<T>, count: number): T[] {
  check(given !== undefined && given !== null, "option", () => ({ where, expected: "a loss", received: show(given) }));
  if (names === undefined || !isRecord(given)) return new Array<T>(count).fill(given as T);
  checkNames(where, names, Object.keys(given));
  for (const name of names)
    check(name in given, "option", () => ({
      where,
      expected: `an entry for "${name}"`,
      received: Object.keys(given).join(", "),
    }));
  return names.map((name) => given[name] as T);
}

function metricsOf(
  where: string,
  names: readonly string[] | undefined,
  given: ObjectiveOptions["metrics"],
): (readonly MetricLike[])[] {
  check(given === undefined || typeof given === "object", "option", () => ({
    where: where,
    expected: "a list of metrics",
    received: show(given),
  }));
  if (names === undefined || given === undefined || Array.isArray(given)) {
    check(given === undefined || Array.isArray(given), "option", () => ({
      where: where,
      expected: "a list of metrics",
      received: show(given),
    }));
    return new Array<readonly MetricLike[]>(names?.length ?? 1).fill(
      (given as readonly MetricLike[] | undefined) ?? [],
    );
  }
  checkNames(where, names, Object.keys(given));
  for (const [name, metrics] of Object.entries(given))
    check(Array.isArray(metrics), "option", () => ({
      where: `${where}.${name}`,
      expected: "a list of metrics",
      received: show(metrics),
    }));
  return names.map((name) => (given as Readonly<Record<string, readonly MetricLike[]>>)[name] ?? []);
}

function weightsOf(
  where: string,
  names: readonly string[] | undefined,
  given: Readonly<Record<string, number>> | undefined,
): number[] {
  if (given === undefined) return [];
  check(names !== undefined, "option", () => ({
    where: `${where}.lossWeights`,
    expected: "a model with named outputs",
    received: "a single output",
  }));
  checkNames(`${where}.lossWeights`, names, Object.keys(given));
  for (const [name, factor] of Object.entries(given)) checkNumber(`${where}.lossWeights.${name}`, factor);
  return names.map((name) => given[name] ?? 1);
}

function checkNames(where: string, names: readonly string[], given: readonly string[]): void {
  for (const name of given)
    check(names.includes(name), "name", () => ({
      where,
      expected: `the name of an output (${names.join(", ")})`,
      received: JSON.stringify(name),
    }));
}
