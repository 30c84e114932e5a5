// Are mistakes with named inputs and outputs found before anything changes, and models that cannot be made refused?

import { describe, expect, test } from "vitest";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { model } from "../../bindings/models/functional.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { type Tensor, zeros } from "../../bindings/tensor.ts";
import { type AnyModel, expectMistake, type Loose, type Mistake } from "./mistake.ts";

const quiet = { verbose: 0 } as const;

describe("a model of named inputs and outputs", () => {
  const [a, b] = [input({ shape: [2], name: "a" }), input({ shape: [2], name: "b" })];
  const s = layers.dense({ units: 1, name: "s" }).apply(layers.add().apply([a, b]));
  const network = model({ inputs: { a, b }, outputs: { s, t: layers.dense({ units: 1, name: "t" }).apply(a) } });
  network.compile({ optimizer: "sgd", loss: "mse" });
  const [data, labels] = [zeros([3, 2]), zeros([3, 1])];
  const good = { a: data, b: data };
  const bad =
    (options: object) =>
    (m: Loose): unknown =>
      m.compile({ optimizer: "sgd", loss: "mse", ...options });
  const mistakes: readonly Mistake[] = [
    [
      "one tensor",
      "option",
      ["functional.predict: x: expected a record with", '"a", "b"', "Give { a: …, b: … }."],
      (m) => m.predict(data),
    ],
    [
      "a list",
      "option",
      ["functional.predict: x: expected a record with", "an array of 2"],
      (m) => m.predict([data, data]),
    ],
    [
      "one missing",
      "option",
      ['functional.predict: x: expected exactly "a", "b", received "a"'],
      (m) => m.predict({ a: data }),
    ],
    [
      "one misspelt",
      "option",
      ['expected exactly "a", "b", received "a", "B"'],
      (m) => m.predict({ a: data, B: data }),
    ],
    [
      "one of another length",
      "shape",
      ["functional.predict: expected 3 samples in x.b, as in x.a, received 2"],
      (m) => m.predict({ a: data, b: zeros([2, 2]) }),
    ],
    [
      "one of another shape",
      "shape",
      ["functional.predict: x.b: expected samples of shape [2]", "[3, 3]"],
      (m) => m.predict({ a: data, b: zeros([3, 3]) }),
    ],
    [
      "one that is text",
      "dtype",
      ["functional.predict: x.b: expected", 'received "x"'],
      (m) => m.predict({ a: data, b: "x" }),
    ],
    [
      "labels without names",
      "option",
      ['functional.fit: y: expected a record with "s", "t"'],
      (m) => m.fit(good, labels, quiet),
    ],
    [
      "labels for one output",
      "option",
      ['functional.fit: y: expected exactly "s", "t", received "s"'],
      (m) => m.fit(good, { s: labels }, quiet),
    ],
    [
      "labels of another shape",
      "shape",
      ["functional/loss/t (meanSquaredError)", "[3, 1], received [3, 2]"],
      (m) => m.fit(good, { s: labels, t: data }, quiet),
    ],
    [
      "a loss for one output",
      "option",
      ['functional.compile.loss: expected an entry for "t"'],
      bad({ loss: { s: "mse" } }),
    ],
    [
      "a loss for another output",
      "name",
      ["functional.compile.loss", "(s, t)", '"u"'],
      bad({ loss: { s: "mse", u: "mse" } }),
    ],
    [
      "a weight for another output",
      "name",
      ["functional.compile.lossWeights", "(s, t)"],
      bad({ lossWeights: { u: 1 } }),
    ],
    [
      "a weight that is no number",
      "option",
      ["functional.compile.lossWeights.s: expected a finite number"],
      bad({ lossWeights: { s: Number.NaN } }),
    ],
    ["metrics for another output", "name", ["functional.compile.metrics", "(s, t)"], bad({ metrics: { u: ["mae"] } })],
    [
      "metrics that are no list",
      "option",
      ["functional.compile.metrics.s: expected a list of metrics"],
      bad({ metrics: { s: "mae" } }),
    ],
  ];
  test.each(mistakes.map((each) => [each[0], each] as const))("%s", async (_, mistake) => {
    await expectMistake(network as unknown as AnyModel, mistake);
    expect((network.predict(good) as { s: Tensor }).s.shape).toEqual([3, 1]);
  });
});

test("models and layers whose own description is wrong", () => {
  const dense = layers.dense({ units: 1 });
  expect(() => sequential([dense], { name: "a/b" })).toThrow(
    'sequential.name: expected text without "/", received "a/b"',
  );
  expect(() => sequential([dense], { nme: "a" } as never)).toThrow('Did you mean "name"?');
  expect(() => model(undefined as never)).toThrow("model: expected an object of options, received undefined");
  expect(() => layers.dense({ units: 1, name: 5 as never })).toThrow(
    'dense.name: expected text without "/", received 5',
  );
  expect(() => layers.dense({ units: 1, trainable: 1 as never })).toThrow("dense.trainable: expected true or false");
  expect(() => layers.dense({ units: 1, inputShape: 784 as never })).toThrow(
    "dense.inputShape: expected a list of integers",
  );
  expect(() => input({ shape: [0] })).toThrow("inputLayer.shape: expected a list of integers ≥ 1, received [0]");
  expect(() => input({ shape: [2], dtype: "float64" as never })).toThrow('inputLayer.dtype: expected "float32"');
  const open = sequential([dense]);
  for (const shapes of [[3], [[null, "a"]], [[null, null]], [[null, 0]]])
    expect(() => open.build(shapes as never)).toThrow(
      "sequential: expected a shape [null, …] whose sizes after the batch",
    );
  expect(() => open.build(undefined as never)).toThrow("sequential: expected a known input shape, received none. Give");
  expect(open.built).toBe(false);
  expect(open.predict([[1, 2]]).shape).toEqual([1, 1]);
  const large = sequential([layers.dense({ units: 1e9 })]);
  expect(() => large.build([[null, 1000]])).toThrow(
    /^dense\/kernel: expected a weight of less than 4 GiB, received one of/,
  );
});
