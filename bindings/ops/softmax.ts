// How are rows turned into probabilities?

import * as code from "../../assembly/opcodes.ts";
import { type Bounds, reads, writes } from "../compiler/instruction.ts";
import { defineOp, makeNode, type Operand, type Operation, type SymbolicTensor } from "../graph.ts";
import { sizeOf } from "../tensor.ts";
import { transpose } from "./copy.ts";
import { asFloat, divide, exp, log, multiply, subtract } from "./map.ts";
import { max, resolveAxes, sum } from "./reduce.ts";

type Node = SymbolicTensor;

/* @__NO_SIDE_EFFECTS__ */
function rowsOp(name: "softmax" | "logSoftmax"): Operation {
  const logarithm = name === "logSoftmax";
  return defineOp({
    name,
    infer: ([x]) => ({ shape: (x as Node).shape, dtype: "float32" }),
    gradient: (y, dy) => {
      if (logarithm) return [subtract(dy, multiply(exp(y), sum(dy, -1, true)))];
      return [multiply(y, subtract(dy, sum(multiply(dy, y), -1, true)))];
    },
    decompose: ([x]) => {
      const shifted = subtract(x as Node, max(x as Node, -1, true));
      const total = sum(exp(shifted), -1, true);
      return logarithm ? subtract(shifted, log(total)) : divide(exp(shifted), total);
    },
    lower: (node) => {
      const columns = node.shape[node.shape.length - 1] as number;
      const rows = sizeOf(node.shape.slice(0, -1));
      return [
        {
          opcode: code.SOFTMAX,
          name,
          units: rows,
          grain: Math.max(1, Math.floor(2048 / Math.max(1, columns))),
          operands: {
            input: reads(node.inputs[0] as Node),
            out: writes(node),
            rows,
            columns,
            logarithm: logarithm ? 1 : 0,
          },
          flops: node.size * 8,
        },
      ];
    },
  });
}

/** Of SOFTMAX. */
export const softmaxBounds: Bounds = (it) => {
  const [rows, columns] = it.words(2, 2);
  it.needs(it.units === rows);
  it.reads(0, 4 * rows * columns);
  it.writes(1, 4 * rows * columns);
  return 64 * rows * columns;
};

/** softmax over the last axis. */
export const softmaxOp: Operation = rowsOp("softmax");
const logSoftmaxOp: Operation = rowsOp("logSoftmax");

/** eˣ / Σ eˣ along `axis`, computed from x − max x; sums to 1. */
export function softmax(x: Operand, axis = -1): Node {
  return overAxis(softmaxOp, asFloat(x), axis);
}

/** ln softmax(x) along `axis`, exact where softmax is tiny. */
export function logSoftmax(x: Operand, axis = -1): Node {
  return overAxis(logSoftmaxOp, asFloat(x), axis);
}

function overAxis(op: Operation, x: Node, axis: number): Node {
  const rank = x.shape.length;
  const [position = 0] = resolveAxes(op.name, rank, axis);
  if (position === rank - 1) return makeNode(op, [x], {});
  const swap = [...x.shape.keys()].map((each) => (each === position ? rank - 1 : each === rank - 1 ? position : each));
  return transpose(makeNode(op, [transpose(x, swap)], {}), swap);
}
