// How long does a MobileNet take to look at one picture, and to learn from sixteen?

import { inTurns } from "../interleave.mjs";
import { predictInTurns } from "../visionPrediction.mjs";

const inference = ["v1-224", "v2-224"];
const training = "v2-96-train16";

export const suite = {
  title: "MobileNet: one picture of 224 × 224 (v1-224, v2-224), a training step of 16 of 96 × 96 (v2-96-train16)",
  metric: "millisecondsPerCall",
  metrics: { [training]: "millisecondsPerStep" },
  unit: "ms",
  better: /** @type {const} */ ("lower"),
  cases: [...inference, training],

  /** @param {import("../run.mjs").Setting} setting */
  async run({ sessions, quick, cases, scratch, row, fail, note }) {
    const pace = quick ? { warmUp: 60, rounds: 3, milliseconds: 40 } : { warmUp: 1000, rounds: 15, milliseconds: 150 };
    for (const name of inference.filter((each) => cases.includes(each))) {
      const samples = await predictInTurns(name, sessions, scratch, pace, (engine, reason) =>
        fail(name, engine, reason),
      );
      for (const [engine, times] of samples) row(name, engine, times);
    }
    if (cases.includes(training)) {
      const able = sessions.filter(({ engine }) => engine === "wasmgrad");
      for (const session of able)
        await session.ask("prepareTraining", { network: "mobilenetV2", size: 96, batchSize: 16 });
      const samples = await inTurns(able, quick ? 2 : 7, (session) => session.ask("epoch"));
      for (const { engine } of able)
        row(
          training,
          engine,
          (samples.get(engine) ?? []).map((seconds) => seconds * 1000),
        );
    }
    note(
      "v1 and v2: batch normalisation folded into the weights in all engines; input and output copied; every answer within 1e-4 of the largest of a naive one in f64. Training: applications.mobilenetV2 with batch normalisation, SGD, on random pictures.",
    );
  },
};
