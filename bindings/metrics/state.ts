// Where does the state of a metric live, and how is it measured without a model?

import { compiled } from "../compiled.ts";
import { check, show } from "../errors.ts";
import { type SymbolicTensor, withScope } from "../graph.ts";
import { accumulate, accumulator, type Combination, clearAccumulator, readAccumulator } from "../ops/accumulate.ts";
import { asFloat } from "../ops/map.ts";
import type { TensorLike } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import type { Metric } from "./metric.ts";

/** The numbers of a metric in WebAssembly memory. How many there are shows when the first batch is traced. */
export class MetricState {
  readonly metric: Metric;
  private readonly cells: Map<string, Variable> = new Map();

  constructor(metric: Metric) {
    this.metric = metric;
  }

  /** The variables, once a batch was traced. */
  get variables(): readonly Variable[] {
    return [...this.cells.values()];
  }

  /** Adds one batch, while a program is traced. */
  update(yTrue: SymbolicTensor, yPred: SymbolicTensor, sampleWeight?: SymbolicTensor): void {
    withScope(this.metric.name, () => {
      const amounts = this.metric.update(yTrue, yPred, sampleWeight);
      for (const [name, rule] of Object.entries(this.metric.state)) {
        const amount = asFloat(amounts[name] as SymbolicTensor);
        const width = typeof rule === "string" ? 1 : (amount.shape[amount.shape.length - 1] ?? 1);
        const combination = combinationOf(rule);
        if (!this.cells.has(name)) this.cells.set(name, accumulator(`${this.metric.name}/${name}`, width, combination));
        accumulate(this.cells.get(name) as Variable, amount, combination);
      }
    });
  }

  /** The value so far; 0 before the first batch. */
  result(): number | readonly number[] {
    const { state } = this.metric;
    if (this.cells.size === 0) return 0;
    return this.metric.result(
      Object.fromEntries(
        Object.entries(state).map(([name, rule]) => {
          const numbers = readAccumulator(this.cells.get(name) as Variable);
          return [name, typeof rule === "string" ? (numbers[0] as number) : numbers];
        }),
      ),
    );
  }

  /** Starts again. */
  clear(): void {
    for (const [name, cells] of this.cells) clearAccumulator(cells, combinationOf(this.metric.state[name]));
  }
}

function combinationOf(rule: Combination | readonly [Combination] | undefined): Combination {
  return typeof rule === "string" ? rule : (rule?.[0] ?? "sum");
}

/** A metric outside of a model: in a loop of your own, or over data that are there. */
export interface Meter {
  /**
   * Adds one batch: (labels, predictions) and, if you like, a weight for each sample or value. The metrics `mean` and
   * `sum` take (values) instead, and weights.
   * @throws {TensorError} `shape` when they do not fit.
   */
  update(...batch: readonly TensorLike[]): void;
  /** The value over all batches so far. */
  result(): number | readonly number[];
  /** Forgets all batches. */
  reset(): void;
}

/** Measures `metric` over batches of values, compiled as it would be inside a model. */
export function meter(metric: Metric): Meter {
  check(typeof metric === "object" && metric !== null && typeof metric.update === "function", "option", () => ({
    where: "meter",
    expected: "a metric, such as metrics.precision()",
    received: show(metric),
  }));
  const state = new MetricState(metric);
  const run = compiled((...given: SymbolicTensor[]) => {
    const [first, second, third] = given as [SymbolicTensor, SymbolicTensor, SymbolicTensor?];
    if (metric.takes === "values") state.update(first, first, second);
    else state.update(first, second, third);
    return [];
  });
  const fewest = metric.takes === "values" ? 1 : 2;
  return Object.freeze({
    update: (...batch: readonly TensorLike[]) => {
      check(batch.length === fewest || batch.length === fewest + 1, "option", () => ({
        where: metric.name,
        expected: metric.takes === "values" ? "(values, weights?)" : "(yTrue, yPred, weights?)",
        received: `${batch.length} arguments`,
      }));
      run(...batch);
    },
    result: () => state.result(),
    reset: () => state.clear(),
  });
}
