// In which order do shuffled elements come? Integer arithmetic alone decides it, so it is the same everywhere.

/**
 * The elements of `source`, each drawn evenly from up to `buffer` that wait: a function of `seed` alone, whatever the
 * runtime.
 */
export async function* shuffled<T>(source: AsyncIterable<T>, buffer: number, seed: number): AsyncGenerator<T> {
  const below = drawer(seed);
  const waiting: T[] = [];
  for await (const element of source) {
    if (waiting.length < buffer) {
      waiting.push(element);
      continue;
    }
    const index = below(waiting.length);
    yield waiting[index] as T;
    waiting[index] = element;
  }
  while (waiting.length > 0) {
    const index = below(waiting.length);
    const drawn = waiting[index] as T;
    const last = waiting.pop() as T;
    if (index < waiting.length) waiting[index] = last;
    yield drawn;
  }
}

/** Draws integers evenly from [0, count): xoshiro128++ (Blackman & Vigna, 2021), without the bias of a remainder. */
function drawer(seed: number): (count: number) => number {
  const state = new Uint32Array(4);
  // SplitMix-like filling: no two words alike, so never all zero.
  for (let index = 0, word = seed | 0; index < 4; index++) {
    word = (word + 0x9e3779b9) | 0;
    let bits = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    state[index] = bits ^ (bits >>> 16);
  }
  const next = (): number => {
    let [a, b, c, d] = state as unknown as [number, number, number, number];
    const sum = (a + d) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + a) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    state.set([a, b, c, d]);
    return result;
  };
  return (count) => {
    const rest = 2 ** 32 % count;
    let drawn = next();
    while (drawn >= 2 ** 32 - rest) drawn = next();
    return drawn % count;
  };
}
