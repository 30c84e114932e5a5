// How is the most usual pooling done, the maximum of 2 × 2 cells that no other window holds?
//
// Eight channels at a time, all four cells at once; the same values and places as those of pool.ts.

import { scratch } from "../memory";
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
        const a = from + ((<usize>channel) << 2);
        const to = out + ((<usize>channel) << 2);
        const unordered = v128.or(
          fourPairs(a, cell, row, to, places ? scratch : 0),
          fourPairs(a + 16, cell, row, to + 16, places ? scratch + 16 : 0),
        );
        if (v128.any_true(unordered)) {
          fourPairsWithNaN(a, cell, row, to, scratch);
          fourPairsWithNaN(a + 16, cell, row, to + 16, scratch + 16);
        }
        if (!places) continue;
        const narrow = i16x8.narrow_i32x4_s(v128.load(scratch), v128.load(scratch, 16));
        v128.store_lane<u64>(winners + channel, i8x16.narrow_i16x8_u(narrow, narrow), 0);
      }
      from += 2 * cell;
      out += cell;
      winners += channels;
    }
  }
}

/**
 * The maxima of four channels to `to`, their places to `place` unless that is 0. Not right where the result is not 0: there
 * is a NaN (or infinities of both signs), and f32x4.pmax passes over NaN.
 */
function fourPairs(a: usize, cell: usize, row: usize, to: usize, place: usize): v128 {
  const first = v128.load(a);
  const right = v128.load(a + cell);
  const lower = v128.load(a + row);
  const last = v128.load(a + row + cell);
  const upper = f32x4.pmax(first, right);
  const below = f32x4.pmax(lower, last);
  v128.store(to, f32x4.pmax(upper, below));
  if (place) {
    const ofUpper = i32x4.neg(f32x4.gt(right, first));
    const ofBelow = i32x4.sub(i32x4.splat(2), f32x4.gt(last, lower));
    v128.store(place, v128.bitselect(ofBelow, ofUpper, f32x4.gt(below, upper)));
  }
  const sum = f32x4.add(f32x4.add(first, right), f32x4.add(lower, last));
  return f32x4.ne(sum, sum);
}

/** The same where there may be NaN: the first of them wins. */
function fourPairsWithNaN(a: usize, cell: usize, row: usize, to: usize, place: usize): void {
  const first = v128.load(a);
  const right = v128.load(a + cell);
  const lower = v128.load(a + row);
  const last = v128.load(a + row + cell);
  const isRight = takes(first, right);
  const isLast = takes(lower, last);
  const upper = v128.bitselect(right, first, isRight);
  const below = v128.bitselect(last, lower, isLast);
  const isBelow = takes(upper, below);
  v128.store(to, v128.bitselect(below, upper, isBelow));
  v128.store(place, v128.bitselect(i32x4.sub(i32x4.splat(2), isLast), i32x4.neg(isRight), isBelow));
}

/** Where `value` takes the place of `result`, the maximum before it: larger, or the first NaN. */
function takes(result: v128, value: v128): v128 {
  return v128.andnot(f32x4.eq(result, result), f32x4.le(value, result));
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
