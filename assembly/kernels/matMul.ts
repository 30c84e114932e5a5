// How is a matrix product cut, packed and given to the register tiles?
//
//   unit        8 rows × 16 columns of C, over all of k. Numbered matrix by matrix; in a matrix panel by panel (16
//               columns); in a panel from the top row to the bottom. rowBlocks = ceil(m / 8), panels = ceil(n / 16),
//               units = batch · panels · rowBlocks. With n = 1 first exchange m and n (see below).
//               The grain, and the same formula in TypeScript: bindings/ops/matMulTiling.ts.
//   rectangle   matMul merges its run of units into the largest rectangles of C it can: whole panels, or rows of one
//   panel       16 columns of B, packed into scratch when the rectangle has the rows to pay for it
//   block       512 of k: 32 KB of panel, which the first-level cache holds while the rows of A pass by
//   tile        2 rows × 16 columns in registers (matMulTiles.ts)
//
// One column of C (n = 1) is the row Cᵀ [1, m] = Bᵀ [1, k] · Aᵀ [k, m], the same bytes in memory, so A and B change
// places: a [m, k] becomes a transposed B, a stored [k, m] a plain one.
//
// Units may be cut and ordered in any way without changing a bit: every element of C is one running sum over k.

import { HAS_ACTIVATION, HAS_BIAS, RELU, TRANSPOSE_A, TRANSPOSE_B } from "../opcodes";
import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { applyUnary } from "./map";
import { PACKED_STEP, packPanel, packTransposedPanel } from "./matMulPack";
import { rowTimesMatrix } from "./matMulRow";
import { BIAS, CLAMP, CONTINUE, tile1x16, tile1x4, tile1x8, tile2x16, tile4x4, tile4x8 } from "./matMulTiles";

/** Rows of a unit. */
const UNIT_ROWS: u32 = 8;
/** Columns of a unit and of a panel. */
const PANEL: u32 = 16;
/** Steps of k that a panel holds at once. */
const K_BLOCK: u32 = 512;
/** From this many rows on a packed panel is worth its copy. */
const PACK_ROWS: u32 = 64;
const PACK_A: u32 = 1;
const ROW_BLOCK: u32 = 64;
const GROUP: u32 = 4;
const BIAS_BYTES: usize = 64;
/** No activation to apply to the finished rows. */
const NONE: u32 = 0xffff_ffff;

@unmanaged
export class MatMul extends Instruction {
  /** [batch, m, k], or [batch, k, m] with TRANSPOSE_A. */
  a: usize;
  /** [batch, k, n], or [batch, n, k] with TRANSPOSE_B. */
  b: usize;
  /** [batch, m, n]. */
  out: usize;
  /** [n], read with HAS_BIAS. */
  bias: usize;
  batch: u32;
  m: u32;
  n: u32;
  k: u32;
  /** Elements from one matrix of the batch to the next; 0 = the same matrix for all. */
  strideA: u32;
  strideB: u32;
  strideOut: u32;
  flags: u32;
  /** A unary MAP code, applied with HAS_ACTIVATION. */
  activation: u32;
}

/**
 * C = act(op(A)·op(B) + bias). op(A) [m, k] × op(B) [k, n] → C [m, n], for every matrix of the batch.
 *
 * Units are blocks of 8 rows × 16 columns of C (see above). k ≥ 1; never both operands transposed.
 */
export function matMul(instruction: usize, begin: u32, end: u32): void {
  const product = changetype<MatMul>(instruction);
  const flags = product.flags;
  const k = product.k;
  let m = product.m;
  let n = product.n;
  let a = product.a;
  let b = product.b;
  const out = product.out;
  let bias = product.bias;
  let biasStep: usize = 4;
  let strideA = <usize>product.strideA << 2;
  let strideB = <usize>product.strideB << 2;
  const strideOut = <usize>product.strideOut << 2;
  let transposeA = (flags & TRANSPOSE_A) != 0;
  let transposeB = (flags & TRANSPOSE_B) != 0;

  if (n == 1 && m > 1) {
    const firstOperand = a;
    a = b;
    b = firstOperand;
    const firstStride = strideA;
    strideA = strideB;
    strideB = firstStride;
    n = m;
    m = 1;
    transposeB = !transposeA;
  }
  if (m == 1) transposeA = false; // [k, 1] and [1, k] are the same bytes
  if (n == 1) transposeB = false;
  const aRow: usize = transposeA ? 4 : <usize>k << 2;
  const aStep: usize = transposeA ? <usize>m << 2 : 4;
  const bRow: usize = <usize>(transposeB ? k : n) << 2;
  const bColumn: usize = transposeB ? bRow : 4;
  const outRow: usize = <usize>n << 2;

  let last: u32 = 0;
  let unary: u32 = NONE;
  if (flags & HAS_BIAS) {
    last = BIAS;
    if (product.n == 1) {
      // one bias for all columns, read as if there were one for each
      const value = v128.load32_splat(bias);
      bias = scratch;
      biasStep = 0;
      for (let column: usize = 0; column < 64; column += 16) v128.store(bias + column, value);
    }
  }
  if (flags & HAS_ACTIVATION) {
    if (product.activation == RELU) last |= CLAMP;
    else unary = product.activation;
  }

  const rowBlocks = (m + UNIT_ROWS - 1) / UNIT_ROWS;
  const panels = (n + PANEL - 1) / PANEL;
  while (begin < end) {
    const matrix = <usize>(begin / (rowBlocks * panels));
    const unit = begin % (rowBlocks * panels);
    const panel = unit / rowBlocks;
    const rowBlock = unit % rowBlocks;
    const units = end - begin;
    let panelCount: u32 = 1;
    let rowBlockCount = min(rowBlocks - rowBlock, units);
    if (rowBlock == 0 && units >= rowBlocks) panelCount = min(panels - panel, units / rowBlocks);
    begin += panelCount * rowBlockCount;

    const row = <usize>rowBlock * UNIT_ROWS;
    const rows = min<u32>(rowBlockCount * UNIT_ROWS, m - <u32>row);
    const column = <usize>panel * PANEL;
    const columns = min<u32>(panelCount * PANEL, n - <u32>column);
    let c = out + matrix * strideOut + row * outRow + (column << 2);
    rectangle(
      a + matrix * strideA + row * aRow,
      aRow,
      aStep,
      b + matrix * strideB + column * bColumn,
      bRow,
      transposeB,
      k,
      c,
      outRow,
      rows,
      columns,
      bias + column * biasStep,
      biasStep,
      last,
    );
    if (unary != NONE) {
      if (columns == n) applyUnary(unary, c, rows * columns);
      else {
        for (let i: u32 = 0; i < rows; i++) {
          applyUnary(unary, c, columns);
          c += outRow;
        }
      }
    }
  }
}

