// Which factors of columns can go into the weights that made the columns?

import { SymbolicTensor, underScope, viewRoot } from "../graph.ts";
import { multiply } from "../ops/map.ts";
import { reshape } from "../ops/view.ts";
import { type Graph, nodesOf, rewrite, usersOf } from "./graphPass.ts";
import { hoist } from "./hoist.ts";

/**
 * (A·B) ⊙ s = A·(B ⊙ s) for a factor s of each column, where B and s stay the same from run to run: as after a batch
 * normalisation that predicts. B ⊙ s is prepared then, and costs a run nothing. A convolution is a product too.
 */
export function foldScale(graph: Graph): Graph {
  const users = usersOf(graph);
  const wanted = new Set(graph.outputs);
  const steady = hoist(graph, () => false).nodes;
  if (nodesOf(graph).every((node) => node.op.name !== "multiply" || steady.has(node))) return graph;
  /** The product that `node` shows through views, if nothing else needs it. */
  const privateProduct = (node: SymbolicTensor): SymbolicTensor | undefined => {
    for (
      let each: SymbolicTensor | undefined = node;
      each !== undefined;
      each = each.op.view === true ? each.inputs[0] : undefined
    )
      if (wanted.has(each) || users.get(each)?.length !== 1) return undefined;
    const root = viewRoot(node);
    const columns = root.shape.at(-1);
    const plain = root.op.epilogue === 2 && root.inputs.length === 2 && root.attributes.activation === undefined;
    const inOrder = root.attributes.transposeB !== true && root.inputs[1]?.shape.at(-1) === columns;
    return plain && inOrder && columns === node.shape.at(-1) && steady.has(root.inputs[1] as SymbolicTensor)
      ? root
      : undefined;
  };
  return rewrite(graph, (node, inputs) => {
    if (node.op.name !== "multiply") return undefined;
    for (const side of [0, 1]) {
      const [given, factor] = [node.inputs[side] as SymbolicTensor, node.inputs[1 - side] as SymbolicTensor];
      const product = privateProduct(given);
      const columns = node.shape.at(-1) as number;
      const perColumn = factor.size === columns && factor.shape.at(-1) === columns && node.size === given.size;
      if (product === undefined || !perColumn || !steady.has(factor)) continue;
      const now = viewRoot(inputs[side] as SymbolicTensor);
      return underScope(node.scope, () => {
        const weights = multiply(
          now.inputs[1] as SymbolicTensor,
          reshape(inputs[1 - side] as SymbolicTensor, [columns]),
        );
        const scaled = Object.freeze([now.inputs[0] as SymbolicTensor, weights]);
        return reshape(new SymbolicTensor(now.op, scaled, now.attributes, now, now.scope), node.shape);
      });
    }
    return undefined;
  });
}
