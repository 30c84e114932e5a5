// How is a 3 × 3 convolution computed with fewer multiplications? By tiles, which are transformed: convWinogradTransforms.ts.
//
// G g Gᵀ comes as an operand, the same for all tiles: [panels of 16 columns][36][channels][16], zeros beyond the last
// column. For a block of tiles Bᵀ d B of all channels is written to scratch, [36][tiles][channels]; then for each panel the 36
// products, [36][tiles][16], and from these the outputs.
//
//   unit     one block of `tiles` tiles, over all columns
//
// Every output is a fixed sum, over the channels in order and then over the 36: its bits do not depend on the cut.
//
// A number of a tile goes through the transforms into outputs that do not see it. While it is finite it cancels there, up
// to rounding; one that is not, or that overflows on the way, does not: all outputs that it reaches are infinite or NaN. Those alone are
// summed anew from what they see, so that they are what they are by definition; zeros outside the input contribute nothing.

import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { HAS_ACTIVATION, HAS_BIAS, RELU } from "../opcodes";
import { winogradKernelGradient } from "./convWinogradGradient";
import {
  findWindow,
  firstOutput,
  locateTile,
  nextTile,
  outputColumn,
  outputRow,
  sample,
  TileGeometry,
  tileCount,
} from "./convWinogradTiles";
import {
  MENDED,
  PAIR_PLANES,
  PAIRS,
  PLANES,
  TRANSFORM_BYTES,
  transformInputs,
  transformProducts,
  writeTile,
} from "./convWinogradTransforms";
import { applyUnary } from "./map";
import { multiplyPanel, PANEL } from "./matMulBlocks";
import { BIAS, CLAMP, CONTINUE, clamp, multiplyAdd, storeLanes, tile1x16 } from "./matMulTiles";

/** Scratch behind what transforms use: the transformed inputs of a block; then the products of a panel. */
const INPUTS: usize = TRANSFORM_BYTES;
const PANEL_BYTES: usize = 64;
/** Between planes, which else begin in one set of the first-level cache. */
const GAP: usize = 64;

@unmanaged
export class ConvWinograd extends Instruction {
  /** [batch, inputRows, inputColumns, channels]. */
  x: usize;
  /** G g Gᵀ: [panels, 36, channels, 16]. */
  transformed: usize;
  /** g: [3, 3, channels, columns]. */
  kernel: usize;
  /** [batch, outputRows, outputColumns, columns]. */
  out: usize;
  /** [columns], read with HAS_BIAS. */
  bias: usize;
  /** A TileGeometry. */
  geometry: usize;
  /** Tiles of a block. */
  tiles: u32;
  flags: u32;
  /** A unary MAP code, applied with HAS_ACTIVATION. */
  activation: u32;
}

@unmanaged
export class ConvWinogradGradient extends Instruction {
  /** [batch, inputRows, inputColumns, channels]. */
  x: usize;
  /** [batch, outputRows, outputColumns, columns]. */
  dy: usize;
  /** [36, channels, columns]. */
  out: usize;
  /** A TileGeometry. */
  geometry: usize;
  /** Tiles of a block. */
  tiles: u32;
  /** Channels of a unit. */
  channelPart: u32;
}

/** out = act(conv(x, kernel) + bias), units as above. */
export function convWinograd(instruction: usize, begin: u32, end: u32): void {
  const it = changetype<ConvWinograd>(instruction);
  const all = tileCount(changetype<TileGeometry>(it.geometry));
  for (; begin < end; begin++) {
    const first = begin * it.tiles;
    block(it, first, min(it.tiles, all - first));
  }
}

