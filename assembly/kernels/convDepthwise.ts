// How is a convolution computed in which every channel is a group of its own?
//
//   out[o, c] = Σ over taps k of x[the input that o sees through k, c] · kernel[k, c]
//
// A unit is one block of output positions (convWindows.ts) over all channels. Channels are lanes. Where all taps of the last
// axis see the input, two positions × 8 channels stay in registers over all taps; elsewhere the sums stay in the output,
// tap by tap. The order of a sum is the same in both.

import { HAS_ACTIVATION, HAS_BIAS } from "../opcodes";
import { Conv } from "./conv";
import { axisOf, count, first, inputAt, inputRow, locate, outputPosition, phase } from "./convWindows";
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
    for (let step = 0; step < count; ) {
      const at = phase + inner.quotient * (first + step);
      const position = it.out + outputPosition(geometry, step) * bytes;
      const whole = step + 1 < count && inner.quotient == 1 && seesAll(inner.taps, at, 1, it);
      if (whole) {
        const input = at * inner.stride + inner.offset;
        for (let channel: u32 = 0; channel < inPairs; channel += 8) twoPositions(it, input, channel, position, bytes);
      }
      const rest = whole ? inPairs : 0;
      if (rest < columns) {
        onePosition(it, at, rest, columns - rest, position);
        if (whole) onePosition(it, at + 1, rest, columns - rest, position + bytes);
      }
      const done = whole ? 2 : 1;
      if (it.flags & HAS_BIAS) for (let i = 0; i < done; i++) addBias(position + <usize>i * bytes, it.bias, columns);
      if (it.flags & HAS_ACTIVATION) applyUnary(it.activation, position, columns * done);
      step += done;
    }
  }
}

/** Whether outputs at and at + more see the input through every tap of the last axis. */
function seesAll(taps: i32, at: i32, more: i32, it: Conv): bool {
  const inner = axisOf(it.geometry, 2);
  return (
    inputAt(inner, at, 0) >= 0 &&
    inputAt(inner, at, taps - 1) >= 0 &&
    inputAt(inner, at + more, 0) >= 0 &&
    inputAt(inner, at + more, taps - 1) >= 0
  );
}

/** Channels [channel, channel + 8) of two neighbouring outputs whose first taps see `input` and `input` + stride. */
function twoPositions(it: Conv, input: i32, channel: u32, out: usize, bytes: usize): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const taps = inner.taps;
  const dilation = <usize>inner.dilation * bytes;
  const stride = <usize>inner.stride * bytes;
  const offset = (<usize>channel) << 2;
  let kernel = it.kernel + offset;
  let sum00 = f32x4.splat(0);
  let sum01 = f32x4.splat(0);
  let sum10 = f32x4.splat(0);
  let sum11 = f32x4.splat(0);
  for (let kd = 0; kd < axisOf(geometry, 0).taps; kd++) {
    for (let kh = 0; kh < axisOf(geometry, 1).taps; kh++) {
      const row = inputRow(geometry, kd, kh);
      if (row < 0) {
        kernel += <usize>taps * bytes;
        continue;
      }
      let x = it.x + <usize>(row * inner.input + input) * bytes + offset;
      let x1 = x + stride;
      let tap = taps;
      do {
        const w0 = v128.load(kernel);
        const w1 = v128.load(kernel, 16);
        sum00 = multiplyAdd(sum00, v128.load(x), w0);
        sum01 = multiplyAdd(sum01, v128.load(x, 16), w1);
        sum10 = multiplyAdd(sum10, v128.load(x1), w0);
        sum11 = multiplyAdd(sum11, v128.load(x1, 16), w1);
        x += dilation;
        x1 += dilation;
        kernel += bytes;
      } while (--tap);
    }
  }
  out += offset;
  v128.store(out, sum00);
  v128.store(out, sum01, 16);
  v128.store(out + bytes, sum10);
  v128.store(out + bytes, sum11, 16);
}

/** Channels [channel, channel + width) of the output at `at` of the last axis, which may see zeros. */
function onePosition(it: Conv, at: i32, channel: u32, width: u32, out: usize): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const bytes = (<usize>it.columns) << 2;
  const offset = (<usize>channel) << 2;
  out += offset;
  memory.fill(out, 0, (<usize>width) << 2);
  let kernel = it.kernel + offset;
  for (let kd = 0; kd < axisOf(geometry, 0).taps; kd++) {
    for (let kh = 0; kh < axisOf(geometry, 1).taps; kh++) {
      const row = inputRow(geometry, kd, kh);
      for (let tap = 0; tap < inner.taps; tap++) {
        const input = inputAt(inner, at, tap);
        if ((row | input) >= 0)
          addProduct(out, it.x + <usize>(row * inner.input + input) * bytes + offset, kernel, width);
        kernel += bytes;
      }
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
