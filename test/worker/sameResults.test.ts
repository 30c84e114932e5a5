// Does a model in a worker give what the model itself gives: same options, same results, same bits?

import { afterEach, describe, expect, test } from "vitest";
import type { DataLike } from "../../bindings/models/data.ts";
import type { Model } from "../../bindings/models/model.ts";
import type { TensorLike } from "../../bindings/tensor.ts";
import type { WorkerFitOptions, WorkerModel } from "../../bindings/worker/index.ts";
import { expectSameBits } from "../harness/compare.ts";
import { stateOf } from "../models/refusal.ts";
import { classifier, samples, wasmgrad, worker } from "./library.ts";

const { layers, input, model: functional, ops, optimizers, sequential, setSeed, tensor } = wasmgrad;
const { modelInWorker, loadModelInWorker } = worker;

const { x, y } = samples(230);
const held = samples(50);
const quiet = { verbose: 0, batchSize: 16 } as const;
const open: { stop(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.stop();
});

/** `model` in a worker that ends with the test. */
async function sent<I, O, M extends string>(model: Model<I, O, M>): Promise<WorkerModel<I, O, M>> {
  const remote = await modelInWorker(model);
  open.push(remote);
  return remote;
}

describe("fit", () => {
  const weights = Float32Array.from({ length: 230 }, (_, index) => (index % 3) / 2);
  const cases: [string, WorkerFitOptions<TensorLike>][] = [
    ["shuffled, with dropout", { epochs: 3 }],
    ["in order", { epochs: 2, shuffle: false }],
    ["with validation data", { epochs: 2, validationData: [held.x, held.y] }],
    ["with weighted validation data", { validationData: [held.x, held.y, weights.slice(0, 50)] }],
    ["with the data as validation data", { validationData: [x, y] }],
    ["with a validation split", { epochs: 2, validationSplit: 0.2 }],
    ["with sample weights", { epochs: 2, sampleWeight: weights }],
    ["from a later epoch", { epochs: 5, initialEpoch: 3 }],
    ["step by step", { epochs: 2, callbacks: [{ onBatchEnd: () => {} }] }],
  ];
  test.each(cases)("%s", async (_, options) => {
    const model = classifier();
    const remote = await sent(model);
    const there = await remote.fit(x, y, { ...quiet, ...options });
    const here = await model.fit(x, y, { ...quiet, ...options });
    expect(there).toEqual(here);
    expectSameBits(await remote.getWeights(), model.getWeights(), "weights");
    expect(await remote.save()).toEqual(await model.save());
  });

  test("goes on where the model here was, twice", async () => {
    const model = classifier();
    await model.fit(x, y, { ...quiet, epochs: 2 });
    const remote = await sent(model);
    for (const epochs of [1, 2]) {
      await model.fit(x, y, { ...quiet, epochs });
      await remote.fit(x, y, { ...quiet, epochs });
    }
    expect(await remote.save()).toEqual(await model.save());
  });
});

test("evaluate and predict, for any kind of data", async () => {
  const model = classifier();
  const remote = await sent(model);
  const nested = x.array();
  const double = tensor(Float64Array.from(x.data), [230, 6]);
  for (const data of [x, nested, double]) {
    expect(await remote.evaluate(data, y)).toEqual(await model.evaluate(data, y));
    expectSameBits([await remote.predict(data, { batchSize: 100 })], [model.predict(data)], "predictions");
  }
  expect(await remote.evaluate(x, Array.from(y.data))).toEqual(await model.evaluate(x, y));
  const sampleWeight = Array.from({ length: 230 }, (_, index) => index % 2);
  expect(await remote.evaluate(x, y, { sampleWeight, batchSize: 7 })).toEqual(
    await model.evaluate(x, y, { sampleWeight, batchSize: 7 }),
  );
});

