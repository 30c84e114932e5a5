// How is each column of a batch normalised by its mean and variance, scaled and shifted, and how is that differentiated?
//
//   unit   of what is done row by row: one row
//          of sums over rows: as in batchMoments.ts

import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { COPY_VALUE, RELU, RELU6 } from "../opcodes";
import { addBlock, BLOCK, loadFour, PANEL, ROW_BYTES, storeTotals, TOTALS } from "./batchMoments";
import { storePartial } from "./copy";
import { applyUnary } from "./map";
import { CopyValue, Relu, Relu6 } from "./mapSteps";

/** Columns that are prepared for all rows at once; what is prepared lies below the tile of applyUnary: at most 80 KB. */
const PREPARED: u32 = 4096;
const PREPARED_BYTES: usize = (<usize>PREPARED) << 2;

@unmanaged
export class BatchNormalization extends Instruction {
  x: usize;
  /** Mean, variance and 1/√(variance + epsilon): [3, columns]. */
  moments: usize;
  gamma: usize;
  beta: usize;
  out: usize;
  columns: u32;
  /** MAP code of a function of the result. */
  activation: u32;
}

/** out = act((x - mean) · (gamma / √(variance + epsilon)) + beta), each [rows, columns] or [columns]. Unit: one row. */
export function batchNormalization(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<BatchNormalization>(instruction);
  const columns = overlay.columns;
  const activation = overlay.activation;
  const stride = (<usize>columns) << 2;
  for (let column: u32 = 0; column < columns; column += PREPARED) {
    const width = min(PREPARED, columns - column);
    const offset = (<usize>column) << 2;
    const mean = overlay.moments + offset;
    const beta = overlay.beta + offset;
    const factor = scratch;
    multiplyRow(factor, overlay.gamma + offset, mean + 2 * stride, width);
    let x = overlay.x + <usize>begin * stride + offset;
    let out = overlay.out + <usize>begin * stride + offset;
    for (let row = begin; row < end; ++row, x += stride, out += stride) {
      if (activation == RELU6) normalizeRow<Relu6>(x, mean, factor, beta, out, width);
      else if (activation == RELU) normalizeRow<Relu>(x, mean, factor, beta, out, width);
      else {
        normalizeRow<CopyValue>(x, mean, factor, beta, out, width);
        if (activation != COPY_VALUE) applyUnary(activation, out, width);
      }
    }
  }
}

/** out = F((x - mean) · factor + beta), rows of `columns`. */
function normalizeRow<F>(x: usize, mean: usize, factor: usize, beta: usize, out: usize, columns: u32): void {
  const functor = changetype<F>(0);
  const whole = (<usize>(columns & ~3)) << 2;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const scaled = f32x4.mul(f32x4.sub(v128.load(x + at), v128.load(mean + at)), v128.load(factor + at));
    v128.store(out + at, functor.f(f32x4.add(scaled, v128.load(beta + at))));
  }
  const rest = columns & 3;
  if (rest != 0) {
    const scaled = f32x4.mul(f32x4.sub(loadFour(x + at, rest), loadFour(mean + at, rest)), v128.load(factor + at));
    storePartial(out + at, rest, functor.f(f32x4.add(scaled, loadFour(beta + at, rest))));
  }
}

/** to = a · b, rows of `columns`. Writes up to 12 bytes behind `to`. */
function multiplyRow(to: usize, a: usize, b: usize, columns: u32): void {
  const end = to + ((<usize>columns) << 2);
  for (; to + 16 <= end; to += 16, a += 16, b += 16) v128.store(to, f32x4.mul(v128.load(a), v128.load(b)));
  const rest = columns & 3;
  if (rest != 0) v128.store(to, f32x4.mul(loadFour(a, rest), loadFour(b, rest)));
}

// Differentiating -----------------------------------------------------------------------------------------------------

/** The gradient of the result as it is. */
@unmanaged
class Whole {
  pass(dy: v128, _centred: v128, _factor: v128, _beta: v128, _limit: v128): v128 {
    return dy;
  }
}

/** The gradient that a relu behind the result lets pass: 0 where that is not > 0, or ≥ a limit. */
@unmanaged
class Clipped {
  pass(dy: v128, centred: v128, factor: v128, beta: v128, limit: v128): v128 {
    const y = f32x4.add(f32x4.mul(centred, factor), beta);
    return v128.and(dy, v128.andnot(f32x4.gt(y, f32x4.splat(0)), f32x4.ge(y, limit)));
  }
}

/** What a relu6 does not reach; nothing is ≥ NaN. */
function limitOf(activation: u32): v128 {
  return f32x4.splat(activation == RELU6 ? 6 : NaN);
}

