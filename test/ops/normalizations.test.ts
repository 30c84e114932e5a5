// Are tensors normalised and classes measured by functions as by layers and losses?

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as entropies from "../../bindings/ops/classEntropies.ts";
import * as ops from "../../bindings/ops/index.ts";
import * as normalizations from "../../bindings/ops/normalizations.ts";
import { describeOp, expectTensorError } from "../harness/describeOp.ts";

type Node = SymbolicTensor;
const some = { shape: [2, 3, 4] };
const positive = { shape: [3], range: { low: 0.5, high: 2 } };
const shares = { shape: [3, 4], range: { low: 0.1, high: 0.9 } };

describeOp(
  "normalizations",
  [
    {
      title: "batchNormalization",
      apply: (x, m, v, o, s) => normalizations.batchNormalization(x as Node, m as Node, v as Node, o, s, 1),
      inputs: [some, { shape: [3] }, positive, { shape: [3] }, { shape: [3] }],
      shape: [2, 3, 4],
    },
    {
      title: "layerNormalization of two axes",
      apply: (x, g, b) => normalizations.layerNormalization(x as Node, g, b, [1, 2], 1e-3),
      inputs: [some, { shape: [3, 4] }, { shape: [3, 4] }],
      shape: [2, 3, 4],
    },
    {
      title: "rmsNormalization",
      apply: (x) => normalizations.rmsNormalization(x as Node),
      inputs: [some],
      shape: [2, 3, 4],
    },
    { title: "psnr", apply: (a, b) => normalizations.psnr(a as Node, b as Node, 2), inputs: [some, some], shape: [] },
    {
      title: "binaryCrossentropy",
      apply: (y, p) => entropies.binaryCrossentropy(y as Node, p as Node),
      inputs: [shares, shares],
      shape: [3, 4],
    },
    {
      title: "binaryCrossentropy of logits",
      apply: (y, x) => entropies.binaryCrossentropy(y as Node, x as Node, true),
      inputs: [shares, { shape: [3, 4] }],
      shape: [3, 4],
    },
    {
      title: "categoricalCrossentropy along the first axis",
      apply: (y, p) => entropies.categoricalCrossentropy(y as Node, p as Node, false, 0),
      inputs: [shares, shares],
      shape: [4],
    },
    {
      title: "sparseCategoricalCrossentropy",
      apply: (y, p) => entropies.sparseCategoricalCrossentropy(y as Node, p as Node),
      inputs: [{ shape: [3], dtype: "int32", values: [0, 3, 1] }, shares],
      shape: [3],
    },
    {
      title: "sparseCategoricalCrossentropy of logits",
      apply: (y, x) => entropies.sparseCategoricalCrossentropy(y as Node, x as Node, true),
      inputs: [{ shape: [3], dtype: "int32", values: [0, 3, 1] }, { shape: [3, 4] }],
      shape: [3],
    },
  ],
  [
    {
      title: "a mean of another size",
      call: () => ops.batchNormalization([[1, 2]], [1], [1, 1]),
      code: "shape",
      text: "batchNormalization: expected [2], the sizes of the axes that are normalised, received [1]",
    },
    {
      title: "targets of another shape",
      call: () => ops.binaryCrossentropy([1], [0.5, 1]),
      code: "shape",
      text: "[2]",
    },
    {
      title: "labels for too few rows",
      call: () => ops.sparseCategoricalCrossentropy([1], [[1], [1]]),
      code: "shape",
      text: "one integer label a row",
    },
    { title: "images of two sizes", call: () => ops.psnr([1], [1, 2], 1), code: "shape", text: "one shape" },
  ],
);

describe("parts of networks on values", () => {
  it("agree with what is known", () => {
    expect(ops.categoricalCrossentropy([[0, 1]], [[0.25, 0.75]]).array()).toEqual([expect.closeTo(0.28768, 5)]);
    expect(ops.sparseCategoricalCrossentropy([1], [[0.25, 0.75]]).array()).toEqual([expect.closeTo(0.28768, 5)]);
    expect(ops.psnr([0, 0], [0, 0], 1).item()).toBe(Number.POSITIVE_INFINITY);
    expect(ops.psnr([0, 0], [0.1, 0.1], 1).item()).toBeCloseTo(20, 4);
    expect(
      ops
        .multiHot(
          [
            [1, 3],
            [0, 9],
          ],
          4,
        )
        .array(),
    ).toEqual([
      [0, 1, 0, 1],
      [1, 0, 0, 0],
    ]);
    expectTensorError({ call: () => ops.multiHot(1, 4), code: "shape", text: "multiHot: expected positions [..., n]" });
    expectTensorError({
      call: () => ops.sparseSoftmaxCrossEntropy([0.5], [[1, 1]]),
      code: "data",
      text: "received -1",
    });
    expectTensorError({ call: () => ops.sparseCategoricalCrossentropy([2], [[1, 1]]), code: "data", text: "" });
  });

  it("take the logits of a softmax and of a sigmoid, which probabilities would have lost", () => {
    const sure = compiled((x: Node) => entropies.categoricalCrossentropy([[0, 1]], ops.softmax(x)));
    expect(sure([[100, 0]]).array()).toEqual([100]);
    const wrong = compiled((x: Node) => entropies.binaryCrossentropy([0], ops.sigmoid(x)));
    expect(wrong([50]).array()).toEqual([50]);
  });
});
