// Is a mistake in what is less often given also found before anything changes: options, validation, callbacks?

import { describe, test } from "vitest";
import { tensor, zeros } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, samples } from "../training/problem.ts";
import { type AnyModel, expectMistake, type Mistake } from "./mistake.ts";

const { x, y } = samples(6);
const quiet = { verbose: 0 } as const;
const nan = tensor(new Float32Array(36).fill(Number.NaN), [6, 6]);

describe("a model of one input and one output", () => {
  const shared = classifier();
  const mistakes: readonly Mistake[] = [
    [
      "options that are a number",
      "option",
      ["sequential.fit: expected an object of options, received 32"],
      (m) => m.fit(x, y, 32),
    ],
    [
      "a misspelt option",
      "name",
      ["sequential.fit", '"batchsize". Did you mean "batchSize"?'],
      (m) => m.fit(x, y, { batchsize: 3 }),
    ],
    [
      "epochs without end",
      "option",
      ["sequential.fit.epochs", "an integer ≥ 1, received Infinity"],
      (m) => m.fit(x, y, { epochs: Number.POSITIVE_INFINITY }),
    ],
    [
      "a negative first epoch",
      "option",
      ["sequential.fit.initialEpoch", "≥ 0, received -1"],
      (m) => m.fit(x, y, { initialEpoch: -1 }),
    ],
    [
      "a batch size in text",
      "option",
      ["sequential.fit.batchSize", 'received "32"'],
      (m) => m.fit(x, y, { batchSize: "32" }),
    ],
    [
      "another verbosity",
      "option",
      ["sequential.fit.verbose", '"auto", 0, 1 or 2, received 3'],
      (m) => m.fit(x, y, { verbose: 3 }),
    ],
    [
      "another shuffling",
      "option",
      ["sequential.fit.shuffle", 'true or false, received "batch"'],
      (m) => m.fit(x, y, { shuffle: "batch" }),
    ],
    [
      "a share of 1",
      "option",
      ["validationSplit", "from 0 to below 1, received 1"],
      (m) => m.fit(x, y, { validationSplit: 1 }),
    ],
    [
      "a share in text",
      "option",
      ["validationSplit", 'received "0.2"'],
      (m) => m.fit(x, y, { validationSplit: "0.2" }),
    ],
    [
      "no number as share",
      "option",
      ["validationSplit", "received NaN"],
      (m) => m.fit(x, y, { validationSplit: Number.NaN }),
    ],
    [
      "two kinds of validation",
      "option",
      ["validationData or validationSplit, received both"],
      (m) => m.fit(x, y, { validationSplit: 0.5, validationData: [x, y] }),
    ],
    [
      "validation data without labels",
      "option",
      ["sequential.fit.validationData: expected [x, y]", "an array of 1"],
      (m) => m.fit(x, y, { validationData: [x] }),
    ],
    [
      "too few validation labels",
      "shape",
      ["sequential.fit.validationData: expected 6 samples in y, as in x, received 2"],
      (m) => m.fit(x, y, { validationData: [x, [1, 2]] }),
    ],
    [
      "a validation label out of range",
      "data",
      ["sequential.fit.validationData: y for dense_1", "from 0 to 2, received 4 at position 1"],
      (m) => m.fit(x, y, { validationData: [x, [0, 4, 0, 0, 0, 0]] }),
    ],
    [
      "NaN in validation data",
      "data",
      ["sequential.fit.validationData: x: expected finite numbers", "sample 0", "Remove"],
      (m) => m.fit(x, y, { ...quiet, validationData: [nan, y] }),
    ],
    [
      "a callback instead of a list",
      "option",
      ["sequential.fit.callbacks: expected a list of callbacks"],
      (m) => m.fit(x, y, { callbacks: {} }),
    ],
    [
      "a callback that is no function",
      "option",
      ["sequential.fit.callbacks[0]: expected a callback"],
      (m) => m.fit(x, y, { callbacks: [{ onEpochEnd: 3 }] }),
    ],
    [
      "weights for each class",
      "shape",
      ["sequential.fit: sampleWeight: expected one weight for each sample", "[6, 2]", "flat"],
      (m) => m.fit(x, y, { ...quiet, sampleWeight: zeros([6, 2]) }),
    ],
    [
      "NaN as a weight",
      "data",
      ["sequential.evaluate: sampleWeight: expected finite numbers", "NaN in sample 1"],
      (m) => m.evaluate(x, y, { sampleWeight: [1, Number.NaN, 1, 1, 1, 1] }),
    ],
    [
      "text as weights",
      "dtype",
      ["sequential.evaluate: sampleWeight", "numbers or booleans"],
      (m) => m.evaluate(x, y, { sampleWeight: ["1"] }),
    ],
    ["no labels", "dtype", ["sequential.fit: y: expected a tensor", "received undefined"], (m) => m.fit(x)],
    [
      "NaN as a label",
      "data",
      ["y for dense_1: expected integer labels", "NaN at position 3", "Correct the labels"],
      (m) => m.fit(x, [0, 1, 2, Number.NaN, 0, 0]),
    ],
    [
      "one-hot labels for a sparse loss",
      "shape",
      ["sequential/loss", "one integer label a row", "use categoricalCrossentropy"],
      (m) => m.fit(x, zeros([6, 3]), quiet),
    ],
    [
      "text in nested lists",
      "dtype",
      ["sequential.predict: x: expected numbers", 'received "a"'],
      (m) => m.predict([["a"]]),
    ],
    [
      "a hole in nested lists",
      "dtype",
      ["sequential.predict: x: expected numbers", "received null"],
      (m) => m.predict([[1, 2, 3, 4, 5, null]]),
    ],
    [
      "ragged lists",
      "shape",
      ["sequential.fit: x: expected 6 entries in every list of axis 1, received 2", "rectangular"],
      (m) =>
        m.fit(
          [
            [1, 2, 3, 4, 5, 6],
            [1, 2],
          ],
          [0, 1],
        ),
    ],
    [
      "integers of 64 bits",
      "dtype",
      ["sequential.predict: x", "BigInt64Array of 36", "Convert it"],
      (m) => m.predict(new BigInt64Array(36)),
    ],
    [
      "nothing to predict",
      "dtype",
      ["sequential.predict: x: expected a tensor", "received undefined"],
      (m) => m.predict(),
    ],
    [
      "a misspelt option of predict",
      "name",
      ["sequential.predict", 'Did you mean "batchSize"?'],
      (m) => m.predict(x.slice(0, 2), { batchsize: 2 }),
    ],
    [
      "a misspelt option of evaluate",
      "name",
      ["sequential.evaluate", 'Did you mean "batchSize"?'],
      (m) => m.evaluate(x, y, { batchsize: 2 }),
    ],
    [
      "compile without anything",
      "option",
      ["sequential.compile: expected an object of options"],
      (m) => m.compile(null),
    ],
    [
      "compile without loss",
      "option",
      ["sequential.compile.loss: expected a loss, received undefined"],
      (m) => m.compile({ optimizer: "adam" }),
    ],
    [
      "compile without optimizer",
      "option",
      ["sequential.compile.optimizer: expected the name of an optimizer"],
      (m) => m.compile({ loss: "mse" }),
    ],
    [
      "metrics that are no list",
      "option",
      ["sequential.compile.metrics: expected a list of metrics"],
      (m) => m.compile({ optimizer: "sgd", loss: "mse", metrics: "accuracy" }),
    ],
    [
      "a metric twice",
      "name",
      ["sequential.compile.metrics: expected each metric once"],
      (m) => m.compile({ optimizer: "sgd", loss: "mse", metrics: ["mae", "mae"] }),
    ],
    [
      "another mode of explain",
      "option",
      ["sequential.explain.mode", '"predict", "train" or "test", received "trian"'],
      (m) => m.explain({ mode: "trian" }),
    ],
    [
      "no repeats",
      "option",
      ["sequential.explain.repeats: expected an integer ≥ 1"],
      (m) => m.explain({ profile: true, repeats: 0 }),
    ],
    [
      "too few weights",
      "shape",
      ["sequential.setWeights: expected 4 arrays, received 1", "Give one array"],
      (m) => m.setWeights([1]),
    ],
  ];
  test.each(mistakes.map((each) => [each[0], each] as const))("%s", async (_, mistake) => {
    await expectMistake(shared as unknown as AnyModel, mistake);
  });

  test("and after all of them it trains like one that nobody made mistakes with", async () => {
    const spotless = classifier();
    await shared.fit(x, y, quiet);
    await spotless.fit(x, y, quiet);
    expectSameBits(shared.getWeights(), spotless.getWeights(), "weights");
  });
});
