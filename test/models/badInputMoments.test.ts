// Does a model refuse what it cannot do now: while it trains, after dispose, before it knows its shape?

import { describe, expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { square, subtract } from "../../bindings/ops/map.ts";
import { zeros } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, samples } from "../training/problem.ts";
import { caught, stateOf } from "./refusal.ts";

const quiet = { verbose: 0 } as const;
const { x, y } = samples(9);
type Classifier = ReturnType<typeof classifier>;

describe("while a model trains", () => {
  test.each([
    ["fit", (net: Classifier) => net.fit(x, y, quiet)],
    ["trainOnBatch", (net: Classifier) => net.trainOnBatch(x, y)],
    ["compile", (net: Classifier) => net.compile({ optimizer: "sgd", loss: "mse" })],
    ["dispose", (net: Classifier) => net.dispose()],
  ] as const)("%s has to wait", async (_, call) => {
    const [asked, alone] = [classifier(), classifier()];
    const training = asked.fit(x, y, { ...quiet, epochs: 20 });
    const error = await caught(() => call(asked));
    expect(error.code).toBe("state");
    expect(error.message).toMatch(/Await (it|the first)/);
    await training;
    await alone.fit(x, y, { ...quiet, epochs: 20 });
    expectSameBits(stateOf(asked), stateOf(alone), "the first fit");
  });
});

test("a disposed model says so, whatever it is asked", async () => {
  const net = classifier();
  net.dispose();
  const calls = [
    () => net.fit(x, y, quiet),
    () => net.evaluate(x, y),
    () => net.trainOnBatch(x, y),
    () => net.predict(x),
    () => net.save(),
    () => net.summary(),
    () => net.getWeights(),
    () => net.setWeights([]),
    () => net.apply(x),
    () => net.compile({ optimizer: "sgd", loss: "mse" }),
  ];
  for (const call of calls) {
    const error = await caught(call);
    expect(error.code).toBe("state");
    expect(error.message).toContain("received a disposed one");
  }
});

describe("a model that learns its shape from data", () => {
  test("takes data that fit after data that do not", () => {
    const hidden = layers.dense({ units: 2, kernelRegularizer: "l2" });
    const net = sequential([hidden, layers.flatten(), layers.reshape({ targetShape: [6] })]);
    expect(() => net.predict(zeros([1, 4, 5]))).toThrow("sequential/reshape");
    expect(() => net.predict(3)).toThrow("sequential/dense");
    expect(hidden.built).toBe(false);
    expect(net.predict(zeros([2, 3, 7])).shape).toEqual([2, 6]);
    expect(net.countParams()).toBe(7 * 2 + 2);
  });

  test("leaves layers alone that were built before", () => {
    const built = layers.dense({ units: 4 });
    built.build([[null, 3]]);
    const before = built.getWeights();
    expect(() => sequential([built, layers.reshape({ targetShape: [3] })]).predict(zeros([1, 3]))).toThrow("reshape");
    expectSameBits(built.getWeights(), before, "weights");
  });
});

test("outputs without a feature axis take one weight a sample", async () => {
  const net = sequential([layers.dense({ units: 1, inputShape: [2] }), layers.reshape({ targetShape: [] })]);
  net.compile({ optimizer: "sgd", loss: (yTrue, yPred) => square(subtract(yTrue, yPred)) });
  const history = await net.fit(zeros([4, 2]), [1, 2, 3, 4], { ...quiet, sampleWeight: [1, 0, 0, 0] });
  expect(history.loss).toEqual([0.25]);
});

test("a layer or an activation of one's own that gives no tensor is named", () => {
  const three = (): never => 3 as never;
  expect(() => sequential([layers.dense({ units: 1, inputShape: [2], name: "own", activation: three })])).toThrow(
    "own: expected a tensor as the result of the layer and of its activation, received 3. Return what ops return.",
  );
});

test("a rate that is missing and a deviation below 0 are told in plain numbers", () => {
  expect(() => layers.dropout(undefined as never)).toThrow("dropout.rate: expected a number, received undefined.");
  expect(() => layers.gaussianNoise({ stddev: -1 })).toThrow("stddev: expected a number ≥ 0, received -1.");
});
