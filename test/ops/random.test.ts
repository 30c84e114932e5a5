// Are random numbers Philox's, one stream for each call, and distributed as they should be?

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { read, type SymbolicTensor } from "../../bindings/graph.ts";
import { randomNormal, randomTruncatedNormal } from "../../bindings/ops/composed.ts";
import { add, less, multiply, where } from "../../bindings/ops/map.ts";
import { assign } from "../../bindings/ops/optimize.ts";
import { randomUniform } from "../../bindings/ops/random.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { describeOp, type InputSpec, type OpCase } from "../harness/describeOp.ts";
import { philox } from "../harness/philox.ts";

it("the reference gives the known answers of Random123", () => {
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  const ones = 0xffffffff;
  expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
});

const scalar = (value: number): InputSpec => ({ shape: [], dtype: "int32", values: [value] });
describeOp(
  "randomUniform",
  [
    ...[1, 3, 4, 5, 17, 511, 512, 513, 1025].map(
      (count): OpCase => ({
        title: `of ${count}`,
        apply: (seed, step) => randomUniform(seed, step, [count]),
        inputs: [scalar(7), scalar(3)],
        shape: [count],
      }),
    ),
    {
      title: "of extreme seeds and steps",
      apply: (seed, step) => randomUniform(seed, step, [3, 5]),
      inputs: [scalar(-2147483648), scalar(2147483647)],
      shape: [3, 5],
    },
    {
      title: "of a scalar",
      apply: (seed, step) => randomUniform(seed, step, []),
      inputs: [scalar(1), scalar(0)],
      shape: [],
    },
    {
      title: "of two streams",
      apply: (seed, step) => add(randomUniform(seed, step, [600]), multiply(randomUniform(seed, step, [600]), 2)),
      inputs: [scalar(1), scalar(0)],
      shape: [600],
    },
    {
      title: "as dropout: the same mask forward and backward",
      apply: (x, seed, step) => where(less(randomUniform(seed, step, [7, 90]), 0.7), multiply(x, 1 / 0.7), 0),
      inputs: [{ shape: [7, 90] }, scalar(1), scalar(9)],
      shape: [7, 90],
    },
    {
      title: "beside broadcasting",
      apply: (x, seed, step) => multiply(randomUniform(seed, step, [7, 90]), x),
      inputs: [{ shape: [90] }, scalar(1), scalar(9)],
      shape: [7, 90],
    },
    {
      title: "shared by two groups",
      apply: (x, seed, step) => {
        const mask = randomUniform(seed, step, [700]);
        return add(multiply(mask, x), sum(multiply(mask, mask)));
      },
      inputs: [{ shape: [700] }, scalar(1), scalar(9)],
      shape: [700],
    },
  ],
  [
    {
      title: "a float32 seed",
      call: () => randomUniform(0.5, 0, [1]),
      code: "dtype",
      text: "randomUniform: expected int32 scalars as seed and step, received float32 []",
    },
    {
      title: "a vector of steps",
      call: () => randomUniform(1, tensor(Int32Array.of(1, 2)), [1]),
      code: "dtype",
      text: "received int32 [2]",
    },
  ],
);

describeOp("random normals", [
  {
    title: "plain",
    apply: (seed, step) => randomNormal(seed, step, [17, 31]),
    inputs: [scalar(7), scalar(3)],
    shape: [17, 31],
  },
  {
    title: "truncated",
    apply: (seed, step) => randomTruncatedNormal(seed, step, [17, 31]),
    inputs: [scalar(7), scalar(3)],
    shape: [17, 31],
  },
]);

const count = 200_000;
const draw = (
  make: (seed: SymbolicTensor, step: SymbolicTensor) => SymbolicTensor,
  seed: number,
  step: number,
): Float32Array =>
  compiled((a: SymbolicTensor, b: SymbolicTensor) => make(a, b))(
    tensor(seed, undefined, "int32"),
    tensor(step, undefined, "int32"),
  ).data as Float32Array;

