// How is a convolution computed in which every channel is a group of its own?
//
//   out[o, c] = Σ over taps k of x[the input that o sees through k, c] · kernel[k, c]
//
// A unit is one block of output positions (convWindows.ts) over all channels. Channels are lanes. Where all taps of the last
// axis see the input, two positions × 8 channels stay in registers over all taps; elsewhere the sums stay in the output,
// tap by tap. The order of a sum is the same in both.

import { scratch } from "../memory";
import { HAS_ACTIVATION, HAS_BIAS } from "../opcodes";
import { Conv } from "./conv";
import {
  Axis,
  addPiece,
  axisOf,
  clearPieces,
  count,
  first,
  inputAt,
  inputRow,
  locate,
  outputPosition,
  PIECE_BYTES,
  phase,
  piecesEnd,
} from "./convWindows";
import { applyUnary } from "./map";
import { multiplyAdd } from "./matMulTiles";

/** out = act(conv(x, kernel) + bias) for units [begin, end). */
export function depthwise(it: Conv, begin: u32, end: u32): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const columns = it.columns;
  const bytes = (<usize>columns) << 2;
  const inPairs = columns & ~7;
  for (; begin < end; begin++) {
    locate(geometry, it.positions, begin);
    findRows(it, bytes);
    for (let step = 0; step < count; ) {
      const at = phase + inner.quotient * (first + step);
      const out = it.out + outputPosition(geometry, step) * bytes;
      if (step + 1 < count && inner.quotient == 1 && seesAll(inner, at) && seesAll(inner, at + 1)) {
        const input = <usize>(at * inner.stride + inner.offset) * bytes;
        for (let channel: u32 = 0; channel < inPairs; channel += 8)
          twoPositions(inner, input, (<usize>channel) << 2, out, bytes);
        if (inPairs < columns) {
          onePosition(inner, at, inPairs, columns - inPairs, out, bytes);
          onePosition(inner, at + 1, inPairs, columns - inPairs, out + bytes, bytes);
        }
        step += 2;
      } else {
        onePosition(inner, at, 0, columns, out, bytes);
        step++;
      }
    }
    if ((it.flags & (HAS_BIAS | HAS_ACTIVATION)) == 0) continue;
    for (let step = 0; step < count; step++) {
      const out = it.out + outputPosition(geometry, step) * bytes;
      if (it.flags & HAS_BIAS) addBias(out, it.bias, columns);
      if (it.flags & HAS_ACTIVATION) applyUnary(it.activation, out, columns);
    }
  }
}

/** A piece for each row of taps that the block sees: where the row of x begins, and the row of the kernel. */
function findRows(it: Conv, bytes: usize): void {
  const inner = axisOf(it.geometry, 2);
  let kernel = it.kernel;
  clearPieces();
  for (let kd = 0; kd < axisOf(it.geometry, 0).taps; kd++) {
    for (let kh = 0; kh < axisOf(it.geometry, 1).taps; kh++) {
      const row = inputRow(it.geometry, kd, kh);
      if (row >= 0) addPiece(it.x + <usize>(row * inner.input) * bytes, kernel, 0);
      kernel += <usize>inner.taps * bytes;
    }
  }
}

/** Whether the output at `at` sees the input through every tap. */
function seesAll(inner: Axis, at: i32): bool {
  return (inputAt(inner, at, 0) | inputAt(inner, at, inner.taps - 1)) >= 0;
}

/** Eight channels of two neighbouring outputs, the first of which sees `input` bytes behind the beginning of a row. */
function twoPositions(inner: Axis, input: usize, offset: usize, out: usize, bytes: usize): void {
  const taps = inner.taps;
  const dilation = <usize>inner.dilation * bytes;
  const stride = <usize>inner.stride * bytes;
  input += offset;
  let sum00 = f32x4.splat(0);
  let sum01 = f32x4.splat(0);
  let sum10 = f32x4.splat(0);
  let sum11 = f32x4.splat(0);
  for (let piece = scratch; piece < piecesEnd; piece += PIECE_BYTES) {
    let x = load<usize>(piece) + input;
    let x1 = x + stride;
    let kernel = load<usize>(piece, 4) + offset;
    let tap = taps;
    do {
      const w0 = v128.load(kernel);
      sum00 = multiplyAdd(sum00, v128.load(x), w0);
      sum10 = multiplyAdd(sum10, v128.load(x1), w0);
      const w1 = v128.load(kernel, 16);
      sum01 = multiplyAdd(sum01, v128.load(x, 16), w1);
      sum11 = multiplyAdd(sum11, v128.load(x1, 16), w1);
      x += dilation;
      x1 += dilation;
      kernel += bytes;
    } while (--tap);
  }
  out += offset;
  v128.store(out, sum00);
  v128.store(out, sum01, 16);
  v128.store(out + bytes, sum10);
  v128.store(out + bytes, sum11, 16);
}

/** Channels [channel, channel + width) of the output at `at` of the last axis, which may see zeros. */
function onePosition(inner: Axis, at: i32, channel: u32, width: u32, out: usize, bytes: usize): void {
  const offset = (<usize>channel) << 2;
  out += offset;
  memory.fill(out, 0, (<usize>width) << 2);
  for (let piece = scratch; piece < piecesEnd; piece += PIECE_BYTES) {
    let kernel = load<usize>(piece, 4) + offset;
    for (let tap = 0; tap < inner.taps; tap++) {
      const input = inputAt(inner, at, tap);
      if (input >= 0) addProduct(out, load<usize>(piece) + <usize>input * bytes + offset, kernel, width);
      kernel += bytes;
    }
  }
}

/** out[j] += x[j] · y[j], j < width. */
function addProduct(out: usize, x: usize, y: usize, width: u32): void {
  for (; width >= 4; width -= 4) {
    v128.store(out, multiplyAdd(v128.load(out), v128.load(x), v128.load(y)));
    out += 16;
    x += 16;
    y += 16;
  }
  for (; width > 0; width--) {
    const sum = multiplyAdd(v128.load32_zero(out), v128.load32_zero(x), v128.load32_zero(y));
    v128.store32_lane(out, sum, 0);
    out += 4;
    x += 4;
    y += 4;
  }
}

/** out[j] += bias[j], j < width. */
function addBias(out: usize, bias: usize, width: u32): void {
  for (; width >= 4; width -= 4) {
    v128.store(out, f32x4.add(v128.load(out), v128.load(bias)));
    out += 16;
    bias += 16;
  }
  for (; width > 0; width--) {
    store<f32>(out, load<f32>(out) + load<f32>(bias));
    out += 4;
    bias += 4;
  }
}
