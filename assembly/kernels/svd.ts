// Which orthonormal bases turn a matrix into a diagonal one?
//
// One-sided Jacobi rotations (Hestenes, 1958): columns of A are rotated in pairs until all are orthogonal; what is then
// left of A is U·S, and the same rotations of the unit matrix are V. In float64, so that rounding to float32 is all that is
// lost, whatever the condition. The order of the pairs is fixed and sums have a fixed tree: the same bits everywhere.
// A symmetric matrix is made positive by adding its Frobenius norm to the diagonal; then V are its eigenvectors.

import { Instruction } from "../instruction";

@unmanaged
export class Svd extends Instruction {
  x: usize;
  out: usize;
  /** float64 columns of each matrix: those of A, padded to an even length, then those of V. */
  work: usize;
  rows: u32;
  columns: u32;
  symmetric: u32;
}

/** Columns whose cosine is smaller are orthogonal; a column shorter by that factor than A is long counts as zero. */
const TOLERANCE: f64 = 1.4210854715202004e-14; // 2^-46
const MOST_SWEEPS: u32 = 60;

/**
 * out = the singular values in descending order, V [columns, columns], U [rows, columns]: for x [rows, columns] with rows ≥
 * columns. Of symmetric x the eigenvalues in descending order and V. The largest entry of each column of V is positive. NaN
 * where x is not finite. Unit: one matrix.
 */
export function svd(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Svd>(instruction);
  const rows = overlay.rows;
  const columns = overlay.columns;
  const own = evenBytes(rows);
  const stride = own + evenBytes(columns);
  const ofU: u32 = overlay.symmetric != 0 ? 0 : rows;
  const outBytes = (<usize>(1 + columns + ofU) * columns) << 2;
  for (let unit = begin; unit < end; ++unit) {
    const work = overlay.work + <usize>(unit * columns) * stride;
    const out = overlay.out + <usize>unit * outBytes;
    const size = copyColumns(overlay.x + ((<usize>(unit * rows) * columns) << 2), work, rows, columns, own, stride);
    if (!(size < Infinity)) {
      for (let at: usize = 0; at < outBytes; at += 4) store<f32>(out + at, NaN);
      continue;
    }
    const shift = overlay.symmetric != 0 ? size : 0;
    for (let j: usize = 0; j < columns; ++j) {
      const diagonal = work + j * stride + (j << 3);
      store<f64>(diagonal + own, 1);
      if (overlay.symmetric != 0) store<f64>(diagonal, load<f64>(diagonal) + shift);
    }
    const least = TOLERANCE * size * TOLERANCE * size;
    orthogonalize(work, columns, own, stride, least);
    for (let j: u32 = 0; j < columns; ++j) {
      const column = work + <usize>j * stride;
      const to = out + ((<usize>j) << 2);
      const length = sqrt(dot(column, column, own));
      store<f32>(to, <f32>(length - shift));
      const sign = signOf(column + own, columns);
      storeColumn(column + own, sign, columns, to, columns);
      if (ofU == 0) continue;
      if (length * length > least) scale(column, own, 1 / length);
      else complete(work, j, rows, own, stride);
      storeColumn(column, sign, rows, to + ((<usize>(columns * columns)) << 2), columns);
    }
  }
}

/** Bytes of `count` float64, rounded up to pairs. */
function evenBytes(count: u32): usize {
  return (<usize>((count + 1) & ~1)) << 3;
}

/** Columns of x as float64, zeros below them. Returns √Σ x². */
function copyColumns(x: usize, work: usize, rows: u32, columns: u32, own: usize, stride: usize): f64 {
  memory.fill(work, 0, <usize>columns * stride);
  let total: f64 = 0;
  for (let i: usize = 0; i < rows; ++i)
    for (let j: usize = 0; j < columns; ++j, x += 4) {
      const value = <f64>load<f32>(x);
      store<f64>(work + j * stride + (i << 3), value);
      total += value * value;
    }
  return sqrt(total);
}

