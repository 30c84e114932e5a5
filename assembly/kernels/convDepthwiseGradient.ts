// How is the gradient of a depthwise convolution's kernel summed?
//
//   dkernel[k, c] = Σ over output positions o of x[the input that o sees through k, c] · dy[o, c]
//
//   unit     all taps of the last axis × 16 channels, for one place of the others. Numbered channels by channels, and in 16
//            channels place by place. Groups of rows of positions go outermost, so that x and dy pass through the caches
//            once for all units of a run.
//   sum      the positions of a group that see the input through three neighbouring taps, at the edges through two of them,
//            are one running sum for each tap, as are for other numbers of taps all of one row that see it through one.
//            These sums are added in order; those of 256 rows of positions, or a few more, are added in float64 (totals.ts).
//   copy     lines whose distance is a multiple of 512 bytes fall into few sets of a first-level cache, and memory does not
//            fetch them ahead. Where three taps are neighbours, such x and dy are copied, a group's rows for all places, to
//            panels of 16 channels: as many at once as a second-level cache holds.

import { SCRATCH_BYTES, scratch, TOTALS } from "../memory";
import { ConvKernelGradient } from "./conv";
import { addNeighbours, addProducts, LACKS_FIRST, LACKS_LAST } from "./convDepthwiseGradientTiles";
import {
  Axis,
  axisOf,
  blocksOfRow,
  copyLine,
  count,
  first,
  inputAt,
  locate,
  middle,
  outer,
  outputPosition,
  sample,
} from "./convWindows";
import { PANEL } from "./matMulBlocks";
import { addToTotals, moveToTotals, writeTotals } from "./totals";

/** Distances of lines that are copied: their multiples. */
const SET_STEP: usize = 512;
/** Bytes of 16 channels. */
const LINE: usize = 64;
/** Lines of copies, at most, and of all panels that are copied at once. */
const MOST_LINES: u32 = 7 * 1024;
const NEAR_LINES: u32 = 4 * 1024;
/** Rows of positions whose sums are added in float32; at most a group's rows more. */
const ROWS_TOGETHER: u32 = 256;
/** Lines of totals that scratch has room for. */
const TOTAL_LINES: u32 = <u32>((SCRATCH_BYTES - TOTALS) / (2 * LINE));

// What a group of rows reads, 16 channels: the operands themselves, or copies of lines.

/** From row number `xRow` of [sample, outer, middle] on. */
let x: usize = 0;
let xRow: i32 = 0;
/** From the group's first position on. */
let dy: usize = 0;
/** From one position to the next, of both. */
let step: usize = 0;

/** The products of x and dy for units [begin, end). */
export function depthwiseKernelGradient(it: ConvKernelGradient, begin: u32, end: u32): void {
  const most = max<u32>(1, TOTAL_LINES / axisOf(it.geometry, 2).taps);
  for (; begin < end; begin += most) sumUnits(it, begin, min(end, begin + most));
}

