// Do dropout and noise disturb training as they say, and only training?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import type { Model } from "../../bindings/models/model.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { sgd } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, type TensorLike, tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

const shape = [8, 5, 3];
describeLayer("Dropout", [
  { title: "of a quarter", make: () => layers.dropout({ rate: 0.25 }), inputs: [shape], output: shape },
  { title: "of nothing", make: () => layers.dropout({ rate: 0 }), inputs: [shape], output: shape },
  {
    title: "of whole columns, with a seed",
    make: () => layers.dropout({ rate: 0.25, noiseShape: [8, 1, 3], seed: 5 }),
    inputs: [shape],
    output: shape,
  },
]);
describeLayer("GaussianNoise", [
  { title: "of 0.1", make: () => layers.gaussianNoise({ stddev: 0.1 }), inputs: [shape], output: shape },
  { title: "with a seed", make: () => layers.gaussianNoise({ stddev: 0.1, seed: -3 }), inputs: [shape], output: shape },
]);
describeLayer("GaussianDropout", [
  { title: "of a tenth", make: () => layers.gaussianDropout({ rate: 0.1 }), inputs: [shape], output: shape },
]);
describeLayer("AlphaDropout", [
  { title: "of a tenth", make: () => layers.alphaDropout({ rate: 0.1 }), inputs: [shape], output: shape },
]);
describeLayer("ActivityRegularization", [
  {
    title: "with both factors",
    make: () => layers.activityRegularization({ l1: 1e-4, l2: 1e-4 }),
    inputs: [shape],
    output: shape,
  },
]);

const rows = 100;
const columns = 200;
const ones = tensor(new Float32Array(rows * columns).fill(1), [rows, columns]);

/** What a layer did to `x` in each of `steps` training steps of a model: weights that stand for the result move by it. */
function seenInTraining(layer: Layer, x: Tensor, steps: number): Float32Array[] {
  const features = x.shape[1] as number;
  const model = sequential([layer, layers.dense({ units: 1, useBias: false, kernelInitializer: "zeros" })]);
  model.build([[null, features]]);
  // d (0 − 1)² / d kernel = −2 · x, so that with a rate of 0.5 the kernel moves by what dense saw.
  model.compile({ optimizer: sgd({ learningRate: 0.5 }), loss: "mse" });
  return Array.from({ length: steps }, () => {
    model.setWeights([tensor(new Float32Array(features), [features, 1])]);
    model.trainOnBatch(x.slice(0, 1), [[1]]);
    return model.getWeights()[0]?.data as Float32Array;
  });
}

test("dropout drops the given share and scales the rest so that the mean stays", () => {
  setSeed(1);
  for (const rate of [0.1, 0.25, 0.5, 0.9]) {
    const { data } = layers.dropout({ rate }).apply(ones, { training: true });
    const kept = Math.fround(1 / (1 - rate));
    const dropped = data.filter((each) => each === 0).length;
    expect(new Set(data)).toEqual(new Set([0, kept]));
    // Five standard deviations of the share among 20,000.
    const slack = 5 * Math.sqrt((rate * (1 - rate)) / data.length);
    expect(Math.abs(dropped / data.length - rate)).toBeLessThan(slack);
  }
});

test("dropout of everything gives zeros, dropout of nothing the input", () => {
  expect(new Set(layers.dropout({ rate: 1 }).apply(ones, { training: true }).data)).toEqual(new Set([0]));
  expect(layers.dropout({ rate: 0 }).apply(ones, { training: true }).data).toEqual(ones.data);
});

test("noiseShape drops along whole axes together", () => {
  const { data } = layers.dropout({ rate: 0.5, noiseShape: [rows, 1] }).apply(ones, { training: true });
  for (let row = 0; row < rows; row++) expect(new Set(data.slice(row * columns, (row + 1) * columns)).size).toBe(1);
  expect(new Set(data).size).toBe(2);
  expect(() => layers.dropout({ rate: 0.5, noiseShape: [7, 1] }).apply(ones, { training: true })).toThrow(
    "expected a noiseShape that broadcasts to [100, 200], received [7, 1]",
  );
});

test("masks differ between steps, between layers and between rows; so do those of seeded layers between steps", () => {
  setSeed(2);
  const x = tensor(new Float32Array(columns).fill(1), [1, columns]);
  for (const make of [() => layers.dropout({ rate: 0.5 }), () => layers.dropout({ rate: 0.5, seed: 9 })]) {
    const [first, second, third] = seenInTraining(make(), x, 3);
    expect(first).not.toEqual(second);
    expect(second).not.toEqual(third);
    expect(new Set(first)).toEqual(new Set([0, 2]));
  }
  const twice = sequential([layers.dropout({ rate: 0.5 }), layers.dropout({ rate: 0.5 })]);
  const share = twice.apply(ones, { training: true }).data.filter((each) => each > 0).length / (rows * columns);
  expect(share).toBeCloseTo(0.25, 1);
  const { data } = layers.dropout({ rate: 0.5 }).apply(ones, { training: true });
  expect(data.slice(0, columns)).not.toEqual(data.slice(columns, 2 * columns));
});

test("the same seed gives the same masks: of the layer, or of everything", () => {
  const x = tensor(new Float32Array(columns).fill(1), [1, columns]);
  const run = (seed: number, make: () => Layer): Float32Array[] => {
    setSeed(seed);
    return seenInTraining(make(), x, 3);
  };
  const free = (): Layer => layers.dropout({ rate: 0.5 });
  const seeded = (): Layer => layers.dropout({ rate: 0.5, seed: 9 });
  expect(run(3, free)).toEqual(run(3, free));
  expect(run(3, free)).not.toEqual(run(4, free));
  expect(run(3, seeded)).toEqual(run(4, seeded));
});

