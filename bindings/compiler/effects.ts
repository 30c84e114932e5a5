// What do the effects of a graph change, and what must come before or after them?

import { readVariable, type SymbolicTensor } from "../graph.ts";
import type { Variable } from "../variable.ts";
import { addressesIn } from "./instruction.ts";

/** The variables that an effect writes: those its instructions write to or update. */
export function writtenVariables(effect: SymbolicTensor): Variable[] {
  return (effect.op.lower?.(effect, []) ?? []).flatMap(({ operands }) =>
    addressesIn(Object.values(operands)).flatMap(({ access, tensor }) =>
      access === "read" ? [] : (readVariable(tensor)?.variable ?? []),
    ),
  );
}

/** Whether two variables share bytes. */
export function overlaps(a: Variable, b: Variable): boolean {
  const [first, second] = [a.storage, b.storage];
  return (
    first.block === second.block && first.offset < second.offset + b.bytes && second.offset < first.offset + a.bytes
  );
}

/** Which effects write the bytes of which variables. */
export class Writers {
  private readonly numbers = new Map<Variable, readonly number[]>();

  /** @param nodes all nodes of the graph: those of the variables that they read can be asked for. */
  constructor(nodes: readonly SymbolicTensor[], effects: readonly SymbolicTensor[]) {
    const written = new Map<Variable, number[]>();
    effects.forEach((effect, number) => {
      for (const variable of writtenVariables(effect)) append(written, variable, number);
    });
    const read = new Set(
      nodes.flatMap((node) => (node.inputs.length === 0 ? (readVariable(node)?.variable ?? []) : [])),
    );
    for (const [variable, others] of sharersOf(read, written.keys()))
      this.numbers.set(
        variable,
        [...new Set(others.flatMap((other) => written.get(other) ?? []))].sort((a, b) => a - b),
      );
  }

  /** The numbers of the effects that write bytes of `variable`, in ascending order. */
  of(variable: Variable): readonly number[] {
    return this.numbers.get(variable) ?? [];
  }
}

/** For each of `variables` those of `others` that share bytes with it. One walk over each block, from its beginning. */
export function sharersOf(variables: Iterable<Variable>, others: Iterable<Variable>): Map<Variable, Variable[]> {
  const found = new Map<Variable, Variable[]>();
  const blocks = new Map<object, [Variable, isOther: boolean][]>();
  for (const variable of variables) {
    found.set(variable, []);
    append(blocks, variable.storage.block, [variable, false] as [Variable, boolean]);
  }
  for (const other of others) append(blocks, other.storage.block, [other, true] as [Variable, boolean]);
  for (const starts of blocks.values()) {
    starts.sort(([a], [b]) => a.storage.offset - b.storage.offset);
    let open: typeof starts = [];
    for (const start of starts) {
      const [next, isOther] = start;
      open = open.filter(([each]) => each.storage.offset + each.bytes > next.storage.offset);
      for (const [each, wasOther] of open)
        if (isOther !== wasOther && overlaps(each, next)) found.get(isOther ? each : next)?.push(isOther ? next : each);
      open.push(start);
    }
  }
  return found;
}

/** Appends to the list of `key`. */
export function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** For each node the number of effects that it comes after: those before the latest of its readings. */
export function epochsOf(nodes: readonly SymbolicTensor[]): Map<SymbolicTensor, number> {
  const epochs = new Map<SymbolicTensor, number>();
  for (const node of nodes) {
    const own = readVariable(node)?.version ?? 0;
    epochs.set(
      node,
      node.inputs.reduce((epoch, input) => Math.max(epoch, epochs.get(input) ?? 0), own),
    );
  }
  return epochs;
}
