// Do depthwise and separable convolutions keep channels apart where they should?

import { expect, test } from "vitest";
import { maxNorm } from "../../bindings/constraints.ts";
import * as layers from "../../bindings/layers/index.ts";
import { l2 } from "../../bindings/regularizers.ts";
import { tensor, zeros } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

describeLayer("DepthwiseConv1D", [
  {
    title: "causal, two results a channel",
    make: () => layers.depthwiseConv1D({ kernelSize: 3, depthMultiplier: 2, padding: "causal" }),
    inputs: [[2, 7, 3]],
    output: [2, 7, 6],
    parameters: 3 * 3 * 2 + 6,
  },
]);

describeLayer("DepthwiseConv2D", [
  {
    title: "with all options",
    make: () =>
      layers.depthwiseConv2D({
        kernelSize: [3, 2],
        strides: 2,
        padding: "same",
        dataFormat: "channelsFirst",
        activation: "relu",
        depthwiseInitializer: "heUniform",
        biasInitializer: "ones",
        depthwiseRegularizer: l2({ l2: 0.01 }),
        biasRegularizer: l2({ l2: 0.01 }),
        activityRegularizer: l2({ l2: 0.001 }),
        depthwiseConstraint: maxNorm({ maxValue: 3 }),
        biasConstraint: "nonNeg",
      }),
    inputs: [[2, 3, 5, 6]],
    output: [2, 3, 3, 3],
    parameters: 6 * 3 + 3,
  },
]);

describeLayer("SeparableConv1D", [
  {
    title: "strided",
    make: () => layers.separableConv1D({ filters: 5, kernelSize: 3, strides: 2, depthMultiplier: 2 }),
    inputs: [[2, 9, 3]],
    output: [2, 4, 5],
    parameters: 3 * 3 * 2 + 6 * 5 + 5,
  },
]);

describeLayer("SeparableConv2D", [
  {
    title: "with all options",
    make: () =>
      layers.separableConv2D({
        filters: 4,
        kernelSize: 3,
        padding: "same",
        dilationRate: 2,
        depthMultiplier: 2,
        useBias: false,
        activation: "tanh",
        depthwiseInitializer: "heNormal",
        pointwiseInitializer: "lecunNormal",
        depthwiseRegularizer: l2({ l2: 0.001 }),
        pointwiseRegularizer: l2({ l2: 0.001 }),
        depthwiseConstraint: maxNorm({ maxValue: 3 }),
        pointwiseConstraint: maxNorm({ maxValue: 3 }),
      }),
    inputs: [[1, 5, 4, 3]],
    output: [1, 5, 4, 4],
    parameters: 9 * 3 * 2 + 6 * 4,
  },
]);

test("each channel has kernels of its own, their results side by side", () => {
  const layer = layers.depthwiseConv1D({ kernelSize: 1, depthMultiplier: 2 });
  layer.build([[null, 2, 2]]);
  layer.setWeights([
    [
      [
        [1, 10],
        [100, 1000],
      ],
    ],
    [0, 0, 0, 0.5],
  ]);
  expect(
    layer
      .apply([
        [
          [1, 2],
          [3, 4],
        ],
      ])
      .array(),
  ).toEqual([
    [
      [1, 10, 200, 2000.5],
      [3, 30, 400, 4000.5],
    ],
  ]);
});

test("a separable convolution is a depthwise one followed by one of 1 × 1", () => {
  const x = random("separable", [2, 6, 5, 3]);
  const whole = layers.separableConv2D({ filters: 4, kernelSize: 3, strides: 2, depthMultiplier: 2, padding: "same" });
  const deep = layers.depthwiseConv2D({
    kernelSize: 3,
    strides: 2,
    depthMultiplier: 2,
    padding: "same",
    useBias: false,
  });
  const point = layers.conv2D({ filters: 4, kernelSize: 1 });
  whole.build([x.shape]);
  deep.build([x.shape]);
  point.build([[null, 3, 3, 6]]);
  const [depthwise, pointwise, bias] = whole.getWeights();
  deep.setWeights([depthwise ?? 0]);
  point.setWeights([pointwise ?? 0, bias ?? 0]);
  expect(whole.apply(x).data).toEqual(point.apply(deep.apply(x)).data);
});

test("weights are named as in Keras", () => {
  const layer = layers.separableConv2D({ filters: 1, kernelSize: 1, name: "sep" });
  layer.apply(tensor([1], [1, 1, 1, 1]));
  expect(layer.weights.map(({ name }) => name)).toEqual(["sep/depthwise_kernel", "sep/pointwise_kernel", "sep/bias"]);
});

test("bad options and inputs are errors", () => {
  expect(() => layers.depthwiseConv2D({ kernelSize: 3, depthMultiplier: 0 })).toThrow(
    /depthMultiplier: expected an integer ≥ 1, received 0/,
  );
  expect(() => layers.separableConv1D({ filters: 1, kernelSize: 3 }).apply(zeros([1, 2, 1]))).toThrow(
    /at least 3 entries in spatial axis 0/,
  );
});
