// Do layer, group and unit normalization normalise over the axes that their options name?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import { l2 } from "../../bindings/regularizers.ts";
import { type Tensor, tensor, zeros } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

describeLayer("LayerNormalization", [
  {
    title: "plain",
    make: () => layers.layerNormalization(),
    inputs: [[5, 7]],
    output: [5, 7],
    parameters: 14,
  },
  {
    title: "over two axes, with all options",
    make: () =>
      layers.layerNormalization({
        axis: [1, -1],
        epsilon: 1e-5,
        center: false,
        gammaInitializer: "randomUniform",
        gammaRegularizer: l2({ l2: 0.001 }),
        gammaConstraint: "nonNeg",
      }),
    inputs: [[2, 3, 4, 5]],
    output: [2, 3, 4, 5],
    parameters: 15,
  },
  {
    title: "scaling only",
    make: () => layers.layerNormalization({ rmsScaling: true }),
    inputs: [[5, 7]],
    output: [5, 7],
    parameters: 7,
  },
]);

describeLayer("GroupNormalization", [
  {
    title: "in three groups",
    make: () => layers.groupNormalization({ groups: 3 }),
    inputs: [[2, 4, 5, 6]],
    output: [2, 4, 5, 6],
    parameters: 12,
  },
  {
    title: "a group for each channel, which come first",
    make: () => layers.groupNormalization({ groups: -1, axis: 1, scale: false }),
    inputs: [[2, 3, 5]],
    output: [2, 3, 5],
    parameters: 3,
  },
]);

describeLayer("RMSNormalization", [
  {
    title: "over the last axis",
    make: () => layers.rmsNormalization(),
    inputs: [[4, 6]],
    output: [4, 6],
    parameters: 6,
  },
  {
    title: "over two axes",
    make: () => layers.rmsNormalization({ axis: [1, 2], epsilon: 0.1 }),
    inputs: [[3, 2, 5]],
    output: [3, 2, 5],
    parameters: 10,
  },
]);

test("rmsNormalization divides by the root of the mean square", () => {
  const layer = layers.rmsNormalization({ epsilon: 0 });
  expect(layer.apply([[3, 4]]).array()).toEqual([
    [3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5)].map((each) => expect.closeTo(each, 6)),
  ]);
});

describeLayer("UnitNormalization", [
  { title: "plain", make: () => layers.unitNormalization(), inputs: [[4, 5]], output: [4, 5] },
  {
    title: "over two axes",
    make: () => layers.unitNormalization({ axis: [1, 2] }),
    inputs: [[2, 3, 4]],
    output: [2, 3, 4],
  },
]);

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
const pick = (x: Tensor, keep: (index: number) => boolean): number[] => Array.from(x.data).filter((_, at) => keep(at));

test("layer normalization makes each sample's mean 0 and variance 1, whatever the others are", () => {
  const x = random("layer normalization", [3, 17]);
  const output = layers.layerNormalization({ epsilon: 0 }).apply(x);
  for (const row of output.array() as number[][]) {
    expect(mean(row)).toBeCloseTo(0, 5);
    expect(mean(row.map((each) => each * each))).toBeCloseTo(1, 5);
  }
  expect(layers.layerNormalization({ epsilon: 0 }).apply(x.slice(1, 2)).data).toEqual(output.data.slice(17, 34));
});

test("group normalization does so for neighbouring channels over all places", () => {
  const output = layers.groupNormalization({ groups: 2, epsilon: 0 }).apply(random("groups", [2, 5, 4]));
  for (const [sample, group] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const) {
    const own = pick(output, (at) => Math.floor(at / 20) === sample && Math.floor((at % 4) / 2) === group);
    expect(own.length).toBe(10);
    expect(mean(own)).toBeCloseTo(0, 5);
    expect(mean(own.map((each) => each * each))).toBeCloseTo(1, 5);
  }
});

test("unit normalization divides by the length, and leaves zero alone", () => {
  expect(layers.unitNormalization().apply(tensor([3, 4, 0, 0], [2, 2])).data).toEqual(
    Float32Array.from([0.6, 0.8, 0, 0]),
  );
});

test("bad axes, groups and inputs are errors", () => {
  const x = zeros([2, 3, 4]);
  expect(() => layers.layerNormalization({ axis: [0, 1] }).apply(x)).toThrow(/axes other than the batch axis/);
  expect(() => layers.groupNormalization({ groups: 3 }).apply(x)).toThrow(/a divisor of 4 channels, or -1, received 3/);
  expect(() => layers.groupNormalization({ groups: 0 }).apply(x)).toThrow(/a divisor of 4 channels/);
  const layer = layers.layerNormalization();
  layer.apply(x);
  expect(() => layer.apply(zeros([2, 3, 5]))).toThrow(/expected sizes \[4\] in axes \[2\], received shape \[2, 3, 5\]/);
});
