// Is a result what the reference says, within its bound?

import { type Shape, sameShape, type Tensor } from "../../bindings/tensor.ts";
import { halfUlp, largestFloat } from "../harness/estimate.ts";
import type { RealArray } from "./array.ts";

export const show = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

let nearest = 0;

/** The greatest share of its bound that a result was off since the last call: near 1 bounds are tight, near 0 loose. */
export function takeNearest(): number {
  const share = nearest;
  nearest = 0;
  return share;
}

/** What `found` may be, where the reference says `value` ± `bound`. */
export function agrees(found: number, value: number, bound: number, slack: number, isFloat: boolean): boolean {
  if (bound === Number.POSITIVE_INFINITY) return true;
  if (Number.isNaN(value)) return Number.isNaN(found);
  if (found === value) return true;
  if (!isFloat) return Math.abs(found - value) <= bound;
  const allowed = slack * bound + halfUlp(value) * 1.000001;
  if (Math.abs(value) + allowed > largestFloat && found === Math.sign(value) * Number.POSITIVE_INFINITY) return true;
  const off = Math.abs(found - value);
  if (off / allowed > nearest) nearest = off / allowed;
  return off <= allowed;
}

/** Throws unless every element of `actual` is within `slack` times the bound of `expected`, and shape and dtype are its. */
export function expectWithin(actual: Tensor, expected: RealArray, what: string, slack = 1): void {
  if (!sameShape(actual.shape, expected.shape) || actual.dtype !== expected.dtype)
    throw new Error(
      `${what}: ${actual.dtype} [${actual.shape}], the reference has ${expected.dtype} [${expected.shape}]`,
    );
  expectValues(
    actual,
    expected.data.map(({ value }) => value),
    expected.data.map(({ bound }) => bound),
    what,
    slack,
  );
}

/** The same for values and bounds. */
export function expectValues(
  actual: Tensor,
  values: ArrayLike<number>,
  bounds: ArrayLike<number>,
  what: string,
  slack = 1,
): void {
  for (let index = 0; index < actual.size; index++) {
    const found = actual.data[index] as number;
    const [value, bound] = [values[index] as number, bounds[index] as number];
    if (!agrees(found, value, bound, slack, actual.dtype === "float32"))
      throw new Error(
        `${what}: element ${index} of [${actual.shape}] is ${show(found)}, the reference ${show(value)} ± ${slack * bound}`,
      );
  }
}

/** Throws unless both hold the same bits; all NaN count as one. */
export function expectSameBits(actual: readonly Tensor[], expected: readonly Tensor[], what: string): void {
  if (actual.length !== expected.length) throw new Error(`${what}: ${actual.length} results, not ${expected.length}`);
  actual.forEach((tensor, which) => {
    const other = expected[which] as Tensor;
    expectShape(tensor, other.shape, what);
    tensor.data.forEach((value, index) => {
      if (!Object.is(value, other.data[index]))
        throw new Error(
          `${what}: element ${index} of result ${which} [${tensor.shape}] is ${show(value)}, not ${show(other.data[index] as number)}`,
        );
    });
  });
}

/** Throws unless `tensor` has `shape`. */
export function expectShape(tensor: Tensor, shape: Shape, what: string): void {
  if (!sameShape(tensor.shape, shape)) throw new Error(`${what}: shape [${tensor.shape}], not [${shape}]`);
}