/** As many units as there is room for totals. */
function sumUnits(it: ConvKernelGradient, begin: u32, end: u32): void {
  const geometry = it.geometry;
  const axis = axisOf(geometry, 1);
  const inner = axisOf(geometry, 2);
  const places: u32 = axisOf(geometry, 0).taps * axis.taps;
  const bytes = (<usize>it.channels) << 2;
  for (let unit = begin; unit < end; unit++) {
    const channel = (unit / places) * PANEL;
    const out = sumsOf(it, unit % places, channel);
    for (let tap = 0; tap < inner.taps; tap++)
      memory.fill(out + <usize>tap * bytes, 0, (<usize>min(it.channels - channel, PANEL)) << 2);
  }
  const ofThree = inner.taps == 3 && inner.stride <= 2 && inner.dilation == 1 && inner.input > 1;
  const height: u32 = (it.blocks - 1) * axis.stride + (axis.taps - 1) * abs(axis.dilation) + 1;
  const lines = it.blocks * it.positions + height * inner.input;
  const collides = bytes % SET_STEP == 0 && axisOf(geometry, 0).taps == 1;
  const copies = ofThree && collides && <i32>it.positions == inner.output && lines <= MOST_LINES;
  const most = copies ? max<u32>(1, NEAR_LINES / lines) : 1;
  const lastPanel = (end - 1) / places + 1;
  const blocks = it.batch * axisOf(geometry, 0).output * axis.output * blocksOfRow(geometry, it.positions);
  let rows = 0;
  let together: u32 = 0;
  let fresh = true;
  for (let block: u32 = 0; block < blocks; block += rows) {
    if (together >= ROWS_TOGETHER && <u32>inner.taps <= TOTAL_LINES) {
      moveUnits(it, begin, end, fresh);
      fresh = false;
      together = 0;
    }
    locate(geometry, it.positions, block);
    rows = min(it.blocks, axis.output - middle); // more than one only where a block is a whole row
    together += rows;
    const from = it.dy + outputPosition(geometry, 0) * bytes;
    for (let panel = begin / places; panel < lastPanel; ) {
      x = it.x + <usize>panel * LINE;
      xRow = 0;
      dy = from + <usize>panel * LINE;
      step = bytes;
      const panels = min(most, lastPanel - panel);
      const panelStep = copies ? copyLines(geometry, rows, panels) : LINE;
      for (const panelEnd = panel + panels; panel < panelEnd; panel++) {
        const channel = panel * PANEL;
        const width = min(it.channels - channel, PANEL);
        for (let place: u32 = 0; place < places; place++) {
          const unit = panel * places + place;
          if (unit >= begin && unit < end) addRows(it, rows, place, ofThree && width == PANEL, channel, width);
        }
        x += panelStep;
        dy += panelStep;
      }
    }
  }
  if (fresh) return;
  let totals = scratch + TOTALS;
  for (let unit = begin; unit < end; unit++) {
    const channel = (unit / places) * PANEL;
    const width = min(it.channels - channel, PANEL);
    const out = sumsOf(it, unit % places, channel);
    addToTotals(out, bytes, inner.taps, width, totals, false);
    writeTotals(totals, out, bytes, inner.taps, width, 0, 0, 0);
    totals += inner.taps * 2 * LINE;
  }
}

/** The sums of units [begin, end) go to totals. */
function moveUnits(it: ConvKernelGradient, begin: u32, end: u32, fresh: bool): void {
  const geometry = it.geometry;
  const places: u32 = axisOf(geometry, 0).taps * axisOf(geometry, 1).taps;
  const taps = axisOf(geometry, 2).taps;
  let totals = scratch + TOTALS;
  for (let unit = begin; unit < end; unit++) {
    const channel = (unit / places) * PANEL;
    const width = min(it.channels - channel, PANEL);
    moveToTotals(sumsOf(it, unit % places, channel), (<usize>it.channels) << 2, taps, width, totals, fresh);
    totals += taps * 2 * LINE;
  }
}

/** The first tap of a place, from `channel` on. */
function sumsOf(it: ConvKernelGradient, place: u32, channel: u32): usize {
  return it.out + ((<usize>(place * axisOf(it.geometry, 2).taps * it.channels + channel)) << 2);
}

/** Copies what `rows` rows of positions see, and their dy, of so many panels. Returns the bytes from panel to panel. */
function copyLines(geometry: usize, rows: i32, panels: u32): usize {
  const axis = axisOf(geometry, 1);
  const inner = axisOf(geometry, 2);
  const slice = inputAt(axisOf(geometry, 0), outer, 0);
  const reach = (axis.taps - 1) * axis.dilation;
  const top = middle * axis.stride + axis.offset;
  const from = min(max(0, top + min(0, reach)), axis.input);
  const to = slice < 0 ? from : max(from, min(axis.input, top + (rows - 1) * axis.stride + max(0, reach) + 1));
  const dyBytes = <usize>(rows * inner.output) * LINE;
  const panelStep = dyBytes + <usize>((to - from) * inner.input) * LINE;
  xRow = (sample * axisOf(geometry, 0).input + slice) * axis.input + from;
  copyPositions(
    scratch + dyBytes,
    x + <usize>(xRow * inner.input) * step,
    (to - from) * inner.input,
    panels,
    panelStep,
  );
  copyPositions(scratch, dy, rows * inner.output, panels, panelStep);
  x = scratch + dyBytes;
  dy = scratch;
  step = LINE;
  return panelStep;
}