test("named inputs and outputs", async () => {
  setSeed(5);
  const [image, age] = [input({ shape: [6] }), input({ shape: [1] })];
  const joined = layers.concatenate().apply([layers.dense({ units: 5, activation: "relu" }).apply(image), age]);
  const outputs = {
    digit: layers.dense({ units: 3, activation: "softmax" }).apply(joined),
    size: layers.dense({ units: 1 }).apply(joined),
  };
  const model = functional({ inputs: { image, age }, outputs }).compile({
    optimizer: optimizers.adamw({ learningRate: 1e-2 }),
    loss: { digit: "sparseCategoricalCrossentropy", size: "meanSquaredError" },
    lossWeights: { size: 0.5 },
    metrics: { digit: ["accuracy"] },
  });
  const data = { image: x, age: Float32Array.from({ length: 230 }, (_, index) => index % 5) } as const;
  const ages = tensor(data.age, [230, 1]);
  const targets = { digit: y, size: ages };
  const inputs = { image: x, age: ages };
  const remote = await sent(model);
  expect(await remote.fit(inputs, targets, { ...quiet, epochs: 2, validationSplit: 0.1 })).toEqual(
    await model.fit(inputs, targets, { ...quiet, epochs: 2, validationSplit: 0.1 }),
  );
  const [there, here] = [await remote.predict(inputs), model.predict(inputs)];
  expect(Object.keys(there)).toEqual(["digit", "size"]);
  expectSameBits([there.digit, there.size], [here.digit, here.size], "predictions");
  await expect(remote.predict({ image: x } as never)).rejects.toThrow('expected exactly "image", "age"');
});

test("weights and files go both ways, and summary prints here", async () => {
  const [model, other] = [classifier(), classifier(12)];
  const remote = await sent(model);
  await remote.setWeights(other.getWeights());
  expectSameBits(await remote.getWeights(), other.getWeights(), "weights");
  await expect(remote.setWeights([])).rejects.toThrow("sequential.setWeights: expected 4 arrays, received 0");
  const bytes = await remote.save();
  const loaded = await loadModelInWorker(bytes);
  open.push(loaded);
  expect(bytes.length, "the bytes given are kept").toBeGreaterThan(0);
  expectSameBits([await loaded.predict(x)], [other.predict(x)], "predictions");
  const printed: string[] = [];
  expect(await remote.summary({ print: (text) => printed.push(text) })).toBe(printed[0]);
  expect(printed[0]).toContain("Optimizer params");
});

test("copyTo brings weights and training state back, so that training goes on here with the same bits", async () => {
  const [model, plain] = [classifier(), classifier()];
  const remote = await sent(model);
  await remote.fit(x, y, { ...quiet, epochs: 2 });
  await remote.copyTo(model);
  await plain.fit(x, y, { ...quiet, epochs: 2 });
  expectSameBits(stateOf(model), stateOf(plain), "weights and state");
  await model.fit(x, y, quiet);
  await plain.fit(x, y, quiet);
  expectSameBits(stateOf(model), stateOf(plain), "weights and state, one epoch later");

  const otherwise = classifier(3).compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  await remote.copyTo(otherwise);
  expectSameBits(otherwise.getWeights(), await remote.getWeights(), "weights, into a model compiled otherwise");
  expect(otherwise.trainer.epochs).toBe(0);
  const smaller = sequential([layers.dense({ units: 3, inputShape: [6] })]);
  const before = smaller.getWeights();
  await expect(remote.copyTo(smaller)).rejects.toThrow("sequential.copyTo: expected a model of the same layers");
  expectSameBits(smaller.getWeights(), before, "weights of a model that does not fit");
});

test("a model that is only built predicts, and says so when it is to be trained", async () => {
  setSeed(1);
  const model = sequential([layers.dense({ units: 2, inputShape: [6] })]);
  const remote = await sent(model);
  expectSameBits([await remote.predict(x)], [model.predict(x)], "predictions");
  await expect(remote.fit(x, y)).rejects.toMatchObject({ code: "state", name: "TensorError" });
  const open = sequential([layers.dense({ units: 2 })]);
  await expect(modelInWorker(open)).rejects.toThrow("expected a known input shape");
});

