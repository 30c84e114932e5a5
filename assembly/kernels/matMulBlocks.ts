// Which part of A, B and C is in which cache while a rectangle of C is computed?
//
//   for a part of the rectangle                   up to 1024 rows × 64 columns; the whole rectangle where k ≤ 1024
//    for 1024 steps of k                          whose sums are added to float64 totals (totals.ts)
//   for a group of panels of B                    4 panels of 16 columns (8 when A is packed)
//     for a block of k                            512 steps (256 when A is packed)
//       pack the group                            128 KB, second-level cache; not when all of B stays there by itself
//       for 64 rows of op(A)                      at most 128 KB, second-level cache; packed when A is stored [k, m]
//         for a panel of the group                32 KB, first-level cache
//           for a tile of rows                    registers (matMulTiles.ts)
//
// After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), with these differences: A in row
// order needs no packing, since its elements are read one by one; and between two blocks of k the sums wait in C, for 1024
// steps at most.
// Measured on an Ice Lake Xeon (48 KB and 1.25 MB of cache), Node 20: percent of the 128-bit peak, medians, two runs, ± 3
// (the other hyperthread of the core was in use by turns):
//
//   m × k × n                       B in place   B packed
//    4 ×  784 ×  128   B 0.4 MB      92  93       69  70
//   32 ×  784 ×  128                 96  99       95  92
//   64 ×  256 ×  256   B 0.25 MB     98  96       94  97
//    4 ×  512 ×  512   B 1 MB        71  76       65  66
//   32 ×  512 ×  512                 74  76       94  89
//    4 × 1024 × 1024   B 4 MB        38  38       58  55       2 rows: 35 in place, 42 row by row
//   32 × 1024 × 1024                 38  37       81  80
//
//   A stored [k, m]                 A in place   A packed
//   784  ×  32 ×  128                96  97       90  97
//   784  × 128 ×  128                95  92       95  96
//   1024 × 256 ×  256                74  74       96  94

import { scratch, TOTALS } from "../memory";
import { PACKED_STEP, packPanels, packTransposedPanels } from "./matMulPack";
import { rowTimesMatrix } from "./matMulRow";
import { CONTINUE, tile1x16, tile1x4, tile1x8, tiles2x16, tile4x4, tile4x8 } from "./matMulTiles";
import { addToTotals, SUM_BLOCK, writeTotals } from "./totals";

/** Columns of a panel. */
export const PANEL: u32 = 16;
/** Bytes at the start of scratch that the caller keeps: a panel of one bias repeated. */
export const BIAS_BYTES: usize = 64;

/** Steps of k that a packed panel holds: 32 KB of the first-level cache, beside two rows of A. */
const K_BLOCK: u32 = 512;
/** The same when A is packed too: 16 KB of B beside 16 KB of A. */
const K_BLOCK_BOTH: u32 = 256;
/** Packed rows of B in scratch: 128 KB, 4 panels of K_BLOCK or 8 of K_BLOCK_BOTH. */
const GROUP_ROWS: u32 = 2048;
/** Rows of A that pass over a group of panels: at most 128 KB, which the second-level cache holds. */
const ROW_BLOCK: u32 = 64;
/** Scratch behind packed B: packed A, 64 KB. */
const PACKED_A: usize = BIAS_BYTES + <usize>GROUP_ROWS * PACKED_STEP;
/** Bytes from the first to the last row of B up to which it is read in place: it stays in the second-level cache. */
export const IN_PLACE_BYTES: usize = 512 * 1024;
/** From this many rows on packing a larger B is worth the copy; fewer are computed row by row. */
const PACK_ROWS: u32 = 4;
/** Rows of C that have totals at once: with a group's columns 512 KB. */
const TOTAL_ROWS: u32 = 1024;
const TOTAL_ROWS_BOTH: u32 = 512;
/** From this many steps of k on a transposed A is worth packing, if … */
const PACK_A_DEPTH: u32 = 160;
/** … this many columns share the copy (784 × 256 × 128: one panel 87 % packed, 93 % in place), or … */
const PACK_A_COLUMNS: u32 = 32;
/** … its rows all fall into one set of the first-level cache (1024 × 256 × 256, one panel: 84 % packed, 67 % in place). */
const SET_STRIDE: usize = 4096;

