// Which operations shrink axes to one value, and how are they differentiated?

import * as code from "../../assembly/opcodes.ts";
import { type Bounds, reads, writes } from "../compiler/instruction.ts";
import {
  checkFlag,
  defineOp,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { type Shape, sameShape, sizeOf } from "../tensor.ts";
import { type Axes, checkElements, resolveAxes } from "./axes.ts";
import { pad, slice } from "./copy.ts";
import { typeCode } from "./expression.ts";
import { add, asFloat, broadcastTo, cast, divide, equal, multiply, round, subtract } from "./map.ts";
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

/**
 * [outer, axis, inner] → [outer, inner]. A second input is that of which the first holds sums of parts, or extremes over
 * some of the `axes`.
 */
/* @__NO_SIDE_EFFECTS__ */
function reduceOp(kind: Kind): Operation<{ readonly axes?: readonly number[] }> {
  return defineOp({
    name: kind,
    infer: ([x]) => {
      const [outer = 1, , inner = 1] = (x as Node).shape;
      return { shape: [outer, inner], dtype: indexed(kind) ? "int32" : (x as Node).dtype };
    },
    gradient: (node, dy) => {
      const whole = node.inputs[1];
      if (whole === undefined) return [reduceGradient(kind, node, dy)];
      return [null, kind === "sum" ? spreadOver(whole, dy) : toExtremes(whole, node, dy)];
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

/** dy to the elements of `whole` that are its extremes over the axes of `node`, in equal parts. */
function toExtremes(whole: Node, node: Node, dy: Node): Node {
  const axes = node.attributes.axes as readonly number[];
  const kept = whole.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const chosen = cast(equal(whole, reshape(node, kept)), "float32");
  return multiply(chosen, divide(reshape(dy, kept), sum(chosen, axes, true)));
}

/** Of REDUCE. */
export const reduceBounds: Bounds = (it) => {
  const [kind, type, outer, axis, inner] = it.words(2, 5);
  it.needs(kind <= code.REDUCE_ARG_MIN && type <= code.INT32);
  // The position of an extreme is looked for from the first element on.
  it.needs(kind < code.REDUCE_ARG_MAX || axis >= 1);
  it.needs(it.units === outer * (inner === 1 ? 1 : Math.ceil(inner / panelColumns)));
  it.reads(0, 4 * outer * axis * inner);
  it.writes(1, 4 * outer * inner);
  return 16 * outer * (axis + 1) * inner;
};

const operations: Readonly<Record<Kind, ReturnType<typeof reduceOp>>> = {
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

/**
 * For each element of [outer, axis, inner] the product of the others along the axis: of those before it and those behind.
 * No division, so that zeros and infinities are right.
 */
function productOfOthers(x: Node): Node {
  return multiply(productUpTo(x, 1), productUpTo(x, -1));
}

/** Products of the elements before each one along the axis, or with side −1 behind it. In log₂ n passes. */
function productUpTo(x: Node, side: 1 | -1): Node {
  let products = movedBy(x, side);
  for (let step = 1; step < (x.shape[1] as number); step *= 2)
    products = multiply(products, movedBy(products, side * step));
  return products;
}

/** x [outer, axis, inner] moved along the axis, ones in the places that become free. */
function movedBy(x: Node, shift: number): Node {
  const [outer = 1, axis = 1, inner = 1] = x.shape;
  if (axis === 0) return x;
  const kept = slice(x, [0, Math.max(0, -shift), 0], [outer, axis - Math.abs(shift), inner]);
  return pad(
    kept,
    [
      [0, 0],
      [Math.max(0, shift), Math.max(0, -shift)],
      [0, 0],
    ],
    1,
  );
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
  if (kind !== "sum" && kind !== "product") checkElements(kind, x.shape, chosen);
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
    const folded = reshape(result, view);
    // Run by run the equal extremes of a run would share what one element of the next has: the last knows them all.
    const whole = begin === 0 && result !== x && (kind === "max" || kind === "min");
    result = reshape(
      whole ? makeNode(operations[kind], [folded, x], { axes: chosen }) : reduceAxis(kind, folded),
      kept,
    );
    end = begin;
  }
  const shape = keepDims ? result.shape : x.shape.filter((_, axis) => !chosen.includes(axis));
  return reshape(result, shape);
}

/** Σ over `axes` (all when missing); the axes stay as size 1 with `keepDims`. float32 or int32. */
export function sum(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("sum", "keepDims", keepDims);
  return reduce("sum", x, axes, keepDims);
}

/** Arithmetic mean over `axes`, float32; of integers from their exact sum, up to 2¹⁶ of them at least. */
export function mean(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("mean", "keepDims", keepDims);
  const node = toSymbolic(x);
  const count = resolveAxes("mean", node.shape.length, axes).reduce(
    (product, axis) => product * (node.shape[axis] ?? 1),
    1,
  );
  if (node.dtype === "float32") return divide(sum(node, axes, keepDims), count);
  const rest = asFloat(sum(node, axes, keepDims));
  if (node.dtype !== "int32" && count < 2 ** 23) return divide(rest, count);
  // The sum modulo 2³² is exact, and the sum in float32 near enough to say how many times 2³² are missing.
  const wraps = round(multiply(subtract(sum(asFloat(node), axes, keepDims), rest), 2 ** -32));
  return divide(add(rest, multiply(wraps, 2 ** 32)), count);
}

/** Largest value over `axes`; NaN if there is one. Equal maxima share the gradient. */
export function max(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("max", "keepDims", keepDims);
  return reduce("max", x, axes, keepDims);
}

/** Smallest value over `axes`; NaN if there is one. Equal minima share the gradient. */
export function min(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("min", "keepDims", keepDims);
  return reduce("min", x, axes, keepDims);
}

/** Product over `axes`. */
export function product(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("product", "keepDims", keepDims);
  return reduce("product", x, axes, keepDims);
}

/** Position of the first largest value along one axis, among all elements in a row when it is missing; int32, no gradient. */
export function argMax(x: Operand, axis?: number | null): Node {
  return position("argMax", x, axis);
}

/** Position of the first smallest value along one axis, among all elements in a row when it is missing; int32. */
export function argMin(x: Operand, axis?: number | null): Node {
  return position("argMin", x, axis);
}

function position(kind: "argMax" | "argMin", x: Operand, axis: number | null | undefined): Node {
  return reduce(kind, axis == null ? inOneRow(x) : x, axis ?? 0, false);
}

/** All elements as one row [size]. */
export function inOneRow(x: Operand): Node {
  const node = toSymbolic(x);
  return reshape(node, [node.size]);
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
