// How a subject asks a layer for what stands beside its result: the mask, the penalties.

import { compiled } from "../../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import { maskOf } from "../../../bindings/layers/masks.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { full } from "../../../bindings/ops/map.ts";

type Body = (...symbols: SymbolicTensor[]) => SymbolicTensor | readonly SymbolicTensor[];

/** `body` on symbols, whether `inputs` are some or values. */
export function onSymbols(body: Body, inputs: readonly SymbolicTensor[]): SymbolicTensor | readonly SymbolicTensor[] {
  return compiled(body)(...(inputs as unknown as never[])) as unknown as SymbolicTensor | readonly SymbolicTensor[];
}

/** The mask of y [batch, steps, …]; true where it has none. */
export function resultingMask(y: SymbolicTensor): SymbolicTensor {
  return maskOf(y) ?? ops.cast(full(y.shape.slice(0, 2), 1), "bool");
}
