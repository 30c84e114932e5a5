// Which part of its input does a block of output positions see?
//
// In every axis the output at o sees, through tap k of the kernel, the input at
//
//   (o · stride + k · dilation + offset) / quotient        if that is a whole number from 0 to input − 1, else zero.
//
// Forward, quotient = 1 and offset = −padding. The gradient with respect to the input is the same with the roles of
// input and output changed: stride = 1, −dilation, +padding, and the forward stride as quotient.
//
//   phase    the o with the same o % quotient; they see the same taps, at steps of `stride` input positions.
//   block    up to `positions` outputs of one phase along the last axis. Blocks are numbered sample by sample, then
//            along the first axis, the second, phase by phase, and from left to right.
//   window   the input positions along the last axis that a block sees through some taps, copied, with zeros outside.

import { scratch } from "../memory";

/** One spatial axis; there are always three, see bindings/ops/convGeometry.ts. */
@unmanaged
export class Axis {
  input: i32;
  output: i32;
  taps: i32;
  stride: i32;
  dilation: i32;
  offset: i32;
  quotient: i32;
}

const AXIS_BYTES: usize = offsetof<Axis>();

/** Scratch: pieces (12 bytes each, see convTiles.ts), windows, and what the caller keeps behind them. */
export const PIECE_BYTES: usize = 12;
export const WINDOWS: usize = 8 * 1024;
/** The caller's part of scratch; windows take at most 96 KB, and a little behind their end is written. */
export const BEHIND_WINDOWS: usize = WINDOWS + 100 * 1024;

// The block that locate() has found, and its list of pieces: one of each for every thread.
export let sample: i32 = 0;
export let outer: i32 = 0;
export let middle: i32 = 0;
export let phase: i32 = 0;
/** Counted in steps of `quotient` from the phase. */
export let first: i32 = 0;
/** Outputs in the block; 0 when there are none. */
export let count: i32 = 0;
/** End of the list of pieces, which begins at scratch. */
export let piecesEnd: usize = 0;
/** The windows that are still there: at this column of all images, of as many rows before this one, tap by tap. */
let heldColumn: i32 = 0;
let heldRow: i32 = 0;

/** Axis number `which` of the three. */
export function axisOf(geometry: usize, which: usize): Axis {
  return changetype<Axis>(geometry + which * AXIS_BYTES);
}

/** Blocks of one row of outputs. */
export function blocksOfRow(geometry: usize, positions: u32): u32 {
  const axis = axisOf(geometry, 2);
  return axis.quotient * blocksOfPhase(axis, positions);
}

function blocksOfPhase(axis: Axis, positions: u32): i32 {
  const longest = (axis.output + axis.quotient - 1) / axis.quotient;
  return (longest + positions - 1) / positions;
}

/** Finds block number `block`. */
export function locate(geometry: usize, positions: u32, block: u32): void {
  const axis = axisOf(geometry, 2);
  const perPhase = blocksOfPhase(axis, positions);
  const perRow = axis.quotient * perPhase;
  let row: i32 = block / perRow;
  const inRow: i32 = block % perRow;
  phase = inRow / perPhase;
  first = (inRow % perPhase) * positions;
  count = max(0, min<i32>(positions, (axis.output - phase + axis.quotient - 1) / axis.quotient - first));
  middle = row % axisOf(geometry, 1).output;
  row /= axisOf(geometry, 1).output;
  outer = row % axisOf(geometry, 0).output;
  sample = row / axisOf(geometry, 0).output;
}

/** Number of the output position `step` steps behind the first of the block, in [sample, outer, middle, inner]. */
export function outputPosition(geometry: usize, step: i32): usize {
  const inner = axisOf(geometry, 2);
  const row = (sample * axisOf(geometry, 0).output + outer) * axisOf(geometry, 1).output + middle;
  return <usize>row * inner.output + phase + inner.quotient * (first + step);
}

