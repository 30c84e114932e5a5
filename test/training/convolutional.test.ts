// Do networks of convolutions learn, alike on any number of threads, and predict alike as a program?

import { afterEach, expect, test } from "vitest";
import { configure } from "../../bindings/configure.ts";
import { loadMnist } from "../../bindings/datasets/mnist.ts";
import { loadProgram } from "../../bindings/inference/index.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { model } from "../../bindings/models/functional.ts";
import { saveProgram } from "../../bindings/models/saveProgram.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { adam } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { random } from "../layers/describeLayer.ts";

afterEach(() => configure({ threads: 1, precision: "default" }));

/** A little of everything: a way in at half the size, a residual block, a way out at the full size. */
function everything() {
  const image = input({ shape: [12, 10, 3] });
  const entered = layers
    .conv2D({ filters: 8, kernelSize: 3, strides: 2, padding: "same", useBias: false })
    .apply(image);
  const normal = layers.reLU().apply(layers.batchNormalization({ momentum: 0.8 }).apply(entered));
  const deep = layers.depthwiseConv2D({ kernelSize: 3, padding: "same", activation: "relu6" }).apply(normal);
  const point = layers.conv2D({ filters: 8, kernelSize: 1, groups: 2 }).apply(deep);
  const sum = layers.add().apply([normal, layers.layerNormalization().apply(point)]);
  const mixed = layers
    .separableConv2D({ filters: 6, kernelSize: [3, 2], padding: "same", dilationRate: [1, 2] })
    .apply(layers.dropout({ rate: 0.2 }).apply(sum));
  const grown = layers.conv2DTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same" }).apply(mixed);
  const pooled = layers.globalAveragePooling2D().apply(layers.groupNormalization({ groups: 2 }).apply(grown));
  return model({ inputs: image, outputs: layers.dense({ units: 3, activation: "softmax" }).apply(pooled) });
}

test("weights, moving averages, history and predictions have the same bits on 1, 2 and 3 threads", async () => {
  const x = random("convolutional training", [70, 12, 10, 3]);
  const labels = tensor(Int32Array.from({ length: 70 }, (_, index) => index % 3));
  const run = async (threads: number): Promise<{ history: unknown; tensors: Tensor[] }> => {
    await configure({ threads });
    setSeed(5);
    const network = everything();
    network.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const history = await network.fit(x, labels, { verbose: 0, batchSize: 32, epochs: 2 });
    const tensors = [...network.getWeights(), network.predict(x)];
    network.dispose();
    return { history, tensors };
  };
  const one = await run(1);
  for (const threads of [2, 3]) {
    const several = await run(threads);
    expect(several.history).toEqual(one.history);
    expectSameBits(several.tensors, one.tensors, `${threads} threads`);
  }
});

test("saved as a program, a network predicts the same bits", async () => {
  const network = everything();
  const x = random("convolutional program", [5, 12, 10, 3]);
  const labels = tensor([0, 1, 2, 0, 1]);
  network.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  network.trainOnBatch(x, labels);
  const program = await loadProgram(await saveProgram(network, undefined, { batchSizes: [1, 4] }));
  expectSameBits([program.predict(x) as Tensor], [network.predict(x)], "prediction");
});

test("6,000 digits and two epochs are enough for 93 % of 1,000 others", async () => {
  setSeed(1);
  const { train, test: held } = await loadMnist();
  const network = sequential([
    layers.reshape({ targetShape: [28, 28, 1], inputShape: [28, 28] }),
    layers.conv2D({ filters: 8, kernelSize: 3, useBias: false }),
    layers.batchNormalization({ momentum: 0.9 }),
    layers.reLU(),
    layers.maxPooling2D({ poolSize: 2 }),
    layers.conv2D({ filters: 16, kernelSize: 3, strides: 2, activation: "relu" }),
    layers.flatten(),
    layers.dense({ units: 10, activation: "softmax" }),
  ]).compile({ optimizer: adam({ learningRate: 0.005 }), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const history = await network.fit(train.x.slice(0, 6000), train.y.slice(0, 6000), {
    verbose: 0,
    epochs: 2,
    validationData: [held.x.slice(0, 1000), held.y.slice(0, 1000)],
  });
  expect(history.valAccuracy[1]).toBeGreaterThan(0.93);
});

test("Winograd's algorithm trains to the accuracy of the direct one, with the same bits on 1, 2 and 3 threads", async () => {
  const { train, test: held } = await loadMnist();
  const run = async (
    precision: "default" | "high",
    threads: number,
  ): Promise<{ accuracy: number; weights: Tensor[] }> => {
    await configure({ precision, threads });
    setSeed(2);
    const network = sequential([
      layers.reshape({ targetShape: [28, 28, 1], inputShape: [28, 28] }),
      layers.conv2D({ filters: 16, kernelSize: 3, strides: 2, activation: "relu" }),
      layers.conv2D({ filters: 32, kernelSize: 3, activation: "relu" }),
      layers.maxPooling2D({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: "softmax" }),
    ]).compile({ optimizer: adam({ learningRate: 0.003 }), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
    const winograd = network.explain({ mode: "train" }).instructions.filter(({ op }) => op.endsWith("winograd"));
    expect(winograd.length).toBe(precision === "high" ? 0 : 3);
    await network.fit(train.x.slice(0, 2000), train.y.slice(0, 2000), { verbose: 0, epochs: 2 });
    const { accuracy } = await network.evaluate(held.x.slice(0, 1000), held.y.slice(0, 1000));
    const weights = network.getWeights();
    network.dispose();
    return { accuracy, weights };
  };
  const [direct, one] = [await run("high", 1), await run("default", 1)];
  expect(direct.accuracy).toBeGreaterThan(0.85);
  // Both classify the same 1,000 digits: a standard error of the difference is about 1 %.
  expect(Math.abs(one.accuracy - direct.accuracy)).toBeLessThan(0.02);
  expect(one.weights[2]?.data).not.toEqual(direct.weights[2]?.data);
  for (const threads of [2, 3])
    expectSameBits((await run("default", threads)).weights, one.weights, `${threads} threads`);
});
