// Which operations show the same memory in another way?

import { check } from "../errors.ts";
import {
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { completeShape, type Shape, sameShape } from "../tensor.ts";
import { resolveAxes } from "./axes.ts";

type Node = SymbolicTensor;

const reshapeOp: Operation<{ readonly shape: Shape }> = /* @__PURE__ */ defineOp({
  name: "reshape",
  infer: ([x], { shape }) => ({ shape, dtype: (x as Node).dtype }),
  gradient: (node, dy) => [reshape(dy, (node.inputs[0] as Node).shape)],
  view: true,
});

/** The same elements under another shape; one size may be -1. Costs nothing. */
export function reshape(x: Operand, shape: Shape): Node {
  const node = toSymbolic(x);
  const complete = completeShape(errorPlace("reshape"), node.size, shape);
  if (sameShape(complete, node.shape)) return node;
  const source = (node.op as unknown) === reshapeOp ? (node.inputs[0] as Node) : node;
  if (sameShape(complete, source.shape)) return source;
  return makeNode(reshapeOp, [source], { shape: complete });
}

/** x with a new axis of size 1 at `axis`. */
export function expandDims(x: Operand, axis: number): Node {
  const node = toSymbolic(x);
  const [position = 0] = resolveAxes("expandDims", node.shape.length + 1, axis);
  return reshape(node, [...node.shape.slice(0, position), 1, ...node.shape.slice(position)]);
}

/** x without the given axes of size 1, or without all of them. */
export function squeeze(x: Operand, axes?: number | readonly number[]): Node {
  const node = toSymbolic(x);
  const chosen = axes === undefined ? undefined : resolveAxes("squeeze", node.shape.length, axes);
  for (const axis of chosen ?? [])
    check(node.shape[axis] === 1, "shape", () => ({
      where: errorPlace("squeeze"),
      expected: `size 1 in axis ${axis}`,
      received: `[${node.shape.join(", ")}]`,
    }));
  return reshape(
    node,
    node.shape.filter((size, axis) => (chosen === undefined ? size !== 1 : !chosen.includes(axis))),
  );
}

const identityOp: Operation = /* @__PURE__ */ defineOp({
  name: "identity",
  infer: ([x]) => ({ shape: (x as Node).shape, dtype: (x as Node).dtype }),
  gradient: (_, dy) => [dy],
  view: true,
});

/** x itself, as a node of its own: differentiation can stop there. */
export function identity(x: Node): Node {
  return makeNode(identityOp, [x], {});
}

const stopGradientOp: Operation = /* @__PURE__ */ defineOp({
  name: "stopGradient",
  infer: ([x]) => ({ shape: (x as Node).shape, dtype: (x as Node).dtype }),
  gradient: () => [null],
  view: true,
});

/** x, treated as a constant by differentiation. */
export function stopGradient(x: Operand): Node {
  return makeNode(stopGradientOp, [toSymbolic(x)], {});
}
