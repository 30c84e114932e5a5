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
