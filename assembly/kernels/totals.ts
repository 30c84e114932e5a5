// How are long sums added up?
//
// A running sum of float32 loses digits with its length: Σ 0.1 · 1 over 10⁶ steps is off by 1 %. So a sum is cut into blocks,
// at places that depend on its length only; each is a running sum of its own, and these are added in order, in float64.
//
//   products of matrices           blocks of 1024 steps of k, which begin at multiples of 1024 on every path. The error is
//                                  at most (min(k, 1024) + 1) · 2⁻²⁴ · Σ|a · b| for any k.
//   gradients of kernels           blocks of positions or tiles, up to 196; of their sums 64 are added in float32
//
// docs/decisions/0011-long-sums.md has the errors that were measured.
//
// Totals are rows of float64, without gaps but for a width that is rounded up to four: what stands there is never written
// to C, and read with up to 12 bytes behind a row of C.

import { BIAS, CLAMP, clamp, storeLanes } from "./matMulTiles";

/** Steps of k in one running sum. */
export const SUM_BLOCK: u32 = 1024;
/** Sums of blocks that are added in float32 by the gradients of kernels. */
export const SUMS_TOGETHER: u32 = 64;

/** totals (+)= sums [rows, columns], which are cRow bytes apart; `fresh`: totals count as 0. */
export function addToTotals(c: usize, cRow: usize, rows: u32, columns: u32, totals: usize, fresh: bool): void {
  const bytes = (<usize>columns) << 2;
  for (; rows > 0; rows--) {
    for (let offset: usize = 0; offset < bytes; offset += 16) {
      const sums = v128.load(c + offset);
      let low = f64x2.promote_low_f32x4(sums);
      let high = f64x2.promote_low_f32x4(v128.shuffle<u64>(sums, sums, 1, 0));
      if (!fresh) {
        low = f64x2.add(v128.load(totals), low);
        high = f64x2.add(v128.load(totals, 16), high);
      }
      v128.store(totals, low);
      v128.store(totals, high, 16);
      totals += 32;
    }
    c += cRow;
  }
}

/** totals (+)= c [rows, columns]; then c = 0. */
export function moveToTotals(c: usize, cRow: usize, rows: u32, columns: u32, totals: usize, fresh: bool): void {
  addToTotals(c, cRow, rows, columns, totals, fresh);
  for (; rows > 0; rows--) {
    memory.fill(c, 0, (<usize>columns) << 2);
    c += cRow;
  }
}

/** C [rows, columns] = clamp(totals + bias [columns]), totals rounded to float32 first; `last` as in matMulTiles.ts. */
export function writeTotals(
  totals: usize,
  c: usize,
  cRow: usize,
  rows: u32,
  columns: u32,
  bias: usize,
  biasStep: usize,
  last: u32,
): void {
  for (; rows > 0; rows--) {
    let out = c;
    for (let column: u32 = 0; column < columns; column += 4) {
      let sum = v128.shuffle<u64>(
        f32x4.demote_f64x2_zero(v128.load(totals)),
        f32x4.demote_f64x2_zero(v128.load(totals, 16)),
        0,
        2,
      );
      if (last & BIAS) sum = f32x4.add(sum, v128.load(bias + <usize>column * biasStep));
      if (last & CLAMP) sum = clamp(sum);
      storeLanes(out, sum, min(columns - column, 4));
      totals += 32;
      out += 16;
    }
    c += cRow;
  }
}
