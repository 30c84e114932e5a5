// How are engines timed against each other fairly? In turns: many short measurements, a new order each round, so that what
// slows the machine down for a moment slows down everybody.

/**
 * @typedef {object} Pace
 * @property {number} warmUp Milliseconds of running before anything counts.
 * @property {number} rounds Measurements of each engine.
 * @property {number} milliseconds Length of one measurement.
 */

/**
 * Times the job that each session has prepared.
 *
 * @param {import("./session.mjs").Session[]} sessions
 * @param {Pace} pace
 * @returns {Promise<Map<string, number[]>>} Milliseconds of one run, per engine, per round.
 */
export async function timeInTurns(sessions, { warmUp, rounds, milliseconds }) {
  const times = new Map();
  for (const session of sessions) times.set(session, await runsPerMeasurement(session, warmUp, milliseconds));
  return await inTurns(sessions, rounds, async (session) => {
    const runs = times.get(session);
    return (await session.ask("time", { times: runs })) / runs;
  });
}

/**
 * `measure` for each session, `rounds` times, each round beginning with another one.
 *
 * @param {import("./session.mjs").Session[]} sessions
 * @param {number} rounds
 * @param {(session: import("./session.mjs").Session) => Promise<number>} measure
 */
export async function inTurns(sessions, rounds, measure) {
  /** @type {Map<string, number[]>} */
  const samples = new Map(sessions.map(({ engine }) => [engine, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sessions.length; turn++) {
      const session = sessions[(turn + round) % sessions.length];
      samples.get(session.engine)?.push(await measure(session));
    }
  }
  return samples;
}

/** Runs the job for `warmUp` milliseconds; then one knows how many runs fill a measurement. */
async function runsPerMeasurement(session, warmUp, milliseconds) {
  let runs = 1;
  for (let spent = 0; ; ) {
    const duration = await session.ask("time", { times: runs });
    spent += duration;
    const fitting = Math.max(1, Math.round((milliseconds * runs) / Math.max(duration, 1e-3)));
    if (spent >= warmUp) return fitting;
    runs = Math.min(fitting, runs * 4);
  }
}
