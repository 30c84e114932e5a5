// How is a convolution computed in which every channel is a group of its own?
//
//   out[o, c] = act(Σ over taps k of x[the input that o sees through k, c] · kernel[k, c] + bias[c])
//
// A unit is one block of output positions (convWindows.ts) over all channels. Channels are lanes. The outputs of a block
// see the same taps, which are listed once: a piece for each. Where all of them see the input, four outputs × 4 channels
// stay in registers; at the edges, one output × 4 channels, with the taps that see something. The order of a sum is the
// same everywhere: tap by tap.

import { scratch } from "../memory";
import { HAS_ACTIVATION, HAS_BIAS, RELU, RELU6 } from "../opcodes";
import { Conv } from "./conv";
import {
  addPiece,
  Axis,
  axisOf,
  clearPieces,
  count,
  first,
  inputRow,
  locate,
  NONE,
  outputPosition,
  PIECE_BYTES,
  piecesEnd,
  startOf,
} from "./convWindows";
import { applyUnary } from "./map";
import { multiplyAdd, storeLanes } from "./matMulTiles";

/** An input up to this size stays in a second-level cache, or nearly. */
const NEAR_BYTES: usize = 2 * 1024 * 1024;
/** Smaller positions are near enough to each other for memory to fetch ahead of tiles. */
const FAR_POSITION: usize = 512;
/** Positions so far apart all fall into one set of the first-level cache: a line is to be read whole, while it is there. */
const SET_STRIDE: usize = 4096;

/** out = act(conv(x, kernel) + bias) for units [begin, end). */
export function depthwise(it: Conv, begin: u32, end: u32): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const bytes = (<usize>it.columns) << 2;
  const outStep = bytes * inner.quotient;
  const xStep = bytes * inner.stride;
  const tile = tileOf(inner);
  const positions = it.batch * axisOf(geometry, 0).input * axisOf(geometry, 1).input * inner.input;
  const touches = TRAINS && inner.stride == 1 && bytes >= FAR_POSITION && <usize>positions * bytes > NEAR_BYTES;
  const collides = TRAINS && bytes % SET_STRIDE == 0;
  const isRelu = it.activation == RELU || it.activation == RELU6;
  const activatesLater = (it.flags & HAS_ACTIVATION) != 0 && !isRelu;
  for (; begin < end; begin++) {
    locate(geometry, it.positions, begin);
    findTaps(it, bytes);
    if (touches && piecesEnd > scratch) touchLowestRow(inner, bytes);
    const out = it.out + outputPosition(geometry, 0) * bytes;
    // Outputs [whole, wholeEnd) of the block see the input through every tap.
    let whole = 0;
    let wholeEnd = count;
    while (whole < wholeEnd && lowest + (first + whole) * inner.stride < 0) whole++;
    while (whole < wholeEnd && highest + (first + wholeEnd - 1) * inner.stride >= inner.input) wholeEnd--;
    for (let step = 0; step < count; ) {
      const to = out + <usize>step * outStep;
      const input = <usize>(first + step) * xStep;
      if (step < whole || step >= wholeEnd) {
        onePosition(it, piecesEnd, listSeen(inner, step), input, to, 0, bytes);
        step++;
      } else if (wholeEnd - step < tile >> 1 || wholeEnd - whole < tile || collides) {
        onePosition(it, scratch, piecesEnd, input, to, 0, bytes);
        step++;
      } else {
        const from = min(step, wholeEnd - tile); // the last tile may meet outputs that are there: the same once more
        wholePositions(it, inner, from, tile, out + <usize>from * outStep, bytes);
        step = from + tile;
      }
    }
    if (!activatesLater) continue;
    for (let step = 0; step < count; step++) applyUnary(it.activation, out + <usize>step * outStep, it.columns);
  }
}

// Taps ----------------------------------------------------------------------------------------------------------------

/** The least and the greatest input that the phase's first output sees through a listed tap. */
let lowest: i32 = 0;
let highest: i32 = 0;

