// How is the average of a window with many cells taken? In float64 between blocks of cells: see totals.ts.

import { scratch, TOTALS } from "../memory";
import { loadPartial } from "./copy";
import { Pool } from "./pool";
import { addToTotals, moveToTotals } from "./totals";

/** Cells whose sum is float32. */
const CELLS: i32 = 1024;
/** Channels that are summed together where there are as many, a line of the cache. */
const LINE: u32 = 16;

/** Whether windows have more cells than a float32 sum takes. */
export function isLong(it: Pool): bool {
  return <f64>it.windowDepth * <f64>it.windowHeight * <f64>it.windowWidth > <f64>CELLS;
}

/** Averages of windows with many cells: blocks of rows of a window, or of parts of one, up to CELLS, added in float64. */
export function averageLong(it: Pool, begin: i32, end: i32): void {
  const cellBytes = (<usize>it.channels) << 2;
  const sums = scratch;
  const totals = scratch + TOTALS;
  let out = it.out + <usize>begin * cellBytes;
  for (let unit = begin; unit < end; ++unit, out += cellBytes) {
    const line = unit / it.outWidth;
    const plane = line / it.outHeight;
    const batch = plane / it.outDepth;
    const x = (unit - line * it.outWidth) * it.strideWidth - it.beforeWidth;
    const y = (line - plane * it.outHeight) * it.strideHeight - it.beforeHeight;
    const z = (plane - batch * it.outDepth) * it.strideDepth - it.beforeDepth;
    const firstX = max(x, 0);
    const firstY = max(y, 0);
    const firstZ = max(z, 0);
    const columns = min(x + it.windowWidth, it.width) - firstX;
    const rows = min(y + it.windowHeight, it.height) - firstY;
    const planes = min(z + it.windowDepth, it.depth) - firstZ;
    const count = <f64>columns * <f64>rows * <f64>planes;
    for (let channel: u32 = 0; channel < it.channels; ) {
      const width: u32 = it.channels - channel >= LINE ? LINE : min(it.channels - channel, 4);
      memory.fill(sums, 0, 64);
      let cells = 0;
      let fresh = true;
      for (let k = 0; k < planes; k++) {
        for (let j = 0; j < rows; j++) {
          const row = ((batch * it.depth + firstZ + k) * it.height + firstY + j) * it.width + firstX;
          let from = it.input + <usize>row * cellBytes + ((<usize>channel) << 2);
          for (let left = columns; left > 0; ) {
            const part = min(left, CELLS);
            if (cells + part > CELLS) {
              moveToTotals(sums, 0, 1, LINE, totals, fresh);
              fresh = false;
              cells = 0;
            }
            cells += part;
            left -= part;
            if (width == LINE) addLines(sums, from, cellBytes, part);
            else v128.store(sums, sumOfCells(v128.load(sums), from, cellBytes, part, width));
            from += <usize>part * cellBytes;
          }
        }
      }
      addToTotals(sums, 0, 1, LINE, totals, fresh);
      for (let at: usize = 0; at < <usize>width; at++)
        store<f32>(out + ((<usize>channel + at) << 2), <f32>(load<f64>(totals + (at << 3)) / count));
      channel += width;
    }
  }
}

/** sums [16] += Σ over cells of 16 channels. */
function addLines(sums: usize, from: usize, cellBytes: usize, cells: i32): void {
  let a = v128.load(sums);
  let b = v128.load(sums, 16);
  let c = v128.load(sums, 32);
  let d = v128.load(sums, 48);
  for (; cells > 0; --cells, from += cellBytes) {
    a = f32x4.add(a, v128.load(from));
    b = f32x4.add(b, v128.load(from, 16));
    c = f32x4.add(c, v128.load(from, 32));
    d = f32x4.add(d, v128.load(from, 48));
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}

/** sum + Σ over cells of `width` (1 … 4) channels: four sums that take turns, for speed; of one channel in its lanes. */
function sumOfCells(sum: v128, from: usize, cellBytes: usize, cells: i32, width: u32): v128 {
  let b = f32x4.splat(0);
  let c = b;
  let d = b;
  if (cellBytes == 4) {
    for (; cells >= 8; cells -= 8, from += 32) {
      b = f32x4.add(b, v128.load(from));
      c = f32x4.add(c, v128.load(from, 16));
    }
    b = f32x4.add(b, c);
    b = f32x4.add(b, v128.shuffle<u32>(b, b, 2, 3, 0, 1));
    sum = f32x4.add(sum, f32x4.add(b, v128.shuffle<u32>(b, b, 1, 0, 3, 2)));
    b = d;
  }
  if (width == 4) {
    for (; cells >= 4; cells -= 4) {
      sum = f32x4.add(sum, v128.load(from));
      b = f32x4.add(b, v128.load(from + cellBytes));
      c = f32x4.add(c, v128.load(from + 2 * cellBytes));
      d = f32x4.add(d, v128.load(from + 3 * cellBytes));
      from += 4 * cellBytes;
    }
    sum = f32x4.add(f32x4.add(sum, b), f32x4.add(c, d));
  }
  for (; cells > 0; --cells, from += cellBytes)
    sum = f32x4.add(sum, width == 4 ? v128.load(from) : loadPartial(from, width, d));
  return sum;
}
