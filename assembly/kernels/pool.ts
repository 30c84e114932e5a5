// How is a window of cells reduced to its maximum or average, and how does a gradient find the way back?
//
// Cells are [batch, depth, height, width, channels]; windows of one or two axes have depth (and height) 1. Margins are
// never read: a window is cut down to the real cells in it, of which there is at least one. The gradient is gathered by
// cell of the input, from the windows that hold it in their order, so that no two threads write one cell.

import { Instruction } from "../instruction";
import { POOL_AVERAGE } from "../opcodes";
import { averageLong, isLong } from "./poolAverage";
import { Average, Maximum, Winner } from "./poolFolds";
import { arePairs, poolPairs, poolPairsGradient } from "./poolPairs";

@unmanaged
export class Pool extends Instruction {
  input: usize;
  out: usize;
  /** Of POOL_MAX: where the places of the maxima in their windows are written, of the shape of out; or 0. */
  winners: usize;
  kind: u32;
  /** Bytes of a winner: 1 in windows of at most 256 cells, else 4. */
  bytes: u32;
  channels: u32;
  depth: i32;
  height: i32;
  width: i32;
  outDepth: i32;
  outHeight: i32;
  outWidth: i32;
  windowDepth: i32;
  windowHeight: i32;
  windowWidth: i32;
  strideDepth: i32;
  strideHeight: i32;
  strideWidth: i32;
  /** Margin in front, less than the window. */
  beforeDepth: i32;
  beforeHeight: i32;
  beforeWidth: i32;
}

@unmanaged
export class PoolGradient extends Instruction {
  /** Gradient of the pooled values [batch, outDepth, outHeight, outWidth, channels]. */
  upstream: usize;
  /** Of POOL_MAX: what Pool wrote for the winners, of the same shape. */
  winners: usize;
  /** [batch, depth, height, width, channels] */
  out: usize;
  kind: u32;
  /** Bytes of a winner. */
  bytes: u32;
  channels: u32;
  depth: i32;
  height: i32;
  width: i32;
  outDepth: i32;
  outHeight: i32;
  outWidth: i32;
  windowDepth: i32;
  windowHeight: i32;
  windowWidth: i32;
  strideDepth: i32;
  strideHeight: i32;
  strideWidth: i32;
  beforeDepth: i32;
  beforeHeight: i32;
  beforeWidth: i32;
}

/**
 * Over the cells of each window, channel by channel: the average (added up in the order of the window; in windows of more
 * than 1024 cells blocks of these are added in float64), or the maximum (NaN if there is one) and, where wanted, the place
 * in the window, margins counted, of the first NaN, or else of the first maximum.
 * input [batch, depth, height, width, channels] → out [batch, outDepth, outHeight, outWidth, channels]. Unit: one window.
 */
export function pool(instruction: usize, begin: u32, end: u32): void {
  const kind = changetype<Pool>(instruction).kind;
  if (kind == POOL_AVERAGE) {
    if (isLong(changetype<Pool>(instruction))) averageLong(changetype<Pool>(instruction), begin, end);
    else poolBy<Average>(instruction, begin, end);
  } else if (!TRAINS) {
    poolBy<Maximum>(instruction, begin, end);
  } else if (arePairs(changetype<Pool>(instruction))) {
    poolPairs(changetype<Pool>(instruction), begin, end);
  } else if (changetype<Pool>(instruction).winners) {
    poolBy<Winner>(instruction, begin, end);
  } else {
    poolBy<Maximum>(instruction, begin, end);
  }
}

/** Channels done together where there are as many. */
const BLOCK: u32 = 8;