/** The input position that output `at` sees through `tap`, or −1. */
export function inputAt(axis: Axis, at: i32, tap: i32): i32 {
  let position = at * axis.stride + tap * axis.dilation + axis.offset;
  if (position < 0) return -1;
  if (axis.quotient != 1) {
    if (position % axis.quotient != 0) return -1;
    position /= axis.quotient;
  }
  return position < axis.input ? position : -1;
}

/** Number of the input row [sample, outer, middle] that the block sees through taps (kd, kh), or −1. */
export function inputRow(geometry: usize, kd: i32, kh: i32): i32 {
  const d = inputAt(axisOf(geometry, 0), outer, kd);
  const h = inputAt(axisOf(geometry, 1), middle, kh);
  if ((d | h) < 0) return -1;
  return (sample * axisOf(geometry, 0).input + d) * axisOf(geometry, 1).input + h;
}

/** Whether every tap along the first two axes leads the block to an input row. */
export function seesAllRows(geometry: usize): bool {
  for (let kd = 0; kd < axisOf(geometry, 0).taps; kd++) if (inputAt(axisOf(geometry, 0), outer, kd) < 0) return false;
  for (let kh = 0; kh < axisOf(geometry, 1).taps; kh++) if (inputAt(axisOf(geometry, 1), middle, kh) < 0) return false;
  return true;
}

/** Forgets all pieces. */
export function clearPieces(): void {
  piecesEnd = scratch;
}

/** Adds a piece: `length` steps along which a tile multiplies. */
export function addPiece(a: usize, b: usize, length: u32): void {
  store<usize>(piecesEnd, a);
  store<usize>(piecesEnd, b, 4);
  store<u32>(piecesEnd, length, 8);
  piecesEnd += PIECE_BYTES;
}

/** Steps of the phase from output 0 to the input that tap k sees at step 0; NONE when it sees none. */
export const NONE: i32 = i32.MIN_VALUE;
export function startOf(axis: Axis, tap: i32): i32 {
  const position = phase * axis.stride + tap * axis.dilation + axis.offset;
  return position % axis.quotient == 0 ? position / axis.quotient : NONE;
}

/**
 * Copies positions [from, from + length) of an input row, `channels` floats each, to `window`, `step` bytes from one
 * position to the next. Positions outside [0, size) become zeros; size = 0 makes all zeros. Returns the end of the window.
 * Up to 12 bytes behind each position are written.
 */
export function packWindow(
  window: usize,
  row: usize,
  size: i32,
  positionBytes: usize,
  from: i32,
  length: i32,
  channels: u32,
  step: usize,
): usize {
  const bytes = (<usize>channels) << 2;
  const begin = min(length, max(0, -from));
  const end = max(begin, min(length, size - from));
  let out = fillZeros(window, <usize>begin * step);
  let input = row + <usize>(from + begin) * positionBytes;
  if (step == bytes && bytes == positionBytes) {
    const all = <usize>(end - begin) * bytes;
    copyFloats(out, input, all);
    out += all;
  } else {
    for (let position = begin; position < end; position++) {
      copyFloats(out, input, bytes);
      input += positionBytes;
      out += step;
    }
  }
  return fillZeros(out, <usize>(length - end) * step);
}

/** Before other taps or channels than those of the block before. */
export function forgetWindows(): void {
  heldColumn = -1;
}

/**
 * The windows of taps [tap, tapEnd), and a piece for each run of taps that lie side by side in them: `depth` channels of
 * the input row from x on. The b of a piece grows by bTap bytes a tap. Taps that see zeros only are left out, or with
 * `complete` packed as zeros. Where two axes have taps, rows that the block above has packed are still there.
 */
