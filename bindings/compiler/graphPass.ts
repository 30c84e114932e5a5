// What do the passes over the graph pass on to each other?

import { SymbolicTensor, topologicalOrder } from "../graph.ts";

/** A whole computation: what is wanted of it and what it changes. */
export interface Graph {
  readonly outputs: readonly SymbolicTensor[];
  /** Updates of variables, in order. */
  readonly effects: readonly SymbolicTensor[];
}

/** All nodes that the graph needs, inputs first. Whatever it does not need is not there: dead code is gone. */
export function nodesOf(graph: Graph): SymbolicTensor[] {
  return topologicalOrder([...graph.outputs, ...graph.effects]);
}

/** How often each node is used, as an input or as an output. */
export function usersOf(graph: Graph): Map<SymbolicTensor, SymbolicTensor[]> {
  const users = new Map<SymbolicTensor, SymbolicTensor[]>();
  const nodes = nodesOf(graph);
  for (const node of nodes) users.set(node, []);
  for (const node of nodes) for (const input of node.inputs) users.get(input)?.push(node);
  return users;
}

/** What a pass does with one node; see {@link rewriteGraph}. */
export type Visit = (
  node: SymbolicTensor,
  inputs: readonly SymbolicTensor[],
  now: (earlier: SymbolicTensor) => SymbolicTensor,
) => SymbolicTensor | undefined;

/**
 * The graph with every node passed through `visit`, inputs first. `visit` gets the node, its inputs after rewriting and
 * what stands now for any earlier node; it returns what stands in the node's place, undefined to keep it.
 */
export function rewrite(graph: Graph, visit: Visit): Graph {
  const replaced = new Map<SymbolicTensor, SymbolicTensor>();
  const now = (node: SymbolicTensor): SymbolicTensor => replaced.get(node) ?? node;
  for (const node of nodesOf(graph)) {
    const inputs = node.inputs.map(now);
    const result = visit(node, inputs, now);
    if (result !== undefined) replaced.set(node, result);
    else if (inputs.some((input, index) => input !== node.inputs[index])) replaced.set(node, withInputs(node, inputs));
  }
  return { outputs: graph.outputs.map(now), effects: graph.effects.map(now) };
}

/** The same operation on other inputs. */
export function withInputs(node: SymbolicTensor, inputs: readonly SymbolicTensor[]): SymbolicTensor {
  return new SymbolicTensor(node.op, Object.freeze([...inputs]), node.attributes, node, node.scope);
}
