// Which operations are computed by another algorithm, with less arithmetic?

import { underScope } from "../graph.ts";
import { type Graph, rewrite } from "./graphPass.ts";

/**
 * Puts what an operation knows to be faster in its place. Like `foldScale`, and no other pass, it changes results in their
 * last bits: each operation says by how much at most.
 */
export function chooseAlgorithms(graph: Graph): Graph {
  return rewrite(graph, (node, inputs) => underScope(node.scope, () => node.op.faster?.(node, inputs)));
}