/** Copies the lines of `count` positions. */
function copyPositions(out: usize, from: usize, count: i32, panels: u32, panelStep: usize): void {
  for (; count > 0; count--) {
    let to = out;
    for (let panel: u32 = 0; panel < panels; panel++) {
      copyLine(to, from + <usize>panel * LINE);
      to += panelStep;
    }
    from += step;
    out += LINE;
  }
}

/** Adds what the group's positions see through the taps of a place, `width` channels from `channel` on. */
function addRows(it: ConvKernelGradient, rows: i32, place: i32, ofThree: bool, channel: u32, width: u32): void {
  const geometry = it.geometry;
  const axis = axisOf(geometry, 1);
  const inner = axisOf(geometry, 2);
  const stride = inner.stride;
  const slice = inputAt(axisOf(geometry, 0), outer, place / axis.taps);
  const top = middle * axis.stride + (place % axis.taps) * axis.dilation + axis.offset;
  let row = 0;
  while (row < rows && top + row * axis.stride < 0) row++;
  while (row < rows && top + (rows - 1) * axis.stride >= axis.input) rows--;
  rows -= row;
  if (slice < 0 || rows == 0) return;
  const inputs = (sample * axisOf(geometry, 0).input + slice) * axis.input + top + row * axis.stride - xRow;
  const seenStep = <usize>(axis.stride * inner.input) * step;
  const upstreamStep = <usize>inner.output * step;
  let seen = x + <usize>(inputs * inner.input) * step;
  let upstream = dy + <usize>row * upstreamStep;
  const out = sumsOf(it, place, channel);
  const outRow = (<usize>it.channels) << 2;
  // Positions [whole, wholeEnd) see the input through three neighbouring taps, or all but the first or the last of them.
  let whole = 0;
  let wholeEnd = 0;
  if (ofThree) {
    const start = first * stride + inner.offset;
    wholeEnd = count;
    while (whole < wholeEnd && start + whole * stride < -1) whole++;
    while (whole < wholeEnd && start + (wholeEnd - 1) * stride + 1 >= inner.input) wholeEnd--;
    if (whole < wholeEnd) {
      const from = start + whole * stride;
      const lacksLast = start + (wholeEnd - 1) * stride + 2 == inner.input;
      const lacks = (from < 0 ? LACKS_FIRST : 0) | (lacksLast ? LACKS_LAST : 0);
      const a = seen + from * step;
      const b = upstream + <usize>whole * step;
      const k = wholeEnd - whole;
      addNeighbours(out, outRow, a, seenStep, b, upstreamStep, step, k, rows, stride, lacks);
      addNeighbours(out + 32, outRow, a + 32, seenStep, b + 32, upstreamStep, step, k, rows, stride, lacks);
    }
  }
  if (wholeEnd - whole == count) return;
  for (; rows > 0; rows--) {
    for (let tap = 0; tap < inner.taps; tap++) {
      const sums = out + <usize>tap * outRow;
      addTap(inner, tap, 0, whole, seen, upstream, sums, width);
      addTap(inner, tap, wholeEnd, count, seen, upstream, sums, width);
    }
    seen += seenStep;
    upstream += upstreamStep;
  }
}

/** Adds what positions [from, to) see through one tap. */
function addTap(
  inner: Axis,
  tap: i32,
  from: i32,
  to: i32,
  seen: usize,
  upstream: usize,
  sums: usize,
  width: u32,
): void {
  while (from < to && inputAt(inner, first + from, tap) < 0) from++;
  while (from < to && inputAt(inner, first + to - 1, tap) < 0) to--;
  if (from >= to) return;
  const a = seen + <usize>inputAt(inner, first + from, tap) * step;
  addProducts(sums, a, step * inner.stride, upstream + <usize>from * step, step, to - from, width);
}
