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
/** The cases with a learning-rate schedule. */
const schedules = 4;

runCases(
  "optimizers",
  loadCases<Case>("optimizers"),
  (golden) => {
    const optimizer = optimizerFromConfig(golden.className, golden.config);
    const variables = golden.variables.map((each) => new Variable(each.name, fromGolden(each), true));
    const constraint = golden.constraint === undefined ? null : resolveConstraint(golden.constraint, "test");
    const state = startOptimizer(optimizer, variables, {
      excludeFromWeightDecay: ({ name }) => golden.excludeFromWeightDecay?.includes(name) === true,
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
    expect(slots.size).toBe(golden.optimizerVariables.length - 2);
    for (const wanted of golden.optimizerVariables) {
      if (wanted.name === "iteration") expect(state.iteration.value.item()).toBe(wanted.data[0]);
      else if (wanted.name === "learning_rate") expectClose("rate", state.learningRate.value, wanted, 1e-7);
      else {
        const [variable, role] = splitAtFirst(wanted.name);
        const value = slots.get(`${role}/${variable}`);
        expect(value, wanted.name).toBeDefined();
        if (value !== undefined) expectClose(wanted.name, value, wanted, tolerance);
      }
    }
    state.finalize();
    golden.finalizedVariables?.forEach((wanted, at) => {
      expectClose("finalized", (variables[at] as Variable).value, wanted, tolerance);
    });
  },
  { unsupported: schedules },
);

/** `kernel_velocity_hat` → `kernel` and `velocity_hat`. */
function splitAtFirst(name: string): [string, string] {
  const at = name.indexOf("_");
  return [name.slice(0, at), name.slice(at + 1)];
}
