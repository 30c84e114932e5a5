// How is one row of C computed, when every element of B is needed only once?
//
// Then the product is as fast as B arrives. The tiles would jump through B, 16 columns a row; this reads whole rows of B,
// four at a time, and keeps the sums in C itself. 1 × 784 × 128: 47 GB/s of B; 1 × 1024 × 1024: 28 GB/s. A loop that only
// loads B reached 43 to 50 and 28 to 30, the tile 1 × 16 reached 41 and 17 (Ice Lake, Node 20).

import { scratch, TOTALS } from "../memory";
import { BIAS, CLAMP, clamp, multiplyAdd, tile1x4 } from "./matMulTiles";
import { addToTotals, SUM_BLOCK, writeTotals } from "./totals";

/** Columns at a time: 4 KB of C, read and written k / 4 times, stay in the first-level cache. */
const COLUMN_BLOCK: u32 = 1024;

/** c[j] = Σₚ a[p] · b[p][j], j < columns. a [k] aStep bytes apart, b [k, …] rows bRow bytes apart, c [columns]. */
export function rowTimesMatrix(
  a: usize,
  aStep: usize,
  b: usize,
  bRow: usize,
  k: u32,
  c: usize,
  columns: u32,
  bias: usize,
  biasStep: usize,
  mode: u32,
): void {
  while (columns > 0) {
    const width = columns < 8 ? min<u32>(columns, 4) : min(columns & ~7, COLUMN_BLOCK);
    if (k <= SUM_BLOCK) rowBlock(a, aStep, b, bRow, k, c, width, bias, biasStep, mode);
    else {
      const totals = scratch + TOTALS;
      for (let p: u32 = 0; p < k; p += SUM_BLOCK) {
        const depth = min(k - p, SUM_BLOCK);
        rowBlock(a + <usize>p * aStep, aStep, b + <usize>p * bRow, bRow, depth, c, width, bias, biasStep, 0);
        addToTotals(c, 0, 1, width, totals, p == 0);
      }
      writeTotals(totals, c, 0, 1, width, bias, biasStep, mode);
    }
    columns -= width;
    b += (<usize>width) << 2;
    c += (<usize>width) << 2;
    bias += <usize>width * biasStep;
  }
}

/** The same for a multiple of 8 columns, or up to four, as one running sum. */
function rowBlock(
  a: usize,
  aStep: usize,
  b: usize,
  bRow: usize,
  k: u32,
  c: usize,
  columns: u32,
  bias: usize,
  biasStep: usize,
  mode: u32,
): void {
  if (columns <= 4) {
    tile1x4(a, aStep, b, bRow, k, c, bias, mode, columns);
    return;
  }
  const bytes = (<usize>columns) << 2;
  const end = c + bytes;
  memory.fill(c, 0, bytes);
  for (; k >= 4; k -= 4) {
    const x0 = v128.load32_splat(a);
    const x1 = v128.load32_splat(a + aStep);
    const x2 = v128.load32_splat(a + 2 * aStep);
    const x3 = v128.load32_splat(a + 3 * aStep);
    let b0 = b;
    let b1 = b0 + bRow;
    let b2 = b1 + bRow;
    let b3 = b2 + bRow;
    b = b3 + bRow;
    for (let out = c; out < end; out += 32) {
      let sum0 = v128.load(out);
      let sum1 = v128.load(out, 16);
      sum0 = multiplyAdd(sum0, x0, v128.load(b0));
      sum1 = multiplyAdd(sum1, x0, v128.load(b0, 16));
      sum0 = multiplyAdd(sum0, x1, v128.load(b1));
      sum1 = multiplyAdd(sum1, x1, v128.load(b1, 16));
      sum0 = multiplyAdd(sum0, x2, v128.load(b2));
      sum1 = multiplyAdd(sum1, x2, v128.load(b2, 16));
      sum0 = multiplyAdd(sum0, x3, v128.load(b3));
      sum1 = multiplyAdd(sum1, x3, v128.load(b3, 16));
      v128.store(out, sum0);
      v128.store(out, sum1, 16);
      b0 += 32;
      b1 += 32;
      b2 += 32;
      b3 += 32;
    }
    a += 4 * aStep;
  }
  for (; k > 0; k--) {
    const x = v128.load32_splat(a);
    let row = b;
    for (let out = c; out < end; out += 16) {
      v128.store(out, multiplyAdd(v128.load(out), x, v128.load(row)));
      row += 16;
    }
    a += aStep;
    b += bRow;
  }
  if (mode & (BIAS | CLAMP)) {
    for (let out = c; out < end; out += 16) {
      let sum = v128.load(out);
      if (mode & BIAS) sum = f32x4.add(sum, v128.load(bias));
      if (mode & CLAMP) sum = clamp(sum);
      v128.store(out, sum);
      bias += 4 * biasStep;
    }
  }
}
