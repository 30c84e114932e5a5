// How is a tile of a convolution computed, when its operands lie in pieces?
//
// A piece is three words: where op(A) begins for the tile's first row, where B begins, and for how many steps both go on.
// The tile of 2 rows × 16 columns is the one of matMulTiles.ts, with its sums kept in registers from piece to piece. Edges
// are computed piece by piece with the tiles that exist. All pieces of a call are one running sum; with CONTINUE it is added
// to what lies in C, and does not go on from there.

import { scratch, TOTALS } from "../memory";
import { PIECE_BYTES } from "./convWindows";
import { multiplyPanel } from "./matMulBlocks";
import { BIAS, CLAMP, CONTINUE, clamp, multiplyAdd, storeLanes } from "./matMulTiles";

/** From this many steps on, a call for each two rows costs less than what it saves: fewer names compete for registers. */
const CALL_STEPS: u32 = 24;

/** C [rows, width] (+)= Σ over pieces of op(A) [rows, k] · B [k, width], width ≤ 16. The modes of matMulTiles.ts. */
export function multiplyPieces(
  pieces: usize,
  end: usize,
  aRow: usize,
  aStep: usize,
  bOffset: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  rows: u32,
  width: u32,
  bias: usize,
  mode: u32,
): void {
  let aOffset: usize = 0;
  if (width == 16 && (pieces + PIECE_BYTES < end || load<u32>(pieces, 8) >= CALL_STEPS)) {
    for (; rows >= 2; rows -= 2) {
      pieces2x16(pieces, end, aOffset, aRow, aStep, bOffset, bStep, c, cRow, bias, mode);
      aOffset += 2 * aRow;
      c += 2 * cRow;
    }
    if (rows == 0) return;
  }
  const continues = (mode & CONTINUE) != 0;
  const sums = continues ? scratch + TOTALS : c;
  const sumsRow = continues ? 64 : cRow;
  let now: u32 = 0;
  for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
    if (piece + PIECE_BYTES == end && !continues) now |= mode;
    multiplyPanel(
      load<usize>(piece) + aOffset,
      aRow,
      aStep,
      load<usize>(piece, 4) + bOffset,
      bStep,
      load<u32>(piece, 8),
      sums,
      sumsRow,
      rows,
      width,
      bias,
      4,
      now,
    );
    now = CONTINUE;
  }
  if (continues) addPart(c, cRow, sums, rows, width, bias, mode);
}

/** C [rows, width] = clamp(C + sums [rows, 16] + bias [width]), width ≤ 16. */
function addPart(c: usize, cRow: usize, sums: usize, rows: u32, width: u32, bias: usize, mode: u32): void {
  for (; rows > 0; rows--) {
    for (let column: u32 = 0; column < width; column += 4) {
      const offset = (<usize>column) << 2;
      let sum = f32x4.add(v128.load(c + offset), v128.load(sums + offset));
      if (mode & BIAS) sum = f32x4.add(sum, v128.load(bias + offset));
      if (mode & CLAMP) sum = clamp(sum);
      storeLanes(c + offset, sum, min(width - column, 4));
    }
    c += cRow;
    sums += 64;
  }
}

