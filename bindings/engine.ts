// How does TypeScript reach the machine? Only this file touches WebAssembly instances, and with heap.ts their memory.

import { FAULT_TRAP } from "../assembly/opcodes.ts";
import { check, TensorError } from "./errors.ts";
import type { Fault } from "./fault.ts";
import { type Block, blockAlignment, Heap, type Range, roundUp, sharedMemory } from "./heap.ts";
import { kernelData } from "./kernelModules.ts";
import { KernelPlaces } from "./kernelPlaces.ts";
import type { PlacedKernel, UserKernel } from "./kernelTable.ts";
import type { Pace } from "./pace.ts";
import { chosenModule } from "./platform/binary.ts";
import { type DType, type Shape, sizeOf, Tensor, type TensorData } from "./tensor.ts";

/** What assembly/index.ts exports. */
interface Machine {
  heapBase(): number;
  /** Names this thread's scratch, the block where threads meet, and whether this thread may sleep. */
  configure(scratch: number, meeting: number, maySleep: boolean): void;
  /** Address of four int32: kind, instruction's address, position, value. */
  faultRecord(): number;
  /** Runs `count` instructions `repeats` times; 0, or 1 when a fault was recorded. */
  run(program: number, count: number, repeats: number): number;
  /** The same with every instruction cut as `threads` threads would cut it. */
  runCut(program: number, count: number, repeats: number, threads: number): number;
  /** The same as `run`, together with all threads that work; {@link lostThread} when one of them was lost. */
  runShared(program: number, count: number, repeats: number): number;
  /** Sends the threads home that work. */
  dismiss(): void;
  /** Makes the meeting block fit for threads, which will look for work so many times before they sleep. */
  assemble(looks: number): void;
  /** Position of the first element that is not finite, or -1. */
  firstNonFinite(address: number, count: number): number;
  /** CRC-32 of what had the CRC `crc`, followed by `bytes` bytes; works in the 1024 bytes at `table`. */
  checksum(table: number, address: number, bytes: number, crc: number): number;
  /** Writes a random permutation of 0 … count − 1. */
  permute(address: number, count: number, seed: number, epoch: number): void;
  /** Functions that the instruction CUSTOM calls. */
  readonly table: WebAssembly.Table;
  /** The CUSTOM instruction that this thread is in, or that it trapped in; 0 for none. */
  readonly running: WebAssembly.Global;
}

const scratchBytes = 512 * 1024;
/** The block where threads meet: assembly/parallel.ts and fault.ts. */
const meetingBytes = 128;
const instructionBytes = 128;
/**
 * How often a thread looks for work before it sleeps: for a few µs, or for longer than a step leaves it without, since the
 * operating system is apt to wake two threads on one processor.
 */
const fewLooks = 2000;
const manyLooks = 100_000;
/** What `runShared` returns when the run could not end. */
const lostThread = 2;

/** What a thread needs to take part in runs. */
export interface Seat {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly meeting: number;
  /** Its own scratch. */
  readonly scratch: Block;
  /** Kernels of users' own, to be installed. */
  readonly kernels: readonly PlacedKernel[];
}

/** The threads beside this one, as far as the engine cares. */
export interface Crew {
  /** How many of them take part. */
  readonly size: number;
  /** How many of users' kernels all of them have, and a way to replace them by threads that have more. */
  readonly kernels: number;
  readonly renew: () => void;
  /** One of them was lost in the middle of a run: ends all. True until they are gone. */
  readonly disband: () => void;
  readonly leaving: boolean;
}

/** One WebAssembly instance with its memory, an allocator over it, and the arena that all programs share. */
export class Engine {
  private readonly module: WebAssembly.Module;
  private readonly memory: WebAssembly.Memory;
  private readonly machine: Machine;
  private readonly heap: Heap;
  private bytesView: Uint8Array;
  private floatView: Float32Array;
  private intView: Int32Array;
  private readonly meeting: number;
  private readonly scratch: Range;
  private crew: Crew | undefined;
  private arenaBlock: Range = { address: 0, bytes: 0 };
  /** How many threads every instruction is cut for; the results do not depend on it. */
  private cutting: number;
  private readonly places: KernelPlaces;

