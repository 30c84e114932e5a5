// How is a convolution computed in which every channel is a group of its own?
//
//   out[o, c] = act(Σ over taps k of x[the input that o sees through k, c] · kernel[k, c] + bias[c])
//
// A unit is one block of output positions (convWindows.ts) over all channels. Channels are lanes. The outputs of a block
// see the same taps, which are listed once: a piece for each. Where all of them see the input, tiles take several outputs at
// once, of any taps (convDepthwiseTiles.ts) or of rows of three (convDepthwiseRows.ts, from a copy of the kernel); at the
// edges, one, with the taps that see something. The order of a sum is the same everywhere: tap by tap.

import { scratch } from "../memory";
import { HAS_ACTIVATION, RELU, RELU6 } from "../opcodes";
import { Conv } from "./conv";
import { threeApart, fourNeighbours, seesRowsOfThree } from "./convDepthwiseRows";
import { onePosition, placeKernel, twoPositions } from "./convDepthwiseTiles";
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
import { PACKED_STEP } from "./matMulPack";

/** An input up to this size stays in a second-level cache, or nearly. */
const NEAR_BYTES: usize = 2 * 1024 * 1024;
/** Smaller positions are near enough to each other for memory to fetch ahead of tiles. */
const FAR_POSITION: usize = 512;

/** out = act(conv(x, kernel) + bias) for units [begin, end). */
export function depthwise(it: Conv, begin: u32, end: u32): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const bytes = (<usize>it.columns) << 2;
  const outStep = bytes * inner.quotient;
  const xStep = bytes * inner.stride;
  const ofThree = seesRowsOfThree(it);
  const tile = ofThree ? (inner.stride == 1 ? 4 : 3) : 2;
  const positions = it.batch * axisOf(geometry, 0).input * axisOf(geometry, 1).input * inner.input;
  const touches = TRAINS && inner.stride == 1 && bytes >= FAR_POSITION && <usize>positions * bytes > NEAR_BYTES;
  const isRelu = it.activation == RELU || it.activation == RELU6;
  const activatesLater = (it.flags & HAS_ACTIVATION) != 0 && !isRelu;
  const kernel = placeKernel(it, ofThree);
  for (; begin < end; begin++) {
    locate(geometry, it.positions, begin);
    findTaps(it, bytes, kernel, ofThree ? PACKED_STEP : bytes);
    if (touches && piecesEnd > scratch) touchLowestRow(inner, bytes);
    const out = it.out + outputPosition(geometry, 0) * bytes;
    // Outputs [whole, wholeEnd) of the block see the input through every tap that is listed: none where no tap is.
    let whole = piecesEnd == scratch ? count : 0;
    let wholeEnd = count;
    while (whole < wholeEnd && lowest + (first + whole) * inner.stride < 0) whole++;
    while (whole < wholeEnd && highest + (first + wholeEnd - 1) * inner.stride >= inner.input) wholeEnd--;
    for (let at = 0; at < count; ) {
      const sees = at < whole ? 0 : wholeEnd - at; // outputs from here on that see through every tap
      if (sees < tile - 1 || wholeEnd - whole < tile) {
        const end = sees > 0 ? piecesEnd : listSeen(inner, at);
        const pieces = sees > 0 ? scratch : piecesEnd;
        onePosition(it, pieces, end, <usize>(first + at) * xStep, out + <usize>at * outStep, 0, bytes);
        at++;
      } else {
        at = min(at, wholeEnd - tile); // the last ones may meet an output that is there: the same once more
        const tiles = ofThree ? (wholeEnd - at) / tile : 1;
        wholePositions(it, inner, tile, tiles, <usize>(first + at) * xStep, out + <usize>at * outStep, bytes);
        at += tiles * tile;
      }
    }
    if (!activatesLater) continue;
    for (let at = 0; at < count; at++) applyUnary(it.activation, out + <usize>at * outStep, it.columns);
  }
}

/** So many tiles (one, but for rows of three) of so many outputs (`tile`) that see the input through every tap. */
function wholePositions(it: Conv, inner: Axis, tile: i32, tiles: i32, input: usize, out: usize, bytes: usize): void {
  const step = (<usize>it.columns) << 2;
  const xStep = step * inner.stride;
  const outStep = step * inner.quotient;
  const outputs = tile * tiles;
  const whole = bytes & ~(tile == 2 ? 31 : 15);
  if (!TRAINS || tile == 2) twoPositions(it, input, xStep, out, outStep, whole);
  else if (inner.stride == 2) threeApart(it, tiles, input, step, out, whole);
  else if (inner.dilation == 1) fourNeighbours(it, tiles, input, step, out, whole);
  else {
    const last = <usize>(outputs - 1) * step; // from right to left
    fourNeighbours(it, tiles, input + last, -step, out + last, whole);
  }
  if (whole == bytes) return;
  for (let at = 0; at < outputs; at++)
    onePosition(it, scratch, piecesEnd, input + at * xStep, out + at * outStep, whole, bytes);
}

// Taps ----------------------------------------------------------------------------------------------------------------

/** The least and the greatest input that the phase's first output sees through a listed tap. */
let lowest: i32 = 0;
let highest: i32 = 0;

/**
 * A piece for each tap that the block sees: its x for the phase's first output, its row of the kernel, its input there.
 * Rows of the kernel are kernelStep bytes apart.
 */
function findTaps(it: Conv, bytes: usize, kernel: usize, kernelStep: usize): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
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
        kernel += kernelStep;
      }
    }
  }
}

/**
 * Reads a word of each cache line of what the block sees in the lowest row of inputs, which no block before has seen, in
 * order: memory fetches ahead of that, but not ahead of tiles, which take a little of many positions. Only in the machine
 * that trains: code.
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
    store<usize>(end, load<usize>(piece));
    store<usize>(end, load<usize>(piece, 4), 4);
    end += PIECE_BYTES;
  }
  return end;
}
