// What should the random numbers be? Philox4x32-10 once more, written apart from the machine's.

/** High and low word of the product of two 32-bit numbers, by 16-bit halves. */
function multiplyWide(a: number, b: number): [high: number, low: number] {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  const high = aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536);
  return [high >>> 0, Math.imul(a, b) >>> 0];
}

/** The four words of `counter` under `key` (Salmon, Moraes, Dror, Shaw, 2011, section 3.3). */
export function philox(counter: readonly number[], key: readonly [number, number]): number[] {
  let [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = counter.map((word) => word >>> 0);
  let [k0, k1] = key.map((word) => word >>> 0) as [number, number];
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiplyWide(0xd2511f53, c0);
    const [high1, low1] = multiplyWide(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Element `index` of a stream: word index mod 4 of counter (⌊index / 4⌋, step, 0, 0) under key (seed, stream), in [0, 1). */
export function uniformElement(index: number, seed: number, stream: number, step: number): number {
  return ((philox([index >>> 2, step, 0, 0], [seed, stream])[index & 3] as number) >>> 8) * 2 ** -24;
}
