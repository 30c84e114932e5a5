// What does a run compute again and again though its result cannot change?

import { constantOp, inputOp, readOp, type SymbolicTensor, viewRoot } from "../graph.ts";
import { type Graph, nodesOf } from "./graphPass.ts";

/** Work that is done once, and again only when weights have changed. */
export interface Preparation {
  /** The nodes whose values stay the same from run to run. */
  readonly nodes: ReadonlySet<SymbolicTensor>;
  /** Those of them, views left out, that the rest of the program or its caller needs. */
  readonly kept: ReadonlySet<SymbolicTensor>;
}

/** A program that prepares nothing. */
export const nothingPrepared: Preparation = { nodes: new Set(), kept: new Set() };

/**
 * What depends on constants alone; where the graph changes no variable, as in prediction, on variables as well.
 * @param moving nodes that every run must compute anew, whatever they depend on.
 */
export function hoist(graph: Graph, moving: (node: SymbolicTensor) => boolean): Preparation {
  const nodes = new Set<SymbolicTensor>();
  const kept = new Set<SymbolicTensor>();
  const keep = (node: SymbolicTensor): void => {
    const root = viewRoot(node);
    if (nodes.has(root) && root.op.lower !== undefined) kept.add(root);
  };
  const isSteady = (node: SymbolicTensor): boolean => {
    const op = node.op as unknown;
    if (op === inputOp || node.op.effect === true || moving(node)) return false;
    if (op === readOp) return graph.effects.length === 0;
    return op === constantOp || (node.inputs.length > 0 && node.inputs.every((input) => nodes.has(input)));
  };
  for (const node of nodesOf(graph)) {
    if (isSteady(node)) nodes.add(node);
    else node.inputs.forEach(keep);
  }
  graph.outputs.forEach(keep);
  return { nodes, kept };
}
