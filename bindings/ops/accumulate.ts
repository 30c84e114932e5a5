// How is a metric summed up over an epoch?

import * as code from "../../assembly/opcodes.ts";
import { reads, updates } from "../compiler/instruction.ts";
import { defineOp, makeNode, type Operand, type Operation, read, type SymbolicTensor } from "../graph.ts";
import { Tensor } from "../tensor.ts";
import { Variable } from "../variable.ts";
import { asFloat, broadcastTo } from "./map.ts";

type Node = SymbolicTensor;

const accumulateOp: Operation = defineOp({
  name: "accumulate",
  effect: true,
  infer: () => ({ shape: [], dtype: "float32" }),
  gradient: (node) => node.inputs.map(() => null),
  lower: (node) => {
    const [cells, values, weights] = node.inputs as [Node, Node, Node?];
    return [
      {
        opcode: code.ACCUMULATE,
        name: "accumulate",
        units: 1,
        grain: 1,
        operands: {
          values: reads(values),
          weights: weights === undefined ? 0 : reads(weights),
          cells: updates(cells),
          count: values.size,
        },
        flops: values.size * 2,
      },
    ];
  },
});

/** A running weighted sum and its weight: two float64 numbers, kept in the bytes of four int32. */
export function accumulator(name: string): Variable {
  return new Variable(name, Tensor.of(new Int32Array(4), [4], "int32"));
}

/** total += Σ values·weights and weight += Σ weights (1 each when missing), exact to float64, in order of the elements. */
export function accumulate(cells: Variable, values: Operand, weights?: Operand): void {
  const node = asFloat(values);
  const factors = weights === undefined ? [] : [broadcastTo(asFloat(weights), node.shape)];
  makeNode(accumulateOp, [read(cells), node, ...factors], {});
}

/** What has been accumulated since the last {@link clearAccumulator}. */
export function readAccumulator(cells: Variable): { readonly total: number; readonly weight: number } {
  const { data } = cells.value;
  const [total = 0, weight = 0] = new Float64Array(data.buffer, data.byteOffset, 2);
  return { total, weight };
}

/** Sets both sums to zero. */
export function clearAccumulator(cells: Variable): void {
  cells.assign(Tensor.of(new Int32Array(4), [4], "int32"));
}
