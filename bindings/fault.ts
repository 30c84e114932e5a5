// What do people read when their data stop a program?

import type { Fault } from "./engine.ts";
import { TensorError } from "./errors.ts";

/** The error for a `fault` of the instruction at `where`, whose indices must be below `limit`. */
export function faultError(fault: Fault, where: string, limit: number): TensorError {
  return new TensorError("data", {
    where,
    expected: `an index or label from 0 to ${limit - 1}`,
    received: `${fault.value} at position ${fault.position}`,
    remedy: "Check the labels or indices, or the number of classes.",
  });
}
