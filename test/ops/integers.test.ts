// Do integers keep all their bits?

import { describe, expect, it } from "vitest";
import { ops, type Tensor, tensor } from "../../bindings/index.ts";

const whole = (...values: number[]): Tensor => tensor(values, undefined, "int32");
const bits = (value: Tensor): number[] => Array.from(value.data);
const large = 16777217;

describe("integers", () => {
  it.each(["int32", "uint8", "bool"] as const)("of %s are finite, and numbers", (dtype) => {
    const x = tensor([1, 0, 5], undefined, dtype);
    expect(bits(ops.isFinite(x))).toEqual([1, 1, 1]);
    expect(bits(ops.isInfinite(x))).toEqual([0, 0, 0]);
    expect(bits(ops.isNan(x))).toEqual([0, 0, 0]);
    expect(bits(ops.isPositiveInfinity(x))).toEqual([0, 0, 0]);
    expect(bits(ops.isNegativeInfinity(x))).toEqual([0, 0, 0]);
  });

  const numbers = [
    3e9,
    -3e9,
    2.5,
    -2.5,
    2,
    2 ** 31,
    2 ** 31 - 1.5,
    -(2 ** 31) - 0.5,
    Infinity,
    -Infinity,
    Number.NaN,
    -0,
  ];
  const comparisons = {
    equal: (a: number, b: number) => a === b,
    notEqual: (a: number, b: number) => a !== b,
    less: (a: number, b: number) => a < b,
    lessEqual: (a: number, b: number) => a <= b,
    greater: (a: number, b: number) => a > b,
    greaterEqual: (a: number, b: number) => a >= b,
  };
  it.each(Object.keys(comparisons) as (keyof typeof comparisons)[])("%s compares with any number", (name) => {
    const values = [-(2 ** 31), -3, -2, 0, 2, 3, large, 2 ** 31 - 1];
    for (const number of numbers) {
      const expected = values.map((value) => Number(comparisons[name](value, number)));
      expect(bits(ops[name](whole(...values), number)), String(number)).toEqual(expected);
      const mirrored = values.map((value) => Number(comparisons[name](number, value)));
      expect(bits(ops[name](number, whole(...values))), String(number)).toEqual(mirrored);
    }
  });

  it.each([
    ["mod", () => ops.mod(whole(large, -7, 7, 5, -(2 ** 31)), whole(2, 3, -3, 0, -1)), [1, 2, -2, 0, 0]],
    ["floorDivide", () => ops.floorDivide(whole(large, -7, 7, 5), whole(2, 2, -2, 0)), [8388608, -4, -4, 0]],
    ["power", () => ops.power(whole(3, -3, 5), whole(19, 19, 0)), [1162261467, -1162261467, 1]],
    ["power to a number", () => ops.power(whole(large), 1), [large]],
    ["square", () => ops.square(whole(4097)), [16785409]],
    ["clip", () => ops.clip(whole(large, -5), -Infinity, 3e9), [large, -5]],
    ["maximum", () => ops.maximum(whole(large), 16777216), [large]],
    ["sum", () => ops.sum(whole(large, 1)), [large + 1]],
    ["cumsum", () => ops.cumsum(whole(large, 1)), [large, large + 1]],
    ["sort", () => ops.sort(whole(large, 16777216)), [16777216, large]],
    ["argMax", () => ops.argMax(whole(16777216, large)), [1]],
    ["where", () => ops.where([true], whole(large), 0), [large]],
    ["nanToNum", () => ops.nanToNum(whole(large)), [large]],
    ["nanMax", () => ops.nanMax(whole(large, 1)), [large]],
    ["nanSum", () => ops.nanSum(whole(large, 1)), [large + 1]],
    ["diff", () => ops.diff(whole(1, large)), [16777216]],
    ["unravelIndex", () => ops.unravelIndex(whole(2 ** 30 + 5), [2 ** 20, 2 ** 10])[1] as Tensor, [5]],
  ] as const)("%s is exact and stays int32", (_, call, expected) => {
    const result = call() as Tensor;
    expect(result.dtype).toBe("int32");
    expect(bits(result)).toEqual(expected);
  });

  it("with a number beyond int32 become float32", () => {
    const result = ops.add(whole(5), 3e9);
    expect(result.dtype).toBe("float32");
    expect(result.item()).toBeCloseTo(3000000005, -3);
  });
});