  /** @param threads how many threads every instruction is cut for; the results do not depend on it. */
  constructor(module: WebAssembly.Module, threads = 1) {
    this.cutting = threads;
    this.module = module;
    this.memory = sharedMemory(16);
    this.machine = new WebAssembly.Instance(module, { env: { memory: this.memory, abort } })
      .exports as unknown as Machine;
    this.bytesView = new Uint8Array(this.memory.buffer);
    this.floatView = new Float32Array(this.memory.buffer);
    this.intView = new Int32Array(this.memory.buffer);
    const base = roundUp(Math.max(this.machine.heapBase(), kernelData.end), blockAlignment);
    this.meeting = base;
    this.scratch = { address: base + meetingBytes, bytes: scratchBytes };
    this.machine.configure(this.scratch.address, this.meeting, maySleep());
    this.heap = new Heap(this.memory, base + meetingBytes + scratchBytes);
    this.places = new KernelPlaces({ table: this.machine.table, memory: this.memory, scratch: this.scratch.address });
  }

  /** How many threads take part in runs, this one included. */
  get threads(): number {
    return 1 + (this.crew?.size ?? 0);
  }

  /** A place for one more thread. */
  seat(): Seat {
    const { module, memory, meeting, kernels } = this;
    return { module, memory, meeting, scratch: this.allocate(scratchBytes, "a thread"), kernels };
  }

  /**
   * Lets the threads of `crew` take part in runs from now on; none are there yet.
   * @param crowded whether there are more threads than processors: then they go to sleep sooner.
   */
  join(crew: Crew, crowded: boolean): void {
    this.crew = crew;
    this.machine.assemble(crowded ? fewLooks : manyLooks);
  }

  /** Tells all threads to leave. */
  dismiss(): void {
    this.machine.dismiss();
  }

  /** Cuts instructions for another number of threads from now on: tests of law 5 compare the results. */
  cutFor(threads: number): void {
    this.cutting = threads;
  }

  /** Bytes of WebAssembly memory there are, and how many of them are in use. */
  get usage(): { readonly memoryBytes: number; readonly usedBytes: number } {
    return this.heap.usage;
  }

  /** First byte of the arena. It moves when a larger one is needed. */
  get arena(): number {
    return this.arenaBlock.address;
  }

  /**
   * A new block of at least `bytes`, 64-byte aligned.
   * @throws {TensorError} `memory` when there is no room.
   */
  allocate(bytes: number, purpose: string): Block {
    return this.heap.allocate(bytes, purpose);
  }

  /** Gives a block back at once. Nothing may use it afterwards. */
  release(block: Block): void {
    this.heap.release(block);
  }

  /** Makes the arena at least `bytes` large; its contents are lost when it grows. */
  reserveArena(bytes: number): void {
    if (bytes <= this.arenaBlock.bytes) return;
    if (this.arenaBlock.bytes > 0) this.heap.giveBack(this.arenaBlock);
    this.arenaBlock = { address: 0, bytes: 0 };
    this.arenaBlock = this.heap.take(bytes, "activations");
  }

  /** Copies `data` to `address`, a multiple of the size of its elements. */
  write(address: number, data: TensorData): void {
    this.refreshViews();
    if (data instanceof Float32Array) this.floatView.set(data, address >>> 2);
    else if (data instanceof Int32Array) this.intView.set(data, address >>> 2);
    else this.bytesView.set(data, address);
  }

  /** Sets a block to zero. */
  clear(block: Block): void {
    this.refreshViews();
    this.bytesView.fill(0, block.address, block.address + block.bytes);
  }

  /** A copy of the tensor at `address`. */
  readTensor(address: number, shape: Shape, dtype: DType): Tensor {
    this.refreshViews();
    const count = sizeOf(shape);
    if (dtype === "float32")
      return Tensor.of(this.floatView.slice(address >>> 2, (address >>> 2) + count), shape, dtype);
    if (dtype === "int32") return Tensor.of(this.intView.slice(address >>> 2, (address >>> 2) + count), shape, dtype);
    return Tensor.of(this.bytesView.slice(address, address + count), shape, dtype);
  }

  /**
   * Runs a loaded program `repeats` times. The fault that stopped it, or undefined.
   * @param pace of a program that begins with a SYNC and has phases which threads can share.
   */
  run(program: number, count: number, repeats: number, pace?: Pace): Fault | undefined {
    const { crew } = this;
    check(crew?.leaving !== true, "state", () => ({
      where: "engine",
      expected: "threads that are at work or gone",
      received: "threads that are being ended after a failure",
      remedy: "Wait for the next turn of the event loop.",
    }));
    const stopped =
      pace !== undefined && crew !== undefined && crew.size > 0 && this.knowsKernels(crew)
        ? this.runAtPace(crew, program, count, repeats, pace)
        : this.runAlone(program, count, repeats);
    if (stopped === 0) return undefined;
    this.refreshViews();
    const record = this.machine.faultRecord() >>> 2;
    const [, address = 0, position = 0, value = 0] = this.intView.slice(record, record + 4);
    this.intView.fill(0, record, record + 4);
    return { instruction: ((address >>> 0) - program) / instructionBytes, position: position >>> 0, value };
  }

