// How is the gradient of a convolution's kernel summed?
//
//   dkernel[k, i, c] = Σ over output positions o of x[the input that o sees through k, i] · dy[o, c]
//
//   unit     `tapPart` neighbouring taps × `channelPart` channels, which are neighbouring rows of the result, × 16 columns.
//            Numbered group by group, taps by taps, channels by channels, from the first panel of columns to the last.
//   sum      blocks of positions in a row are one running sum, up to `blocks` of them; 64 of these sums are added in order,
//            and those in float64 (totals.ts). So the error is at most (positions · blocks + 65) · 2⁻²⁴ · Σ|x · dy|.
//
// Zeros outside the input contribute nothing, whatever dy holds: where windows and patches hold such zeros and a sum becomes
// NaN, the unit is summed anew without them, with the same bits elsewhere. With MENDS only those sums of
// another algorithm's result are made anew that are not finite.
//
// With DEPTHWISE see convDepthwiseGradient.ts.

import { scratch, TOTALS } from "../memory";
import { MENDS } from "../opcodes";
import { ConvKernelGradient } from "./conv";
import { areFinite, holdsNaN, seesOutside } from "./convSeen";
import {
  axisOf,
  blocksOfRow,
  copyLine,
  count,
  first,
  forgetWindows,
  inputAt,
  inputRow,
  locate,
  outputPosition,
  packPatches,
  packTaps,
  packWindow,
  patchStep,
  WINDOWS,
} from "./convWindows";
import { addPanel, multiplyPanel, PANEL } from "./matMulBlocks";
import { storeLanes } from "./matMulTiles";
import { addToTotals, moveToTotals, SUMS_TOGETHER, writeTotals } from "./totals";

/** Positions of one sum, at most: two panels of 196 lines, of op(A) and of dy, stay in a first-level cache of 32 KB. */
const POSITIONS: usize = 196;
/** Scratch behind the windows: op(A), 128 rows and a gap for each position; sums of 128 rows × 16; panels of dy. */
const ROWS: usize = WINDOWS + 48 * 1024;
const SUMS: usize = ROWS + 112 * 1024;
const PANELS: usize = SUMS + 8 * 1024;
const PANEL_BYTES: usize = POSITIONS * 64;
const PANELS_AT_ONCE: u32 = 4;
/** Results of another algorithm while sums are made anew: 128 rows × 64. */
const KEPT: usize = PANELS + 64 * 1024;
const KEPT_ROW: usize = 256;
/** From one position of dy to the next, at most, where it is read in place: half of a first-level cache's sets hold all. */
const IN_PLACE_STEP: usize = 128;
/** Between the rows of two positions when they fill cache lines: so that they fall into different sets. */
const GAP: usize = 64;

/** The products of x and dy, units as above. */
export function kernelGradient(it: ConvKernelGradient, begin: u32, end: u32): void {
  const geometry = it.geometry;
  const channels = it.channels / it.groups;
  const columns = it.columns / it.groups;
  const panels = (columns + PANEL - 1) / PANEL;
  const taps: u32 = axisOf(geometry, 0).taps * axisOf(geometry, 1).taps * axisOf(geometry, 2).taps;
  const tapParts = (taps + it.tapPart - 1) / it.tapPart;
  const channelParts = (channels + it.channelPart - 1) / it.channelPart;
  while (begin < end) {
    const panel = begin % panels;
    let part = begin / panels;
    const panelCount = min(min(panels - panel, end - begin), PANELS_AT_ONCE);
    begin += panelCount;
    const channel = (part % channelParts) * it.channelPart;
    part /= channelParts;
    const tap = (part % tapParts) * it.tapPart;
    const group = part / tapParts;
    const column = panel * PANEL;
    const tapCount = min(taps - tap, it.tapPart);
    const depth = min(channels - channel, it.channelPart);
    const width = min(panelCount * PANEL, columns - column);
    const offset = (<usize>(tap * channels + channel) * it.columns + group * columns + column) << 2;
    const out = it.out + offset;
    const rowBytes = (<usize>it.columns) << 2;
    // Rows of a unit are neighbours: with several taps it has all channels of its group.
    const rows = tapCount * depth;
    const x = group * channels + channel;
    const dy = group * columns + column;
    if (it.flags & MENDS) {
      if (areFinite(out, rowBytes, rows, width)) continue;
      const kept = scratch + KEPT;
      for (let i: u32 = 0; i < rows; i++)
        memory.copy(kept + <usize>i * KEPT_ROW, out + <usize>i * rowBytes, (<usize>width) << 2);
      sumSeen(it, tap, tapCount, x, depth, dy, width, out);
      copyFinite(out, rowBytes, kept, rows, width);
      continue;
    }
    sumRectangle(it, tap, tapCount, x, depth, dy, width, out);
    if (!seesOutside(axisOf(geometry, 0)) && !seesOutside(axisOf(geometry, 1)) && !seesOutside(axisOf(geometry, 2)))
      continue;
    let isNaN = false;
    for (let i: u32 = 0; i < rows; i++) isNaN = holdsNaN(out + <usize>i * rowBytes, width) || isNaN;
    if (isNaN) sumSeen(it, tap, tapCount, x, depth, dy, width, out);
  }
}

