// Are faults found where they arise, averages swapped, and learning rates found?

import { expect, test } from "vitest";
import { lrFinder, swapEMAWeights, terminateOnNaN } from "../../bindings/callbacks/index.ts";
import { fromArrays } from "../../bindings/data/index.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import * as ops from "../../bindings/ops/index.ts";
import { adam, sgd } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { classifier, features, samples } from "../training/problem.ts";

const { x, y } = samples(96);
const quiet = { verbose: 0 } as const;

test("the first layer and operation that made NaN are named, and the model is as it was before that step", async () => {
  setSeed(3);
  const model = sequential([
    layers.dense({ units: 4, inputShape: [features], name: "first" }),
    layers.lambda({ fn: (z) => ops.log(z), name: "logarithm" }),
    layers.dense({ units: 3, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  const before = model.getWeights();
  const said: string[] = [];
  const callback = terminateOnNaN({ report: (message) => void said.push(message) });
  const history = await model.fit(x, y, { ...quiet, epochs: 5, callbacks: [callback] });
  expect(history.epoch).toEqual([0]);
  expect(callback.fault).toMatchObject({ epoch: 0, batch: 0, value: "NaN" });
  expect(callback.fault?.layer).toContain("logarithm");
  expect(said).toEqual([
    expect.stringMatching(/^Training ended: step 1 of epoch 1 made NaN, first in .*logarithm.*\.$/),
  ]);
  expect(model.getWeights()).toEqual(before);
});

test("a rate that blows up is found in the step where it happens, and good training is left alone", async () => {
  const model = classifier({ optimizer: sgd({ learningRate: 1e38 }) });
  const callback = terminateOnNaN({ report: () => {} });
  await model.fit(x, y, { ...quiet, epochs: 3, callbacks: [callback] });
  expect(callback.fault).toBeDefined();
  expect(model.getWeights().every(({ data }) => data.every(Number.isFinite))).toBe(true);
  const [one, two] = [classifier(), classifier()];
  await one.fit(x, y, { ...quiet, epochs: 2, callbacks: [callback] });
  await two.fit(x, y, { ...quiet, epochs: 2 });
  expect(callback.fault).toBeUndefined();
  expect(one.getWeights()).toEqual(two.getWeights());
});

test("averages are measured, or there between epochs, and training is the same", async () => {
  const optimizer = () => adam({ learningRate: 0.05, useEma: true, emaMomentum: 0.9 });
  const run = async (swapOnEpoch?: boolean) => {
    const model = classifier({ optimizer: optimizer() });
    const seen: Tensor[][] = [];
    const callbacks = swapOnEpoch === undefined ? [] : [swapEMAWeights({ swapOnEpoch })];
    const watch = { onEpochEnd: () => void seen.push(model.getWeights()) };
    const history = await model.fit(x, y, {
      ...quiet,
      epochs: 3,
      validationData: [x, y],
      callbacks: [...callbacks, watch],
    });
    return { history, seen, final: model.getWeights() };
  };
  const [plain, tested, between] = [await run(), await run(false), await run(true)];
  expect(tested.history.loss).toEqual(plain.history.loss);
  expect(between.history.loss).toEqual(plain.history.loss);
  expect(tested.history.valLoss).not.toEqual(plain.history.valLoss);
  // Validation data are measured with the averages in either case.
  expect(between.history.valLoss).toEqual(tested.history.valLoss);
  expect(tested.seen).toEqual(plain.seen);
  expect(between.seen[0]).not.toEqual(plain.seen[0]);
  // In the end the averages take the place of the weights in any case.
  expect(tested.final).toEqual(plain.final);
  expect(between.final).toEqual(plain.final);
  await expect(
    classifier().fit(x, y, { ...quiet, validationData: [x, y], callbacks: [swapEMAWeights()] }),
  ).rejects.toThrow("useEma: true");
});

test("the range test finds a rate that trains well, and leaves the model as it was", async () => {
  for (const data of [[x, y] as const, fromArrays(x, y).batch(32)]) {
    const [model, other] = [classifier({ optimizer: "sgd", rate: 0 }), classifier({ optimizer: "sgd", rate: 0 })];
    const before = model.getWeights();
    const { rates, losses, smoothed, suggestion, limit } = await lrFinder(model, data as readonly [Tensor, Tensor]);
    expect(model.getWeights()).toEqual(before);
    expect(model.learningRate).toBe(other.learningRate);
    expect(rates[0]).toBeCloseTo(1e-6, 12);
    expect(rates.length).toBe(losses.length);
    expect(smoothed.length).toBe(losses.length);
    const later = smoothed.slice(10);
    expect(limit).toBe(rates[smoothed.lastIndexOf(Math.min(...later))]);
    const end = later.findIndex((loss, step) => loss > 4 * Math.min(...later.slice(0, step + 1)));
    expect(rates.length).toBe(end < 0 ? 100 : 10 + end + 1);
    expect(suggestion).toBeGreaterThan(1e-3);
    expect(suggestion).toBeLessThanOrEqual(limit);
    model.learningRate = suggestion;
    const found = await model.fit(x, y, { ...quiet, epochs: 3 });
    other.learningRate = 1e-4;
    const timid = await other.fit(x, y, { ...quiet, epochs: 3 });
    expect(found.loss[2]).toBeLessThan((timid.loss[2] as number) * 0.9);
  }
  await expect(lrFinder(classifier(), [x, y], { minRate: 1, maxRate: 0.5 })).rejects.toThrow("lrFinder.maxRate");
});

test("batches that differ at the beginning do not end the range test", async () => {
  const batches = fromArrays(x.slice(0, 16), y.slice(0, 16), [...Array(8).fill(0.01), ...Array(8).fill(1)]).batch(8);
  const { rates } = await lrFinder(classifier(), batches, { maxRate: 1e-4 });
  expect(rates).toHaveLength(100);
});

test("what the range test cannot draw batches from is refused", async () => {
  for (const data of [null, 5, { x, y }, Promise.resolve([x, y])])
    await expect(lrFinder(classifier(), data as never)).rejects.toThrow(
      /^lrFinder\.data: expected \[x, y\], \[x, y, sampleWeight\] or a dataset, received/,
    );
});
