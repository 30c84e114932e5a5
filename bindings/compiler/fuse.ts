// Which neighbouring operations become one instruction?

import { SymbolicTensor, viewRoot } from "../graph.ts";
import { type Expression, limits, type Source, type Step } from "../ops/expression.ts";
import { fusedOp } from "../ops/map.ts";
import type { MatMulAttributes } from "../ops/matMul.ts";
import { randomUniformOp } from "../ops/random.ts";
import { reshape } from "../ops/view.ts";
import { epochsOf } from "./effects.ts";
import { type Graph, nodesOf, rewrite, usersOf } from "./graphPass.ts";

/** Bias and activation go into the matrix product or convolution before them; chains of elementwise operations become one each. */
export function fuse(graph: Graph): Graph {
  return fuseElementwise(fuseEpilogues(graph));
}

// Matrix products and convolutions ------------------------------------------------------------------------------------

/** act(A·B + bias), when the sum and the product have no other use; a convolution is a product too. */
export function fuseEpilogues(graph: Graph): Graph {
  const users = usersOf(graph);
  const wanted = new Set(graph.outputs);
  const epochs = epochsOf(nodesOf(graph));
  /**
   * The product that `before` shows through views of it which nothing but `user` needs, in the same epoch; `input` is
   * the same after rewriting.
   */
  const privateProduct = (
    user: SymbolicTensor,
    before: SymbolicTensor | undefined,
    input: SymbolicTensor | undefined,
  ): SymbolicTensor | undefined => {
    for (let each = before; each !== undefined; each = each.op.view === true ? each.inputs[0] : undefined)
      if (wanted.has(each) || users.get(each)?.length !== 1) return undefined;
    if (before === undefined || epochs.get(viewRoot(before)) !== epochs.get(user)) return undefined;
    const root = input === undefined ? undefined : viewRoot(input);
    return root?.op.epilogue === undefined ? undefined : root;
  };
  return rewrite(graph, (node, inputs) => {
    if (node.op.name === "add") {
      for (const side of [0, 1]) {
        const product = privateProduct(node, node.inputs[side], inputs[side]);
        const bias = inputs[1 - side] as SymbolicTensor;
        if (product === undefined || product.inputs.length !== product.op.epilogue || hasActivation(product)) continue;
        const columns = product.shape.at(-1) as number;
        const perColumn =
          bias.size === columns &&
          node.shape[node.shape.length - 1] === columns &&
          bias.shape[bias.shape.length - 1] === columns;
        if (perColumn && node.size === product.size)
          return reshape(derived(node, product, [...product.inputs, bias], {}), node.shape);
      }
      return undefined;
    }
    const [activation, ...more] = node.op.elementwise?.(node) ?? [];
    if (node.inputs.length !== 1 || activation === undefined || more.length > 0 || node.op.name === "broadcastTo")
      return undefined;
    const product = privateProduct(node, node.inputs[0], inputs[0]);
    if (
      product === undefined ||
      hasActivation(product) ||
      node.dtype !== "float32" ||
      (inputs[0] as SymbolicTensor).dtype !== "float32"
    )
      return undefined;
    return reshape(derived(node, product, product.inputs, { activation }), node.shape);
  });
}

function hasActivation(product: SymbolicTensor): boolean {
  return (product.attributes as unknown as MatMulAttributes).activation !== undefined;
}

/** The product with more to do, in the scope of the node that it takes over. */
function derived(
  node: SymbolicTensor,
  product: SymbolicTensor,
  inputs: readonly SymbolicTensor[],
  more: Partial<MatMulAttributes>,
): SymbolicTensor {
  const attributes = Object.freeze({ ...product.attributes, ...more });
  return new SymbolicTensor(product.op, Object.freeze([...inputs]), attributes, product, node.scope);
}

// Elementwise chains --------------------------------------------------------------------------------------------------

/** A group has the node that gives its value, its members, and the number of the last effect it depends on. */
interface Group {
  readonly root: SymbolicTensor;
  readonly members: Set<SymbolicTensor>;
}

