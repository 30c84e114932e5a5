// How is a convolutional network prepared in every engine, checked, and timed in turns?

import { timeInTurns } from "./interleave.mjs";
import { uniform } from "./random.mjs";
import { naiveAnswer, planOf, weightsOf } from "./vision.mjs";

/** Distance to a naive answer in f64, as a part of its largest number. */
const tolerance = 1e-4;

/**
 * @param {string} network
 * @param {import("./session.mjs").Session[]} sessions
 * @param {ReturnType<typeof import("./scratch.mjs").makeScratch>} scratch
 * @param {import("./interleave.mjs").Pace} pace
 * @param {(engine: string, error: unknown) => void} fail
 * @returns {Promise<Map<string, number[]>>} Milliseconds of one prediction.
 */
export async function predictInTurns(network, sessions, scratch, pace, fail) {
  const plan = planOf(network);
  const weights = weightsOf(plan, 5);
  const size = plan[0].input.reduce((product, each) => product * each, 1);
  const image = uniform(size, 0, 1, 4);
  const expected = naiveAnswer(plan, weights, image);
  const largest = Math.max(...expected);
  const task = {
    plan,
    weights: weightFiles(weights, scratch),
    input: scratch.write("image", image),
    result: scratch.path("answer"),
  };
  const contenders = [];
  for (const session of sessions) {
    try {
      await session.ask("prepareVision", task);
      const actual = scratch.read("answer");
      const distance = Math.max(...expected.map((value, index) => Math.abs(value - (actual[index] ?? Number.NaN))));
      if (!(distance <= tolerance * largest)) throw new Error(`wrong result: ${distance} away from the naive one`);
      contenders.push(session);
    } catch (error) {
      fail(session.engine, error);
    }
  }
  return await timeInTurns(contenders, pace);
}

/** The weights as files of the scratch folder, for each step of a plan. */
export function weightFiles(weights, scratch) {
  return weights.map((list, index) =>
    list.map(({ shape, values }, place) => ({ shape, path: scratch.write(`weight${index}-${place}`, values) })),
  );
}
