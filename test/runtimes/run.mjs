// Do all runtimes give the same bits? The matrix: `npm run test:runtimes -- [--only node20,deno] [--threads 1,2,3]
// [--allow-missing] [--seconds 20]`. One line each, then what differs; the last line counts.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser } from "./browsers.mjs";
import { checkOutcome, compare, lineOf } from "./outcomes.mjs";
import { conformInProcess, runProcess } from "./processes.mjs";
import { binaryOf, runtimes } from "./runtimes.mjs";
import { makeStage } from "./stage.mjs";
import { conformInWorkerd } from "./workerd.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    threads: { type: "string", default: "1,2,3" },
    "allow-missing": { type: "boolean", default: false },
    seconds: { type: "string", default: "20" },
  },
});

const lifecycle = ["cycles", "soak", "engines"];
const known = [...runtimes.map(({ id }) => id), ...lifecycle];
const chosen = options.only?.split(",") ?? known;
const unknown = chosen.filter((id) => !known.includes(id));
if (unknown.length > 0) {
  console.error(`--only: expected some of ${known.join(", ")}, received ${unknown.join(", ")}`);
  process.exit(2);
}
const counts = options.threads.split(",").map(Number);
if (!counts.every((count) => Number.isInteger(count) && count >= 1)) {
  console.error(`--threads: expected numbers like 1,2,3, received ${options.threads}`);
  process.exit(2);
}

const outcomes = [];
const failures = [];
let passed = 0;
let skipped = 0;

/** Runs one check and counts it. */
async function attempt(name, check) {
  try {
    await check();
    passed++;
  } catch (cause) {
    fail(name, cause);
  }
}

function fail(name, { message }) {
  failures.push(name);
  console.log(`FAILED ${name}: ${message}`);
}

function record(runtime, asked, outcome) {
  console.log(lineOf(runtime, outcome));
  checkOutcome(runtime, asked, outcome);
  compare(outcomes[0], outcome);
  outcomes.push({ runtime, asked, ...outcome });
}

/** One network, trained by the Node that runs this, for those who only serve. */
let trained;
async function trainedNetwork(stage) {
  const file = join(stage, "trained.safetensors");
  trained ??= { file, expected: await conformInProcess(process.execPath, [], stage, 1, file) };
  return trained;
}

async function runRuntime(runtime, binary, stage) {
  if (runtime.kind === "process") {
    for (const count of counts)
      await attempt(`${runtime.id} threads=${count}`, async () =>
        record(runtime, count, await conformInProcess(binary, runtime.flags, stage, count)),
      );
  } else if (runtime.kind === "workerd") {
    await attempt(runtime.id, async () => {
      const { file, expected } = await trainedNetwork(stage);
      record(runtime, 1, await conformInWorkerd(binary, stage, file, expected));
    });
  } else {
    const browser = await openBrowser(runtime, binary, stage).catch((cause) => fail(runtime.id, cause));
    if (browser === undefined) return;
    try {
      for (const count of counts)
        await attempt(`${runtime.id} threads=${count}`, async () =>
          record(runtime, count, await browser.conform(count)),
        );
    } finally {
      await browser.close();
    }
  }
}

const started = performance.now();
const { folder: stage, remove } = await makeStage();
try {
  for (const runtime of runtimes.filter(({ id }) => chosen.includes(id))) {
    const binary = binaryOf(runtime);
    if (binary !== undefined) await runRuntime(runtime, binary, stage);
    else if (options["allow-missing"]) {
      skipped++;
      console.log(`skipped ${runtime.id}: not installed; ${runtime.command}`);
    } else fail(runtime.id, new Error(`not installed; ${runtime.command}`));
  }
  for (const part of lifecycle.filter((name) => chosen.includes(name)))
    await attempt(part, async () => {
      const seconds = part === "soak" ? Number(options.seconds) : 0;
      const args = ["--expose-gc", "lifecycle.mjs", part, "--seconds", options.seconds];
      const text = await runProcess(process.execPath, args, { folder: stage, milliseconds: 1000 * seconds + 240_000 });
      console.log(text.trim());
    });
} finally {
  await remove();
}

const [first] = outcomes;
if (first !== undefined && failures.length === 0)
  console.log(`all equal: weights ${first.sha256.slice(0, 12)}…, many layers ${first.variety.slice(0, 12)}…`);
for (const name of failures) console.log(`failed: ${name}`);
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failures.length > 0 || passed === 0 ? 1 : 0;
