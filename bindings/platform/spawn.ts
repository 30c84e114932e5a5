// How does a worker start in this runtime, and how do the two sides talk?
//
// Node, Deno and Bun: node:worker_threads, whose workers can be told not to keep the process alive (Deno's own Worker
// cannot: docs/decisions/0005). Elsewhere: Web Workers.

import { check, show } from "../errors.ts";
import { builtin } from "./builtin.ts";

/** The code of a worker. */
export interface WorkerCode {
  /** The file, as `new URL("./name.js", import.meta.url)`. */
  readonly file: () => URL;
  /** `new Worker(new URL("./name.js", import.meta.url), { type: "module" })`, written out: the form bundlers look for. */
  readonly web: () => Worker;
  /** The same code as text, for bundles that lost the file; undefined when it is too large for that. */
  readonly text?: string;
  /** The file at another address, for where `web` finds nothing. */
  readonly elsewhere?: () => Worker;
}

/** What the owner of a worker hears. */
export interface WorkerEvents {
  readonly message: (message: unknown) => void;
  /** The worker could not start, threw, or ended without being told to. */
  readonly failure: (cause: Error) => void;
}

/** A worker, as its owner sees it. */
export interface Spawned {
  readonly post: (message: unknown, transfer?: readonly ArrayBuffer[]) => void;
  /** Whether the process waits for this worker. At the start it does not. */
  readonly hold: (held: boolean) => void;
  /** Ends the worker at once. No event follows. */
  readonly stop: () => void;
}

/** Starts a worker. @throws {TensorError} `unsupported` when this runtime has none. */
export async function spawn(code: WorkerCode, events: WorkerEvents): Promise<Spawned> {
  const threads = await workerThreads();
  if (threads !== undefined) return spawnThread(threads, code, events);
  check(typeof Worker !== "undefined", "unsupported", () => ({
    where: "worker",
    expected: "a runtime with workers",
    received: "one without",
  }));
  return spawnWeb(code, events);
}

/** A worker that somebody else has started: a Web Worker, or one of node:worker_threads. */
export interface StartedWorker {
  /** Sends a message, as workers do; the buffers change hands instead of being copied. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** Ends the worker at once. */
  terminate(): unknown;
}

/** Takes a started worker over; nobody else may listen to it. */
export function adopt(worker: StartedWorker, events: WorkerEvents): Spawned {
  if ("ref" in worker && "on" in worker) return attachThread(worker as ThreadWorker, events);
  return spawnWeb({ web: () => worker as unknown as Worker }, events);
}

/** The other side: how a worker talks to its owner. @throws {TensorError} `state` outside a worker. */
export async function owner(listen: (message: unknown) => void): Promise<Pick<Spawned, "post">> {
  const port = (await workerThreads())?.parentPort;
  if (port != null) {
    port.on("message", listen);
    return { post: (message, transfer = []) => port.postMessage(message, [...transfer]) };
  }
  const scope = globalThis as unknown as DedicatedScope;
  check(typeof scope.postMessage === "function" && typeof document === "undefined", "state", () => ({
    where: "worker",
    expected: "to run in a worker",
    received: "the main thread",
    remedy: "Start this file as a worker.",
  }));
  scope.onmessage = ({ data }) => listen(data);
  return { post: (message, transfer = []) => scope.postMessage(message, [...transfer]) };
}

/** What lib.dom does not declare beside a window. */
interface DedicatedScope {
  onmessage: (event: { readonly data: unknown }) => void;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
}

type WorkerThreads = typeof import("node:worker_threads");
type ThreadWorker = import("node:worker_threads").Worker;

async function workerThreads(): Promise<WorkerThreads | undefined> {
  const { process } = globalThis as { process?: { readonly versions?: { readonly node?: string } } };
  if (process?.versions?.node === undefined) return undefined;
  return (builtin("worker_threads") as Promise<WorkerThreads>).catch(() => undefined);
}

function spawnThread(threads: WorkerThreads, code: WorkerCode, events: WorkerEvents): Spawned {
  const { text } = code;
  const worker = new threads.Worker(
    text === undefined ? code.file() : new URL(`data:text/javascript,${encodeURIComponent(text)}`),
    inheritedOptions(),
  );
  return attachThread(worker, events);
}

/** Workers inherit the flags of the process; Node refuses to start one with the flag for `--eval`. */
function inheritedOptions(): { execArgv?: string[] } {
  const { process } = globalThis as { process?: { readonly execArgv?: readonly string[] } };
  return process?.execArgv?.some((flag) => flag.startsWith("--input-type")) === true ? { execArgv: [] } : {};
}

function attachThread(worker: ThreadWorker, events: WorkerEvents): Spawned {
  let ended = false;
  const fail = (cause: unknown): void => {
    // A worker may throw anything.
    if (!ended) events.failure(cause instanceof Error ? cause : new Error(`it threw ${show(cause)}`));
    ended = true;
  };
  worker.on("message", events.message);
  worker.on("error", fail);
  worker.on("messageerror", fail);
  worker.on("exit", (status) => fail(new Error(`the worker ended with status ${status}`)));
  worker.unref();
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    hold: (held) => (held ? worker.ref() : worker.unref()),
    stop: () => {
      ended = true;
      void worker.terminate();
    },
  };
}

/** The file first, which strict content security policies allow; then the text, for bundles without the file. */
function spawnWeb(code: Pick<WorkerCode, "web" | "text" | "elsewhere">, events: WorkerEvents): Spawned {
  const { text } = code;
  const elsewhere =
    text === undefined
      ? code.elsewhere
      : () => new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  const sent: [unknown, readonly ArrayBuffer[]][] = [];
  let heard = false;
  let stopped = false;
  let worker: Worker | undefined;
  const open = (make: () => Worker, next: (() => void) | undefined): void => {
    const fail = (message: string): void => {
      if (stopped) return;
      worker?.terminate();
      if (heard || next === undefined) {
        stopped = true;
        events.failure(new Error(message));
      } else next();
    };
    try {
      const made = make();
      worker = made;
      made.onmessage = ({ data }) => {
        heard = true;
        events.message(data);
      };
      made.onerror = (event) => {
        event.preventDefault();
        fail(event.message || "the worker could not start");
      };
      made.onmessageerror = () => fail("a message that could not be read");
      for (const [message, transfer] of sent) made.postMessage(message, [...transfer]);
    } catch (cause) {
      fail(cause instanceof Error ? cause.message : String(cause));
    }
  };
  open(code.web, elsewhere && (() => open(elsewhere, undefined)));
  return {
    post: (message, transfer = []) => {
      // What was transferred cannot be sent again: where there is a second try, nothing may be before the worker is heard.
      if (!heard && elsewhere !== undefined) sent.push([message, transfer]);
      worker?.postMessage(message, [...transfer]);
    },
    hold: () => {},
    stop: () => {
      stopped = true;
      worker?.terminate();
    },
  };
}
