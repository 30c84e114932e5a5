// Do dense and activation layers do what their options say?

import { expect, test } from "vitest";
import { maxNorm } from "../../bindings/constraints.ts";
import { constant } from "../../bindings/initializers.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { sgd } from "../../bindings/optimizers.ts";
import { l1, l2 } from "../../bindings/regularizers.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeLayer } from "./describeLayer.ts";

describeLayer("Dense", [
  {
    title: "plain",
    make: () => layers.dense({ units: 3 }),
    inputs: [[5, 7]],
    output: [5, 3],
    parameters: 24,
  },
  {
    title: "of one sample, feature and unit",
    make: () => layers.dense({ units: 1, activation: "tanh" }),
    inputs: [[1, 1]],
    output: [1, 1],
    parameters: 2,
  },
  {
    title: "over the last of four axes, with all options",
    make: () =>
      layers.dense({
        units: 4,
        activation: "gelu",
        kernelInitializer: "heNormal",
        biasInitializer: constant({ value: 0.1 }),
        kernelRegularizer: l2({ l2: 0.001 }),
        biasRegularizer: l1({ l1: 0.001 }),
        activityRegularizer: l2({ l2: 0.001 }),
        kernelConstraint: maxNorm({ maxValue: 3 }),
      }),
    inputs: [[3, 2, 1, 17]],
    output: [3, 2, 1, 4],
    parameters: 17 * 4 + 4,
  },
  {
    title: "without bias, not trainable",
    make: () => layers.dense({ units: 33, useBias: false, trainable: false, name: "frozen" }),
    inputs: [[2, 3, 5]],
    output: [2, 3, 33],
    parameters: 5 * 33,
  },
]);

describeLayer("Activation", [
  { title: "sigmoid", make: () => layers.activation({ activation: "sigmoid" }), inputs: [[4, 9]], output: [4, 9] },
  {
    title: "glu, which halves",
    make: () => layers.activation({ activation: "glu" }),
    inputs: [[4, 8]],
    output: [4, 4],
  },
]);

test("dense computes activation(x·kernel + bias)", () => {
  const layer = layers.dense({ units: 2, activation: "relu" });
  layer.build([[null, 3]]);
  layer.setWeights([
    [
      [1, -1],
      [2, 0],
      [3, 1],
    ],
    [0.5, -1],
  ]);
  expect(layer.apply([[1, 1, 1]]).array()).toEqual([[6.5, 0]]);
  expect(layer.apply([[-1, 0, 1]]).array()).toEqual([[2.5, 1]]);
});

test("a layer that is not trainable has no trainable weights, and training leaves it alone", () => {
  const frozen = layers.dense({ units: 3, trainable: false });
  const model = sequential([frozen, layers.dense({ units: 1 })]);
  model.build([[null, 4]]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  const [kernel, bias, head] = model.getWeights();
  model.trainOnBatch([[1, 2, 3, 4]], [[1]]);
  expect(frozen.trainableWeights).toEqual([]);
  expect(frozen.nonTrainableWeights.length).toBe(2);
  expect(model.getWeights()[0]?.data).toEqual(kernel?.data);
  expect(model.getWeights()[1]?.data).toEqual(bias?.data);
  expect(model.getWeights()[2]?.data).not.toEqual(head?.data);
});

test("penalties are part of the loss, activity once for each sample's output, and constraints hold after a step", () => {
  const layer = layers.dense({
    units: 2,
    useBias: false,
    kernelRegularizer: l2({ l2: 0.5 }),
    activityRegularizer: l1({ l1: 0.25 }),
    kernelConstraint: maxNorm({ maxValue: 1, axis: 0 }),
  });
  const model = sequential([layer]);
  model.build([[null, 2]]);
  layer.setWeights([
    [
      [1, 2],
      [3, -1],
    ],
  ]);
  model.compile({ optimizer: sgd({ learningRate: 0 }), loss: "meanAbsoluteError" });
  const logs = model.testOnBatch([[1, 1]], [[4, 1]]);
  expect(logs.loss).toBeCloseTo(0 + 0.5 * (1 + 4 + 9 + 1) + 0.25 * (4 + 1), 5);
  model.trainOnBatch([[1, 1]], [[4, 1]]);
  const [a = 0, b = 0, c = 0, d = 0] = layer.getWeights()[0]?.data ?? [];
  expect(Math.hypot(a, c)).toBeCloseTo(1, 5);
  expect(Math.hypot(b, d)).toBeCloseTo(1, 5);
});

test("weights are named after the layer, and settled by the model", () => {
  const first = layers.dense({ units: 2, name: "first" });
  const model = sequential([first, layers.dense({ units: 2 }), layers.dense({ units: 2 })]);
  model.build([[null, 3]]);
  expect(model.weights.map(({ name }) => name)).toEqual([
    "first/kernel",
    "first/bias",
    "dense/kernel",
    "dense/bias",
    "dense_1/kernel",
    "dense_1/bias",
  ]);
  expect(model.getLayer("dense_1")).toBe(model.layers[2]);
  expect(model.getLayer(-1)).toBe(model.layers[2]);
});

test("an activation that is a function works, under its name", () => {
  const layer = layers.dense({ units: 1, activation: (x) => x, kernelInitializer: "ones" });
  expect(layer.apply([[2, 3]]).array()).toEqual([[5]]);
  expect(layer.apply(tensor([2, 3], [1, 2])).array()).toEqual([[5]]);
});
