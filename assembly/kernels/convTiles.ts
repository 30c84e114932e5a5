// How is a tile of a convolution computed, when its operands lie in pieces?
//
// A piece is three words: where op(A) begins for the tile's first row, where B begins, and for how many steps both go on.
// The tile of 2 rows × 16 columns is the one of matMulTiles.ts, with its sums kept in registers from piece to piece. Edges
// are computed piece by piece with the tiles that exist.

import { PIECE_BYTES } from "./convWindows";
import { multiplyPanel } from "./matMulBlocks";
import { BIAS, CLAMP, CONTINUE, clamp, multiplyAdd } from "./matMulTiles";

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
  if (width == 16) {
    for (; rows >= 2; rows -= 2) {
      pieces2x16(pieces, end, aOffset, aRow, aStep, bOffset, bStep, c, cRow, bias, mode);
      aOffset += 2 * aRow;
      c += 2 * cRow;
    }
    if (rows == 0) return;
  }
  let now = mode & CONTINUE;
  for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
    if (piece + PIECE_BYTES == end) now |= mode;
    multiplyPanel(
      load<usize>(piece) + aOffset,
      aRow,
      aStep,
      load<usize>(piece, 4) + bOffset,
      bStep,
      load<u32>(piece, 8),
      c,
      cRow,
      rows,
      width,
      bias,
      4,
      now,
    );
    now = CONTINUE;
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
  if (mode & CONTINUE) {
    sum00 = v128.load(c);
    sum01 = v128.load(c, 16);
    sum02 = v128.load(c, 32);
    sum03 = v128.load(c, 48);
    sum10 = v128.load(c1);
    sum11 = v128.load(c1, 16);
    sum12 = v128.load(c1, 32);
    sum13 = v128.load(c1, 48);
  }
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
