// Does training on datasets do what training on arrays does, and say what is wrong with a batch?

import { expect, test } from "vitest";
import { fromArrays, generator } from "../../bindings/data/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { classifier, features, samples } from "./problem.ts";

const { x, y } = samples(100);
const batches = fromArrays(x, y).batch(32);
const quiet = { verbose: 0 } as const;

test("the same batches give the same bits as arrays", async () => {
  const [one, two] = [classifier(), classifier()];
  const history = await one.fit(x, y, { batchSize: 32, epochs: 3, shuffle: false, validationData: [x, y], ...quiet });
  const again = await two.fit(batches, { epochs: 3, validationData: batches, ...quiet });
  expect(two.getWeights()).toEqual(one.getWeights());
  expect(again).toEqual(history);
  expect(await two.evaluate(batches)).toEqual(await one.evaluate(x, y));
  expect(two.predict(x)).toEqual(await two.predict(batches));
  expect(two.predict(x)).toEqual(await two.predict(batches.map(([xs]) => xs)));
});

test("weights of samples and classes count as for arrays", async () => {
  const weight = Float32Array.from({ length: 100 }, (_, index) => (index % 5) / 2);
  const [one, two] = [classifier(), classifier()];
  const options = { classWeight: { 1: 3 }, epochs: 2, ...quiet };
  await one.fit(x, y, { batchSize: 32, shuffle: false, sampleWeight: weight, ...options });
  await two.fit(fromArrays(x, y, weight).batch(32), options);
  expect(two.getWeights()).toEqual(one.getWeights());
});

test("a shuffled dataset has another order in each epoch, and the same after the same seed", async () => {
  const run = async () => {
    setSeed(2);
    const orders: number[][] = [];
    const shuffled = fromArrays(x, y)
      .shuffle(100)
      .map(([xs, ys]) => [xs, ys] as const)
      .batch(50)
      .map((batch) => {
        orders.push(Array.from(batch[1].data));
        return batch;
      });
    const model = classifier();
    await model.fit(shuffled, { epochs: 2, ...quiet });
    return { orders, weights: model.getWeights() };
  };
  const first = await run();
  expect(first.orders.length).toBe(4);
  expect(first.orders[0]).not.toEqual(first.orders[2]);
  expect(await run()).toEqual(first);
});

test("an endless dataset needs stepsPerEpoch, and the next epoch goes on where the last has stopped", async () => {
  const seen: number[] = [];
  const endless = generator(function* () {
    for (let step = 0; ; step++) {
      seen.push(step);
      yield [x, y] as const;
    }
  });
  const model = classifier();
  const history = await model.fit(endless.take(1000), { epochs: 2, stepsPerEpoch: 3, ...quiet });
  expect(history.epoch).toEqual([0, 1]);
  expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  await expect(model.fit(generator(() => [[x, y] as const], { size: 1 }).repeat(), quiet)).rejects.toThrow(
    "stepsPerEpoch",
  );
});

test("data larger than a batch are never all in memory", async () => {
  let [alive, most] = [0, 0];
  const many = generator(function* () {
    for (let step = 0; step < 50; step++) {
      alive++;
      most = Math.max(most, alive);
      yield [tensor(new Float32Array(8 * features), [8, features]), tensor(new Int32Array(8))] as const;
      alive--;
    }
  });
  await classifier().fit(many, quiet);
  expect(most).toBe(1);
});

test.each<[string, (step: number) => unknown, string]>([
  ["labels of another length", (step) => [x, step < 2 ? y : y.slice(0, 5)], "samples"],
  ["another width", (step) => [step < 2 ? x : tensor([[1, 2]]), step < 2 ? y : tensor(new Int32Array(1))], "x"],
  ["no pair", (step) => (step < 2 ? [x, y] : x), "batches [x, y] or [x, y, sampleWeight]"],
  ["not finite", (step) => [step < 2 ? x : nan(x), y], "finite numbers, received NaN in sample 200"],
  ["a label out of range", (step) => [x, step < 2 ? y : tensor(new Int32Array(100).fill(7))], "7"],
])("a batch with %s ends training after the steps before it", async (_, element, message) => {
  const model = classifier();
  const bad = generator(() => [0, 1, 2].map(element));
  await expect(model.fit(bad as never, quiet)).rejects.toThrow(message);
  const [one, two] = [model.getWeights(), classifier()];
  await two.fit(
    generator(() => [[x, y] as const, [x, y] as const]),
    quiet,
  );
  expect(one).toEqual(two.getWeights());
  await model.fit(batches, quiet);
});

test("a failure of the source reaches fit, and the model can be used", async () => {
  const model = classifier();
  const failing = generator(function* () {
    yield [x, y] as const;
    throw new Error("the disk is gone");
  });
  await expect(model.fit(failing, quiet)).rejects.toThrow("the disk is gone");
  await model.fit(batches, quiet);
});

test("an empty dataset, and options that belong to arrays, are errors", async () => {
  const model = classifier();
  await expect(model.fit(batches.take(0), quiet)).rejects.toThrow("at least one batch");
  await expect(model.evaluate(batches.take(0))).rejects.toThrow("at least one batch");
  await expect(model.fit(batches, { batchSize: 3 } as never)).rejects.toThrow("Let the dataset do it: batch(n)");
});

function nan(data: Tensor): Tensor {
  const copy = Float32Array.from(data.data);
  copy[0] = Number.NaN;
  return tensor(copy, data.shape);
}
