// Does a saved model predict the same, and train on with the same bits as if it had never been saved?

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { binaryCrossentropy, meanSquaredError } from "../../bindings/losses.ts";
import { meanMetric } from "../../bindings/metrics.ts";
import { model } from "../../bindings/models/functional.ts";
import { decodeModel, loadModel } from "../../bindings/models/loading.ts";
import type { Model } from "../../bindings/models/model.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { mean } from "../../bindings/ops/reduce.ts";
import { adam, adamw, type Optimizer, rmsprop, sgd } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { random } from "../layers/describeLayer.ts";
import { classifier, features, samples } from "./problem.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wasmgrad-saving-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type AnyModel = Model<never, unknown, string>;

/** Everything that training depends on. */
function stateOf(trained: AnyModel): Tensor[] {
  const { state, seed } = trained.trainer;
  return [...trained.getWeights(), ...state.readSlots().map(({ value }) => value), state.iteration.value, seed.value];
}

const optimizers: Readonly<Record<string, () => Optimizer>> = {
  sgd: () => sgd({ learningRate: 0.1 }),
  "sgd with momentum": () => sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, clipnorm: 1 }),
  adam: () => adam(),
  "adam with amsgrad and an average": () => adam({ amsgrad: true, useEma: true, emaMomentum: 0.9 }),
  adamw: () => adamw({ weightDecay: 0.01, globalClipnorm: 1 }),
  rmsprop: () => rmsprop(),
  "rmsprop centered with momentum": () => rmsprop({ centered: true, momentum: 0.5, rho: 0.8 }),
  "adam, accumulating gradients": () => adam({ gradientAccumulationSteps: 3 }),
};

const { x, y } = samples(37);
const options = { verbose: 0, batchSize: 8 } as const;

describe("training goes on with the same bits after saving and loading, with", () => {
  test.each(Object.keys(optimizers))("%s", async (name) => {
    const make = (): ReturnType<typeof classifier> =>
      classifier({ optimizer: (optimizers[name] as () => Optimizer)() });
    const whole = make();
    const first = make();
    await whole.fit(x, y, options);
    await first.fit(x, y, options);
    const second = (await loadModel(await first.save())) as unknown as typeof first;
    expectSameBits(stateOf(second as never), stateOf(first as never), "loaded");
    expectSameBits([second.predict(x)], [first.predict(x)], "prediction");
    const histories = [whole, second].map((each) =>
      each.fit(x, y, { ...options, initialEpoch: 1, epochs: 3, validationSplit: 0.1 }),
    );
    expect(await histories[1]).toEqual(await histories[0]);
    expectSameBits(stateOf(second as never), stateOf(whole as never), "trained on");
  });
});

/** Networks of every kind, with data for them. */
const networks: Readonly<
  Record<string, () => { readonly network: AnyModel; readonly x: unknown; readonly y: unknown }>
