// How is a convolution computed in which every channel is a group of its own?
//
//   out[o, c] = Σ over taps k of x[the input that o sees through k, c] · kernel[k, c]
//
// A unit is one block of output positions (convWindows.ts) over all channels. Channels are lanes. Where all taps of the last
// axis see the input, two positions × 8 channels stay in registers over all taps; elsewhere the sums stay in the output,
// tap by tap. The order of a sum is the same in both.

import { scratch } from "../memory";
import { HAS_ACTIVATION, HAS_BIAS, RELU, RELU6 } from "../opcodes";
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
import { clamp, multiplyAdd } from "./matMulTiles";

/** out = act(conv(x, kernel) + bias) for units [begin, end). */
export function depthwise(it: Conv, begin: u32, end: u32): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const columns = it.columns;
  const bytes = (<usize>columns) << 2;
  const inPairs = columns & ~7;
  const plain = !(it.flags & HAS_ACTIVATION) || it.activation == RELU || it.activation == RELU6;
  const byFours =
    plain && columns % 4 == 0 && inner.taps == 3 && inner.stride == 1 && inner.dilation == 1 && inner.quotient == 1;
  for (; begin < end; begin++) {
    locate(geometry, it.positions, begin);
    findRows(it, bytes);
    // Positions [whole, wholeEnd) have their bias and activation already.
    let whole: i32 = 0;
    let wholeEnd: i32 = 0;
    for (let step = 0; step < count; ) {
      const at = phase + inner.quotient * (first + step);
      const out = it.out + outputPosition(geometry, step) * bytes;
      if (TRAINS && byFours && step + 3 < count && seesAll(inner, at) && seesAll(inner, at + 3)) {
        if (wholeEnd == 0) whole = step;
        const input = <usize>(at + inner.offset) * bytes;
        for (let channel: u32 = 0; channel < columns; channel += 4)
          fourPositions(it, input, (<usize>channel) << 2, out, bytes);
        step += 4;
        wholeEnd = step;
        continue;
      }
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
      if (step >= whole && step < wholeEnd) continue;
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

/**
 * Four channels of four neighbouring outputs that see three taps of every row, one beside the other, with bias and
 * activation. Each input is loaded once for the three outputs that see it. Only in the machine that trains: code.
 */
function fourPositions(it: Conv, input: usize, offset: usize, out: usize, bytes: usize): void {
  input += offset;
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  for (let piece = scratch; piece < piecesEnd; piece += PIECE_BYTES) {
    let x = load<usize>(piece) + input;
    const kernel = load<usize>(piece, 4) + offset;
    const w0 = v128.load(kernel);
    const w1 = v128.load(kernel + bytes);
    const w2 = v128.load(kernel + 2 * bytes);
    sum0 = multiplyAdd(sum0, v128.load(x), w0);
    x += bytes;
    const x1 = v128.load(x);
    sum0 = multiplyAdd(sum0, x1, w1);
    sum1 = multiplyAdd(sum1, x1, w0);
    x += bytes;
    const x2 = v128.load(x);
    sum0 = multiplyAdd(sum0, x2, w2);
    sum1 = multiplyAdd(sum1, x2, w1);
    sum2 = multiplyAdd(sum2, x2, w0);
    x += bytes;
    const x3 = v128.load(x);
    sum1 = multiplyAdd(sum1, x3, w2);
    sum2 = multiplyAdd(sum2, x3, w1);
    sum3 = multiplyAdd(sum3, x3, w0);
    x += bytes;
    const x4 = v128.load(x);
    sum2 = multiplyAdd(sum2, x4, w2);
    sum3 = multiplyAdd(sum3, x4, w1);
    sum3 = multiplyAdd(sum3, v128.load(x + bytes), w2);
  }
  if (it.flags & HAS_BIAS) {
    const bias = v128.load(it.bias + offset);
    sum0 = f32x4.add(sum0, bias);
    sum1 = f32x4.add(sum1, bias);
    sum2 = f32x4.add(sum2, bias);
    sum3 = f32x4.add(sum3, bias);
  }
  if (it.flags & HAS_ACTIVATION) {
    sum0 = clamp(sum0);
    sum1 = clamp(sum1);
    sum2 = clamp(sum2);
    sum3 = clamp(sum3);
    if (it.activation == RELU6) {
      const six = f32x4.splat(6);
      sum0 = f32x4.pmin(sum0, six);
      sum1 = f32x4.pmin(sum1, six);
      sum2 = f32x4.pmin(sum2, six);
      sum3 = f32x4.pmin(sum3, six);
    }
  }
  out += offset;
  v128.store(out, sum0);
  v128.store(out + bytes, sum1);
  v128.store(out + 2 * bytes, sum2);
  v128.store(out + 3 * bytes, sum3);
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
