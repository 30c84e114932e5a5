// Are cross-entropies and their gradients right, for dense, soft, sparse and binary labels?

import { expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import {
  oneHot,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
} from "../../bindings/ops/crossEntropy.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { describeOp, type InputSpec, type OpCase } from "../harness/describeOp.ts";

const soft: InputSpec["range"] = { low: 0, high: 1 };
const columnCounts = [1, 2, 3, 5, 10, 17, 511, 1024, 1025];

describeOp(
  "softmaxCrossEntropy",
  [
    ...columnCounts.map(
      (columns): OpCase => ({
        title: `of ${columns} classes, labels of any sum`,
        apply: softmaxCrossEntropy,
        inputs: [
          { shape: [3, columns], range: soft ?? { low: 0, high: 1 } },
          { shape: [3, columns], range: { low: -4, high: 4 } },
        ],
        shape: [3],
      }),
    ),
    {
      title: "of one-hot labels",
      apply: softmaxCrossEntropy,
      inputs: [{ shape: [2, 3], values: [0, 1, 0, 1, 0, 0] }, { shape: [2, 3] }],
      shape: [2],
    },
    {
      title: "of rank 3",
      apply: softmaxCrossEntropy,
      inputs: [{ shape: [2, 3, 5], range: { low: 0, high: 1 } }, { shape: [2, 3, 5] }],
      shape: [2, 3],
    },
    {
      title: "of a vector",
      apply: softmaxCrossEntropy,
      inputs: [{ shape: [5], range: { low: 0, high: 1 } }, { shape: [5] }],
      shape: [],
    },
    {
      title: "of ±10⁴",
      apply: softmaxCrossEntropy,
      inputs: [
        { shape: [2, 3], values: [0, 1, 0, 0.5, 0.5, 0] },
        { shape: [2, 3], values: [1e4, -1e4, 0, 1e4, 1e4, -1e4] },
      ],
      shape: [2],
    },
    {
      title: "of many rows",
      apply: softmaxCrossEntropy,
      inputs: [{ shape: [600, 4], range: { low: 0, high: 1 } }, { shape: [600, 4] }],
      shape: [600],
    },
    {
      title: "of integer labels",
      apply: softmaxCrossEntropy,
      inputs: [{ shape: [3, 2], dtype: "uint8", values: [1, 0, 0, 1, 1, 0] }, { shape: [3, 2] }],
      shape: [3],
    },
  ],
  [
    {
      title: "sparse labels",
      call: () =>
        softmaxCrossEntropy(
          [1, 2],
          [
            [1, 2],
            [3, 4],
          ],
        ),
      code: "shape",
      text: /softmaxCrossEntropy: expected labels of shape \[2, 2\].*received \[2\]\. For integer class labels use the sparse loss/,
    },
    {
      title: "another number of classes",
      call: () => softmaxCrossEntropy([[1, 0, 0]], [[1, 2]]),
      code: "shape",
      text: "received [1, 3]",
    },
  ],
);

const labels = (shape: readonly number[], classes: number): InputSpec => ({
  shape,
  dtype: "int32",
  range: { low: 0, high: classes - 1 },
});
describeOp(
  "sparseSoftmaxCrossEntropy",
  [
    ...columnCounts.map(
      (columns): OpCase => ({
        title: `of ${columns} classes`,
        apply: sparseSoftmaxCrossEntropy,
        inputs: [labels([5], columns), { shape: [5, columns], range: { low: -4, high: 4 } }],
        shape: [5],
      }),
    ),
    {
      title: "of rank 3",
      apply: sparseSoftmaxCrossEntropy,
      inputs: [labels([2, 3], 5), { shape: [2, 3, 5] }],
      shape: [2, 3],
    },
    {
      title: "of labels with an axis of 1",
      apply: sparseSoftmaxCrossEntropy,
      inputs: [labels([4, 1], 3), { shape: [4, 3] }],
      shape: [4],
    },
    {
      title: "of float32 labels",
      apply: sparseSoftmaxCrossEntropy,
      inputs: [{ shape: [3], values: [0, 2, 1] }, { shape: [3, 3] }],
      shape: [3],
      gradient: false,
    },
    {
      title: "of ±10⁴",
      apply: sparseSoftmaxCrossEntropy,
      inputs: [
        { shape: [2], dtype: "int32", values: [0, 1] },
        { shape: [2, 3], values: [1e4, -1e4, 0, 1e4, -1e4, 0] },
      ],
      shape: [2],
    },
  ],
  [
    {
      title: "too few labels",
      call: () =>
        sparseSoftmaxCrossEntropy(
          [0],
          [
            [1, 2],
            [3, 4],
          ],
        ),
      code: "shape",
      text: "sparseSoftmaxCrossEntropy: expected one label a row: shape [2], received [1]",
    },
  ],
);

describeOp("sigmoidCrossEntropy", [
  {
    title: "of labels 0 to 1",
    apply: sigmoidCrossEntropy,
    inputs: [
      { shape: [17, 3], range: { low: 0, high: 1 } },
      { shape: [17, 3], range: { low: -6, high: 6, avoid: [0] } },
    ],
    shape: [17, 3],
  },
  {
    title: "of ±10⁴",
    apply: sigmoidCrossEntropy,
    inputs: [
      { shape: [4], values: [0, 1, 0, 1] },
      { shape: [4], values: [1e4, 1e4, -1e4, -1e4] },
    ],
    shape: [4],
  },
  {
    title: "of bool labels",
    apply: sigmoidCrossEntropy,
    inputs: [
      { shape: [5], dtype: "bool" },
      { shape: [5], range: { low: -6, high: 6, avoid: [0] } },
    ],
    shape: [5],
  },
]);

describeOp("oneHot", [
  {
    title: "of labels",
    apply: (x) => oneHot(x, 4),
    inputs: [{ shape: [5], dtype: "int32", values: [0, 3, 2, -1, 4] }],
    shape: [5, 4],
    dtype: "float32",
  },
  {
    title: "of uint8 labels, rank 2",
    apply: (x) => oneHot(x, 3),
    inputs: [{ shape: [2, 3], dtype: "uint8", range: { low: 0, high: 3 } }],
    shape: [2, 3, 3],
  },
]);

it("a masked class costs nothing while its label is 0", () => {
  const infinity = Number.POSITIVE_INFINITY;
  const loss = valueAndGrad((x: SymbolicTensor) => sum(softmaxCrossEntropy([[0.5, 0, 0.5]], x)));
  const { value, gradients } = loss([[0, -infinity, 0]]);
  expect(value.item()).toBeCloseTo(Math.LN2, 6);
  expect((gradients[0] as Tensor).array()).toEqual([[0, 0, 0]]);
});

it("the logistic loss of the logit 0 has the gradient 1/2 − label", () => {
  const loss = valueAndGrad((x: SymbolicTensor) => sum(sigmoidCrossEntropy([0, 1], x)));
  expect((loss([0, 0]).gradients[0] as Tensor).array()).toEqual([0.5, -0.5]);
});

it.each([
  [3, 1],
  [-1, 2],
])("label %i is reported with operation, position and value; the engine is usable afterwards", (label, position) => {
  const both = compiled((y: SymbolicTensor, x: SymbolicTensor) => sparseSoftmaxCrossEntropy(y, multiply(x, 1)));
  const logits = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  const wrong = Int32Array.of(0, 1, 2);
  wrong[position] = label;
  expect(() => both(wrong, logits)).toThrow(
    `program (crossEntropy): expected an index or label from 0 to 2, received ${label} at position ${position}.`,
  );
  expect(both(Int32Array.of(0, 1, 2), logits).array()).toEqual(new Array(3).fill(Math.fround(Math.log(3))));
});
