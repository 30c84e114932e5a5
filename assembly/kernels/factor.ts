// How are square matrices factored into triangles, and systems with triangles solved?
//
// Row by row as in a textbook, with sums in float64 and results in float32; no size is too large, but none is blocked either.

import { Instruction } from "../instruction";

@unmanaged
export class Factor extends Instruction {
  x: usize;
  out: usize;
  size: u32;
  /** L·Lᵀ of a symmetric matrix instead of L·U. */
  symmetric: u32;
}

@unmanaged
export class Substitute extends Instruction {
  a: usize;
  b: usize;
  out: usize;
  size: u32;
  columns: u32;
  lower: u32;
  /** The diagonal counts as ones. */
  unit: u32;
}

/**
 * x [n, n] → out [n + 2, n]: L without its diagonal of ones below U, a row of numbers of the rows of x that stand in each
 * place, and the sign of their permutation. If symmetric out [n, n] = L of its lower triangle. Unit: one matrix.
 */
export function factor(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Factor>(instruction);
  const n = overlay.size;
  const bytes = (<usize>(n * n)) << 2;
  const symmetric = overlay.symmetric != 0;
  const outBytes = symmetric ? bytes : bytes + ((<usize>n) << 3);
  for (let unit: usize = begin; unit < end; ++unit) {
    const out = overlay.out + unit * outBytes;
    memory.copy(out, overlay.x + unit * bytes, bytes);
    if (symmetric) cholesky(out, n);
    else decompose(out, n);
  }
}

/** Crout's method with the largest pivot of each column, in place; the permutation and its sign behind the matrix. */
function decompose(out: usize, n: usize): void {
  const row = n << 2;
  const order = out + n * row;
  for (let i: usize = 0; i < n; ++i) store<f32>(order + (i << 2), <f32>i);
  memory.fill(order + row, 0, row);
  let sign: f32 = 1;
  for (let j: usize = 0; j < n; ++j) {
    const column = out + (j << 2);
    let pivot = j;
    let largest: f32 = -1;
    for (let i: usize = 0; i < n; ++i) {
      const at = column + i * row;
      const value = <f32>(<f64>load<f32>(at) - product(out + i * row, 4, column, row, min(i, j)));
      store<f32>(at, value);
      if (i >= j && abs(value) > largest) {
        largest = abs(value);
        pivot = i;
      }
    }
    if (pivot != j) {
      for (let at = out + j * row, other = out + pivot * row, k: usize = 0; k < row; k += 4) swap(at + k, other + k);
      swap(order + (j << 2), order + (pivot << 2));
      sign = -sign;
    }
    const divisor = load<f32>(column + j * row);
    // Where it is 0 there is nothing to divide.
    if (divisor != 0)
      for (let i = j + 1; i < n; ++i) store<f32>(column + i * row, load<f32>(column + i * row) / divisor);
  }
  store<f32>(order + row, sign);
}

/** L with L·Lᵀ = out, in place, from the lower triangle. */
function cholesky(out: usize, n: usize): void {
  const row = n << 2;
  for (let j: usize = 0; j < n; ++j) {
    const own = out + j * row;
    const diagonal = own + (j << 2);
    for (let i = j; i < n; ++i) {
      const other = out + i * row;
      const rest = <f64>load<f32>(other + (j << 2)) - product(own, 4, other, 4, j);
      if (i > j) store<f32>(own + (i << 2), 0);
      store<f32>(other + (j << 2), i == j ? <f32>sqrt(rest) : <f32>(rest / <f64>load<f32>(diagonal)));
    }
  }
}

/** out = a⁻¹·b for a triangle a [n, n], b [n, columns]. Unit: one matrix. */
export function substitute(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Substitute>(instruction);
  const n: usize = overlay.size;
  const row = n << 2;
  const width = (<usize>overlay.columns) << 2;
  const lower = overlay.lower != 0;
  for (let unit: usize = begin; unit < end; ++unit) {
    const a = overlay.a + unit * n * row;
    const b = overlay.b + unit * n * width;
    const out = overlay.out + unit * n * width;
    for (let step: usize = 0; step < n; ++step) {
      const i = lower ? step : n - 1 - step;
      // What is known stands before i, or behind it.
      const first: usize = lower ? 0 : i + 1;
      const from = a + i * row;
      const divisor: f64 = overlay.unit != 0 ? 1 : <f64>load<f32>(from + (i << 2));
      for (let at: usize = 0; at < width; at += 4) {
        const known = product(from + (first << 2), 4, out + first * width + at, width, step);
        store<f32>(out + i * width + at, <f32>((<f64>load<f32>(b + i * width + at) - known) / divisor));
      }
    }
  }
}

/** Σ a·b of `count` numbers that stand so many bytes apart. */
function product(a: usize, stepA: usize, b: usize, stepB: usize, count: usize): f64 {
  let sum: f64 = 0;
  for (; count > 0; --count, a += stepA, b += stepB) sum += <f64>load<f32>(a) * <f64>load<f32>(b);
  return sum;
}

function swap(a: usize, b: usize): void {
  const value = load<f32>(a);
  store<f32>(a, load<f32>(b));
  store<f32>(b, value);
}
