// Which steps of a sequence count? A mask travels beside a tensor through the layers that keep its steps.

import type { SymbolicTensor } from "../graph.ts";

const masks: WeakMap<SymbolicTensor, SymbolicTensor> = new WeakMap();

/** The mask of `x` [batch, steps, …]: bool [batch, steps], false for steps that do not count; undefined when all do. */
export function maskOf(x: SymbolicTensor): SymbolicTensor | undefined {
  return masks.get(x);
}

/** Says which steps of `x` count; undefined for all. */
export function setMask(x: SymbolicTensor, mask: SymbolicTensor | undefined): void {
  if (mask === undefined) masks.delete(x);
  else masks.set(x, mask);
}