function block(it: ConvWinograd, first: u32, count: u32): void {
  const geometry = changetype<TileGeometry>(it.geometry);
  const channels = geometry.channels;
  const columns = geometry.columns;
  const row = (<usize>((channels + 3) & ~3)) << 2;
  const inputs = scratch + INPUTS;
  const plane = count * row + GAP;
  const products = inputs + PLANES * plane;
  locateTile(geometry, first);
  for (let i: u32 = 0; i < count; i++) {
    findWindow(geometry, it.x, 0, channels);
    for (let pair: u32 = 0; pair < PAIRS; pair++)
      transformInputs(pair, inputs + i * row + PAIR_PLANES * pair * plane, plane, row);
    nextTile(geometry);
  }
  const kernelBytes = <usize>channels * PANEL_BYTES;
  const productBytes = <usize>count * PANEL_BYTES + GAP;
  let b = it.transformed;
  for (let column: u32 = 0; column < columns; column += PANEL) {
    let a = inputs;
    let c = products;
    for (let point: u32 = 0; point < PLANES; point++) {
      multiplyTiles(a, row, b, channels, c, count);
      a += plane;
      b += kernelBytes;
      c += productBytes;
    }
    writeOutputs(it, products, first, count, column, min(PANEL, columns - column));
  }
  if (!(it.flags & HAS_ACTIVATION) || it.activation == RELU) return;
  // The activation sees an element in any lane and any chunk: applyUnary must give it the same bits everywhere.
  locateTile(geometry, first);
  for (let i: u32 = 0; i < count; i++) {
    const width = min(4, geometry.outputColumns - outputColumn) * columns;
    let out = it.out + (firstOutput(geometry) << 2);
    for (let r = outputRow; r < min(outputRow + 4, geometry.outputRows); r++) {
      applyUnary(it.activation, out, width);
      out += (<usize>geometry.outputColumns * columns) << 2;
    }
    nextTile(geometry);
  }
}

/**
 * C [rows, 16] = A [rows, k] · B [k, 16], both C and B without gaps. The tile of matMulTiles.ts with its steps known: with
 * those of that file as arguments convolutions take 7 to 13 % longer (four shapes in turns, Node 20, Zen 4).
 */
function multiplyTiles(aFirst: usize, aRow: usize, bFirst: usize, steps: u32, c: usize, rows: u32): void {
  const bEnd = bFirst + <usize>steps * PANEL_BYTES;
  for (; rows >= 2; rows -= 2) {
    let a = aFirst;
    let a1 = a + aRow;
    aFirst = a1 + aRow;
    let b = bFirst;
    let sum00 = f32x4.splat(0);
    let sum01 = f32x4.splat(0);
    let sum02 = f32x4.splat(0);
    let sum03 = f32x4.splat(0);
    let sum10 = f32x4.splat(0);
    let sum11 = f32x4.splat(0);
    let sum12 = f32x4.splat(0);
    let sum13 = f32x4.splat(0);
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
      a += 4;
      a1 += 4;
      b += 64;
    } while (b != bEnd);
    v128.store(c, sum00);
    v128.store(c, sum01, 16);
    v128.store(c, sum02, 32);
    v128.store(c, sum03, 48);
    v128.store(c, sum10, 64);
    v128.store(c, sum11, 80);
    v128.store(c, sum12, 96);
    v128.store(c, sum13, 112);
    c += 128;
  }
  if (rows > 0) tile1x16(aFirst, 4, bFirst, 64, steps, c, 0, 0);
}

