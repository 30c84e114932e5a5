// Starts, builds the MLP with TensorFlow.js, predicts once and ends.

import "@tensorflow/tfjs-backend-cpu";
import { ready, setBackend, zeros } from "@tensorflow/tfjs-core";
import { layers, sequential } from "@tensorflow/tfjs-layers";

await setBackend("cpu");
await ready();
const model = sequential({
  layers: [
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ],
});
const probabilities = model.predict(zeros([1, 28, 28])).dataSync();
console.log("first prediction", probabilities[0]);
process.exit(0);
