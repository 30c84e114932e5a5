// How is a tile transformed, so that a 3 × 3 convolution takes fewer multiplications?
//
// Winograd's minimal filtering F(4×4, 3×3) (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): from the
// 6 × 6 inputs d of a tile and the kernel g follow its 4 × 4 outputs
//
//   y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A        36 multiplications for each pair of channels instead of 144
//
// The matrices belong to six points at which polynomials are evaluated: 0, ∞, ±p and ±q, in this order.
//
//   Bᵀ = p²q²   0    −p²−q²    0     1   0      G = 1/p²q²   0    0     Aᵀ = 1  0  1   1   1   1
//         0    p²q²    0    −p²−q²   0   1          0        0    1          0  0  p  −p   q  −q
//         0   −pq²    −q²     p      1   0          1/m    p/m  p²/m         0  0  p²  p²  q²  q²
//         0    pq²    −q²    −p      1   0          1/m   −p/m  p²/m         0  1  p³ −p³  q³ −q³
//         0   −p²q    −p²     q      1   0          1/n    q/n  q²/n
//         0    p²q    −p²    −q      1   0          1/n   −q/n  q²/n     m = 2p²(p² − q²), n = 2q²(q² − p²)
//
// With p = ¾ and q = 1½ errors are half of those with the usual 1 and 2 (docs/decisions/0008). The rows of a pair of points
// share most of their sums. A transform in two dimensions goes along one axis, waits in scratch, then goes along the other.

import { scratch } from "../memory";
import { BIAS, CLAMP, clamp, multiplyAdd, storeLanes } from "./matMulTiles";
import { window, WINDOW_BYTES, windowPixel, windowRow } from "./convWinogradTiles";

/** Pairs of points, and what they give for a tile: planes in all and of a pair. */
export const PAIRS: u32 = 3;
export const PLANES: u32 = 36;
export const PAIR_PLANES: u32 = 12;
/** Bytes of scratch in use here: the window, 24 vectors between the two axes, and one pixel of 16 columns that is mended. */
export const MENDED: usize = WINDOW_BYTES + 384;
export const TRANSFORM_BYTES: usize = WINDOW_BYTES + 512;

const P: f32 = 0.75;
const Q: f32 = 1.5;
const P2: f32 = P * P;
const Q2: f32 = Q * Q;
/** Vectors of a line that wait in scratch. */
const LINE: usize = 6 * 16;

/** Rows 2·pair and 2·pair + 1 of Bᵀ d B of the window: twelve vectors of `bytes` bytes, `plane` apart. */
export function transformInputs(pair: u32, out: usize, plane: usize, bytes: usize): void {
  const lines = scratch + WINDOW_BYTES;
  const row = windowRow;
  const pixel = windowPixel;
  const point = f32x4.splat(pair == 1 ? P : Q);
  const minusOther = f32x4.splat(pair == 1 ? -Q2 : -P2);
  for (let offset: usize = 0; offset < bytes; offset += 16) {
    let d = window + offset;
    for (let to = lines; to < lines + LINE; to += 16) {
      const d1 = v128.load(d + row);
      const d2 = v128.load(d + 2 * row);
      const d3 = v128.load(d + 3 * row);
      const d4 = v128.load(d + 4 * row);
      if (pair == 0) {
        v128.store(to, atEnd(v128.load(d), d2, d4));
        v128.store(to, atEnd(d1, d3, v128.load(d + 5 * row)), LINE);
      } else {
        const even = inputsOfEven(d2, d4, minusOther);
        const odd = inputsOfOdd(d1, d3, point, minusOther);
        v128.store(to, f32x4.add(even, odd));
        v128.store(to, f32x4.sub(even, odd), LINE);
      }
      d += pixel;
    }
    inputLine(lines, out + offset, plane);
    inputLine(lines + LINE, out + offset + 6 * plane, plane);
  }
}

