// Does batch normalization use the batch in training, and what it has learnt of batches elsewhere?

import { expect, test } from "vitest";
import { maxNorm } from "../../bindings/constraints.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { model } from "../../bindings/models/functional.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import type { Model } from "../../bindings/models/model.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { sgd } from "../../bindings/optimizers.ts";
import { l2 } from "../../bindings/regularizers.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { describeLayer, random } from "./describeLayer.ts";

describeLayer("BatchNormalization", [
  {
    title: "of rank 2",
    make: () => layers.batchNormalization({ momentum: 0.5 }),
    inputs: [[17, 3]],
    output: [17, 3],
    parameters: 12,
  },
  {
    title: "of images, with all options",
    make: () =>
      layers.batchNormalization({
        axis: 1,
        momentum: 0.1,
        epsilon: 1e-5,
        betaInitializer: "ones",
        gammaInitializer: "randomUniform",
        movingMeanInitializer: "ones",
        movingVarianceInitializer: "ones",
        betaRegularizer: l2({ l2: 0.001 }),
        gammaRegularizer: l2({ l2: 0.001 }),
        betaConstraint: maxNorm({ maxValue: 3 }),
        gammaConstraint: "nonNeg",
      }),
    inputs: [[5, 3, 4, 2]],
    output: [5, 3, 4, 2],
    parameters: 12,
  },
  {
    title: "without gamma and beta",
    make: () => layers.batchNormalization({ center: false, scale: false, momentum: 0.5 }),
    inputs: [[5, 3, 2]],
    output: [5, 3, 2],
    parameters: 4,
  },
]);

const x = random("batch normalization", [16, 3]);
const y = random("batch normalization target", [16, 1]);
/** The moving mean and variance. */
const moving = (layer: Pick<Layer, "getWeights">): Tensor[] => layer.getWeights().slice(-2);

function network(layer: Layer): Model<never, Tensor, never> {
  const built = sequential([layer, layers.dense({ units: 1 })]);
  built.build([[null, 3]]);
  return built.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: "mse" }) as unknown as Model<
    never,
    Tensor,
    never
  >;
}

test("in training the output has mean 0 and variance 1, and moving averages follow those of the batch", () => {
  const layer = layers.batchNormalization({ momentum: 0.75, epsilon: 0 });
  const output = layer.apply(tensor([1, 10, 3, 10, 5, 40], [3, 2]), { training: true });
  const column = output.data.filter((_, index) => index % 2 === 0);
  expect(column[0]).toBeCloseTo(-Math.sqrt(1.5), 6);
  expect(column[1]).toBeCloseTo(0, 6);
  const [mean, variance] = moving(layer).map(({ data }) => Array.from(data)) as [number[], number[]];
  expect(mean[0]).toBeCloseTo(0.25 * 3, 6);
  expect(mean[1]).toBeCloseTo(0.25 * 20, 5);
  expect(variance[0]).toBeCloseTo(0.75 + 0.25 * (8 / 3), 5);
  expect(variance[1]).toBeCloseTo(0.75 + 0.25 * 200, 4);
});

test("predicting and measuring use the moving averages and leave them alone", async () => {
  const layer = layers.batchNormalization();
  const net = network(layer);
  const before = moving(layer);
  net.predict(x as never);
  net.testOnBatch(x as never, y);
  await net.evaluate(x as never, y);
  expectSameBits(moving(layer), before, "moving averages");
  const alone = net.predict(x.slice(3, 4) as never);
  expect(alone.data[0]).toBe(net.predict(x as never).data[3]);
});

test("each training step moves them once, from one program and from another, and optimizers do not", () => {
  const layer = layers.batchNormalization({ momentum: 0.5 });
  const net = network(layer);
  const meanOf = (batch: Tensor): number => {
    const column = Array.from(batch.data).filter((_, index) => index % 3 === 0);
    return column.reduce((sum, each) => sum + each, 0) / column.length;
  };
  let wanted = 0;
  for (const rows of [16, 5, 16, 16]) {
    const batch = x.slice(0, rows);
    wanted = 0.5 * wanted + 0.5 * meanOf(batch);
    net.trainOnBatch(batch as never, y.slice(0, rows));
    expect(moving(layer)[0]?.data[0]).toBeCloseTo(wanted, 6);
  }
  expect(net.trainableWeights.map(({ name }) => name.split("/").pop())).toEqual(["gamma", "beta", "kernel", "bias"]);
});

