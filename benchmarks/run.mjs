// npm run bench -- <suite…> [options]: which suites run, with whom, and where do the figures go?

import { ArgumentError, help, readArguments } from "./arguments.mjs";
import { contendersOf, installed, startSessions, stopSessions, versionOf } from "./contenders.mjs";
import { Inability } from "./inability.mjs";
import { appendJson, beginJson, printReport, writeResults } from "./report.mjs";
import { makeScratch } from "./scratch.mjs";

/**
 * What a suite is given.
 *
 * @typedef {object} Setting
 * @property {string[]} engines
 * @property {import("./session.mjs").Session[]} sessions A process for each engine, where the suite talks to one.
 * @property {boolean} quick
 * @property {number} threads
 * @property {string[]} cases
 * @property {ReturnType<typeof makeScratch>} scratch
 * @property {(name: string, engine: string, samples: number[], beside?: import("./report.mjs").Beside[]) => void} row
 * @property {(name: string, engine: string, error: unknown) => void} fail An `Inability` does not make the run fail.
 * @property {(...notes: string[]) => void} note
 */

/** Suites that start processes of their own. */
const withoutSessions = ["threads", "size", "cold"];

const say = (text) => console.log(text);

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

/** @param {string[]} words */
async function main(words) {
  const request = readArguments(words);
  if (request.help) return say(help);
  const suites = await Promise.all(request.suites.map(async (name) => ({ name, ...(await loadSuite(name)) })));
  const chosen = choose(suites, request);
  const contenders = new Map(chosen.map(({ name }) => [name, contendersOf(/** @type {any} */ (name), request, say)]));
  const all = [...new Set([...contenders.values()].flat())];
  if (all.includes("wasmgrad")) await checkThreads(request.threads);
  const there = installed(all, request, say);
  if (request.json !== null) beginJson(request.json);

  const reports = [];
  let peakGflops = null;
  const took = new Set();
  for (const suite of chosen) {
    const engines = (contenders.get(suite.name) ?? []).filter((engine) => there.includes(engine));
    const { report, result } = await runSuite(suite, engines, request);
    printReport(report, say);
    if (request.json !== null) appendJson(request.json, report, request.threads);
    reports.push(report);
    for (const { engine } of report.rows) took.add(engine);
    peakGflops = result?.peakGflops ?? peakGflops;
  }
  if (request.write) {
    const versions = [...took].map((engine) => [engine, versionOf(engine)]);
    const command = `npm run bench -- ${words.join(" ")}`;
    writeResults(new URL("RESULTS.md", import.meta.url), reports, { ...request, peakGflops, versions, command });
    say("\nbenchmarks/RESULTS.md is written.");
  }
  if (reports.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}

async function loadSuite(name) {
  return (await import(`./suites/${name}.mjs`)).suite;
}

/** Keeps the cases that were asked for. */
function choose(suites, request) {
  if (request.cases === null) return suites;
  const known = suites.flatMap(({ cases }) => cases);
  for (const name of request.cases)
    if (!known.includes(name))
      throw new ArgumentError(`unknown case ${JSON.stringify(name)}; known: ${known.join(", ")}.`);
  return suites
    .map((suite) => ({ ...suite, cases: suite.cases.filter((name) => request.cases.includes(name)) }))
    .filter(({ cases }) => cases.length > 0);
}

async function checkThreads(threads) {
  const { maximumThreads } = await import("./wasmgrad.mjs");
  if (threads > maximumThreads)
    throw new ArgumentError(`--threads ${threads}: wasmgrad runs with at most ${maximumThreads} threads.`);
}

async function runSuite(suite, engines, request) {
  const scratch = makeScratch();
  const sessions = withoutSessions.includes(suite.name) ? [] : await startSessions(engines, request, say);
  const report = {
    name: suite.name,
    title: suite.title,
    metric: suite.metric,
    metrics: suite.metrics ?? {},
    unit: suite.unit,
    better: suite.better,
    rows: [],
    failures: [],
    inabilities: [],
    notes: [],
  };
  try {
    const result = await suite.run({
      engines,
      sessions,
      quick: request.quick,
      threads: request.threads,
      cases: suite.cases,
      scratch,
      row: (name, engine, samples, beside = []) => report.rows.push({ case: name, engine, samples, beside }),
      fail(name, engine, error) {
        const list = error instanceof Inability ? report.inabilities : report.failures;
        list.push({ case: name, engine, reason: error instanceof Error ? error.message : String(error) });
      },
      note: (...notes) => report.notes.push(...notes),
    });
    return { report, result };
  } finally {
    await stopSessions(sessions);
    scratch.remove();
  }
}
