// Are images mixed in pairs, and labels with them, by the same shares and the same partners?

import { expect, test } from "vitest";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { model } from "../../bindings/models/functional.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { square, transpose } from "../../bindings/ops/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { expectTensorError } from "../harness/describeOp.ts";
import { describeLayer, random } from "./describeLayer.ts";

const shape = [4, 5, 6, 2];
describeLayer("MixUp", [
  { title: "of images", make: () => layers.mixUp({ alpha: 0.05 }), inputs: [shape], output: shape },
  { title: "of rows, with a seed", make: () => layers.mixUp({ seed: 3 }), inputs: [[8, 3]], output: [8, 3] },
]);
describeLayer("CutMix", [
  { title: "of small boxes", make: () => layers.cutMix({ factor: 0.1 }), inputs: [shape], output: shape },
  {
    title: "with the channels first",
    make: () => layers.cutMix({ factor: [0, 0.1], seed: 5, dataFormat: "channelsFirst" }),
    inputs: [shape],
    output: shape,
  },
]);

const trained = (layer: Layer, x: Tensor): Tensor => layer.apply(x, { training: true });
/** Images [count, height, width, 1] that are 0, 1, 2 … all over. */
const numbered = (count: number, height: number, width: number): Tensor =>
  tensor(
    Float32Array.from({ length: count * height * width }, (_, index) => Math.floor(index / (height * width))),
    [count, height, width, 1],
  );
const upTo = (count: number): Tensor =>
  tensor(
    Float32Array.from({ length: count }, (_, index) => index),
    [count, 1],
  );

test("mixUp mixes each sample with one other, every one once, by even shares for α = 1", () => {
  setSeed(1);
  const count = 300;
  const oneHot = tensor(
    Float32Array.from({ length: count ** 2 }, (_, index) => (index % (count + 1) === 0 ? 1 : 0)),
    [count, count],
  );
  const { data } = trained(layers.mixUp({ alpha: 1 }), oneHot);
  const partners: number[] = [];
  const shares: number[] = [];
  for (let row = 0; row < count; row++) {
    const cells = data.slice(row * count, (row + 1) * count);
    const others = Array.from(cells.keys()).filter((column) => column !== row && cells[column] !== 0);
    expect(others.length).toBeLessThanOrEqual(1);
    const [partner = row] = others;
    partners.push(partner);
    if (partner === row) continue;
    shares.push(cells[row] as number);
    expect((cells[row] as number) + (cells[partner] as number)).toBeCloseTo(1, 6);
  }
  expect(new Set(partners).size).toBe(count);
  expect(shares.length).toBeGreaterThan(count - 8);
  const mean = shares.reduce((sum, each) => sum + each, 0) / shares.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * shares.length));
});

test("cutMix puts one box of another image into each, of even sizes for α = 1", () => {
  setSeed(2);
  const [count, height, width] = [300, 10, 8];
  const { data } = trained(layers.cutMix({ factor: [1, 1] }), numbered(count, height, width));
  let kept = 0;
  for (let image = 0; image < count; image++) {
    const cells = data.slice(image * height * width, (image + 1) * height * width);
    const places = Array.from(cells.keys()).filter((cell) => cells[cell] !== image);
    kept += 1 - places.length / cells.length;
    expect(new Set(places.map((cell) => cells[cell])).size).toBeLessThanOrEqual(1);
    const rows = new Set(places.map((cell) => Math.floor(cell / width)));
    const columns = new Set(places.map((cell) => cell % width));
    expect(places.length).toBe(rows.size * columns.size);
    if (places.length > 0) expect(Math.max(...columns) - Math.min(...columns) + 1).toBe(columns.size);
  }
  expect(Math.abs(kept / count - 0.5)).toBeLessThan(0.1);
});

