// What is a dataset? Elements that come one after the other when they are asked for, as often as one likes.

import { datasetTag } from "../brands.ts";
import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { derivedSeed, nextSeed } from "../seed.ts";
import { prefetched } from "./prefetch.ts";
import { shuffled } from "./shuffle.ts";
import { type Batched, stack } from "./stack.ts";

/** The elements of one pass. `pass` is its number, from 0: it decides what is random in it. */
export type Source<T> = (pass: number) => AsyncIterable<T>;

/**
 * A lazy sequence of elements: nothing is read or computed before it is asked for, and never more than that, but for
 * `prefetch`. Each pass over it begins anew. All functions return another dataset and leave this one as it is.
 */
export class Dataset<T> implements AsyncIterable<T> {
  /** Elements of a pass: Infinity when they never end, undefined when only the end will tell. */
  readonly size: number | undefined;
  private readonly source: Source<T>;
  private passes = 0;

  constructor(source: Source<T>, size: number | undefined) {
    this.source = source;
    this.size = size;
  }

  /** Entries of the package that are built apart have a class each: datasets are known by this. */
  get [Symbol.toStringTag](): string {
    return datasetTag;
  }

  /** The elements of pass number `pass`. */
  open(pass: number): AsyncIterator<T> {
    return this.source(pass)[Symbol.asyncIterator]();
  }

