// How is the gradient of a depthwise convolution's kernel summed?
//
//   dkernel[k, c] = Σ over output positions o of x[the input that o sees through k, c] · dy[o, c]
//
//   unit     all taps of the last axis × 16 channels, for one place of the others. Numbered channels by channels, and in 16
//            channels place by place. Blocks of positions go outermost, so that x and dy pass through the caches once for
//            all units of a run.
//   sum      the positions of a block that see the input through all three taps are one running sum for each tap, as are
//            for other numbers of taps all that see it through one; what is left at the edges follows. These sums are
//            added to the total in order of the blocks.

import { ConvKernelGradient } from "./conv";
import { Axis, axisOf, blocksOfRow, count, first, inputAt, inputRow, locate, outputPosition } from "./convWindows";
import { PANEL } from "./matMulBlocks";
import { multiplyAdd, storeLanes } from "./matMulTiles";

/** The products of x and dy for units [begin, end). */
export function depthwiseKernelGradient(it: ConvKernelGradient, begin: u32, end: u32): void {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const places: u32 = axisOf(geometry, 0).taps * axisOf(geometry, 1).taps;
  const bytes = (<usize>it.channels) << 2;
  for (let unit = begin; unit < end; unit++) {
    const channel = (unit / places) * PANEL;
    const out = sumsOf(it, unit % places, channel);
    for (let tap = 0; tap < inner.taps; tap++)
      memory.fill(out + <usize>tap * bytes, 0, (<usize>min(it.channels - channel, PANEL)) << 2);
  }
  const blocks =
    it.batch * axisOf(geometry, 0).output * axisOf(geometry, 1).output * blocksOfRow(geometry, it.positions);
  for (let block: u32 = 0; block < blocks; block++) {
    locate(geometry, it.positions, block);
    for (let unit = begin; unit < end; unit++) addBlock(it, inner, unit % places, (unit / places) * PANEL);
  }
}

/** The first tap of a place, from `channel` on. */
function sumsOf(it: ConvKernelGradient, place: u32, channel: u32): usize {
  return it.out + ((<usize>(place * axisOf(it.geometry, 2).taps * it.channels + channel)) << 2);
}

/** Adds what the block's positions see through the taps of a place, up to 16 channels from `channel` on. */
function addBlock(it: ConvKernelGradient, inner: Axis, place: i32, channel: u32): void {
  const geometry = it.geometry;
  const middleTaps = axisOf(geometry, 1).taps;
  const inputs = inputRow(geometry, place / middleTaps, place % middleTaps);
  if (inputs < 0) return;
  const bytes = (<usize>it.channels) << 2;
  const width = min(it.channels - channel, PANEL);
  const x = it.x + <usize>inputs * inner.input * bytes + ((<usize>channel) << 2);
  const dy = it.dy + outputPosition(geometry, 0) * bytes + ((<usize>channel) << 2);
  const out = sumsOf(it, place, channel);
  // Positions [whole, wholeEnd) see the input through all three taps.
  let whole = 0;
  let wholeEnd = 0;
  if (inner.taps == 3 && inner.stride == 1 && inner.dilation == 1 && width == PANEL) {
    wholeEnd = count;
    while (whole < wholeEnd && inputAt(inner, first + whole, 0) < 0) whole++;
    while (whole < wholeEnd && inputAt(inner, first + wholeEnd - 1, 2) < 0) wholeEnd--;
    if (whole < wholeEnd) {
      const from = x + <usize>inputAt(inner, first + whole, 0) * bytes;
      const upstream = dy + <usize>whole * bytes;
      addNeighbours(out, from, upstream, bytes, wholeEnd - whole);
      addNeighbours(out + 32, from + 32, upstream + 32, bytes, wholeEnd - whole);
    }
  }
  for (let tap = 0; tap < inner.taps; tap++) {
    const sums = out + <usize>tap * bytes;
    addTap(inner, tap, 0, whole, x, dy, bytes, sums, width);
    addTap(inner, tap, wholeEnd, count, x, dy, bytes, sums, width);
  }
}

/** Adds what positions [from, to) see through one tap. */
function addTap(
  inner: Axis,
  tap: i32,
  from: i32,
  to: i32,
  x: usize,
  dy: usize,
  bytes: usize,
  sums: usize,
  width: u32,
): void {
  while (from < to && inputAt(inner, first + from, tap) < 0) from++;
  while (from < to && inputAt(inner, first + to - 1, tap) < 0) to--;
  if (from >= to) return;
  const a = x + <usize>inputAt(inner, first + from, tap) * bytes;
  addProducts(sums, a, bytes * inner.stride, dy + <usize>from * bytes, bytes, to - from, width);
}

/** c[t][j] += Σₚ x[p + t][j] · dy[p][j], t < 3, j < 8, p < k; rows of all three `bytes` apart. Each x is loaded once. */
function addNeighbours(c: usize, x: usize, dy: usize, bytes: usize, k: u32): void {
  let sum00 = f32x4.splat(0);
  let sum01 = f32x4.splat(0);
  let sum10 = f32x4.splat(0);
  let sum11 = f32x4.splat(0);
  let sum20 = f32x4.splat(0);
  let sum21 = f32x4.splat(0);
  let x00 = v128.load(x);
  let x01 = v128.load(x, 16);
  x += bytes;
  let x10 = v128.load(x);
  let x11 = v128.load(x, 16);
  do {
    x += bytes;
    const x20 = v128.load(x);
    const x21 = v128.load(x, 16);
    const y0 = v128.load(dy);
    const y1 = v128.load(dy, 16);
    dy += bytes;
    sum00 = multiplyAdd(sum00, x00, y0);
    sum01 = multiplyAdd(sum01, x01, y1);
    sum10 = multiplyAdd(sum10, x10, y0);
    sum11 = multiplyAdd(sum11, x11, y1);
    sum20 = multiplyAdd(sum20, x20, y0);
    sum21 = multiplyAdd(sum21, x21, y1);
    x00 = x10;
    x01 = x11;
    x10 = x20;
    x11 = x21;
  } while (--k);
  addEight(c, sum00, sum01);
  addEight(c + bytes, sum10, sum11);
  addEight(c + 2 * bytes, sum20, sum21);
}

function addEight(c: usize, sum0: v128, sum1: v128): void {
  v128.store(c, f32x4.add(v128.load(c), sum0));
  v128.store(c, f32x4.add(v128.load(c, 16), sum1), 16);
}

/** c[j] += Σₚ a[p][j] · b[p][j], j < width ≤ 16, p < k. Up to 12 bytes behind a row are read. */
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
    addEight(c, sum0, sum1);
    addEight(c + 32, sum2, sum3);
    return;
  }
  for (let channel: u32 = 0; channel < width; channel += 4) {
    let sum = f32x4.splat(0);
    let left = a;
    let right = b;
    for (let p: u32 = 0; p < k; p++) {
      sum = multiplyAdd(sum, v128.load(left), v128.load(right));
      left += aStep;
      right += bStep;
    }
    storeLanes(c, f32x4.add(v128.load(c), sum), min<u32>(width - channel, 4));
    a += 16;
    b += 16;
    c += 16;
  }
}