test("compiling again keeps the moving averages", () => {
  const layer = layers.batchNormalization();
  const net = network(layer);
  net.trainOnBatch(x as never, y);
  const before = moving(layer);
  net.compile({ optimizer: "adam", loss: "mae" });
  net.testOnBatch(x as never, y);
  expectSameBits(moving(layer), before, "moving averages");
});

test("training reaches what predicting gives, once the averages have arrived", async () => {
  const layer = layers.batchNormalization({ momentum: 0.8 });
  const net = network(layer);
  await net.fit(x as never, y, { epochs: 60, batchSize: 16, verbose: 0 });
  const { loss } = net.trainOnBatch(x as never, y);
  const after = net.testOnBatch(x as never, y).loss;
  expect(Math.abs(after - loss)).toBeLessThan(0.02 * loss);
});

/** A layer in a network, and what is set to be not trainable. */
const frozen: Readonly<Record<string, () => { layer: Layer; net: Model<never, Tensor, never>; freeze: () => void }>> = {
  "the layer": () => {
    const layer = layers.batchNormalization({ momentum: 0 });
    const net = network(layer);
    return { layer, net, freeze: () => Object.assign(layer, { trainable: false }) };
  },
  "a model around it": () => {
    const layer = layers.batchNormalization({ momentum: 0 });
    const port = input({ shape: [3] });
    const inner = model({ inputs: port, outputs: layer.apply(port) });
    const net = network(inner as unknown as Layer);
    return { layer, net, freeze: () => Object.assign(inner, { trainable: false }) };
  },
  "the whole model": () => {
    const layer = layers.batchNormalization({ momentum: 0 });
    const net = network(layer);
    return { layer, net, freeze: () => Object.assign(net, { trainable: false }) };
  },
};

test.each(Object.keys(frozen))("not trainable, it only uses the moving averages in training: %s", (what) => {
  const { layer, net, freeze } = (frozen[what] as (typeof frozen)[string])();
  net.trainOnBatch(x as never, y);
  freeze();
  net.compile({ optimizer: sgd({ learningRate: 0 }), loss: "mse" });
  const before = moving(layer);
  const half = x.slice(0, 8) as never;
  const { loss } = net.trainOnBatch(half, y.slice(0, 8));
  expectSameBits(moving(layer), before, "moving averages");
  expect(loss).toBe(net.testOnBatch(half, y.slice(0, 8)).loss);
});

test("applied twice in one model, it moves twice in a step", () => {
  const layer = layers.batchNormalization({ momentum: 0.5 });
  const [a, b] = [input({ shape: [3] }), input({ shape: [3] })];
  const net = model({
    inputs: { a, b },
    outputs: layers.dense({ units: 1 }).apply(layers.add().apply([layer.apply(a), layer.apply(b)])),
  });
  net.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: "mse" });
  const ones = tensor(new Float32Array(48).fill(1), [16, 3]);
  const threes = tensor(new Float32Array(48).fill(3), [16, 3]);
  net.trainOnBatch({ a: ones, b: threes }, y);
  expect(moving(layer)[0]?.data[0]).toBe(0.5 * 0.5 + 0.5 * 3);
});

test("a saved model goes on with the same averages and the same bits", async () => {
  const net = network(layers.batchNormalization({ momentum: 0.9 }));
  for (let step = 0; step < 3; step++) net.trainOnBatch(x as never, y);
  const loaded = decodeModel(await net.save(), "test") as unknown as Model<never, Tensor, never>;
  net.trainOnBatch(x as never, y);
  loaded.trainOnBatch(x as never, y);
  expectSameBits(loaded.getWeights(), net.getWeights(), "weights");
});

test("far from zero the variance keeps its digits", () => {
  const layer = layers.batchNormalization({ momentum: 0, epsilon: 0 });
  layer.apply(tensor([4096.5, 4097, 4097.5, 4098], [4, 1]), { training: true });
  expect(moving(layer)[1]?.item()).toBe(0.3125);
});

test("the batch axis and other inputs than before are errors", () => {
  expect(() => layers.batchNormalization({ axis: 0 }).apply(x)).toThrow(/axis: expected an axis other than the batch/);
  expect(() => layers.batchNormalization({ axis: 2 }).apply(x)).toThrow(/expected an axis from -2 to 1/);
  expect(() => layers.batchNormalization({ momentum: 1.5 })).toThrow(/momentum: expected a number from 0 to 1/);
  const layer = layers.batchNormalization();
  layer.apply(x);
  expect(() => layer.apply(random("other", [16, 4]))).toThrow(
    /expected 3 features in axis 1, received shape \[16, 4\]/,
  );
});
