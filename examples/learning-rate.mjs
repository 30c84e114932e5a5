// Which learning rate does the network of the README bear? The range test draws its curve; then each rate is tried.
//
//   node examples/learning-rate.mjs        docs/choosing-a-learning-rate.md shows what it prints

import { configure, layers, optimizers, schedules, sequential, setSeed } from "wasmgrad";
import { lrFinder } from "wasmgrad/callbacks";
import { loadMnist } from "wasmgrad/datasets";

configure({ threads: 1 });
const { train, test } = await loadMnist();
const [epochs, batchSize] = [2, 32];

const { rates, smoothed, suggestion, limit } = await lrFinder(network(), [train.x, train.y], { minRate: 1e-4 });
for (let at = 0; at < rates.length; at += 4)
  console.log(`${rates[at].toExponential(1)}  ${"█".repeat(Math.round(12 * smoothed[at]))} ${smoothed[at].toFixed(2)}`);
console.log(`falls the fastest at ${suggestion.toPrecision(2)}, least at ${limit.toPrecision(2)}`);

for (const learningRate of [0.001, 0.01, 0.1, suggestion, limit, 1])
  await tryOut(learningRate.toPrecision(2), learningRate);
const totalSteps = epochs * Math.ceil(train.x.shape[0] / batchSize);
await tryOut("oneCycle up to the limit", schedules.oneCycle({ maximumLearningRate: limit, totalSteps }));

/** The same network each time, trained by plain gradient descent. */
function network(learningRate = 0.01) {
  setSeed(7);
  const model = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  return model.compile({
    optimizer: optimizers.sgd({ learningRate }),
    loss: "categoricalCrossentropy",
    metrics: ["accuracy"],
  });
}

async function tryOut(name, learningRate) {
  const validationData = [test.x, test.y];
  const { loss, valAccuracy } = await network(learningRate).fit(train.x, train.y, {
    batchSize,
    epochs,
    validationData,
    verbose: 0,
  });
  console.log(
    `${name}: loss ${loss.map((each) => each.toFixed(3)).join(", ")}; accuracy ${valAccuracy.at(-1).toFixed(4)}`,
  );
}
