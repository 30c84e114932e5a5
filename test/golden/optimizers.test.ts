// Do six steps of each optimizer leave the weights and slots where Keras leaves them?

import { expect } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { Config } from "../../bindings/config.ts";
import { resolveConstraint } from "../../bindings/constraints.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { optimizerFromConfig, startOptimizer } from "../../bindings/optimizers.ts";
import { Variable } from "../../bindings/variable.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Config;
  readonly variables: readonly (GoldenTensor & { readonly name: string })[];
  readonly gradients: readonly (readonly GoldenTensor[])[];
  readonly afterStep: readonly (readonly GoldenTensor[])[];
  readonly optimizerVariables: readonly (GoldenTensor & { readonly name: string })[];
  readonly finalizedVariables?: readonly GoldenTensor[];
  readonly excludeFromWeightDecay?: readonly string[];
  readonly constraint?: string;
}

const tolerance = 2e-5;
/** LossScaleOptimizer. */
const unsupported = 1;

runCases(
  "optimizers",
  loadCases<Case>("optimizers"),
  (golden) => {
    const spared = golden.excludeFromWeightDecay;
    const more: Config = spared === undefined ? {} : { exclude_from_weight_decay: spared };
    const optimizer = optimizerFromConfig(golden.className, { ...golden.config, ...more });
    const variables = golden.variables.map((each) => new Variable(each.name, fromGolden(each), true));
    const constraint = golden.constraint === undefined ? null : resolveConstraint(golden.constraint, "test");
    const state = startOptimizer(optimizer, variables, {
      constraints: new Map(constraint === null ? [] : variables.map((variable) => [variable, constraint])),
    });
    const step = compiled((...gradients: SymbolicTensor[]) => {
      state.step(gradients);
      return [];
    });
    golden.gradients.forEach((gradients, index) => {
      step(...gradients.map(fromGolden));
      variables.forEach((variable, at) => {
        const wanted = golden.afterStep[index]?.[at] as GoldenTensor;
        expectClose(`${variable.name} after step ${index + 1}`, variable.value, wanted, tolerance);
      });
    });
    const slots = new Map(state.readSlots().map(({ name, value }) => [name, value]));
    const unnamed = ownNames(golden);
    let compared = 0;
    for (const wanted of golden.optimizerVariables) {
      if (wanted.name === "iteration") expect(state.iteration.value.item()).toBe(wanted.data[0]);
      else if (wanted.name === "learning_rate") expectClose("rate", state.learningRate.value, wanted, 1e-7);
      else {
        const name = unnamed.has(wanted) ? unnamed.get(wanted) : splitAtFirst(wanted.name);
        if (name == null) continue;
        const value = slots.get(name);
        expect(value, `${wanted.name} as ${name}`).toBeDefined();
        if (value !== undefined) expectClose(name, value, wanted, tolerance);
        compared++;
      }
    }
    expect(compared).toBe(slots.size);
    state.finalize();
    golden.finalizedVariables?.forEach((wanted, at) => {
      expectClose("finalized", (variables[at] as Variable).value, wanted, tolerance);
    });
  },
  { unsupported },
);

/** `kernel_velocity_hat` becomes `velocity_hat/kernel`. */
function splitAtFirst(name: string): string {
  const at = name.indexOf("_");
  return `${name.slice(at + 1)}/${name.slice(0, at)}`;
}

/**
 * Our names of slots to which Keras gives no full name; null for those that it keeps but never changes: rows and columns
 * of a vector, squares of a matrix.
 */
function ownNames({ className, variables, optimizerVariables }: Case): Map<GoldenTensor, string | null> {
  const found = new Map<GoldenTensor, string | null>();
  const accumulators = optimizerVariables.filter(({ name }) => name === "accumulator");
  accumulators.forEach((each, index) => {
    found.set(each, `accumulator/${variables[index]?.name}`);
  });
  for (const each of optimizerVariables) if (each.name === "variable") found.set(each, "product");
  if (className !== "Adafactor") return found;
  for (const { name, shape } of variables) {
    const isMatrix = shape.length > 1;
    const [row, column] = optimizerVariables.filter((each) => each.name === name);
    if (row !== undefined) found.set(row, isMatrix ? `row/${name}` : null);
    if (column !== undefined) found.set(column, isMatrix ? `column/${name}` : null);
    for (const each of optimizerVariables) if (isMatrix && each.name === `${name}_velocity`) found.set(each, null);
  }
  return found;
}