/** Copies what is finite of `rows` × `width` sums that were kept. */
function copyFinite(out: usize, rowBytes: usize, kept: usize, rows: u32, width: u32): void {
  for (; rows > 0; rows--) {
    for (let column: u32 = 0; column < width; column += 4) {
      const at = (<usize>column) << 2;
      const found = v128.load(kept + at);
      const isFinite = f32x4.eq(f32x4.sub(found, found), f32x4.splat(0));
      storeLanes(out + at, v128.bitselect(found, v128.load(out + at), isFinite), min<u32>(width - column, 4));
    }
    out += rowBytes;
    kept += KEPT_ROW;
  }
}

/** The same as {@link sumRectangle}, tap by tap, of the positions alone that see the input through it. */
function sumSeen(
  it: ConvKernelGradient,
  tap: u32,
  taps: u32,
  channel: u32,
  depth: u32,
  column: u32,
  width: u32,
  out: usize,
): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const columnBytes = (<usize>it.columns) << 2;
  const x = it.x + ((<usize>channel) << 2);
  const dy = it.dy + ((<usize>column) << 2);
  const step = patchStep(depth);
  const sums = scratch + SUMS;
  const middleTaps = axisOf(geometry, 1).taps;
  const blocks =
    it.batch * axisOf(geometry, 0).output * axisOf(geometry, 1).output * blocksOfRow(geometry, it.positions);
  const together = it.blocks * SUMS_TOGETHER;
  const totals = scratch + TOTALS;
  for (const end = tap + taps; tap < end; tap++) {
    for (let i: u32 = 0; i < depth; i++) memory.fill(out + <usize>i * columnBytes, 0, (<usize>width) << 2);
    const tapRow: i32 = tap / inner.taps;
    for (let block: u32 = 0; block < blocks; block += it.blocks) {
      if (block > 0 && block % together == 0) moveToTotals(out, columnBytes, depth, width, totals, block == together);
      let k: usize = 0;
      for (let i = block; i < min(blocks, block + it.blocks); i++) {
        locate(geometry, it.positions, i);
        const row = inputRow(geometry, tapRow / middleTaps, tapRow % middleTaps);
        if (row < 0) continue;
        for (let position = 0; position < count; position++) {
          const at = inputAt(inner, first + position, tap % inner.taps);
          if (at < 0) continue;
          const from = x + ((<usize>(row * inner.input + at) * it.channels) << 2);
          packWindow(scratch + ROWS + k * step, from, 1, 0, 0, 1, depth, step);
          const upstream = dy + outputPosition(geometry, position) * columnBytes;
          packColumns(scratch + PANELS + k * 64, upstream, columnBytes, width, 1);
          k++;
        }
      }
      if (k == 0) continue;
      for (let j: u32 = 0; j < width; j += PANEL) {
        const panelWidth = min(PANEL, width - j);
        const panel = scratch + PANELS + <usize>(j / PANEL) * PANEL_BYTES;
        multiplyPanel(scratch + ROWS, 4, step, panel, 64, <u32>k, sums, 64, depth, panelWidth, 0, 0, 0);
        addPanel(out + ((<usize>j) << 2), columnBytes, sums, depth, panelWidth);
      }
    }
    if (blocks > together) {
      addToTotals(out, columnBytes, depth, width, totals, false);
      writeTotals(totals, out, columnBytes, depth, width, 0, 0, 0);
    }
    out += <usize>depth * columnBytes;
  }
}