/** C [rows, columns] = clamp(op(A) [rows, k] · op(B) [k, columns] + bias [columns]), in one matrix. */
function rectangle(
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
  if (rows == 1 && !transposeB) {
    rowTimesMatrix(a, aStep, b, bRow, k, c, columns, bias, biasStep, last);
    return;
  }
  const packsB = transposeB || rows >= PACK_ROWS;
  const packsA = aStep != 4 && rows * k >= PACK_A;
  const rowBlock = packsA ? PANEL : ROW_BLOCK;
  const panelsOfB = scratch + BIAS_BYTES;
  const panelOfA = panelsOfB + GROUP * K_BLOCK * PACKED_STEP;
  for (let column: u32 = 0; column < columns; column += GROUP * PANEL) {
    const groupWidth = min<u32>(columns - column, GROUP * PANEL);
    for (let p: u32 = 0; p < k; p += K_BLOCK) {
      const depth = min<u32>(k - p, K_BLOCK);
      const mode: u32 = (p > 0 ? CONTINUE : 0) | (p + depth == k ? last : 0);
      const blockOfB = b + <usize>p * (transposeB ? 4 : bRow);
      let panelB = blockOfB;
      let panelStep: usize = PANEL * 4;
      let bStep = bRow;
      if (packsB) {
        packGroup(blockOfB, bRow, transposeB, depth, groupWidth, panelsOfB);
        panelB = panelsOfB;
        panelStep = <usize>depth * PACKED_STEP;
        bStep = PACKED_STEP;
      }
      let blockOfA = a + <usize>p * aStep;
      let blockOfC = c;
      for (let row: u32 = 0; row < rows; row += rowBlock) {
        const height = min<u32>(rows - row, rowBlock);
        let panel = panelB;
        for (let j: u32 = 0; j < groupWidth; j += PANEL) {
          const width = min<u32>(groupWidth - j, PANEL);
          const panelC = blockOfC + (<usize>j << 2);
          const panelBias = bias + <usize>j * biasStep;
          if (packsA) {
            if (j == 0) packPanel(blockOfA, aStep, depth, (height + 3) >> 2, panelOfA);
            tilePanel(panelOfA, 4, PACKED_STEP, panel, bStep, depth, panelC, cRow, height, width, panelBias, biasStep, mode);
          } else {
            tilePanel(blockOfA, aRow, aStep, panel, bStep, depth, panelC, cRow, height, width, panelBias, biasStep, mode);
          }
          panel += panelStep;
        }
        blockOfA += <usize>rowBlock * aRow;
        blockOfC += <usize>rowBlock * cRow;
      }
    }
    b += <usize>(GROUP * PANEL) * (transposeB ? bRow : 4);
    c += GROUP * PANEL * 4;
    bias += <usize>(GROUP * PANEL) * biasStep;
  }
}

/** Packs the panels of a group, one after the other. */
function packGroup(b: usize, bRow: usize, transposeB: bool, k: u32, columns: u32, panel: usize): void {
  for (let column: u32 = 0; column < columns; column += PANEL) {
    const width = min<u32>(columns - column, PANEL);
    if (transposeB) packTransposedPanel(b, bRow, k, width, panel);
    else packPanel(b, bRow, k, (width + 3) >> 2, panel);
    b += <usize>PANEL * (transposeB ? bRow : 4);
    panel += <usize>k * PACKED_STEP;
  }
}

/** C [rows, width] (+)= op(A) [rows, k] · panel [k, width], width ≤ 16. */
function tilePanel(
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
    for (; rows >= 2; rows -= 2) {
      tile2x16(a, aRow, aStep, b, bStep, k, c, cRow, bias, mode);
      a += 2 * aRow;
      c += 2 * cRow;
    }
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
