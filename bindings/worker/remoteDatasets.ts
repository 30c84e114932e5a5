// How does a worker read a dataset of its owner? It asks for a few batches ahead, so that none has to be waited for.

import { Dataset } from "../data/dataset.ts";
import type { DatasetAnswer, DatasetRequest, SentDataset, SentElement } from "./messages.ts";
import { unpack } from "./parcel.ts";

/** Batches that are on their way or wait here while one is trained on. */
const ahead = 2;

/** Thrown where a pass has failed; the owner knows the error. */
export class ReadingFailed {
  readonly reading: number;

  constructor(reading: number) {
    this.reading = reading;
  }
}

/** The datasets that one call was lent, and the passes over them. */
export class RemoteDatasets {
  private readonly ask: (reading: number, request: DatasetRequest) => void;
  private readonly readings: RemoteReading[] = [];

  constructor(ask: (reading: number, request: DatasetRequest) => void) {
    this.ask = ask;
  }

  /** The dataset: its batches are those of the owner's, pass by pass. */
  dataset({ source, size }: SentDataset): Dataset<unknown> {
    const open = (pass: number): AsyncIterator<unknown> => {
      const number = this.readings.length;
      const reading = new RemoteReading(number, (request) => this.ask(number, request));
      this.readings.push(reading);
      this.ask(number, { name: "open", source, pass, ahead });
      return reading;
    };
    return new Dataset<unknown>((pass) => ({ [Symbol.asyncIterator]: () => open(pass) }), size);
  }

  /** Takes what the owner says of a pass. */
  hear(reading: number, answer: DatasetAnswer): void {
    this.readings[reading]?.hear(answer);
  }
}

/** One pass over a dataset of the owner. */
class RemoteReading implements AsyncIterator<unknown> {
  private readonly number: number;
  private readonly ask: (request: DatasetRequest) => void;
  private readonly elements: SentElement[] = [];
  /** Why no more elements come. */
  private outcome: "end" | "failed" | undefined;
  private closed: { readonly failed: boolean } | undefined;
  private wake = (): void => {};

  constructor(number: number, ask: (request: DatasetRequest) => void) {
    this.number = number;
    this.ask = ask;
  }

  hear(answer: DatasetAnswer): void {
    if (answer.name === "element") this.elements.push(answer.element);
    else if (answer.name === "closed") this.closed = answer;
    else this.outcome = answer.name;
    this.wake();
  }

  async next(): Promise<IteratorResult<unknown>> {
    while (this.elements.length === 0 && this.outcome === undefined) await this.news();
    const element = this.elements.shift();
    if (element !== undefined) {
      this.ask({ name: "more" });
      return { done: false, value: "kind" in element ? unpack(element) : element.map(unpack) };
    }
    if (this.outcome === "failed") throw new ReadingFailed(this.number);
    return { done: true, value: undefined };
  }

  /** Ends the pass at the owner's, which closes what it reads. */
  async return(): Promise<IteratorResult<unknown>> {
    this.ask({ name: "close" });
    while (this.closed === undefined) await this.news();
    if (this.closed.failed) throw new ReadingFailed(this.number);
    return { done: true, value: undefined };
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
