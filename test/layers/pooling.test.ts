// Do pooling layers take the right cells, and adaptive ones the windows they promise?

import { describe, expect, test } from "vitest";
import { valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { transpose } from "../../bindings/ops/index.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { type Shape, type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

type Axes = 1 | 2 | 3;
const every: readonly Axes[] = [1, 2, 3];
const spatial = { 1: [7], 2: [5, 7], 3: [3, 5, 4] } as const;
const halves = { 1: [3], 2: [2, 3], 3: [1, 2, 2] } as const;
const rounded = { 1: [4], 2: [3, 4], 3: [2, 3, 2] } as const;
const channels = 3;

const last = (sizes: readonly number[]): Shape => [4, ...sizes, channels];
const first = (sizes: readonly number[]): Shape => [4, channels, ...sizes];

for (const axes of every) {
  const pooling = {
    Max: { 1: layers.maxPooling1D, 2: layers.maxPooling2D, 3: layers.maxPooling3D }[axes],
    Average: { 1: layers.averagePooling1D, 2: layers.averagePooling2D, 3: layers.averagePooling3D }[axes],
  };
  const global = {
    Max: { 1: layers.globalMaxPooling1D, 2: layers.globalMaxPooling2D, 3: layers.globalMaxPooling3D }[axes],
    Average: {
      1: layers.globalAveragePooling1D,
      2: layers.globalAveragePooling2D,
      3: layers.globalAveragePooling3D,
    }[axes],
  };
  const adaptive = {
    Max: { 1: layers.adaptiveMaxPooling1D, 2: layers.adaptiveMaxPooling2D, 3: layers.adaptiveMaxPooling3D }[axes],
    Average: {
      1: layers.adaptiveAveragePooling1D,
      2: layers.adaptiveAveragePooling2D,
      3: layers.adaptiveAveragePooling3D,
    }[axes],
  };
  for (const kind of ["Max", "Average"] as const) {
    describeLayer(`${kind}Pooling${axes}D`, [
      { title: "by default", make: () => pooling[kind](), inputs: [last(spatial[axes])], output: last(halves[axes]) },
      {
        title: "same, overlapping",
        make: () => pooling[kind]({ poolSize: 3, strides: 2, padding: "same" }),
        inputs: [last(spatial[axes])],
        output: last(rounded[axes]),
      },
      {
        title: "with the channels first",
        make: () => pooling[kind]({ padding: "same", dataFormat: "channelsFirst" }),
        inputs: [first(spatial[axes])],
        output: first(rounded[axes]),
      },
    ]);
    describeLayer(`Global${kind}Pooling${axes}D`, [
      { title: "by default", make: () => global[kind](), inputs: [last(spatial[axes])], output: [4, channels] },
      {
        title: "with the axes kept, the channels first",
        make: () => global[kind]({ keepdims: true, dataFormat: "channelsFirst" }),
        inputs: [first(spatial[axes])],
        output: first(spatial[axes].map(() => 1)),
      },
    ]);
    describeLayer(`Adaptive${kind}Pooling${axes}D`, [
      {
        title: "to two",
        make: () => adaptive[kind]({ outputSize: 2 }),
        inputs: [last(spatial[axes])],
        output: last(spatial[axes].map(() => 2)),
      },
      {
        title: "to more than there are, the channels first",
        make: () => adaptive[kind]({ outputSize: [6, 3, 5].slice(0, axes), dataFormat: "channelsFirst" }),
        inputs: [first(spatial[axes])],
        output: first([6, 3, 5].slice(0, axes)),
      },
    ]);
  }
}

const row = (values: readonly number[]): Tensor => tensor(values, [1, values.length, 1]);
const numbers = (layer: Layer, x: Tensor): number[] => Array.from(layer.apply(x).data);

describe("windows", () => {
  test("that are all negative have a negative maximum, in every kind of layer", () => {
    const x = row([-5, -3, -8, -2, -9]);
    expect(numbers(layers.maxPooling1D({ poolSize: 3, strides: 1, padding: "same" }), x)).toEqual([-3, -3, -2, -2, -2]);
    expect(numbers(layers.maxPooling1D({ poolSize: 2, padding: "same" }), x)).toEqual([-3, -2, -9]);
    expect(numbers(layers.globalMaxPooling1D(), x)).toEqual([-2]);
    expect(numbers(layers.adaptiveMaxPooling1D({ outputSize: 2 }), x)).toEqual([-3, -2]);
  });

  test('of "same" get the smaller half of the margins in front', () => {
    const x = row([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(numbers(layers.averagePooling1D({ poolSize: 3, strides: 2, padding: "same" }), x)).toEqual([2, 4, 6, 7.5]);
    expect(numbers(layers.averagePooling1D({ poolSize: 4, strides: 1, padding: "same" }), x)).toEqual([
      2, 2.5, 3.5, 4.5, 5.5, 6.5, 7, 7.5,
    ]);
  });

  test("of adaptive layers begin at ⌊i·n/o⌋ and end at ⌈(i+1)·n/o⌉", () => {
    // Of 7 cells for 3: [0, 3), [2, 5), [4, 7).
    const x = row([1, 2, 9, 4, 5, 6, 7]);
    expect(numbers(layers.adaptiveMaxPooling1D({ outputSize: 3 }), x)).toEqual([9, 9, 7]);
    const averages = numbers(layers.adaptiveAveragePooling1D({ outputSize: 3 }), x);
    [4, 6, 6].forEach((each, index) => {
      expect(averages[index]).toBeCloseTo(each, 5);
    });
    // Of 3 cells for 5: 0, [0, 2), 1, [1, 3), 2.
    expect(numbers(layers.adaptiveMaxPooling1D({ outputSize: 5 }), row([3, 1, 2]))).toEqual([3, 3, 1, 2, 2]);
    expect(numbers(layers.adaptiveAveragePooling1D({ outputSize: 5 }), row([3, 1, 2]))).toEqual([3, 2, 1, 1.5, 2]);
  });

  test("of adaptive layers may be as many as one likes", () => {
    const outputSize = 1_000_000;
    const averages = numbers(layers.adaptiveAveragePooling1D({ outputSize }), row([3, 1]));
    expect([averages.length, averages[0], averages[outputSize - 1]]).toEqual([outputSize, 3, 1]);
  });

  test("of adaptive layers are those of plain ones where they all have one size", () => {
    const x = random("alike", [2, 6, 8, 3]);
    const plain = { poolSize: [3, 2] };
    const adaptive = { outputSize: [2, 4] };
    expect(layers.adaptiveMaxPooling2D(adaptive).apply(x).data).toEqual(layers.maxPooling2D(plain).apply(x).data);
    expect(layers.adaptiveAveragePooling2D(adaptive).apply(x).data).toEqual(
      layers.averagePooling2D(plain).apply(x).data,
    );
  });

  test("send the gradient of an adaptive maximum to one cell, the first", () => {
    const layer = layers.adaptiveMaxPooling1D({ outputSize: 3 });
    const upstream = row([1, 10, 100]);
    const loss = (x: SymbolicTensor): SymbolicTensor => sum(multiply(layer.apply(x), upstream));
    const { gradients } = valueAndGrad(loss)(row([5, 5, 5, 5, 5, 5, 5]));
    expect(Array.from((gradients[0] as Tensor).data)).toEqual([1, 0, 10, 0, 100, 0, 0]);
  });
});

test("channels first gives what channels last gives, moved", () => {
  const x = random("moved", [2, 5, 7, 3]);
  const moved = transpose(x, [0, 3, 1, 2]);
  const makers: readonly ((dataFormat: layers.DataFormat) => Layer)[] = [
    (dataFormat) => layers.maxPooling2D({ poolSize: [3, 2], strides: 2, padding: "same", dataFormat }),
    (dataFormat) => layers.averagePooling2D({ poolSize: [3, 2], strides: 2, padding: "same", dataFormat }),
    (dataFormat) => layers.globalMaxPooling2D({ keepdims: true, dataFormat }),
    (dataFormat) => layers.globalAveragePooling2D({ keepdims: true, dataFormat }),
    (dataFormat) => layers.adaptiveMaxPooling2D({ outputSize: [2, 3], dataFormat }),
    (dataFormat) => layers.adaptiveAveragePooling2D({ outputSize: [2, 3], dataFormat }),
  ];
  for (const make of makers) {
    const expected = transpose(make("channelsLast").apply(x), [0, 3, 1, 2]);
    const found = make("channelsFirst").apply(moved);
    expect(found.shape).toEqual(expected.shape);
    found.data.forEach((each, index) => {
      expect(each).toBeCloseTo(expected.data[index] as number, 5);
    });
  }
});

test("options that make no sense are refused, with the layer's name", () => {
  expect(() => layers.maxPooling2D({ poolSize: 0 })).toThrow(
    "maxPooling2D.poolSize: expected an integer ≥ 1, or 2 of them, received 0",
  );
  expect(() => layers.maxPooling2D({ poolSize: [2, 2, 2] })).toThrow("maxPooling2D.poolSize: expected an integer ≥ 1");
  expect(() => layers.averagePooling1D({ strides: 1.5 })).toThrow("averagePooling1D.strides: expected an integer ≥ 1");
  expect(() => layers.maxPooling1D({ padding: "causal" as "same" })).toThrow(
    'maxPooling1D.padding: expected "valid" or "same", received "causal"',
  );
  expect(() => layers.adaptiveMaxPooling2D({} as { outputSize: number })).toThrow("adaptiveMaxPooling2D.outputSize");
  expect(() => layers.maxPooling2D({ name: "pool" }).apply(random("flat", [2, 6, 3]))).toThrow(
    "pool (input): expected an input [batch, height, width, channels], received shape [2, 6, 3]",
  );
  expect(() => layers.globalMaxPooling1D({ dataFormat: "channelsFirst" }).apply(random("flat", [2, 6]))).toThrow(
    "expected an input [batch, channels, length], received shape [2, 6]",
  );
  expect(() => layers.maxPooling2D({ poolSize: 7 }).apply(random("small", [2, 6, 8, 3]))).toThrow(
    "maxPool): expected spatial sizes that hold a window of [7, 7], received shape [2, 6, 8, 3]",
  );
});

test("adaptive averages of windows of several sizes see their own cells alone", () => {
  const x = tensor([1, 2, 3, Number.NaN, 5, 6, 7], [1, 7, 1]);
  const averages = Array.from(layers.adaptiveAveragePooling1D({ outputSize: 3 }).apply(x).data);
  // Cells 0 to 2, 2 to 4, 4 to 6.
  expect(averages).toEqual([2, Number.NaN, 6]);
});
