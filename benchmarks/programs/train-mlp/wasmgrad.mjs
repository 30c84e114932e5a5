// Builds, trains and evaluates the MLP with wasmgrad.

import { sequential, tensor } from "../../../dist/index.js";
import * as layers from "../../../dist/layers/index.js";

export async function trainMlp(train, test) {
  const model = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const x = tensor(train.images, [train.count, 28, 28]);
  const y = tensor(train.oneHot, [train.count, 10]);
  await model.fit(x, y, { batchSize: 32, epochs: 1, verbose: 0 });
  const { accuracy } = await model.evaluate(
    tensor(test.images, [test.count, 28, 28]),
    tensor(test.oneHot, [test.count, 10]),
  );
  return accuracy;
}
