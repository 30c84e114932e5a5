// How many threads run programs? Starts them, sends them home, and goes on with fewer where there can be no more.

import type { Crew } from "./crew.ts";
import { engine, type Seat } from "./engine.ts";
import { cores, isolationMissing } from "./platform/cores.ts";
import { type Spawned, spawn } from "./platform/spawn.ts";
import type { ThreadReport, ThreadTask } from "./platform/thread.ts";
import { threadCode } from "./platform/threadCode.ts";

/** Most threads that programs can run on. */
export const maximumThreads = 64;
/** Most threads that `"auto"` starts: beyond them the steps of ordinary networks are too short to gain. */
const automaticThreads = 8;
/** Operations that pay for starting threads: about 50 ms of one. */
const worthStarting = 2e9;
/** How long a thread may take to start or to leave, in milliseconds. */
const patience = 30_000;

/** A thread beside this one, from its start to its end. */
class Thread {
  /** How many of users' kernels it has. */
  get kernels(): number {
    return this.seat.kernels.length;
  }
  /** Whether it takes part in runs. */
  working = false;
  /** Ends when it takes part; rejects when it could not start. */
  readonly ready: Promise<void>;
  /** Ends when it is no more, for whatever reason. */
  readonly gone: Promise<void>;
  private readonly seat: Seat = engine().seat();
  private worker: Spawned | undefined;
  private ended = false;
  private readonly above: boolean;
  private settle: { readonly ready: () => void; readonly lost: (cause: unknown) => void; readonly gone: () => void };

  /** @param above which end of a phase it claims chunks from: neighbours take turns. */
  constructor(above: boolean) {
    this.above = above;
    const nothing = (): void => {};
    this.settle = { ready: nothing, lost: nothing, gone: nothing };
    this.ready = new Promise((ready, lost) => {
      this.settle = { ...this.settle, ready, lost };
    });
    this.gone = new Promise((gone) => {
      this.settle = { ...this.settle, gone };
    });
    this.ready.catch(nothing);
  }

  /** Starts the worker, which the process waits for until it is ready. */
  async start(): Promise<void> {
    const late = setTimeout(() => this.end(`a thread did not start within ${patience / 1000} seconds`), patience);
    try {
      this.worker = await spawn(threadCode, {
        message: (message) => this.hear(message as ThreadReport),
        failure: (cause) => this.end(cause.message),
      });
      const { module, memory, meeting, scratch, kernels } = this.seat;
      const task: ThreadTask = { module, memory, meeting, scratch: scratch.address, kernels, above: this.above };
      this.worker.post(task);
      this.worker.hold(true);
      await this.ready;
      this.worker.hold(false);
    } catch (cause) {
      this.end(cause);
      throw cause;
    } finally {
      clearTimeout(late);
    }
  }

  /** Waits until it has left, as all do that were dismissed; ends it after a while. */
  async leave(): Promise<void> {
    this.worker?.hold(true);
    const late = setTimeout(() => this.end("a thread did not leave"), patience);
    await this.gone;
    clearTimeout(late);
  }

  private hear(report: ThreadReport): void {
    if (report === "ready") {
      this.working = true;
      this.settle.ready();
    } else this.end(report === "left" ? "it has left" : report.failure);
  }

  private end(cause: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.working = false;
    this.worker?.stop();
    engine().release(this.seat.scratch);
    this.settle.lost(cause instanceof Error ? cause : new Error(String(cause)));
    this.settle.gone();
  }
}

let wanted: number | "auto" = "auto";
let threads: Thread[] = [];
/** The last change that was asked for; each begins when the one before has ended. */
let change: Promise<void> = Promise.resolve();
let leaving = false;
let warned = false;

const crew: Crew = {
  get size() {
    return threads.filter(({ working }) => working).length;
  },
  get kernels() {
    return Math.min(...threads.map(({ kernels }) => kernels));
  },
  renew: () => {
    const count = 1 + crew.size;
    for (const thread of threads) thread.working = false;
    afterChanges(async () => {
      await dismiss();
      await bringTo(count);
    }).catch(warnOf);
  },
  get leaving() {
    return leaving;
  },
  disband: () => {
    leaving = true;
    afterChanges(dismiss).catch(warnOf);
  },
};

/**
 * Sets how many threads run programs. `"auto"` starts none now: see {@link recruit}.
 * @returns a promise that ends when so many run, or as many as can; then there has been a warning.
 */
export function setThreads(count: number | "auto"): Promise<void> {
  wanted = count;
  return count === "auto" ? Promise.resolve() : afterChanges(() => bringTo(count));
}

/** Starts threads for so many operations, if their number is `"auto"` and it pays. They join in when they are ready. */
export function recruit(operations: number): void {
  if (wanted !== "auto" || operations < worthStarting || threads.length > 0) return;
  afterChanges(async () => {
    if (wanted === "auto") await bringTo(Math.min(automaticThreads, await cores()));
  }).catch(warnOf);
}

/** One that fails does not keep the next from being made. */
function afterChanges(next: () => Promise<void>): Promise<void> {
  const made = change.then(next);
  change = made.catch(() => {});
  return made;
}

async function bringTo(count: number): Promise<void> {
  threads = threads.filter(({ working }) => working);
  if (threads.length === count - 1) return;
  // Those who stay would have to be told apart from those who leave: sending all home is simpler, and rare.
  await dismiss();
  if (count === 1) return;
  const obstacle = isolationMissing();
  if (obstacle !== undefined) return warn(obstacle);
  engine().join(crew, count > (await cores()));
  threads = Array.from({ length: count - 1 }, (_, index) => new Thread(index % 2 === 0));
  const starts = await Promise.allSettled(threads.map((thread) => thread.start()));
  const failed = starts.find((each) => each.status === "rejected");
  if (failed !== undefined) warnOf(failed.reason);
}

/** Sends all threads home, and waits until they have left. */
async function dismiss(): Promise<void> {
  engine().dismiss();
  await Promise.all(threads.map((thread) => thread.leave()));
  threads = [];
  leaving = false;
}

function warnOf(cause: unknown): void {
  warn((cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, ""));
}

/** Says once why there are fewer threads than wanted. */
function warn(reason: string): void {
  if (warned) return;
  warned = true;
  const count = engine().threads;
  console.warn(`wasmgrad runs on ${count === 1 ? "one thread" : `${count} threads`}: ${reason}.`);
}
