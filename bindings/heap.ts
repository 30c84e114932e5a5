// Where in WebAssembly memory is room? An allocator over one memory that grows.

import { formatBytes, TensorError } from "./errors.ts";

/** A range of WebAssembly memory. It is given back when nothing refers to it any more, or by {@link Heap.release}. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** A range that changes hands. */
export interface Range {
  address: number;
  bytes: number;
}

const pageBytes = 65536;
const maximumPages = 65536;
/** First bytes of all blocks are multiples of this. */
export const blockAlignment = 64;
/** Kernels may read a vector past the end of their data. */
const guardBytes = 256;

/** Memory of `initial` pages that threads can share. Some browsers on telephones reserve less address space than the most there can be. */
export function sharedMemory(initial: number): WebAssembly.Memory {
  for (let maximum = maximumPages; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true });
    } catch (cause) {
      if (maximum <= 1024) throw cause;
    }
  }
}

/** The part of a memory from `start` on. */
export class Heap {
  private readonly memory: WebAssembly.Memory;
  private readonly free: Range[] = [];
  private heapEnd: number;
  /** Ranges whose blocks were collected; they rejoin the free list at the next allocation. */
  private readonly collected: Range[] = [];
  /** undefined in runtimes that tell nobody what they collect, such as workerd before compatibility date 2025-05-05. */
  private readonly registry: FinalizationRegistry<Range> | undefined =
    typeof FinalizationRegistry === "undefined"
      ? undefined
      : new FinalizationRegistry((range) => this.collected.push(range));

  constructor(memory: WebAssembly.Memory, start: number) {
    this.memory = memory;
    this.heapEnd = start;
  }

  /** Bytes of WebAssembly memory there are, and how many of them are in use. */
  get usage(): { readonly memoryBytes: number; readonly usedBytes: number } {
    this.reclaim();
    const unused = this.free.reduce((sum, range) => sum + range.bytes, 0);
    return { memoryBytes: this.memory.buffer.byteLength, usedBytes: this.heapEnd - unused };
  }

  /**
   * A new block of at least `bytes`, 64-byte aligned.
   * @throws {TensorError} `memory` when there is no room.
   */
  allocate(bytes: number, purpose: string): Block {
    const range = this.take(bytes, purpose);
    const block: Block = Object.freeze({ address: range.address, bytes: range.bytes });
    this.registry?.register(block, range, block);
    return block;
  }

  /** Gives a block back at once. Nothing may use it afterwards. */
  release(block: Block): void {
    this.registry?.unregister(block);
    this.giveBack({ address: block.address, bytes: block.bytes });
  }

  /** A range of at least `wanted` bytes that is not given back by itself. */
  take(wanted: number, purpose: string): Range {
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

  /** The end of {@link take}. */
  giveBack(range: Range): void {
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

/** `value`, or the next multiple above. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
