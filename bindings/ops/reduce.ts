// Which operations shrink axes to one value, and how are they differentiated?

import * as code from "../../assembly/opcodes.ts";
import { type Bounds, reads, writes } from "../compiler/instruction.ts";
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
import { type Shape, sameShape, sizeOf } from "../tensor.ts";
import { type Axes, resolveAxes } from "./axes.ts";
import { typeCode } from "./expression.ts";
import { asFloat, broadcastTo, cast, divide, equal, multiply, where } from "./map.ts";
import { reshape } from "./view.ts";

export { type Axes, resolveAxes } from "./axes.ts";

type Node = SymbolicTensor;
type Kind = "sum" | "max" | "min" | "product" | "argMax" | "argMin";

const kinds: Readonly<Record<Kind, number>> = {
  sum: code.REDUCE_SUM,
  max: code.REDUCE_MAX,
  min: code.REDUCE_MIN,
  product: code.REDUCE_PRODUCT,
  argMax: code.REDUCE_ARG_MAX,
  argMin: code.REDUCE_ARG_MIN,
};

const indexed = (kind: Kind): boolean => kind === "argMax" || kind === "argMin";
const panelColumns = 64;
const elementsPerGrain = 16384;
const fewUnits = 8;
const mostParts = 64;
const sharedElements = 65536;

/** [outer, axis, inner] → [outer, inner]. A second input is that of which the first holds sums of parts. */
/* @__NO_SIDE_EFFECTS__ */
function reduceOp(kind: Kind): Operation {
  return defineOp({
    name: kind,
    infer: ([x]) => {
      const [outer = 1, , inner = 1] = (x as Node).shape;
      return { shape: [outer, inner], dtype: indexed(kind) ? "int32" : (x as Node).dtype };
    },
    gradient: (node, dy) => {
      const whole = node.inputs[1];
      return whole === undefined ? [reduceGradient(kind, node, dy)] : [null, spreadOver(whole, dy)];
    },
    lower: (node) => {
      const input = node.inputs[0] as Node;
      const [outer = 1, axis = 1, inner = 1] = input.shape;
      const panels = inner === 1 ? 1 : Math.ceil(inner / panelColumns);
      const perUnit = inner === 1 ? axis : axis * Math.min(inner, panelColumns);
      return [
        {
          opcode: code.REDUCE,
          name: kind,
          units: outer * panels,
          grain: Math.max(1, Math.floor(elementsPerGrain / perUnit)),
          operands: {
            input: reads(input),
            out: writes(node),
            kind: kinds[kind],
            type: typeCode(input.dtype),
            outer,
            axis,
            inner,
          },
          flops: input.size,
        },
      ];
    },
  });
}

/** Of REDUCE. */
export const reduceBounds: Bounds = (it) => {
  const [kind, type, outer, axis, inner] = it.words(2, 5);
  it.needs(kind <= code.REDUCE_ARG_MIN && type <= code.INT32);
  it.needs(it.units === outer * (inner === 1 ? 1 : Math.ceil(inner / panelColumns)));
  it.reads(0, 4 * outer * axis * inner);
  it.writes(1, 4 * outer * inner);
  return 16 * outer * (axis + 1) * inner;
};

const operations: Readonly<Record<Kind, Operation>> = {
  sum: reduceOp("sum"),
  max: reduceOp("max"),
  min: reduceOp("min"),
  product: reduceOp("product"),
  argMax: reduceOp("argMax"),
  argMin: reduceOp("argMin"),
};

function reduceGradient(kind: Kind, node: Node, dy: Node): Node | null {
  const x = node.inputs[0] as Node;
  const [outer = 1, , inner = 1] = x.shape;
  const spread = (value: Node): Node => broadcastTo(reshape(value, [outer, 1, inner]), x.shape);
  if (indexed(kind)) return null;
  if (kind === "sum") return spreadOver(x, dy);
  if (kind === "product") return multiply(spread(dy), productOfOthers(x));
  const chosen = cast(equal(x, spread(node)), "float32");
  return multiply(chosen, spread(divide(dy, reduceAxis("sum", chosen))));
}

/**
 * dy [outer, inner] repeated along the axis of x [outer, axis, inner]. Where x is a view, it is repeated in the shape of
 * what x shows, so that it becomes part of the elementwise operations there.
 */
function spreadOver(x: Node, dy: Node): Node {
  const [outer = 1, , inner = 1] = x.shape;
  const { shape } = x.op.view === true ? (x.inputs[0] as Node) : x;
  let first = 0;
  let last = shape.length;
  for (let before = 1; before < outer; first++) before *= shape[first] ?? Number.NaN;
  for (let behind = 1; behind < inner; last--) behind *= shape[last - 1] ?? Number.NaN;
  const [before, behind] = [sizeOf(shape.slice(0, first)), sizeOf(shape.slice(last))];
  if (before !== outer || behind !== inner || first > last) return broadcastTo(reshape(dy, [outer, 1, inner]), x.shape);
  const kept = shape.map((size, axis) => (axis >= first && axis < last ? 1 : size));
  return reshape(broadcastTo(reshape(dy, kept), shape), x.shape);
}