/** Bᵀ of the six vectors of a line: six, `plane` apart. */
function inputLine(line: usize, out: usize, plane: usize): void {
  const d1 = v128.load(line, 16);
  const d2 = v128.load(line, 32);
  const d3 = v128.load(line, 48);
  const d4 = v128.load(line, 64);
  v128.store(out, atEnd(v128.load(line), d2, d4));
  out += plane;
  v128.store(out, atEnd(d1, d3, v128.load(line, 80)));
  out += plane;
  let even = inputsOfEven(d2, d4, f32x4.splat(-Q2));
  let odd = inputsOfOdd(d1, d3, f32x4.splat(P), f32x4.splat(-Q2));
  v128.store(out, f32x4.add(even, odd));
  out += plane;
  v128.store(out, f32x4.sub(even, odd));
  out += plane;
  even = inputsOfEven(d2, d4, f32x4.splat(-P2));
  odd = inputsOfOdd(d1, d3, f32x4.splat(Q), f32x4.splat(-P2));
  v128.store(out, f32x4.add(even, odd));
  out += plane;
  v128.store(out, f32x4.sub(even, odd));
}

/** p²q² · a − (p² + q²) · b + c: the row of 0 or of ∞. */
function atEnd(a: v128, b: v128, c: v128): v128 {
  return multiplyAdd(multiplyAdd(c, f32x4.splat(-P2 - Q2), b), f32x4.splat(P2 * Q2), a);
}

/** What the rows of both points of a pair share; `minusOther` is minus the square of the other pair's. */
function inputsOfEven(d2: v128, d4: v128, minusOther: v128): v128 {
  return multiplyAdd(d4, minusOther, d2);
}

/** That in which they differ by sign. */
function inputsOfOdd(d1: v128, d3: v128, point: v128, minusOther: v128): v128 {
  return f32x4.mul(point, multiplyAdd(d3, minusOther, d1));
}

/**
 * Rows 2·pair and 2·pair + 1 of A dy Aᵀ of the 4 × 4 outputs in the window, four columns from `offset` bytes on: twelve
 * vectors, `plane` apart.
 */
export function transformGradients(pair: u32, offset: usize, out: usize, plane: usize): void {
  const lines = scratch + WINDOW_BYTES;
  const row = windowRow;
  const point = f32x4.splat(pair == 1 ? P : Q);
  const square = f32x4.splat(pair == 1 ? P2 : Q2);
  let y = window + offset;
  for (let to = lines; to < lines + 64; to += 16) {
    const y0 = v128.load(y);
    const y3 = v128.load(y + 3 * row);
    if (pair == 0) {
      v128.store(to, y0);
      v128.store(to, y3, LINE);
    } else {
      const even = multiplyAdd(y0, square, v128.load(y + 2 * row));
      const odd = f32x4.mul(point, multiplyAdd(v128.load(y + row), square, y3));
      v128.store(to, f32x4.add(even, odd));
      v128.store(to, f32x4.sub(even, odd), LINE);
    }
    y += windowPixel;
  }
  gradientLine(lines, out, plane);
  gradientLine(lines + LINE, out + 6 * plane, plane);
}

/** A of the four vectors of a line: six, `plane` apart. */
function gradientLine(line: usize, out: usize, plane: usize): void {
  const y0 = v128.load(line);
  const y1 = v128.load(line, 16);
  const y2 = v128.load(line, 32);
  const y3 = v128.load(line, 48);
  v128.store(out, y0);
  out += plane;
  v128.store(out, y3);
  out += plane;
  let even = multiplyAdd(y0, f32x4.splat(P2), y2);
  let odd = f32x4.mul(f32x4.splat(P), multiplyAdd(y1, f32x4.splat(P2), y3));
  v128.store(out, f32x4.add(even, odd));
  out += plane;
  v128.store(out, f32x4.sub(even, odd));
  out += plane;
  even = multiplyAdd(y0, f32x4.splat(Q2), y2);
  odd = f32x4.mul(f32x4.splat(Q), multiplyAdd(y1, f32x4.splat(Q2), y3));
  v128.store(out, f32x4.add(even, odd));
  out += plane;
  v128.store(out, f32x4.sub(even, odd));
}