/** C [rows, columns] = clamp(op(A) [rows, k] · op(B) [k, columns] + bias [columns]), in one matrix. */
export function multiplyRectangle(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bRow: usize,
  transposeB: bool,
  k: u32,
  c: usize,
  cRow: usize,
  rows: u32,
  columns: u32,
  bias: usize,
  biasStep: usize,
  last: u32,
): void {
  const inPlace = !transposeB && <usize>k * bRow <= IN_PLACE_BYTES;
  if (!transposeB && (rows == 1 || (rows < PACK_ROWS && !inPlace))) {
    for (; rows > 0; rows--) {
      rowTimesMatrix(a, aStep, b, bRow, k, c, columns, bias, biasStep, last);
      a += aRow;
      c += cRow;
    }
    return;
  }
  const packsA = aStep != 4 && k >= PACK_A_DEPTH && (columns >= PACK_A_COLUMNS || aStep % SET_STRIDE == 0);
  if (k <= SUM_BLOCK) {
    multiplyBlock(
      a,
      aRow,
      aStep,
      b,
      bRow,
      transposeB,
      k,
      c,
      cRow,
      rows,
      columns,
      bias,
      biasStep,
      last,
      inPlace,
      packsA,
    );
    return;
  }
  const partRows = packsA ? TOTAL_ROWS_BOTH : TOTAL_ROWS;
  const partColumns = (GROUP_ROWS / (packsA ? K_BLOCK_BOTH : K_BLOCK)) * PANEL;
  const totals = scratch + TOTALS;
  for (let column: u32 = 0; column < columns; column += partColumns) {
    const width = min(columns - column, partColumns);
    const groupB = b + <usize>column * (transposeB ? bRow : 4);
    for (let row: u32 = 0; row < rows; row += partRows) {
      const height = min(rows - row, partRows);
      const rowA = a + <usize>row * aRow;
      const rowC = c + <usize>row * cRow + ((<usize>column) << 2);
      for (let p: u32 = 0; p < k; p += SUM_BLOCK) {
        const blockA = rowA + <usize>p * aStep;
        const blockB = groupB + <usize>p * (transposeB ? 4 : bRow);
        const depth = min(k - p, SUM_BLOCK);
        multiplyBlock(
          blockA,
          aRow,
          aStep,
          blockB,
          bRow,
          transposeB,
          depth,
          rowC,
          cRow,
          height,
          width,
          bias,
          biasStep,
          0,
          inPlace,
          packsA,
        );
        addToTotals(rowC, cRow, height, width, totals, p == 0);
      }
      writeTotals(totals, rowC, cRow, height, width, bias + <usize>column * biasStep, biasStep, last);
    }
  }
}

/** The same for at most {@link SUM_BLOCK} steps: every element is one running sum. */
function multiplyBlock(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bRow: usize,
  transposeB: bool,
  k: u32,
  c: usize,
  cRow: usize,
  rows: u32,
  columns: u32,
  bias: usize,
  biasStep: usize,
  last: u32,
  inPlace: bool,
  packsA: bool,
): void {
  const kBlock = packsA ? K_BLOCK_BOTH : K_BLOCK;
  const groupColumns = (GROUP_ROWS / kBlock) * PANEL;
  const packedB = scratch + BIAS_BYTES;
  const packedA = scratch + PACKED_A;
  for (let column: u32 = 0; column < columns; column += groupColumns) {
    const groupWidth = min<u32>(columns - column, groupColumns);
    for (let p: u32 = 0; p < k; p += kBlock) {
      const depth = min<u32>(k - p, kBlock);
      const mode: u32 = (p > 0 ? CONTINUE : 0) | (p + depth == k ? last : 0);
      let groupB = b + <usize>p * (transposeB ? 4 : bRow);
      let bPanel: usize = PANEL * 4;
      let bStep = bRow;
      if (!inPlace) {
        if (transposeB) packTransposedPanels(groupB, bRow, depth, groupWidth, packedB);
        else packPanels(groupB, bRow, depth, groupWidth, packedB);
        groupB = packedB;
        bPanel = <usize>depth * PACKED_STEP;
        bStep = PACKED_STEP;
      }
      const blockA = a + <usize>p * aStep;
      for (let row: usize = 0; row < rows; row += ROW_BLOCK) {
        const height = min<u32>(rows - <u32>row, ROW_BLOCK);
        const rowA = blockA + row * aRow;
        const rowC = c + row * cRow;
        if (packsA) {
          packPanels(rowA, aStep, depth, height, packedA);
          for (let i: u32 = 0; i < height; i += PANEL) {
            const aPanel = packedA + <usize>(i >> 4) * depth * PACKED_STEP;
            const panelHeight = min<u32>(height - i, PANEL);
            const panelC = rowC + <usize>i * cRow;
            multiplyGroup(
              aPanel,
              4,
              PACKED_STEP,
              groupB,
              bPanel,
              bStep,
              depth,
              panelC,
              cRow,
              panelHeight,
              groupWidth,
              bias,
              biasStep,
              mode,
            );
          }
        } else {
          multiplyGroup(
            rowA,
            aRow,
            aStep,
            groupB,
            bPanel,
            bStep,
            depth,
            rowC,
            cRow,
            height,
            groupWidth,
            bias,
            biasStep,
            mode,
          );
        }
      }
    }
    b += <usize>groupColumns * (transposeB ? bRow : 4);
    c += groupColumns << 2;
    bias += <usize>groupColumns * biasStep;
  }
}

