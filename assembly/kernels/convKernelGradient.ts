// How is the gradient of a convolution's kernel summed?
//
//   dkernel[k, i, c] = Σ over output positions o of x[the input that o sees through k, i] · dy[o, c]
//
//   unit     `tapPart` neighbouring taps of the last axis × `channelPart` channels, which are neighbouring rows of the
//            result, × 16 columns (depthwise: all taps of the last axis × 16 channels). Numbered group by group, row of
//            taps by row of taps, part by part, from the first panel of columns to the last.
//   sum      blocks of positions in a row are one running sum, up to `blocks` of them; these sums are added to the total in
//            order. So the error is at most (positions · blocks + number of such sums) · 2⁻²⁴ · Σ|x · dy|. Depthwise, each
//            block is a sum of its own.

import { scratch } from "../memory";
import { ConvKernelGradient } from "./conv";
import { multiplyPieces } from "./convTiles";
import {
  addPiece,
  axisOf,
  BEHIND_WINDOWS,
  blocksOfRow,
  clearWindows,
  count,
  first,
  inputAt,
  inputRow,
  locate,
  outputPosition,
  packWindow,
  piecesEnd,
  startOf,
} from "./convWindows";
import { PANEL } from "./matMulBlocks";
import { multiplyAdd } from "./matMulTiles";

/** Between the channels of two positions in a window of a whole cache line or more: so they fall into different sets. */
const GAP: usize = 64;

/** The products of x and dy, units as above. */
export function kernelGradient(it: ConvKernelGradient, begin: u32, end: u32): void {
  const inner = axisOf(it.geometry, 2);
  const channels = it.channels / it.groups;
  const columns = it.columns / it.groups;
  const panels = (columns + PANEL - 1) / PANEL;
  const tapParts = (inner.taps + it.tapPart - 1) / it.tapPart;
  const channelParts = (channels + it.channelPart - 1) / it.channelPart;
  const rowsOfTaps: u32 = axisOf(it.geometry, 0).taps * axisOf(it.geometry, 1).taps;
  while (begin < end) {
    const panel = begin % panels;
    let part = begin / panels;
    const panelCount = min(panels - panel, end - begin);
    begin += panelCount;
    const channel = (part % channelParts) * it.channelPart;
    part /= channelParts;
    const tap = (part % tapParts) * it.tapPart;
    part /= tapParts;
    const row = part % rowsOfTaps;
    const group = part / rowsOfTaps;
    const taps = min(inner.taps - tap, it.tapPart);
    const depth = min(channels - channel, it.channelPart);
    const column = panel * PANEL;
    const width = min(panelCount * PANEL, columns - column);
    sumRectangle(it, row, tap, taps, group * channels + channel, depth, group * columns + column, width, channel);
  }
}

/** `taps` taps from `tap` of tap row `row`, channels [channel, channel + depth), columns [column, column + width). */
function sumRectangle(
  it: ConvKernelGradient,
  row: i32,
  tap: i32,
  taps: i32,
  channel: u32,
  depth: u32,
  column: u32,
  width: u32,
  channelInGroup: u32,
): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const middleTaps = axisOf(geometry, 1).taps;
  const channels = it.channels / it.groups;
  const step = ((<usize>depth) << 2) + (depth >= 16 && taps == 1 ? GAP : 0);
  const positionBytes = (<usize>it.channels) << 2;
  const columnBytes = (<usize>it.columns) << 2;
  const rows = <u32>taps * depth;
  const firstRow = <usize>(row * inner.taps + tap) * channels + channelInGroup;
  const out = it.out + firstRow * columnBytes + ((<usize>column) << 2);
  const sums = scratch + BEHIND_WINDOWS;
  for (let i: u32 = 0; i < rows; i++) memory.fill(out + <usize>i * columnBytes, 0, (<usize>width) << 2);

  const blocks =
    it.batch * axisOf(geometry, 0).output * axisOf(geometry, 1).output * blocksOfRow(geometry, it.positions);
  for (let block: u32 = 0; block < blocks; block += it.blocks) {
    clearWindows();
    for (let i = block; i < min(blocks, block + it.blocks); i++) {
      locate(geometry, it.positions, i);
      const inputs = inputRow(geometry, row / middleTaps, row % middleTaps);
      if (inputs < 0) continue;
      const window = packWindow(
        it.x + <usize>inputs * inner.input * positionBytes + ((<usize>channel) << 2),
        inner.input,
        positionBytes,
        startOf(inner, tap) + first * inner.stride,
        (count - 1) * inner.stride + taps,
        depth,
        step,
      );
      addPiece(window, it.dy + outputPosition(geometry, 0) * columnBytes + ((<usize>column) << 2), count);
    }
    if (piecesEnd == scratch) continue;
    for (let j: u32 = 0; j < width; j += PANEL) {
      const panelWidth = min(PANEL, width - j);
      const offset = (<usize>j) << 2;
      const aStep = <usize>inner.stride * step;
      multiplyPieces(scratch, piecesEnd, 4, aStep, offset, columnBytes, sums, 64, rows, panelWidth, 0, 0);
      addSums(out + offset, columnBytes, sums, rows, panelWidth);
    }
  }
}

