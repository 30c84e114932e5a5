// How wrong are logits about their labels, and in which direction?
//
// With m = max x and s = Σ exp(x - m), -log softmax(x)_c = log s + (m - x_c): two numbers that are never negative, so
// nothing cancels. Labels are a distribution over the columns (dense) or one column's index (sparse).

import { Instruction } from "../instruction";
import { log } from "../math";
import { fault } from "../fault";
import { FAULT_INDEX } from "../opcodes";
import { loadPartial, storePartial } from "./copy";
import { rowMaximum, sumOfExponentials, sumOfLanes } from "./softmax";

@unmanaged
export class CrossEntropy extends Instruction {
  logits: usize;
  /** float32 [rows, columns], or int32 [rows] where sparse. */
  labels: usize;
  out: usize;
  rows: u32;
  columns: u32;
  sparse: u32;
}

@unmanaged
export class CrossEntropyGradient extends Instruction {
  logits: usize;
  /** float32 [rows, columns], or int32 [rows] where sparse. */
  labels: usize;
  /** [rows]: the gradient of CrossEntropy's out. */
  upstream: usize;
  out: usize;
  rows: u32;
  columns: u32;
  sparse: u32;
}

/** Bytes of a row that are summed in float32; blocks are added in float64. */
const BLOCK_BYTES: usize = 4096;

/**
 * out[r] = Σ_c y[r, c] · (logsumexp(x[r]) - x[r, c]); y = 0 contributes 0 even where x is -Infinity. logits
 * [rows, columns], labels → out [rows]. Unit: one row. A sparse label outside 0 … columns - 1 is a fault; its out is 0.
 */
export function crossEntropy(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<CrossEntropy>(instruction);
  const logits = overlay.logits;
  const labels = overlay.labels;
  const out = overlay.out;
  const columns = overlay.columns;
  const sparse = overlay.sparse != 0;
  const size = (<usize>columns) << 2;
  for (let row = begin; row < end; ++row) {
    const x = logits + <usize>row * size;
    const to = out + ((<usize>row) << 2);
    let label: u32 = 0;
    if (sparse) {
      label = load<u32>(labels + ((<usize>row) << 2));
      if (label >= columns) {
        fault(FAULT_INDEX, row, <i32>label);
        store<f32>(to, 0);
        continue;
      }
    }
    const maximum = rowMaximum(x, columns);
    const logSum = log(f32x4.splat(sumOfExponentials(x, 0, columns, maximum)));
    if (sparse) {
      const distance = f32x4.extract_lane(maximum, 0) - load<f32>(x + ((<usize>label) << 2));
      store<f32>(to, f32x4.extract_lane(logSum, 0) + distance);
    } else {
      store<f32>(to, weightedSum(x, labels + <usize>row * size, columns, maximum, logSum));
    }
  }
}

/** Σ_c y_c · (logSum + (maximum - x_c)), exactly 0 where y_c = 0. */
function weightedSum(x: usize, y: usize, columns: u32, maximum: v128, logSum: v128): f32 {
  const end = x + ((<usize>columns) << 2);
  const shift = y - x;
  const zero = f32x4.splat(0);
  let total: f64 = 0;
  while (x < end) {
    const stop = min(x + BLOCK_BYTES, end);
    let sum = zero;
    for (; x + 16 <= stop; x += 16) {
      const weight = v128.load(x + shift);
      const term = f32x4.mul(weight, f32x4.add(logSum, f32x4.sub(maximum, v128.load(x))));
      sum = f32x4.add(sum, v128.and(term, f32x4.ne(weight, zero)));
    }
    if (x < stop) {
      const count = <u32>(stop - x) >> 2;
      const weight = loadPartial(x + shift, count, zero);
      const term = f32x4.mul(weight, f32x4.add(logSum, f32x4.sub(maximum, loadPartial(x, count, maximum))));
      sum = f32x4.add(sum, v128.and(term, f32x4.ne(weight, zero)));
      x = stop;
    }
    total += <f64>sumOfLanes(sum);
  }
  return <f32>total;
}

/**
 * out[r, c] = upstream[r] · (softmax(x[r])_c · Σⱼ y[r, j] - y[r, c]). logits [rows, columns], labels, upstream [rows] →
 * out [rows, columns]; out may be logits, but not labels. Unit: one row. A sparse label outside 0 … columns - 1 is a
 * fault; its row becomes 0.
 */
export function crossEntropyGradient(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<CrossEntropyGradient>(instruction);
  const logits = overlay.logits;
  const labels = overlay.labels;
  const upstream = overlay.upstream;
  const out = overlay.out;
  const columns = overlay.columns;
  const sparse = overlay.sparse != 0;
  const size = (<usize>columns) << 2;
  for (let row = begin; row < end; ++row) {
    const x = logits + <usize>row * size;
    const to = out + <usize>row * size;
    let label: u32 = 0;
    if (sparse) {
      label = load<u32>(labels + ((<usize>row) << 2));
      if (label >= columns) {
        fault(FAULT_INDEX, row, <i32>label);
        memory.fill(to, 0, size);
        continue;
      }
    }
    const factor = load<f32>(upstream + ((<usize>row) << 2));
    const sum = sumOfExponentials(x, to, columns, rowMaximum(x, columns));
    if (sparse) {
      const hit = to + ((<usize>label) << 2);
      const probability = load<f32>(hit) / sum;
      gradientRow(to, 0, columns, sum, 1, factor);
      store<f32>(hit, factor * (probability - 1));
    } else {
      const y = labels + <usize>row * size;
      gradientRow(to, y, columns, sum, sumOfRow(y, columns), factor);
    }
  }
}

/** e → factor · (e / sum · mass - y), in place; y = 0 where the address is 0. */
function gradientRow(e: usize, y: usize, columns: u32, sum: f32, mass: f32, factor: f32): void {
  const end = e + ((<usize>columns) << 2);
  const shift = y - e;
  const dense = y != 0;
  const sums = f32x4.splat(sum);
  const masses = f32x4.splat(mass);
  const factors = f32x4.splat(factor);
  const zero = f32x4.splat(0);
  for (; e + 16 <= end; e += 16) {
    const share = f32x4.mul(f32x4.div(v128.load(e), sums), masses);
    const weight = dense ? v128.load(e + shift) : zero;
    v128.store(e, f32x4.mul(factors, f32x4.sub(share, weight)));
  }
  if (e < end) {
    const count = <u32>(end - e) >> 2;
    const share = f32x4.mul(f32x4.div(loadPartial(e, count, zero), sums), masses);
    const weight = dense ? loadPartial(e + shift, count, zero) : zero;
    storePartial(e, count, f32x4.mul(factors, f32x4.sub(share, weight)));
  }
}

function sumOfRow(row: usize, columns: u32): f32 {
  const end = row + ((<usize>columns) << 2);
  const zero = f32x4.splat(0);
  let total: f64 = 0;
  while (row < end) {
    const stop = min(row + BLOCK_BYTES, end);
    let sum = zero;
    for (; row + 16 <= stop; row += 16) sum = f32x4.add(sum, v128.load(row));
    if (row < stop) sum = f32x4.add(sum, loadPartial(row, <u32>(stop - row) >> 2, zero));
    row = stop;
    total += <f64>sumOfLanes(sum);
  }
  return <f32>total;
}
