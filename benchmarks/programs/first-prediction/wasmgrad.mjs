// Starts, builds the MLP with wasmgrad, predicts once and ends.

import { layers, sequential, tensor } from "../../../dist/node/index.js";

const model = sequential([
  layers.flatten({ inputShape: [28, 28] }),
  layers.dense({ units: 128, activation: "relu" }),
  layers.dense({ units: 64, activation: "relu" }),
  layers.dense({ units: 10, activation: "softmax" }),
]);
const probabilities = model.predict(tensor(new Float32Array(784), [1, 28, 28])).data;
console.log("first prediction", probabilities[0]);
process.exit(0);
