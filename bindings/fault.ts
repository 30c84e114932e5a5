// What do people read when their data stop a program?

import { TensorError } from "./errors.ts";

/** What stopped a program. */
export interface Fault {
  readonly instruction: number;
  /** Row or element of the instruction's data, and the value found there. */
  readonly position: number;
  readonly value: number;
}

/** The error for a `fault` of the instruction at `where`, whose indices must be below `limit`. */
export function faultError(fault: Fault, where: string, limit: number): TensorError {
  return new TensorError("data", {
    where,
    expected: `an index or label from 0 to ${limit - 1}`,
    received: `${fault.value} at position ${fault.position}`,
    remedy: "Check the labels or indices, or the number of classes.",
  });
}