> = {
  "several named inputs and outputs": () => {
    const inputs = { image: input({ shape: [4, 4], dtype: "uint8" }), size: input({ shape: [3] }) };
    const image = layers.flatten().apply(layers.rescaling({ scale: 1 / 9 }).apply(inputs.image));
    const trunk = layers
      .concatenate()
      .apply([image, layers.normalization({ mean: 0, variance: 2 }).apply(inputs.size)]);
    const hidden = layers.dropout({ rate: 0.2 }).apply(layers.dense({ units: 6, activation: "silu" }).apply(trunk));
    const kind = layers.dense({ units: 3, activation: "softmax", name: "kind" }).apply(hidden);
    const price = layers.dense({ units: 1, name: "price" }).apply(hidden);
    const network = model({ inputs, outputs: { kind, price }, name: "several" });
    const loss = { kind: "sparseCategoricalCrossentropy", price: meanSquaredError() } as const;
    network.compile({
      optimizer: "adam",
      loss,
      metrics: { kind: ["accuracy"], price: ["mae"] },
      lossWeights: { price: 0.3 },
    });
    return {
      network: network as unknown as AnyModel,
      x: { image: random("image", [9, 4, 4], "uint8"), size: random("size", [9, 3]) },
      y: { kind: [0, 1, 2, 0, 1, 2, 0, 1, 2], price: random("price", [9, 1]) },
    };
  },
  "a nested model used twice": () => {
    const [left, right] = [input({ shape: [4] }), input({ shape: [4] })];
    const tower = sequential([layers.dense({ units: 5, activation: "tanh" }), layers.dropout({ rate: 0.1 })]);
    const merged = layers.multiply().apply([tower.apply(left), tower.apply(right)]);
    const outputs = layers.dense({ units: 1, activation: "sigmoid" }).apply(merged);
    const network = model({ inputs: { left, right }, outputs });
    network.compile({ optimizer: "rmsprop", loss: binaryCrossentropy({ labelSmoothing: 0.1 }), metrics: ["accuracy"] });
    return {
      network: network as unknown as AnyModel,
      x: { left: random("left", [6, 4]), right: random("right", [6, 4]) },
      y: [[1], [0], [1], [0], [1], [0]],
    };
  },
  "a layer applied twice, a frozen one, and models in models": () => {
    const start = input({ shape: [4], name: "start" });
    const shared = layers.dense({ units: 4, activation: "elu", kernelRegularizer: "l2" });
    const frozen = layers.dense({ units: 4, trainable: false });
    const inner = sequential([sequential([frozen, layers.dense({ units: 4 })]), layers.leakyReLU()]);
    const outputs = layers.add().apply([shared.apply(shared.apply(start)), inner.apply(start)]);
    const network = model({ inputs: start, outputs });
    network.compile({ optimizer: sgd({ momentum: 0.9 }), loss: "mae" });
    return { network: network as unknown as AnyModel, x: random("x", [5, 4]), y: random("y", [5, 4]) };
  },
  "a sequential model that learnt its shape from data, normalized": () => {
    const normalization = layers.normalization();
    normalization.adapt(random("adapt", [30, 5]));
    const network = sequential([normalization, layers.dense({ units: 2, kernelConstraint: "maxNorm" })], {
      name: "late",
    });
    network.compile({ optimizer: "adamw", loss: "mse" });
    return { network: network as unknown as AnyModel, x: random("x", [5, 5]), y: random("y", [5, 2]) };
  },
};

describe("a file holds", () => {
  test.each(Object.keys(networks))("%s", async (name) => {
    setSeed(21);
    const { network, x: data, y: target } = (networks[name] as () => ReturnType<(typeof networks)[string]>)();
    const step = (each: AnyModel): unknown => each.trainOnBatch(data as never, target as never);
    step(network);
    const loaded = decodeModel(await network.save(), "test") as unknown as AnyModel;
    expect(loaded.name).toBe(network.name);
    expect(loaded.weights.map((weight) => weight.name)).toEqual(network.weights.map((weight) => weight.name));
    expect(loaded.trainableWeights.length).toBe(network.trainableWeights.length);
    expect(loaded.predict(data as never)).toEqual(network.predict(data as never));
    for (let count = 0; count < 3; count++) expect(step(loaded)).toEqual(step(network));
    expectSameBits(stateOf(loaded), stateOf(network), "trained on");
    expect(await loaded.save()).toEqual(await network.save());
  });
});

test("a model used inside another can still be saved on its own, and both ways agree", async () => {
  const inner = sequential([layers.dense({ units: 3, inputShape: [4] }), layers.dense({ units: 2 })], {
    name: "inner",
  });
  const outer = sequential([inner, layers.dense({ units: 1 })], { name: "outer" });
  outer.build([[null, 4]]);
  const data = random("x", [3, 4]);
  for (const each of [inner, outer]) {
    const loaded = decodeModel(await each.save(), "test");
    expectSameBits([loaded.predict(data)], [each.predict(data)], each.name);
  }
});

