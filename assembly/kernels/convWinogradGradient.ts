// How is the gradient of a 3 × 3 kernel summed with fewer multiplications?
//
// From the derivative of convWinogradTransforms.ts' equation with respect to g:
//
//   dg = Gᵀ [Σ over tiles of (Bᵀ d B) ⊙ (A dy Aᵀ)] G
//
// The machine computes the sums, [36, channels, columns]: 36 products of matrices whose k runs over tiles, instead of 9 over
// sixteen times as many positions.
//
//   unit     two rows of the 6 × 6 sums, those of a pair of points, × `channelPart` channels × 16 columns. Numbered pair by
//            pair, channels by channels, from the first panel of columns to the last.
//   sum      a block of `tiles` tiles is one running sum; 64 of these are added in order, and those in float64 (totals.ts).

import { scratch, TOTALS } from "../memory";
import { ConvWinogradGradient } from "./convWinograd";
import { findOutputs, findWindow, locateTile, nextTile, TileGeometry, tileCount } from "./convWinogradTiles";
import { PAIR_PLANES, TRANSFORM_BYTES, transformGradients, transformInputs } from "./convWinogradTransforms";
import { addPanel, multiplyPanel, PANEL } from "./matMulBlocks";
import { multiplyAdd } from "./matMulTiles";
import { addToTotals, moveToTotals, SUMS_TOGETHER, writeTotals } from "./totals";

/** Scratch behind what transforms use: two transformed rows of up to 64 channels; the same of 64 columns; sums of a panel. */
const INPUTS: usize = TRANSFORM_BYTES;
const GRADIENTS: usize = INPUTS + 200 * 1024;
const SUMS: usize = GRADIENTS + 200 * 1024;
const PANEL_BYTES: usize = 64;
const PANELS_AT_ONCE: u32 = 4;
/** Between the rows of two tiles when they fill cache lines: so that they fall into different sets. */
const GAP: usize = 64;

/** The sums of products, units as above. */
export function winogradKernelGradient(it: ConvWinogradGradient, begin: u32, end: u32): void {
  const geometry = changetype<TileGeometry>(it.geometry);
  const channels = geometry.channels;
  const columns = geometry.columns;
  const panels = (columns + PANEL - 1) / PANEL;
  const parts = (channels + it.channelPart - 1) / it.channelPart;
  while (begin < end) {
    const panel = begin % panels;
    const part = begin / panels;
    const panelCount = min(min(panels - panel, end - begin), PANELS_AT_ONCE);
    begin += panelCount;
    const channel = (part % parts) * it.channelPart;
    const column = panel * PANEL;
    sumTiles(
      it,
      part / parts,
      channel,
      min(channels - channel, it.channelPart),
      column,
      min(panelCount * PANEL, columns - column),
    );
  }
}

/** The rows of a pair of points, channels [channel, channel + depth), columns [column, column + width). */
function sumTiles(it: ConvWinogradGradient, pair: u32, channel: u32, depth: u32, column: u32, width: u32): void {
  const geometry = changetype<TileGeometry>(it.geometry);
  const columnBytes = (<usize>geometry.columns) << 2;
  const outPlane = <usize>geometry.channels * columnBytes;
  const out = it.out + <usize>(PAIR_PLANES * pair) * outPlane + <usize>channel * columnBytes + ((<usize>column) << 2);
  for (let j: usize = 0; j < PAIR_PLANES; j++)
    for (let c: usize = 0; c < depth; c++) memory.fill(out + j * outPlane + c * columnBytes, 0, (<usize>width) << 2);
  const all = tileCount(geometry);
  const wholeDepth = (<usize>((depth + 3) & ~3)) << 2;
  const row = wholeDepth % 64 == 0 ? wholeDepth + GAP : wholeDepth;
  const plane = row * it.tiles;
  const panels = (width + PANEL - 1) / PANEL;
  const panelPlane = <usize>it.tiles * PANEL_BYTES;
  const together = it.tiles * SUMS_TOGETHER;
  const totalPlane = (<usize>depth * <usize>((width + 3) & ~3)) << 3;
  for (let first: u32 = 0; first < all; first += it.tiles) {
    const count = min(it.tiles, all - first);
    if (first > 0 && first % together == 0) {
      for (let j: usize = 0; j < PAIR_PLANES; j++) {
        const totals = scratch + TOTALS + j * totalPlane;
        moveToTotals(out + j * outPlane, columnBytes, depth, width, totals, first == together);
      }
    }
    locateTile(geometry, first);
    for (let i: u32 = 0; i < count; i++) {
      findWindow(geometry, it.x, channel, depth);
      transformInputs(pair, scratch + INPUTS + i * row, plane, wholeDepth);
      findOutputs(geometry, it.dy, column, width);
      for (let j: u32 = 0; j < width; j += 4) {
        const panel = scratch + GRADIENTS + <usize>(j / PANEL) * panelPlane + <usize>i * PANEL_BYTES;
        const offset = (<usize>j) << 2;
        transformGradients(pair, offset, panel + (offset % PANEL_BYTES), panels * panelPlane);
      }
      nextTile(geometry);
    }
    for (let j: usize = 0; j < PAIR_PLANES; j++) {
      for (let panel: u32 = 0; panel < panels; panel++) {
        const panelWidth = min(PANEL, width - panel * PANEL);
        const a = scratch + INPUTS + j * plane;
        const b = scratch + GRADIENTS + (j * panels + panel) * panelPlane;
        const c = out + j * outPlane + ((<usize>(panel * PANEL)) << 2);
        const pairs = panelWidth == PANEL ? depth & ~1 : 0;
        addTiles(a, row, b, count, c, columnBytes, pairs);
        if (pairs == depth) continue;
        const rest = depth - pairs;
        multiplyPanel(
          a + ((<usize>pairs) << 2),
          4,
          row,
          b,
          PANEL_BYTES,
          count,
          scratch + SUMS,
          PANEL_BYTES,
          rest,
          panelWidth,
          0,
          0,
          0,
        );
        addPanel(c + pairs * columnBytes, columnBytes, scratch + SUMS, rest, panelWidth);
      }
    }
  }
  if (all <= together) return;
  for (let j: usize = 0; j < PAIR_PLANES; j++) {
    const totals = scratch + TOTALS + j * totalPlane;
    addToTotals(out + j * outPlane, columnBytes, depth, width, totals, false);
    writeTotals(totals, out + j * outPlane, columnBytes, depth, width, 0, 0, 0);
  }
}

/** C [rows, 16] += Aᵀ [rows, k] · B [k, 16], rows even: the tile of matMulTiles.ts, all rows in one call. */
function addTiles(aFirst: usize, aStep: usize, bFirst: usize, steps: u32, c: usize, cRow: usize, rows: u32): void {
  const bEnd = bFirst + <usize>steps * PANEL_BYTES;
  for (; rows > 0; rows -= 2) {
    let a = aFirst;
    aFirst += 8;
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
      const x1 = v128.load32_splat(a, 4);
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
      b += PANEL_BYTES;
    } while (b != bEnd);
    v128.store(c, f32x4.add(v128.load(c), sum00));
    v128.store(c, f32x4.add(v128.load(c, 16), sum01), 16);
    v128.store(c, f32x4.add(v128.load(c, 32), sum02), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), sum03), 48);
    c += cRow;
    v128.store(c, f32x4.add(v128.load(c), sum10));
    v128.store(c, f32x4.add(v128.load(c, 16), sum11), 16);
    v128.store(c, f32x4.add(v128.load(c, 32), sum12), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), sum13), 48);
    c += cRow;
  }
}
