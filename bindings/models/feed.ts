// How do the data of a run reach the machine: in which order, and how much of them at a time?

import { engine } from "../engine.ts";
import { check, TensorError } from "../errors.ts";
import type { Block } from "../heap.ts";
import { elementBytes, sizeOf, type Tensor } from "../tensor.ts";

/** One array of a run, and the name of the program's input that it feeds. */
export interface Column {
  readonly name: string;
  /** What users call it. */
  readonly label: string;
  readonly data: Tensor;
}

/** Data up to this many bytes are copied into WebAssembly memory at once; more goes through in windows. */
const residentBytes = 1 << 30;

/**
 * The rows of some columns in WebAssembly memory, and the order in which a program takes them. While all data fit they
 * are copied once and only the order changes; otherwise windows of rows, already in order, are copied one by one.
 */
export class Feed {
  readonly columns: readonly Column[];
  readonly rows: number;
  /** Rows that are in memory at a time. */
  readonly window: number;
  /** The block of each column, and that of the order (int32). */
  readonly blocks: ReadonlyMap<string, Block>;
  private readonly order: Int32Array;
  private windowStart = -1;

  /** @throws {TensorError} `data` when float32 data hold NaN or infinity, `memory` when there is no room. */
  constructor(
    where: string,
    columns: readonly Column[],
    rows: number,
    multiple: number,
    limit: number = residentBytes,
  ) {
    this.columns = columns;
    this.rows = rows;
    const rowBytes = columns.reduce((bytes, { data }) => bytes + bytesOfRow(data), 0);
    const fitting = Math.floor(limit / Math.max(1, rowBytes));
    this.window = fitting >= rows ? rows : Math.max(multiple, Math.floor(fitting / multiple) * multiple);
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

  /** Copies a column, window by window, and refuses NaN and infinity: one of them would spoil every weight. */
  private copyAndCheck(where: string, { label, data }: Column, block: Block): void {
    const machine = engine();
    const stride = sizeOf(data.shape.slice(1));
    for (let start = 0; start < this.rows; start += this.window) {
      const part = data.data.subarray(start * stride, Math.min(this.rows, start + this.window) * stride);
      machine.write(block.address, part);
      const position = data.dtype === "float32" ? machine.firstNonFinite(block.address, part.length) : -1;
      if (position >= 0)
        throw new TensorError("data", {
          where: `${where}: ${label}`,
          expected: "finite numbers",
          received: `${part[position]} in sample ${start + Math.floor(position / stride)}`,
          remedy: "Remove or replace missing values first.",
        });
    }
  }

  private get resident(): boolean {
    return this.window === this.rows;
  }

  /** Sets the order of the next pass: shuffled by (seed, epoch), or as given. */
  arrange(shuffle: { readonly seed: number; readonly epoch: number } | undefined): void {
    const machine = engine();
    this.windowStart = -1;
    if (shuffle === undefined) for (let index = 0; index < this.rows; index++) this.order[index] = index;
    else {
      const block = this.resident
        ? (this.blocks.get(orderName) as Block)
        : machine.allocate(this.rows * 4, "shuffling");
      machine.permute(block.address, this.rows, shuffle.seed, shuffle.epoch);
      this.order.set(machine.readTensor(block.address, [this.rows], "int32").data as Int32Array);
      if (!this.resident) machine.release(block);
    }
  }

  /**
   * Makes row `position` of the order available.
   * @returns where it is in the window, and how many rows from there on are.
   */
  moveTo(position: number): { readonly cursor: number; readonly available: number } {
    const start = Math.floor(position / this.window) * this.window;
    const end = Math.min(this.rows, start + this.window);
    if (start !== this.windowStart) {
      this.fill(start, end);
      this.windowStart = start;
    }
    return { cursor: position - start, available: end - position };
  }

  /** Gives the memory back. */
  release(): void {
    for (const block of this.blocks.values()) engine().release(block);
  }

  private fill(start: number, end: number): void {
    const machine = engine();
    const order = this.blocks.get(orderName) as Block;
    if (this.resident) {
      machine.write(order.address, this.order);
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
        );
      }
    }
    machine.write(
      order.address,
      Int32Array.from({ length: end - start }, (_, index) => index),
    );
  }
}

/** Name of the program's input that holds the order of the rows. */
export const orderName = "order";

function bytesOfRow(data: Tensor): number {
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