/** C [rows, width] += sums [rows, 16]. */
function addSums(c: usize, cRow: usize, sums: usize, rows: u32, width: u32): void {
  const whole = (<usize>(width & ~3)) << 2;
  const bytes = (<usize>width) << 2;
  for (; rows > 0; rows--) {
    let offset: usize = 0;
    for (; offset < whole; offset += 16)
      v128.store(c + offset, f32x4.add(v128.load(c + offset), v128.load(sums + offset)));
    for (; offset < bytes; offset += 4) store<f32>(c + offset, load<f32>(c + offset) + load<f32>(sums + offset));
    c += cRow;
    sums += 64;
  }
}

// Depthwise -----------------------------------------------------------------------------------------------------------

/** One channel of x for each of dy: units are rows of taps × 16 channels. */
export function depthwiseKernelGradient(it: ConvKernelGradient, begin: u32, end: u32): void {
  const panels = (it.channels + PANEL - 1) / PANEL;
  for (; begin < end; begin++) {
    const channel = (begin % panels) * PANEL;
    sumChannels(it, begin / panels, channel, min(it.channels - channel, PANEL));
  }
}

function sumChannels(it: ConvKernelGradient, row: i32, channel: u32, width: u32): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const middleTaps = axisOf(geometry, 1).taps;
  const bytes = (<usize>it.channels) << 2;
  const stride = bytes * inner.stride;
  const out = it.out + <usize>(row * inner.taps) * bytes + ((<usize>channel) << 2);
  for (let tap = 0; tap < inner.taps; tap++) memory.fill(out + <usize>tap * bytes, 0, (<usize>width) << 2);
  const blocks =
    it.batch * axisOf(geometry, 0).output * axisOf(geometry, 1).output * blocksOfRow(geometry, it.positions);
  for (let block: u32 = 0; block < blocks; block++) {
    locate(geometry, it.positions, block);
    const inputs = inputRow(geometry, row / middleTaps, row % middleTaps);
    if (inputs < 0) continue;
    const x = it.x + <usize>inputs * inner.input * bytes + ((<usize>channel) << 2);
    const dy = it.dy + outputPosition(geometry, 0) * bytes + ((<usize>channel) << 2);
    for (let tap = 0; tap < inner.taps; tap++) {
      let from = 0;
      let to = count;
      while (from < to && inputAt(inner, first + from, tap) < 0) from++;
      while (from < to && inputAt(inner, first + to - 1, tap) < 0) to--;
      if (from == to) continue;
      const a = x + <usize>inputAt(inner, first + from, tap) * bytes;
      addProducts(out + <usize>tap * bytes, a, stride, dy + <usize>from * bytes, bytes, to - from, width);
    }
  }
}

/** c[j] += Σₚ a[p][j] · b[p][j], j < width ≤ 16, p < k. */
function addProducts(c: usize, a: usize, aStep: usize, b: usize, bStep: usize, k: u32, width: u32): void {
  if (width == 16) {
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    do {
      sum0 = multiplyAdd(sum0, v128.load(a), v128.load(b));
      sum1 = multiplyAdd(sum1, v128.load(a, 16), v128.load(b, 16));
      sum2 = multiplyAdd(sum2, v128.load(a, 32), v128.load(b, 32));
      sum3 = multiplyAdd(sum3, v128.load(a, 48), v128.load(b, 48));
      a += aStep;
      b += bStep;
    } while (--k);
    v128.store(c, f32x4.add(v128.load(c), sum0));
    v128.store(c, f32x4.add(v128.load(c, 16), sum1), 16);
    v128.store(c, f32x4.add(v128.load(c, 32), sum2), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), sum3), 48);
    return;
  }
  for (; width > 0; width--) {
    let sum = f32x4.splat(0);
    let left = a;
    let right = b;
    for (let p: u32 = 0; p < k; p++) {
      sum = multiplyAdd(sum, v128.load32_zero(left), v128.load32_zero(right));
      left += aStep;
      right += bStep;
    }
    store<f32>(c, load<f32>(c) + f32x4.extract_lane(sum, 0));
    a += 4;
    b += 4;
    c += 4;
  }
}
