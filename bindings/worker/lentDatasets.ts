// How do datasets of this side reach the worker? Batch by batch, when it asks for them: their functions cannot be sent.

import type { Dataset } from "../data/dataset.ts";
import type { DatasetAnswer, DatasetRequest, SentElement } from "./messages.ts";
import { unsendable } from "./parcel.ts";

/** A dataset, and how one of its elements is packed. */
export interface LentDataset {
  readonly where: string;
  readonly dataset: Dataset<unknown>;
  readonly pack: (element: unknown) => Promise<PackedElement>;
}

/** An element, ready to be sent. */
export interface PackedElement {
  readonly element: SentElement;
  readonly transfer: Iterable<ArrayBuffer>;
}

/** Sends an answer about a pass. */
type Answer = (reading: number, answer: DatasetAnswer, transfer?: Iterable<ArrayBuffer>) => void;

/** The datasets of one call, and the passes over them. */
export class LentDatasets {
  private readonly datasets: readonly LentDataset[];
  private readonly answer: Answer;
  private readonly readings = new Map<number, Reading>();

  constructor(datasets: readonly LentDataset[], answer: Answer) {
    this.datasets = datasets;
    this.answer = answer;
  }

  /** Does what the worker asks. @returns whether it may ask that. */
  hear(number: number, request: DatasetRequest): boolean {
    const reading = this.readings.get(number);
    if (request.name === "close") void reading?.close();
    if (request.name !== "open") return reading !== undefined && (request.name === "close" || reading.ask(1));
    const lent = this.datasets[request.source];
    if (lent === undefined || reading !== undefined) return false;
    const { pass, ahead } = request;
    const opened = new Reading(lent, { pass, ahead }, (answer, transfer) => this.answer(number, answer, transfer));
    this.readings.set(number, opened);
    return opened.ask(ahead);
  }

  /** Whether pass `number` has failed. */
  failed(number: number): boolean {
    return this.readings.get(number)?.failed === true;
  }

  /** What pass `number` has failed with. */
  failureOf(number: number): unknown {
    return this.readings.get(number)?.failure;
  }

  /** Ends all passes: the call is over, or the worker. */
  close(): void {
    for (const reading of this.readings.values()) void reading.close();
  }
}

/** One pass. Its elements are made one after the other, and only as many as were asked for. */
class Reading {
  failure: unknown;
  failed = false;
  private readonly lent: LentDataset;
  private readonly pass: number;
  /** Most elements that may be asked for and not sent yet. */
  private readonly ahead: number;
  private iterator: AsyncIterator<unknown> | undefined;
  private readonly answer: (answer: DatasetAnswer, transfer?: Iterable<ArrayBuffer>) => void;
  private wanted = 0;
  private busy = false;
  /** Whether nothing more is sent: it has ended, failed, or was closed. */
  private ended = false;
  private closed = false;

  constructor(
    lent: LentDataset,
    { pass, ahead }: { readonly pass: number; readonly ahead: number },
    answer: Reading["answer"],
  ) {
    this.lent = lent;
    this.pass = pass;
    this.ahead = ahead;
    this.answer = answer;
  }

  /** Makes `count` elements more. @returns whether these are not more than may be on their way. */
  ask(count: number): boolean {
    this.wanted += count;
    if (this.wanted > this.ahead) return false;
    if (!this.busy) void this.make();
    return true;
  }

  /** Ends the iterator, so that files and streams are closed, and says so. */
  async close(): Promise<void> {
    if (this.closed) return;
    [this.closed, this.ended] = [true, true];
    try {
      await this.iterator?.return?.();
      this.answer({ name: "closed", failed: false });
    } catch (cause) {
      [this.failed, this.failure] = [true, cause];
      this.answer({ name: "closed", failed: true });
    }
  }

  private async make(): Promise<void> {
    this.busy = true;
    try {
      this.iterator ??= this.lent.dataset.open(this.pass);
      while (this.wanted > 0 && !this.ended) {
        this.wanted--;
        const result = await this.iterator.next();
        if (this.ended) return;
        if (result.done === true) {
          this.ended = true;
          this.answer({ name: "end" });
          return;
        }
        const { element, transfer } = await this.lent.pack(result.value);
        // Closed meanwhile: nobody waits for it.
        if (!this.ended) this.send(element, transfer);
      }
    } catch (cause) {
      if (this.ended) return;
      [this.ended, this.failed, this.failure] = [true, true, cause];
      this.answer({ name: "failed" });
    } finally {
      this.busy = false;
    }
  }

  private send(element: SentElement, transfer: Iterable<ArrayBuffer>): void {
    try {
      this.answer({ name: "element", element }, transfer);
    } catch (cause) {
      throw unsendable(this.lent.where, cause);
    }
  }
}
