// How is a matrix product cut into units of work?
//
//   unit     8 rows × 16 columns of C, over all of k. Numbered matrix by matrix; in a matrix panel by panel (16 columns);
//            in a panel from the top row to the bottom:
//
//              rowBlocks = ceil(m / 8)   panels = ceil(n / 16)   units = batch · panels · rowBlocks
//
//            With BY_ROWS row of blocks by row of blocks, from left to right: a thread then gets neighbouring rows, as it does
//            of an optimizer's instruction, and finds in its cache the gradient that it wrote.
//            and with n = 1 < m: panels = ceil(m / 16), rowBlocks = 1 (the kernel then computes the row Cᵀ, see below).
//   grain    some rows of one panel, or whole panels, or whole matrices: the formula is in bindings/ops/matMulTiling.ts.
//   run      the units [begin, end) are merged into the largest rectangles of C they contain. Inside a rectangle packed
//            panels and cached rows are used again (matMulBlocks.ts), sums stay in registers (matMulTiles.ts).
//
// Every element of C is a running sum over p = 0 … k − 1, or, where k > 1024, the float64 sum of running sums over 1024 steps
// each (totals.ts); then + bias, then the activation. So its bits depend on its row of op(A), its column of op(B) and its
// bias only: not on the cut, the shape, the layout or the path taken in here.
//
// One column of C (n = 1) is the row Cᵀ [1, m] = Bᵀ [1, k] · Aᵀ [k, m], the same bytes in memory, so A and B change
// places: a [m, k] becomes a transposed B, a stored [k, m] a plain one.
//
// Whole vectors are loaded at the edges: up to 12 bytes behind the last element of b, bias and out are read, in any value,
// and must lie inside the memory. Nothing outside C is written.

import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { BY_ROWS, HAS_ACTIVATION, HAS_BIAS, RELU, TRANSPOSE_A, TRANSPOSE_B } from "../opcodes";
import { applyUnary } from "./map";
import { BIAS_BYTES, multiplyRectangle, PANEL } from "./matMulBlocks";
import { BIAS, CLAMP } from "./matMulTiles";

/** Rows of a unit. */
const UNIT_ROWS: u32 = 8;
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
 * Units are blocks of 8 rows × 16 columns of C (see above). m, n, k ≥ 1; never both operands transposed. All first
 * elements 64-byte aligned.
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
  let strideA = (<usize>product.strideA) << 2;
  let strideB = (<usize>product.strideB) << 2;
  const strideOut = (<usize>product.strideOut) << 2;
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
  const aRow: usize = transposeA ? 4 : (<usize>k) << 2;
  const aStep: usize = transposeA ? (<usize>m) << 2 : 4;
  const bRow: usize = (<usize>(transposeB ? k : n)) << 2;
  const bColumn: usize = transposeB ? bRow : 4;
  const outRow: usize = (<usize>n) << 2;

  let last: u32 = 0;
  let unary: u32 = NONE;
  if (flags & HAS_BIAS) last = BIAS;
  const oneBias = (flags & HAS_BIAS) != 0 && product.n == 1;
  if (oneBias) {
    bias = scratch;
    biasStep = 0;
  }
  if (flags & HAS_ACTIVATION) {
    if (product.activation == RELU) last |= CLAMP;
    else unary = product.activation;
  }

  const byRows = (flags & BY_ROWS) != 0;
  const rowBlocks = (m + UNIT_ROWS - 1) / UNIT_ROWS;
  const panels = (n + PANEL - 1) / PANEL;
  while (begin < end) {
    const matrix = <usize>(begin / (rowBlocks * panels));
    const unit = begin % (rowBlocks * panels);
    const units = end - begin;
    let panel: u32, rowBlock: u32, panelCount: u32, rowBlockCount: u32;
    if (byRows) {
      rowBlock = unit / panels;
      panel = unit % panels;
      rowBlockCount = 1;
      panelCount = min(panels - panel, units);
      if (panel == 0 && units >= panels) rowBlockCount = min(rowBlocks - rowBlock, units / panels);
    } else {
      panel = unit / rowBlocks;
      rowBlock = unit % rowBlocks;
      panelCount = 1;
      rowBlockCount = min(rowBlocks - rowBlock, units);
      if (rowBlock == 0 && units >= rowBlocks) panelCount = min(panels - panel, units / rowBlocks);
    }
    begin += panelCount * rowBlockCount;

    const row = <usize>rowBlock * UNIT_ROWS;
    const rows = min<u32>(rowBlockCount * UNIT_ROWS, m - <u32>row);
    const column = <usize>panel * PANEL;
    const columns = min<u32>(panelCount * PANEL, n - <u32>column);
    let c = out + matrix * strideOut + row * outRow + (column << 2);
    if (oneBias) {
      // repeated for a panel, as if every column had its own; each time, since applyUnary uses scratch too
      const value = v128.load32_splat(product.bias);
      for (let offset: usize = 0; offset < BIAS_BYTES; offset += 16) v128.store(bias + offset, value);
    }
    multiplyRectangle(
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
    // The activation sees an element in any lane and any chunk: applyUnary must give it the same bits everywhere.
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
