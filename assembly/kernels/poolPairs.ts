// How is the most usual pooling done, the maximum of 2 × 2 cells that no other window holds?
//
// Eight channels at a time, all four cells at once; the same values and places as those of pool.ts.

import { Pool, PoolGradient } from "./pool";

/** Whether windows are 2 × 2, one beside the other, without margins, of eight channels or more. */
export function arePairs(it: Pool): bool {
  return (
    it.windowDepth == 1 &&
    it.windowHeight == 2 &&
    it.windowWidth == 2 &&
    it.strideDepth == 1 &&
    it.strideHeight == 2 &&
    it.strideWidth == 2 &&
    it.beforeDepth + it.beforeHeight + it.beforeWidth == 0 &&
    2 * it.outHeight <= it.height &&
    2 * it.outWidth <= it.width &&
    it.channels >= 8
  );
}

/** Maxima of windows [begin, end), and their places where wanted. */
export function poolPairs(it: Pool, begin: i32, end: i32): void {
  const channels = it.channels;
  const cell = (<usize>channels) << 2;
  const row = cell * it.width;
  const outWidth = it.outWidth;
  const outHeight = it.outHeight;
  const places = it.winners != 0;
  let out = it.out + <usize>begin * cell;
  let winners = it.winners + <usize>begin * channels;
  const one = i32x4.splat(1);
  const two = i32x4.splat(2);
  for (let unit = begin; unit < end; ) {
    const line = unit / outWidth;
    const plane = line / outHeight;
    const stop = min(end, (line + 1) * outWidth);
    const top = it.input + <usize>(plane * it.height + 2 * (line - plane * outHeight)) * row;
    let from = top + <usize>(2 * (unit - line * outWidth)) * cell;
    for (; unit < stop; ++unit) {
      for (let channel: u32 = 0; channel < channels; channel += 8) {
        // The last block reaches back, where the channels are not a multiple, and does some again.
        if (channel + 8 > channels) channel = channels - 8;
        let a = from + ((<usize>channel) << 2);
        let right = v128.load(a + cell);
        let lower = v128.load(a + row);
        let last = v128.load(a + row + cell);
        let first = v128.load(a);
        let isRight = takes(first, right);
        let isLast = takes(lower, last);
        let upper = v128.bitselect(right, first, isRight);
        let below = v128.bitselect(last, lower, isLast);
        let isBelow = takes(upper, below);
        const to = out + ((<usize>channel) << 2);
        v128.store(to, v128.bitselect(below, upper, isBelow));
        const placeA = v128.bitselect(v128.or(v128.and(isLast, one), two), v128.and(isRight, one), isBelow);
        a += 16;
        right = v128.load(a + cell);
        lower = v128.load(a + row);
        last = v128.load(a + row + cell);
        first = v128.load(a);
        isRight = takes(first, right);
        isLast = takes(lower, last);
        upper = v128.bitselect(right, first, isRight);
        below = v128.bitselect(last, lower, isLast);
        isBelow = takes(upper, below);
        v128.store(to, v128.bitselect(below, upper, isBelow), 16);
        if (!places) continue;
        const placeB = v128.bitselect(v128.or(v128.and(isLast, one), two), v128.and(isRight, one), isBelow);
        const narrow = i16x8.narrow_i32x4_s(placeA, placeB);
        v128.store_lane<u64>(winners + channel, i8x16.narrow_i16x8_u(narrow, narrow), 0);
      }
      from += 2 * cell;
      out += cell;
      winners += channels;
    }
  }
}

/** Where `value` takes the place of `result`, the maximum before it: larger, or the first NaN. */
function takes(result: v128, value: v128): v128 {
  return v128.andnot(f32x4.eq(result, result), f32x4.le(value, result));
}

/** The same of the gradient. */
export function areSeparatePairs(it: PoolGradient): bool {
  return (
    it.bytes == 1 &&
    it.windowDepth == 1 &&
    it.windowHeight == 2 &&
    it.windowWidth == 2 &&
    it.strideDepth == 1 &&
    it.strideHeight == 2 &&
    it.strideWidth == 2 &&
    it.beforeDepth + it.beforeHeight + it.beforeWidth == 0 &&
    2 * it.outHeight <= it.height &&
    2 * it.outWidth <= it.width &&
    it.channels >= 8
  );
}

/** The gradient of cells [begin, end): that of the window where they won, else 0. */
export function poolPairsGradient(it: PoolGradient, begin: i32, end: i32): void {
  const channels = it.channels;
  const cell = (<usize>channels) << 2;
  const width = it.width;
  const height = it.height;
  const outWidth = it.outWidth;
  const outHeight = it.outHeight;
  let out = it.out + <usize>begin * cell;
  for (let unit = begin; unit < end; ) {
    const line = unit / width;
    const plane = line / height;
    const y = line - plane * height;
    const stop = min(end, (line + 1) * width);
    const window = (plane * outHeight + (y >> 1)) * outWidth;
    for (let x = unit - line * width; unit < stop; ++unit, ++x) {
      if (y >= 2 * outHeight || x >= 2 * outWidth) {
        memory.fill(out, 0, cell);
        out += cell;
        continue;
      }
      const at = <usize>(window + (x >> 1)) * channels;
      const upstream = it.upstream + (at << 2);
      const winners = it.winners + at;
      const place = i8x16.splat(<i8>(((y & 1) << 1) | (x & 1)));
      for (let channel: u32 = 0; channel < channels; channel += 8) {
        if (channel + 8 > channels) channel = channels - 8;
        const won = i16x8.extend_low_i8x16_s(i8x16.eq(v128.load64_zero(winners + channel), place));
        const from = upstream + ((<usize>channel) << 2);
        const to = out + ((<usize>channel) << 2);
        v128.store(to, v128.and(v128.load(from), i32x4.extend_low_i16x8_s(won)));
        v128.store(to, v128.and(v128.load(from, 16), i32x4.extend_high_i16x8_s(won)), 16);
      }
      out += cell;
    }
  }
}