/** The loss of a training step, when what comes out is compared with the labels. */
function lossOf(parts: readonly Layer[], x: Tensor, y: Tensor): number {
  const network = sequential([...parts]);
  network.compile({ optimizer: "sgd", loss: "mse" });
  expect(network.testOnBatch(x, y).loss).toBeLessThan(1e-9);
  return network.trainOnBatch(x, y).loss;
}

test("labels are mixed by the shares of the samples", () => {
  setSeed(3);
  const rows = random("rows", [16, 3]);
  expect(lossOf([layers.mixUp({ alpha: 1 })], rows, rows)).toBe(0);
  expect(lossOf([layers.mixUp({ alpha: 1 }), layers.mixUp({ alpha: 1, seed: 2 })], rows, rows)).toBe(0);

  // The mean of an image made of two numbers is their mean by pixels.
  const mean = (format: "channelsLast" | "channelsFirst") => layers.globalAveragePooling2D({ dataFormat: format });
  const images = numbered(16, 6, 5);
  expect(lossOf([layers.cutMix(), mean("channelsLast")], images, upTo(16))).toBeLessThan(1e-9);
  const first = transpose(images, [0, 3, 1, 2]);
  const cut = layers.cutMix({ factor: [1, 1], dataFormat: "channelsFirst" });
  expect(lossOf([cut, mean("channelsFirst")], first, upTo(16))).toBeLessThan(1e-9);
});

test("labels that are images of the same size are cut like the images", () => {
  setSeed(4);
  const x = random("x", [16, 6, 5, 2]);
  expect(lossOf([layers.cutMix()], x, x)).toBe(0);
  expect(lossOf([layers.cutMix({ dataFormat: "channelsFirst" })], x, x)).toBe(0);
  // Smaller ones are mixed by the numbers of pixels.
  const images = numbered(16, 6, 4);
  expect(
    lossOf([layers.cutMix(), layers.averagePooling2D({ poolSize: [6, 4] })], images, numbered(16, 1, 1)),
  ).toBeLessThan(1e-9);
});

test("the labels of all outputs are mixed, also by a layer in a model in the model", () => {
  setSeed(5);
  const x = random("x", [16, 3]);
  const inner = sequential([layers.mixUp({ alpha: 1, inputShape: [3] })]);
  const port = input({ shape: [3] });
  const mixed = inner.apply(port);
  const network = model({ inputs: port, outputs: { a: mixed, b: layers.identity().apply(mixed) } });
  network.compile({ optimizer: "sgd", loss: "mse" });
  expect(network.trainOnBatch(x, { a: x, b: x })).toEqual({ loss: 0, aLoss: 0, bLoss: 0 });
});

test("training draws anew in each step, prediction and evaluation mix nothing", async () => {
  const x = random("x", [16, 4, 4, 1]);
  for (const make of [() => layers.mixUp({ seed: 5 }), () => layers.cutMix({ seed: 5 })]) {
    const run = (): number[] => {
      const network = sequential([make()]);
      network.compile({ optimizer: "sgd", loss: (_, yPred) => square(yPred) });
      expect(network.predict(x).data).toEqual(x.data);
      return [1, 2, 3].map(() => network.trainOnBatch(x, x).loss);
    };
    const losses = run();
    expect(new Set(losses).size).toBe(3);
    expect(run()).toEqual(losses);
  }
});

test("numbers of classes cannot be mixed", () => {
  const network = sequential([layers.mixUp(), layers.dense({ units: 3, activation: "softmax" })]);
  network.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  const labels = tensor(Int32Array.of(0, 1, 2, 0), [4]);
  expect(Number.isFinite(network.testOnBatch(random("x", [4, 2]), labels).loss)).toBe(true);
  expectTensorError({
    call: () => network.trainOnBatch(random("x", [4, 2]), labels),
    code: "unsupported",
    text: /mix_up \(labels\): expected labels that can be mixed: one-hot, or numbers to be learnt, received the numbers of classes that "sparse_categorical_crossentropy" takes. One-hot them/,
  });
});
