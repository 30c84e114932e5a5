// How are rows picked by index?

import * as code from "../../assembly/opcodes.ts";
import { type Bounds, reads, writes } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import {
  constant,
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { elementBytes, sizeOf } from "../tensor.ts";
import { transpose } from "./copy.ts";
import { add, asFloat, cast, greaterEqual, less, logicalAnd, where } from "./map.ts";
import { inOneRow, resolveAxes } from "./reduce.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;

/** [rows, inner] picked by [count] → [count, inner]. */
const gatherOp: Operation = /* @__PURE__ */ defineOp({
  name: "gather",
  infer: ([x, indices]) => ({
    shape: [(indices as Node).size, (x as Node).shape[1] as number],
    dtype: (x as Node).dtype,
  }),
  gradient: ({ inputs: [x, indices] }, dy) => [scatterAdd(dy, indices as Node, (x as Node).shape[0] as number), null],
  lower: (node) => {
    const [x, indices] = node.inputs as [Node, Node];
    const [rows = 0, inner = 1] = x.shape;
    return [
      {
        opcode: code.GATHER,
        name: "gather",
        units: indices.size,
        grain: Math.max(1, Math.floor(16384 / inner)),
        operands: {
          input: reads(x),
          indices: reads(indices),
          out: writes(node),
          rows,
          rowBytes: inner * elementBytes[x.dtype],
          count: indices.size,
        },
        flops: 0,
      },
    ];
  },
});

/** Of GATHER. The kernel compares each index with `rows`. */
export const gatherBounds: Bounds = (it) => {
  const [rows, rowBytes, count] = it.words(3, 3);
  it.needs(it.units === count);
  it.reads(0, rows * rowBytes);
  it.reads(1, 4 * count);
  it.writes(2, count * rowBytes);
  return 8 * count * rowBytes;
};

/** [count, inner] added up by [count] → [rows, inner]. */
const scatterAddOp: Operation<{ readonly rows: number }> = /* @__PURE__ */ defineOp({
  name: "scatterAdd",
  infer: ([updates], { rows }) => ({ shape: [rows, (updates as Node).shape[1] as number], dtype: "float32" }),
  gradient: ({ inputs: [, indices] }, dy) => [gather(dy, indices as Node), null],
  lower: (node) => {
    const [updates, indices] = node.inputs as [Node, Node];
    const self = node;
    const inner = updates.shape[1] as number;
    return [
      {
        opcode: code.SCATTER_ADD,
        name: "scatterAdd",
        units: Math.ceil(inner / 64),
        grain: 1,
        operands: {
          updates: reads(updates),
          indices: reads(indices),
          out: writes(self),
          rows: node.attributes.rows,
          inner,
          count: indices.size,
        },
        flops: updates.size,
      },
    ];
  },
});

/**
 * Entries of x along `axis` picked by integer `indices`: shape of x with that axis replaced by the shape of `indices`.
 * @throws {TensorError} `data` while running, when an index is outside the axis.
 */
export function gather(x: Operand, indices: Operand, axis = 0): Node {
  const node = toSymbolic(x);
  const picks = integers("gather", indices);
  const rank = node.shape.length;
  const [position = 0] = resolveAxes("gather", rank, axis);
  const order = [position, ...node.shape.map((_, each) => each).filter((each) => each !== position)];
  const front = transpose(node, order);
  const inner = front.shape.slice(1);
  const rows = makeNode(
    gatherOp,
    [reshape(front, [front.shape[0] as number, sizeOf(inner)]), reshape(picks, [picks.size])],
    {},
  );
  const picked = reshape(rows, [...picks.shape, ...inner]);
  const dims = picks.shape.length;
  const back = Array.from({ length: dims + rank - 1 }, (_, each) => {
    if (each < position) return dims + each;
    return each < position + dims ? each - position : each;
  });
  return transpose(picked, back);
}

/**
 * {@link gather} as Keras calls it: elements of all of x in one row when `axis` is missing, and indices below 0 count from
 * the end.
 * @throws {TensorError} `data` while running, when an index is outside the axis.
 */
export function take(x: Operand, indices: Operand, axis?: number | null): Node {
  const node = axis == null ? inOneRow(x) : toSymbolic(x);
  const picks = cast(integers("take", indices), "int32");
  const [position = 0] = resolveAxes("take", node.shape.length, axis ?? 0);
  const size = node.shape[position] as number;
  const fromEnd = logicalAnd(less(picks, 0), greaterEqual(picks, -size));
  return gather(node, where(fromEnd, add(picks, size), picks), position);
}

/** The elements of x [..., n] at positions int32 [..., m] of the last axis. */
export function pickAlongLast(x: Node, positions: Node): Node {
  const columns = x.shape[x.shape.length - 1] ?? 1;
  const picked = positions.shape[positions.shape.length - 1] ?? 1;
  const rows = sizeOf(x.shape.slice(0, -1));
  const firsts = constant(Int32Array.from({ length: rows }, (_, row) => row * columns));
  const places = add(reshape(positions, [rows, picked]), expandDims(firsts, 1));
  return reshape(gather(reshape(x, [x.size]), places), positions.shape);
}

/** Rows [rows, inner] with the rows of `updates` [count, inner] added at `indices` [count]; zero elsewhere. */
export function scatterAdd(updates: Operand, indices: Operand, rows: number): Node {
  const node = asFloat(updates);
  const picks = integers("scatterAdd", indices);
  check(node.shape.length === 2 && node.shape[0] === picks.size, "shape", () => ({
    where: errorPlace("scatterAdd"),
    expected: `updates of shape [${picks.size}, inner]`,
    received: `[${node.shape.join(", ")}]`,
  }));
  return makeNode(scatterAddOp, [node, reshape(picks, [picks.size])], { rows });
}

/** Rows of a data set for one step: `count` rows at indices[cursor], indices[cursor + 1] … */
const gatherBatchOp: Operation<{ readonly count: number }> = /* @__PURE__ */ defineOp({
  name: "gatherBatch",
  infer: ([x], { count }) => ({ shape: [count, ...(x as Node).shape.slice(1)], dtype: (x as Node).dtype }),
  gradient: () => [null, null, null],
  lower: (node) => {
    const [x, indices, cursor] = node.inputs as [Node, Node, Node];
    const inner = sizeOf(x.shape.slice(1));
    const { count } = node.attributes;
    return [
      {
        opcode: code.GATHER_BATCH,
        name: "gatherBatch",
        units: count,
        grain: Math.max(1, Math.floor(16384 / inner)),
        operands: {
          input: reads(x),
          indices: reads(indices),
          cursor: reads(cursor),
          out: writes(node),
          rows: x.shape[0] as number,
          rowBytes: inner * elementBytes[x.dtype],
          count,
        },
        flops: 0,
      },
    ];
  },
});

/** The `count` rows of x at the positions indices[cursor …]. No gradient: x is data. */
export function gatherBatch(x: Node, indices: Node, cursor: Node, count: number): Node {
  return makeNode(gatherBatchOp, [x, indices, cursor], { count });
}

/** The operand as int32. @throws {TensorError} `dtype` unless it holds integers. */
export function integers(name: string, indices: Operand): Node {
  const node = toSymbolic(indices, "int32");
  check(node.dtype === "int32" || node.dtype === "uint8", "dtype", () => ({
    where: errorPlace(name),
    expected: "int32 or uint8 indices",
    received: node.dtype,
    remedy: 'Cast them with ops.cast(indices, "int32").',
  }));
  return cast(node, "int32");
}
