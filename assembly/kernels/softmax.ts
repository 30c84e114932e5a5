// How does a row of scores become probabilities without overflowing?
//
// softmax(x) is the same for x and x - max x, and after the subtraction no exponential exceeds 1. The same two steps,
// the maximum and the sum of exponentials, serve the cross-entropy next door.

import { Instruction } from "../instruction";
import { exp, log } from "../math";
import { loadPartial, storePartial } from "./copy";

@unmanaged
export class Softmax extends Instruction {
  input: usize;
  out: usize;
  rows: u32;
  columns: u32;
  /** Not 0: the logarithm of softmax. */
  logarithm: u32;
}

/** Bytes of a row whose exponentials are summed in float32; blocks are added in float64. */
const BLOCK_BYTES: usize = 4096;

/**
 * out[r, c] = exp(x[r, c]) / Σⱼ exp(x[r, j]), or its logarithm. input [rows, columns] → out [rows, columns]; out may be
 * input. Unit: one row. A row that is -Infinity everywhere, or holds +Infinity or NaN, becomes NaN.
 */
export function softmax(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Softmax>(instruction);
  const columns = overlay.columns;
  const logarithm = overlay.logarithm != 0;
  const size = (<usize>columns) << 2;
  let from = overlay.input + <usize>begin * size;
  let to = overlay.out + <usize>begin * size;
  for (let row = begin; row < end; ++row, from += size, to += size) {
    const maximum = rowMaximum(from, columns);
    if (logarithm) {
      const sum = sumOfExponentials(from, 0, columns, maximum);
      subtractTwice(from, to, columns, maximum, log(f32x4.splat(sum)));
    } else {
      const sum = sumOfExponentials(from, to, columns, maximum);
      divideRow(to, columns, f32x4.splat(sum));
    }
  }
}

/** The maximum of a row in every lane. NaN is passed over: the exponentials will find it. */
export function rowMaximum(row: usize, columns: u32): v128 {
  const end = row + ((<usize>columns) << 2);
  const least = f32x4.splat(-Infinity);
  let a = least;
  if (columns >= 16) {
    let b = least;
    let c = least;
    let d = least;
    for (; row + 64 <= end; row += 64) {
      a = f32x4.pmax(a, v128.load(row));
      b = f32x4.pmax(b, v128.load(row, 16));
      c = f32x4.pmax(c, v128.load(row, 32));
      d = f32x4.pmax(d, v128.load(row, 48));
    }
    a = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  }
  for (; row + 16 <= end; row += 16) a = f32x4.pmax(a, v128.load(row));
  if (row < end) a = f32x4.pmax(a, loadPartial(row, <u32>(end - row) >> 2, least));
  a = f32x4.pmax(a, v128.shuffle<u32>(a, a, 2, 3, 0, 1));
  return f32x4.pmax(a, v128.shuffle<u32>(a, a, 1, 0, 3, 2));
}

/** Σ exp(x - maximum) over a row; where `to` is not 0 the exponentials are stored there (`to` may be the row itself). */
export function sumOfExponentials(row: usize, to: usize, columns: u32, maximum: v128): f32 {
  const end = row + ((<usize>columns) << 2);
  const shift = to - row;
  const stored = to != 0;
  let total: f64 = 0;
  while (row < end) {
    const stop = min(row + BLOCK_BYTES, end);
    let sum = f32x4.splat(0);
    for (; row + 16 <= stop; row += 16) {
      const e = exp(f32x4.sub(v128.load(row), maximum));
      if (stored) v128.store(row + shift, e);
      sum = f32x4.add(sum, e);
    }
    if (row < stop) {
      // exp(-Infinity) = 0 in the lanes beyond the row.
      const count = <u32>(stop - row) >> 2;
      const e = exp(f32x4.sub(loadPartial(row, count, f32x4.splat(-Infinity)), maximum));
      if (stored) storePartial(row + shift, count, e);
      sum = f32x4.add(sum, e);
      row = stop;
    }
    total += <f64>sumOfLanes(sum);
  }
  return <f32>total;
}

/** (x₀ + x₁) + (x₂ + x₃). */
export function sumOfLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

function divideRow(row: usize, columns: u32, divisor: v128): void {
  const end = row + ((<usize>columns) << 2);
  for (; row + 16 <= end; row += 16) v128.store(row, f32x4.div(v128.load(row), divisor));
  if (row < end) {
    const count = <u32>(end - row) >> 2;
    storePartial(row, count, f32x4.div(loadPartial(row, count, divisor), divisor));
  }
}

/** to = (from - a) - b. */
function subtractTwice(from: usize, to: usize, columns: u32, a: v128, b: v128): void {
  const end = from + ((<usize>columns) << 2);
  for (; from + 16 <= end; from += 16, to += 16) {
    v128.store(to, f32x4.sub(f32x4.sub(v128.load(from), a), b));
  }
  if (from < end) {
    const count = <u32>(end - from) >> 2;
    storePartial(to, count, f32x4.sub(f32x4.sub(loadPartial(from, count, a), a), b));
  }
}