/** Mean of the powers 1 to 4. */
function moments(x: Float32Array): number[] {
  const sums = [0, 0, 0, 0];
  for (const value of x)
    for (let power = 0; power < 4; power++) sums[power] = (sums[power] as number) + value ** (power + 1);
  return sums.map((total) => total / x.length);
}

/** Correlation of two samples. */
function correlation(a: Float32Array, b: Float32Array): number {
  const [meanA = 0, squareA = 0] = moments(a);
  const [meanB = 0, squareB = 0] = moments(b);
  let product = 0;
  a.forEach((value, index) => {
    product += value * (b[index] as number);
  });
  return (product / a.length - meanA * meanB) / Math.sqrt((squareA - meanA ** 2) * (squareB - meanB ** 2));
}

describe("distributions", () => {
  // Five standard errors of each moment: the variance of x^k is that of the distribution.
  const five = 5 / Math.sqrt(count);

  it("uniform numbers have the moments 1/2, 1/3, 1/4, 1/5 and lie in [0, 1)", () => {
    const x = draw((seed, step) => randomUniform(seed, step, [count]), 42, 0);
    moments(x).forEach((moment, index) => {
      const k = index + 1;
      expect(Math.abs(moment - 1 / (k + 1))).toBeLessThan(five * Math.sqrt(1 / (2 * k + 1) - 1 / (k + 1) ** 2));
    });
    expect(x.every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it("normal numbers have the moments 0, 1, 0, 3", () => {
    const x = draw((seed, step) => randomNormal(seed, step, [count]), 42, 0);
    const deviations = [1, Math.sqrt(2), Math.sqrt(15), Math.sqrt(96)];
    moments(x).forEach((moment, index) => {
      expect(Math.abs(moment - ([0, 1, 0, 3][index] as number))).toBeLessThan(five * (deviations[index] as number));
    });
    expect(x.every(Number.isFinite)).toBe(true);
    expect(x.filter((value) => Math.abs(value) > 3).length / count).toBeCloseTo(0.0027, 3);
  });

  it("truncated normal numbers lie within two deviations and have the variance 0.774", () => {
    const x = draw((seed, step) => randomTruncatedNormal(seed, step, [count]), 42, 0);
    const density = Math.exp(-2) / Math.sqrt(2 * Math.PI);
    const variance = 1 - (4 * density) / 0.9544997361036416;
    const [mean = 0, square = 0] = moments(x);
    expect(x.every((value) => Math.abs(value) <= 2)).toBe(true);
    expect(Math.abs(mean)).toBeLessThan(five * Math.sqrt(variance));
    expect(Math.abs(square - variance)).toBeLessThan(five);
  });

  it("seeds, steps and streams give independent numbers", () => {
    const one = (seed: SymbolicTensor, step: SymbolicTensor): SymbolicTensor => randomUniform(seed, step, [count]);
    const base = draw(one, 1, 0);
    const streams = compiled((seed: SymbolicTensor, step: SymbolicTensor) => [one(seed, step), one(seed, step)])(
      tensor(1, undefined, "int32"),
      tensor(0, undefined, "int32"),
    );
    expect(streams[0]?.data).toEqual(base);
    for (const other of [draw(one, 2, 0), draw(one, 1, 1), streams[1]?.data as Float32Array])
      expect(Math.abs(correlation(base, other))).toBeLessThan(five);
  });
});

it("a step counter in a variable gives new numbers in every run", () => {
  const step = new Variable("step", tensor(0, undefined, "int32"));
  const dice = compiled(() => {
    const drawn = randomUniform(3, read(step), [5]);
    assign(step, add(step, 1));
    return drawn;
  });
  const first = dice().array();
  const second = dice().array();
  expect(second).not.toEqual(first);
  step.assign(tensor(0, undefined, "int32"));
  expect(dice().array()).toEqual(first);
  expect(dice().array()).toEqual(second);
});