function poolBy<F>(instruction: usize, begin: i32, end: i32): void {
  const overlay = changetype<Pool>(instruction);
  const bytes = overlay.bytes;
  const channels = overlay.channels;
  const depth = overlay.depth;
  const height = overlay.height;
  const width = overlay.width;
  const outHeight = overlay.outHeight;
  const outWidth = overlay.outWidth;
  const windowHeight = overlay.windowHeight;
  const windowWidth = overlay.windowWidth;
  const strideWidth = overlay.strideWidth;
  const cellBytes = (<usize>channels) << 2;
  const rowBytes = cellBytes * width;
  const planeBytes = rowBytes * height;
  const block: u32 = channels < BLOCK ? 1 : BLOCK;
  let out = overlay.out + <usize>begin * cellBytes;
  let winners = overlay.winners + <usize>begin * channels * bytes;

  for (let unit = begin; unit < end; ) {
    const line = unit / outWidth;
    const plane = line / outHeight;
    const batch = plane / overlay.outDepth;
    const y = (line - plane * outHeight) * overlay.strideHeight - overlay.beforeHeight;
    const z = (plane - batch * overlay.outDepth) * overlay.strideDepth - overlay.beforeDepth;
    const firstY = max(y, 0);
    const firstZ = max(z, 0);
    const rows = min(y + windowHeight, height) - firstY;
    const fall = <usize>rows * rowBytes;
    const planes = min(z + overlay.windowDepth, depth) - firstZ;
    const start = overlay.input + <usize>(batch * depth + firstZ) * planeBytes + firstY * rowBytes;
    const firstOfRow = ((firstZ - z) * windowHeight + (firstY - y)) * windowWidth;
    const stop = min(end, (line + 1) * outWidth);
    let x = (unit - line * outWidth) * strideWidth - overlay.beforeWidth;

    for (; unit < stop; ++unit, x += strideWidth) {
      const firstX = max(x, 0);
      const columns = min(x + windowWidth, width) - firstX;
      const run = <usize>columns * cellBytes;
      const first = firstOfRow + firstX - x;
      const corner = start + firstX * cellBytes;
      const count = f32x4.splat(<f32>(columns * rows * planes));
      for (let channel: u32 = 0; channel < channels; channel += block) {
        // The last block reaches back, where the channels are not a multiple, and does some again.
        if (channel + block > channels) channel = channels - block;
        let a = f32x4.splat(changetype<F>(0).initial());
        let b = a;
        let stateA = i32x4.splat(changetype<F>(0).initialState(first));
        let stateB = stateA;
        let top = corner + ((<usize>channel) << 2);
        let place = first;
        // A window has at least one cell along each axis.
        for (let k = planes; k > 0; --k) {
          let row = top;
          let cellOfRow = place;
          const bottom = top + fall;
          do {
            let from = row;
            let cell = cellOfRow;
            const stop = row + run;
            do {
              let c: v128;
              let d: v128;
              if (block == 1) {
                c = v128.load32_splat(from);
                d = c;
              } else {
                c = v128.load(from);
                d = v128.load(from, 16);
              }
              stateA = changetype<F>(0).follow(stateA, a, c, cell);
              stateB = changetype<F>(0).follow(stateB, b, d, cell);
              a = changetype<F>(0).fold(a, c);
              b = changetype<F>(0).fold(b, d);
              ++cell;
              from += cellBytes;
            } while (from < stop);
            cellOfRow += windowWidth;
            row += rowBytes;
          } while (row < bottom);
          top += planeBytes;
          place += windowHeight * windowWidth;
        }
        a = changetype<F>(0).finish(a, stateA, count);
        b = changetype<F>(0).finish(b, stateB, count);
        const to = out + ((<usize>channel) << 2);
        if (block == 1) {
          v128.store_lane<u32>(to, a, 0);
        } else {
          v128.store(to, a);
          v128.store(to, b, 16);
        }
        if (changetype<F>(0).findsPlaces()) {
          const at = winners + <usize>channel * bytes;
          if (bytes == 1) {
            a = i16x8.narrow_i32x4_s(stateA, stateB);
            a = i8x16.narrow_i16x8_u(a, a);
            if (block == 1) v128.store_lane<u8>(at, a, 0);
            else v128.store_lane<u64>(at, a, 0);
          } else if (block == 1) {
            v128.store_lane<u32>(at, stateA, 0);
          } else {
            v128.store(at, stateA);
            v128.store(at, stateB, 16);
          }
        }
      }
      out += cellBytes;
      winners += channels * bytes;
    }
  }
}

/**
 * out[cell] = Σ over the windows that hold the cell: of POOL_AVERAGE upstream / number of real cells in the window, of
 * POOL_MAX upstream where the cell is the winner. Unit: one cell.
 */
