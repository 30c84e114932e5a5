// How is an output of a convolution computed from what it sees alone?
//
// Windows and patches hold zeros for what lies outside the input. 0 · w changes no sum, and is never −0, but where w is
// infinite or NaN it is NaN. So outputs that may have met such zeros are looked at, unless the kernel is known to be finite:
// one that is NaN is summed anew, tap by tap and channel by channel as ever, without the taps that lie outside. All others
// keep their bits.

import { scratch } from "../memory";
import { Conv } from "./conv";
import {
  Axis,
  axisOf,
  BEHIND_WINDOWS,
  count,
  first,
  inputAt,
  inputRow,
  outputPosition,
  phase,
  seesAllRows,
} from "./convWindows";
import { multiplyPanel, PANEL } from "./matMulBlocks";
import { CONTINUE } from "./matMulTiles";

/**
 * Mends the outputs of the block that locate() has found, columns [column, column + width) of a group that begin with number
 * `firstColumn` of all. `narrow`: columns one by one. `last`: of the modes of matMulTiles.ts those of a last part.
 */
export function mendBlock(
  it: Conv,
  group: u32,
  firstColumn: u32,
  width: u32,
  patched: bool,
  narrow: bool,
  last: u32,
): void {
  const inner = axisOf(it.geometry, 2);
  let whole = 0;
  let wholeEnd = count;
  // Patches hold the rows outside as well.
  if (patched && !seesAllRows(it.geometry)) wholeEnd = 0;
  else {
    const lowest = leastOffset(inner);
    const highest = greatestOffset(inner) - (inner.input - 1) * inner.quotient;
    while (whole < wholeEnd && lowest + placeOf(inner, whole) < 0) whole++;
    while (whole < wholeEnd && highest + placeOf(inner, wholeEnd - 1) > 0) wholeEnd--;
  }
  const part = narrow ? 1 : PANEL;
  for (let step = 0; step < count; step++) {
    if (step == whole) step = max(step, wholeEnd);
    if (step >= count) break;
    let out = it.out + ((outputPosition(it.geometry, step) * it.columns + firstColumn) << 2);
    for (let column: u32 = 0; column < width; column += part) {
      const columns = min(width - column, part);
      if (holdsNaN(out, columns)) sumSeen(it, group, step, firstColumn + column, columns, out, last);
      out += (<usize>part) << 2;
    }
  }
}

/** Of an axis with quotient 1: whether some output sees something outside the input. */
export function seesOutside(axis: Axis): bool {
  return leastOffset(axis) < 0 || greatestOffset(axis) + (axis.output - 1) * axis.stride > axis.input - 1;
}

/** The least and the greatest distance from where an output is to what it sees, before the division by the quotient. */
function leastOffset(axis: Axis): i32 {
  return axis.offset + min(0, (axis.taps - 1) * axis.dilation);
}

function greatestOffset(axis: Axis): i32 {
  return axis.offset + max(0, (axis.taps - 1) * axis.dilation);
}

/** Where an output of the block is, in strides. */
function placeOf(inner: Axis, step: i32): i32 {
  return (phase + inner.quotient * (first + step)) * inner.stride;
}

/** Whether one of `count` floats is NaN. */
export function holdsNaN(x: usize, count: u32): bool {
  let found = i32x4.splat(0);
  for (; count >= 4; count -= 4) {
    const four = v128.load(x);
    found = v128.or(found, f32x4.ne(four, four));
    x += 16;
  }
  let rest = false;
  for (; count > 0; count--) {
    const one = load<f32>(x);
    rest = rest || one != one;
    x += 4;
  }
  return rest || v128.any_true(found);
}

/** Whether no float of `rows` × `width` is infinite or NaN. */
export function areFinite(x: usize, rowBytes: usize, rows: u32, width: u32): bool {
  let sums = f32x4.splat(0);
  const whole = (<usize>(width & ~3)) << 2;
  const bytes = (<usize>width) << 2;
  for (; rows > 0; rows--) {
    let offset: usize = 0;
    for (; offset < whole; offset += 16) {
      const four = v128.load(x + offset);
      sums = f32x4.add(sums, f32x4.sub(four, four));
    }
    for (; offset < bytes; offset += 4) {
      const one = v128.load32_zero(x + offset);
      sums = f32x4.add(sums, f32x4.sub(one, one));
    }
    x += rowBytes;
  }
  return !v128.any_true(f32x4.ne(sums, sums));
}

/** Columns [column, column + width), width ≤ 16, of one output of the block. */
function sumSeen(it: Conv, group: u32, step: i32, column: u32, width: u32, out: usize, last: u32): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const at = phase + inner.quotient * (first + step);
  const channels = it.channels / it.groups;
  const kernelRow = (<usize>it.columns) << 2;
  const zeros = scratch + BEHIND_WINDOWS;
  memory.fill(zeros, 0, 64);
  memory.fill(out, 0, (<usize>width) << 2);
  let kernel = it.kernel + ((<usize>column) << 2);
  for (let kd = 0; kd < axisOf(geometry, 0).taps; kd++) {
    for (let kh = 0; kh < axisOf(geometry, 1).taps; kh++) {
      const row = inputRow(geometry, kd, kh);
      for (let kw = 0; kw < inner.taps; kw++) {
        const seen = inputAt(inner, at, kw);
        if (row >= 0 && seen >= 0) {
          const x = it.x + ((<usize>(row * inner.input + seen) * it.channels + group * channels) << 2);
          multiplyPanel(x, 0, 4, kernel, kernelRow, channels, out, 0, 1, width, 0, 0, CONTINUE);
        }
        kernel += <usize>channels * kernelRow;
      }
    }
  }
  multiplyPanel(zeros, 0, 4, zeros, 0, 1, out, 0, 1, width, it.bias + ((<usize>column) << 2), 4, CONTINUE | last);
}
