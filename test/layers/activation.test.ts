// Do the activations with options keep to them?

import { expect, test } from "vitest";
import { valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { sizeOf, type Tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

const shape = [3, 5, 4];
const alike = { inputs: [shape], output: shape };

describeLayer("ReLU", [
  { title: "plain", make: () => layers.reLU(), ...alike },
  { title: "all options", make: () => layers.reLU({ maxValue: 1.5, negativeSlope: 0.2, threshold: 0.5 }), ...alike },
]);
describeLayer("LeakyReLU", [
  { title: "plain", make: () => layers.leakyReLU(), ...alike },
  { title: "of slope 0.05", make: () => layers.leakyReLU({ negativeSlope: 0.05 }), ...alike },
]);
describeLayer("ELU", [
  { title: "plain", make: () => layers.elu(), ...alike },
  { title: "of alpha 0.5", make: () => layers.elu({ alpha: 0.5 }), ...alike },
]);
describeLayer("PReLU", [
  { title: "a slope for each value", make: () => layers.pReLU(), ...alike, parameters: 20 },
  { title: "shared along axis 1", make: () => layers.pReLU({ sharedAxes: 1 }), ...alike, parameters: 4 },
]);
describeLayer("ThresholdedReLU", [
  { title: "of theta 0.5", make: () => layers.thresholdedReLU({ theta: 0.5 }), ...alike },
]);
describeLayer("Softmax", [
  { title: "last axis", make: () => layers.softmax(), ...alike },
  { title: "axis 1", make: () => layers.softmax({ axis: 1 }), ...alike },
  { title: "two axes", make: () => layers.softmax({ axis: [-2, -1] }), ...alike },
]);

test("relu: maxValue, negativeSlope and threshold, alone and together", () => {
  const x = [[-2, -0.5, 0, 0.4, 0.5, 1, 3]];
  const row = (options: layers.ReLUOptions): number[] => Array.from(layers.reLU(options).apply(x).data);
  const close = (values: readonly number[]): unknown[] => values.map((each) => expect.closeTo(each, 6));
  expect(row({})).toEqual([0, 0, 0, expect.closeTo(0.4, 6), 0.5, 1, 3]);
  expect(row({ maxValue: 1 })).toEqual([0, 0, 0, expect.closeTo(0.4, 6), 0.5, 1, 1]);
  expect(row({ threshold: 0.5 }).map((each) => each + 0)).toEqual([0, 0, 0, 0, 0.5, 1, 3]);
  expect(row({ negativeSlope: 0.5 })).toEqual(close([-1, -0.25, 0, 0.4, 0.5, 1, 3]));
  expect(row({ negativeSlope: 0.5, threshold: 0.5, maxValue: 2 })).toEqual(
    close([-1.25, -0.5, -0.25, -0.05, 0.5, 1, 2]),
  );
});

test("relu: the gradient is the slope of each piece", () => {
  const layer = layers.reLU({ negativeSlope: 0.25, threshold: 0.5, maxValue: 2 });
  const slopes = valueAndGrad((x: SymbolicTensor) => sum(layer.apply(x)))([[-2, 0.4, 1, 3]]).gradients[0] as Tensor;
  expect(slopes.array()).toEqual([[0.25, 0.25, 1, 0]]);
});

test.each([
  [
    [1, 3],
    [-1, 1],
  ],
  [
    [1, 2],
    [2, -3],
  ],
  [
    [2, 3],
    [2, 3],
  ],
])("softmax over axes %j sums to 1 over both together, in any order, and keeps the places", (axes, same) => {
  const sizes = [2, 3, 4, 5];
  const x = random("softmax", sizes);
  const together = layers.softmax({ axis: axes }).apply(x);
  expect(layers.softmax({ axis: same }).apply(x).data).toEqual(together.data);
  /** What the elements that sum to 1 together have in common: their places on the other axes. */
  const group = (index: number): string => {
    const place = sizes.map((size, axis) => Math.floor(index / sizeOf(sizes.slice(axis + 1))) % size);
    return place.filter((_, axis) => !axes.includes(axis)).join();
  };
  const totals = new Map<string, number>();
  x.data.forEach((each, index) => {
    totals.set(group(index), (totals.get(group(index)) ?? 0) + Math.exp(each));
  });
  x.data.forEach((each, index) => {
    expect(together.data[index]).toBeCloseTo(Math.exp(each) / (totals.get(group(index)) as number), 6);
  });
});

test("thresholdedReLU keeps what lies above theta as it is", () => {
  const found = layers.thresholdedReLU({ theta: 0.5 }).apply([[-1, 0.25, 0.5, 0.75, 2]]);
  expect(found.array()).toEqual([[0, 0, 0, 0.75, 2]]);
});