@unmanaged
export class BatchNormalizationSums extends Instruction {
  dy: usize;
  x: usize;
  /** Mean, variance and 1/√(variance + epsilon): [3, columns]. */
  moments: usize;
  gamma: usize;
  beta: usize;
  out: usize;
  /** Of each part. */
  rows: u32;
  columns: u32;
  /** RELU or RELU6 where dy is the gradient of that; else COPY_VALUE, and no gamma and beta. */
  activation: u32;
}

/** Scratch behind the totals: gamma / √(variance + epsilon) of a unit's columns. */
const FACTORS: usize = TOTALS + 4 * ROW_BYTES;

/**
 * out[p] = Σ dy and Σ dy · (x - mean)/√(variance + epsilon) over rows [p · rows, (p + 1) · rows), for each column. dy, x
 * [parts · rows, columns] → out [parts, 2, columns]. Units: parts · ⌈columns / 32⌉.
 */
export function batchNormalizationSums(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<BatchNormalizationSums>(instruction);
  const rows = overlay.rows;
  const columns = overlay.columns;
  const clips = overlay.activation != COPY_VALUE;
  const limit = limitOf(overlay.activation);
  const stride = (<usize>columns) << 2;
  const panels = (columns + PANEL - 1) / PANEL;
  const factor = scratch + FACTORS;
  for (let unit = begin; unit < end; ++unit) {
    const part = unit / panels;
    const column = (unit - part * panels) * PANEL;
    const width = min(PANEL, columns - column);
    const offset = (<usize>column) << 2;
    let dy = overlay.dy + <usize>(part * rows) * stride + offset;
    let x = overlay.x + <usize>(part * rows) * stride + offset;
    const mean = overlay.moments + offset;
    const beta = overlay.beta + offset;
    if (clips) multiplyRow(factor, overlay.gamma + offset, mean + 2 * stride, width);
    memory.fill(scratch + TOTALS, 0, 4 * ROW_BYTES);
    for (let done: u32 = 0; done < rows; done += BLOCK) {
      const count = min(BLOCK, rows - done);
      if (clips) sumProducts<Clipped>(dy, x, stride, count, width, mean, factor, beta, limit);
      else sumProducts<Whole>(dy, x, stride, count, width, mean, factor, beta, limit);
      addBlock(scratch, width, scratch + TOTALS);
      addBlock(scratch + ROW_BYTES, width, scratch + TOTALS + 2 * ROW_BYTES);
      dy += <usize>BLOCK * stride;
      x += <usize>BLOCK * stride;
    }
    const to = overlay.out + <usize>(part * 2) * stride + offset;
    storeTotals(to, scratch + TOTALS, width, 1);
    let total = scratch + TOTALS + 2 * ROW_BYTES;
    for (let each: usize = 0; each < (<usize>width) << 2; each += 4, total += 8)
      store<f32>(to + stride + each, <f32>(load<f64>(total) * <f64>load<f32>(mean + 2 * stride + each)));
  }
}

/** Into two rows of scratch: Σ dy and Σ dy · (x - mean[c]) over the rows, of the dy that F lets pass. */
function sumProducts<F>(
  dy: usize,
  x: usize,
  stride: usize,
  rows: u32,
  columns: u32,
  mean: usize,
  factor: usize,
  beta: usize,
  limit: v128,
): void {
  const functor = changetype<F>(0);
  const shift = x - dy;
  let to = scratch;
  for (; columns >= 8; columns -= 8, dy += 32, mean += 32, factor += 32, beta += 32, to += 32) {
    const mean0 = v128.load(mean);
    const mean1 = v128.load(mean, 16);
    const factor0 = v128.load(factor);
    const factor1 = v128.load(factor, 16);
    const beta0 = v128.load(beta);
    const beta1 = v128.load(beta, 16);
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let product0 = f32x4.splat(0);
    let product1 = f32x4.splat(0);
    let at = dy;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      const centred0 = f32x4.sub(v128.load(at + shift), mean0);
      const dy0 = functor.pass(v128.load(at), centred0, factor0, beta0, limit);
      sum0 = f32x4.add(sum0, dy0);
      product0 = f32x4.add(product0, f32x4.mul(dy0, centred0));
      const centred1 = f32x4.sub(v128.load(at + shift, 16), mean1);
      const dy1 = functor.pass(v128.load(at, 16), centred1, factor1, beta1, limit);
      sum1 = f32x4.add(sum1, dy1);
      product1 = f32x4.add(product1, f32x4.mul(dy1, centred1));
    }
    v128.store(to, sum0);
    v128.store(to, sum1, 16);
    v128.store(to + ROW_BYTES, product0);
    v128.store(to + ROW_BYTES, product1, 16);
  }
  for (; columns > 0; dy += 16, mean += 16, factor += 16, beta += 16, to += 16) {
    const width = min(columns, 4);
    const mean0 = loadFour(mean, width);
    const factor0 = v128.load(factor);
    const beta0 = loadFour(beta, width);
    let sum = f32x4.splat(0);
    let product = f32x4.splat(0);
    let at = dy;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      const centred = f32x4.sub(loadFour(at + shift, width), mean0);
      const passed = functor.pass(loadFour(at, width), centred, factor0, beta0, limit);
      sum = f32x4.add(sum, passed);
      product = f32x4.add(product, f32x4.mul(passed, centred));
    }
    v128.store(to, sum);
    v128.store(to + ROW_BYTES, product);
    columns -= width;
  }
}

