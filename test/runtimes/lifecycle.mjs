// Do threads start, stop and live side by side without leaving anything behind, hanging, or changing a bit?
//
//   node --expose-gc lifecycle.mjs cycles     1,000 times on and off: no thread, handle or memory is left
//   node lifecycle.mjs soak --seconds 600     three threads while other processes burn every core
//   node lifecycle.mjs engines                two engines in two workers of one process
//
// Run by run.mjs, in a folder where wasmgrad is installed.

import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { configure, engine } from "wasmgrad";
import { makeNetwork, predictAll, trainOnce } from "./lifecycleTraining.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "20" }, cycles: { type: "string", default: "1000" } },
});

/** How long a round of the soak may take before it counts as a hang, in milliseconds. */
const hangMilliseconds = 60_000;
/** Resident memory that may come and go, in bytes. One thread that stays takes about 5 MB. */
const slackBytes = 48 * 2 ** 20;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function expectEqual(what, received, expected) {
  if (received !== expected) throw new Error(`${what}: expected ${expected}, received ${received}`);
}

// Cycles --------------------------------------------------------------------------------------------------------------

/** Threads of this process by the operating system's count; 0 where that is not known. */
function countTasks() {
  return existsSync("/proc/self/task") ? readdirSync("/proc/self/task").length : 0;
}

async function measure() {
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    await pause(100);
  }
  const resources = process.getActiveResourcesInfo().sort().join(" ");
  return { tasks: countTasks(), resources, used: engine().usage.usedBytes, resident: process.memoryUsage.rss() };
}

async function cycles() {
  if (globalThis.gc === undefined) throw new Error("cycles: expected node --expose-gc");
  const network = makeNetwork(3);
  const expected = predictAll(network).data;
  const cycle = async () => {
    await configure({ threads: 2 });
    expectEqual("threads after configure({ threads: 2 })", engine().threads, 2);
    const { data } = predictAll(network);
    if (!data.every((value, index) => Object.is(value, expected[index]))) throw new Error("two threads, other bits");
    await configure({ threads: 1 });
    expectEqual("threads after configure({ threads: 1 })", engine().threads, 1);
  };
  for (let index = 0; index < 100; index++) await cycle();
  const before = await measure();
  const started = performance.now();
  const count = Number(options.cycles);
  for (let index = 0; index < count; index++) await cycle();
  const milliseconds = (performance.now() - started) / count;
  const after = await measure();
  expectEqual("threads of the process", after.tasks, before.tasks);
  expectEqual("active resources", after.resources, before.resources);
  expectEqual("bytes of WebAssembly memory in use", after.used, before.used);
  const growth = after.resident - before.resident;
  const megabytes = (growth / 2 ** 20).toFixed(1);
  if (growth > slackBytes) throw new Error(`resident memory grew by ${megabytes} MB in ${count} cycles`);
  console.log(
    `cycles: ${count} times two threads and back, ${milliseconds.toFixed(1)} ms each; left behind: ` +
      `0 of ${after.tasks} threads, 0 handles, ${megabytes} MB of resident memory`,
  );
}

// Soak ----------------------------------------------------------------------------------------------------------------

/** Burns a core until `end`, or until the process that started it is gone. */
const burn = (end, parent) =>
  spawn(process.execPath, ["-e", `while (Date.now() < ${end} && process.ppid === ${parent});`], { stdio: "ignore" });

/** Trains again and again in a process of its own, which this one can end when it hangs. */
async function soak() {
  const expected = await trainOnce(5, 1);
  const end = Date.now() + 1000 * Number(options.seconds);
  const busy = Array.from({ length: availableParallelism() }, () => burn(end + hangMilliseconds, process.pid));
  try {
    await watch(expected, end, busy.length);
  } finally {
    for (const child of busy) child.kill("SIGKILL");
  }
}

function watch(expected, end, busy) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "rounds", "--seconds", options.seconds], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    let rounds = 0;
    let longest = 0;
    let last = Date.now();
    let silentSeconds = 0;
    const fail = (message) => {
      clearInterval(dog);
      child.kill("SIGKILL");
      reject(new Error(`soak: ${message} after ${rounds} rounds`));
    };
    // Seconds in which this process could run: when the whole machine stands still, nobody hangs.
    const dog = setInterval(() => {
      if (++silentSeconds * 1000 > hangMilliseconds) fail(`no sign of life for ${hangMilliseconds / 1000} s`);
    }, 1000);
    let pending = "";
    child.stdout.on("data", (text) => {
      pending += text;
      const lines = pending.split("\n");
      pending = lines.pop();
      for (const line of lines) {
        if (line !== expected) fail(`expected the bits of one thread, ${expected}, received ${line}`);
        rounds++;
        longest = Math.max(longest, Date.now() - last);
        last = Date.now();
        silentSeconds = 0;
      }
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) return fail(`the training process ended with ${code}`);
      if (Date.now() < end) return fail("the training process ended too early");
      clearInterval(dog);
      const seconds = (longest / 1000).toFixed(1);
      console.log(
        `soak: ${options.seconds} s, ${rounds} trainings on 3 threads beside ${busy} busy processes, ` +
          `the longest ${seconds} s; always the bits of one thread`,
      );
      resolve();
    });
  });
}

/** The training process of the soak: a digest a line. */
async function rounds() {
  const end = Date.now() + 1000 * Number(options.seconds);
  do console.log(await trainOnce(5, 3));
  while (Date.now() < end);
}

// Engines -------------------------------------------------------------------------------------------------------------

function trainInWorker(seed, threads) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./lifecycleWorker.mjs", import.meta.url), {
      workerData: { seed, threads, epochs: 60 },
    });
    let answer;
    let limit;
    worker.on("message", (weights) => {
      answer = weights;
      limit = setTimeout(() => reject(new Error("engines: a worker did not end within 30 s after its answer")), 30_000);
    });
    worker.on("error", reject);
    worker.on("exit", (code) => {
      clearTimeout(limit);
      if (code === 0 && answer !== undefined) resolve(answer);
      else reject(new Error(`engines: a worker ended with ${code} and ${answer}`));
    });
  });
}

async function engines() {
  const alone = [await trainOnce(8, 1, 60), await trainOnce(9, 1, 60)];
  for (const threads of [1, 2]) {
    const together = await Promise.all([
      trainInWorker(8, threads),
      trainInWorker(9, threads),
      trainOnce(8, threads, 60),
    ]);
    [alone[0], alone[1], alone[0]].forEach((weights, index) => {
      expectEqual(`weights of engine ${index} of three with ${threads} threads each`, together[index], weights);
    });
  }
  console.log("engines: three at once in one process, with 1 and 2 threads each; the bits of each alone");
}

// ---------------------------------------------------------------------------------------------------------------------

const parts = { cycles, soak, rounds, engines };
const part = parts[positionals[0]];
if (part === undefined) throw new Error(`expected one of ${Object.keys(parts).join(", ")}, received ${positionals[0]}`);
await part();
