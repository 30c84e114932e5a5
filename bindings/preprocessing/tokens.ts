// Which tokens do nested lists hold, and in which shape?

import { check, show } from "../errors.ts";
import { checkShape, mostAxes, type NumericArray, type Shape, sizeOf, Tensor, tensor } from "../tensor.ts";

/** What is looked up or hashed. */
export type Token = string | number;
/** One value, or lists of any depth. */
export type Nested<T> = T | readonly Nested<T>[];
/** Strings: one, or lists of any depth, all of one length where they have to become a tensor. */
export type NestedStrings = Nested<string>;
/** Whole numbers: one, lists of any depth, typed arrays, tensors. */
export type NestedIntegers = number | NumericArray | Tensor | readonly NestedIntegers[];
/** What a token is. */
export interface TokenRule<T> {
  /** As a message says it. */
  readonly expected: string;
  readonly allows: (value: unknown) => value is T;
}

/** Any string. */
export const strings: TokenRule<string> = {
  expected: "a string",
  allows: (value) => typeof value === "string",
};

/** Whole numbers that a JavaScript number holds exactly: up to 2⁵³, not all of Keras' int64. */
export const integers: TokenRule<number> = {
  expected: "an integer between −2⁵³ and 2⁵³",
  allows: (value): value is number => Number.isSafeInteger(value),
};

/** `value`, known to be a token. @throws {TensorError} `data` when it is none. */
function read<T>(rule: TokenRule<T>, where: () => string, value: unknown): T {
  check(rule.allows(value), "data", () => ({ where: where(), expected: rule.expected, received: show(value) }));
  return value;
}

/** Tensors and typed arrays as ordinary lists. */
export function opened(data: unknown): unknown {
  if (data instanceof Tensor) return tensor(data).array();
  return ArrayBuffer.isView(data) && !(data instanceof DataView) ? Array.from(data as NumericArray) : data;
}

/** `where[1, 2]`: the place of an element in lists of `shape`. */
export function placeOf(where: string, shape: Shape, position: number): string {
  const places = shape.map((length, axis) => Math.floor(position / sizeOf(shape.slice(axis + 1))) % length);
  return places.length === 0 ? where : `${where}[${places.join(", ")}]`;
}

/**
 * The tokens in `data`, row by row, and the lengths of its lists.
 * @throws {TensorError} `shape` when lists beside each other have different lengths, `data` for what is no token.
 */
export function flatten<T>(
  where: string,
  data: unknown,
  rule: TokenRule<T>,
): { readonly values: readonly T[]; readonly shape: Shape } {
  const outermost = opened(data);
  const shape: number[] = [];
  for (let level = outermost; Array.isArray(level); level = opened(level[0])) {
    shape.push(level.length);
    checkShape(where, shape);
  }
  const values: T[] = [];
  const fill = (given: unknown, axis: number): void => {
    const item = opened(given);
    if (axis === shape.length) {
      values.push(read(rule, () => placeOf(where, shape, values.length), item));
      return;
    }
    check(Array.isArray(item) && item.length === shape[axis], "shape", () => ({
      where,
      expected: `${shape[axis]} entries in every list of axis ${axis}`,
      received: Array.isArray(item) ? `${item.length}` : show(item),
      remedy: "Fill short lists up, with the mask token for example.",
    }));
    for (const each of item) fill(each, axis + 1);
  };
  fill(outermost, 0);
  return { values, shape };
}

/** Lists of `shape` that hold `values`: the inverse of {@link flatten}. */
export function nest<T>(values: readonly T[], shape: Shape): Nested<T> {
  let position = 0;
  const build = (axis: number): Nested<T> =>
    axis === shape.length ? (values[position++] as T) : Array.from({ length: shape[axis] ?? 0 }, () => build(axis + 1));
  return build(0);
}

/** The innermost lists in `data`, however long each is; a token that stands beside lists is a list of its own. */
export function* documentsIn<T>(where: string, data: unknown, rule: TokenRule<T>, depth = 0): Generator<readonly T[]> {
  check(depth <= mostAxes, "shape", () => ({
    where,
    expected: `at most ${mostAxes} lists in each other`,
    received: "more, or one that holds itself",
  }));
  const item = opened(data);
  const take = (value: unknown): T => read(rule, () => where, value);
  if (!Array.isArray(item)) yield [take(item)];
  else if (item.some((each) => typeof each === "object" && each !== null))
    for (const each of item) yield* documentsIn(where, each, rule, depth + 1);
  else yield item.map(take);
}