@unmanaged
export class BatchNormalizationGradient extends Instruction {
  dy: usize;
  x: usize;
  /** Mean, variance and 1/√(variance + epsilon): [3, columns]. */
  moments: usize;
  gamma: usize;
  beta: usize;
  /** Σ dy and Σ dy · x̂: [2, columns]. */
  sums: usize;
  out: usize;
  rows: u32;
  columns: u32;
  /** RELU or RELU6 where dy is the gradient of that; else COPY_VALUE, and no beta. */
  activation: u32;
}

/**
 * out = gamma · r · (dy - Σ dy / rows - x̂ · Σ (dy · x̂) / rows) with r = 1/√(variance + epsilon), x̂ = (x - mean) · r; dy, x,
 * out [rows, columns], the rest [columns]. Unit: one row.
 */
export function batchNormalizationGradient(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<BatchNormalizationGradient>(instruction);
  const columns = overlay.columns;
  const clips = overlay.activation != COPY_VALUE;
  const limit = limitOf(overlay.activation);
  const stride = (<usize>columns) << 2;
  for (let column: u32 = 0; column < columns; column += PREPARED) {
    const width = min(PREPARED, columns - column);
    const offset = (<usize>column) << 2;
    prepareGradient(overlay, column, width);
    let dy = overlay.dy + <usize>begin * stride + offset;
    let x = overlay.x + <usize>begin * stride + offset;
    let out = overlay.out + <usize>begin * stride + offset;
    for (let row = begin; row < end; ++row, dy += stride, x += stride, out += stride) {
      if (clips) gradientRow<Clipped>(dy, x, limit, out, width);
      else gradientRow<Whole>(dy, x, limit, out, width);
    }
  }
}

/** Bytes that are prepared for 4 columns: factor = gamma · r, beta, mean, average of dy, slope = r · that of dy · x̂. */
const COLUMNS_BYTES: usize = 80;

function prepareGradient(overlay: BatchNormalizationGradient, column: u32, columns: u32): void {
  const stride = (<usize>overlay.columns) << 2;
  const rows = f32x4.splat(<f32>overlay.rows);
  let prepared = scratch;
  for (let done: u32 = 0; done < columns; done += 4, prepared += COLUMNS_BYTES) {
    const width = min(4, columns - done);
    const offset = (<usize>(column + done)) << 2;
    const moments = overlay.moments + offset;
    const sums = overlay.sums + offset;
    const deviation = loadFour(moments + 2 * stride, width);
    v128.store(prepared, f32x4.mul(loadFour(overlay.gamma + offset, width), deviation));
    if (overlay.beta != 0) v128.store(prepared, loadFour(overlay.beta + offset, width), 16);
    v128.store(prepared, loadFour(moments, width), 32);
    v128.store(prepared, f32x4.div(loadFour(sums, width), rows), 48);
    v128.store(prepared, f32x4.div(f32x4.mul(loadFour(sums + stride, width), deviation), rows), 64);
  }
}

/** out = factor · (dy - average - (x - mean) · slope), rows of `columns`, with the dy that F lets pass. */
function gradientRow<F>(dy: usize, x: usize, limit: v128, out: usize, columns: u32): void {
  const functor = changetype<F>(0);
  let prepared = scratch;
  for (; columns >= 4; columns -= 4, dy += 16, x += 16, out += 16, prepared += COLUMNS_BYTES) {
    const centred = f32x4.sub(v128.load(x), v128.load(prepared, 32));
    const passed = functor.pass(v128.load(dy), centred, v128.load(prepared), v128.load(prepared, 16), limit);
    v128.store(out, gradientFrom(passed, centred, prepared));
  }
  if (columns == 0) return;
  const centred = f32x4.sub(loadFour(x, columns), v128.load(prepared, 32));
  const passed = functor.pass(loadFour(dy, columns), centred, v128.load(prepared), v128.load(prepared, 16), limit);
  storePartial(out, columns, gradientFrom(passed, centred, prepared));
}

function gradientFrom(dy: v128, centred: v128, prepared: usize): v128 {
  const along = f32x4.mul(centred, v128.load(prepared, 64));
  return f32x4.mul(f32x4.sub(f32x4.sub(dy, v128.load(prepared, 48)), along), v128.load(prepared));
}
