// Do convolutions slide, pad, group and transpose as their options say?

import { expect, test } from "vitest";
import { valueAndGrad } from "../../bindings/compiled.ts";
import { maxNorm } from "../../bindings/constraints.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { l1, l2 } from "../../bindings/regularizers.ts";
import { type Shape, type Tensor, tensor, zeros } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";
import { type Sliding, slide } from "./slide.ts";

describeLayer("Conv1D", [
  {
    title: "plain",
    make: () => layers.conv1D({ filters: 4, kernelSize: 3 }),
    inputs: [[2, 9, 3]],
    output: [2, 7, 4],
    parameters: 3 * 3 * 4 + 4,
  },
  {
    title: "causal, dilated, in groups, channels first",
    make: () =>
      layers.conv1D({
        filters: 4,
        kernelSize: [3],
        padding: "causal",
        dilationRate: 2,
        groups: 2,
        dataFormat: "channelsFirst",
        activation: "tanh",
      }),
    inputs: [[2, 6, 5]],
    output: [2, 4, 5],
    parameters: 3 * 3 * 4 + 4,
  },
]);

describeLayer("Conv2D", [
  {
    title: "with all options",
    make: () =>
      layers.conv2D({
        filters: 6,
        kernelSize: [3, 2],
        strides: [2, 1],
        padding: "same",
        dilationRate: [1, 2],
        groups: 3,
        activation: "relu",
        kernelInitializer: "heNormal",
        biasInitializer: "ones",
        kernelRegularizer: l2({ l2: 0.001 }),
        biasRegularizer: l1({ l1: 0.001 }),
        activityRegularizer: l2({ l2: 0.001 }),
        kernelConstraint: maxNorm({ maxValue: 3 }),
        biasConstraint: "nonNeg",
      }),
    inputs: [[2, 5, 7, 3]],
    output: [2, 3, 7, 6],
    parameters: 3 * 2 * 1 * 6 + 6,
  },
  {
    title: "1 × 1 without bias",
    make: () => layers.conv2D({ filters: 17, kernelSize: 1, useBias: false }),
    inputs: [[1, 3, 4, 5]],
    output: [1, 3, 4, 17],
    parameters: 5 * 17,
  },
]);

describeLayer("Conv3D", [
  {
    title: "padded",
    make: () => layers.conv3D({ filters: 2, kernelSize: [2, 3, 1], padding: "same", strides: [1, 2, 3] }),
    inputs: [[1, 3, 4, 5, 3]],
    output: [1, 3, 2, 2, 2],
    parameters: 2 * 3 * 3 * 2 + 2,
  },
]);

describeLayer("Conv1DTranspose", [
  {
    title: "strided",
    make: () => layers.conv1DTranspose({ filters: 3, kernelSize: 4, strides: 2 }),
    inputs: [[2, 5, 2]],
    output: [2, 12, 3],
    parameters: 4 * 3 * 2 + 3,
  },
]);

describeLayer("Conv2DTranspose", [
  {
    title: "padded, with an output padding, channels first",
    make: () =>
      layers.conv2DTranspose({
        filters: 3,
        kernelSize: 3,
        strides: [3, 2],
        padding: "same",
        outputPadding: [2, 0],
        dataFormat: "channelsFirst",
        activation: "relu",
      }),
    inputs: [[1, 2, 4, 5]],
    output: [1, 3, 12, 9],
    parameters: 9 * 3 * 2 + 3,
  },
]);

describeLayer("Conv3DTranspose", [
  {
    title: "dilated, without bias",
    make: () => layers.conv3DTranspose({ filters: 2, kernelSize: 2, dilationRate: [1, 2, 1], useBias: false }),
    inputs: [[1, 2, 3, 2, 3]],
    output: [1, 3, 5, 3, 2],
    parameters: 8 * 2 * 3,
  },
]);

interface Case extends Sliding {
  readonly layer: () => Layer;
  readonly x: Shape;
  readonly y: Shape;
}

