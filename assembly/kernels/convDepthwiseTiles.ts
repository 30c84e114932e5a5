// How is a tile of a depthwise convolution computed?
//
// A piece is three words: the x that the phase's first output sees through a tap, the tap's row of the kernel (of its first
// panel), and that input's place in its row. Outputs are outStep bytes apart from `out` on; the first sees `input` bytes
// behind the x of a piece, each next one xStep further. Channels are counted in bytes.

import { scratch } from "../memory";
import { HAS_ACTIVATION, HAS_BIAS, RELU, RELU6 } from "../opcodes";
import { Conv } from "./conv";
import { axisOf, PIECE_BYTES, piecesEnd, WINDOWS } from "./convWindows";
import { PACKED_STEP, packPanels } from "./matMulPack";
import { multiplyAdd, storeLanes } from "./matMulTiles";

/** Flags with which sums are not yet outputs. */
export const FINISH: u32 = HAS_BIAS | HAS_ACTIVATION;
/** From one panel of the kernel to the next; where the kernel is read in place, what is behind a panel in its row. */
let panelStep: usize = PACKED_STEP;

/** Where the kernel's first row begins: it is read in place, or with isPacked copied to panels behind the pieces. */
export function placeKernel(it: Conv, isPacked: bool): usize {
  panelStep = PACKED_STEP;
  if (!isPacked) return it.kernel;
  const taps: u32 = axisOf(it.geometry, 0).taps * axisOf(it.geometry, 1).taps * axisOf(it.geometry, 2).taps;
  panelStep *= taps;
  packPanels(it.kernel, (<usize>it.columns) << 2, taps, it.columns, scratch + WINDOWS);
  return scratch + WINDOWS;
}

/** From the beginning of a row of the kernel to `channel` in it. */
export function rowAt(channel: usize): usize {
  return TRAINS ? (channel / PACKED_STEP) * panelStep + (channel % PACKED_STEP) : channel;
}

/** One output that sees pieces [pieces, end): channels [channel, bytes), sixteen at once, which are a cache line. */
export function onePosition(
  it: Conv,
  pieces: usize,
  end: usize,
  input: usize,
  out: usize,
  channel: usize,
  bytes: usize,
): void {
  const least = leastOf(it);
  const greatest = greatestOf(it);
  for (; channel + 64 <= bytes; channel += 64) {
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    const from = input + channel;
    const row = rowAt(channel);
    for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
      const kernel = load<usize>(piece, 4) + row;
      const x = load<usize>(piece) + from;
      sum0 = multiplyAdd(sum0, v128.load(x), v128.load(kernel));
      sum1 = multiplyAdd(sum1, v128.load(x, 16), v128.load(kernel, 16));
      sum2 = multiplyAdd(sum2, v128.load(x, 32), v128.load(kernel, 32));
      sum3 = multiplyAdd(sum3, v128.load(x, 48), v128.load(kernel, 48));
    }
    const to = out + channel;
    v128.store(to, finish(sum0, biasAt(it, channel), least, greatest));
    v128.store(to, finish(sum1, biasAt(it, channel + 16), least, greatest), 16);
    v128.store(to, finish(sum2, biasAt(it, channel + 32), least, greatest), 32);
    v128.store(to, finish(sum3, biasAt(it, channel + 48), least, greatest), 48);
  }
  for (; channel < bytes; channel += 16) {
    let sum = f32x4.splat(0);
    const from = input + channel;
    const row = rowAt(channel);
    for (let piece = pieces; piece < end; piece += PIECE_BYTES)
      sum = multiplyAdd(sum, v128.load(load<usize>(piece) + from), v128.load(load<usize>(piece, 4) + row));
    const lanes = <u32>min<usize>(bytes - channel, 16) >> 2;
    storeLanes(out + channel, finish(sum, biasAt(it, channel), least, greatest), lanes);
  }
}

/** Two outputs, channels [0, bytes), eight at once. The kernel is read in place. */
export function twoPositions(it: Conv, input: usize, xStep: usize, out: usize, outStep: usize, bytes: usize): void {
  const least = leastOf(it);
  const greatest = greatestOf(it);
  for (let channel: usize = 0; channel < bytes; channel += 32) {
    let sum00 = f32x4.splat(0);
    let sum01 = f32x4.splat(0);
    let sum10 = f32x4.splat(0);
    let sum11 = f32x4.splat(0);
    const from = input + channel;
    for (let piece = scratch; piece < piecesEnd; piece += PIECE_BYTES) {
      const kernel = load<usize>(piece, 4) + channel;
      const x = load<usize>(piece) + from;
      const x1 = x + xStep;
      const w0 = v128.load(kernel);
      sum00 = multiplyAdd(sum00, v128.load(x), w0);
      sum10 = multiplyAdd(sum10, v128.load(x1), w0);
      const w1 = v128.load(kernel, 16);
      sum01 = multiplyAdd(sum01, v128.load(x, 16), w1);
      sum11 = multiplyAdd(sum11, v128.load(x1, 16), w1);
    }
    if (it.flags & FINISH) {
      const bias0 = biasAt(it, channel);
      const bias1 = biasAt(it, channel + 16);
      sum00 = finish(sum00, bias0, least, greatest);
      sum01 = finish(sum01, bias1, least, greatest);
      sum10 = finish(sum10, bias0, least, greatest);
      sum11 = finish(sum11, bias1, least, greatest);
    }
    const to = out + channel;
    v128.store(to, sum00);
    v128.store(to, sum01, 16);
    v128.store(to + outStep, sum10);
    v128.store(to + outStep, sum11, 16);
  }
}

/** The bias of four channels. No sum is −0, so adding 0 changes none. */
export function biasAt(it: Conv, channel: usize): v128 {
  return it.flags & HAS_BIAS ? v128.load(it.bias + channel) : f32x4.splat(0);
}

/** The least value that the activation lets through, if it is a relu. */
export function leastOf(it: Conv): v128 {
  return f32x4.splat(it.flags & HAS_ACTIVATION && (it.activation == RELU || it.activation == RELU6) ? 0 : -Infinity);
}

/** The greatest one. */
export function greatestOf(it: Conv): v128 {
  return f32x4.splat(it.flags & HAS_ACTIVATION && it.activation == RELU6 ? 6 : Infinity);
}

/** The sum with bias and relu. NaN stays NaN. */
export function finish(sum: v128, bias: v128, least: v128, greatest: v128): v128 {
  return f32x4.pmin(f32x4.pmax(f32x4.add(sum, bias), least), greatest);
}
