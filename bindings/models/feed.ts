// How do the data of a run reach the machine: in which order, and how much of them at a time?

import { engine } from "../engine.ts";
import { check } from "../errors.ts";
import type { Block } from "../heap.ts";
import { elementBytes, sizeOf, type Tensor, type TensorData } from "../tensor.ts";

/** One array of a run, and the name of the program's input that it feeds. */
export interface Column {
  readonly name: string;
  /** What users call it. */
  readonly label: string;
  readonly data: Tensor;
}

/** Rows that are in memory now: `steps` batches of `batch` rows, from row `cursor` of the window on. */
export interface Portion {
  readonly cursor: number;
  readonly batch: number;
  readonly steps: number;
}

/** What data give to the runs of a program, pass by pass, portion by portion. */
export interface Feed {
  readonly columns: readonly Column[];
  /** Rows of the blocks. */
  readonly window: number;
  /** The block of each column, and that of the order (int32). */
  readonly blocks: ReadonlyMap<string, Block>;
  /** Rows of a batch; the last one of a pass may have fewer. */
  readonly batchSize: number;
  /** Rows and batches of a pass; undefined when only its end will tell, Infinity when there is none. */
  readonly samples: number | undefined;
  readonly steps: number | undefined;
  /** Begins pass `epoch`: from the first row, in the order that `seed` and `epoch` decide. */
  start(epoch: number, seed: number): void | Promise<void>;
  /** The next rows; undefined at the end of the pass. @throws {TensorError} `data` or `shape` for rows that do not fit. */
  next(): Portion | undefined | Promise<Portion | undefined>;
  /** Gives the memory back. */
  release(): void | Promise<void>;
}

/** Data up to this many bytes are copied into WebAssembly memory at once; more goes through in windows. */
const residentBytes = 1 << 30;

/** What {@link ArrayFeed} may be told. */
export interface ArrayFeedOptions {
  /** Another order in every pass. Default false. */
  readonly shuffle?: boolean;
  /** Bytes that may be in memory at once. */
  readonly limit?: number;
}

/**
 * The rows of some columns in WebAssembly memory, and the order in which a program takes them. While all data fit they
 * are copied once and only the order changes; otherwise windows of rows, already in order, are copied one by one.
 */
export class ArrayFeed implements Feed {
  readonly columns: readonly Column[];
  readonly samples: number;
  readonly batchSize: number;
  readonly window: number;
  readonly blocks: ReadonlyMap<string, Block>;
  private readonly shuffle: boolean;
  private readonly order: Int32Array;
  private position = 0;