/** A piece for each tap that the block sees: its x for the phase's first output, its row of the kernel, its input there. */
function findTaps(it: Conv, bytes: usize): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  let kernel = it.kernel;
  clearPieces();
  lowest = i32.MAX_VALUE;
  highest = i32.MIN_VALUE;
  for (let kd = 0; kd < axisOf(geometry, 0).taps; kd++) {
    for (let kh = 0; kh < axisOf(geometry, 1).taps; kh++) {
      const row = inputRow(geometry, kd, kh);
      for (let kw = 0; kw < inner.taps; kw++) {
        const start = startOf(inner, kw);
        if (row >= 0 && start != NONE) {
          addPiece(it.x + <usize>(row * inner.input + start) * bytes, kernel, start);
          lowest = min(lowest, start);
          highest = max(highest, start);
        }
        kernel += bytes;
      }
    }
  }
}

/**
 * Reads a word of each cache line of what the block sees in the lowest row of inputs, which no block before has seen, in
 * order: memory fetches ahead of that, but not ahead of tiles, which take a little of many positions. Only in the machine that
 * trains: code.
 */
function touchLowestRow(inner: Axis, bytes: usize): void {
  let x = rowOf(piecesEnd - PIECE_BYTES, bytes);
  x = max(x, rowOf(scratch, bytes));
  const from = max(0, lowest + first * inner.stride);
  const end = x + <usize>min(inner.input, highest + (first + count - 1) * inner.stride + 1) * bytes;
  let sum: u32 = 0;
  for (let at = x + <usize>from * bytes; at < end; at += 64) sum |= load<u32>(at);
  store<u32>(piecesEnd + 16 * PIECE_BYTES, sum);
}

/** The first input of the row that a piece lies in. */
function rowOf(piece: usize, bytes: usize): usize {
  return load<usize>(piece) - <usize>load<i32>(piece, 8) * bytes;
}

/** Copies the taps through which output `step` sees something behind the list of all; returns their end. */
function listSeen(inner: Axis, step: i32): usize {
  let end = piecesEnd;
  for (let piece = scratch; piece < piecesEnd; piece += PIECE_BYTES) {
    const at = load<i32>(piece, 8) + (first + step) * inner.stride;
    if (at < 0 || at >= inner.input) continue;
    memory.copy(end, piece, PIECE_BYTES);
    end += PIECE_BYTES;
  }
  return end;
}

// Tiles ---------------------------------------------------------------------------------------------------------------
//
// Pieces [pieces, end); outputs outStep bytes apart from `out` on, the first of which sees `input` bytes behind the x of a piece,
// each next one xStep further. Channels in bytes.

/** One output, channels [channel, bytes), sixteen at once: a cache line. */
function onePosition(
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
    for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
      const kernel = load<usize>(piece, 4) + channel;
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
    for (let piece = pieces; piece < end; piece += PIECE_BYTES)
      sum = multiplyAdd(sum, v128.load(load<usize>(piece) + from), v128.load(load<usize>(piece, 4) + channel));
    const lanes = <u32>min<usize>(bytes - channel, 16) >> 2;
    storeLanes(out + channel, finish(sum, biasAt(it, channel), least, greatest), lanes);
  }
}

/** Outputs that {@link wholePositions} computes at once. */
function tileOf(inner: Axis): i32 {
  const three = inner.taps == 3 && inner.quotient == 1 && inner.stride == 1;
  return TRAINS && three && (inner.dilation == 1 || inner.dilation == -1) ? 4 : 2;
}

/** That many outputs, from the block's output `step` on, that see the input through every tap. */
function wholePositions(it: Conv, inner: Axis, step: i32, tile: i32, out: usize, bytes: usize): void {
  const outStep = bytes * inner.quotient;
  const xStep = bytes * inner.stride;
  const input = <usize>(first + step) * xStep;
  const whole = bytes & ~(tile == 4 ? 15 : 31);
  if (tile == 2) twoPositions(it, input, xStep, out, outStep, whole);
  else if (inner.dilation == 1) fourNeighbours(it, input, bytes, out, bytes, whole);
  else fourNeighbours(it, input + 3 * bytes, -bytes, out + 3 * bytes, -bytes, whole); // from right to left
  if (whole == bytes) return;
  for (let position = 0; position < tile; position++)
    onePosition(it, scratch, piecesEnd, input + position * xStep, out + position * outStep, whole, bytes);
}

