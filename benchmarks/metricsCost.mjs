// What does a metric cost? A step of the network for digits with and without it: the least times of its instructions in many
// profiles, which a busy machine hardly changes; and epochs, reading of the metric included. node benchmarks/metricsCost.mjs

import { layers, metrics, sequential, tensor } from "./wasmgrad.mjs";

const rows = 3200;
const rounds = 9;
const profiles = 12;
const x = tensor(
  Float32Array.from({ length: rows * 784 }, (_, index) => ((index * 7919) % 256) / 255),
  [rows, 784],
);
const y = tensor(
  Float32Array.from({ length: rows * 10 }, (_, index) => (index % 10 === Math.floor(index / 10) % 10 ? 1 : 0)),
  [rows, 10],
);
const measured = {
  none: undefined,
  accuracy: "accuracy",
  topKCategoricalAccuracy: "topKCategoricalAccuracy",
  precision: "precision",
  "precision (topK 2)": metrics.precision({ topK: 2 }),
  auc: "auc",
  "auc (multiLabel)": metrics.auc({ multiLabel: true, name: "auc" }),
  f1Score: metrics.f1Score({ average: "macro" }),
  oneHotMeanIoU: metrics.oneHotMeanIoU({ numClasses: 10 }),
  r2Score: "r2Score",
  pearsonCorrelation: "pearsonCorrelation",
  cosineSimilarity: "cosineSimilarity",
  categoricalCrossentropy: "categoricalCrossentropy",
};
const models = Object.entries(measured).map(([name, metric]) => {
  const model = sequential([
    layers.dense({ units: 128, activation: "relu", inputShape: [784] }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  const given = metric === undefined ? [] : [metric];
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: given });
  return { name, model, times: [], instructions: [] };
});
for (let profile = 0; profile < profiles; profile++)
  for (const { model, instructions } of models)
    model
      .explain({ mode: "train", batchSize: 32, profile: true })
      .instructions.forEach(({ microseconds = 0 }, index) => {
        instructions[index] = Math.min(instructions[index] ?? Number.POSITIVE_INFINITY, microseconds);
      });
for (let round = -1; round < rounds; round++)
  for (const { model, times } of models) {
    const begun = performance.now();
    await model.fit(x, y, { batchSize: 32, epochs: 2, verbose: 0 });
    if (round >= 0) times.push(performance.now() - begun);
  }
const least = models.map(({ name, times, instructions }) => ({
  name,
  step: instructions.reduce((sum, each) => sum + each, 0),
  least: Math.min(...times),
  median: times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)],
}));
console.table(
  least.map(({ name, step, least: time, median }) => ({
    metric: name,
    "step µs": Number(step.toFixed(1)),
    "step, more %": Number((100 * (step / least[0].step - 1)).toFixed(1)),
    "least ms": Number((time / 2).toFixed(1)),
    "least, more %": Number((100 * (time / least[0].least - 1)).toFixed(1)),
    "median, more %": Number((100 * (median / least[0].median - 1)).toFixed(1)),
  })),
);
