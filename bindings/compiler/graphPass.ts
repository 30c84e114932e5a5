// What do the passes over the graph pass on to each other?

import { SymbolicTensor, topologicalOrder } from "../graph.ts";

/** A whole computation: what is wanted of it and what it changes. */
export interface Graph {
  readonly outputs: readonly SymbolicTensor[];
  /** Updates of variables, in order. */
  readonly effects: readonly SymbolicTensor[];
}

/** What passes ask of a graph, found once. */
interface Walked {
  readonly nodes: readonly SymbolicTensor[];
  users?: ReadonlyMap<SymbolicTensor, readonly SymbolicTensor[]>;
}
const walked = new WeakMap<Graph, Walked>();

function walk(graph: Graph): Walked {
  const known = walked.get(graph) ?? { nodes: topologicalOrder([...graph.outputs, ...graph.effects]) };
  walked.set(graph, known);
  return known;
}

/** All nodes that the graph needs, inputs first. Whatever it does not need is not there: dead code is gone. */
export function nodesOf(graph: Graph): readonly SymbolicTensor[] {
  return walk(graph).nodes;
}

/** The nodes that take each node as an input, once for each time. */
export function usersOf(graph: Graph): ReadonlyMap<SymbolicTensor, readonly SymbolicTensor[]> {
  const known = walk(graph);
  if (known.users === undefined) {
    const users = new Map<SymbolicTensor, SymbolicTensor[]>(known.nodes.map((node) => [node, []]));
    for (const node of known.nodes) for (const input of node.inputs) users.get(input)?.push(node);
    known.users = users;
  }
  return known.users;
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
  if (replaced.size === 0) return graph;
  return { outputs: graph.outputs.map(now), effects: graph.effects.map(now) };
}

/** The same operation on other inputs. */
export function withInputs(node: SymbolicTensor, inputs: readonly SymbolicTensor[]): SymbolicTensor {
  return new SymbolicTensor(node.op, Object.freeze([...inputs]), node.attributes, node, node.scope);
}