/** Two outputs, channels [0, bytes), eight at once. */
function twoPositions(it: Conv, input: usize, xStep: usize, out: usize, outStep: usize, bytes: usize): void {
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
    const bias0 = biasAt(it, channel);
    const bias1 = biasAt(it, channel + 16);
    const to = out + channel;
    v128.store(to, finish(sum00, bias0, least, greatest));
    v128.store(to, finish(sum01, bias1, least, greatest), 16);
    v128.store(to + outStep, finish(sum10, bias0, least, greatest));
    v128.store(to + outStep, finish(sum11, bias1, least, greatest), 16);
  }
}

/**
 * The same where each row of taps has three, neighbours like the outputs: each input is loaded once for the outputs that
 * see it. Only in the machine that trains: code.
 */
function fourNeighbours(it: Conv, input: usize, xStep: usize, out: usize, outStep: usize, bytes: usize): void {
  const least = leastOf(it);
  const greatest = greatestOf(it);
  for (let channel: usize = 0; channel < bytes; channel += 16) {
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    const from = input + channel;
    for (let piece = scratch; piece < piecesEnd; piece += 3 * PIECE_BYTES) {
      const w0 = v128.load(load<usize>(piece, 4) + channel);
      const w1 = v128.load(load<usize>(piece + PIECE_BYTES, 4) + channel);
      const w2 = v128.load(load<usize>(piece + 2 * PIECE_BYTES, 4) + channel);
      let x = load<usize>(piece) + from;
      sum0 = multiplyAdd(sum0, v128.load(x), w0);
      x += xStep;
      const x1 = v128.load(x);
      sum0 = multiplyAdd(sum0, x1, w1);
      sum1 = multiplyAdd(sum1, x1, w0);
      x += xStep;
      const x2 = v128.load(x);
      sum0 = multiplyAdd(sum0, x2, w2);
      sum1 = multiplyAdd(sum1, x2, w1);
      sum2 = multiplyAdd(sum2, x2, w0);
      x += xStep;
      const x3 = v128.load(x);
      sum1 = multiplyAdd(sum1, x3, w2);
      sum2 = multiplyAdd(sum2, x3, w1);
      sum3 = multiplyAdd(sum3, x3, w0);
      x += xStep;
      const x4 = v128.load(x);
      sum2 = multiplyAdd(sum2, x4, w2);
      sum3 = multiplyAdd(sum3, x4, w1);
      sum3 = multiplyAdd(sum3, v128.load(x + xStep), w2);
    }
    const bias = biasAt(it, channel);
    let to = out + channel;
    v128.store(to, finish(sum0, bias, least, greatest));
    to += outStep;
    v128.store(to, finish(sum1, bias, least, greatest));
    to += outStep;
    v128.store(to, finish(sum2, bias, least, greatest));
    v128.store(to + outStep, finish(sum3, bias, least, greatest));
  }
}

/** The bias of four channels. No sum is −0, so adding 0 changes none. */
function biasAt(it: Conv, channel: usize): v128 {
  return it.flags & HAS_BIAS ? v128.load(it.bias + channel) : f32x4.splat(0);
}

/** The least value that the activation lets through, if it is a relu. */
function leastOf(it: Conv): v128 {
  return f32x4.splat(it.flags & HAS_ACTIVATION && (it.activation == RELU || it.activation == RELU6) ? 0 : -Infinity);
}

/** The greatest one. */
function greatestOf(it: Conv): v128 {
  return f32x4.splat(it.flags & HAS_ACTIVATION && it.activation == RELU6 ? 6 : Infinity);
}

/** The sum with bias and relu. NaN stays NaN. */
function finish(sum: v128, bias: v128, least: v128, greatest: v128): v128 {
  return f32x4.pmin(f32x4.pmax(f32x4.add(sum, bias), least), greatest);
}
