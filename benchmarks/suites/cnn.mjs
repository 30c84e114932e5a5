// How long does a training step of a small convolutional network take? Conv 3×3×32 relu, pool, Conv 3×3×64 relu, pool,
// flatten, dropout 0.5, dense 10, on MNIST; Adam, categorical cross-entropy.

import { inTurns } from "../interleave.mjs";
import { mnistDirectory } from "../mnist.mjs";

const batchSize = 128;

/** Who can train it. */
const able = ["wasmgrad", "torch"];

export const suite = {
  title: "A training step of a small convolutional network",
  metric: "millisecondsPerStep",
  unit: "ms",
  better: /** @type {const} */ ("lower"),
  cases: [`batch${batchSize}`],

  /** @param {import("../run.mjs").Setting} setting */
  async run({ sessions, quick, row, fail, note }) {
    const steps = quick ? 3 : 10;
    const rounds = quick ? 3 : 9;
    const name = `batch${batchSize}`;
    const contenders = [];
    for (const session of sessions.filter(({ engine }) => able.includes(engine))) {
      const images = steps * batchSize;
      const task = { network: "cnn", way: "fit", batchSize, images, seed: 11, directory: mnistDirectory() };
      try {
        await session.ask("prepareTraining", task);
        await session.ask("epoch");
        contenders.push(session);
      } catch (error) {
        fail(name, session.engine, error instanceof Error ? error.message : String(error));
      }
    }
    const samples = await inTurns(contenders, rounds, (session) => session.ask("epoch"));
    for (const { engine } of contenders)
      row(
        name,
        engine,
        (samples.get(engine) ?? []).map((seconds) => (seconds * 1000) / steps),
      );
    note(`Each measurement is ${steps} steps of ${batchSize} images, with gathering and the accuracy of the batches.`);
  },
};