/** Four columns of Aᵀ m of the 36 products m at `products`, `plane` apart: four lines, for {@link writeTile}. */
export function transformProducts(products: usize, plane: usize): void {
  const lines = scratch + WINDOW_BYTES;
  const step = 6 * plane;
  for (let to = lines; to < lines + LINE; to += 16) {
    let m = products;
    products += plane;
    const zero = v128.load(m);
    m += step;
    const end = v128.load(m);
    m += step;
    let plus = v128.load(m);
    m += step;
    let minus = v128.load(m);
    m += step;
    const even = f32x4.add(plus, minus);
    const odd = f32x4.mul(f32x4.splat(P), f32x4.sub(plus, minus));
    plus = v128.load(m);
    m += step;
    minus = v128.load(m);
    const farEven = f32x4.add(plus, minus);
    const farOdd = f32x4.mul(f32x4.splat(Q), f32x4.sub(plus, minus));
    v128.store(to, f32x4.add(zero, f32x4.add(even, farEven)));
    v128.store(to, f32x4.add(odd, farOdd), LINE);
    v128.store(to, plusSquares(f32x4.splat(0), even, farEven), 2 * LINE);
    v128.store(to, plusSquares(end, odd, farOdd), 3 * LINE);
  }
}

/**
 * The lines · A + bias, clamped, as `mode` says (matMulTiles.ts): `down` × `across` pixels of `lanes` columns at `out`. Returns
 * the sum of what it was before bias and clamp: not finite where one of them is not.
 */
export function writeTile(
  out: usize,
  row: usize,
  pixel: usize,
  down: i32,
  across: i32,
  lanes: u32,
  bias: usize,
  mode: u32,
): v128 {
  let total = f32x4.splat(0);
  let line = scratch + WINDOW_BYTES;
  const shift = mode & BIAS ? v128.load(bias) : f32x4.splat(0);
  for (; down > 0; down--) {
    const zero = v128.load(line);
    const end = v128.load(line, 16);
    let plus = v128.load(line, 32);
    let minus = v128.load(line, 48);
    const even = f32x4.add(plus, minus);
    const odd = f32x4.mul(f32x4.splat(P), f32x4.sub(plus, minus));
    plus = v128.load(line, 64);
    minus = v128.load(line, 80);
    const farEven = f32x4.add(plus, minus);
    const farOdd = f32x4.mul(f32x4.splat(Q), f32x4.sub(plus, minus));
    let y0 = f32x4.add(zero, f32x4.add(even, farEven));
    let y1 = f32x4.add(odd, farOdd);
    let y2 = plusSquares(f32x4.splat(0), even, farEven);
    let y3 = plusSquares(end, odd, farOdd);
    total = f32x4.add(total, f32x4.add(f32x4.add(y0, y1), f32x4.add(y2, y3)));
    if (mode & BIAS) {
      y0 = f32x4.add(y0, shift);
      y1 = f32x4.add(y1, shift);
      y2 = f32x4.add(y2, shift);
      y3 = f32x4.add(y3, shift);
    }
    if (mode & CLAMP) {
      y0 = clamp(y0);
      y1 = clamp(y1);
      y2 = clamp(y2);
      y3 = clamp(y3);
    }
    let to = out;
    storeLanes(to, y0, lanes);
    to += pixel;
    if (across > 1) storeLanes(to, y1, lanes);
    to += pixel;
    if (across > 2) storeLanes(to, y2, lanes);
    to += pixel;
    if (across > 3) storeLanes(to, y3, lanes);
    out += row;
    line += LINE;
  }
  return total;
}

/** sum + p² · a + q² · b: the third row of Aᵀ, and the fourth. */
function plusSquares(sum: v128, a: v128, b: v128): v128 {
  return multiplyAdd(multiplyAdd(sum, f32x4.splat(P2), a), f32x4.splat(Q2), b);
}
