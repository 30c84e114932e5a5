// Does fit train on every sample once an epoch, in an order that the seed decides, and report what happened?

import { expect, test } from "vitest";
import { sgd } from "../../bindings/optimizers.ts";
import { tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, features, samples } from "./problem.ts";

const quiet = { verbose: 0 } as const;

test("an epoch is the same bits as trainOnBatch on the same rows, a smaller last batch included", async () => {
  const { x, y } = samples(23);
  const [whole, byHand] = [classifier(), classifier()];
  const history = await whole.fit(x, y, { ...quiet, batchSize: 5, epochs: 2, shuffle: false });
  const epochs: { loss: number; accuracy: number }[] = [];
  for (let epoch = 0; epoch < 2; epoch++) {
    let [loss, right] = [0, 0];
    for (let start = 0; start < 23; start += 5) {
      const rows = Math.min(5, 23 - start);
      const logs = byHand.trainOnBatch(x.slice(start, start + rows), y.slice(start, start + rows));
      loss += logs.loss * rows;
      right += logs.accuracy * rows;
    }
    epochs.push({ loss: loss / 23, accuracy: right / 23 });
  }
  expectSameBits(whole.getWeights(), byHand.getWeights(), "weights");
  expectSameBits(
    whole.trainer.state.readSlots().map(({ value }) => value),
    byHand.trainer.state.readSlots().map(({ value }) => value),
    "slots",
  );
  expect(whole.trainer.state.iteration.value.item()).toBe(10);
  epochs.forEach(({ loss, accuracy }, epoch) => {
    expect(history.loss[epoch]).toBeCloseTo(loss, 6);
    expect(history.accuracy[epoch]).toBeCloseTo(accuracy, 6);
  });
});

test("a batch larger than the data is one step on all of them", async () => {
  const { x, y } = samples(7);
  const [whole, byHand] = [classifier(), classifier()];
  await whole.fit(x, y, { ...quiet, batchSize: 32, shuffle: false });
  byHand.trainOnBatch(x, y);
  expectSameBits(whole.getWeights(), byHand.getWeights(), "weights");
});

test("the history has the epochs, and one list for each thing measured", async () => {
  const { x, y } = samples(20);
  const model = classifier();
  const plain = await model.fit(x, y, { ...quiet, epochs: 3 });
  expect(Object.keys(plain)).toEqual(["epoch", "loss", "accuracy"]);
  expect(plain.epoch).toEqual([0, 1, 2]);
  expect(plain.loss.length).toBe(3);
  const validated = await model.fit(x, y, { ...quiet, initialEpoch: 3, epochs: 5, validationData: [x, y] });
  expect(Object.keys(validated)).toEqual(["epoch", "loss", "accuracy", "valLoss", "valAccuracy"]);
  expect(validated.epoch).toEqual([3, 4]);
  expect(validated.valAccuracy.length).toBe(2);
  const nothing = await model.fit(x, y, { ...quiet, initialEpoch: 5, epochs: 5, validationSplit: 0.25 });
  expect(nothing).toEqual({ epoch: [], loss: [], accuracy: [], valLoss: [], valAccuracy: [] });
});

test("validation is evaluate after the epoch, with sample weights too, and trains nothing", async () => {
  const { x, y } = samples(40);
  const held = samples(13, 2);
  const weight = Float32Array.from({ length: 13 }, (_, index) => index / 6);
  const [validated, plain] = [classifier(), classifier()];
  const history = await validated.fit(x, y, { ...quiet, validationData: [held.x, held.y, weight], batchSize: 8 });
  await plain.fit(x, y, { ...quiet, batchSize: 8 });
  expectSameBits(validated.getWeights(), plain.getWeights(), "weights");
  const measured = await plain.evaluate(held.x, held.y, { batchSize: 8, sampleWeight: weight });
  expect({ loss: history.valLoss[0], accuracy: history.valAccuracy[0] }).toEqual(measured);
  const unweighted = await plain.evaluate(held.x, held.y, { batchSize: 8 });
  expect(unweighted.loss).not.toBeCloseTo(measured.loss, 3);
});

