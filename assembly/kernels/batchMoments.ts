// What are mean and variance of each column of a batch?
//
//   unit   one part of the rows × 32 columns. A part is cut into blocks of 128 rows, whose 16 KB stay in the first-level cache
//          while they are read twice: for their mean, then for their deviations from it. So x comes from memory once, and
//          a variance keeps its digits however large the mean is.
//   sums   float32 within a block, float64 between blocks and between parts, in order.

import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { loadPartial, storePartial } from "./copy";

/** Columns of a unit. */
export const PANEL: u32 = 32;
/** Rows of a block. */
export const BLOCK: u32 = 128;
/** Scratch: two rows of a block's sums in float32, then two of totals in float64. */
export const ROW_BYTES: usize = (<usize>PANEL) << 2;
export const TOTALS: usize = 2 * ROW_BYTES;
@unmanaged
export class BatchMoments extends Instruction {
  x: usize;
  out: usize;
  /** Of each part. */
  rows: u32;
  columns: u32;
}

/**
 * out[p] = mean and variance of rows [p · rows, (p + 1) · rows) of x, for each column. x [parts · rows, columns] → out
 * [parts, 2, columns]. Units: parts · ⌈columns / 32⌉.
 */
export function batchMoments(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<BatchMoments>(instruction);
  const rows = overlay.rows;
  const columns = overlay.columns;
  const stride = (<usize>columns) << 2;
  const panels = (columns + PANEL - 1) / PANEL;
  const sums = scratch;
  const squares = scratch + ROW_BYTES;
  for (let unit = begin; unit < end; ++unit) {
    const part = unit / panels;
    const column = (unit - part * panels) * PANEL;
    const width = min(PANEL, columns - column);
    const offset = (<usize>column) << 2;
    let from = overlay.x + <usize>(part * rows) * stride + offset;
    memory.fill(scratch + TOTALS, 0, 4 * ROW_BYTES);
    for (let done: u32 = 0; done < rows; done += BLOCK) {
      const count = min(BLOCK, rows - done);
      sumColumns(from, stride, count, width, sums);
      divideBy(sums, width, <f32>count);
      sumSquares(from, stride, count, width, sums, squares);
      joinBlocks(sums, squares, width, done, count);
      from += <usize>BLOCK * stride;
    }
    const to = overlay.out + <usize>(part * 2) * stride + offset;
    storeTotals(to, scratch + TOTALS, width, 1);
    storeTotals(to + stride, scratch + TOTALS + 2 * ROW_BYTES, width, 1 / <f64>rows);
  }
}

/** to[c] = Σ x over the rows. */
function sumColumns(x: usize, stride: usize, rows: u32, columns: u32, to: usize): void {
  for (; columns >= 16; columns -= 16, x += 64, to += 64) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    let at = x;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      a = f32x4.add(a, v128.load(at));
      b = f32x4.add(b, v128.load(at, 16));
      c = f32x4.add(c, v128.load(at, 32));
      d = f32x4.add(d, v128.load(at, 48));
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
  }
  for (; columns > 0; x += 16, to += 16) {
    const width = min(columns, 4);
    let sum = f32x4.splat(0);
    let at = x;
    for (let row: u32 = 0; row < rows; ++row, at += stride) sum = f32x4.add(sum, loadFour(at, width));
    v128.store(to, sum);
    columns -= width;
  }
}

/** to[c] = Σ (x - mean[c])² over the rows. */
function sumSquares(x: usize, stride: usize, rows: u32, columns: u32, mean: usize, to: usize): void {
  for (; columns >= 16; columns -= 16, x += 64, mean += 64, to += 64) {
    const mean0 = v128.load(mean);
    const mean1 = v128.load(mean, 16);
    const mean2 = v128.load(mean, 32);
    const mean3 = v128.load(mean, 48);
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    let at = x;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      a = f32x4.add(a, squareOf(f32x4.sub(v128.load(at), mean0)));
      b = f32x4.add(b, squareOf(f32x4.sub(v128.load(at, 16), mean1)));
      c = f32x4.add(c, squareOf(f32x4.sub(v128.load(at, 32), mean2)));
      d = f32x4.add(d, squareOf(f32x4.sub(v128.load(at, 48), mean3)));
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
  }
  for (; columns > 0; x += 16, mean += 16, to += 16) {
    const width = min(columns, 4);
    const mean0 = v128.load(mean);
    let sum = f32x4.splat(0);
    let at = x;
    for (let row: u32 = 0; row < rows; ++row, at += stride)
      sum = f32x4.add(sum, squareOf(f32x4.sub(loadFour(at, width), mean0)));
    v128.store(to, sum);
    columns -= width;
  }
}

function squareOf(x: v128): v128 {
  return f32x4.mul(x, x);
}

