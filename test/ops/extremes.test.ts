// Are values and gradients right at zeros, ties, infinities and far out, where formulas of float32 go wrong?

import { describe, expect, it } from "vitest";
import {
  compiled,
  grad,
  initializers,
  ops,
  random,
  type SymbolicTensor,
  setSeed,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../../bindings/index.ts";
import { floatAbove, floatBelow } from "../../bindings/ops/random.ts";
import { normalCdf } from "../harness/elementary.ts";

const infinity = Number.POSITIVE_INFINITY;
const nan = Number.NaN;
const listed = (value: Tensor): number[] => Array.from(value.data);
type Function = (x: SymbolicTensor) => SymbolicTensor;
const slopes = (fn: Function, x: readonly number[]): number[] => {
  const { gradients } = valueAndGrad((given: SymbolicTensor) => ops.sum(fn(given)))(tensor(x));
  return listed((gradients as readonly Tensor[])[0] as Tensor);
};

describe("power", () => {
  it.each([
    [0, 0, 1],
    [nan, 0, 1],
    [1, nan, 1],
    [-2, 2, 4],
    [-2, 3, -8],
    [-8, 1 / 3, nan],
    [7, 8, 5764801],
    [0, -1, infinity],
    [-0, -3, -infinity],
    [-0, 3, -0],
    [-1, infinity, 1],
    [-1, nan, nan],
    [-infinity, 3, -infinity],
    [-infinity, -3, -0],
    [-infinity, 0.5, infinity],
    [0.5, infinity, 0],
    [2, -149, 2 ** -149],
    [2, -151, 0],
    [10, 38.6, infinity],
  ])("%f to %f is %f", (x, y, expected) => {
    expect(listed(ops.power([x], [y]))).toEqual([expected]);
  });

  it("has gradients at 0", () => {
    expect(slopes((x) => ops.power(x, 1.5), [0, 4])).toEqual([0, 3]);
    const { gradients } = valueAndGrad((x: SymbolicTensor, y: SymbolicTensor) => ops.sum(ops.power(x, y)))(
      tensor([0, 0, 0, 2, 0]),
      tensor([1, 2, 3, 0, 0]),
    );
    const [ofBase, ofExponent] = (gradients as readonly Tensor[]).map(listed);
    expect(ofBase).toEqual([1, 0, 0, 0, 0]);
    expect(ofExponent).toEqual([0, 0, 0, Math.fround(Math.LN2), 0]);
  });
});

describe("remainders", () => {
  it("are exact whatever the quotient, with the sign of the divisor", () => {
    expect(listed(ops.mod([1e8, -1e8, 1e8, 3e38], [3, 3, -3, 7]))).toEqual([
      1,
      2,
      -2,
      Number(BigInt(Math.fround(3e38)) % 7n),
    ]);
    expect(listed(ops.mod([5, -5, infinity, 1, nan], [infinity, infinity, 2, 0, 1]))).toEqual([
      5,
      infinity,
      nan,
      nan,
      nan,
    ]);
  });
});

describe("NaN and infinities", () => {
  it.each([
    ["median", () => ops.median([nan, 1, 2]), [nan]],
    [
      "median of rows",
      () =>
        ops.median(
          [
            [nan, 1, 2],
            [3, 1, 2],
          ],
          1,
        ),
      [nan, 2],
    ],
    ["percentile", () => ops.percentile([1, nan, 2], 10), [nan]],
    ["logSumExp of Infinity", () => ops.logSumExp([infinity, 1, 2]), [infinity]],
    ["logSumExp of −Infinity", () => ops.logSumExp([-infinity, -infinity]), [-infinity]],
    ["silu", () => ops.silu([-infinity, infinity, nan]), [-0, infinity, nan]],
    ["gelu", () => ops.gelu([-infinity, infinity, nan], false), [-0, infinity, nan]],
    ["gelu by tanh", () => ops.gelu([-infinity, infinity, nan]), [-0, infinity, nan]],
    ["mish", () => ops.mish([-infinity, infinity, nan]), [-0, infinity, nan]],
    ["hardSilu", () => ops.hardSilu([-infinity, infinity, nan]), [-0, infinity, nan]],
    ["softsign", () => ops.softsign([-infinity, infinity, nan]), [-1, 1, nan]],
    ["squareplus", () => ops.squareplus([-infinity, infinity, 2e38]), [0, infinity, Math.fround(2e38)]],
    ["squareplus without b", () => ops.squareplus([-1, 0, 1e-25, nan], 0), [0, 0, Math.fround(1e-25), nan]],
    ["power 0.5", () => ops.power([-infinity, -0, infinity, 4, -1, nan], 0.5), [infinity, 0, infinity, 2, nan, nan]],
    ["histogram", () => ops.histogram([1, 2, infinity], 3)[0], [0, 0, 0]],
    ["oneHot", () => ops.oneHot([nan, 1.5, 1, -0.5], 2), [0, 0, 0, 0, 0, 1, 0, 0]],
    [
      "sigmoidCrossEntropy",
      () => ops.sigmoidCrossEntropy([1, 0, 0, 1], [infinity, -infinity, infinity, -infinity]),
      [0, 0, infinity, infinity],
    ],
  ] as const)("%s", (_, call, expected) => {
    expect(listed(call() as Tensor)).toEqual(expected);
  });

  it("have gradients", () => {
    expect(slopes((x) => ops.logSumExp(x), [infinity, 1, infinity])).toEqual([0.5, 0, 0.5]);
    expect(slopes((x) => ops.logSumExp(x), [-infinity, -infinity])).toEqual([0, 0]);
    for (const each of [
      ops.silu,
      ops.mish,
      (x: SymbolicTensor) => ops.gelu(x, false),
      (x: SymbolicTensor) => ops.gelu(x),
    ])
      expect(slopes(each as Function, [-infinity, infinity]).map((slope) => slope + 0)).toEqual([0, 1]);
    expect(slopes((x) => ops.squareplus(x, 0), [-1, 0, 1])).toEqual([0, 0, 1]);
    expect(slopes((x) => grad((y: SymbolicTensor) => ops.sum(ops.squareplus(y)))(x), [0])).toEqual([0.25]);
    expect(slopes(ops.softsign as Function, [-infinity, infinity])).toEqual([0, 0]);
    expect(slopes((x) => ops.sigmoidCrossEntropy([1, 0], x), [infinity, -infinity])).toEqual([0, 0]);
  });
});

describe("far out", () => {
  const near = (actual: readonly number[], expected: readonly number[], relative: number): void => {
    actual.forEach((value, place) => {
      const truth = expected[place] as number;
      expect(Math.abs(value - truth), `${value} instead of ${truth}`).toBeLessThanOrEqual(
        relative * Math.max(Math.abs(truth), 2 ** -126),
      );
    });
  };
  const x = [-17, -9, -30, -1, -0.25, 0.001, 0.3, 3].map(Math.fround);
  it.each([
    ["elu", ops.elu, (each: number) => (each > 0 ? 1 : Math.exp(each))],
    ["selu", ops.selu, (each: number) => 1.0507009873554805 * (each > 0 ? 1 : 1.6732632423543772 * Math.exp(each))],
    ["celu", (each: SymbolicTensor) => ops.celu(each), (each: number) => (each > 0 ? 1 : Math.exp(each))],
    ["expm1", ops.expm1, Math.exp],
    ["softsign", ops.softsign, (each: number) => 1 / (1 + Math.abs(each)) ** 2],
    ["tanhShrink", ops.tanhShrink, (each: number) => Math.tanh(each) ** 2],
    ["cosh", ops.cosh, Math.sinh],
    ["cbrt", ops.cbrt, (each: number) => 1 / (3 * Math.cbrt(each) ** 2)],
    [
      "squareplus",
      ops.squareplus,
      (each: number) => {
        const root = Math.sqrt(each * each + 4);
        return each > 0 ? (root + each) / (2 * root) : 2 / (root * (root - each));
      },
    ],
  ] as const)("%s keeps its slope", (_, fn, slope) => {
    near(slopes(fn as Function, x), x.map(slope), 1e-6);
  });

  it.each([
    ["gelu", (each: SymbolicTensor) => ops.gelu(each, false), (each: number) => each * normalCdf(each)],
    ["silu", ops.silu, (each: number) => each / (1 + Math.exp(-each))],
    ["mish", ops.mish, (each: number) => each * Math.tanh(Math.log1p(Math.exp(each)))],
    ["tanhShrink", ops.tanhShrink, (each: number) => (Math.abs(each) > 0.01 ? each - Math.tanh(each) : each ** 3 / 3)],
  ] as const)("%s keeps its value", (_, fn, value) => {
    near(listed(compiled(fn as Function)(tensor(x))), x.map(value), 3e-6);
  });
});

describe("product", () => {
  it.each([
    [
      [2, 3, 4],
      [12, 8, 6],
    ],
    [
      [2, 0, 4],
      [0, 8, 0],
    ],
    [
      [0, 0, 4],
      [0, 0, 0],
    ],
    [
      [infinity, 2, 3],
      [6, infinity, infinity],
    ],
    [[5], [1]],
  ])("of %j has the gradient %j", (x, expected) => {
    expect(slopes((each) => ops.product(each), x)).toEqual(expected);
  });

  it("of a hundred thousand takes memory for them", () => {
    const x = Array.from({ length: 100_000 }, (_, place) => (place === 7 ? 0 : 1));
    const found = slopes((each) => ops.product(each), x);
    expect(found[7]).toBe(1);
    expect(found.filter((each) => each !== 0)).toHaveLength(1);
  });
});

describe("ties", () => {
  it("a value on a bound of clip has slope 1", () => {
    expect(slopes((x) => ops.clip(x, 0, 1), [-1, 0, 0.5, 1, 2])).toEqual([0, 1, 1, 1, 0]);
    expect(slopes((x) => ops.clip(x, 1, 1), [0, 1, 2])).toEqual([0, 1, 0]);
  });

  it("maxima share, relu and abs have slope 0 at 0", () => {
    expect(slopes((x) => ops.max(x), [3, 3, 1])).toEqual([0.5, 0.5, 0]);
    expect(slopes((x) => ops.maximum(x, 1), [1])).toEqual([0.5]);
    expect(slopes(ops.relu as Function, [0])).toEqual([0]);
    expect(slopes(ops.abs as Function, [0])).toEqual([0]);
  });
});

describe("qr of dependent columns", () => {
  it.each([
    [
      "ones",
      [
        [1, 1, 1],
        [1, 1, 1],
        [1, 1, 1],
      ],
    ],
    [
      "zeros",
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    ],
    [
      "a column of zeros first",
      [
        [0, 1, 2],
        [0, 3, 4],
        [0, 5, 7],
      ],
    ],
    [
      "a wide matrix",
      [
        [1, 1, 2, 5],
        [2, 2, 4, 1],
      ],
    ],
    [
      "large numbers",
      [
        [1e30, 2e30],
        [3e30, 4e30],
      ],
    ],
    [
      "columns of very different lengths",
      [
        [1e22, 2, 3],
        [0, -1, 1],
        [0, 1, 1],
      ],
    ],
    [
      "small numbers",
      [
        [1e-30, 2e-30],
        [3e-30, 4e-30],
      ],
    ],
  ])("of %s gives a again, from an orthonormal basis", (_, rows) => {
    const [q, r] = ops.qr(rows);
    const size = Math.max(...rows.flat().map(Math.abs));
    const again = listed(ops.matMul(q, r));
    rows.flat().forEach((each, place) => {
      expect(Math.abs((again[place] as number) - each)).toBeLessThanOrEqual(1e-6 * size);
    });
    const square = ops.matMul(q, q, { transposeA: true });
    const off = listed(ops.subtract(square, ops.eye(square.shape[0] as number)));
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(1e-6);
  });
});

describe("random numbers", () => {
  it.each([
    [1000, 1001],
    [-1, 0],
    [0.1, 0.3],
    [1, 1 + 1e-9],
    [-3e38, 3e38],
    [16777215, 16777217],
    [1e-45, 1e-44],
  ])("from %f stay below %f", (minval, maxval) => {
    setSeed(3);
    const drawn = compiled(() => random.uniform([200_000], { minval, maxval }))().data;
    const initial = initializers.randomUniform({ minval, maxval, seed: 5 }).create([200_000]).data;
    for (const data of maxval - minval < 1e38 ? [drawn, initial] : [drawn])
      for (const each of data) if (!(each >= Math.fround(minval) && each < maxval)) expect.fail(`${each}`);
  });

  it("have neighbours", () => {
    expect([floatBelow(1), floatBelow(0), floatBelow(-1), floatBelow(0.3), floatAbove(1)]).toEqual([
      1 - 2 ** -24,
      -(2 ** -149),
      -1 - 2 ** -23,
      Math.fround(0.3) - 2 ** -25,
      1 + 2 ** -23,
    ]);
  });

  it("cut at two deviations stay there", () => {
    setSeed(3);
    const drawn = compiled(() => random.truncatedNormal([200_000], { mean: 1000, stddev: 0.1 }))().data;
    for (const each of drawn) if (!(each >= 999.8 && each <= 1000.2)) expect.fail(`${each}`);
    const initial = initializers.truncatedNormal({ mean: 1000, stddev: 1e-3, seed: 1 }).create([200_000]).data;
    for (const each of initial) if (!(each >= 999.998 && each <= 1000.002)) expect.fail(`${each}`);
  });

  it("of probabilities 0 and 1 are certain, and classes without any are never drawn", () => {
    setSeed(3);
    expect(compiled(() => ops.sum(random.bernoulli([100_000], 0)))().item()).toBe(0);
    expect(compiled(() => ops.sum(random.bernoulli([100_000], 1)))().item()).toBe(100_000);
    expect(compiled(() => ops.max(random.categorical([[1, -infinity, -infinity]], 100_000)))().item()).toBe(0);
  });
});