const cases: Readonly<Record<string, Case>> = {
  "three axes with same padding": {
    layer: () => layers.conv3D({ filters: 3, kernelSize: [3, 2, 3], padding: "same", strides: [2, 1, 1] }),
    x: [2, 5, 4, 3, 2],
    y: [2, 3, 4, 3, 3],
    strides: [2, 1, 1],
    dilations: [1, 1, 1],
    before: [1, 0, 1],
    groups: 1,
  },
  "groups and dilation": {
    layer: () => layers.conv2D({ filters: 6, kernelSize: 3, groups: 2, dilationRate: [2, 1], strides: [1, 2] }),
    x: [2, 7, 8, 4],
    y: [2, 3, 3, 6],
    strides: [1, 2],
    dilations: [2, 1],
    before: [0, 0],
    groups: 2,
  },
  "strides and dilation together, causal": {
    layer: () => layers.conv1D({ filters: 5, kernelSize: 4, dilationRate: 2, strides: 3, padding: "causal" }),
    x: [2, 17, 3],
    y: [2, 6, 5],
    strides: [3],
    dilations: [2],
    before: [6],
    groups: 1,
  },
};

test.each(Object.entries(cases))("%s: output and both gradients are those of plain loops", (title, given) => {
  const layer = given.layer();
  const x = random(`${title} x`, given.x);
  layer.build([x.shape]);
  const [kernel] = layer.getWeights() as [Tensor, Tensor];
  const upstream = random(`${title} upstream`, given.y);
  const y = new Float64Array(upstream.size);
  const dx = new Float64Array(x.size);
  const dKernel = new Float64Array(kernel.size);
  slide(x.shape, kernel.shape, given.y, given, (i, j, k) => {
    const [a, b, dy] = [x.data[i], kernel.data[j], upstream.data[k]] as [number, number, number];
    y[k] = (y[k] as number) + a * b;
    dx[i] = (dx[i] as number) + dy * b;
    dKernel[j] = (dKernel[j] as number) + dy * a;
  });
  expectClose(layer.apply(x), y);
  const { gradients, variableGradients } = valueAndGrad((input) => sum(multiply(layer.apply(input), upstream)), {
    variables: layer.weights,
  })(x);
  expectClose(gradients[0] as Tensor, dx);
  expectClose(variableGradients[0] as Tensor, dKernel);
});

/** Within 1e-5 of the largest number. */
function expectClose(actual: Tensor, wanted: Float64Array): void {
  const allowed = 1e-5 * wanted.reduce((most, each) => Math.max(most, Math.abs(each)), 1);
  expect(actual.size).toBe(wanted.length);
  const worst = wanted.reduce(
    (most, each, index) => Math.max(most, Math.abs(each - (actual.data[index] as number))),
    0,
  );
  expect(worst).toBeLessThan(allowed);
}

test.each([
  { padding: "same", strides: 2, outputPadding: null, size: 10 },
  { padding: "same", strides: 2, outputPadding: 0, size: 9 },
  { padding: "same", strides: 2, outputPadding: 1, size: 10 },
  { padding: "valid", strides: 3, outputPadding: null, size: 15 },
  { padding: "valid", strides: 3, outputPadding: 1, size: 16 },
] as const)("a transposed convolution is the adjoint of the convolution: %o", ({ size, ...options }) => {
  const { outputPadding, ...window } = options;
  const transposed = layers.conv1DTranspose({ filters: 2, kernelSize: 3, useBias: false, ...options });
  const dy = random("dy", [2, 5, 4]);
  const x = random("x", [2, size, 2]);
  const spread = transposed.apply(dy);
  expect(spread.shape).toEqual([2, size, 2]);
  const forward = layers.conv1D({ filters: 4, kernelSize: 3, useBias: false, ...window });
  forward.build([x.shape]);
  forward.setWeights(transposed.getWeights());
  const inner = (a: Tensor, b: Tensor): number =>
    Array.from(a.data).reduce((total, each, index) => total + each * (b.data[index] as number), 0);
  expect(inner(forward.apply(x), dy)).toBeCloseTo(inner(x, spread), 3);
});

test("causal results do not depend on later entries", () => {
  const layer = layers.conv1D({ filters: 2, kernelSize: 3, dilationRate: 2, padding: "causal" });
  const x = random("causal", [1, 9, 2]);
  const changed = tensor(
    x.data.map((value, index) => (index >= 5 * 2 ? value + 1 : value)),
    x.shape,
  );
  const [before, after] = [layer.apply(x), layer.apply(changed)];
  expect(after.data.slice(0, 5 * 2)).toEqual(before.data.slice(0, 5 * 2));
  expect(after.data.slice(5 * 2)).not.toEqual(before.data.slice(5 * 2));
});

