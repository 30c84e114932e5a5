// How long does one prediction take, from numbers in JavaScript (or Python) to numbers in JavaScript?

import { timeInTurns } from "../interleave.mjs";
import { initialWeights, referencePrediction, units } from "../network.mjs";
import { uniform } from "../random.mjs";
import { predictInTurns } from "../visionPrediction.mjs";

const batchSizes = [1, 32];
const tolerance = 1e-5;
/** The network of the suite cnn, one picture. */
const convolutional = "cnn-batch1";

export const suite = {
  title: "Prediction of the MLP 784-128-64-10, and of a small convolutional network (cnn-batch1)",
  metric: "microsecondsPerCall",
  unit: "µs",
  better: /** @type {const} */ ("lower"),
  cases: [...batchSizes.map((batchSize) => `mlp-batch${batchSize}`), convolutional],

  /** @param {import("../run.mjs").Setting} setting */
  async run({ sessions, quick, cases, scratch, row, fail, note }) {
    const pace = quick ? { warmUp: 150, rounds: 9, milliseconds: 15 } : { warmUp: 500, rounds: 25, milliseconds: 30 };
    const weights = initialWeights(7);
    const files = weights.map(({ shape, values }, index) => ({ shape, path: scratch.write(`weight${index}`, values) }));
    for (const batchSize of batchSizes.filter((size) => cases.includes(`mlp-batch${size}`))) {
      const name = `mlp-batch${batchSize}`;
      const input = uniform(batchSize * units[0], 0, 1, 8);
      const expected = referencePrediction(weights, input, batchSize);
      const task = { batchSize, weights: files, input: scratch.write("x", input), result: scratch.path("y") };
      const contenders = [];
      for (const session of sessions) {
        try {
          await session.ask("preparePrediction", task);
          const actual = scratch.read("y");
          const distance = Math.max(...expected.map((value, index) => Math.abs(value - (actual[index] ?? Number.NaN))));
          if (!(distance <= tolerance)) throw new Error(`wrong result: ${distance} away from the naive one`);
          contenders.push(session);
        } catch (error) {
          fail(name, session.engine, error);
        }
      }
      const samples = await timeInTurns(contenders, pace);
      for (const { engine } of contenders) {
        row(
          name,
          engine,
          (samples.get(engine) ?? []).map((milliseconds) => milliseconds * 1000),
        );
      }
    }
    if (cases.includes(convolutional)) {
      const samples = await predictInTurns("cnn", sessions, scratch, pace, (engine, error) =>
        fail(convolutional, engine, error),
      );
      for (const [engine, times] of samples)
        row(
          convolutional,
          engine,
          times.map((milliseconds) => milliseconds * 1000),
        );
    }
    note(
      `One call after the other, input and output copied; every answer was within ${tolerance} of a naive one in f64, that of cnn-batch1 within 1e-4 of its largest.`,
    );
  },
};