function divideBy(values: usize, columns: u32, divisor: f32): void {
  for (let column: u32 = 0; column < columns; column += 4, values += 16)
    v128.store(values, f32x4.div(v128.load(values), f32x4.splat(divisor)));
}

/**
 * The totals of `done` rows, mean and Σ of squared deviations, with those of `count` more (Chan, Golub and LeVeque, 1983).
 */
function joinBlocks(means: usize, squares: usize, columns: u32, done: u32, count: u32): void {
  const share = f64x2.splat(<f64>count / <f64>(done + count));
  const weight = f64x2.splat((<f64>done * <f64>count) / <f64>(done + count));
  let mean = scratch + TOTALS;
  for (let column: u32 = 0; column < columns; column += 2, mean += 16, means += 8, squares += 8) {
    const total = v128.load(mean);
    const apart = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(means)), total);
    v128.store(mean, f64x2.add(total, f64x2.mul(apart, share)));
    const own = f64x2.promote_low_f32x4(v128.load64_zero(squares));
    const between = f64x2.mul(f64x2.mul(apart, apart), weight);
    const square = v128.load(mean, 2 * ROW_BYTES);
    v128.store(mean, f64x2.add(square, f64x2.add(own, between)), 2 * ROW_BYTES);
  }
}

/** to[c] = totals[c] · factor, rounded to float32. */
export function storeTotals(to: usize, totals: usize, columns: u32, factor: f64): void {
  for (; columns > 0; --columns, to += 4, totals += 8) store<f32>(to, <f32>(load<f64>(totals) * factor));
}

/** totals[c] += sums[c]. */
export function addBlock(sums: usize, columns: u32, totals: usize): void {
  for (let column: u32 = 0; column < columns; column += 2, totals += 16, sums += 8)
    v128.store(totals, f64x2.add(v128.load(totals), f64x2.promote_low_f32x4(v128.load64_zero(sums))));
}

@unmanaged
export class MergeMoments extends Instruction {
  /** [parts, 2, columns]. */
  moments: usize;
  out: usize;
  parts: u32;
  columns: u32;
  epsilon: f32;
}

/**
 * Mean, variance and 1/√(variance + epsilon) of the whole from means and variances of equal parts → out [3, columns]. Unit:
 * 4 columns.
 */
export function mergeMoments(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<MergeMoments>(instruction);
  const parts = overlay.parts;
  const columns = overlay.columns;
  const stride = (<usize>columns) << 2;
  const count = f64x2.splat(<f64>parts);
  for (let unit = begin; unit < end; ++unit) {
    const column = unit * 4;
    const width = min(4, columns - column);
    const offset = (<usize>column) << 2;
    const from = overlay.moments + offset;
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let at = from;
    for (let part: u32 = 0; part < parts; ++part, at += 2 * stride) {
      const mean = loadFour(at, width);
      low = f64x2.add(low, f64x2.promote_low_f32x4(mean));
      high = f64x2.add(high, f64x2.promote_low_f32x4(upperHalf(mean)));
    }
    low = f64x2.div(low, count);
    high = f64x2.div(high, count);
    let lowSquares = f64x2.splat(0);
    let highSquares = f64x2.splat(0);
    at = from;
    for (let part: u32 = 0; part < parts; ++part, at += 2 * stride) {
      const mean = loadFour(at, width);
      const variance = loadFour(at + stride, width);
      const apart = f64x2.sub(f64x2.promote_low_f32x4(mean), low);
      const highApart = f64x2.sub(f64x2.promote_low_f32x4(upperHalf(mean)), high);
      lowSquares = f64x2.add(lowSquares, f64x2.add(f64x2.promote_low_f32x4(variance), f64x2.mul(apart, apart)));
      highSquares = f64x2.add(
        highSquares,
        f64x2.add(f64x2.promote_low_f32x4(upperHalf(variance)), f64x2.mul(highApart, highApart)),
      );
    }
    const variance = joined(f64x2.div(lowSquares, count), f64x2.div(highSquares, count));
    const deviation = f32x4.sqrt(f32x4.add(variance, f32x4.splat(overlay.epsilon)));
    const to = overlay.out + offset;
    storeFour(to, width, joined(low, high));
    storeFour(to + stride, width, variance);
    storeFour(to + 2 * stride, width, f32x4.div(f32x4.splat(1), deviation));
  }
}

function upperHalf(x: v128): v128 {
  return v128.shuffle<u64>(x, x, 1, 0);
}

function joined(low: v128, high: v128): v128 {
  return v128.shuffle<u64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** The first `width` (1 … 4) words at `address`, zeros in the other lanes. */
export function loadFour(address: usize, width: u32): v128 {
  return width == 4 ? v128.load(address) : loadPartial(address, width, f32x4.splat(0));
}

function storeFour(address: usize, width: u32, value: v128): void {
  if (width == 4) v128.store(address, value);
  else storePartial(address, width, value);
}
