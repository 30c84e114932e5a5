// Are convolutions called as functions those that layers make, with their gradients?

import { describe, expect, it } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as convolutions from "../../bindings/ops/convolutions.ts";
import * as ops from "../../bindings/ops/index.ts";
import { describeOp } from "../harness/describeOp.ts";

type Node = SymbolicTensor;
const image = { shape: [1, 4, 3, 2] };

describeOp(
  "convolutions",
  [
    {
      title: "same padding, one stride for all axes",
      apply: (x, k) => convolutions.convolution(x as Node, k as Node, { strides: 2, padding: "same" }),
      inputs: [image, { shape: [3, 3, 2, 3] }],
      shape: [1, 2, 2, 3],
    },
    {
      title: "causal",
      apply: (x, k) => convolutions.convolution(x as Node, k as Node, { padding: "causal", dilations: 2 }),
      inputs: [{ shape: [2, 5, 1] }, { shape: [2, 1, 2] }],
      shape: [2, 5, 2],
    },
    {
      title: "depthwiseConv",
      apply: (x, k) =>
        convolutions.depthwiseConv(x as Node, k as Node, {
          padding: [
            [1, 0],
            [0, 1],
          ],
        }),
      inputs: [image, { shape: [2, 2, 2, 3] }],
      shape: [1, 4, 3, 6],
    },
    {
      title: "separableConv",
      apply: (x, k, p) => convolutions.separableConv(x as Node, k as Node, p as Node, { strides: [2, 1] }),
      inputs: [image, { shape: [2, 2, 2, 1] }, { shape: [1, 1, 2, 3] }],
      shape: [1, 2, 2, 3],
    },
    {
      title: "convTranspose",
      apply: (x, k) => convolutions.convTranspose(x as Node, k as Node, { strides: 2, padding: "same" }),
      inputs: [image, { shape: [3, 2, 1, 2] }],
      shape: [1, 8, 6, 1],
    },
    {
      title: "convTranspose, another size",
      apply: (x, k) => convolutions.convTranspose(x as Node, k as Node, { strides: 3, outputPadding: 1 }),
      inputs: [{ shape: [1, 3, 2] }, { shape: [2, 2, 2] }],
      shape: [1, 9, 2],
    },
  ],
  [
    {
      title: "a kernel of too few axes",
      call: () => ops.conv(ops.ones([1, 4, 4, 1]), ops.ones([2, 1, 1])),
      code: "shape",
      text: "conv: expected x [batch, …1 to 3 spatial axes, channels] and a kernel of as many axes",
    },
    {
      title: "x of another number of channels than a transposed kernel takes",
      call: () => ops.convTranspose(ops.ones([1, 4, 4, 2]), ops.ones([3, 3, 5, 3])),
      code: "shape",
      text: "convTranspose: expected x of shape [batch, 4, 4, 3], received [1, 4, 4, 2]",
    },
    {
      title: "a padding without a name",
      call: () => ops.conv(ops.ones([1, 4, 1]), ops.ones([2, 1, 1]), { padding: "full" as "same" }),
      code: "option",
      text: 'conv.padding: expected "valid", "same" or "causal", received "full"',
    },
  ],
);

describe("convolutions on values", () => {
  it("take the default options, and those of before", () => {
    const x = ops.reshape(ops.arange(4, 8, 1, "float32"), [1, 4, 1]);
    expect(ops.conv(x, ops.ones([2, 1, 1])).data).toEqual(Float32Array.of(9, 11, 13));
    const spelled = { strides: [1], dilations: [1], padding: [[1, 1] as const], groups: 1 };
    expect(ops.conv(x, ops.ones([2, 1, 1]), spelled).data).toEqual(Float32Array.of(4, 9, 11, 13, 7));
  });
});