/** Rotates pairs of columns until all are orthogonal, the longest first (de Rijk, 1989). */
function orthogonalize(work: usize, columns: u32, own: usize, stride: usize, least: f64): void {
  const end = work + <usize>columns * stride;
  let turned = true;
  for (let sweep: u32 = 0; turned && sweep < MOST_SWEEPS; ++sweep) {
    turned = false;
    for (let p = work; p < end; p += stride)
      for (let q = p + stride; q < end; q += stride) {
        let a = dot(p, p, own);
        let b = dot(q, q, own);
        const product = dot(p, q, own);
        if (a > least && b > least && product * product > TOLERANCE * TOLERANCE * a * b) {
          const zeta = (b - a) / (2 * product);
          const tangent = (zeta < 0 ? -1.0 : 1.0) / (abs(zeta) + sqrt(1 + zeta * zeta));
          const cosine = 1 / sqrt(1 + tangent * tangent);
          rotate(p, q, stride, cosine, cosine * tangent);
          a -= tangent * product;
          b += tangent * product;
          turned = true;
        }
        // The longer one goes to the front. What it is exchanged for may not have met all that stands between.
        if (a < b) {
          rotate(p, q, stride, 0, -1);
          turned = true;
        }
      }
  }
}

/** Σ a·b over pairs of float64. */
function dot(a: usize, b: usize, bytes: usize): f64 {
  let sum = f64x2.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) sum = f64x2.add(sum, f64x2.mul(v128.load(a + at), v128.load(b + at)));
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** p, q ← cosine · p − sine · q, sine · p + cosine · q. */
function rotate(p: usize, q: usize, bytes: usize, cosine: f64, sine: f64): void {
  const c = f64x2.splat(cosine);
  const s = f64x2.splat(sine);
  for (let at: usize = 0; at < bytes; at += 16) {
    const x = v128.load(p + at);
    const y = v128.load(q + at);
    v128.store(p + at, f64x2.sub(f64x2.mul(c, x), f64x2.mul(s, y)));
    v128.store(q + at, f64x2.add(f64x2.mul(s, x), f64x2.mul(c, y)));
  }
}

/** p ← p · factor. */
function scale(p: usize, bytes: usize, factor: f64): void {
  const f = f64x2.splat(factor);
  for (let at: usize = 0; at < bytes; at += 16) v128.store(p + at, f64x2.mul(v128.load(p + at), f));
}

/** −1 where the largest entry, as float32 and the first of equals, is negative. */
function signOf(column: usize, count: u32): f64 {
  let largest: f32 = 0;
  for (let i: usize = 0; i < count; ++i) {
    const value = <f32>load<f64>(column + (i << 3));
    if (abs(value) > abs(largest)) largest = value;
  }
  return largest < 0 ? -1 : 1;
}

/** Column number `place` becomes a unit vector at right angles to those before it. */
function complete(work: usize, place: u32, rows: u32, own: usize, stride: usize): void {
  const column = work + <usize>place * stride;
  for (let axis: usize = 0; axis < rows; ++axis) {
    memory.fill(column, 0, own);
    store<f64>(column + (axis << 3), 1);
    // The second time removes what rounding left; some axis keeps a share of 1 / rows at least.
    for (let round = 0; round < 2; ++round) {
      for (let other = work; other < column; other += stride) {
        const share = dot(other, column, own);
        for (let at: usize = 0; at < own; at += 8)
          store<f64>(column + at, load<f64>(column + at) - share * load<f64>(other + at));
      }
      const rest = dot(column, column, own);
      if (round == 0 && 2 * rest * <f64>rows < 1) break;
      scale(column, own, 1 / sqrt(rest));
      if (round == 1) return;
    }
  }
}

/** Column `to` of a matrix of `columns` columns ← sign · column. */
function storeColumn(column: usize, sign: f64, count: u32, to: usize, columns: u32): void {
  for (let i: usize = 0; i < count; ++i) {
    to += (<usize>columns) << 2;
    store<f32>(to, <f32>(sign * load<f64>(column + (i << 3))));
  }
}
