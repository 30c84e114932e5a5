// How does TypeScript reach the machine? The only file that touches WebAssembly instances and their memory.

import { formatBytes, TensorError } from "./errors.ts";
import { kernelData, linkError, userKernels } from "./kernelModules.ts";
import { installKernel, type PlacedKernel, type UserKernel } from "./kernelTable.ts";
import { wasmModule } from "./platform/wasm.ts";
import { maximumPages, sharedMemory } from "./sharedMemory.ts";
import { type DType, type Shape, sizeOf, Tensor, type TensorData } from "./tensor.ts";

/** What assembly/index.ts exports. */
interface Machine {
  heapBase(): number;
  configure(scratch: number, fault: number): void;
  /** Runs `count` instructions `repeats` times; 0, or 1 when a fault was recorded. */
  run(program: number, count: number, repeats: number): number;
  /** The same with every instruction cut as `threads` threads would cut it. */
  runCut(program: number, count: number, repeats: number, threads: number): number;
  /** Position of the first element that is not finite, or -1. */
  firstNonFinite(address: number, count: number): number;
  /** Writes a random permutation of 0 … count − 1. */
  permute(address: number, count: number, seed: number, epoch: number): void;
  /** Functions that the instruction CUSTOM calls. */
  readonly table: WebAssembly.Table;
  /** The CUSTOM instruction that this thread is in, or that it trapped in; 0 for none. */
  readonly running: WebAssembly.Global;
}

/** A range of WebAssembly memory. It is given back when nothing refers to it any more, or by {@link Engine.free}. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** What stopped a program. */
export interface Fault {
  readonly instruction: number;
  /** Row or element of the instruction's data, and the value found there. */
  readonly position: number;
  readonly value: number;
}

const pageBytes = 65536;
const scratchBytes = 256 * 1024;
const blockAlignment = 64;
/** Kernels may read a vector past the end of their data. */
const guardBytes = 256;

interface Range {
  address: number;
  bytes: number;
}

/** One WebAssembly instance with its memory, an allocator over it, and the arena that all programs share. */
export class Engine {
  private readonly memory: WebAssembly.Memory;
  private readonly machine: Machine;
  private readonly free: Range[] = [];
  private heapEnd: number;
  private bytesView: Uint8Array;
  private floatView: Float32Array;
  private intView: Int32Array;
  private readonly fault: number;
  private arenaBlock: Range = { address: 0, bytes: 0 };
  /** Ranges whose blocks were collected; they rejoin the free list at the next allocation. */
  private readonly collected: Range[] = [];
  private readonly registry: FinalizationRegistry<Range> = new FinalizationRegistry((range) =>
    this.collected.push(range),
  );
  /** How many threads every instruction is cut for; the results do not depend on it. */
  private cutting: number;
  /** Place of the first user's kernel in the table, the same on every thread, and how many are there by now. */
  private readonly firstKernel: number;
  private installed = 0;

  /** @param threads how many threads every instruction is cut for; the results do not depend on it. */
  constructor(module: WebAssembly.Module, threads = 1) {
    this.cutting = threads;
    this.memory = sharedMemory(16);
    this.machine = new WebAssembly.Instance(module, { env: { memory: this.memory, abort } })
      .exports as unknown as Machine;
    this.bytesView = new Uint8Array(this.memory.buffer);
    this.floatView = new Float32Array(this.memory.buffer);
    this.intView = new Int32Array(this.memory.buffer);
    this.firstKernel = this.machine.table.length;
    const base = roundUp(Math.max(this.machine.heapBase(), kernelData.end), blockAlignment);
    this.fault = base;
    this.machine.configure(base + blockAlignment, this.fault);
    this.heapEnd = base + blockAlignment + scratchBytes;
    this.installKernels();
  }

  /** Cuts instructions for another number of threads from now on: tests of law 5 compare the results. */
  cutFor(threads: number): void {
    this.cutting = threads;
  }

  /** Bytes of WebAssembly memory there are, and how many of them are in use. */
  get usage(): { readonly memoryBytes: number; readonly usedBytes: number } {
    this.reclaim();
    const unused = this.free.reduce((sum, range) => sum + range.bytes, 0);
    return { memoryBytes: this.memory.buffer.byteLength, usedBytes: this.heapEnd - unused };
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
    const range = this.take(bytes, purpose);
    const block: Block = Object.freeze({ address: range.address, bytes: range.bytes });
    this.registry.register(block, range, block);
    return block;
  }

  /** Gives a block back at once. Nothing may use it afterwards. */
  release(block: Block): void {
    this.registry.unregister(block);
    this.giveBack({ address: block.address, bytes: block.bytes });
  }

