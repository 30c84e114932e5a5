// How does wasmgrad do each job? As its users write it.

import { classes, copiedBatch, readMnist } from "../mnist.mjs";
import { permutation } from "../random.mjs";
import { compiled, configure, layers, ops, sequential, tensor } from "../wasmgrad.mjs";
import * as vision from "./wasmgradVision.mjs";

/** @type {import("./engine.d.ts").Engine} */
export const engine = {
  start: ({ threads }) => configure({ threads }),

  // The operands are bound once; nothing is packed beforehand.
  matMul({ m, k, n, transposeA, transposeB }, valuesA, valuesB) {
    const a = tensor(valuesA, transposeA ? [k, m] : [m, k]);
    const b = tensor(valuesB, transposeB ? [n, k] : [k, n]);
    const program = compiled((x, y) => ops.matMul(x, y, { transposeA, transposeB })).program(a, b);
    return {
      run: (times) => program.run(times),
      result: () => program.run().data,
      dispose: () => program.dispose(),
    };
  },

  prediction({ batchSize, weights, input }) {
    const model = network();
    model.setWeights(weights.map(({ shape, values }) => tensor(values, shape)));
    const predict = () => model.predict(tensor(input, [batchSize, 28, 28])).data;
    return {
      run(times) {
        for (let time = 0; time < times; time++) predict();
      },
      result: predict,
      dispose: () => model.dispose(),
    };
  },

  ...vision,

  training({ way, batchSize, images, seed }) {
    const train = readMnist("train", images);
    const model = network();
    model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
    return {
      epoch: way === "fit" ? fitEpoch(model, train, batchSize) : loopEpoch(model, train, batchSize, seed),
      async accuracy() {
        const test = readMnist("t10k", 10000);
        const x = tensor(test.images, [test.count, 28, 28]);
        const { accuracy } = await model.evaluate(x, tensor(test.oneHot, [test.count, classes]));
        return accuracy;
      },
      dispose: () => model.dispose(),
    };
  },
};

function network() {
  return sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
}

function fitEpoch(model, train, batchSize) {
  const x = tensor(train.images, [train.count, 28, 28]);
  const y = tensor(train.oneHot, [train.count, classes]);
  return () => model.fit(x, y, { batchSize, epochs: 1, shuffle: true, verbose: 0 });
}

/** The loop over `trainOnBatch`, with batches copied in JavaScript. */
function loopEpoch(model, train, batchSize, seed) {
  let epochs = 0;
  return async () => {
    const order = permutation(train.count, seed + epochs++);
    for (let begin = 0; begin < train.count; begin += batchSize) {
      const { images, oneHot, size } = copiedBatch(train, order.subarray(begin, begin + batchSize));
      await model.trainOnBatch(tensor(images, [size, 28, 28]), tensor(oneHot, [size, classes]));
    }
  };
}
