// Is a result what the reference says?

import { expect } from "vitest";
import type { Tensor } from "../../bindings/tensor.ts";
import { type Estimate, halfUlp } from "./estimate.ts";

/** Fails unless every element of `actual` is within `slack` times the bound of the estimate, and special values agree. */
export function expectWithin(actual: Tensor, expected: Estimate, what: string, slack = 1): void {
  expect(expected.values.length, `${what}: elements`).toBe(actual.size);
  let foretold = 0;
  for (let index = 0; index < actual.size; index++) {
    const found = actual.data[index] as number;
    const wanted = expected.values[index] as number;
    const bound = expected.bounds[index] as number;
    if (bound === Number.POSITIVE_INFINITY) continue;
    foretold++;
    if (Object.is(found, wanted) || (Number.isNaN(found) && Number.isNaN(wanted))) continue;
    const rounding = actual.dtype === "float32" && bound > 0 ? halfUlp(wanted) * 1e-6 : 0;
    const right = bound > 0 && Math.abs(found - wanted) <= slack * bound + rounding;
    // A zero has the sign that it has: −0 is told from 0 wherever the reference is exact.
    if (!right)
      expect.fail(
        `${what}: element ${index} of [${actual.shape}] is ${Object.is(found, -0) ? "-0" : found}, the reference ${Object.is(wanted, -0) ? "-0" : wanted} ± ${slack * bound}`,
      );
  }
  if (actual.size > 0 && foretold < actual.size / 2)
    expect.fail(`${what}: the reference foretells ${foretold} of ${actual.size} elements only`);
}

/** Fails unless both hold the same bits; all NaN count as one. */
export function expectSameBits(actual: readonly Tensor[], expected: readonly Tensor[], what: string): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((tensor, which) => {
    const other = expected[which] as Tensor;
    expect(tensor.shape, what).toEqual(other.shape);
    expect(tensor.dtype, what).toBe(other.dtype);
    tensor.data.forEach((value, index) => {
      if (!Object.is(value, other.data[index]))
        expect.fail(
          `${what}: element ${index} of result ${which} [${tensor.shape}] is ${value}, was ${other.data[index]}`,
        );
    });
  });
}