export function poolGradient(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<PoolGradient>(instruction);
  const average = overlay.kind == POOL_AVERAGE;
  // Both instructions describe their windows alike.
  if (!average && overlay.bytes == 1 && arePairs(changetype<Pool>(instruction))) {
    poolPairsGradient(overlay, begin, end);
    return;
  }
  const bytes = overlay.bytes;
  const channels = overlay.channels;
  const depth = overlay.depth;
  const height = overlay.height;
  const width = overlay.width;
  const windowHeight = overlay.windowHeight;
  const windowWidth = overlay.windowWidth;
  const strideHeight = overlay.strideHeight;
  const strideWidth = overlay.strideWidth;
  const outWidth = overlay.outWidth;
  const upstream = overlay.upstream;
  const winners = overlay.winners;
  const size = (<usize>channels) << 2;
  let out = overlay.out + <usize>begin * size;

  for (let unit = <i32>begin; unit < <i32>end; ) {
    const line = unit / width;
    const plane = line / height;
    const batch = plane / depth;
    // Counted from the margin in front, where the first window begins.
    const y = line - plane * height + overlay.beforeHeight;
    const z = plane - batch * depth + overlay.beforeDepth;
    const firstY = firstWindow(y, windowHeight, strideHeight);
    const firstZ = firstWindow(z, overlay.windowDepth, overlay.strideDepth);
    const lastY = min(y / strideHeight, overlay.outHeight - 1);
    const lastZ = min(z / overlay.strideDepth, overlay.outDepth - 1);
    const stop = min(<i32>end, (line + 1) * width);
    let x = unit - line * width + overlay.beforeWidth;

    // The windows that hold the cell, and where along the axis the next one begins and the first one ends.
    let firstX = firstWindow(x, windowWidth, strideWidth);
    let openX = x / strideWidth;
    let begins = (openX + 1) * strideWidth;
    let ends = firstX * strideWidth + windowWidth;

    for (; unit < stop; ++unit, out += size) {
      const lastX = min(openX, outWidth - 1);
      let fresh = true;
      for (let k = firstZ; k <= lastZ; ++k) {
        for (let j = firstY; j <= lastY; ++j) {
          const row = ((batch * overlay.outDepth + k) * overlay.outHeight + j) * outWidth;
          for (let i = firstX; i <= lastX; ++i) {
            const at = <usize>(row + i) * channels;
            if (average) {
              const count =
                realCells(k * overlay.strideDepth - overlay.beforeDepth, overlay.windowDepth, depth) *
                realCells(j * strideHeight - overlay.beforeHeight, windowHeight, height) *
                realCells(i * strideWidth - overlay.beforeWidth, windowWidth, width);
              addQuotient(out, upstream + (at << 2), channels, <f32>count, fresh);
            } else {
              const cell =
                ((z - k * overlay.strideDepth) * windowHeight + (y - j * strideHeight)) * windowWidth +
                (x - i * strideWidth);
              addWhere(out, upstream + (at << 2), winners + at * bytes, bytes, channels, cell, fresh);
            }
            fresh = false;
          }
        }
      }
      if (fresh) memory.fill(out, 0, size);
      if (++x == begins) {
        ++openX;
        begins += strideWidth;
      }
      if (x == ends) {
        ++firstX;
        ends += strideWidth;
      }
    }
  }
}

/** The first of the windows, `stride` apart, that reach as far as `place`. */
function firstWindow(place: u32, window: u32, stride: u32): i32 {
  return place < window ? 0 : (place - window) / stride + 1;
}

/** How many of the cells [begin, begin + window) are from 0 to size - 1. */
function realCells(begin: i32, window: i32, size: i32): i32 {
  return min(begin + window, size) - max(begin, 0);
}

/** to += from / divisor; `fresh`: to counts as 0. */
function addQuotient(to: usize, from: usize, count: u32, divisor: f32, fresh: bool): void {
  const divisors = f32x4.splat(divisor);
  const end = to + ((<usize>count) << 2);
  for (; to + 16 <= end; to += 16, from += 16) {
    const value = f32x4.div(v128.load(from), divisors);
    v128.store(to, fresh ? value : f32x4.add(v128.load(to), value));
  }
  for (; to < end; to += 4, from += 4) {
    const value = load<f32>(from) / divisor;
    store<f32>(to, fresh ? value : load<f32>(to) + value);
  }
}

/** to += from where the winner, of one or four bytes, is `cell`; `fresh`: to counts as 0. */
function addWhere(to: usize, from: usize, winners: usize, bytes: usize, count: u32, cell: u32, fresh: bool): void {
  const cells = i32x4.splat(cell);
  const end = to + ((<usize>count) << 2);
  const last = end - 16;
  if (fresh) {
    for (; to <= last; to += 16, from += 16, winners += bytes << 2)
      v128.store(to, shareOf(from, winners, bytes, cells));
  } else {
    for (; to <= last; to += 16, from += 16, winners += bytes << 2) {
      v128.store(to, f32x4.add(v128.load(to), shareOf(from, winners, bytes, cells)));
    }
  }
  for (; to < end; to += 4, from += 4, winners += bytes) {
    const winner = bytes == 1 ? <u32>load<u8>(winners) : load<u32>(winners);
    const value: f32 = winner == cell ? load<f32>(from) : 0;
    store<f32>(to, fresh ? value : load<f32>(to) + value);
  }
}

/** Four elements of `from` where the winner is the cell, else 0. */
function shareOf(from: usize, winners: usize, bytes: usize, cells: v128): v128 {
  const winner =
    bytes == 1 ? i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(winners))) : v128.load(winners);
  return v128.and(v128.load(from), i32x4.eq(winner, cells));
}
