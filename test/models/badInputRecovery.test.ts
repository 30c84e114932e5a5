// After a refusal, does a model train on with the very bits of one that was never asked?

import { describe, test } from "vitest";
import { tensor, zeros } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, features, samples } from "../training/problem.ts";
import { expectRefusal, type Refusal, stateOf, type Wrong } from "./refusal.ts";

const quiet = { verbose: 0 } as const;
const { x, y } = samples(9);

type Classifier = ReturnType<typeof classifier>;

/** Each call fails as told on a trained model, and the model trains on with the bits of one that was left alone. */
function refusals(cases: readonly Refusal<Classifier>[]): void {
  test.each(cases)("%s", async (_, code, text, call) => {
    const [asked, alone] = [classifier(), classifier()];
    for (const each of [asked, alone]) await each.fit(x, y, quiet);
    await expectRefusal(() => call(asked), code, text);
    expectSameBits(stateOf(asked), stateOf(alone), "after the refusal");
    for (const each of [asked, alone]) await each.fit(x, y, { ...quiet, initialEpoch: 1, epochs: 2 });
    expectSameBits(stateOf(asked), stateOf(alone), "trained on");
    expectSameBits([asked.predict(x)], [alone.predict(x)], "prediction");
  });
}

describe("methods of a sequential model", () => {
  const withNaN = tensor(
    Float32Array.from(x.data, (value, index) => (index === 8 ? Number.NaN : value)),
    x.shape,
  );
  const held = (vx: unknown, vy: unknown, ...more: unknown[]) => ({
    ...quiet,
    validationData: [vx, vy, ...more] as Wrong,
  });
  refusals([
    ["fit without labels", "dtype", "sequential.fit: y: expected a tensor", (net) => net.fit(x, undefined as Wrong)],
    [
      "numbers beyond float32",
      "data",
      "received Infinity in sample 0",
      (net) => net.fit([[1e39, 0, 0, 0, 0, 0]], [0], quiet),
    ],
    ["NaN for evaluate", "data", "sequential.evaluate: x: expected finite numbers", (net) => net.evaluate(withNaN, y)],
    ["NaN for trainOnBatch", "data", "received NaN in sample 1", (net) => net.trainOnBatch(withNaN, y)],
    [
      "a table of sample weights",
      "shape",
      "expected one weight for each sample, [samples]",
      (net) => net.fit(x, y, { ...quiet, sampleWeight: zeros([9, 3]) }),
    ],
    [
      "one-hot labels for the sparse loss",
      "shape",
      "For one-hot labels use categoricalCrossentropy.",
      (net) => net.fit(x, zeros([9, 3]), quiet),
    ],
    [
      "validation labels out of range",
      "data",
      "sequential.fit.validationData: y for dense_1",
      (net) => net.fit(x, y, held(x, [0, 1, 2, 3, 0, 0, 0, 0, 0])),
    ],
    [
      "validation labels of another shape",
      "shape",
      "sequential.fit.validationData: sequential/loss",
      (net) => net.fit(x, y, held(x, zeros([9, 3]))),
    ],
    ["validation data with NaN", "data", "sequential.fit.validationData: x", (net) => net.fit(x, y, held(withNaN, y))],
    [
      "a split that leaves nothing to train on",
      "option",
      "leaves samples on both sides of 9",
      (net) => net.fit(x, y, { validationSplit: 0.95 }),
    ],
    ["no samples to predict", "data", "at least one sample", (net) => net.predict(zeros([0, features]))],
    [
      "compile without options",
      "option",
      "sequential.compile: expected an object of options",
      (net) => net.compile(undefined as Wrong),
    ],
    ["no weights", "shape", "sequential.setWeights", (net) => net.setWeights(undefined as Wrong)],
    [
      "the last weight of another shape",
      "shape",
      "dense_1/bias: expected shape [3]",
      (net) =>
        net.setWeights([
          ...net
            .getWeights()
            .slice(0, -1)
            .map(({ shape }) => zeros(shape)),
          [1],
        ]),
    ],
  ]);
});
