// Trains a convolutional network on the 60,000 MNIST digits, measures, saves, loads and uses it.
//
//   node examples/cnn.mjs --epochs 12 --batch-size 128 --seed 7 --threads 2 --output cnn.safetensors
//   node examples/cnn.mjs --epochs 1 --samples 12800    for a first impression: 100 steps

import { parseArgs } from "node:util";
import { configure, layers, loadModel, optimizers, sequential, setSeed } from "wasmgrad";
import { loadMnist } from "wasmgrad/datasets";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "12" },
    "batch-size": { type: "string", default: "128" },
    "learning-rate": { type: "string", default: "0.001" },
    samples: { type: "string", default: "60000" },
    seed: { type: "string" },
    threads: { type: "string", default: "auto" },
    output: { type: "string", default: "cnn.safetensors" },
  },
});

configure({ threads: options.threads === "auto" ? "auto" : Number(options.threads) });
if (options.seed !== undefined) setSeed(Number(options.seed));

const { train, test } = await loadMnist();
const samples = Math.min(Number(options.samples), train.x.shape[0]);

const model = sequential([
  layers.reshape({ targetShape: [28, 28, 1], inputShape: [28, 28] }),
  layers.conv2D({ filters: 32, kernelSize: 3, activation: "relu" }),
  layers.maxPooling2D({ poolSize: 2 }),
  layers.conv2D({ filters: 64, kernelSize: 3, activation: "relu" }),
  layers.maxPooling2D({ poolSize: 2 }),
  layers.flatten(),
  layers.dropout({ rate: 0.5 }),
  layers.dense({ units: 10, activation: "softmax" }),
]);
model.compile({
  optimizer: optimizers.adam({ learningRate: Number(options["learning-rate"]) }),
  loss: "categoricalCrossentropy",
  metrics: ["accuracy"],
});
model.summary();

const started = performance.now();
await model.fit(train.x.slice(0, samples), train.y.slice(0, samples), {
  batchSize: Number(options["batch-size"]),
  epochs: Number(options.epochs),
  validationData: [test.x, test.y],
});
console.log(`trained in ${((performance.now() - started) / 1000).toFixed(1)} s`);

const { loss, accuracy } = await model.evaluate(test.x, test.y, { batchSize: 1000 });
console.log(`test loss: ${loss.toFixed(4)}`);
console.log(`test accuracy: ${accuracy.toFixed(4)}`);

await model.save(options.output);
const served = await loadModel(options.output);
console.log(`saved to ${options.output} and loaded again`);

const guesses = served.predict(test.x.slice(0, 10)).array();
const digits = guesses.map((row) => row.indexOf(Math.max(...row)));
console.log(
  `the first test images show ${digits.join(" ")}; they are ${Array.from(test.labels.slice(0, 10).data).join(" ")}`,
);
