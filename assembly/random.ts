// Which random bits belong to an element, whatever thread and in whatever order it is computed?

/** The two multipliers and the two key increments of Philox4x32 (Salmon, Moraes, Dror, Shaw 2011, section 3.3). */
const MULTIPLIER_0: u32 = 0xd2511f53;
const MULTIPLIER_1: u32 = 0xcd9e8d57;
const WEYL_0: u32 = 0x9e3779b9;
const WEYL_1: u32 = 0xbb67ae85;
const ROUNDS: i32 = 10;

/**
 * Philox4x32-10: the four words of counter (c0, c1, c2, c3) under key (k0, k1), word j in lane j.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).
 */
export function philox(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): v128 {
  for (let round = 0; round < ROUNDS; round++) {
    const product0 = <u64>c0 * <u64>MULTIPLIER_0;
    const product1 = <u64>c2 * <u64>MULTIPLIER_1;
    c0 = <u32>(product1 >> 32) ^ c1 ^ k0;
    c2 = <u32>(product0 >> 32) ^ c3 ^ k1;
    c1 = <u32>product1;
    c3 = <u32>product0;
    k0 += WEYL_0;
    k1 += WEYL_1;
  }
  const words = i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(c0), 1, c1), 2, c2);
  return i32x4.replace_lane(words, 3, c3);
}

/** word → (word >>> 8) · 2^-24, exact. */
function toUniform(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)), f32x4.splat(5.960464477539063e-8));
}

/**
 * Writes out[i − begin] = uniform number of element i in [0, 1), for i = begin … begin + count − 1.
 *
 * Element i is word i & 3 of Philox under counter (i >> 2, step, 0, 0) and key (seed, stream), as (word >>> 8) · 2^-24:
 * it depends on nothing else, so any cut of a range gives the same numbers. `begin` is a multiple of 4; exactly `count`
 * floats are written. Four counters advance at once, one in each lane; the tail takes them one by one.
 */
export function fillUniform(out: usize, begin: u32, count: u32, seed: u32, stream: u32, step: u32): void {
  let counter = begin >> 2;
  const end = out + ((<usize>count) << 2);
  const bodyEnd = out + ((<usize>(count & ~15)) << 2);
  const multiplier0 = i32x4.splat(MULTIPLIER_0);
  const multiplier1 = i32x4.splat(MULTIPLIER_1);
  while (out < bodyEnd) {
    let c0 = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
    let c1 = i32x4.splat(step);
    let c2 = i32x4.splat(0);
    let c3 = i32x4.splat(0);
    let k0 = seed;
    let k1 = stream;
    for (let round = 0; round < ROUNDS; round++) {
      const low0 = i64x2.extmul_low_i32x4_u(c0, multiplier0);
      const high0 = i64x2.extmul_high_i32x4_u(c0, multiplier0);
      const low1 = i64x2.extmul_low_i32x4_u(c2, multiplier1);
      const high1 = i64x2.extmul_high_i32x4_u(c2, multiplier1);
      c0 = v128.xor(v128.xor(v128.shuffle<i32>(low1, high1, 1, 3, 5, 7), c1), i32x4.splat(k0));
      c2 = v128.xor(v128.xor(v128.shuffle<i32>(low0, high0, 1, 3, 5, 7), c3), i32x4.splat(k1));
      c1 = v128.shuffle<i32>(low1, high1, 0, 2, 4, 6);
      c3 = v128.shuffle<i32>(low0, high0, 0, 2, 4, 6);
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    // Lane j of c0 … c3 holds the words of counter + j: transpose, so that a counter's words lie side by side.
    const pairs0 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
    const pairs1 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
    const pairs2 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
    const pairs3 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
    v128.store(out, toUniform(v128.shuffle<i64>(pairs0, pairs1, 0, 2)));
    v128.store(out, toUniform(v128.shuffle<i64>(pairs0, pairs1, 1, 3)), 16);
    v128.store(out, toUniform(v128.shuffle<i64>(pairs2, pairs3, 0, 2)), 32);
    v128.store(out, toUniform(v128.shuffle<i64>(pairs2, pairs3, 1, 3)), 48);
    counter += 4;
    out += 64;
  }
  while (out < end) {
    let values = toUniform(philox(counter++, step, 0, 0, seed, stream));
    const stop = min(out + 16, end);
    for (; out < stop; out += 4) {
      f32.store(out, f32x4.extract_lane(values, 0));
      values = v128.shuffle<i32>(values, values, 1, 2, 3, 0);
    }
  }
}

/**
 * Writes a uniformly drawn permutation of 0 … count − 1, as u32, to out.
 *
 * Fisher–Yates, inside out (Durstenfeld 1964): for i = 0 … count − 1 a j in [0, i], then out[i] = out[j], out[j] = i.
 * j is drawn without bias by multiplication and rejection (Lemire 2019) from the words of Philox under counters
 * (0, epoch, 1, 0), (1, epoch, 1, 0) … and key (seed, 0), apart from the counters of `fillUniform`.
 */
export function permute(out: usize, count: u32, seed: u32, epoch: u32): void {
  let words = i32x4.splat(0);
  let drawn: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const bound = i + 1;
    let product: u64 = 0;
    while (true) {
      if ((drawn & 3) == 0) words = philox(drawn >> 2, epoch, 1, 0, seed, 0);
      drawn++;
      product = <u64>(<u32>i32x4.extract_lane(words, 0)) * <u64>bound;
      words = v128.shuffle<i32>(words, words, 1, 2, 3, 0);
      // A low half under 2^32 mod bound would make its j too frequent; the division is only done when it can matter.
      const low = <u32>product;
      if (low >= bound || low >= (0 - bound) % bound) break;
    }
    const j = <u32>(product >> 32);
    store<u32>(out + ((<usize>i) << 2), load<u32>(out + ((<usize>j) << 2)));
    store<u32>(out + ((<usize>j) << 2), i);
  }
}
