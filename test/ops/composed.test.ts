// Are the operations that are a few lines of others right, and can everything be differentiated twice?

import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as activationOps from "../../bindings/ops/activations.ts";
import * as composed from "../../bindings/ops/composed.ts";
import { cumprod, norm } from "../../bindings/ops/composedReductions.ts";
import { conv } from "../../bindings/ops/conv.ts";
import { softmaxCrossEntropy, sparseSoftmaxCrossEntropy } from "../../bindings/ops/crossEntropy.ts";
import { einsum } from "../../bindings/ops/einsum.ts";
import { gather } from "../../bindings/ops/gather.ts";
import * as map from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { averagePool } from "../../bindings/ops/pool.ts";
import { product, sum } from "../../bindings/ops/reduce.ts";
import { softmax } from "../../bindings/ops/softmax.ts";
import { sort } from "../../bindings/ops/sort.ts";
import { reshape } from "../../bindings/ops/view.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

const kinked = { low: -6, high: 6, avoid: [0] };
const activations: Readonly<Record<string, (x: SymbolicTensor) => SymbolicTensor>> = {
  elu: (x) => activationOps.elu(x, 0.7),
  selu: activationOps.selu,
  leakyRelu: (x) => activationOps.leakyRelu(x, 0.3),
  softplus: activationOps.softplus,
  softsign: activationOps.softsign,
  silu: map.silu,
  "gelu, approximate": (x) => activationOps.gelu(x),
  "gelu, exact": (x) => activationOps.gelu(x, false),
};
for (const [name, apply] of Object.entries(activations))
  describeOp(name, [
    { title: "of a matrix", apply, inputs: [{ shape: [5, 7], range: kinked }], shape: [5, 7] },
    {
      title: "of large numbers",
      apply,
      inputs: [{ shape: [4], values: [-1e4, -60, 60, 1e4] }],
      shape: [4],
      gradient: false,
    },
  ]);

const six = { low: -8, high: 8, avoid: [-3, 0, 3, 6] };
describeOp("activations with two kinks", [
  { title: "relu6", apply: map.relu6, inputs: [{ shape: [5, 7], range: six }], shape: [5, 7] },
  { title: "hardSigmoid", apply: activationOps.hardSigmoid, inputs: [{ shape: [5, 7], range: six }], shape: [5, 7] },
]);

describeOp("power", [
  ...[0, 1, 2, 3, 4, 5, 7, 10, -1, -2, -3].map(
    (exponent): OpCase => ({
      title: `to ${exponent}`,
      apply: (x) => composed.power(x, exponent),
      inputs: [{ shape: [17], range: { low: -1.5, high: 1.5, avoid: [0], margin: 0.4 } }],
      shape: [17],
    }),
  ),
  ...[0.5, 1.5, -0.5, 0.1, 65].map(
    (exponent): OpCase => ({
      title: `to ${exponent}, of positive numbers`,
      apply: (x) => composed.power(x, exponent),
      inputs: [{ shape: [17], range: { low: 0.6, high: 1.2 } }],
      shape: [17],
    }),
  ),
  {
    title: "to a tensor",
    apply: (x, y) => composed.power(x, y),
    inputs: [{ shape: [5, 3], range: { low: 0.5, high: 2 } }, { shape: [3] }],
    shape: [5, 3],
  },
  {
    title: "of integers",
    apply: (x, y) => composed.power(x, y),
    inputs: [
      { shape: [8], dtype: "int32", values: [7, -3, 2, 0, 1, -1, 5, 46341] },
      { shape: [8], dtype: "int32", values: [8, 19, 31, 0, -5, -3, -1, 2] },
    ],
    shape: [8],
    dtype: "int32",
  },
]);

describeOp("remainders and floored quotients", [
  ...[map.mod, map.floorDivide].flatMap((apply): OpCase[] => [
    {
      title: `${apply === map.mod ? "mod" : "floorDivide"} of float32`,
      apply,
      inputs: [
        { shape: [60], range: { low: -100, high: 100 } },
        { shape: [60], range: { low: -9, high: 9 } },
      ],
      shape: [60],
      gradient: false,
    },
    {
      title: `${apply === map.mod ? "mod" : "floorDivide"} of special values`,
      apply,
      inputs: [
        {
          shape: [11, 1],
          values: [
            0,
            -0,
            1,
            -1,
            1e8,
            -3e38,
            2 ** -149,
            -1e-30,
            Number.POSITIVE_INFINITY,
            Number.NEGATIVE_INFINITY,
            Number.NaN,
          ],
        },
        {
          shape: [10],
          values: [0, 1, -1, 3, -7, 1e-38, 3e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
        },
      ],
      shape: [11, 10],
      gradient: false,
    },
    {
      title: `${apply === map.mod ? "mod" : "floorDivide"} of integers`,
      apply,
      inputs: [
        { shape: [7, 1], dtype: "int32", values: [0, 7, -7, 16777217, -16777217, 2147483647, -2147483648] },
        { shape: [7], dtype: "int32", values: [0, 1, -1, 2, -3, 65536, -2147483648] },
      ],
      shape: [7, 7],
      dtype: "int32",
    },
  ]),
]);

describeOp(
  "clip",
  [
    {
      title: "of a matrix",
      apply: (x) => composed.clip(x, -1, 1.5),
      inputs: [{ shape: [5, 7], range: { low: -3, high: 3, avoid: [-1, 1.5] } }],
      shape: [5, 7],
    },
    {
      title: "of NaN and infinities",
      apply: (x) => composed.clip(x, -1, 1),
      inputs: [{ shape: [3], values: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] }],
      shape: [3],
      gradient: false,
    },
  ],
  [
    {
      title: "limits in the wrong order",
      call: () => composed.clip([1], 2, 1),
      code: "option",
      text: "clip: expected low ≤ high, received 2 and 1",
    },
  ],
);

