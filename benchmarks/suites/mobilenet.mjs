// How long does a MobileNet take to look at one picture, and to learn from sixteen?

import { timeInTurns } from "../interleave.mjs";
import { uniform } from "../random.mjs";
import { predictInTurns } from "../visionPrediction.mjs";
import { preparedForTraining } from "../visionTraining.mjs";

const inference = ["v1-224", "v2-224"];
const training = "v2-96-train16";
const [size, batchSize] = [96, 16];

export const suite = {
  title: "MobileNet: one picture of 224 × 224 (v1-224, v2-224), a training step of 16 of 96 × 96 (v2-96-train16)",
  metric: "millisecondsPerCall",
  metrics: { [training]: "millisecondsPerStep" },
  unit: "ms",
  better: /** @type {const} */ ("lower"),
  cases: [...inference, training],

  /** @param {import("../run.mjs").Setting} setting */
  async run({ sessions, quick, cases, scratch, row, fail, note }) {
    const pace = quick
      ? { warmUp: 60, rounds: 3, milliseconds: 40, most: 2000 }
      : { warmUp: 1000, rounds: 15, milliseconds: 150, most: 20_000 };
    for (const name of inference.filter((each) => cases.includes(each))) {
      const samples = await predictInTurns(name, sessions, scratch, pace, (engine, error) => fail(name, engine, error));
      for (const [engine, times] of samples) row(name, engine, times);
    }
    if (cases.includes(training)) {
      const task = {
        network: "v2-96",
        optimizer: { name: /** @type {const} */ ("sgd"), learningRate: 0.0003 },
        images: uniform(batchSize * size * size * 3, -1, 1, 3),
        labels: Array.from({ length: batchSize }, (_, index) => index % 10),
      };
      const contenders = await preparedForTraining(task, sessions, scratch, (engine, error) =>
        fail(training, engine, error),
      );
      const trainingPace = quick
        ? { warmUp: 0, rounds: 2, milliseconds: 1, most: 5000 }
        : { warmUp: 1000, rounds: 7, milliseconds: 300, most: 60_000 };
      const samples = await timeInTurns(contenders, trainingPace);
      for (const [engine, times] of samples) row(training, engine, times);
    }
    note(
      "v1 and v2: batch normalisation folded into the weights in all engines; input and output copied; every answer within 1e-4 of the largest of a naive one in f64. Training: applications.mobilenetV2 and its like, with batch normalisation, SGD, on random pictures; from the same weights the losses of the first three steps of all engines agreed within 0.2 %.",
    );
  },
};