test("save writes one file, and nothing is left when it cannot", async () => {
  const network = classifier();
  const path = join(folder, "model.safetensors");
  await writeFile(path, "old");
  const bytes = await network.save(path);
  expect(new Uint8Array(await readFile(path))).toEqual(bytes);
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
  const loaded = await loadModel(path);
  expectSameBits([loaded.predict(x)], [network.predict(x)], "prediction");
  await expect(network.save(join(folder, "missing", "model.safetensors"))).rejects.toMatchObject({ code: "data" });
  await expect(loadModel(join(folder, "missing.safetensors"))).rejects.toMatchObject({ code: "data" });
});

test("without the optimizer a file is smaller, and loads as a model that is not compiled", async () => {
  const network = classifier();
  await network.fit(x, y, options);
  const bytes = await network.save(undefined, { includeOptimizer: false });
  expect(bytes.length).toBeLessThan((await network.save()).length / 2);
  const loaded = decodeModel(bytes, "test");
  expect(loaded.compileOptions).toBeUndefined();
  expectSameBits(loaded.getWeights(), network.getWeights(), "weights");
  expect(() => loaded.trainOnBatch(x, y)).toThrow("Call model.compile({ optimizer, loss }) first.");
});

test("what a file cannot hold is refused, with the remedy, not left out", async () => {
  const network = sequential([layers.dense({ units: 2, inputShape: [features] })]);
  const remedy = "Save with { includeOptimizer: false } and compile again after loading.";
  const refused = async (where: RegExp): Promise<void> => {
    await expect(network.save()).rejects.toMatchObject({
      code: "unsupported",
      remedy,
      message: expect.stringMatching(where),
    });
  };
  network.compile({ optimizer: "sgd", loss: (yTrue, yPred) => mean(layers.subtract().apply([yTrue, yPred])) });
  await refused(
    /^sequential.save: expected a loss that a name and options describe, received a function or an object of your own/,
  );
  network.compile({ optimizer: "sgd", loss: "mse", metrics: [(_: SymbolicTensor, yPred: SymbolicTensor) => yPred] });
  await refused(/^sequential.save: expected a metric that a name and options describe/);
  network.compile({ optimizer: "sgd", loss: "mse", metrics: [meanMetric("mine", (_, yPred) => yPred)] });
  await refused(/^sequential.save: expected a metric that a name and options describe/);
  network.compile({ optimizer: { ...sgd(), className: "Mine" }, loss: "mse" });
  await refused(/^sequential.save: expected an optimizer that a name/);
  const bytes = await network.save(undefined, { includeOptimizer: false });
  expect(decodeModel(bytes, "test").countParams()).toBe(2 * features + 2);
  // Its name would stand for ours after loading.
  const relu = (value: SymbolicTensor): SymbolicTensor => value;
  const mine = sequential([layers.dense({ units: 2, activation: relu, inputShape: [features] })]);
  await expect(mine.save()).rejects.toMatchObject({
    code: "unsupported",
    message:
      "dense (activation): expected an activation that has a name, received a function, which a configuration cannot hold. Make it a layer of its own with defineLayer, and registerLayer it.",
  });
});

test("a model whose layers were frozen after compile asks to be compiled again, and is not spoilt by saving", async () => {
  const network = classifier();
  await network.fit(x, y, options);
  (network.layers[0] as { trainable: boolean }).trainable = false;
  await expect(network.save()).rejects.toMatchObject({
    code: "state",
    remedy: expect.stringContaining("Compile again"),
  });
  (network.layers[0] as { trainable: boolean }).trainable = true;
  expect(decodeModel(await network.save(), "test").countParams()).toBe(network.countParams());
});

test("what is saved is the state when save was called, whatever happens before it is written", async () => {
  const network = classifier();
  await network.fit(x, y, options);
  const expected = await network.save();
  const saving = network.save();
  network.trainOnBatch(x, y);
  network.dispose();
  expect(await saving).toEqual(expected);
});