  /** The elements of the next pass: `for await (const element of dataset)`. */
  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.open(this.passes++);
  }

  /** `change` of each element, waited for if it is a promise. Lists keep their length in the type: `[x, y]` is a pair. */
  map<const U>(change: (element: T, index: number) => U | Promise<U>): Dataset<U> {
    checkFunction("map", change);
    const { source } = this;
    return new Dataset<U>(async function* (pass) {
      let index = 0;
      for await (const element of source(pass)) yield await change(element, index++);
    }, this.size);
  }

  /** The elements for which `keep` is true. */
  filter<S extends T>(keep: (element: T, index: number) => element is S): Dataset<S>;
  filter(keep: (element: T, index: number) => boolean | Promise<boolean>): Dataset<T>;
  filter(keep: (element: T, index: number) => boolean | Promise<boolean>): Dataset<T> {
    checkFunction("filter", keep);
    const { source } = this;
    return new Dataset<T>(async function* (pass) {
      let index = 0;
      for await (const element of source(pass)) if (await keep(element, index++)) yield element;
    }, undefined);
  }

  /**
   * `size` elements at a time as one, each number, tensor or typed array in them stacked along a new first axis; the last
   * batch may be smaller. Elements are a single value, a record of values, or a list of both, such as [x, y].
   * @param options `dropRemainder` leaves a smaller last batch out. Default false.
   * @throws {TensorError} `shape` or `dtype`, while it is read, for elements that are not alike or hold text.
   */
  batch(size: number, options: { readonly dropRemainder?: boolean } = {}): Dataset<Batched<T>> {
    checkCount("batch", size, 1);
    checkOptionNames("dataset.batch", options, ["dropRemainder"]);
    const { dropRemainder = false } = options;
    check(typeof dropRemainder === "boolean", "option", () => ({
      where: "dataset.batch.dropRemainder",
      expected: "true or false",
      received: show(dropRemainder),
    }));
    const { source } = this;
    const whole = dropRemainder ? Math.floor : Math.ceil;
    return new Dataset<Batched<T>>(
      async function* (pass) {
        let elements: T[] = [];
        let first = 0;
        for await (const element of source(pass)) {
          elements.push(element);
          if (elements.length < size) continue;
          yield stack(elements, first);
          first += size;
          elements = [];
        }
        if (elements.length > 0 && !dropRemainder) yield stack(elements, first);
      },
      this.size === undefined ? undefined : whole(this.size / size),
    );
  }

  /**
   * Another order in each pass: each element is drawn from the next `buffer` ones that wait. Only as large a buffer as the
   * data shuffles them evenly.
   * @param seed an integer; the order is a function of it and of the number of the pass, the same in every runtime.
   *   Default: drawn now, a function of `setSeed`.
   */
  shuffle(buffer: number, seed: number = nextSeed()): Dataset<T> {
    checkCount("shuffle", buffer, 1);
    checkSeed("shuffle", seed);
    const { source } = this;
    return new Dataset<T>((pass) => shuffled(source(pass), buffer, derivedSeed(seed, pass)), this.size);
  }

  /** The elements `count` times, one pass after the other; without end by default. */
  repeat(count: number = Number.POSITIVE_INFINITY): Dataset<T> {
    if (count !== Number.POSITIVE_INFINITY) checkCount("repeat", count, 0);
    const { source } = this;
    const size =
      count === 0 || this.size === 0
        ? 0
        : this.size === undefined && count !== Number.POSITIVE_INFINITY
          ? undefined
          : (this.size ?? 1) * count;
    return new Dataset<T>(async function* (pass) {
      for (let round = 0; round < count; round++) {
        let any = false;
        // Each round is a pass of its own, so that it has another order.
        for await (const element of source(round === 0 ? pass : derivedSeed(pass, round))) {
          any = true;
          yield element;
        }
        if (!any) return;
      }
    }, size);
  }

  /** The first `count` elements. */
  take(count: number): Dataset<T> {
    checkCount("take", count, 0);
    const { source } = this;
    return new Dataset<T>(
      async function* (pass) {
        let left = count;
        if (left === 0) return;
        for await (const element of source(pass)) {
          yield element;
          if (--left === 0) return;
        }
      },
      count === 0 ? 0 : this.size === undefined ? undefined : Math.min(count, this.size),
    );
  }

  /** All but the first `count` elements. */
  skip(count: number): Dataset<T> {
    checkCount("skip", count, 0);
    const { source } = this;
    return new Dataset<T>(
      async function* (pass) {
        let left = count;
        for await (const element of source(pass)) if (left-- <= 0) yield element;
      },
      this.size === undefined ? undefined : Math.max(0, this.size - count),
    );
  }

  /**
   * Asks for up to `count` elements before they are wanted, so that reading goes on while a model computes.
   * @param count from 1 to 65,536: so many are in memory at once.
   */
  prefetch(count: number): Dataset<T> {
    checkCount("prefetch", count, 1, mostAhead);
    const { source } = this;
    return new Dataset<T>((pass) => prefetched(source(pass), count), this.size);
  }

  /** Calls `use` with each element of the next pass, one after the other. */
  async forEach(use: (element: T, index: number) => unknown): Promise<void> {
    checkFunction("forEach", use);
    let index = 0;
    for await (const element of this) await use(element, index++);
  }

  /** All elements of the next pass. @throws {TensorError} `option` when they never end. */
  async toArray(): Promise<T[]> {
    check(this.size !== Number.POSITIVE_INFINITY, "option", () => ({
      where: "dataset.toArray",
      expected: "elements that come to an end",
      received: "an endless dataset",
      remedy: "Use take(n) first.",
    }));
    const elements: T[] = [];
    for await (const element of this) elements.push(element);
    return elements;
  }
}

/** @throws {TensorError} `option` unless `value` is an integer. */
export function checkSeed(where: string, value: unknown): void {
  check(Number.isSafeInteger(value), "option", () => ({
    where: `dataset.${where}`,
    expected: "an integer as the seed",
    received: show(value),
  }));
}

/** Most elements that are asked for ahead. */
const mostAhead = 65_536;

function checkCount(where: string, value: unknown, low: number, high = Number.MAX_SAFE_INTEGER): void {
  check(Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high, "option", () => ({
    where: `dataset.${where}`,
    expected: `an integer ${high === Number.MAX_SAFE_INTEGER ? `≥ ${low}` : `from ${low} to ${high}`}`,
    received: show(value),
  }));
}

function checkFunction(where: string, value: unknown): void {
  check(typeof value === "function", "option", () => ({
    where: `dataset.${where}`,
    expected: "a function",
    received: show(value),
  }));
}
