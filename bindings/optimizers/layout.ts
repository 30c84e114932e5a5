// Where do the gradients and slots of weights lie?

import type { Shape } from "../tensor.ts";
import { sizeOf, Tensor } from "../tensor.ts";
import { alignedBytes, placeTogether, Variable } from "../variable.ts";
import type { SlotRule } from "./optimizer.ts";

/** The variables block by block, by address. */
export function inMemoryOrder(variables: readonly Variable[]): Variable[] {
  const blocks = [...new Set(variables.map((variable) => variable.storage.block))];
  return blocks.flatMap((block) =>
    variables.filter(({ storage }) => storage.block === block).sort((a, b) => a.storage.offset - b.storage.offset),
  );
}

/** A value for each variable that the rule gives one, in one block with the distances that neighbours have. */
export function shadow(role: string, ordered: readonly Variable[], rule: SlotRule = {}): Map<Variable, Variable> {
  const { initial = 0, shape: shapeFor = (shape: Shape) => shape } = rule;
  const pairs = ordered.flatMap((variable): [Variable, Variable][] => {
    const shape = shapeFor(variable.shape, variable.name);
    if (shape === null) return [];
    const values = new Float32Array(sizeOf(shape)).fill(initial);
    return [[variable, new Variable(`${role}/${variable.name}`, Tensor.of(values, shape, "float32"))]];
  });
  placeTogether(pairs.map(([, own]) => own));
  return new Map(pairs);
}

/** Runs of variables that lie one behind the other and are alike. */
export function runs(ordered: readonly Variable[], alike: (variable: Variable) => boolean): Variable[][] {
  const found: Variable[][] = [];
  for (const variable of ordered) {
    const run = found[found.length - 1];
    const last = run?.[run.length - 1];
    const follows =
      last !== undefined &&
      last.storage.block === variable.storage.block &&
      last.storage.offset + alignedBytes(last.bytes) === variable.storage.offset &&
      alike(last) === alike(variable);
    if (follows) run?.push(variable);
    else found.push([variable]);
  }
  return found;
}

/** One variable over the memory from the first of `run` to the last, gaps included. */
export function over(name: string, run: readonly Variable[]): Variable {
  const first = run[0] as Variable;
  const last = run[run.length - 1] as Variable;
  const bytes = last.storage.offset + last.bytes - first.storage.offset;
  return Variable.over(run.length === 1 ? first.name : name, first.storage, [bytes / 4], "float32");
}
