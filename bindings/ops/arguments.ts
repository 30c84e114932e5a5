// Checks of the arguments of operations that are not tensors: lists, whole numbers, numbers, functions.

import { check, show } from "../errors.ts";
import { errorPlace } from "../graph.ts";

/** @throws {TensorError} `option` unless `value`, an argument of `operation`, is a list. */
export function checkList(operation: string, argument: string, value: unknown): asserts value is readonly unknown[] {
  check(Array.isArray(value), "option", () => ({
    where: `${errorPlace(operation)}.${argument}`,
    expected: "a list",
    received: show(value),
  }));
}

/** @throws {TensorError} `shape` unless `value` is a list of integers ≥ `low`, none of them left out. */
export function checkIntegers(
  operation: string,
  argument: string,
  value: unknown,
  low: number = Number.MIN_SAFE_INTEGER,
): asserts value is readonly number[] {
  const fits = Array.isArray(value) && Array.from(value).every((each) => isInteger(each, low));
  check(fits, "shape", () => ({
    where: `${errorPlace(operation)}.${argument}`,
    expected: `a list of integers${low === Number.MIN_SAFE_INTEGER ? "" : ` ≥ ${low}`}`,
    received: show(value),
  }));
}

/** @throws {TensorError} `option` unless `value` is an integer ≥ `low`. */
export function checkInteger(
  operation: string,
  argument: string,
  value: unknown,
  low: number = Number.MIN_SAFE_INTEGER,
): asserts value is number {
  check(isInteger(value, low), "option", () => ({
    where: `${errorPlace(operation)}.${argument}`,
    expected: `an integer${low === Number.MIN_SAFE_INTEGER ? "" : ` ≥ ${low}`}`,
    received: show(value),
  }));
}

/** @throws {TensorError} `option` unless `value` is a number; infinities and NaN are numbers too. */
export function checkScalar(operation: string, argument: string, value: unknown): asserts value is number {
  check(typeof value === "number", "option", () => ({
    where: `${errorPlace(operation)}.${argument}`,
    expected: "a number",
    received: show(value),
  }));
}

/** @throws {TensorError} `option` unless `value` is a function. */
export function checkCallable(operation: string, argument: string, value: unknown): void {
  check(typeof value === "function", "option", () => ({
    where: `${errorPlace(operation)}.${argument}`,
    expected: "a function",
    received: show(value),
  }));
}

function isInteger(value: unknown, low: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= low;
}