test("evaluate gives the mean over all samples, whatever the batches", async () => {
  const { x, y } = samples(29);
  const model = classifier();
  const whole = model.testOnBatch(x, y);
  for (const batchSize of [1, 4, 29, 100]) {
    const { loss, accuracy } = await model.evaluate(x, y, { batchSize });
    expect(loss).toBeCloseTo(whole.loss, 6);
    expect(accuracy).toBeCloseTo(whole.accuracy, 6);
  }
});

test("validationSplit takes the last rows, before shuffling", async () => {
  const { x, y } = samples(40);
  const [split, plain] = [classifier(), classifier()];
  const history = await split.fit(x, y, { ...quiet, validationSplit: 0.25, batchSize: 8 });
  await plain.fit(x.slice(0, 30), y.slice(0, 30), { ...quiet, batchSize: 8 });
  expectSameBits(split.getWeights(), plain.getWeights(), "weights");
  const { loss } = await plain.evaluate(x.slice(30), y.slice(30), { batchSize: 8 });
  expect(history.valLoss).toEqual([loss]);
});

test("shuffling: every epoch another order, the same for the same seed, off when asked", async () => {
  const { x, y } = samples(40);
  const run = async (seed: number, shuffle: boolean, epochs = 2) => {
    const weights = classifier().getWeights();
    const model = classifier({ seed, rate: 0, optimizer: sgd({ learningRate: 0.1 }) });
    model.setWeights(weights);
    await model.fit(x, y, { ...quiet, batchSize: 7, epochs, shuffle });
    return model.getWeights();
  };
  expectSameBits(await run(1, true), await run(1, true), "the same seed");
  expectSameBits(await run(1, false), await run(2, false), "no shuffling");
  expect((await run(1, true))[0]?.data).not.toEqual((await run(2, true))[0]?.data);
  expect((await run(1, true))[0]?.data).not.toEqual((await run(1, false))[0]?.data);
});

test("shuffling takes every row exactly once an epoch", async () => {
  // The gradient of Σ over rows of one-hot inputs tells which rows were seen, and how often.
  const rows = 37;
  const model = classifier({ rate: 0, optimizer: sgd({ learningRate: 0 }) });
  const { y } = samples(rows);
  const x = tensor(
    Float32Array.from({ length: rows * features }, (_, index) => Math.floor(index / features)),
    [rows, features],
  );
  const losses = [];
  for (let epoch = 0; epoch < 3; epoch++)
    losses.push((await model.fit(x, y, { ...quiet, batchSize: 4 })).loss[0] as number);
  const { loss } = await model.evaluate(x, y);
  for (const each of losses) expect(each).toBeCloseTo(loss, 5);
  expect(model.trainer.epochs).toBe(3);
});

test("two fits of one epoch are one fit of two, and of initialEpoch", async () => {
  const { x, y } = samples(30);
  const [together, apart] = [classifier(), classifier()];
  await together.fit(x, y, { ...quiet, batchSize: 8, epochs: 2 });
  await apart.fit(x, y, { ...quiet, batchSize: 8, epochs: 1 });
  await apart.fit(x, y, { ...quiet, batchSize: 8, initialEpoch: 1, epochs: 2 });
  expectSameBits(together.getWeights(), apart.getWeights(), "weights");
});

test("a sample of weight 0 does not train, one of weight 2 counts twice", async () => {
  const { x, y } = samples(6);
  const options = { rate: 0, optimizer: sgd({ learningRate: 0.1 }) };
  const [weighted, half] = [classifier(options), classifier({ ...options, optimizer: sgd({ learningRate: 0.05 }) })];
  await weighted.fit(x, y, { ...quiet, sampleWeight: [1, 1, 1, 0, 0, 0], batchSize: 6, shuffle: false });
  await half.fit(x.slice(0, 3), y.slice(0, 3), { ...quiet, batchSize: 6, shuffle: false });
  weighted.getWeights().forEach((weight, which) => {
    weight.data.forEach((each, index) => {
      expect(each).toBeCloseTo(half.getWeights()[which]?.data[index] as number, 6);
    });
  });
  const model = classifier(options);
  const plain = model.testOnBatch(x.slice(0, 1), y.slice(0, 1)).loss;
  expect(model.testOnBatch(x.slice(0, 1), y.slice(0, 1), [2]).loss).toBeCloseTo(2 * plain, 6);
});
