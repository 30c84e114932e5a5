// How is a metric summed up over an epoch?

import * as code from "../../assembly/opcodes.ts";
import { reads, updates } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import { defineOp, makeNode, type Operand, type Operation, read, type SymbolicTensor } from "../graph.ts";
import { Tensor } from "../tensor.ts";
import { Variable } from "../variable.ts";
import { asFloat } from "./map.ts";

type Node = SymbolicTensor;

/** How a cell takes a further value. */
export type Combination = "sum" | "max" | "min";

const kinds: Readonly<Record<Combination, number>> = {
  sum: code.ACCUMULATE_SUM,
  max: code.ACCUMULATE_MAX,
  min: code.ACCUMULATE_MIN,
};
const starts: Readonly<Record<Combination, number>> = {
  sum: 0,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
};

const accumulateOp: Operation<{ readonly combination: Combination }> = defineOp({
  name: "accumulate",
  effect: true,
  infer: () => ({ shape: [], dtype: "float32" }),
  gradient: (node) => node.inputs.map(() => null),
  lower: (node) => {
    const [cells, values] = node.inputs as [Node, Node];
    const width = cells.size / 2;
    return [
      {
        opcode: code.ACCUMULATE,
        name: "accumulate",
        units: 1,
        grain: 1,
        operands: {
          values: reads(values),
          cells: updates(cells),
          rows: values.size / width,
          width,
          kind: kinds[node.attributes.combination],
        },
        flops: values.size,
      },
    ];
  },
});

/** `width` float64 cells, each in the bytes of two int32, that hold nothing yet. */
export function accumulator(name: string, width = 1, combination: Combination = "sum"): Variable {
  return new Variable(name, emptyCells(width, combination));
}

/**
 * cells ⊕= values, in float64 and in the order of the elements: each of them for a single cell, else the rows of
 * values [..., width].
 */
export function accumulate(cells: Variable, values: Operand, combination: Combination = "sum"): void {
  const node = asFloat(values);
  const width = cells.size / 2;
  check(width === 1 || node.shape[node.shape.length - 1] === width, "shape", () => ({
    where: cells.name,
    expected: `values of shape [..., ${width}]`,
    received: `[${node.shape.join(", ")}]`,
  }));
  makeNode(accumulateOp, [read(cells), node], { combination });
}

/** What has been accumulated since the last {@link clearAccumulator}. */
export function readAccumulator(cells: Variable): number[] {
  const { data } = cells.value;
  return Array.from(new Float64Array(data.buffer, data.byteOffset, data.length / 2));
}

/** Makes the cells hold nothing. */
export function clearAccumulator(cells: Variable, combination: Combination = "sum"): void {
  cells.assign(emptyCells(cells.size / 2, combination));
}

function emptyCells(width: number, combination: Combination): Tensor {
  const numbers = new Float64Array(width).fill(starts[combination]);
  return Tensor.of(new Int32Array(numbers.buffer), [2 * width], "int32");
}
