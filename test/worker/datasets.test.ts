// Does a model in a worker take datasets as a model here does: the same bits, the same errors, and nothing left open?

import { describe, expect, onTestFinished, test } from "vitest";
import type { Tensor, TensorLike } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import type { Wrong } from "../models/refusal.ts";
import {
  classifier,
  data,
  errorOf,
  type Labelled,
  type Remote,
  samples,
  sent,
  wasmgrad,
  watched,
  worker,
} from "./library.ts";

const { csv, fromArrays, generator } = data;
const { input, layers, model: functional, setSeed, tensor } = wasmgrad;

const { x, y } = samples(100);
const held = samples(30);
const quiet = { verbose: 0 } as const;
const batch = () => [x, y];
const reason = new Error("that is enough");

describe("the same bits as here", () => {
  const shuffled = fromArrays(x, y).shuffle(100, 3).batch(16);
  const batches = fromArrays(held.x, held.y).batch(16);
  const lines = `a,b,label\n${Array.from({ length: 40 }, (_, row) => `${row % 5},${row % 7},${row % 3}`).join("\n")}`;
  const table = csv(() => lines);
  const cases: [string, Labelled, object][] = [
    ["another order in each epoch", shuffled as Labelled, { epochs: 3 }],
    ["stepsPerEpoch", shuffled.repeat() as Labelled, { epochs: 3, stepsPerEpoch: 5 }],
    ["validation data", shuffled as Labelled, { epochs: 2, validationData: batches, validationSteps: 1 }],
    ["arrays as validation data", shuffled as Labelled, { epochs: 2, validationData: [held.x, held.y] }],
    ["from a later epoch", shuffled.prefetch(3) as Labelled, { epochs: 3, initialEpoch: 2 }],
    ["weights of classes", batches as Labelled, { classWeight: { 1: 3 } }],
    ["step by step", shuffled as Labelled, { callbacks: [{ onBatchEnd: () => {} }] }],
    [
      "a table of text",
      table.map((row) => [[row.a, row.b, 0, 0, 1, 1], row.label]).batch(8) as Wrong as Labelled,
      { epochs: 2 },
    ],
    ["weights of samples", fromArrays(x, y, Float32Array.from(y.data)).batch(16) as Wrong as Labelled, {}],
  ];
  test.each(cases)("fit: %s", async (_, dataset, options) => {
    const model = classifier();
    const remote = await sent(model);
    const there = await remote.fit(dataset, { ...quiet, ...options });
    expect(there).toEqual(await model.fit(dataset, { ...quiet, ...options }));
    expect(await remote.save()).toEqual(await model.save());
  });

  test("evaluate and predict", async () => {
    const model = classifier();
    const remote = await sent(model);
    for (const options of [{}, { steps: 1 }]) {
      expect(await remote.evaluate(batches as Labelled, options)).toEqual(await model.evaluate(batches, options));
      for (const dataset of [batches as Labelled, batches.map(([xs]) => xs)])
        expectSameBits(
          [await remote.predict(dataset as Labelled, options)],
          [await model.predict(dataset as Labelled, options)],
          "predictions",
        );
    }
    // Only x counts: what stands beside it need not be numbers.
    const named = batches.map(([xs], index) => [xs, `batch ${index}`] as const);
    expectSameBits([await remote.predict(named as Wrong)], [model.predict(held.x)], "predictions");
  });

  test("several while fit runs", async () => {
    const model = classifier();
    const remote = await sent(model);
    const fit = remote.fit(shuffled as Labelled, { ...quiet, epochs: 3 });
    await Promise.all([remote.predict(batches.map(([xs]) => xs)), remote.evaluate(batches as Labelled)]);
    await fit;
    await model.fit(shuffled, { ...quiet, epochs: 3 });
    expectSameBits(await remote.getWeights(), model.getWeights(), "weights");
  });

  test("named inputs and outputs", async () => {
    setSeed(5);
    const [image, age] = [input({ shape: [6] }), input({ shape: [1] })];
    const joined = layers.concatenate().apply([image, age]);
    const outputs = { digit: layers.dense({ units: 3 }).apply(joined), size: layers.dense({ units: 1 }).apply(joined) };
    const model = functional({ inputs: { image, age }, outputs }).compile({
      optimizer: "sgd",
      loss: "meanSquaredError",
    });
    const ages = tensor(
      Float32Array.from({ length: 100 }, (_, index) => index % 5),
      [100, 1],
    );
    const targets = {
      digit: (x.array() as number[][]).map((row) => row.slice(0, 3)),
      size: ages,
    };
    const dataset = fromArrays({ image: x, age: ages }, targets as Record<string, TensorLike>).batch(32);
    const remote = await worker.modelInWorker(model);
    onTestFinished(() => remote.stop());
    expect(await remote.fit(dataset as Wrong, quiet)).toEqual(await model.fit(dataset as Wrong, quiet));
    expectSameBits(await remote.getWeights(), model.getWeights(), "weights");
  });
});

test("batches are made a few ahead of the one that is trained on, never more, and stay with the user", async () => {
  const remote = await sent();
  const { seen, dataset } = watched(20, batch);
  const ahead: number[] = [];
  const onBatchEnd = async (batch: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    ahead.push(seen.made - batch - 1);
  };
  await remote.fit(dataset, { ...quiet, callbacks: [{ onBatchEnd }] });
  expect(ahead.length).toBe(20);
  expect(Math.max(...ahead)).toBe(2);
  expect(seen).toEqual({ made: 20, opened: 1, closed: 1 });
  expect(x.data.length).toBe(600);
});

