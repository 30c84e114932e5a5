// Does looking at a model leave it as it was?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import * as losses from "../../bindings/losses.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { zeros } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, samples } from "./problem.ts";

const { x, y } = samples(40);

test("explain with profile leaves weights, slots, seed, epochs and what comes after unchanged to the bit", async () => {
  const [watched, plain] = [classifier(), classifier()];
  const options = { verbose: 0, batchSize: 8, validationData: [x, y] } as const;
  await watched.fit(x, y, options);
  await plain.fit(x, y, options);
  for (const mode of ["train", "test", "predict"] as const) watched.explain({ mode, profile: true, repeats: 3 });
  expectSameBits(watched.getWeights(), plain.getWeights(), "weights");
  expect(watched.trainer.state.readSlots()).toEqual(plain.trainer.state.readSlots());
  expect(watched.trainer.state.iteration.value).toEqual(plain.trainer.state.iteration.value);
  expect(await watched.fit(x, y, { ...options, epochs: 2 })).toEqual(await plain.fit(x, y, { ...options, epochs: 2 }));
  expectSameBits(watched.getWeights(), plain.getWeights(), "weights after training on");
});

test("each instruction is told with layer, work and, with profile, time; a batch of any size", () => {
  const network = classifier();
  const { instructions, plannedBytes, totalBytes } = network.explain({ batchSize: 7 });
  const products = instructions.filter(({ op }) => op === "matMul");
  expect(products.map(({ layer }) => layer)).toEqual(["sequential/dense", "sequential/dense_1"]);
  expect(products[0]?.flops).toBeGreaterThanOrEqual(2 * 7 * 6 * 17);
  expect(plannedBytes).toBeLessThanOrEqual(totalBytes);
  expect(instructions.some(({ microseconds }) => microseconds !== undefined)).toBe(false);
  const profiled = network.explain({ mode: "train", profile: true, repeats: 2 });
  expect(profiled.instructions.every(({ op, microseconds }) => op === "sync" || (microseconds ?? -1) >= 0)).toBe(true);
  expect(profiled.instructions.some(({ op }) => op === "adam")).toBe(true);
  expect(profiled.toString()).toContain("GFLOP/s");
});

test("a model that is not compiled explains its prediction only", () => {
  const network = sequential([layers.dense({ units: 2, inputShape: [3] })]);
  expect(network.explain().instructions.map(({ op }) => op)).toEqual(["sync", "matMul"]);
  expect(() => network.explain({ mode: "train" })).toThrow("Call model.compile({ optimizer, loss }) first.");
});

test("a training step is explained whatever labels the loss takes", () => {
  const frames = () => layers.dense({ units: 4, inputShape: [5, 2] });
  const flat = () => layers.dense({ units: 4, activation: "softmax", inputShape: [3] });
  const networks = [
    sequential([frames()]).compile({ optimizer: "sgd", loss: "ctc" }),
    sequential([flat()]).compile({ optimizer: "sgd", loss: "circle" }),
    sequential([flat()]).compile({ optimizer: "sgd", loss: "categoricalGeneralizedCrossEntropy" }),
    sequential([frames()]).compile({ optimizer: "sgd", loss: losses.sparseCategoricalCrossentropy({ axis: 1 }) }),
    sequential([flat()]).compile({ optimizer: "sgd", loss: "categoricalCrossentropy" }),
    sequential([flat()]).compile({ optimizer: "sgd", loss: (y, p) => losses.huber().call(y, p) }),
  ];
  for (const network of networks)
    for (const mode of ["train", "test"] as const)
      expect(network.explain({ mode, profile: true, repeats: 1, batchSize: 3 }).instructions.length).toBeGreaterThan(3);
});

test("labels are checked before the first step where a loss takes numbers of classes", async () => {
  const network = sequential([layers.dense({ units: 4, inputShape: [5, 2] })]);
  const x = zeros([2, 5, 2]);
  const train = (loss: losses.Loss, y: number[][]) =>
    network.compile({ optimizer: "sgd", loss }).fit(x, y, { verbose: 0 });
  await expect(train(losses.ctc(), [[1, 2], [9, 0]])).rejects.toThrow("integer labels from 0 to 3, received 9 at position 2"); // biome-ignore format: rows
  const along = losses.sparseCategoricalCrossentropy({ axis: 1, ignoreClass: -1 });
  await expect(train(along, [[0, 1, 2, 5], [0, 0, 0, 0]])).rejects.toThrow("from 0 to 4, received 5 at position 3"); // biome-ignore format: rows
  await train(along, [[4, 1, 2, -1], [0, 0, 0, 0]]); // biome-ignore format: rows
});