test("an activation along the channels acts along the last axis, wherever the channels are, as in Keras", () => {
  const softmax = { filters: 3, kernelSize: 1, activation: "softmax" } as const;
  const first = layers.conv2D({ ...softmax, dataFormat: "channelsFirst" }).apply(random("x", [1, 2, 4, 5]));
  const total = (values: Tensor): number => Array.from(values.data.slice(0, 5)).reduce((a, b) => a + b, 0);
  expect(first.shape).toEqual([1, 3, 4, 5]);
  expect(total(first)).toBeCloseTo(1, 5);
});

test("pixels of one byte are taken as they are", () => {
  const layer = layers.conv2D({ filters: 1, kernelSize: 2, kernelInitializer: "ones" });
  const x = tensor(new Uint8Array([200, 100, 50, 25]), [1, 2, 2, 1]);
  expect(layer.apply(x).array()).toEqual([[[[375]]]]);
});

test("a model of convolutions takes images of another size", () => {
  const layer = layers.conv2D({ filters: 2, kernelSize: 3, padding: "same" });
  expect(layer.apply(zeros([1, 5, 4, 3])).shape).toEqual([1, 5, 4, 2]);
  expect(layer.apply(zeros([2, 8, 9, 3])).shape).toEqual([2, 8, 9, 2]);
});

const image = zeros([1, 4, 4, 6]);
test.each<[() => unknown, RegExp]>([
  [() => layers.conv2D({ filters: 0, kernelSize: 3 }), /conv2D\.filters: expected an integer ≥ 1, received 0/],
  [
    () => layers.conv2D({ filters: 2, kernelSize: [3, 0] }),
    /conv2D\.kernelSize: expected an integer ≥ 1, or 2 of them/,
  ],
  [() => layers.conv2D({ filters: 2 } as never), /conv2D\.kernelSize: expected/],
  [
    () => layers.conv2D({ filters: 2, kernelSize: 3, padding: "causal" } as never),
    /padding: expected "valid" or "same"/,
  ],
  [() => layers.conv2D({ filters: 2, kernelSize: 3, stride: 2 } as never), /Did you mean "strides"/],
  [() => layers.conv2D({ filters: 4, kernelSize: 3, groups: 4 }).apply(image), /a divisor of 6 channels and of 4/],
  [() => layers.conv2D({ filters: 4, kernelSize: 3, groups: 3 }).apply(image), /a divisor of 6 channels and of 4/],
  [() => layers.conv2D({ filters: 2, kernelSize: 5 }).apply(image), /at least 5 entries in spatial axis 0.*received 4/],
  [
    () => layers.conv2D({ filters: 2, kernelSize: 2, dilationRate: [1, 4] }).apply(image),
    /at least 5 entries in spatial axis 1/,
  ],
  [
    () => layers.conv2D({ filters: 2, kernelSize: 3 }).apply(zeros([1, 4, 6])),
    /rank 4, \[batch, height, width, channels\], received \[1, 4, 6\]/,
  ],
  [
    () => layers.conv1DTranspose({ filters: 2, kernelSize: 3, strides: 2, outputPadding: 2 }).apply(zeros([1, 4, 6])),
    /outputPadding: expected less than the strides, \[2\], received \[2\]/,
  ],
  [
    () =>
      layers
        .conv1DTranspose({ filters: 2, kernelSize: 4, strides: 2, padding: "same", outputPadding: 0 })
        .apply(zeros([1, 4, 6])),
    /outputPadding: expected a size whose convolution has 4 entries/,
  ],
])("bad options and inputs are errors that say so: %s", (action, message) => {
  expect(action).toThrow(message);
});

test("an input with other channels than before is an error", () => {
  const layer = layers.conv2D({ filters: 2, kernelSize: 3, groups: 2 });
  layer.apply(image);
  expect(() => layer.apply(zeros([1, 4, 4, 5]))).toThrow(/expected 6 channels, received 5, shape \[1, 4, 4, 5\]/);
});

test("layers are named as in Keras", () => {
  const model = sequential([
    layers.conv2D({ filters: 2, kernelSize: 3, inputShape: [8, 8, 1] }),
    layers.conv2DTranspose({ filters: 2, kernelSize: 3 }),
    layers.depthwiseConv2D({ kernelSize: 3 }),
    layers.separableConv2D({ filters: 2, kernelSize: 3 }),
    layers.batchNormalization(),
  ]);
  expect(model.layers.map(({ name }) => name)).toEqual([
    "conv2d",
    "conv2d_transpose",
    "depthwise_conv2d",
    "separable_conv2d",
    "batch_normalization",
  ]);
});