/** C [rows, columns] (+)= op(A) [rows, k] · B [k, columns], B in panels bPanel bytes apart. */
function multiplyGroup(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bPanel: usize,
  bStep: usize,
  k: u32,
  c: usize,
  cRow: usize,
  rows: u32,
  columns: u32,
  bias: usize,
  biasStep: usize,
  mode: u32,
): void {
  for (let j: u32 = 0; j < columns; j += PANEL) {
    multiplyPanel(a, aRow, aStep, b, bStep, k, c, cRow, rows, min<u32>(columns - j, PANEL), bias, biasStep, mode);
    b += bPanel;
    c += PANEL * 4;
    bias += <usize>PANEL * biasStep;
  }
}

/** C [rows, width] (+)= op(A) [rows, k] · panel [k, width], width ≤ 16. */
export function multiplyPanel(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: u32,
  c: usize,
  cRow: usize,
  rows: u32,
  width: u32,
  bias: usize,
  biasStep: usize,
  mode: u32,
): void {
  if (width == 16) {
    const pairs = rows & ~1;
    tiles2x16(a, aRow, aStep, b, bStep, k, c, cRow, pairs, bias, mode);
    a += pairs * aRow;
    c += pairs * cRow;
    rows -= pairs;
    if (rows > 0) tile1x16(a, aStep, b, bStep, k, c, bias, mode);
    return;
  }
  if (width >= 8) {
    let rowA = a;
    let rowC = c;
    let rest = rows;
    for (; rest >= 4; rest -= 4) {
      tile4x8(rowA, aRow, aStep, b, bStep, k, rowC, cRow, bias, mode);
      rowA += 4 * aRow;
      rowC += 4 * cRow;
    }
    for (; rest > 0; rest--) {
      tile1x8(rowA, aStep, b, bStep, k, rowC, bias, mode);
      rowA += aRow;
      rowC += cRow;
    }
    b += 32;
    c += 32;
    bias += 8 * biasStep;
    width -= 8;
  }
  while (width > 0) {
    const lanes = min<u32>(width, 4);
    let rowA = a;
    let rowC = c;
    let rest = rows;
    for (; rest >= 4; rest -= 4) {
      tile4x4(rowA, aRow, aStep, b, bStep, k, rowC, cRow, bias, mode, lanes);
      rowA += 4 * aRow;
      rowC += 4 * cRow;
    }
    for (; rest > 0; rest--) {
      tile1x4(rowA, aStep, b, bStep, k, rowC, bias, mode, lanes);
      rowA += aRow;
      rowC += cRow;
    }
    b += 16;
    c += 16;
    bias += 4 * biasStep;
    width -= lanes;
  }
}

/** C [rows, width] += a panel [rows, 16], without gaps. */
export function addPanel(c: usize, cRow: usize, panel: usize, rows: u32, width: u32): void {
  const whole = (<usize>(width & ~3)) << 2;
  const bytes = (<usize>width) << 2;
  for (; rows > 0; rows--) {
    let offset: usize = 0;
    for (; offset < whole; offset += 16)
      v128.store(c + offset, f32x4.add(v128.load(c + offset), v128.load(panel + offset)));
    for (; offset < bytes; offset += 4) store<f32>(c + offset, load<f32>(c + offset) + load<f32>(panel + offset));
    c += cRow;
    panel += 64;
  }
}