  /** Makes the arena at least `bytes` large; its contents are lost when it grows. */
  reserveArena(bytes: number): void {
    if (bytes <= this.arenaBlock.bytes) return;
    if (this.arenaBlock.bytes > 0) this.giveBack(this.arenaBlock);
    this.arenaBlock = { address: 0, bytes: 0 };
    this.arenaBlock = this.take(bytes, "activations");
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

  /** Runs a loaded program `repeats` times. The fault that stopped it, or undefined. */
  run(program: number, count: number, repeats: number): Fault | undefined {
    const stopped =
      this.cutting === 1
        ? this.machine.run(program, count, repeats)
        : this.machine.runCut(program, count, repeats, this.cutting);
    if (stopped === 0) return undefined;
    this.refreshViews();
    const [, instruction = 0, position = 0, value = 0] = this.intView.slice(this.fault >>> 2, (this.fault >>> 2) + 4);
    this.bytesView.fill(0, this.fault, this.fault + 16);
    return { instruction, position: position >>> 0, value };
  }

  /** Position of the first NaN or infinity among `count` float32 at `address`, or -1. */
  firstNonFinite(address: number, count: number): number {
    return this.machine.firstNonFinite(address, count);
  }

  /** Writes a permutation of 0 … count − 1 (int32), a function of seed and epoch alone. */
  permute(address: number, count: number, seed: number, epoch: number): void {
    this.machine.permute(address, count, seed, epoch);
  }

  /** All kernels of users' own, each with its place in the table. A thread that installs them has the same machine. */
  get kernels(): readonly PlacedKernel[] {
    return userKernels().map((kernel, position) => ({ ...kernel, index: this.firstKernel + position }));
  }

  /** Place of a user's kernel in the table; it is installed when it is not there yet. @throws {TensorError} `option`. */
  placeOf(kernel: UserKernel): number {
    const position = userKernels().indexOf(kernel);
    if (position >= this.installed) this.installKernels();
    return this.firstKernel + position;
  }

  private installKernels(): void {
    const { table } = this.machine;
    const scratch = this.fault + blockAlignment;
    for (const kernel of this.kernels.slice(this.installed)) {
      try {
        installKernel({ table, memory: this.memory, scratch }, kernel);
      } catch (cause) {
        throw linkError(kernel.name, cause);
      }
      this.installed++;
    }
  }

  /** The instruction whose kernel, a user's own, trapped or threw; 0 when there is none. Asking forgets it. */
  takeTrapped(): number {
    const address = this.machine.running.value as number;
    this.machine.running.value = 0;
    return address;
  }

  /** Growing the memory detaches the views. */
  private refreshViews(): void {
    if (this.bytesView.buffer === this.memory.buffer) return;
    this.bytesView = new Uint8Array(this.memory.buffer);
    this.floatView = new Float32Array(this.memory.buffer);
    this.intView = new Int32Array(this.memory.buffer);
  }

  private take(wanted: number, purpose: string): Range {
    this.reclaim();
    const bytes = roundUp(Math.max(wanted, 1), blockAlignment);
    let best = -1;
    this.free.forEach((range, index) => {
      if (range.bytes >= bytes && (best === -1 || range.bytes < (this.free[best] as Range).bytes)) best = index;
    });
    if (best >= 0) {
      const range = this.free[best] as Range;
      const taken = { address: range.address, bytes };
      if (range.bytes === bytes) this.free.splice(best, 1);
      else {
        range.address += bytes;
        range.bytes -= bytes;
      }
      return taken;
    }
    const last = this.free[this.free.length - 1];
    const start = last !== undefined && last.address + last.bytes === this.heapEnd ? last.address : this.heapEnd;
    this.growTo(start + bytes + guardBytes, bytes, purpose);
    if (start !== this.heapEnd) this.free.pop();
    this.heapEnd = start + bytes;
    return { address: start, bytes };
  }

  private growTo(end: number, wanted: number, purpose: string): void {
    const missing = end - this.memory.buffer.byteLength;
    if (missing <= 0) return;
    const pages = Math.ceil(missing / pageBytes);
    const current = this.memory.buffer.byteLength / pageBytes;
    const generous = Math.min(Math.max(pages, Math.ceil(current / 4)), maximumPages - current);
    for (const count of generous > pages ? [generous, pages] : [pages]) {
      try {
        this.memory.grow(count);
        return;
      } catch {
        // Less may still fit; otherwise the error below says what was asked for.
      }
    }
    const { memoryBytes, usedBytes } = this.usage;
    throw new TensorError("memory", {
      where: purpose,
      expected: `room for ${formatBytes(wanted)} of WebAssembly memory`,
      received: `${formatBytes(usedBytes)} in use of ${formatBytes(memoryBytes)}, at most ${formatBytes(maximumPages * pageBytes)}`,
      remedy: "Use smaller batches or a smaller model, or dispose() of models that are not needed.",
    });
  }

  private giveBack(range: Range): void {
    let index = this.free.findIndex((each) => each.address > range.address);
    if (index < 0) index = this.free.length;
    const before = this.free[index - 1];
    const after = this.free[index];
    const joinsBefore = before !== undefined && before.address + before.bytes === range.address;
    const joinsAfter = after !== undefined && range.address + range.bytes === after.address;
    if (joinsBefore && joinsAfter) {
      before.bytes += range.bytes + after.bytes;
      this.free.splice(index, 1);
    } else if (joinsBefore) before.bytes += range.bytes;
    else if (joinsAfter) {
      after.address = range.address;
      after.bytes += range.bytes;
    } else this.free.splice(index, 0, { ...range });
  }

  private reclaim(): void {
    for (const range of this.collected.splice(0)) this.giveBack(range);
  }
}

let shared: Engine | undefined;

/** The engine of this thread, started on first use. */
export function engine(): Engine {
  shared ??= new Engine(wasmModule());
  return shared;
}

/** Cuts all further runs for `threads` threads: for tests of law 5, that the bits of a result do not depend on the cut. */
export function setCutting(threads: number): void {
  engine().cutFor(threads);
}

function abort(): never {
  throw new TensorError("internal", {
    where: "machine",
    expected: "no abort",
    received: "an abort of the WebAssembly module",
  });
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
