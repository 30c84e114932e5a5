// Which numbers do all engines get? The same ones in every run: a 32-bit counter, mixed (splitmix32).

/**
 * `length` numbers, uniform in [low, high).
 *
 * @returns {Float32Array}
 */
export function uniform(length, low, high, seed) {
  const values = new Float32Array(length);
  let state = seed >>> 0;
  for (let index = 0; index < length; index++) {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    values[index] = low + ((mixed ^ (mixed >>> 15)) >>> 8) * 2 ** -24 * (high - low);
  }
  return values;
}

/**
 * The numbers 0 … length − 1 in a new random order.
 *
 * @returns {Uint32Array}
 */
export function permutation(length, seed) {
  const order = Uint32Array.from({ length }, (_, index) => index);
  const chance = uniform(length, 0, 1, seed);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(chance[last] * (last + 1));
    const kept = order[last];
    order[last] = order[other];
    order[other] = kept;
  }
  return order;
}