test("batches are handed over when asked for", async () => {
  const remote = await sent();
  const own = [0, 1].map(() => [tensor(x.data.slice(), [100, 6]), tensor(y.data.slice())] as const);
  await remote.fit(
    generator(() => own),
    { ...quiet, transfer: true },
  );
  expect(own.flat().map(({ data }) => data.length)).toEqual([0, 0, 0, 0]);
  const again = remote.fit(
    generator(() => own),
    quiet,
  );
  await expect(again).rejects.toMatchObject({ code: "state", where: "sequential.fit: x" });
});

describe("errors are those of a model here", () => {
  const endings: [string, (step: number) => unknown][] = [
    ["labels of another length", (step) => [x, step < 2 ? y : y.slice(0, 5)]],
    ["another width", (step) => (step < 2 ? [x, y] : [tensor([[1, 2]]), [1]])],
    ["no pair", (step) => (step < 2 ? [x, y] : x)],
    ["a function", (step) => (step < 2 ? [x, y] : () => 1)],
    ["no data in a pair", (step) => [step < 2 ? x : { deep: { image: x } }, y]],
    ["ragged rows", (step) => [step < 2 ? x : [[1, 2], [3]], y]],
    ["a label out of range", (step) => [x, step < 2 ? y : tensor(new Int32Array(100).fill(7))]],
    ["not finite", (step) => [step < 2 ? x : tensor(new Float32Array(600).fill(Number.NaN), [100, 6]), y]],
  ];
  test.each(endings)("a batch with %s", async (_, batch) => {
    const [model, remote] = [classifier(), await sent()];
    const [there, here] = [watched(9, batch), watched(9, batch)];
    const error = await errorOf(() => remote.fit(there.dataset, quiet));
    const expected = await errorOf(() => model.fit(here.dataset, quiet));
    expect(error).toMatchObject({ message: expected.message, code: expected.code, where: expected.where });
    expect(there.seen.closed).toBe(1);
    expectSameBits(await remote.getWeights(), model.getWeights(), "weights after the steps before it");
    await remote.fit(x, y, quiet);
  });

  test.each([0, 1, 4])("what the iterator throws at batch %i, that very object", async (bad) => {
    const [model, remote] = [classifier(), await sent()];
    const error = Object.assign(new RangeError("the disk is gone"), { more: Symbol("kept") });
    const failing = (): Labelled =>
      watched(9, (step) => {
        if (step === bad) throw error;
        return [x, y];
      }).dataset;
    await expect(remote.fit(failing(), quiet)).rejects.toBe(error);
    await expect(model.fit(failing(), quiet)).rejects.toBe(error);
    expectSameBits(await remote.getWeights(), model.getWeights(), "weights after the steps before it");
    await expect(remote.fit(x, y, { ...quiet, validationData: failing() })).rejects.toBe(error);
    await expect(remote.evaluate(failing())).rejects.toBe(error);
    await expect(remote.predict(failing())).rejects.toBe(error);
    await expect(remote.predict(generator<Tensor>(() => Promise.reject(null)))).rejects.toBe(null);
    expect(await remote.evaluate(x, y)).toHaveProperty("accuracy");
  });

  test("a batch that is never trained on may fail", async () => {
    const remote = await sent();
    const { dataset, seen } = watched(9, (step) => {
      if (step === 3) throw new Error("too far");
      return [x, y];
    });
    await remote.fit(dataset, { ...quiet, stepsPerEpoch: 3 });
    expect(seen.closed).toBe(1);
  });

  test("an iterator that cannot be closed", async () => {
    const [model, remote] = [classifier(), await sent()];
    const stubborn = (): Labelled =>
      generator(function* () {
        try {
          for (;;) yield [x, y] as const;
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: that is what is tried.
          throw reason;
        }
      }) as Labelled;
    for (const each of [remote, model] as Remote[]) {
      await expect(each.fit(stubborn(), { ...quiet, stepsPerEpoch: 3 })).rejects.toBe(reason);
      await each.fit(x, y, quiet);
    }
  });

  test("empty, endless, and options that belong to arrays", async () => {
    const [model, remote] = [classifier() as Wrong as Remote, await sent()];
    const batches = fromArrays(x, y).batch(32) as Labelled;
    const wrong: ((each: Remote) => unknown)[] = [
      (each) => each.fit(batches.take(0), quiet),
      (each) => each.fit(batches.repeat(), quiet),
      (each) => each.fit(batches, { ...quiet, validationData: batches.repeat() }),
      (each) => each.fit(batches, { ...quiet, batchSize: 3 } as Wrong),
      (each) => each.fit(batches, { ...quiet, epoch: 3 } as Wrong),
      (each) => each.evaluate(batches.take(0)),
      (each) => each.evaluate(batches, { batchSize: 3 } as Wrong),
      (each) => each.predict(batches.take(0)),
      (each) => each.predict(batches.repeat()),
      (each) => each.predict(batches, { batchSize: 3 } as Wrong),
    ];
    for (const call of wrong) {
      const [there, here] = [await errorOf(() => call(remote)), await errorOf(() => call(model))];
      // A worker has one option more.
      const message = there.message.replace("transfer, ", "").replace(", transfer", "");
      expect(message).toBe(here.message);
    }
  });
});