describeOp("flatten and variance", [
  { title: "flatten", apply: composed.flatten, inputs: [{ shape: [3, 4, 5] }], shape: [3, 20] },
  { title: "flatten of a vector", apply: composed.flatten, inputs: [{ shape: [3] }], shape: [3, 1] },
  { title: "variance of rows", apply: (x) => composed.variance(x, 1), inputs: [{ shape: [3, 17] }], shape: [3] },
  {
    title: "variance that keeps its axes",
    apply: (x) => composed.variance(x, [0, 2], true),
    inputs: [{ shape: [3, 4, 5] }],
    shape: [1, 4, 1],
  },
]);

// Derivatives of derivatives ------------------------------------------------------------------------------------------

/** Σ (d/dx Σ f(x))²: its gradient holds the second derivative of f. */
const squaredSlope = (f: (x: SymbolicTensor) => SymbolicTensor) => (x: SymbolicTensor) => {
  const { gradients } = valueAndGrad((inner: SymbolicTensor) => sum(f(inner)))(x);
  return sum(map.square(gradients[0] as SymbolicTensor));
};
const weights = tensor(
  Float32Array.from({ length: 15 }, (_, index) => Math.fround((index * 7) % 11) / 11 - 0.4),
  [3, 5],
);
const windows = { strides: [2], dilations: [1], padding: [[1, 0]] } as const;
const twice: Readonly<Record<string, (x: SymbolicTensor) => SymbolicTensor>> = {
  exp: map.exp,
  tanh: map.tanh,
  sigmoid: map.sigmoid,
  erf: map.erf,
  sin: map.sin,
  "a quotient": (x) => map.divide(map.multiply(x, x), map.add(map.square(x), 1)),
  "a product of elements": (x) => product(x, 1),
  "a matrix product": (x) => map.square(matMul(x, weights)),
  softmax: (x) => map.square(softmax(x)),
  "cross-entropy": (x) => softmaxCrossEntropy(map.sigmoid(x), x),
  "cross-entropy, squared": (x) => map.square(softmaxCrossEntropy(map.sigmoid(x), x)),
  "sparse cross-entropy, squared": (x) => map.square(sparseSoftmaxCrossEntropy(tensor(Int32Array.of(2, 0, 1, 1)), x)),
  gather: (x) => map.square(gather(map.square(x), tensor(Int32Array.of(2, 0, 2)))),
  gelu: (x) => activationOps.gelu(x),
  "running products": (x) => cumprod(x),
  "a norm": (x) => norm(x, 3, 1),
  "a logarithm of sums": (x) => composed.logSumExp(map.square(x), 1),
  "what is sorted": (x) => map.square(map.exp(sort(x))),
  "Einstein's sum": (x) => einsum([map.square(x), x], "ij,ik->jk"),
  "a convolution": (x) =>
    map.square(
      conv(reshape(map.square(x), [1, 12, 1]), tensor(weights.data.slice(0, 6), [3, 1, 2]), { ...windows, groups: 1 }),
    ),
  "an average of windows": (x) =>
    map.square(map.exp(averagePool(reshape(x, [1, 12, 1]), { poolSize: [3], strides: [2], padding: [[1, 0]] }))),
};
describeOp(
  "the second derivative",
  Object.entries(twice).map(
    ([title, f]): OpCase => ({
      title: `of ${title}`,
      apply: squaredSlope(f),
      inputs: [{ shape: [4, 3], range: { low: 0.3, high: 1.5 } }],
      shape: [],
    }),
  ),
);

describe("valueAndGrad on values", () => {
  it("gives x³ its first three derivatives", () => {
    const cube = (x: SymbolicTensor): SymbolicTensor => map.multiply(map.multiply(x, x), x);
    const slope = (f: (x: SymbolicTensor) => SymbolicTensor) => (x: SymbolicTensor) =>
      valueAndGrad(f)(x).gradients[0] as SymbolicTensor;
    const at = (f: (x: SymbolicTensor) => SymbolicTensor): number => (valueAndGrad(f)(2).gradients[0] as Tensor).item();
    expect([at(cube), at(slope(cube)), at(slope(slope(cube)))]).toEqual([12, 12, 6]);
  });

  it("gives zero for what the value does not depend on and null for integers", () => {
    const { value, gradients } = valueAndGrad((x: SymbolicTensor, _unused: SymbolicTensor, steps: SymbolicTensor) =>
      sum(map.multiply(x, steps)),
    )([1, 2], [[5]], Int32Array.of(3, 4));
    expect(value.item()).toBe(11);
    expect((gradients[0] as Tensor).array()).toEqual([3, 4]);
    expect((gradients[1] as Tensor).array()).toEqual([[0]]);
    expect(gradients[2]).toBeNull();
  });

  it("refuses what is not a scalar", () => {
    expect(() => valueAndGrad((x: SymbolicTensor) => x)([1, 2])).toThrow(
      "gradients: expected a scalar value, received shape [2]. Sum or average it first.",
    );
  });
});