/** For each element of [outer, axis, inner] the product of the others along the axis; no division, so zeros are right. */
function productOfOthers(x: Node): Node {
  const [outer = 1, axis = 1, inner = 1] = x.shape;
  const diagonal = Float32Array.from({ length: axis * axis }, (_, index) =>
    Math.floor(index / axis) === index % axis ? 1 : 0,
  );
  const own = reshape(toSymbolic(diagonal), [1, axis, axis, 1]);
  const others = where(own, 1, reshape(x, [outer, 1, axis, inner]));
  return reshape(reduceAxis("product", reshape(others, [outer * axis, axis, inner])), [outer, axis, inner]);
}

/** [outer, axis, inner] → [outer, inner]. A long sum with few results is made of sums of parts, which threads share. */
function reduceAxis(kind: Kind, x: Node): Node {
  const parts = kind === "sum" ? partsOf(x.shape) : 1;
  if (parts === 1) return makeNode(operations[kind], [x], {});
  const [outer = 1, axis = 1, inner = 1] = x.shape;
  const sums = makeNode(operations.sum, [reshape(x, [outer * parts, axis / parts, inner])], {});
  return makeNode(operations.sum, [reshape(sums, [outer, parts, inner]), x], {});
}

function partsOf([outer = 1, axis = 1, inner = 1]: Shape): number {
  const units = outer * Math.ceil(inner / panelColumns);
  if (units >= fewUnits || outer * axis * inner < sharedElements) return 1;
  let parts = Math.min(mostParts, axis);
  while (axis % parts !== 0) parts--;
  return parts;
}

/** Reduces `axes` of x: runs of neighbouring axes are one reduction each, the last run first. */
function reduce(kind: Kind, operand: Operand, axes: Axes | undefined, keepDims: boolean): Node {
  const given = toSymbolic(operand);
  const x = given.dtype === "float32" || given.dtype === "int32" ? given : cast(given, "int32");
  const chosen = resolveAxes(kind, x.shape.length, axes);
  check(
    !(kind === "max" || kind === "min" || indexed(kind)) || chosen.every((axis) => (x.shape[axis] ?? 0) > 0),
    "shape",
    () => ({
      where: errorPlace(kind),
      expected: "at least one element along the axis",
      received: `[${x.shape.join(", ")}]`,
    }),
  );
  let result = x;
  let end = chosen.length;
  while (end > 0) {
    let begin = end - 1;
    while (begin > 0 && (chosen[begin - 1] as number) === (chosen[begin] as number) - 1) begin--;
    const first = chosen[begin] as number;
    const last = chosen[end - 1] as number;
    const view = [
      sizeOf(result.shape.slice(0, first)),
      sizeOf(result.shape.slice(first, last + 1)),
      sizeOf(result.shape.slice(last + 1)),
    ];
    const kept = result.shape.map((size, axis) => (axis >= first && axis <= last ? 1 : size));
    result = reshape(reduceAxis(kind, reshape(result, view)), kept);
    end = begin;
  }
  const shape = keepDims ? result.shape : x.shape.filter((_, axis) => !chosen.includes(axis));
  return reshape(result, shape);
}

/** Σ over `axes` (all when missing); the axes stay as size 1 with `keepDims`. float32 or int32. */
export function sum(x: Operand, axes?: Axes, keepDims = false): Node {
  return reduce("sum", x, axes, keepDims);
}

/** Arithmetic mean over `axes`, float32. */
export function mean(x: Operand, axes?: Axes, keepDims = false): Node {
  const node = asFloat(x);
  const count = resolveAxes("mean", node.shape.length, axes).reduce(
    (product, axis) => product * (node.shape[axis] ?? 1),
    1,
  );
  return divide(sum(node, axes, keepDims), count);
}

/** Largest value over `axes`; NaN if there is one. Equal maxima share the gradient. */
export function max(x: Operand, axes?: Axes, keepDims = false): Node {
  return reduce("max", x, axes, keepDims);
}

/** Smallest value over `axes`. */
export function min(x: Operand, axes?: Axes, keepDims = false): Node {
  return reduce("min", x, axes, keepDims);
}

/** Product over `axes`. */
export function product(x: Operand, axes?: Axes, keepDims = false): Node {
  return reduce("product", x, axes, keepDims);
}

/** Position of the first largest value along one axis, int32; no gradient. */
export function argMax(x: Operand, axis = -1): Node {
  return reduce("argMax", x, axis, false);
}

/** Position of the first smallest value along one axis, int32. */
export function argMin(x: Operand, axis = -1): Node {
  return reduce("argMin", x, axis, false);
}

/** Sums x over the axes along which it was broadcast from `shape`: the gradient of broadcasting. */
export function sumTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, axis) =>
    axis < offset || (shape[axis - offset] === 1 && size !== 1) ? [axis] : [],
  );
  return reshape(axes.length === 0 ? x : sum(x, axes), shape);
}