/** Aᵀ m A of `width` columns from `column` on, + bias, for all tiles of the block. */
function writeOutputs(it: ConvWinograd, products: usize, first: u32, count: u32, column: u32, width: u32): void {
  const geometry = changetype<TileGeometry>(it.geometry);
  const plane = <usize>count * PANEL_BYTES + GAP;
  const pixel = (<usize>geometry.columns) << 2;
  const row = <usize>geometry.outputColumns * pixel;
  const mode: u32 = (it.flags & HAS_BIAS ? BIAS : 0) | (it.flags & HAS_ACTIVATION && it.activation == RELU ? CLAMP : 0);
  const bias = it.bias + ((<usize>column) << 2);
  locateTile(geometry, first);
  for (let i: u32 = 0; i < count; i++) {
    const across = min(4, geometry.outputColumns - outputColumn);
    const down = min(4, geometry.outputRows - outputRow);
    const out = it.out + ((firstOutput(geometry) + column) << 2);
    let total = f32x4.splat(0);
    for (let j: u32 = 0; j < width; j += 4) {
      const at = (<usize>j) << 2;
      transformProducts(products + at, plane);
      total = f32x4.add(total, writeTile(out + at, row, pixel, down, across, min(4, width - j), bias + at, mode));
    }
    if (v128.any_true(f32x4.ne(f32x4.sub(total, total), f32x4.splat(0)))) {
      for (let j: u32 = 0; j < width; j += 4) {
        const at = (<usize>j) << 2;
        transformProducts(products + at, plane);
        writeTile(out + at, row, pixel, down, across, min(4, width - j), 0, 0);
      }
      mendTile(it, column, width, out, mode);
    }
    products += PANEL_BYTES;
    nextTile(geometry);
  }
}

/**
 * Puts what outputs see in the place of those that are not finite, then adds the bias and clamps, for `width` columns from
 * `column` on of the tile's outputs, the first at `out`.
 */
function mendTile(it: ConvWinograd, column: u32, width: u32, out: usize, mode: u32): void {
  const geometry = changetype<TileGeometry>(it.geometry);
  const bias = it.bias + ((<usize>column) << 2);
  const mended = scratch + MENDED;
  for (let row = outputRow; row < min(outputRow + 4, geometry.outputRows); row++) {
    for (let place = outputColumn; place < min(outputColumn + 4, geometry.outputColumns); place++) {
      const offset = <usize>((row - outputRow) * geometry.outputColumns + place - outputColumn) * geometry.columns;
      const pixel = out + (offset << 2);
      sumSeen(it, row, place, column, width, mended);
      for (let j: u32 = 0; j < width; j += 4) {
        const at = (<usize>j) << 2;
        let y = v128.load(pixel + at);
        y = v128.bitselect(y, v128.load(mended + at), f32x4.eq(f32x4.sub(y, y), f32x4.splat(0)));
        if (mode & BIAS) y = f32x4.add(y, v128.load(bias + at));
        if (mode & CLAMP) y = clamp(y);
        storeLanes(pixel + at, y, min(4, width - j));
      }
    }
  }
}

/** The products of what one output sees, tap by tap: `width` columns from `column` on to `out`. */
function sumSeen(it: ConvWinograd, row: i32, place: i32, column: u32, width: u32, out: usize): void {
  const geometry = changetype<TileGeometry>(it.geometry);
  const channels = geometry.channels;
  const kernelRow = (<usize>geometry.columns) << 2;
  let kernel = it.kernel + ((<usize>column) << 2);
  memory.fill(out, 0, 64);
  for (let kh = 0; kh < 3; kh++) {
    const i = row - geometry.top + (geometry.upwards ? 2 - kh : kh);
    for (let kw = 0; kw < 3; kw++) {
      const j = place - geometry.left + (geometry.leftwards ? 2 - kw : kw);
      if (i >= 0 && i < geometry.inputRows && j >= 0 && j < geometry.inputColumns) {
        const position = (<i32>sample * geometry.inputRows + i) * geometry.inputColumns + j;
        const x = it.x + ((<usize>position * channels) << 2);
        multiplyPanel(x, 0, 4, kernel, kernelRow, channels, out, 0, 1, width, 0, 0, CONTINUE);
      }
      kernel += <usize>channels * kernelRow;
    }
  }
}

/** out [36, channels, columns] = Σ over tiles of (Bᵀ d B) ⊗ (A dy Aᵀ). Units: convWinogradGradient.ts. */
export function convWinogradGradient(instruction: usize, begin: u32, end: u32): void {
  winogradKernelGradient(changetype<ConvWinogradGradient>(instruction), begin, end);
}
