// How do the batches of a dataset reach the machine? One at a time: what is not in memory need not fit there.

import { endIterator, untilAborted } from "../aborting.ts";
import type { Dataset } from "../data/dataset.ts";
import { engine } from "../engine.ts";
import { check, show } from "../errors.ts";
import type { Block } from "../heap.ts";
import { sameShape } from "../tensor.ts";
import type { DataLike } from "./data.ts";
import { bytesOfRow, type Column, commonRows, type Feed, orderName, type Portion, writeChecked } from "./feed.ts";
import type { SampleWeight } from "./sampleWeights.ts";

/** Checks one batch against the model. */
export type BatchReader = (x: DataLike, y: DataLike, sampleWeight: SampleWeight | undefined) => Column[];

/** The first batch of a dataset is known before anything is trained. */
export interface DatasetFeedOptions {
  /** The pass that will probably be the first. */
  readonly epoch: number;
  /** Begin every pass as this one, in the same order: for data that are only measured. */
  readonly samePass?: boolean;
  /** Ends waiting for a batch, and for the end of a pass. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes a feed of a dataset whose elements are [x, y] or [x, y, sampleWeight]. @throws {TensorError} what `read` throws. */
export async function feedDataset(
  where: string,
  dataset: Dataset<unknown>,
  read: BatchReader,
  options: DatasetFeedOptions,
): Promise<Feed> {
  const feed = new DatasetFeed(where, dataset, read, options);
  try {
    await feed.peek();
  } catch (error) {
    await feed.release();
    throw error;
  }
  return feed;
}

class DatasetFeed implements Feed {
  columns: readonly Column[] = [];
  window = 0;
  batchSize = 0;
  readonly blocks = new Map<string, Block>();
  private readonly where: string;
  private readonly dataset: Dataset<unknown>;
  private readonly read: BatchReader;
  private readonly options: DatasetFeedOptions;
  private iterator: AsyncIterator<unknown> | undefined;
  /** The pass that `iterator` goes through, and whether it still stands at the beginning, with `columns` the first batch. */
  private pass: number;
  private fresh = false;
  private samplesSeen = 0;
  private batchesSeen = 0;
  /** Counted in the last whole pass. */
  private counted: number | undefined;

  constructor(where: string, dataset: Dataset<unknown>, read: BatchReader, options: DatasetFeedOptions) {
    this.where = where;
    this.dataset = dataset;
    this.read = read;
    this.options = options;
    this.pass = options.epoch;
  }

  get samples(): undefined {
    return undefined;
  }

  get steps(): number | undefined {
    return this.dataset.size ?? this.counted;
  }

  /** Looks at the first batch. @throws {TensorError} `data` when there is none. */
  async peek(): Promise<void> {
    this.iterator = this.dataset.open(this.pass);
    const columns = await this.nextColumns();
    check(columns !== undefined, "data", () => ({
      where: this.where,
      expected: "at least one batch",
      received: "none",
      remedy: "The dataset is empty.",
    }));
    this.take(columns);
    this.fresh = true;
  }

  async start(epoch: number): Promise<void> {
    const pass = this.options.samePass === true ? this.options.epoch : epoch;
    if (this.fresh && pass === this.pass) return;
    await this.close();
    this.pass = pass;
    [this.samplesSeen, this.batchesSeen] = [0, 0];
    await this.peek();
  }

  async next(): Promise<Portion | undefined> {
    if (!this.fresh) {
      const columns = await this.nextColumns();
      if (columns === undefined) {
        this.counted = this.batchesSeen;
        return undefined;
      }
      this.take(columns);
    }
    this.fresh = false;
    const rows = this.columns[0]?.data.shape[0] as number;
    for (const column of this.columns)
      writeChecked(this.where, column, column.data.data, this.blocks.get(column.name) as Block, this.samplesSeen, rows);
    this.samplesSeen += rows;
    this.batchesSeen++;
    return { cursor: 0, batch: rows, steps: 1 };
  }

  async release(): Promise<void> {
    this.releaseBlocks();
    await this.close();
  }

  /** Ends the pass, so that files and streams are closed. */
  private async close(): Promise<void> {
    const { iterator } = this;
    this.iterator = undefined;
    this.fresh = false;
    if (iterator !== undefined) await endIterator(iterator, this.options.signal);
  }

  private async nextColumns(): Promise<Column[] | undefined> {
    const iterator = this.iterator as AsyncIterator<unknown>;
    const result = await untilAborted(this.options.signal, () => iterator.next());
    if (result.done === true) return undefined;
    checkBatch(this.where, result.value);
    const [x, y, weight] = result.value;
    const columns = this.read(x, y, weight);
    commonRows(this.where, columns);
    return columns;
  }

  /** Makes room for a batch; the columns must be those of the first one. */
  private take(columns: readonly Column[]): void {
    const { where } = this;
    if (this.columns.length > 0) {
      const kinds = (list: readonly Column[]): string =>
        list
          .map(({ label, data }) => `${label} ${data.dtype} [${["batch", ...data.shape.slice(1)].join(", ")}]`)
          .join(", ");
      const same =
        columns.length === this.columns.length &&
        columns.every(({ name, data }, index) => {
          const first = this.columns[index] as Column;
          return (
            name === first.name &&
            data.dtype === first.data.dtype &&
            sameShape(data.shape.slice(1), first.data.shape.slice(1))
          );
        });
      check(same, "shape", () => ({
        where: `${where}: batch ${this.batchesSeen}`,
        expected: kinds(this.columns),
        received: kinds(columns),
        remedy: "All batches must be alike, but for their number of samples.",
      }));
    }
    const rows = columns[0]?.data.shape[0] as number;
    this.columns = columns;
    if (rows <= this.window) return;
    if (this.window === 0) this.batchSize = rows;
    this.releaseBlocks();
    this.window = rows;
    const machine = engine();
    for (const { name, data } of columns)
      this.blocks.set(name, machine.allocate(rows * bytesOfRow(data), `${where}: ${name}`));
    const order = machine.allocate(rows * 4, `${where}: order`);
    this.blocks.set(orderName, order);
    machine.write(
      order.address,
      Int32Array.from({ length: rows }, (_, index) => index),
      "int32",
      rows,
    );
  }

  private releaseBlocks(): void {
    for (const block of this.blocks.values()) engine().release(block);
    this.blocks.clear();
    this.window = 0;
  }
}

/** @throws {TensorError} `data` unless `element` is a batch to train on or to measure. */
export function checkBatch(
  where: string,
  element: unknown,
): asserts element is readonly [DataLike, DataLike, SampleWeight?] {
  check(Array.isArray(element) && (element.length === 2 || element.length === 3), "data", () => ({
    where,
    expected: "batches [x, y] or [x, y, sampleWeight]",
    received: show(element),
    remedy: "Make them so with map: dataset.map(({ xs, ys }) => [xs, ys]).",
  }));
}
