// Trains a convolutional network on 60,000 images of digits (MNIST) or clothes (Fashion-MNIST), measures, saves, loads and
// uses it.
//
//   node examples/cnn.mjs --dataset fashion --epochs 12 --batch-size 128 --seed 7 --threads 2 --output cnn.safetensors
//   node examples/cnn.mjs --epochs 1 --samples 12800    for a first impression: 100 steps

import { parseArgs } from "node:util";
import { configure, layers, loadModel, optimizers, schedules, sequential, setSeed } from "wasmgrad";
import { fashionMnistClasses, loadFashionMnist, loadMnist } from "wasmgrad/datasets";

const { values: options } = parseArgs({
  options: {
    dataset: { type: "string", default: "mnist" },
    epochs: { type: "string", default: "8" },
    "batch-size": { type: "string", default: "128" },
    "learning-rate": { type: "string", default: "0.003" },
    samples: { type: "string", default: "60000" },
    seed: { type: "string" },
    threads: { type: "string", default: "auto" },
    output: { type: "string", default: "cnn.safetensors" },
  },
});

configure({ threads: options.threads === "auto" ? "auto" : Number(options.threads) });
if (options.seed !== undefined) setSeed(Number(options.seed));

const fashion = options.dataset === "fashion";
if (!fashion && options.dataset !== "mnist") throw new Error("--dataset is mnist or fashion");
const { train, test } = await (fashion ? loadFashionMnist() : loadMnist());
const names = fashion ? fashionMnistClasses : [..."0123456789"];
const samples = Math.min(Number(options.samples), train.x.shape[0]);

const block = (filters) => [
  layers.conv2D({ filters, kernelSize: 3, useBias: false }),
  layers.batchNormalization({ momentum: 0.9 }),
  layers.reLU(),
  layers.maxPooling2D({ poolSize: 2 }),
];
const epochs = Number(options.epochs);
const batchSize = Number(options["batch-size"]);
// Clothes hang either way round; digits do not.
const augmentation = fashion ? [layers.randomFlip({ mode: "horizontal" })] : [];
const model = sequential([
  layers.reshape({ targetShape: [28, 28, 1], inputShape: [28, 28] }),
  ...augmentation,
  ...block(32),
  ...block(64),
  layers.flatten(),
  layers.dropout({ rate: 0.2 }),
  layers.dense({ units: 256, activation: "relu" }),
  layers.dropout({ rate: 0.3 }),
  layers.dense({ units: 10, activation: "softmax" }),
]);
model.summary();

// Large steps find the way, small ones settle.
const learningRate = schedules.oneCycle({
  maximumLearningRate: Number(options["learning-rate"]),
  totalSteps: epochs * Math.ceil(samples / batchSize),
});
model.compile({
  optimizer: optimizers.adam({ learningRate }),
  loss: "categoricalCrossentropy",
  metrics: ["accuracy"],
});
const started = performance.now();
await model.fit(train.x.slice(0, samples), train.y.slice(0, samples), {
  batchSize,
  epochs,
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
const told = guesses.map((row) => names[row.indexOf(Math.max(...row))]);
const shown = Array.from(test.labels.slice(0, 10).data, (label) => names[label]);
console.log(`the first test images show ${told.join(", ")}; they are ${shown.join(", ")}`);