test("masks differ between steps also where nothing is trained", () => {
  setSeed(6);
  const model = sequential([layers.dropout({ rate: 0.25 })]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  const x = random("x", [1, columns]);
  expect(new Set([1, 2, 3].map(() => model.trainOnBatch(x, x).loss)).size).toBe(3);
});

test("dropout and noise are off in predict, evaluate and apply", async () => {
  for (const layer of [layers.dropout({ rate: 0.5 }), layers.gaussianNoise({ stddev: 1 })]) {
    const model: Model<TensorLike, Tensor, string> = sequential([layer]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    expect(model.predict(ones).data).toEqual(ones.data);
    expect(layer.apply(ones).data).toEqual(ones.data);
    expect(await model.evaluate(ones, ones)).toEqual({ loss: 0 });
    expect(model.testOnBatch(ones, ones)).toEqual({ loss: 0 });
  }
});

test("noise has mean 0, the given deviation and the shape of a normal distribution", () => {
  setSeed(4);
  const stddev = 0.5;
  const { data } = layers.gaussianNoise({ stddev }).apply(ones, { training: true });
  const noise = Array.from(data, (each) => each - 1);
  const count = noise.length;
  const mean = noise.reduce((a, b) => a + b) / count;
  const variance = noise.reduce((a, b) => a + (b - mean) ** 2, 0) / count;
  const within = noise.filter((each) => Math.abs(each) < stddev).length / count;
  const beyond = noise.filter((each) => Math.abs(each) > 3 * stddev).length / count;
  expect(Math.abs(mean)).toBeLessThan((5 * stddev) / Math.sqrt(count));
  expect(Math.abs(variance / stddev ** 2 - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
  expect(within).toBeCloseTo(0.6827, 1);
  expect(beyond).toBeCloseTo(0.0027, 2);
});

test("dropout of integers gives numbers", () => {
  const { data, dtype } = layers
    .dropout({ rate: 0.5 })
    .apply(tensor([3, 3, 3, 3], [2, 2], "int32"), { training: true });
  expect(dtype).toBe("float32");
  expect(Array.from(data).every((each) => each === 0 || each === 6)).toBe(true);
});

test("gradients pass where values pass", () => {
  setSeed(5);
  const x = random("x", [1, 50]);
  const model = sequential([
    layers.dense({ units: 50, kernelInitializer: "identity", useBias: false }),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 1, kernelInitializer: "ones", useBias: false, trainable: false }),
  ]);
  model.build([[null, 50]]);
  model.compile({ optimizer: sgd({ learningRate: 0.01 }), loss: "mae" });
  const before = model.getWeights()[0]?.data as Float32Array;
  model.trainOnBatch(x, [[1e6]]);
  const after = model.getWeights()[0]?.data as Float32Array;
  const moved = Array.from({ length: 50 }, (_, unit) => (after[unit] as number) - (before[unit] as number));
  const wanted = 0.01 * 2 * (x.data[0] as number);
  for (const each of moved.slice(1)) expect(each === 0 || Math.abs(each - wanted) < 1e-6).toBe(true);
  expect(new Set(moved.slice(1).map((each) => each === 0)).size).toBe(2);
});

test("impossible rates are refused", () => {
  expect(() => layers.dropout({ rate: 1.5 })).toThrow("dropout.rate: expected a number from 0 to 1, received 1.5");
  expect(() => layers.dropout({ rate: Number.NaN })).toThrow("dropout.rate: expected a number from 0 to 1");
  expect(() => layers.gaussianNoise({ stddev: -1 })).toThrow("gaussianNoise.stddev: expected a number");
  expect(() => layers.dropout({ rate: 0.5, seed: 0.5 })).toThrow("dropout.seed: expected an integer");
});

/** Mean and variance. */
function moments(given: Tensor["data"]): readonly [number, number] {
  const data = Array.from(given);
  const average = data.reduce((total, each) => total + each, 0) / data.length;
  return [average, data.reduce((total, each) => total + (each - average) ** 2, 0) / data.length];
}

test("gaussianDropout multiplies by noise of mean 1 and of the variance that dropout would have", () => {
  setSeed(2);
  for (const rate of [0.2, 0.5]) {
    const [average, variance] = moments(layers.gaussianDropout({ rate }).apply(ones, { training: true }).data);
    const wanted = rate / (1 - rate);
    // Five standard deviations of mean and variance of 20,000 normal numbers.
    expect(Math.abs(average - 1)).toBeLessThan(5 * Math.sqrt(wanted / ones.size));
    expect(Math.abs(variance - wanted)).toBeLessThan(5 * wanted * Math.sqrt(2 / ones.size));
  }
});

test("alphaDropout keeps mean 0 and variance 1, and drops the given share to one value", () => {
  setSeed(4);
  const x = layers
    .gaussianNoise({ stddev: 1 })
    .apply(tensor(new Float32Array(ones.size), ones.shape), { training: true });
  for (const rate of [0.1, 0.4]) {
    const { data } = layers.alphaDropout({ rate }).apply(x, { training: true });
    const [average, variance] = moments(data);
    expect(Math.abs(average)).toBeLessThan(0.05);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    const counts = new Map<number, number>();
    for (const each of data) counts.set(each, (counts.get(each) ?? 0) + 1);
    const share = Math.max(...counts.values()) / data.length;
    expect(Math.abs(share - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / data.length));
  }
});
