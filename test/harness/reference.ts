// What is the value of a graph? An interpreter in float64, plain loops, nothing shared with the library's kernels.

import { type SymbolicTensor, topologicalOrder } from "../../bindings/graph.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import type { Variable } from "../../bindings/variable.ts";
import { type Estimate, exactly } from "./estimate.ts";
import { evaluateElements } from "./referenceElements.ts";
import { evaluateMove } from "./referenceMoves.ts";
import { evaluateSpectrum } from "./referenceSpectrum.ts";
import { evaluateMatMul, evaluateReduction, evaluateScatter } from "./referenceSums.ts";

/** Values of input nodes. */
export type Given = ReadonlyMap<SymbolicTensor, ArrayLike<number>>;

const rules = [evaluateElements, evaluateReduction, evaluateMatMul, evaluateScatter, evaluateMove, evaluateSpectrum];

/** What fused operations decompose into: the same graph each time that it is evaluated. */
const decomposed = new WeakMap<SymbolicTensor, SymbolicTensor>();

/**
 * The float64 values of `outputs` with the bounds of estimate.ts. Fused operations are evaluated by what they decompose
 * into; variables give their value of now.
 */
export function evaluate(outputs: readonly SymbolicTensor[], given: Given): Estimate[] {
  const known = new Map<SymbolicTensor, Estimate>();
  for (const [node, values] of given) known.set(node, exactly(values));
  const complete = (roots: readonly SymbolicTensor[]): void => {
    for (const node of topologicalOrder(roots)) if (!known.has(node)) known.set(node, estimateOf(node));
  };
  const estimateOf = (node: SymbolicTensor): Estimate => {
    if (node.op.name === "constant") return exactly((node.attributes as { value: Tensor }).value.data);
    if (node.op.name === "read") return exactly((node.attributes as { variable: Variable }).variable.value.data);
    if (node.op.decompose !== undefined) {
      const parts = decomposed.get(node) ?? node.op.decompose(node.inputs, node.attributes);
      decomposed.set(node, parts);
      complete([parts]);
      return known.get(parts) as Estimate;
    }
    const inputs = node.inputs.map((input) => known.get(input) as Estimate);
    for (const rule of rules) {
      const result = rule(node, inputs);
      if (result !== undefined) return result;
    }
    throw new Error(`the reference does not know ${node}`);
  };
  complete(outputs);
  return outputs.map((output) => known.get(output) as Estimate);
}
