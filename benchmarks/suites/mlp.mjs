// How long does an epoch of the MNIST MLP take? `batch32`: the engine's own way (`fit`; a loop where there is none);
// `batch32-loop`: the hand-written loop of an engine that has both.

import { inTurns } from "../interleave.mjs";
import { mnistDirectory, trainingImages } from "../mnist.mjs";

const batchSizes = [32, 128];
const quickImages = 6400;

/** @type {Record<string, ("fit" | "loop")[]>} */
const ways = {
  wasmgrad: ["fit", "loop"],
  "tfjs-wasm": ["fit", "loop"],
  "tfjs-cpu": ["fit", "loop"],
  "jax-js": ["loop"],
  torch: ["loop"],
};

export const suite = {
  title: "Training the MLP 784-128-64-10 on MNIST",
  metric: "secondsPerEpoch",
  unit: "s",
  better: /** @type {const} */ ("lower"),
  cases: batchSizes.flatMap((batchSize) => [`batch${batchSize}`, `batch${batchSize}-loop`]),

  /** @param {import("../run.mjs").Setting} setting */
  async run({ sessions, quick, cases, row, fail, note }) {
    const images = quick ? quickImages : trainingImages;
    const [warmUpEpochs, rounds] = quick ? [1, 3] : [1, 5];
    for (const batchSize of batchSizes) {
      const scale = Math.ceil(trainingImages / batchSize) / Math.ceil(images / batchSize);
      for (const [index, suffix] of ["", "-loop"].entries()) {
        const name = `batch${batchSize}${suffix}`;
        if (!cases.includes(name)) continue;
        const contenders = [];
        for (const session of sessions) {
          const way = ways[session.engine]?.[index];
          if (way === undefined) continue;
          try {
            await session.ask("prepareTraining", { way, batchSize, images, seed: 11, directory: mnistDirectory() });
            for (let epoch = 0; epoch < warmUpEpochs; epoch++) await session.ask("epoch");
            contenders.push(session);
          } catch (error) {
            fail(name, session.engine, error);
          }
        }
        const samples = await inTurns(contenders, rounds, (session) => session.ask("epoch"));
        for (const session of contenders) {
          const accuracy = await session.ask("accuracy");
          const seconds = (samples.get(session.engine) ?? []).map((value) => value * scale);
          row(name, session.engine, seconds, [
            { metric: "accuracy", title: "accuracy", value: accuracy, unit: "fraction" },
          ]);
        }
      }
    }
    note(
      `Adam 0.001, categorical cross-entropy, shuffled, with the accuracy of the batches; f32. Accuracy: on the 10,000 test images after ${warmUpEpochs + rounds} epochs.`,
      "-loop: the hand-written training loop of an engine whose own way is `fit`; jax-js and torch have only the loop.",
      ...(quick ? [`Quick: trained on ${images} images only, times scaled to the steps of ${trainingImages}.`] : []),
    );
  },
};