export function packTaps(
  geometry: usize,
  x: usize,
  positionBytes: usize,
  depth: u32,
  tap: i32,
  tapEnd: i32,
  b: usize,
  bTap: usize,
  complete: bool,
): void {
  const inner = axisOf(geometry, 2);
  const rowAxis = axisOf(geometry, 1);
  const step = (<usize>depth) << 2;
  const merges = inner.dilation == 1 && inner.quotient == 1;
  let begin = tap % inner.taps;
  let tapRow = tap / inner.taps;
  const rows: u32 = (tapEnd - tap) / inner.taps;
  const rolls =
    (begin | (tapEnd % inner.taps)) == 0 && axisOf(geometry, 0).taps == 1 && rowAxis.dilation * rowAxis.dilation == 1;
  let row = middle * rowAxis.stride + tapRow * rowAxis.dilation + rowAxis.offset;
  const image = sample * axisOf(geometry, 0).output + outer;
  const column = image * inner.output + phase + inner.quotient * first;
  const held = column == heldColumn;
  let window = scratch + WINDOWS;
  piecesEnd = scratch;
  while (tap < tapEnd) {
    const end = min(inner.taps, begin + tapEnd - tap);
    let low = begin + inner.offset;
    let high = low + end - begin - 1;
    if (!merges) {
      low = i32.MAX_VALUE;
      high = i32.MIN_VALUE;
      for (let k = begin; k < end; k++) {
        const start = startOf(inner, k);
        if (start == NONE) continue;
        low = min(low, start);
        high = max(high, start);
      }
    }
    const inputs = inputRow(geometry, tapRow / rowAxis.taps, tapRow % rowAxis.taps);
    if (low <= high && (complete || inputs >= 0)) {
      const length = high - low + 1 + (count - 1) * inner.stride;
      const windowBytes = (<usize>length * step + 27) & ~15;
      if (rolls) window = scratch + WINDOWS + <usize>(<u32>(row + 0x1000000) % rows) * windowBytes;
      if (!held || <u32>((row - heldRow) * rowAxis.dilation + rows) >= rows) {
        const size = inputs < 0 ? 0 : inner.input;
        const from = x + <usize>inputs * inner.input * positionBytes;
        packWindow(window, from, size, positionBytes, low + first * inner.stride, length, depth, step);
      }
      if (merges) addPiece(window, b, <u32>(end - begin) * depth);
      else {
        for (let k = begin; k < end; k++) {
          const start = startOf(inner, k);
          if (start != NONE) addPiece(window + <usize>(start - low) * step, b + <usize>(k - begin) * bTap, depth);
        }
      }
      window += windowBytes;
    }
    b += <usize>(end - begin) * bTap;
    tap += end - begin;
    begin = 0;
    row += rowAxis.dilation;
    tapRow++;
  }
  heldColumn = rolls ? column : -1;
  heldRow = row;
}

/**
 * All pieces of each position side by side: [count, …] from `out` on, outStep bytes apart. `step` as in the windows. Up to
 * 12 bytes behind each position are written.
 */
export function packPatches(out: usize, outStep: usize, step: usize): void {
  for (let piece = scratch; piece < piecesEnd; piece += PIECE_BYTES) {
    const bytes = (<usize>load<u32>(piece, 8)) << 2;
    const input = load<usize>(piece);
    for (let offset: usize = 0; offset < bytes; offset += 16) {
      let from = input + offset;
      let to = out + offset;
      let position = count;
      do {
        v128.store(to, v128.load(from));
        from += step;
        to += outStep;
      } while (--position);
    }
    out += bytes;
  }
}

/** Bytes from one position to the next where {@link packPatches} writes `rows` floats for each. */
export function patchStep(rows: u32): usize {
  return (((<usize>rows) << 2) + 27) & ~15;
}

function copyFloats(out: usize, input: usize, bytes: usize): void {
  for (; bytes >= 64; bytes -= 64) {
    copyLine(out, input);
    out += 64;
    input += 64;
  }
  for (let offset: usize = 0; offset < bytes; offset += 16) v128.store(out + offset, v128.load(input + offset));
}

/** Sixteen floats. */
export function copyLine(out: usize, input: usize): void {
  const x0 = v128.load(input);
  const x1 = v128.load(input, 16);
  const x2 = v128.load(input, 32);
  const x3 = v128.load(input, 48);
  v128.store(out, x0);
  v128.store(out, x1, 16);
  v128.store(out, x2, 32);
  v128.store(out, x3, 48);
}

function fillZeros(out: usize, bytes: usize): usize {
  for (let offset: usize = 0; offset < bytes; offset += 16) v128.store(out + offset, i32x4.splat(0));
  return out + bytes;
}
