// Which operations put numbers into their order, or add them up in it?

import * as code from "../../assembly/opcodes.ts";
import { type Bounds, reads, writes } from "../compiler/instruction.ts";
import { check, show } from "../errors.ts";
import {
  checkFlag,
  constant,
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { sizeOf } from "../tensor.ts";
import { pad, slice, transpose } from "./copy.ts";
import { typeCode } from "./expression.ts";
import { pickAlongLast } from "./gather.ts";
import { add, cast, equal, greater, less, logicalAnd, logicalNot, logicalOr } from "./map.ts";
import { argMax, inOneRow, resolveAxes, sum } from "./reduce.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;

/** [rows, columns] float32 or int32 → int32 [rows, columns]. */
const argSortOp: Operation<{ readonly descending: boolean }> = /* @__PURE__ */ defineOp({
  name: "argSort",
  infer: ([x]) => ({ shape: (x as Node).shape, dtype: "int32" }),
  gradient: () => [null],
  decompose: ([given], { descending }) => {
    const x = given as Node;
    const [, columns = 0] = x.shape;
    const [own, other] = [expandDims(x, 2), expandDims(x, 1)];
    const places = constant(Int32Array.from({ length: columns }, (_, place) => place));
    const earlier = less(places, expandDims(places, 1));
    const smaller = descending ? greater(other, own) : less(other, own);
    const unordered = (y: Node): Node => logicalNot(equal(y, y));
    const tied = logicalOr(equal(other, own), logicalAnd(unordered(other), unordered(own)));
    const ahead = logicalOr(
      logicalOr(smaller, logicalAnd(tied, earlier)),
      logicalAnd(unordered(own), equal(other, other)),
    );
    const rank = sum(cast(ahead, "int32"), 2);
    return argMax(cast(equal(expandDims(rank, 1), expandDims(places, 1)), "int32"), 2);
  },
  lower: (node) => {
    const input = node.inputs[0] as Node;
    const [rows = 1, columns = 1] = input.shape;
    return [
      {
        opcode: code.ARG_SORT,
        name: "argSort",
        units: rows,
        grain: Math.max(1, Math.floor(512 / Math.max(1, columns))),
        operands: {
          input: reads(input),
          out: writes(node),
          type: typeCode(input.dtype),
          rows,
          columns,
          descending: node.attributes.descending ? 1 : 0,
        },
        flops: input.size * 2 * (32 - Math.clz32(columns)),
      },
    ];
  },
});

/** Of ARG_SORT. */
export const argSortBounds: Bounds = (it) => {
  const [type, rows, columns] = it.words(2, 3);
  it.needs(type <= code.INT32 && it.units === rows);
  it.reads(0, 4 * rows * columns);
  it.writes(1, 4 * rows * columns);
  return 64 * rows * columns * (32 - Math.clz32(columns));
};

/** Positions along the last of axes with `axis` moved there: int32. */
function sortedPositions(x: Node, descending: boolean): Node {
  const columns = x.shape[x.shape.length - 1] ?? 1;
  const rows = reshape(x, [sizeOf(x.shape.slice(0, -1)), columns]);
  return reshape(makeNode(argSortOp, [rows], { descending }), x.shape);
}

/** `operand` with `axis` moved behind all others, and how to move it back. */
function axisLast(name: string, operand: Operand, axis: number): { x: Node; back: (y: Node) => Node } {
  const given = toSymbolic(operand);
  const x = given.dtype === "float32" || given.dtype === "int32" ? given : cast(given, "int32");
  const rank = x.shape.length;
  const [position = 0] = resolveAxes(name, rank, axis);
  const swap = [...x.shape.keys()].map((each) => (each === position ? rank - 1 : each === rank - 1 ? position : each));
  return { x: transpose(x, swap), back: (y) => transpose(y, swap) };
}

/** Positions that put x into order along `axis`, int32; equal numbers keep their order, NaN come last. */
export function argSort(x: Operand, axis = -1, descending = false): Node {
  checkFlag("argSort", "descending", descending);
  const moved = axisLast("argSort", x, axis);
  return moved.back(sortedPositions(moved.x, descending));
}

/** x in ascending (or descending) order along `axis`. The gradient goes back to where each number came from. */
export function sort(x: Operand, axis = -1, descending = false): Node {
  checkFlag("sort", "descending", descending);
  const moved = axisLast("sort", x, axis);
  return moved.back(pickAlongLast(moved.x, sortedPositions(moved.x, descending)));
}

/** The k largest numbers of the last axis, the largest first: [..., n] → [..., k]. */
export function topK(x: Operand, k: number): Node {
  const { x: node } = axisLast("topK", x, -1);
  return pickAlongLast(node, argTopK(node, k));
}

/** Where the k largest numbers of the last axis stand, int32: [..., n] → [..., k]. */
export function argTopK(x: Operand, k: number): Node {
  const { x: node } = axisLast("topK", x, -1);
  const columns = node.shape[node.shape.length - 1] ?? 1;
  check(Number.isInteger(k) && k >= 0 && k <= columns, "shape", () => ({
    where: errorPlace("topK"),
    expected: `k from 0 to ${columns}`,
    received: show(k),
  }));
  const size = [...node.shape.slice(0, -1), k];
  return slice(
    sortedPositions(node, true),
    node.shape.map(() => 0),
    size,
  );
}

/** How many numbers of the last axis come before each, the largest first: int32, from 0 to n − 1. */
export function rankOf(x: Operand): Node {
  const { x: node } = axisLast("rank", x, -1);
  return sortedPositions(sortedPositions(node, true), false);
}

/**
 * Sums of the elements up to each one along `axis`, y_i = x_0 + … + x_i; of all in one row when it is missing. In log₂ n
 * passes, so rounding stays small.
 */
export function cumsum(x: Operand, axis?: number | null): Node {
  const given = axis == null ? inOneRow(x) : toSymbolic(x);
  let sums = given.dtype === "float32" || given.dtype === "int32" ? given : cast(given, "int32");
  const { shape } = sums;
  const [position = 0] = resolveAxes("cumsum", shape.length, axis ?? 0);
  const length = sizeOf(shape) === 0 ? 0 : (shape[position] as number);
  for (let step = 1; step < length; step *= 2) {
    const kept = shape.map((size, each) => (each === position ? size - step : size));
    const front = slice(
      sums,
      shape.map(() => 0),
      kept,
    );
    const moved = pad(
      front,
      shape.map((_, each) => (each === position ? [step, 0] : [0, 0]) as [number, number]),
    );
    sums = add(sums, moved);
  }
  return sums;
}
