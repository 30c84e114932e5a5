// Does the network of the README learn to read real digits?

import { beforeAll, expect, test } from "vitest";
import { loadMnist } from "../../bindings/datasets/mnist.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sparseCategoricalCrossentropy } from "../../bindings/losses.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { setSeed } from "../../bindings/seed.ts";
import { tensor } from "../../bindings/tensor.ts";

let data: Awaited<ReturnType<typeof loadMnist>>;

beforeAll(async () => {
  data = await loadMnist();
});

test("6,000 digits and three epochs are enough for 90 % of 2,000 others", async () => {
  setSeed(1);
  const { train, test: held } = data;
  const model = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]).compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const history = await model.fit(train.x.slice(0, 6000), train.y.slice(0, 6000), {
    epochs: 3,
    validationData: [held.x.slice(0, 2000), held.y.slice(0, 2000)],
    verbose: 0,
  });
  expect(history.valAccuracy[2]).toBeGreaterThan(0.9);
  expect(history.accuracy[2]).toBeGreaterThan(0.93);
  expect(history.loss[2]).toBeLessThan((history.loss[0] as number) / 2);
  const { accuracy } = await model.evaluate(held.x.slice(0, 2000), held.y.slice(0, 2000));
  expect(accuracy).toBe(history.valAccuracy[2]);
  const guesses = model.predict(held.x.slice(0, 2000)).array() as number[][];
  const right = guesses.filter((row, index) => row.indexOf(Math.max(...row)) === held.labels.data[index]).length;
  expect(right / 2000).toBeCloseTo(accuracy, 6);
});

test("uint8 pixels and integer labels, which train as well, and stay bytes until a layer rescales them", async () => {
  setSeed(1);
  const { train } = data;
  const pixels = tensor(
    Uint8Array.from(train.x.slice(0, 2000).data, (each) => Math.round(each * 255)),
    [2000, 28, 28],
  );
  const labels = train.labels.slice(0, 2000);
  const model = sequential([
    layers.rescaling({ scale: 1 / 255, inputShape: [28, 28], inputDtype: "uint8" }),
    layers.flatten(),
    layers.dense({ units: 32, activation: "relu" }),
    layers.dense({ units: 10 }),
  ]);
  const loss = sparseCategoricalCrossentropy({ fromLogits: true });
  const history = await model
    .compile({ optimizer: "adam", loss, metrics: ["accuracy"] })
    .fit(pixels, labels, { epochs: 3, validationSplit: 0.25, verbose: 0 });
  expect(history.valAccuracy[2]).toBeGreaterThan(0.8);
  const gathers = model.explain({ mode: "train" }).instructions.filter(({ op }) => op === "gatherBatch");
  const ofPixels = gathers.find(({ shape }) => shape.join() === "32,28,28");
  // Read and written once, as bytes, and the order of 32 rows: as float32 it would be four times as much.
  expect(ofPixels?.bytes).toBeLessThan(3 * 32 * 784);
});
