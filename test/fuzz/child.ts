// How is one input after the other given to a reader, and what must hold each time?
//
// Only a TensorError comes out, or a result; memory grows by no more than twice the file and the tensors it declares, and
// 64 MB; models that stay predict the same bits. Time is watched by the parent, to whom a file tells which input is in hand.

import { openSync, writeSync } from "node:fs";
import { TensorError } from "../../bindings/errors.ts";
import { Chance } from "./chance.ts";
import { memoryBytes, Residents } from "./memory.ts";
import { Harm, type Reader } from "./reader.ts";
import { readers } from "./readers/index.ts";
import { emptyTally, type Failure, type Message, type Task } from "./report.ts";

const allowedGrowth = 64 << 20;
/** Memory, beyond what there was at first, with which a child goes on. */
const comfortable = 512 << 20;
const checkEvery = 32;
const reportEvery = 500;

/** The reader of that name. */
export function readerOf(name: string): Reader {
  const reader = readers.find((each) => each.name === name);
  if (reader === undefined) throw new Error(`readers are ${readers.map((each) => each.name).join(", ")}`);
  return reader;
}

/** Input number `index`. */
export function inputOf(reader: Reader, corpus: readonly Uint8Array[], seed: string, index: number): Uint8Array {
  if (index < corpus.length) return corpus[index] as Uint8Array;
  const chance = new Chance(`${seed} ${reader.name} ${index}`);
  try {
    return reader.mutate(chance, corpus);
  } catch (error) {
    // What is nested too deeply cannot be written down again.
    if (error instanceof RangeError) return chance.of(corpus);
    throw error;
  }
}

/** The most memory that this process has had, in bytes. */
const peak = (): number => process.resourceUsage().maxRSS * 1024;

/** What went wrong, in few words; undefined for a result or a TensorError, whose code is told. */
export async function judged(reader: Reader, input: Uint8Array): Promise<{ code: string } | { cause: string }> {
  try {
    const result = reader.read(input);
    if (result instanceof Promise) await result;
    return { code: "" };
  } catch (error) {
    if (error instanceof TensorError && error.code !== "internal") return { code: error.code };
    return { cause: causeOf(error) };
  }
}

/** The error and the first place of the library in its stack. */
function causeOf(error: unknown): string {
  if (error instanceof Harm) return error.message.replace(/\d+/g, "#");
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const place = /\((?:\S*\/)?(bindings\/[\w/]+\.ts:\d+)/.exec(error.stack ?? "")?.[1] ?? "";
  return `${error.name}: ${error.message.replace(/\s+/g, " ").slice(0, 120)} ${place}`;
}

/** Does the task and tells what came of it. */
export async function runTask(task: Task, send: (message: Message) => void): Promise<void> {
  const reader = readerOf(task.reader);
  const residents = await Residents.settle();
  const corpus = await reader.corpus();
  const file = openSync(task.progress, "w");
  const mark = new Float64Array(1);
  let tally = emptyTally();
  let failures: Failure[] = [];
  const rejected: unknown[] = [];
  process.on("unhandledRejection", (reason) => rejected.push(reason));
  const first = memoryBytes() + process.memoryUsage.rss();
  const until = Date.now() + task.milliseconds;
  let told = Date.now();
  const report = (next: number, ends?: Message["ends"]): void => {
    send({ tally, failures, next, milliseconds: Date.now() - told, ...(ends === undefined ? {} : { ends }) });
    [tally, failures, told] = [emptyTally(), [], Date.now()];
  };
  for (let index = task.begin; index < task.end; index++) {
    if (Date.now() >= until) return report(index, "done");
    const input = inputOf(reader, corpus, task.seed, index);
    mark[0] = index;
    writeSync(file, new Uint8Array(mark.buffer), 0, 8, 0);
    const fail = (cause: string): number => failures.push({ reader: reader.name, index, cause });
    const [before, started] = [Math.max(peak(), process.memoryUsage.rss()) + memoryBytes(), performance.now()];
    const verdict = await judged(reader, input);
    const elapsed = performance.now() - started;
    tally.inputs++;
    if (elapsed > tally.slowest) [tally.slowest, tally.slowestIndex] = [elapsed, index];
    if ("cause" in verdict) fail(verdict.cause);
    else if (verdict.code === "") tally.accepted++;
    else tally.refused[verdict.code] = (tally.refused[verdict.code] ?? 0) + 1;
    const grown = peak() + memoryBytes() - before;
    if (grown > 1 << 20) {
      const extra = grown - 2 * (input.length + (reader.declared?.(input) ?? 0));
      tally.growth = Math.max(tally.growth, extra);
      if (extra > allowedGrowth) fail("memory grew by more than the file, the tensors it declares, and 64 MB");
    }
    const ran = !("cause" in verdict) && verdict.code === "";
    if (index % checkEvery === 0 || (ran && reader.name === "programs")) {
      try {
        residents.check();
      } catch (error) {
        fail(causeOf(error));
        return report(index + 1, "renew");
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const reason of rejected.splice(0)) fail(`unhandled rejection: ${causeOf(reason)}`);
    if (tally.inputs % reportEvery === 0 || Date.now() - told > 2000) report(index + 1);
    if (memoryBytes() + process.memoryUsage.rss() > first + comfortable) return report(index + 1, "renew");
  }
  report(task.end, "done");
}
