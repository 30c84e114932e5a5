// Do rescaling and normalization bring raw data into range?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { NormalizationLayer } from "../../bindings/layers/preprocessing.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

describeLayer("Rescaling", [
  { title: "by a number", make: () => layers.rescaling({ scale: 0.5, offset: -1 }), inputs: [[4, 3]], output: [4, 3] },
  {
    title: "by a number for each channel",
    make: () => layers.rescaling({ scale: [0.5, 1, 2], offset: [0, 1, -1] }),
    inputs: [[4, 5, 3]],
    output: [4, 5, 3],
  },
  {
    title: "of uint8",
    make: () => layers.rescaling({ scale: 1 / 255 }),
    inputs: [[4, 5, 3]],
    dtype: "uint8",
    output: [4, 5, 3],
    trains: false,
  },
]);

describeLayer("Normalization", [
  {
    title: "adapted",
    make: () => layers.normalization(),
    prepare: (layer, [x]) => (layer as NormalizationLayer).adapt(x as Tensor),
    inputs: [[7, 3]],
    output: [7, 3],
    parameters: 7,
  },
  {
    title: "adapted over two axes",
    make: () => layers.normalization({ axis: [1, 3] }),
    prepare: (layer, [x]) => (layer as NormalizationLayer).adapt(x as Tensor),
    inputs: [[5, 2, 4, 3]],
    output: [5, 2, 4, 3],
    parameters: 13,
  },
  {
    title: "with given mean and variance",
    make: () => layers.normalization({ mean: [1, 2, 3], variance: [4, 5, 6] }),
    inputs: [[4, 3]],
    output: [4, 3],
  },
  {
    title: "inverted",
    make: () => layers.normalization({ mean: 1, variance: 4, invert: true, axis: null }),
    inputs: [[4, 3]],
    output: [4, 3],
  },
]);

test("uint8 images stay uint8 up to the rescaling, and become exactly x · scale + offset", () => {
  const pixels = tensor(Uint8Array.from([0, 1, 127, 128, 254, 255]), [2, 3]);
  const model = sequential([layers.rescaling({ scale: 2, offset: -1, inputShape: [3], inputDtype: "uint8" })]);
  expect(model.predict(pixels).array()).toEqual([
    [-1, 1, 253],
    [255, 507, 509],
  ]);
  expect(model.predict(pixels).dtype).toBe("float32");
  expect(model.topology.inputs[0]?.dtype).toBe("uint8");
});

test("adapt sets mean 0 and variance 1 of each feature, and adapting again forgets what was before", () => {
  const layer = layers.normalization();
  layer.adapt(random("other", [50, 3]));
  const x = random("x", [1000, 3]);
  layer.adapt(x);
  const y = layer.apply(x);
  for (let feature = 0; feature < 3; feature++) {
    const column = Array.from({ length: 1000 }, (_, row) => y.data[row * 3 + feature] as number);
    const mean = column.reduce((a, b) => a + b) / 1000;
    expect(mean).toBeCloseTo(0, 5);
    expect(column.reduce((a, b) => a + (b - mean) ** 2, 0) / 1000).toBeCloseTo(1, 5);
  }
});

test("adapt takes uint8 and a constant feature, and normalization undone gives the data back", () => {
  const pixels = tensor(Uint8Array.from([0, 9, 255, 9, 51, 9]), [3, 2]);
  const layer = layers.normalization();
  layer.adapt(pixels);
  const [mean, variance] = layer.getWeights() as [Tensor, Tensor];
  expect(mean.array()).toEqual([102, 9]);
  expect(variance.array()).toEqual([expect.closeTo((102 ** 2 + 153 ** 2 + 51 ** 2) / 3, 1), 0]);
  const back = layers.normalization({ mean: Array.from(mean.data), variance: Array.from(variance.data), invert: true });
  const restored = back.apply(layer.apply(pixels));
  restored.data.forEach((each, index) => {
    expect(each).toBeCloseTo(pixels.data[index] as number, 3);
  });
});

test("normalization is not trained, whatever the model does", () => {
  const layer = layers.normalization();
  layer.adapt(random("x", [20, 3]));
  const model = sequential([layer, layers.dense({ units: 1 })]);
  model.build([[null, 3]]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  const before = layer.getWeights();
  model.trainOnBatch(random("x", [20, 3]), random("y", [20, 1]));
  expect(layer.getWeights()).toEqual(before);
  expect(model.trainableWeights.map(({ name }) => name)).toEqual(["dense/kernel", "dense/bias"]);
});

test("bad data and options are refused, and the layer stays as it was", () => {
  const layer = layers.normalization({ name: "scaled" });
  layer.adapt([
    [1, 2],
    [3, 6],
  ]);
  const before = layer.getWeights();
  expect(() => layer.adapt([[1, Number.NaN]])).toThrow(/^scaled.adapt: expected finite numbers/);
  expect(() => layer.adapt(tensor([], [0, 2]))).toThrow(/^scaled.adapt: expected finite numbers.*received none/);
  expect(() => layer.adapt([[1, 2, 3]])).toThrow(/^scaled\/mean: expected shape \[2\], received \[3\]/);
  expect(layer.getWeights()).toEqual(before);
  expect(() => layers.normalization({ mean: 1 })).toThrow("expected mean and variance together, or neither");
  expect(() => layers.normalization({ mean: 1, variance: [-1] })).toThrow(
    "normalization.variance: expected numbers ≥ 0",
  );
  expect(() => layers.normalization({ mean: 1, variance: 1 }).adapt([[1]])).toThrow("without given mean and variance");
  expect(() => layers.normalization({ axis: 0 }).adapt([[1, 2]])).toThrow("axes other than the batch axis");
  expect(() => layers.rescaling({} as never)).toThrow("rescaling.scale: expected a number or a list of numbers");
  expect(() => layers.rescaling({ scale: [1, Number.NaN] })).toThrow("rescaling.scale: expected a number or a list of");
});
