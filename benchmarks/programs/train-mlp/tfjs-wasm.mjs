// Builds, trains and evaluates the MLP with TensorFlow.js: layers and the wasm backend only.

import "@tensorflow/tfjs-backend-wasm";
import { ready, setBackend, tensor } from "@tensorflow/tfjs-core";
import { layers, sequential } from "@tensorflow/tfjs-layers";

export async function trainMlp(train, test) {
  await setBackend("wasm");
  await ready();
  const model = sequential({
    layers: [
      layers.flatten({ inputShape: [28, 28] }),
      layers.dense({ units: 128, activation: "relu" }),
      layers.dense({ units: 64, activation: "relu" }),
      layers.dense({ units: 10, activation: "softmax" }),
    ],
  });
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const x = tensor(train.images, [train.count, 28, 28]);
  const y = tensor(train.oneHot, [train.count, 10]);
  await model.fit(x, y, { batchSize: 32, epochs: 1, verbose: 0 });
  const [, accuracy] = model.evaluate(tensor(test.images, [test.count, 28, 28]), tensor(test.oneHot, [test.count, 10]));
  return accuracy.dataSync()[0];
}
