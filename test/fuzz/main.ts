// npm run test:fuzz -- --seconds N --seed S [--inputs N] [--only READER] [--jobs N]; or --replay FILE
//
// Children read mutated inputs; this process watches them: one that is at an input for more than five seconds of its own
// time hangs, one that dies has met something that cannot be caught. Such inputs are kept, and a new child goes on.

import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { inputOf, judged, readerOf, runTask } from "./child.ts";
import { readers } from "./readers/index.ts";
import { addTally, emptyTally, type Failure, type Message, type Tally, type Task } from "./report.ts";

const longest = 5000;
const folder = join(process.cwd(), "build/fuzz");

/** Milliseconds of processor time that a process has taken, where that can be known. */
function busy(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return performance.now();
  }
}

/** Runs one child to its end. @returns the input that it hung or died at, if it did, and the first that is not done. */
function runChild(task: Task, note: (message: Message) => void): Promise<{ next: number; stuck?: string }> {
  writeFileSync(task.progress, new Uint8Array(Float64Array.of(-1).buffer));
  return new Promise((resolve) => {
    const child: ChildProcess = fork(process.argv[1] as string, ["--child"], {
      execArgv: ["--enable-source-maps", "--max-old-space-size=3000"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    let next = task.begin;
    let ended = false;
    let stuck: string | undefined;
    let [at, since, wall] = [-1, 0, 0];
    const started = Date.now();
    const inHand = (): number => {
      const bytes = readFileSync(task.progress);
      return bytes.length < 8 ? -1 : bytes.readDoubleLE(0);
    };
    const watch = setInterval(() => {
      const now = inHand();
      const [time, clock] = [busy(child.pid as number), Date.now()];
      if (now !== at) [at, since, wall] = [now, time, clock];
      else if (now >= task.begin && clock - started > 20_000 && (time - since > longest || clock - wall > 120_000)) {
        stuck = "longer than five seconds";
        child.kill("SIGKILL");
      }
    }, 500);
    child.on("message", (message: Message | "ready") => {
      if (message === "ready") {
        child.send(task);
        return;
      }
      note(message);
      next = message.next;
      ended ||= message.ends !== undefined;
      if (message.ends !== undefined) child.disconnect();
    });
    child.on("exit", (status, signal) => {
      clearInterval(watch);
      if (ended) return resolve({ next });
      const place = Math.max(task.begin, inHand());
      resolve({ next: place + 1, stuck: stuck ?? `the process ended (${signal ?? status})` });
    });
  });
}

interface Result {
  readonly tally: Tally;
  readonly failures: Failure[];
  readonly milliseconds: number;
}

/** Inputs of one reader until the time is over or there are `inputs` of them. */
async function fuzz(name: string, seed: string, seconds: number, inputs: number): Promise<Result> {
  const tally = emptyTally();
  const failures: Failure[] = [];
  let left = seconds * 1000;
  const progress = join(folder, `progress-${process.pid}-${name}`);
  for (let begin = 0; begin < inputs && left > 0; ) {
    const task = { reader: name, seed, begin, end: inputs, milliseconds: left, progress };
    const { next, stuck } = await runChild(task, (message) => {
      addTally(tally, message.tally);
      failures.push(...message.failures);
      left -= message.milliseconds;
    });
    // What the one in hand took is not known.
    if (stuck !== undefined) left -= longest;
    if (stuck !== undefined) failures.push({ reader: name, index: next - 1, cause: stuck });
    begin = next;
  }
  rmSync(progress, { force: true });
  return { tally, failures, milliseconds: seconds * 1000 - left };
}

/** One line for each cause, with a file by which it can be read again. */
async function tellFailures(name: string, seed: string, failures: readonly Failure[]): Promise<void> {
  const causes = new Map<string, Failure[]>();
  for (const each of failures) causes.set(each.cause, [...(causes.get(each.cause) ?? []), each]);
  const reader = readerOf(name);
  const corpus = failures.length > 0 ? await reader.corpus() : [];
  let number = 0;
  for (const [cause, all] of causes) {
    const { index } = all[0] as Failure;
    const path = join(folder, `${name}-${seed}-${number++}.json`);
    const input = Buffer.from(inputOf(reader, corpus, seed, index)).toString("base64");
    writeFileSync(path, `${JSON.stringify({ reader: name, seed, index, cause, input })}\n`);
    console.log(`FAIL ${name} (${all.length}): ${cause}; --replay ${path}`);
  }
}

function tell(name: string, { tally, milliseconds }: Result): void {
  const refused = Object.entries(tally.refused)
    .sort()
    .map(([code, count]) => `${code} ${count}`)
    .join(", ");
  const rate = Math.round(tally.inputs / (milliseconds / 1000));
  console.log(
    `${name.padEnd(15)}${String(tally.inputs).padStart(9)} inputs ${String(rate).padStart(6)}/s  accepted ${tally.accepted}, refused ${refused || "none"}; slowest ${tally.slowest.toFixed(0)} ms (${tally.slowestIndex}), growth ${(tally.growth / 2 ** 20).toFixed(0)} MB`,
  );
}

async function replay(path: string): Promise<number> {
  const { reader, input, cause } = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  const of = readerOf(reader as string);
  await of.corpus();
  const started = performance.now();
  console.log(`${reader}: ${cause}`);
  try {
    console.log("accepted", await of.read(Buffer.from(input as string, "base64").subarray()));
  } catch (error) {
    console.log(error);
  }
  const verdict = await judged(of, new Uint8Array(Buffer.from(input as string, "base64")));
  console.log(JSON.stringify(verdict), `${Math.round(performance.now() - started)} ms`);
  return "cause" in verdict ? 1 : 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: "1" },
      inputs: { type: "string", default: "1000000000" },
      only: { type: "string" },
      jobs: { type: "string", default: "2" },
      replay: { type: "string" },
    },
  });
  mkdirSync(folder, { recursive: true });
  if (values.replay !== undefined) return replay(values.replay);
  const { seed } = values;
  const names = values.only === undefined ? readers.map(({ name }) => name) : values.only.split(",");
  for (const name of names) readerOf(name);
  const jobs = Math.min(Number(values.jobs), names.length);
  const seconds = (Number(values.seconds) * jobs) / names.length;
  let [passed, failed] = [0, 0];
  const waiting = [...names];
  console.log(`seed ${seed}: ${names.join(", ")}, ${seconds.toFixed(1)} s each, ${jobs} at once`);
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await fuzz(name, seed, seconds, Math.ceil(Number(values.inputs) / names.length));
      tell(name, result);
      await tellFailures(name, seed, result.failures);
      const bad = new Set(result.failures.map(({ index }) => index)).size;
      failed += bad;
      passed += Math.max(0, result.tally.inputs - bad);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  console.log(`fuzz: ${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (process.argv[2] === "--child") {
  process.on("message", (task: Task) => {
    runTask(task, (message) => process.send?.(message)).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  });
  process.send?.("ready");
} else process.exitCode = await main();
