// Where do elements come from: arrays, a function, other datasets?

import { datasetTag, hasTag } from "../brands.ts";
import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { isRecord, sizeOf, Tensor, type TensorLike, tensor } from "../tensor.ts";
import { Dataset } from "./dataset.ts";

/** Data for one port of a model, or for each by name. */
export type Arrays = TensorLike | Readonly<Record<string, TensorLike>>;
/** One row of {@link Arrays}. */
export type RowOf<A> = A extends TensorLike ? Tensor : { readonly [K in keyof A]: Tensor };

/**
 * The samples of arrays [samples, ...], one by one: x, or [x, y] and [x, y, sampleWeight] as `fit` takes them. Rows share
 * the memory of the arrays.
 * @throws {TensorError} `shape` when they have not as many samples each.
 */
export function fromArrays<A extends Arrays>(x: A): Dataset<RowOf<A>>;
export function fromArrays<A extends Arrays, B extends Arrays>(x: A, y: B): Dataset<readonly [RowOf<A>, RowOf<B>]>;
export function fromArrays<A extends Arrays, B extends Arrays, C extends Arrays>(
  x: A,
  y: B,
  sampleWeight: C,
): Dataset<readonly [RowOf<A>, RowOf<B>, RowOf<C>]>;
export function fromArrays(...given: readonly Arrays[]): Dataset<unknown> {
  let samples: number | undefined;
  const rowsOf = (where: string, data: TensorLike): ((row: number) => Tensor) => {
    const value = tensor(data);
    const [count, ...shape] = value.shape;
    samples ??= count;
    check(count !== undefined && count === samples, "shape", () => ({
      where,
      expected: samples === undefined ? "samples along a first axis" : `${samples} samples, as in x`,
      received: count === undefined ? "a single number" : String(count),
    }));
    const stride = sizeOf(shape);
    return (row) => Tensor.of(value.data.subarray(row * stride, (row + 1) * stride), shape, value.dtype);
  };
  const readers = given.map((data, index): ((row: number) => unknown) => {
    const where = `fromArrays: ${["x", "y", "sampleWeight"][index]}`;
    if (!isRecord(data)) return rowsOf(where, data);
    const fields = Object.entries(data).map(([name, value]) => [name, rowsOf(`${where}.${name}`, value)] as const);
    return (row) => Object.fromEntries(fields.map(([name, read]) => [name, read(row)]));
  });
  const count = samples ?? 0;
  const [only] = readers;
  const read = readers.length === 1 ? only : (row: number) => readers.map((each) => each(row));
  return new Dataset<unknown>(async function* () {
    for (let row = 0; row < count; row++) yield read?.(row);
  }, count);
}

/** What {@link generator} may be told. */
export interface GeneratorOptions {
  /** Elements of a pass, if it is known: Infinity when they never end. Default unknown. */
  readonly size?: number;
}

/**
 * The elements that a function makes, anew for each pass: `generator(function* () { yield … })`, an async generator, or a
 * function that returns a list.
 * @param make gets the number of the pass, from 0; what it draws at random should be a function of that.
 */
export function generator<T>(
  make: (pass: number) => Iterable<T> | AsyncIterable<T> | Promise<Iterable<T> | AsyncIterable<T>>,
  options: GeneratorOptions = {},
): Dataset<T> {
  check(typeof make === "function", "option", () => ({
    where: "generator",
    expected: "a function that returns what can be iterated",
    received: show(make),
    remedy: "An iterator can be used only once: give the function that makes it.",
  }));
  checkOptionNames("generator", options, ["size"]);
  const { size } = options;
  check(
    size === undefined || size === Number.POSITIVE_INFINITY || (Number.isSafeInteger(size) && size >= 0),
    "option",
    () => ({
      where: "generator.size",
      expected: "an integer ≥ 0 or Infinity",
      received: show(size),
    }),
  );
  return new Dataset<T>(async function* (pass) {
    const made = await make(pass);
    check(isIterable(made), "option", () => ({
      where: "generator",
      expected: "a function that returns what can be iterated",
      received: `one that returns ${show(made)}`,
    }));
    yield* made;
  }, size);
}

/** What the elements of zipped datasets are. */
export type Zipped<D> = { readonly [K in keyof D]: D[K] extends Dataset<infer T> ? T : never };

/** Elements of several datasets side by side, in a list or under names; it ends with the shortest of them. */
export function zip<const D extends readonly Dataset<unknown>[] | Readonly<Record<string, Dataset<unknown>>>>(
  datasets: D,
): Dataset<Zipped<D>> {
  check(typeof datasets === "object" && datasets !== null, "option", () => ({
    where: "zip",
    expected: "datasets, in a list or under names",
    received: show(datasets),
  }));
  const names = Object.keys(datasets);
  const parts = Object.values(datasets) as Dataset<unknown>[];
  check(parts.length > 0 && parts.every((part) => hasTag(part, datasetTag)), "option", () => ({
    where: "zip",
    expected: "datasets, in a list or under names",
    received: show(datasets),
  }));
  const sizes = parts.map(({ size }) => size);
  const size = sizes.every((each) => each !== undefined) ? Math.min(...(sizes as number[])) : undefined;
  return new Dataset<Zipped<D>>(async function* (pass) {
    const iterators = parts.map((part) => part.open(pass));
    try {
      for (;;) {
        const results = await Promise.all(iterators.map((each) => each.next()));
        if (results.some(({ done }) => done === true)) return;
        const values = results.map(({ value }) => value as unknown);
        yield (
          Array.isArray(datasets) ? values : Object.fromEntries(values.map((value, index) => [names[index], value]))
        ) as Zipped<D>;
      }
    } finally {
      await Promise.all(iterators.map((each) => each.return?.()));
    }
  }, size);
}

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}
