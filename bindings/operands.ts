// What plain data are when they are given to operations on values.

import { isIndices, isVariable } from "./graph.ts";
import { structuralKey } from "./structuralKey.ts";
import { Tensor, type TensorLike, tensor } from "./tensor.ts";
import { isSymbolic } from "./trees.ts";

/** A value, but plain numbers stay as they are: they take the dtype of the other operand. */
export function asValue(operand: TensorLike, whole = false): TensorLike {
  if (typeof operand === "number" || operand === undefined) return operand;
  return isIndices(operand) && whole ? tensor(operand, undefined, "int32") : tensor(operand);
}

/** Whether `value` is a list of tensors, symbols or typed arrays, not one array of numbers. */
export function isListOfTensors(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => each instanceof Tensor || isSymbolic(each) || isVariable(each) || ArrayBuffer.isView(each))
  );
}

/** Shapes and dtypes of all tensors in their structure, other values as they are. */
export function signature(trees: readonly unknown[]): string {
  return structuralKey(trees, (value) => (value instanceof Tensor ? `${value.dtype}[${value.shape.join()}]` : value));
}