/** C tile [2, 16] (+)= Σ over pieces of op(A) [2, k] · B [k, 16]. */
function pieces2x16(
  piece: usize,
  end: usize,
  aOffset: usize,
  aRow: usize,
  aStep: usize,
  bOffset: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  bias: usize,
  mode: u32,
): void {
  const c1 = c + cRow;
  let sum00 = f32x4.splat(0);
  let sum01 = f32x4.splat(0);
  let sum02 = f32x4.splat(0);
  let sum03 = f32x4.splat(0);
  let sum10 = f32x4.splat(0);
  let sum11 = f32x4.splat(0);
  let sum12 = f32x4.splat(0);
  let sum13 = f32x4.splat(0);
  do {
    let a = load<usize>(piece) + aOffset;
    let a1 = a + aRow;
    let b = load<usize>(piece, 4) + bOffset;
    let k = load<u32>(piece, 8);
    do {
      const x0 = v128.load32_splat(a);
      const x1 = v128.load32_splat(a1);
      const y0 = v128.load(b);
      sum00 = multiplyAdd(sum00, x0, y0);
      sum10 = multiplyAdd(sum10, x1, y0);
      const y1 = v128.load(b, 16);
      sum01 = multiplyAdd(sum01, x0, y1);
      sum11 = multiplyAdd(sum11, x1, y1);
      const y2 = v128.load(b, 32);
      sum02 = multiplyAdd(sum02, x0, y2);
      sum12 = multiplyAdd(sum12, x1, y2);
      const y3 = v128.load(b, 48);
      sum03 = multiplyAdd(sum03, x0, y3);
      sum13 = multiplyAdd(sum13, x1, y3);
      a += aStep;
      a1 += aStep;
      b += bStep;
    } while (--k);
    piece += PIECE_BYTES;
  } while (piece < end);
  if (mode & CONTINUE) {
    sum00 = f32x4.add(v128.load(c), sum00);
    sum01 = f32x4.add(v128.load(c, 16), sum01);
    sum02 = f32x4.add(v128.load(c, 32), sum02);
    sum03 = f32x4.add(v128.load(c, 48), sum03);
    sum10 = f32x4.add(v128.load(c1), sum10);
    sum11 = f32x4.add(v128.load(c1, 16), sum11);
    sum12 = f32x4.add(v128.load(c1, 32), sum12);
    sum13 = f32x4.add(v128.load(c1, 48), sum13);
  }
  if (mode & BIAS) {
    const y0 = v128.load(bias);
    sum00 = f32x4.add(sum00, y0);
    sum10 = f32x4.add(sum10, y0);
    const y1 = v128.load(bias, 16);
    sum01 = f32x4.add(sum01, y1);
    sum11 = f32x4.add(sum11, y1);
    const y2 = v128.load(bias, 32);
    sum02 = f32x4.add(sum02, y2);
    sum12 = f32x4.add(sum12, y2);
    const y3 = v128.load(bias, 48);
    sum03 = f32x4.add(sum03, y3);
    sum13 = f32x4.add(sum13, y3);
  }
  if (mode & CLAMP) {
    sum00 = clamp(sum00);
    sum01 = clamp(sum01);
    sum02 = clamp(sum02);
    sum03 = clamp(sum03);
    sum10 = clamp(sum10);
    sum11 = clamp(sum11);
    sum12 = clamp(sum12);
    sum13 = clamp(sum13);
  }
  v128.store(c, sum00);
  v128.store(c, sum01, 16);
  v128.store(c, sum02, 32);
  v128.store(c, sum03, 48);
  v128.store(c1, sum10);
  v128.store(c1, sum11, 16);
  v128.store(c1, sum12, 32);
  v128.store(c1, sum13, 48);
}

/**
 * One column c [rows] (+)= Σ over pieces of op(A) [rows, k] · b [k], both side by side along k. Four running sums, of every
 * fourth step of a piece each, and its last steps on the first of them; then (0 + 1) + (2 + 3).
 */
export function dotPieces(
  pieces: usize,
  end: usize,
  aRow: usize,
  bOffset: usize,
  c: usize,
  cRow: usize,
  rows: u32,
  bias: usize,
  mode: u32,
): void {
  for (let aOffset: usize = 0; rows > 0; ) {
    const more = rows >= 4;
    const next = more ? aRow : 0;
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
      let a = load<usize>(piece) + aOffset;
      let a1 = a + next;
      let a2 = a1 + next;
      let a3 = a2 + next;
      let b = load<usize>(piece, 4) + bOffset;
      let k = load<u32>(piece, 8);
      for (; k >= 4; k -= 4) {
        const y = v128.load(b);
        sum0 = multiplyAdd(sum0, v128.load(a), y);
        sum1 = multiplyAdd(sum1, v128.load(a1), y);
        sum2 = multiplyAdd(sum2, v128.load(a2), y);
        sum3 = multiplyAdd(sum3, v128.load(a3), y);
        a += 16;
        a1 += 16;
        a2 += 16;
        a3 += 16;
        b += 16;
      }
      for (; k > 0; k--) {
        const y = v128.load32_zero(b);
        sum0 = multiplyAdd(sum0, v128.load32_zero(a), y);
        sum1 = multiplyAdd(sum1, v128.load32_zero(a1), y);
        sum2 = multiplyAdd(sum2, v128.load32_zero(a2), y);
        sum3 = multiplyAdd(sum3, v128.load32_zero(a3), y);
        a += 4;
        a1 += 4;
        a2 += 4;
        a3 += 4;
        b += 4;
      }
    }
    finishDot(c, sum0, bias, mode);
    if (more) {
      finishDot(c + cRow, sum1, bias, mode);
      finishDot(c + 2 * cRow, sum2, bias, mode);
      finishDot(c + 3 * cRow, sum3, bias, mode);
    }
    const done: u32 = more ? 4 : 1;
    rows -= done;
    aOffset += done * aRow;
    c += done * cRow;
  }
}

function finishDot(c: usize, lanes: v128, bias: usize, mode: u32): void {
  let sum: f32 = f32x4.extract_lane(lanes, 0) + f32x4.extract_lane(lanes, 1);
  sum += f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3);
  if (mode & CONTINUE) sum = load<f32>(c) + sum;
  if (mode & BIAS) sum += load<f32>(bias);
  if (mode & CLAMP) sum = f32x4.extract_lane(clamp(f32x4.splat(sum)), 0);
  store<f32>(c, sum);
}
