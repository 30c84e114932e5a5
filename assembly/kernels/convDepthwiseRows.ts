// How are several outputs of a depthwise convolution computed at once, where each row of taps has three, neighbours?
//
// Four channels each: each input is loaded once for the outputs that see it, each weight once for all. Rows of taps are
// written out, as a loop's own instructions would be a tenth of all. Four outputs if each sees one position further, three if
// two: more would not fit into registers. Pieces, `input` and `out` as in convDepthwiseTiles.ts; the kernel lies in panels
// [channels / 16][taps][16]. Only in the machine that trains: code.
//
// Right where the outputs see one to three rows of the kernel, each through all its three taps, at neighbouring inputs. The
// rows need not be neighbours: with a quotient above 1 along the other axes, outputs see every other row, or none.

import { scratch } from "../memory";
import { Conv } from "./conv";
import { biasAt, FINISH, finish, greatestOf, leastOf, rowAt } from "./convDepthwiseTiles";
import { axisOf, PIECE_BYTES, piecesEnd } from "./convWindows";
import { multiplyAdd } from "./matMulTiles";

/** The pieces of a row of three taps. */
const ROW_BYTES: usize = 3 * PIECE_BYTES;
/** Panels of so many channels' kernels fit into scratch. */
const MOST_CHANNELS: u32 = 12 * 1024;

/** Whether the functions below serve, for outputs that see something: up to three rows of three neighbours. */
export function seesRowsOfThree(it: Conv): bool {
  const geometry = it.geometry;
  const inner = axisOf(geometry, 2);
  const isRow = inner.taps == 3 && inner.quotient == 1;
  const isNear = inner.dilation == 1 ? inner.stride <= 2 : inner.dilation == -1 && inner.stride == 1;
  return (
    TRAINS && isRow && isNear && axisOf(geometry, 0).taps * axisOf(geometry, 1).taps <= 3 && it.columns <= MOST_CHANNELS
  );
}

/** From one row of the kernel that the outputs see to the next: with three of three rows that is always the same. */
function rowStep(kernel: usize): usize {
  return piecesEnd > scratch + ROW_BYTES ? load<usize>(scratch + ROW_BYTES, 4) - kernel : 0;
}

/** Four outputs that see one position further each time, `step` bytes: channels [0, bytes). */
export function fourNeighbours(it: Conv, tiles: i32, input: usize, step: usize, out: usize, bytes: usize): void {
  const least = leastOf(it);
  const greatest = greatestOf(it);
  const kernel = load<usize>(scratch, 4);
  const rows = piecesEnd - scratch;
  const kernelStep = rowStep(kernel);
  let row0 = load<usize>(scratch) + input;
  let row1 = load<usize>(scratch + ROW_BYTES) + input;
  let row2 = load<usize>(scratch + 2 * ROW_BYTES) + input;
  for (; tiles > 0; tiles--) {
    for (let channel: usize = 0; channel < bytes; channel += 16) {
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      let sum2 = f32x4.splat(0);
      let sum3 = f32x4.splat(0);
      let w = kernel + rowAt(channel);
      let w0 = v128.load(w);
      let w1 = v128.load(w, 64);
      let w2 = v128.load(w, 128);
      let x = row0 + channel;
      sum0 = multiplyAdd(sum0, v128.load(x), w0);
      x += step;
      let x1 = v128.load(x);
      sum0 = multiplyAdd(sum0, x1, w1);
      sum1 = multiplyAdd(sum1, x1, w0);
      x += step;
      let x2 = v128.load(x);
      sum0 = multiplyAdd(sum0, x2, w2);
      sum1 = multiplyAdd(sum1, x2, w1);
      sum2 = multiplyAdd(sum2, x2, w0);
      x += step;
      let x3 = v128.load(x);
      sum1 = multiplyAdd(sum1, x3, w2);
      sum2 = multiplyAdd(sum2, x3, w1);
      sum3 = multiplyAdd(sum3, x3, w0);
      x += step;
      let x4 = v128.load(x);
      sum2 = multiplyAdd(sum2, x4, w2);
      sum3 = multiplyAdd(sum3, x4, w1);
      sum3 = multiplyAdd(sum3, v128.load(x + step), w2);
      if (rows > ROW_BYTES) {
        w += kernelStep;
        w0 = v128.load(w);
        w1 = v128.load(w, 64);
        w2 = v128.load(w, 128);
        x = row1 + channel;
        sum0 = multiplyAdd(sum0, v128.load(x), w0);
        x += step;
        x1 = v128.load(x);
        sum0 = multiplyAdd(sum0, x1, w1);
        sum1 = multiplyAdd(sum1, x1, w0);
        x += step;
        x2 = v128.load(x);
        sum0 = multiplyAdd(sum0, x2, w2);
        sum1 = multiplyAdd(sum1, x2, w1);
        sum2 = multiplyAdd(sum2, x2, w0);
        x += step;
        x3 = v128.load(x);
        sum1 = multiplyAdd(sum1, x3, w2);
        sum2 = multiplyAdd(sum2, x3, w1);
        sum3 = multiplyAdd(sum3, x3, w0);
        x += step;
        x4 = v128.load(x);
        sum2 = multiplyAdd(sum2, x4, w2);
        sum3 = multiplyAdd(sum3, x4, w1);
        sum3 = multiplyAdd(sum3, v128.load(x + step), w2);
        if (rows > 2 * ROW_BYTES) {
          w0 = v128.load(w, 192);
          w1 = v128.load(w, 256);
          w2 = v128.load(w, 320);
          x = row2 + channel;
          sum0 = multiplyAdd(sum0, v128.load(x), w0);
          x += step;
          x1 = v128.load(x);
          sum0 = multiplyAdd(sum0, x1, w1);
          sum1 = multiplyAdd(sum1, x1, w0);
          x += step;
          x2 = v128.load(x);
          sum0 = multiplyAdd(sum0, x2, w2);
          sum1 = multiplyAdd(sum1, x2, w1);
          sum2 = multiplyAdd(sum2, x2, w0);
          x += step;
          x3 = v128.load(x);
          sum1 = multiplyAdd(sum1, x3, w2);
          sum2 = multiplyAdd(sum2, x3, w1);
          sum3 = multiplyAdd(sum3, x3, w0);
          x += step;
          x4 = v128.load(x);
          sum2 = multiplyAdd(sum2, x4, w2);
          sum3 = multiplyAdd(sum3, x4, w1);
          sum3 = multiplyAdd(sum3, v128.load(x + step), w2);
        }
      }
      if (it.flags & FINISH) {
        const bias4 = biasAt(it, channel);
        sum0 = finish(sum0, bias4, least, greatest);
        sum1 = finish(sum1, bias4, least, greatest);
        sum2 = finish(sum2, bias4, least, greatest);
        sum3 = finish(sum3, bias4, least, greatest);
      }
      let to = out + channel;
      v128.store(to, sum0);
      to += step;
      v128.store(to, sum1);
      to += step;
      v128.store(to, sum2);
      v128.store(to + step, sum3);
    }
    row0 += 4 * step;
    row1 += 4 * step;
    row2 += 4 * step;
    out += 4 * step;
  }
}