/** `taps` taps from `tap`, channels [channel, channel + depth), columns [column, column + width), to `out`. */
function sumRectangle(
  it: ConvKernelGradient,
  tap: u32,
  taps: u32,
  channel: u32,
  depth: u32,
  column: u32,
  width: u32,
  out: usize,
): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const positionBytes = (<usize>it.channels) << 2;
  const columnBytes = (<usize>it.columns) << 2;
  const rows = taps * depth;
  const x = it.x + ((<usize>channel) << 2);
  const dy = it.dy + ((<usize>column) << 2);
  const step = rows % 16 == 0 ? ((<usize>rows) << 2) + GAP : patchStep(rows);
  const sums = scratch + SUMS;
  // Several taps leave no block out: then the positions of a sum lie in a row.
  const inPlace = taps > 1 && columnBytes <= IN_PLACE_STEP;
  const panelBytes = inPlace ? PANEL << 2 : PANEL_BYTES;
  const panelStep = inPlace ? columnBytes : PANEL << 2;
  for (let i: u32 = 0; i < rows; i++) memory.fill(out + <usize>i * columnBytes, 0, (<usize>width) << 2);

  forgetWindows();
  const blocks =
    it.batch * axisOf(geometry, 0).output * axisOf(geometry, 1).output * blocksOfRow(geometry, it.positions);
  let next = dy;
  const together = it.blocks * SUMS_TOGETHER;
  const totals = scratch + TOTALS;
  for (let block: u32 = 0; block < blocks; block += it.blocks) {
    if (block > 0 && block % together == 0) moveToTotals(out, columnBytes, rows, width, totals, block == together);
    let k: usize = 0;
    const panels = inPlace ? next : scratch + PANELS;
    for (let i = block; i < min(blocks, block + it.blocks); i++) {
      locate(geometry, it.positions, i);
      if (!packRows(geometry, x, positionBytes, depth, tap, taps, scratch + ROWS + k * step, step)) continue;
      if (!inPlace)
        packColumns(panels + k * 64, dy + outputPosition(geometry, 0) * columnBytes, columnBytes, width, count);
      k += count;
    }
    if (k == 0) continue;
    next += k * columnBytes;
    for (let j: u32 = 0; j < width; j += PANEL) {
      const panelWidth = min(PANEL, width - j);
      const panel = panels + <usize>(j / PANEL) * panelBytes;
      multiplyPanel(scratch + ROWS, 4, step, panel, panelStep, <u32>k, sums, 64, rows, panelWidth, 0, 0, 0);
      addPanel(out + ((<usize>j) << 2), columnBytes, sums, rows, panelWidth);
    }
  }
  if (blocks <= together) return;
  addToTotals(out, columnBytes, rows, width, totals, false);
  writeTotals(totals, out, columnBytes, rows, width, 0, 0, 0);
}

/** What the block sees through the taps: [count, taps · depth], `step` bytes apart. False when it is nothing. */
function packRows(
  geometry: usize,
  x: usize,
  positionBytes: usize,
  depth: u32,
  tap: u32,
  taps: u32,
  out: usize,
  step: usize,
): bool {
  const inner = axisOf(geometry, 2);
  if (taps == 1 && inner.stride == 1) {
    const middleTaps = axisOf(geometry, 1).taps;
    const row: i32 = tap / inner.taps;
    const inputs = inputRow(geometry, row / middleTaps, row % middleTaps);
    if (inputs < 0) return false;
    const from = x + <usize>inputs * inner.input * positionBytes;
    const start = (tap % inner.taps) * inner.dilation + inner.offset + first;
    packWindow(out, from, inner.input, positionBytes, start, count, depth, step);
    return true;
  }
  packTaps(geometry, x, positionBytes, depth, tap, tap + taps, 0, 0, true);
  packPatches(out, step, (<usize>inner.stride * depth) << 2);
  return true;
}

/** `positions` rows of dy, `width` columns, into panels [196][16]. Up to 12 bytes behind a row are read. */
function packColumns(panels: usize, dy: usize, rowBytes: usize, width: u32, positions: i32): void {
  const bytes = (<usize>width) << 2;
  for (let position = 0; position < positions; position++) {
    let panel = panels;
    let offset: usize = 0;
    for (; offset + 64 <= bytes; offset += 64) {
      copyLine(panel, dy + offset);
      panel += PANEL_BYTES;
    }
    for (; offset < bytes; offset += 16) {
      v128.store(panel, v128.load(dy + offset));
      panel += 16;
    }
    panels += 64;
    dy += rowBytes;
  }
}
