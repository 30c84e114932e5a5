// How are engines timed against each other fairly? In turns: many short measurements, a new order each round, so that what
// slows the machine down for a moment slows down everybody.

/**
 * @typedef {object} Pace
 * @property {number} warmUp Milliseconds of running before anything counts.
 * @property {number} rounds Measurements of each engine.
 * @property {number} milliseconds Length of one measurement.
 * @property {number} [most] Milliseconds after which an engine is not measured again, however many rounds there are.
 */

/**
 * Times the job that each session has prepared.
 *
 * @param {import("./session.mjs").Session[]} sessions
 * @param {Pace} pace
 * @returns {Promise<Map<string, number[]>>} Milliseconds of one run, per engine, per round.
 */
export async function timeInTurns(sessions, { warmUp, rounds, milliseconds, most }) {
  const times = new Map();
  for (const session of sessions) times.set(session, await runsPerMeasurement(session, warmUp, milliseconds));
  const measure = async (session) => {
    const runs = times.get(session);
    return (await session.ask("time", { times: runs })) / runs;
  };
  return await inTurns(sessions, rounds, measure, most);
}

/**
 * `measure` for each session, `rounds` times, each round beginning with another one; those that have taken more than `most`
 * milliseconds stay out of the rounds that follow.
 *
 * @param {import("./session.mjs").Session[]} sessions
 * @param {number} rounds
 * @param {(session: import("./session.mjs").Session) => Promise<number>} measure
 * @param {number} [most]
 */
export async function inTurns(sessions, rounds, measure, most = Number.POSITIVE_INFINITY) {
  /** @type {Map<string, number[]>} */
  const samples = new Map(sessions.map(({ engine }) => [engine, []]));
  const spent = new Map(sessions.map((session) => [session, 0]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sessions.length; turn++) {
      const session = sessions[(turn + round) % sessions.length];
      if (spent.get(session) > most) continue;
      const begin = performance.now();
      samples.get(session.engine)?.push(await measure(session));
      spent.set(session, spent.get(session) + performance.now() - begin);
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