/** Three outputs that see two positions further each time. */
export function threeApart(it: Conv, tiles: i32, input: usize, step: usize, out: usize, bytes: usize): void {
  const least = leastOf(it);
  const greatest = greatestOf(it);
  const kernel = load<usize>(scratch, 4);
  const rows = piecesEnd - scratch;
  const kernelStep = rowStep(kernel);
  let row0 = load<usize>(scratch) + input;
  let row1 = load<usize>(scratch + ROW_BYTES) + input;
  let row2 = load<usize>(scratch + 2 * ROW_BYTES) + input;
  for (; tiles > 0; tiles--) {
    for (let channel: usize = 0; channel < bytes; channel += 16) {
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      let sum2 = f32x4.splat(0);
      let w = kernel + rowAt(channel);
      let w0 = v128.load(w);
      let w1 = v128.load(w, 64);
      let w2 = v128.load(w, 128);
      let x = row0 + channel;
      sum0 = multiplyAdd(sum0, v128.load(x), w0);
      x += step;
      sum0 = multiplyAdd(sum0, v128.load(x), w1);
      x += step;
      let x2 = v128.load(x);
      sum0 = multiplyAdd(sum0, x2, w2);
      sum1 = multiplyAdd(sum1, x2, w0);
      x += step;
      sum1 = multiplyAdd(sum1, v128.load(x), w1);
      x += step;
      let x4 = v128.load(x);
      sum1 = multiplyAdd(sum1, x4, w2);
      sum2 = multiplyAdd(sum2, x4, w0);
      x += step;
      sum2 = multiplyAdd(sum2, v128.load(x), w1);
      sum2 = multiplyAdd(sum2, v128.load(x + step), w2);
      if (rows > ROW_BYTES) {
        w += kernelStep;
        w0 = v128.load(w);
        w1 = v128.load(w, 64);
        w2 = v128.load(w, 128);
        x = row1 + channel;
        sum0 = multiplyAdd(sum0, v128.load(x), w0);
        x += step;
        sum0 = multiplyAdd(sum0, v128.load(x), w1);
        x += step;
        x2 = v128.load(x);
        sum0 = multiplyAdd(sum0, x2, w2);
        sum1 = multiplyAdd(sum1, x2, w0);
        x += step;
        sum1 = multiplyAdd(sum1, v128.load(x), w1);
        x += step;
        x4 = v128.load(x);
        sum1 = multiplyAdd(sum1, x4, w2);
        sum2 = multiplyAdd(sum2, x4, w0);
        x += step;
        sum2 = multiplyAdd(sum2, v128.load(x), w1);
        sum2 = multiplyAdd(sum2, v128.load(x + step), w2);
        if (rows > 2 * ROW_BYTES) {
          w0 = v128.load(w, 192);
          w1 = v128.load(w, 256);
          w2 = v128.load(w, 320);
          x = row2 + channel;
          sum0 = multiplyAdd(sum0, v128.load(x), w0);
          x += step;
          sum0 = multiplyAdd(sum0, v128.load(x), w1);
          x += step;
          x2 = v128.load(x);
          sum0 = multiplyAdd(sum0, x2, w2);
          sum1 = multiplyAdd(sum1, x2, w0);
          x += step;
          sum1 = multiplyAdd(sum1, v128.load(x), w1);
          x += step;
          x4 = v128.load(x);
          sum1 = multiplyAdd(sum1, x4, w2);
          sum2 = multiplyAdd(sum2, x4, w0);
          x += step;
          sum2 = multiplyAdd(sum2, v128.load(x), w1);
          sum2 = multiplyAdd(sum2, v128.load(x + step), w2);
        }
      }
      if (it.flags & FINISH) {
        const bias4 = biasAt(it, channel);
        sum0 = finish(sum0, bias4, least, greatest);
        sum1 = finish(sum1, bias4, least, greatest);
        sum2 = finish(sum2, bias4, least, greatest);
      }
      const to = out + channel;
      v128.store(to, sum0);
      v128.store(to + step, sum1);
      v128.store(to + 2 * step, sum2);
    }
    row0 += 6 * step;
    row1 += 6 * step;
    row2 += 6 * step;
    out += 3 * step;
  }
}
