// Are convolutions right for every geometry, cut and remainder, and with everything fused into them?

import { expect, test } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { type ConvOptions, conv, convInputGradient, convKernelGradient } from "../../bindings/ops/conv.ts";
import { pad } from "../../bindings/ops/copy.ts";
import * as map from "../../bindings/ops/map.ts";
import { around, casesOf, geometries } from "../harness/convGeometries.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

describeOp(
  "conv",
  geometries.map((geometry) => casesOf(geometry).forward),
);

// Epilogues: bias and activation --------------------------------------------------------------------------------------

const same: ConvOptions = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: around(1, 1, 1, 1),
  groups: 1,
};
const activations: Readonly<Record<string, (x: SymbolicTensor) => SymbolicTensor>> = { relu: map.relu, tanh: map.tanh };
const small = { low: -0.1, high: 0.1 };
const biases = { low: -3, high: 3, avoid: [0], margin: 1.5 };

for (const [name, act] of Object.entries(activations))
  describeOp(
    `${name} of a convolution and a bias`,
    [
      { groups: 1, cin: 3, cout: 1 },
      { groups: 1, cin: 3, cout: 21 },
      { groups: 2, cin: 4, cout: 6 },
      { groups: 11, cin: 11, cout: 11 },
    ].map(
      ({ groups, cin, cout }): OpCase => ({
        title: `${cin} channels to ${cout} in ${groups} groups`,
        apply: (x, w, b) => act(map.add(conv(x, w, { ...same, groups }), b)),
        inputs: [
          { shape: [2, 4, 5, cin], range: small },
          { shape: [3, 3, cin / groups, cout], range: small },
          { shape: [cout], range: biases },
        ],
        shape: [2, 4, 5, cout],
        // Differentiated before it is fused: once is enough.
        gradient: cout === 1,
      }),
    ),
  );

describeOp("zeros put around the input", [
  {
    title: "are those of the convolution, at stride 2 with padding of its own",
    apply: (x, w) => conv(pad(x, [[0, 0], ...around(0, 1, 2, 0), [0, 0]]), w, { ...same, strides: [2, 2] }),
    inputs: [{ shape: [2, 4, 5, 3] }, { shape: [3, 3, 3, 4] }],
    shape: [2, 3, 4, 4],
  },
  {
    title: "of samples and channels stay",
    apply: (x, w) => conv(pad(x, [[1, 0], ...around(1, 0, 0, 0), [0, 2]]), w, same),
    inputs: [{ shape: [1, 3, 4, 1] }, { shape: [3, 3, 3, 2] }],
    shape: [2, 4, 4, 2],
  },
  {
    title: "ones are not zeros",
    apply: (x, w) => conv(pad(x, [[0, 0], ...around(1, 1, 1, 1), [0, 0]], 1), w, same),
    inputs: [{ shape: [1, 3, 4, 2] }, { shape: [3, 3, 2, 2] }],
    shape: [1, 5, 6, 2],
  },
]);

test("zeros put around the input of a convolution are not written down", () => {
  const model = sequential([
    layers.zeroPadding2D({ padding: [0, 1], inputShape: [5, 5, 2] }),
    layers.depthwiseConv2D({ kernelSize: 3, strides: 2 }),
  ]);
  const listing = String(model.explain({ mode: "predict", batchSize: 1 }));
  expect(listing).toContain("conv ");
  expect(listing).not.toContain("pad ");
});