  /** Whether all threads have the kernels that programs may call; if not, they are replaced, and this one goes on alone. */
  private knowsKernels(crew: Crew): boolean {
    if (crew.kernels >= this.places.installed) return true;
    crew.renew();
    return false;
  }

  private runAlone(program: number, count: number, repeats: number): number {
    return this.cutting === 1
      ? this.machine.run(program, count, repeats)
      : this.machine.runCut(program, count, repeats, this.cutting);
  }

  /** With the crew or alone, whichever is faster. */
  private runAtPace(crew: Crew, program: number, count: number, repeats: number, pace: Pace): number {
    const shared = pace.share();
    const started = performance.now();
    const stopped = shared ? this.runTogether(crew, program, count, repeats) : this.runAlone(program, count, repeats);
    if (stopped === 0) pace.record(performance.now() - started, repeats);
    return stopped;
  }

  private runTogether(crew: Crew, program: number, count: number, repeats: number): number {
    let cause: unknown;
    try {
      const stopped = this.machine.runShared(program, count, repeats);
      if (stopped !== lostThread) return stopped;
    } catch (trap) {
      cause = trap;
    }
    crew.disband();
    throw new TensorError(
      "internal",
      {
        where: "engine",
        expected: "every thread to finish its share",
        received: "a thread that failed or stopped in the middle of a program",
        remedy: "The weights it was changing may be incomplete: load or train the model again. One thread goes on.",
      },
      { cause },
    );
  }

  /** Position of the first NaN or infinity among `count` float32 at `address`, or -1. */
  firstNonFinite(address: number, count: number): number {
    return this.machine.firstNonFinite(address, count);
  }

  /** CRC-32 of data whose CRC so far is `crc`, followed by `bytes`. */
  checksum(crc: number, bytes: Uint8Array): number {
    const tableBytes = 1024;
    const block = this.allocate(tableBytes + bytes.length, "checksum");
    this.write(block.address + tableBytes, bytes);
    const result = this.machine.checksum(block.address, block.address + tableBytes, bytes.length, crc);
    this.release(block);
    return result;
  }

  /** Writes a permutation of 0 … count − 1 (int32), a function of seed and epoch alone. */
  permute(address: number, count: number, seed: number, epoch: number): void {
    this.machine.permute(address, count, seed, epoch);
  }

  /** All kernels of users' own, each with its place in the table. */
  get kernels(): readonly PlacedKernel[] {
    return this.places.all;
  }

  /** Place of a user's kernel in the table. @throws {TensorError} `option` when it cannot be installed. */
  placeOf(kernel: UserKernel): number {
    return this.places.of(kernel);
  }

  /**
   * Address of the instruction whose kernel, a user's own, trapped or threw on whatever thread; 0 when there is none.
   * Asking forgets it.
   */
  takeTrapped(): number {
    const own = this.machine.running.value as number;
    this.machine.running.value = 0;
    this.refreshViews();
    const record = this.machine.faultRecord() >>> 2;
    const [kind, address = 0] = this.intView.slice(record, record + 2);
    if (kind !== FAULT_TRAP) return own;
    this.intView.fill(0, record, record + 4);
    return own === 0 ? address >>> 0 : own;
  }

  /** Growing the memory detaches the views. */
  private refreshViews(): void {
    if (this.bytesView.buffer === this.memory.buffer) return;
    this.bytesView = new Uint8Array(this.memory.buffer);
    this.floatView = new Float32Array(this.memory.buffer);
    this.intView = new Int32Array(this.memory.buffer);
  }
}

let shared: Engine | undefined;

/** The engine of this thread, started on first use. */
export function engine(): Engine {
  shared ??= new Engine(chosenModule());
  return shared;
}

/** Cuts all further runs for `threads` threads: for tests of law 5, that the bits of a result do not depend on the cut. */
export function setCutting(threads: number): void {
  engine().cutFor(threads);
}

/** Whether this thread may wait for others asleep: the one that draws a page may not. */
function maySleep(): boolean {
  try {
    return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1) === "not-equal";
  } catch {
    return false;
  }
}

function abort(): never {
  throw new TensorError("internal", {
    where: "machine",
    expected: "no abort",
    received: "an abort of the WebAssembly module",
  });
}
