// How is the training of a convolutional network prepared in every engine, and checked?

import { planOf, weightsOf } from "./vision.mjs";
import { weightFiles } from "./visionPrediction.mjs";

/** Steps whose losses are compared: the later ones show gradients and updates. */
const checkedSteps = 3;
/** Distance between two engines' losses, relative. The step must be so small that rounding does not decide where it leads. */
const tolerance = 2e-3;

/**
 * Gives every engine the same weights and the same batch. Each must learn it, and without dropout, which everybody draws
 * in his own way, their first losses must agree with those of the first of them.
 *
 * @param {{ network: string, optimizer: import("./engines/engine.d.ts").VisionTrainingTask["optimizer"], images: Float32Array, labels: ArrayLike<number> }} task
 * @param {import("./session.mjs").Session[]} sessions
 * @param {ReturnType<typeof import("./scratch.mjs").makeScratch>} scratch
 * @param {(engine: string, error: unknown) => void} fail
 * @returns {Promise<import("./session.mjs").Session[]>} Those that are ready to be timed; one run is one step.
 */
export async function preparedForTraining({ network, optimizer, images, labels }, sessions, scratch, fail) {
  const plan = planOf(network);
  const random = plan.some(({ kind }) => kind === "dropout");
  const task = {
    network,
    plan,
    optimizer,
    batchSize: labels.length,
    steps: random ? 1 : checkedSteps,
    weights: weightFiles(weightsOf(plan, 6), scratch),
    input: scratch.write("images", images),
    labels: scratch.write("labels", Float32Array.from(labels)),
    result: scratch.path("losses"),
  };
  const contenders = [];
  let expected = null;
  for (const session of sessions) {
    try {
      await session.ask("prepareVisionTraining", task);
      const losses = scratch.read("losses");
      if (!losses.every(Number.isFinite) || (!random && losses.at(-1) >= losses[0]))
        throw new Error(`it does not learn: losses ${losses.join(", ")}`);
      expected ??= losses;
      if (!random && losses.some((loss, step) => Math.abs(loss - expected[step]) > tolerance * expected[step]))
        throw new Error(`wrong losses: ${losses.join(", ")}; those of ${contenders[0].engine}: ${expected.join(", ")}`);
      contenders.push(session);
    } catch (error) {
      fail(session.engine, error);
    }
  }
  return contenders;
}
