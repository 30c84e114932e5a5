// Does a training run give the same bits, however it is cut into slices, windows, threads and batches?

import { afterEach, expect, test, vi } from "vitest";
import { setCutting } from "../../bindings/engine.ts";
import * as layers from "../../bindings/layers/index.ts";
import { columnsOf } from "../../bindings/models/data.ts";
import { ArrayFeed } from "../../bindings/models/feed.ts";
import { runPass } from "../../bindings/models/fit.ts";
import { Reader } from "../../bindings/models/reader.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { setSeed } from "../../bindings/seed.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, features, samples } from "./problem.ts";

const { x, y } = samples(83);
const quiet = { verbose: 0, batchSize: 5 } as const;

afterEach(() => {
  vi.restoreAllMocks();
  setCutting(1);
});

async function trained(epochs = 3): Promise<Tensor[]> {
  const model = classifier();
  await model.fit(x, y, { ...quiet, epochs, validationData: [x, y] });
  return [...model.getWeights(), ...model.trainer.state.readSlots().map(({ value }) => value)];
}

test("how many steps run in one go changes nothing", async () => {
  const wanted = await trained();
  for (const milliseconds of [0, 1e6]) {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (now += milliseconds));
    expectSameBits(await trained(), wanted, `${milliseconds} ms a slice`);
  }
});

test("instructions cut for 1, 2 and 3 threads give the same bits, history included", async () => {
  const run = async (threads: number): Promise<unknown> => {
    setCutting(threads);
    setSeed(5);
    const model = sequential([
      layers.gaussianNoise({ stddev: 0.1, inputShape: [features] }),
      layers.dense({ units: 130, activation: "gelu" }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 3, activation: "softmax" }),
    ]);
    model.compile({ optimizer: "rmsprop", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const history = await model.fit(x, y, { ...quiet, batchSize: 40, epochs: 3, validationSplit: 0.2 });
    return { history, weights: model.getWeights(), predictions: model.predict(x) };
  };
  const one = await run(1);
  expect(await run(2)).toEqual(one);
  expect(await run(3)).toEqual(one);
});

test("the same seed gives the same run, another seed another one", async () => {
  const wanted = await trained();
  expectSameBits(await trained(), wanted, "again");
  const other = classifier({ seed: 12 });
  await other.fit(x, y, { ...quiet, epochs: 3 });
  expect(other.getWeights()[0]?.data).not.toEqual(wanted[0]?.data);
});

test("data that go through memory in windows train like data that are all there", async () => {
  const rowBytes = features * 4 + 4;
  const run = async (limit: number): Promise<{ weights: Tensor[]; window: number; logs: object }> => {
    const model = classifier();
    const feed = new ArrayFeed("test", columnsOf([x], [y]), 5, { shuffle: true, limit });
    let epoch = 0;
    const reader = new Reader(feed, { begin: () => ({ epoch: epoch++, seed: 3 }) });
    while (epoch < 2) await runPass(model.trainer, "train", reader, { callbacks: [] });
    const weights = model.getWeights();
    const logs = model.trainer.logs("train");
    const { window } = feed;
    feed.release();
    return { weights, window, logs };
  };
  const whole = await run(1e6);
  expect(whole.window).toBe(83);
  for (const [limit, window] of [
    [rowBytes * 40, 40],
    [rowBytes * 12, 10],
    [1, 5],
  ] as const) {
    const part = await run(limit);
    expect(part.window).toBe(window);
    expectSameBits(part.weights, whole.weights, `windows of ${window}`);
    expect(part.logs).toEqual(whole.logs);
  }
});

test("predict in batches, at once, and one by one gives the same bits", () => {
  const model = classifier();
  const wanted = model.predict(x);
  for (const batchSize of [1, 7, 32, 83, 100])
    expectSameBits([model.predict(x, { batchSize })], [wanted], `${batchSize}`);
  const single = model.predict(x.slice(4, 5));
  expect(single.data).toEqual(wanted.data.slice(12, 15));
});
