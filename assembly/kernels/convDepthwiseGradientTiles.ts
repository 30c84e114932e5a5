// How are the products of a depthwise convolution's x and dy summed, for a few channels?

import { multiplyAdd, storeLanes } from "./matMulTiles";

/** Of {@link addNeighbours}: a row has no first x; a row has no last x. */
export const LACKS_FIRST: u32 = 1;
export const LACKS_LAST: u32 = 2;

/**
 * c[t][j] += Σᵣₚ x[r][p · stride + t][j] · dy[r][p][j], t < 3, j < 8, p < k, r < rows. Positions of x and dy are `step` bytes
 * apart, rows of c cRow. stride is 1 or 2; each x is loaded once.
 */
export function addNeighbours(
  c: usize,
  cRow: usize,
  x: usize,
  xRow: usize,
  dy: usize,
  dyRow: usize,
  step: usize,
  k: i32,
  rows: i32,
  stride: i32,
  lacks: u32,
): void {
  let sum00 = f32x4.splat(0);
  let sum01 = f32x4.splat(0);
  let sum10 = f32x4.splat(0);
  let sum11 = f32x4.splat(0);
  let sum20 = f32x4.splat(0);
  let sum21 = f32x4.splat(0);
  const length = <usize>(lacks & LACKS_LAST ? k - 1 : k) * step;
  do {
    // Of the next position: its first x and, with a stride of one, its second. `seen` is the one before its next.
    let x00: v128, x01: v128;
    let x10: v128, x11: v128;
    let seen = x;
    let at = dy;
    const end = dy + length;
    if (lacks & LACKS_FIRST) {
      const y0 = v128.load(at);
      const y1 = v128.load(at, 16);
      at += step;
      seen += step;
      x00 = v128.load(seen);
      x01 = v128.load(seen, 16);
      seen += step;
      x10 = v128.load(seen);
      x11 = v128.load(seen, 16);
      sum10 = multiplyAdd(sum10, x00, y0);
      sum11 = multiplyAdd(sum11, x01, y1);
      sum20 = multiplyAdd(sum20, x10, y0);
      sum21 = multiplyAdd(sum21, x11, y1);
      if (stride == 2) {
        x00 = x10;
        x01 = x11;
      }
    } else {
      x00 = v128.load(seen);
      x01 = v128.load(seen, 16);
      if (stride == 1) seen += step;
      x10 = v128.load(seen);
      x11 = v128.load(seen, 16);
    }
    if (stride == 1) {
      while (at < end) {
        seen += step;
        const x20 = v128.load(seen);
        const x21 = v128.load(seen, 16);
        const y0 = v128.load(at);
        const y1 = v128.load(at, 16);
        at += step;
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
      }
    } else {
      while (at < end) {
        seen += step;
        x10 = v128.load(seen);
        x11 = v128.load(seen, 16);
        seen += step;
        const x20 = v128.load(seen);
        const x21 = v128.load(seen, 16);
        const y0 = v128.load(at);
        const y1 = v128.load(at, 16);
        at += step;
        sum00 = multiplyAdd(sum00, x00, y0);
        sum01 = multiplyAdd(sum01, x01, y1);
        sum10 = multiplyAdd(sum10, x10, y0);
        sum11 = multiplyAdd(sum11, x11, y1);
        sum20 = multiplyAdd(sum20, x20, y0);
        sum21 = multiplyAdd(sum21, x21, y1);
        x00 = x20;
        x01 = x21;
      }
    }
    if (lacks & LACKS_LAST) {
      if (stride == 2) {
        x10 = v128.load(seen + step);
        x11 = v128.load(seen + step, 16);
      }
      const y0 = v128.load(at);
      const y1 = v128.load(at, 16);
      sum00 = multiplyAdd(sum00, x00, y0);
      sum01 = multiplyAdd(sum01, x01, y1);
      sum10 = multiplyAdd(sum10, x10, y0);
      sum11 = multiplyAdd(sum11, x11, y1);
    }
    x += xRow;
    dy += dyRow;
  } while (--rows);
  addEight(c, sum00, sum01);
  addEight(c + cRow, sum10, sum11);
  addEight(c + 2 * cRow, sum20, sum21);
}

function addEight(c: usize, sum0: v128, sum1: v128): void {
  v128.store(c, f32x4.add(v128.load(c), sum0));
  v128.store(c, f32x4.add(v128.load(c, 16), sum1), 16);
}

/** c[j] += Σₚ a[p][j] · b[p][j], j < width ≤ 16, p < k. Up to 12 bytes behind a row are read. */
export function addProducts(c: usize, a: usize, aStep: usize, b: usize, bStep: usize, k: u32, width: u32): void {
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
