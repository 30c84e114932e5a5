// How is a window of cells reduced to its maximum or average, and how does a gradient find the way back?
//
// Cells are [batch, depth, height, width, channels]; windows of one or two axes have depth (and height) 1. Margins are
// never read: a window is cut down to the real cells in it, of which there is at least one. The gradient is gathered by
// cell of the input, from the windows that hold it in their order, so that no two threads write one cell.

import { Instruction } from "../instruction";
import { POOL_AVERAGE, POOL_MAX } from "../opcodes";

@unmanaged
export class Pool extends Instruction {
  input: usize;
  out: usize;
  /** POOL_MAX …: for the winner, out holds positions in the window instead of values. */
  kind: u32;
  /** Bytes of an element of out: 4, or 1 for winners in windows of at most 256 cells. */
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
  /** Of POOL_MAX: what Pool wrote for the winner, of the same shape. */
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
 * Over the cells of each window, channel by channel: the maximum (NaN if there is one), the average (added up in the order
 * of the window), or the position in the window, margins counted, of the first NaN, or else of the first maximum.
 * input [batch, depth, height, width, channels] → out [batch, outDepth, outHeight, outWidth, channels]. Unit: one window.
 */
export function pool(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Pool>(instruction);
  const kind = overlay.kind;
  const bytes = overlay.bytes;
  const channels = overlay.channels;
  const depth = overlay.depth;
  const height = overlay.height;
  const width = overlay.width;
  const outHeight = overlay.outHeight;
  const outWidth = overlay.outWidth;
  const windowHeight = overlay.windowHeight;
  const windowWidth = overlay.windowWidth;
  const cellBytes = (<usize>channels) << 2;
  const rowBytes = cellBytes * width;
  const planeBytes = rowBytes * height;
  let out = overlay.out + <usize>begin * channels * bytes;

  for (let unit = <i32>begin; unit < <i32>end; ++unit) {
    const line = unit / outWidth;
    const plane = line / outHeight;
    const batch = plane / overlay.outDepth;
    const x = (unit - line * outWidth) * overlay.strideWidth - overlay.beforeWidth;
    const y = (line - plane * outHeight) * overlay.strideHeight - overlay.beforeHeight;
    const z = (plane - batch * overlay.outDepth) * overlay.strideDepth - overlay.beforeDepth;
    const firstX = max(x, 0);
    const firstY = max(y, 0);
    const firstZ = max(z, 0);
    const columns = min(x + windowWidth, width) - firstX;
    const rows = min(y + windowHeight, height) - firstY;
    const planes = min(z + overlay.windowDepth, depth) - firstZ;
    const count = f32x4.splat(<f32>(columns * rows * planes));
    const first = ((firstZ - z) * windowHeight + (firstY - y)) * windowWidth + (firstX - x);
    const run = <usize>columns * cellBytes;
    let corner = overlay.input + <usize>(batch * depth + firstZ) * planeBytes + firstY * rowBytes + firstX * cellBytes;

    for (let channel: u32 = 0; channel < channels; ) {
      const whole = channel + 4 <= channels;
      let result = f32x4.splat(kind == POOL_AVERAGE ? 0 : -Infinity);
      let winner = i32x4.splat(first);
      let top = corner;
      let place = first;
      for (let k = 0; k < planes; ++k) {
        let start = top;
        for (let j = 0; j < rows; ++j) {
          let cell = place + j * windowWidth;
          const stop = start + run;
          for (let from = start; from < stop; from += cellBytes) {
            const value = whole ? v128.load(from) : v128.load32_splat(from);
            if (kind == POOL_MAX) {
              result = f32x4.max(result, value);
            } else if (kind == POOL_AVERAGE) {
              result = f32x4.add(result, value);
            } else {
              // Not ≤ is > or NaN; a NaN that is there already stays.
              const wins = v128.andnot(f32x4.eq(result, result), f32x4.le(value, result));
              result = v128.bitselect(value, result, wins);
              winner = v128.bitselect(i32x4.splat(cell), winner, wins);
              ++cell;
            }
          }
          start += rowBytes;
        }
        top += planeBytes;
        place += windowHeight * windowWidth;
      }
      if (kind == POOL_AVERAGE) result = f32x4.div(result, count);
      else if (kind != POOL_MAX) result = winner;
      if (bytes == 1) {
        result = i16x8.narrow_i32x4_s(result, result);
        result = i8x16.narrow_i16x8_u(result, result);
        if (whole) v128.store_lane<u32>(out, result, 0);
        else v128.store_lane<u8>(out, result, 0);
      } else if (whole) {
        v128.store(out, result);
      } else {
        v128.store_lane<u32>(out, result, 0);
      }
      const done: u32 = whole ? 4 : 1;
      channel += done;
      corner += done << 2;
      out += done * bytes;
    }
  }
}

/**
 * out[cell] = Σ over the windows that hold the cell: of POOL_AVERAGE upstream / number of real cells in the window, of
 * POOL_MAX upstream where the cell is the winner. Unit: one cell.
 */
export function poolGradient(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<PoolGradient>(instruction);
  const kind = overlay.kind;
  const bytes = overlay.bytes;
  const channels = overlay.channels;
  const depth = overlay.depth;
  const height = overlay.height;
  const width = overlay.width;
  const windowDepth = overlay.windowDepth;
  const windowHeight = overlay.windowHeight;
  const windowWidth = overlay.windowWidth;
  const strideDepth = overlay.strideDepth;
  const strideHeight = overlay.strideHeight;
  const strideWidth = overlay.strideWidth;
  const upstream = overlay.upstream;
  const winners = overlay.winners;
  const size = (<usize>channels) << 2;
  let out = overlay.out + <usize>begin * size;

  for (let unit = <i32>begin; unit < <i32>end; ++unit) {
    const line = unit / width;
    const plane = line / height;
    const batch = plane / depth;
    // Counted from the margin in front, where the first window begins.
    const x = unit - line * width + overlay.beforeWidth;
    const y = line - plane * height + overlay.beforeHeight;
    const z = plane - batch * depth + overlay.beforeDepth;
    const lastX = min(x / strideWidth, overlay.outWidth - 1);
    const lastY = min(y / strideHeight, overlay.outHeight - 1);
    const lastZ = min(z / strideDepth, overlay.outDepth - 1);
    const firstX = firstWindow(x, windowWidth, strideWidth);
    const firstY = firstWindow(y, windowHeight, strideHeight);
    memory.fill(out, 0, size);
    for (let k = firstWindow(z, windowDepth, strideDepth); k <= lastZ; ++k) {
      const planes = realCells(k * strideDepth - overlay.beforeDepth, windowDepth, depth);
      for (let j = firstY; j <= lastY; ++j) {
        const rows = realCells(j * strideHeight - overlay.beforeHeight, windowHeight, height);
        const row = ((batch * overlay.outDepth + k) * overlay.outHeight + j) * overlay.outWidth;
        const place = ((z - k * strideDepth) * windowHeight + (y - j * strideHeight)) * windowWidth + x;
        for (let i = firstX; i <= lastX; ++i) {
          const at = <usize>(row + i) * channels;
          if (kind == POOL_AVERAGE) {
            const columns = realCells(i * strideWidth - overlay.beforeWidth, windowWidth, width);
            addQuotient(out, upstream + (at << 2), channels, <f32>(planes * rows * columns));
          } else {
            addWhere(out, upstream + (at << 2), winners + at * bytes, bytes, channels, place - i * strideWidth);
          }
        }
      }
    }
    out += size;
  }
}

/** The first of the windows, `stride` apart, that reach as far as `place`. */
function firstWindow(place: i32, window: i32, stride: i32): i32 {
  return place < window ? 0 : (place - window) / stride + 1;
}

/** How many of the cells [begin, begin + window) are from 0 to size - 1. */
function realCells(begin: i32, window: i32, size: i32): i32 {
  return min(begin + window, size) - max(begin, 0);
}

/** to += from / divisor. */
function addQuotient(to: usize, from: usize, count: u32, divisor: f32): void {
  const divisors = f32x4.splat(divisor);
  const end = to + ((<usize>count) << 2);
  for (; to + 16 <= end; to += 16, from += 16) {
    v128.store(to, f32x4.add(v128.load(to), f32x4.div(v128.load(from), divisors)));
  }
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(to) + load<f32>(from) / divisor);
}

/** to += from where the winner, of one or four bytes, is `cell`. */
function addWhere(to: usize, from: usize, winners: usize, bytes: usize, count: u32, cell: u32): void {
  const cells = i32x4.splat(cell);
  const end = to + ((<usize>count) << 2);
  for (; to + 16 <= end; to += 16, from += 16) {
    const winner =
      bytes == 1 ? i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(winners))) : v128.load(winners);
    v128.store(to, f32x4.add(v128.load(to), v128.and(v128.load(from), i32x4.eq(winner, cells))));
    winners += bytes << 2;
  }
  for (; to < end; to += 4, from += 4, winners += bytes) {
    const winner = bytes == 1 ? <u32>load<u8>(winners) : load<u32>(winners);
    if (winner == cell) store<f32>(to, load<f32>(to) + load<f32>(from));
  }
}