  /** @throws {TensorError} `data` when float32 data hold NaN or infinity, `memory` when there is no room. */
  constructor(where: string, columns: readonly Column[], batchSize: number, options: ArrayFeedOptions = {}) {
    const { shuffle = false, limit = residentBytes } = options;
    const rows = commonRows(where, columns);
    this.columns = columns;
    this.samples = rows;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    const rowBytes = columns.reduce((bytes, { data }) => bytes + bytesOfRow(data), 0);
    const fitting = Math.floor(limit / Math.max(1, rowBytes));
    this.window = fitting >= rows ? rows : Math.max(batchSize, Math.floor(fitting / batchSize) * batchSize);
    this.order = Int32Array.from({ length: rows }, (_, index) => index);
    const machine = engine();
    const blocks = new Map<string, Block>();
    this.blocks = blocks;
    try {
      for (const column of columns) {
        const block = machine.allocate(this.window * bytesOfRow(column.data), `${where}: ${column.name}`);
        blocks.set(column.name, block);
        this.copyAndCheck(where, column, block);
      }
      blocks.set(orderName, machine.allocate(this.window * 4, `${where}: order`));
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get steps(): number {
    return Math.ceil(this.samples / this.batchSize);
  }

  start(epoch: number, seed: number): void {
    this.position = 0;
    const { order, samples } = this;
    if (this.shuffle) {
      const machine = engine();
      const block = this.resident ? (this.blocks.get(orderName) as Block) : machine.allocate(samples * 4, "shuffling");
      machine.permute(block.address, samples, seed, epoch);
      order.set(machine.readTensor(block.address, [samples], "int32").data as Int32Array);
      if (!this.resident) machine.release(block);
    }
  }

  /** All whole batches of a window, or the smaller one that is left. */
  next(): Portion | undefined {
    const { position, samples, window, batchSize } = this;
    if (position === samples) return undefined;
    const start = Math.floor(position / window) * window;
    const end = Math.min(samples, start + window);
    if (position === start) this.fill(start, end);
    const batch = Math.min(batchSize, end - position);
    const steps = Math.floor((end - position) / batch);
    this.position += batch * steps;
    return { cursor: position - start, batch, steps };
  }

  release(): void {
    for (const block of this.blocks.values()) engine().release(block);
  }

  private get resident(): boolean {
    return this.window === this.samples;
  }

  /** Copies a column, window by window, which finds NaN and infinity before any step. */
  private copyAndCheck(where: string, column: Column, block: Block): void {
    const stride = sizeOf(column.data.shape.slice(1));
    for (let start = 0; start < this.samples; start += this.window) {
      const end = Math.min(this.samples, start + this.window);
      const part = column.data.data.subarray(start * stride, end * stride);
      writeChecked(where, column, part, block, start, end - start);
    }
  }

  private fill(start: number, end: number): void {
    const machine = engine();
    const order = this.blocks.get(orderName) as Block;
    if (this.resident) {
      machine.write(order.address, this.order, "int32", this.samples);
      return;
    }
    for (const { name, data } of this.columns) {
      const stride = sizeOf(data.shape.slice(1));
      const { address } = this.blocks.get(name) as Block;
      for (let position = start; position < end; position++) {
        const row = this.order[position] as number;
        machine.write(
          address + (position - start) * bytesOfRow(data),
          data.data.subarray(row * stride, (row + 1) * stride),
          data.dtype,
          stride,
        );
      }
    }
    machine.write(
      order.address,
      Int32Array.from({ length: end - start }, (_, index) => index),
      "int32",
      end - start,
    );
  }
}

/**
 * Copies rows of a column into a block, and refuses NaN and infinity: one of them would spoil every weight.
 * @param first number of the first row in its data, for the message.
 * @param count how many rows there must be.
 * @throws {TensorError} `data`.
 */
export function writeChecked(
  where: string,
  { label, data: { dtype, shape } }: Column,
  rows: TensorData,
  block: Block,
  first: number,
  count: number,
): void {
  const machine = engine();
  machine.write(block.address, rows, dtype, count * sizeOf(shape.slice(1)));
  const position = dtype === "float32" ? machine.firstNonFinite(block.address, rows.length) : -1;
  check(position < 0, "data", () => ({
    where: `${where}: ${label}`,
    expected: "finite numbers",
    received: `${rows[position]} in sample ${first + Math.floor(position / sizeOf(shape.slice(1)))}`,
    remedy: "Remove or replace missing values first.",
  }));
}

/** Name of the program's input that holds the order of the rows. */
export const orderName = "order";

/** Bytes of one row of `data`. */
export function bytesOfRow(data: Tensor): number {
  return sizeOf(data.shape.slice(1)) * elementBytes[data.dtype];
}

/** Checks that all columns have the same number of rows. @throws {TensorError} `shape` or `data`. */
export function commonRows(where: string, columns: readonly Column[]): number {
  const rows = columns[0]?.data.shape[0] ?? 0;
  for (const { label, data } of columns)
    check(data.shape.length > 0 && data.shape[0] === rows, "shape", () => ({
      where,
      expected: `${rows} samples in ${label}, as in ${columns[0]?.label}`,
      received: data.shape.length === 0 ? "a single number" : `${data.shape[0]}`,
      remedy: "Give as many of each, one for each sample.",
    }));
  check(rows > 0, "data", () => ({
    where,
    expected: "at least one sample",
    received: "none",
    remedy: "The data are empty.",
  }));
  return rows;
}
