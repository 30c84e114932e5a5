// Trains and saves after every epoch: the child process of killed.test.ts.
//
//   node trainAndSave.mjs <file> <epochs> [resume]

import { createHash } from "node:crypto";
import { layers, loadModel, optimizers, sequential, setSeed, tensor } from "wasmgrad";

const [file, epochs, resume] = process.argv.slice(2);
const rows = 400;
const features = 32;
setSeed(11);
const x = tensor(
  Float32Array.from({ length: rows * features }, (_, index) => ((index * 7919) % 1000) / 1000),
  [rows, features],
);
const y = tensor(Int32Array.from({ length: rows }, (_, row) => (row * 31) % 4));

function newModel() {
  const model = sequential([
    layers.dense({ units: 64, activation: "relu", inputShape: [features] }),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 4, activation: "softmax" }),
  ]);
  model.compile({
    optimizer: optimizers.adam({ amsgrad: true }),
    loss: "sparseCategoricalCrossentropy",
    metrics: ["accuracy"],
  });
  return model;
}

const model = resume === undefined ? newModel() : await loadModel(file);
const initialEpoch = model.trainer.epochs;
await model.fit(x, y, {
  epochs: Number(epochs),
  initialEpoch,
  batchSize: 48,
  verbose: 0,
  callbacks: [
    {
      onEpochEnd: async (epoch) => {
        await model.save(file);
        console.log(`epoch ${epoch}`);
      },
    },
  ],
});
const hash = createHash("sha256");
for (const { data } of model.getWeights()) hash.update(data);
console.log(`sha256 ${hash.digest("hex")}`);
