// What is minimised and what is measured: losses and metrics of each output, and their running sums?

import { checkNumber } from "../config.ts";
import { check, show } from "../errors.ts";
import { type SymbolicTensor, withScope } from "../graph.ts";
import { maskOf } from "../layers/masks.ts";
import { type Loss, type LossLike, resolveLoss } from "../losses.ts";
import { type Metric, type MetricLike, resolveMetric } from "../metrics.ts";
import { accumulate, accumulator, clearAccumulator, readAccumulator } from "../ops/accumulate.ts";
import { add, multiply } from "../ops/map.ts";
import type { Variable } from "../variable.ts";

/** A value for the single output, or one for each by name. */
export type PerOutput<T> = T | Readonly<Record<string, T>>;

/** What `compile` is given about outputs. */
export interface ObjectiveOptions {
  readonly loss: PerOutput<LossLike>;
  readonly metrics?: readonly MetricLike[] | Readonly<Record<string, readonly MetricLike[]>>;
  readonly lossWeights?: Readonly<Record<string, number>>;
}

interface Measure {
  readonly name: string;
  /** Which output it belongs to. */
  readonly output: number;
  readonly metric: Metric;
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
    this.measures = metricsOf(where, outputNames, options.metrics).flatMap((metrics, output) =>
      metrics.map((metric) => {
        const resolved = resolveMetric(metric, `${where}.metrics`);
        return {
          name: outputNames === undefined ? resolved.name : joined(outputNames[output] as string, resolved.name),
          output,
          metric: resolved,
        };
      }),
    );
    const lossNames = outputNames === undefined ? [] : outputNames.map((name) => joined(name, "loss"));
    this.names = ["loss", ...lossNames, ...this.measures.map((measure) => measure.name)];
    check(new Set(this.names).size === this.names.length, "name", () => ({
      where: `${where}.metrics`,
      expected: "each metric once",
      received: this.names.join(", "),
    }));
  }

  /** The loss of one batch: the weighted losses of all outputs, plus what layers add. Scalars. */
  loss(
    targets: readonly SymbolicTensor[],
    outputs: readonly SymbolicTensor[],
    sampleWeight: SymbolicTensor | undefined,
    added: readonly SymbolicTensor[],
  ): { total: SymbolicTensor; each: SymbolicTensor[] } {
    const each = this.losses.map((loss, index) =>
      withScope(this.outputNames?.[index] === undefined ? "loss" : `loss/${this.outputNames[index]}`, () =>
        loss.call(
          targets[index] as SymbolicTensor,
          outputs[index] as SymbolicTensor,
          sampleWeight,
          maskOf(outputs[index] as SymbolicTensor),
        ),
      ),
    );
    const weighted = each.map((value, index) =>
      (this.lossWeights[index] ?? 1) === 1 ? value : multiply(value, this.lossWeights[index] as number),
    );
    return { total: [...weighted, ...added].reduce((sum, value) => add(sum, value)), each };
  }

  /** Adds one batch to the running sums. */
  measure(
    cells: readonly Variable[],
    loss: { total: SymbolicTensor; each: SymbolicTensor[] },
    targets: readonly SymbolicTensor[],
    outputs: readonly SymbolicTensor[],
    batch: number,
  ): void {
    const lossValues = this.outputNames === undefined ? [loss.total] : [loss.total, ...loss.each];
    lossValues.forEach((value, index) => {
      accumulate(cells[index] as Variable, value, batch);
    });
    this.measures.forEach(({ metric, output, name }, index) => {
      const values = withScope(name, () =>
        metric.values(targets[output] as SymbolicTensor, outputs[output] as SymbolicTensor),
      );
      accumulate(cells[lossValues.length + index] as Variable, values);
    });
  }

  /** Running sums for one kind of run, one for each of {@link names}. */
  cells(): Variable[] {
    return this.names.map((name) => accumulator(name));
  }

  /** The averages so far, by name. */
  read(cells: readonly Variable[]): Record<string, number> {
    return Object.fromEntries(
      this.names.map((name, index) => {
        const { total, weight } = readAccumulator(cells[index] as Variable);
        return [name, weight === 0 ? 0 : total / weight];
      }),
    );
  }

  /** Starts the sums again. */
  clear(cells: readonly Variable[]): void {
    for (const cell of cells) clearAccumulator(cell);
  }
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
    where: `${where}.metrics`,
    expected: "a list of metrics",
    received: show(given),
  }));
  if (names === undefined || given === undefined || Array.isArray(given)) {
    check(given === undefined || Array.isArray(given), "option", () => ({
      where: `${where}.metrics`,
      expected: "a list of metrics",
      received: show(given),
    }));
    return new Array<readonly MetricLike[]>(names?.length ?? 1).fill(
      (given as readonly MetricLike[] | undefined) ?? [],
    );
  }
  checkNames(`${where}.metrics`, names, Object.keys(given));
  for (const [name, metrics] of Object.entries(given))
    check(Array.isArray(metrics), "option", () => ({
      where: `${where}.metrics.${name}`,
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
