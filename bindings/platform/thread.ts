// What does a compute thread do? It instantiates the machine over the shared memory and takes part in all runs.
//
// The build makes a script of its own of this file (thread.js), and the same text for bundles that lose that script: so it
// imports nothing but what spawning and users' kernels need.

import { installKernel, type PlacedKernel } from "../kernelTable.ts";
import { owner } from "./spawn.ts";

/** What a thread is told, once. */
export interface ThreadTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly meeting: number;
  /** Address of its scratch. */
  readonly scratch: number;
  /** Which end of a phase it claims chunks from. */
  readonly above: boolean;
  /** Kernels of users' own. */
  readonly kernels: readonly PlacedKernel[];
}

/** What it answers: `"ready"` before it begins, `"left"` after it was dismissed, otherwise the reason of its failure. */
export type ThreadReport = "ready" | "left" | { readonly failure: string };

interface Machine {
  configure(scratch: number, meeting: number, maySleep: boolean): void;
  work(above: boolean): void;
  abandon(): void;
  readonly table: WebAssembly.Table;
}

let post: (report: ThreadReport) => void = () => {};

const listening = owner((message) => {
  const { module, memory, meeting, scratch, above, kernels } = message as ThreadTask;
  const abort = (): never => {
    throw new Error("abort");
  };
  const machine = new WebAssembly.Instance(module, { env: { memory, abort } }).exports as unknown as Machine;
  machine.configure(scratch, meeting, true);
  for (const kernel of kernels) installKernel({ table: machine.table, memory, scratch }, kernel);
  post("ready");
  try {
    machine.work(above);
    post("left");
  } catch (cause) {
    machine.abandon();
    post({ failure: String(cause) });
  }
});
// Not awaited: bundlers take this file for a classic script.
void listening.then((side) => {
  post = side.post;
});