describeOp("epilogues of other forms", [
  {
    title: "no bias",
    apply: (x, w) => map.sigmoid(conv(x, w, same)),
    inputs: [{ shape: [1, 4, 5, 3] }, { shape: [3, 3, 3, 17] }],
    shape: [1, 4, 5, 17],
  },
  {
    title: "one tap, which is a matrix product",
    apply: (x, w, b) =>
      map.tanh(
        map.add(
          conv(x, w, {
            ...same,
            padding: around(0, 0, 0, 0),
          }),
          b,
        ),
      ),
    inputs: [{ shape: [1, 4, 5, 3] }, { shape: [1, 1, 3, 17] }, { shape: [17] }],
    shape: [1, 4, 5, 17],
  },
  {
    title: "a bias for every position",
    apply: (x, w, b) => map.add(conv(x, w, same), b),
    inputs: [{ shape: [1, 4, 5, 3] }, { shape: [3, 3, 3, 5] }, { shape: [4, 5, 1] }],
    shape: [1, 4, 5, 5],
  },
  {
    title: "of a transposed convolution at stride 2",
    apply: (x, w, b) => map.tanh(map.add(convInputGradient(x, w, [7, 6], { ...same, strides: [2, 2] }), b)),
    inputs: [{ shape: [1, 4, 3, 5] }, { shape: [3, 3, 17, 5] }, { shape: [17] }],
    shape: [1, 7, 6, 17],
  },
  {
    title: "two layers",
    apply: (x, w, b, v) => conv(map.tanh(map.add(conv(x, w, same), b)), v, { ...same, strides: [2, 2] }),
    inputs: [{ shape: [1, 4, 5, 3] }, { shape: [3, 3, 3, 5] }, { shape: [5] }, { shape: [3, 3, 5, 2] }],
    shape: [1, 2, 3, 2],
  },
]);

// Errors --------------------------------------------------------------------------------------------------------------

const image = [
  [
    [[1], [2]],
    [[3], [4]],
  ],
];
const kernel = [[[[1]]]];
describeOp(
  "dtypes of a convolution",
  [
    {
      title: "integers are float32 first",
      apply: (x, w) => conv(x, w, same),
      inputs: [
        { shape: [1, 3, 3, 2], dtype: "uint8" },
        { shape: [3, 3, 2, 2], dtype: "int32" },
      ],
      shape: [1, 3, 3, 2],
      dtype: "float32",
    },
  ],
  [
    {
      title: "an input without spatial axes",
      call: () => conv([[1]], kernel, same),
      code: "shape",
      text: "conv: expected a tensor [batch, …1 to 3 spatial axes, channels], received [1, 1]",
    },
    {
      title: "a kernel of another rank",
      call: () => conv(image, [[[1]]], same),
      code: "shape",
      text: "conv: expected a kernel of rank 4: [2 sizes, channels / groups, outputs], received [1, 1, 1]",
    },
    {
      title: "a missing stride",
      call: () => conv(image, kernel, { ...same, strides: [1] }),
      code: "shape",
      text: "conv: expected 2 whole strides of at least 1, received [1]",
    },
    {
      title: "half a dilation",
      call: () => conv(image, kernel, { ...same, dilations: [1, 0.5] }),
      code: "shape",
      text: "conv: expected 2 whole dilations of at least 1, received [1, 0.5]",
    },
    {
      title: "negative padding",
      call: () =>
        conv(image, kernel, {
          ...same,
          padding: [
            [0, 0],
            [0, -1],
          ],
        }),
      code: "shape",
      text: "conv: expected 2 pairs of whole paddings [before, after] of at least 0",
    },
    {
      title: "no groups",
      call: () => conv(image, kernel, { ...same, groups: 0 }),
      code: "shape",
      text: "conv: expected a whole number of groups of at least 1, received 0",
    },
    {
      title: "channels that differ",
      call: () => conv(image, [[[[1], [1]]]], same),
      code: "shape",
      text: "conv: expected 1 input channels = groups · the kernel's 2",
    },
    {
      title: "a kernel that spans more than there is",
      call: () =>
        conv(image, [[[[1]], [[1]], [[1]]]], {
          ...same,
          padding: around(0, 0, 0, 0),
        }),
      code: "shape",
      text: /conv: expected at least 3 positions in spatial axis 1, .* received 2 with a padding of 0 \+ 0\. Use a smaller kernel/,
    },
    {
      title: "an upstream gradient of another shape",
      call: () => convInputGradient(image, kernel, [5, 5], same),
      code: "shape",
      text: "convInputGradient: expected dy of shape [batch, 7, 7, 1], received [1, 2, 2, 1]",
    },
    {
      title: "an upstream gradient of another batch",
      call: () =>
        convKernelGradient([...image, ...image], image, [1, 1], {
          ...same,
          padding: around(0, 0, 0, 0),
        }),
      code: "shape",
      text: "convKernelGradient: expected dy for 2 samples, received [1, 2, 2, 1]",
    },
  ],
);
