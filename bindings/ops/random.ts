// Where do random numbers come from? Philox, counted by element, step and stream.

import * as code from "../../assembly/opcodes.ts";
import { check } from "../errors.ts";
import {
  currentTrace,
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
  tracing,
} from "../graph.ts";
import type { Shape } from "../tensor.ts";
import { lowerExpression } from "./expression.ts";

/** The largest float32 below `limit`. */
export function floatBelow(limit: number): number {
  const single = Math.fround(limit);
  if (single < limit) return single;
  if (single === 0) return -(2 ** -149);
  const bits = new Int32Array(Float32Array.of(single).buffer);
  bits[0] = (bits[0] as number) - Math.sign(single);
  return new Float32Array(bits.buffer)[0] as number;
}

/** The least float32 above `limit`. */
export function floatAbove(limit: number): number {
  return -floatBelow(-limit);
}

/** Uniform numbers of one stream. Inputs: seed, step (int32 scalars). */
export const randomUniformOp: Operation<{ readonly shape: Shape; readonly stream: number }> = defineOp({
  name: "randomUniform",
  infer: (inputs, { shape }) => {
    for (const input of inputs)
      check(input.dtype === "int32" && input.size === 1, "dtype", () => ({
        where: errorPlace("randomUniform"),
        expected: "int32 scalars as seed and step",
        received: `${input.dtype} [${input.shape.join(", ")}]`,
      }));
    return { shape, dtype: "float32" };
  },
  gradient: () => [null, null],
  lower: (node) => [
    lowerExpression(node, {
      sources: [{ kind: "random", seed: 0, step: 1, stream: node.attributes.stream }],
      steps: [{ code: code.COPY_VALUE, operands: [0] }],
    }),
  ],
});

/**
 * Uniform numbers in [0, 1), multiples of 2⁻²⁴. Element i is a function of (seed, stream, step, i) alone: Philox4x32-10
 * (Salmon et al., 2011). Each call in a traced program draws from a stream of its own.
 */
export function randomUniform(seed: Operand, step: Operand, shape: Shape): SymbolicTensor {
  const stream = tracing() ? currentTrace("randomUniform").randomStreams++ : 0;
  return makeNode(randomUniformOp, [toSymbolic(seed, "int32"), toSymbolic(step, "int32")], { shape, stream });
}
