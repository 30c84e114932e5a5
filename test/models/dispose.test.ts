// What does dispose give back, and what does it leave alone?

import { expect, test } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { engine } from "../../bindings/engine.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { tensor } from "../../bindings/tensor.ts";

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const y = tensor([
  [0, 1],
  [1, 0],
]);

test("the memory of weights, optimizer and programs comes back at once", () => {
  const live = (): void => {
    const model = sequential([layers.dense({ units: 200, inputShape: [3] }), layers.dense({ units: 2 })]);
    model.compile({ optimizer: "adam", loss: "mse" });
    model.trainOnBatch(x, y);
    model.predict(x);
    model.dispose();
  };
  live(); // The arena and the programs that draw first weights stay.
  const { usedBytes } = engine().usage;
  for (let round = 0; round < 20; round++) live();
  expect(engine().usage.usedBytes).toBe(usedBytes);
});

test("a layer that another model shares keeps its weights", () => {
  const shared = layers.dense({ units: 4, inputShape: [3] });
  const first = sequential([shared, layers.dense({ units: 2 })]);
  first.predict(x);
  const second = sequential([shared, layers.dense({ units: 3 })]);
  const before = second.predict(x).data;
  first.dispose();
  for (let round = 0; round < 20; round++) sequential([layers.dense({ units: 50, inputShape: [3] })]).predict(x);
  expect(second.predict(x).data).toEqual(before);
});

test("a function that reads a weight of a disposed model goes on with the same value", () => {
  const layer = layers.dense({ units: 4, inputShape: [3] });
  const model = sequential([layer]);
  const expected = model.predict(x).data;
  const apply = compiled((input: SymbolicTensor) => layer.apply(input));
  expect(apply(x).data).toEqual(expected);
  model.dispose();
  for (let round = 0; round < 20; round++) sequential([layers.dense({ units: 50, inputShape: [3] })]).predict(x);
  expect(apply(x).data).toEqual(expected);
});

test("a disposed model says so, and a model in training cannot be disposed of", async () => {
  const model = sequential([layers.dense({ units: 2, inputShape: [3] })]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  const fit = model.fit(x, y, { verbose: 0 });
  expect(() => model.dispose()).toThrow("sequential.dispose: expected no fit or evaluate under way");
  await fit;
  model.dispose();
  expect(() => model.predict(x)).toThrow("sequential: expected a model that is in use, received a disposed one.");
});
