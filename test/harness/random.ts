// Which numbers do the tests compute with? Seeded ones, float32 exactly, the same in every run.

import { sizeOf, type Tensor, tensor } from "../../bindings/tensor.ts";

/** A source of numbers in [0, 1), a function of `seed` alone (mulberry32: Ettinger, 2017). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number that depends on all of `text`: seeds of cases that nobody numbers. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) as number), 0x01000193);
  return hash >>> 0;
}

/** Which numbers an input takes. */
export interface Range {
  readonly low: number;
  readonly high: number;
  /** Points that are kept at a distance of `margin`: kinks and poles. */
  readonly avoid?: readonly number[];
  readonly margin?: number;
}

/** `count` float32 numbers of `range`. */
export function floats(
  next: () => number,
  count: number,
  { low, high, avoid = [], margin = 0.05 }: Range,
): Float32Array {
  return Float32Array.from({ length: count }, () => {
    for (;;) {
      const value = low + (high - low) * next();
      if (avoid.every((point) => Math.abs(value - point) >= margin)) return value;
    }
  });
}

/** `count` integers from low to high, both included. */
export function integers(next: () => number, count: number, { low, high }: Range): Int32Array {
  return Int32Array.from({ length: count }, () => Math.floor(low + (high - low + 1) * next()));
}

/** `count` different multiples of `gap` around 0 in random order: no two are equal or close. */
export function distinct(next: () => number, count: number, gap: number = 1 / 16): Float32Array {
  const values = Float32Array.from({ length: count }, (_, index) => (index - Math.floor(count / 2)) * gap);
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(next() * (index + 1));
    [values[index], values[other]] = [values[other] as number, values[index] as number];
  }
  return values;
}

/** A tensor of float32 numbers from −1 to 1. */
export function randomTensor(next: () => number, shape: readonly number[]): Tensor {
  return tensor(floats(next, sizeOf(shape), { low: -1, high: 1 }), shape);
}