test("two workers that train at the same time do not disturb each other", async () => {
  const models = [classifier(1), classifier(2)];
  const alone: Uint8Array[] = [];
  for (const seed of [1, 2]) {
    const model = classifier(seed);
    await model.fit(x, y, { ...quiet, epochs: 4 });
    alone.push(await model.save());
  }
  const remotes = await Promise.all(models.map((model) => sent(model)));
  // After each epoch they wait for each other: one after the other they would never end.
  const arrived = [0, 0];
  let resume = (): void => {};
  const onEpochEnd = (which: number) => (): Promise<void> | void => {
    arrived[which] = (arrived[which] as number) + 1;
    if (arrived[0] === arrived[1]) return resume();
    return new Promise((resolve) => {
      resume = resolve;
    });
  };
  await Promise.all(
    remotes.map((remote, index) =>
      remote.fit(x, y, { ...quiet, epochs: 4, callbacks: [{ onEpochEnd: onEpochEnd(index) }] }),
    ),
  );
  expect(await Promise.all(remotes.map((remote) => remote.save()))).toEqual(alone);
  expect(arrived).toEqual([4, 4]);
});

describe("data", () => {
  const model = sequential([layers.dense({ units: 1, inputShape: [6] })]);

  test("stay with the user, also when they are parts of larger or shared memory", async () => {
    const remote = await sent(model);
    const expected = model.predict(x);
    const large = new Float32Array(x.size + 100);
    large.set(x.data, 50);
    const part = tensor(large.subarray(50, 50 + x.size), [230, 6]);
    const shared = new Float32Array(new SharedArrayBuffer(x.size * 4));
    shared.set(x.data);
    const buffer = Buffer.from(new Uint8Array(x.data.buffer.slice(0)));
    for (const data of [x, part, tensor(shared, [230, 6])])
      expectSameBits([await remote.predict(data)], [expected], "predictions");
    expect([x.data.length, large.length, shared.length, buffer.length]).toEqual([1380, 1480, 1380, 5520]);
  });

  test("are handed over when asked for, except what shares its buffer", async () => {
    const remote = await sent(model);
    const expected = model.predict(x);
    const own = tensor(x.data.slice(), [230, 6]);
    const large = new Float32Array(x.size + 1);
    large.set(x.data);
    const part = tensor(large.subarray(0, x.size), [230, 6]);
    expectSameBits([await remote.predict(own, { transfer: true })], [expected], "predictions");
    expectSameBits([await remote.predict(part, { transfer: true })], [expected], "predictions");
    expect([own.data.length, part.data.length]).toEqual([0, 1380]);
    await expect(remote.predict(own)).rejects.toMatchObject({ code: "state", where: "sequential.predict: x" });
    const other = sequential([layers.dense({ units: 1, inputShape: [6] })]);
    expect(() => other.predict(own)).toThrow("received none: they were handed over to a worker");
  });

  test("of many megabytes arrive whole, and events have their turn meanwhile", async () => {
    const remote = await sent(sequential([layers.flatten({ inputShape: [1000, 1000], inputDtype: "uint8" })]));
    const pixels = Uint8Array.from({ length: 13_000_000 }, (_, index) => (index * 31 + (index >> 11)) & 255);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const back = await remote.predict(tensor(pixels, [13, 1000, 1000]));
    clearInterval(timer);
    expect(back.data.every((value, index) => value === pixels[index])).toBe(true);
    expect(turns).toBeGreaterThan(0);
  });

  test("that are none are refused in the words of the model", async () => {
    const remote = await sent(model);
    for (const wrong of [undefined, null, "x", true, () => 1, Symbol("x"), { a: () => 1 }, [[1, 2], [3]]]) {
      const there = await remote.predict(wrong as never).catch((error: unknown) => error);
      expect(there).toMatchObject({ name: "TensorError", where: "sequential.predict: x" });
      if (typeof wrong === "function" || typeof wrong === "symbol") continue;
      let here: unknown;
      try {
        model.predict(wrong as never);
      } catch (error) {
        here = error;
      }
      expect((there as Error).message).toBe((here as Error).message);
    }
    expect(ops.add(await remote.predict(x), 0).shape).toEqual([230, 1]);
  });
});

test("calls made one after the other arrive in this order, however long their data take", async () => {
  const model = classifier();
  const remote = await sent(model);
  const many = samples(300_000);
  const zeros = model.getWeights().map((weight) => wasmgrad.zeros(weight.shape));
  const before = remote.evaluate(many.x, many.y as DataLike);
  const cleared = remote.setWeights(zeros);
  const after = remote.predict(held.x);
  await Promise.all([before, cleared]);
  expect((await after).data.every((value) => Math.abs(value - 1 / 3) < 1e-6)).toBe(true);
});