/**
 * A node joins the group of its users when all of them are in one group of the same shape. Random numbers are computed
 * where they are used, in several groups if need be.
 */
export function fuseElementwise(graph: Graph): Graph {
  const users = usersOf(graph);
  const nodes = nodesOf(graph);
  const epochs = epochsOf(nodes);
  const wanted = new Set(graph.outputs);
  const groups = new Map<SymbolicTensor, Group>();
  const inlined = new Set<SymbolicTensor>();
  for (const node of nodes.toReversed()) {
    const random = (node.op as unknown) === randomUniformOp;
    if (node.op.elementwise === undefined && !random) continue;
    const using = users.get(node) ?? [];
    const around = new Set(using.map((user) => groups.get(user)));
    const fits = (group: Group | undefined): group is Group =>
      group !== undefined && sameSize(group.root, node) && epochs.get(group.root) === epochs.get(node);
    if (random) {
      if (!wanted.has(node) && around.size > 0 && [...around].every((group) => fits(group) && roomFor(group, node)))
        inlined.add(node);
      continue;
    }
    const [group] = around;
    if (!wanted.has(node) && around.size === 1 && fits(group) && roomFor(group, node)) {
      group.members.add(node);
      groups.set(node, group);
    } else groups.set(node, { root: node, members: new Set([node]) });
  }
  const order = new Map(nodes.map((node, index) => [node, index]));
  return rewrite(graph, (node, _inputs, now) => {
    const group = groups.get(node);
    if (group?.root !== node || (group.members.size === 1 && !node.inputs.some((input) => inlined.has(input))))
      return undefined;
    const members = [...group.members].sort((a, b) => (order.get(a) as number) - (order.get(b) as number));
    return fusedNode(node, members, inlined, now);
  });
}

/** One MAP node for `members`, which are in order and end with `root`. */
function fusedNode(
  root: SymbolicTensor,
  members: readonly SymbolicTensor[],
  inlined: ReadonlySet<SymbolicTensor>,
  now: (earlier: SymbolicTensor) => SymbolicTensor,
): SymbolicTensor {
  const inside = new Set(members);
  const inputs: SymbolicTensor[] = [];
  const inputIndex = (node: SymbolicTensor): number => {
    const current = now(node);
    return inputs.includes(current) ? inputs.indexOf(current) : inputs.push(current) - 1;
  };
  const outside = [...new Set(members.flatMap((member) => member.inputs))].filter((input) => !inside.has(input));
  const sources = outside.map((node): Source => {
    if (!inlined.has(node)) return { kind: "tensor", input: inputIndex(node) };
    const [seed, step] = node.inputs as [SymbolicTensor, SymbolicTensor];
    return {
      kind: "random",
      seed: inputIndex(seed),
      step: inputIndex(step),
      stream: (node.attributes as { stream: number }).stream,
    };
  });
  const values = new Map(outside.map((node, index) => [node, index]));
  const steps: Step[] = [];
  for (const member of members) {
    let operands = member.inputs.map((input) => values.get(input) as number);
    for (const code of member.op.elementwise?.(member) ?? []) {
      steps.push({ code, operands });
      operands = [sources.length + steps.length - 1];
    }
    values.set(member, operands[0] as number);
  }
  const expression: Expression = { sources, steps };
  const attributes = Object.freeze({ expression, shape: root.shape, dtype: root.dtype });
  return new SymbolicTensor(
    fusedOp as unknown as SymbolicTensor["op"],
    Object.freeze(inputs),
    attributes,
    root,
    root.scope,
  );
}

function sameSize(a: SymbolicTensor, b: SymbolicTensor): boolean {
  return a.shape.length === b.shape.length && a.shape.every((size, axis) => size === b.shape[axis]);
}

function roomFor(group: Group, node: SymbolicTensor): boolean {
  const members = new Set([...group.members, node]);
  const sources = new Set([...members].flatMap((member) => member.inputs.filter((input) => !members.has(input))));
  const steps = [...members].reduce((count, member) => count + (member.op.elementwise?.(member).length ?? 0), 0);
  return sources.size <= limits.sources && steps <= limits.steps;
}
