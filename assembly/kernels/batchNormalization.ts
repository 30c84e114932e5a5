// How is each column of a batch normalised by its mean and variance, scaled and shifted, and how is that differentiated?
//
//   unit   of what is done row by row: one row
//          of sums over rows: as in batchMoments.ts

import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { RELU, RELU6 } from "../opcodes";
import { addBlock, BLOCK, divideBy, loadFour, PANEL, ROW_BYTES, storeTotals, TOTALS } from "./batchMoments";
import { storePartial } from "./copy";
import { applyUnary } from "./map";
import { CopyValue, Relu, Relu6 } from "./mapSteps";

/** Columns that are prepared for all rows at once; what is prepared lies below the tile of applyUnary. */
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
  activates: u32;
  /** MAP code of a function of the result. */
  activation: u32;
}

/** out = act((x - mean) · (gamma / √(variance + epsilon)) + beta), each [rows, columns] or [columns]. Unit: one row. */
export function batchNormalization(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<BatchNormalization>(instruction);
  const columns = overlay.columns;
  const activates = overlay.activates != 0;
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
      if (!activates) normalizeRow<CopyValue>(x, mean, factor, beta, out, width);
      else if (activation == RELU6) normalizeRow<Relu6>(x, mean, factor, beta, out, width);
      else if (activation == RELU) normalizeRow<Relu>(x, mean, factor, beta, out, width);
      else {
        normalizeRow<CopyValue>(x, mean, factor, beta, out, width);
        applyUnary(activation, out, width);
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

@unmanaged
export class BatchNormalizationSums extends Instruction {
  dy: usize;
  x: usize;
  /** Mean, variance and 1/√(variance + epsilon): [3, columns]. */
  moments: usize;
  out: usize;
  /** Of each part. */
  rows: u32;
  columns: u32;
}

/**
 * out[p] = Σ dy and Σ dy · (x - mean)/√(variance + epsilon) over rows [p · rows, (p + 1) · rows), for each column. dy, x
 * [parts · rows, columns] → out [parts, 2, columns]. Units: parts · ⌈columns / 32⌉.
 */
export function batchNormalizationSums(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<BatchNormalizationSums>(instruction);
  const rows = overlay.rows;
  const columns = overlay.columns;
  const stride = (<usize>columns) << 2;
  const panels = (columns + PANEL - 1) / PANEL;
  for (let unit = begin; unit < end; ++unit) {
    const part = unit / panels;
    const column = (unit - part * panels) * PANEL;
    const width = min(PANEL, columns - column);
    const offset = (<usize>column) << 2;
    let dy = overlay.dy + <usize>(part * rows) * stride + offset;
    let x = overlay.x + <usize>(part * rows) * stride + offset;
    const mean = overlay.moments + offset;
    memory.fill(scratch + TOTALS, 0, 4 * ROW_BYTES);
    for (let done: u32 = 0; done < rows; done += BLOCK) {
      sumProducts(dy, x, stride, min(BLOCK, rows - done), width, mean, scratch);
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

/** to[c] = Σ dy, and a row of scratch behind it Σ dy · (x - mean[c]), over the rows. */
function sumProducts(dy: usize, x: usize, stride: usize, rows: u32, columns: u32, mean: usize, to: usize): void {
  const shift = x - dy;
  for (; columns >= 16; columns -= 16, dy += 64, mean += 64, to += 64) {
    const mean0 = v128.load(mean);
    const mean1 = v128.load(mean, 16);
    const mean2 = v128.load(mean, 32);
    const mean3 = v128.load(mean, 48);
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    let e = f32x4.splat(0);
    let f = f32x4.splat(0);
    let g = f32x4.splat(0);
    let h = f32x4.splat(0);
    let at = dy;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      const other = at + shift;
      const dy0 = v128.load(at);
      a = f32x4.add(a, dy0);
      e = f32x4.add(e, f32x4.mul(dy0, f32x4.sub(v128.load(other), mean0)));
      const dy1 = v128.load(at, 16);
      b = f32x4.add(b, dy1);
      f = f32x4.add(f, f32x4.mul(dy1, f32x4.sub(v128.load(other, 16), mean1)));
      const dy2 = v128.load(at, 32);
      c = f32x4.add(c, dy2);
      g = f32x4.add(g, f32x4.mul(dy2, f32x4.sub(v128.load(other, 32), mean2)));
      const dy3 = v128.load(at, 48);
      d = f32x4.add(d, dy3);
      h = f32x4.add(h, f32x4.mul(dy3, f32x4.sub(v128.load(other, 48), mean3)));
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
    v128.store(to + ROW_BYTES, e);
    v128.store(to + ROW_BYTES, f, 16);
    v128.store(to + ROW_BYTES, g, 32);
    v128.store(to + ROW_BYTES, h, 48);
  }
  for (; columns > 0; dy += 16, mean += 16, to += 16) {
    const width = min(columns, 4);
    const mean0 = loadFour(mean, width);
    let a = f32x4.splat(0);
    let e = f32x4.splat(0);
    let at = dy;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      const dy0 = loadFour(at, width);
      a = f32x4.add(a, dy0);
      e = f32x4.add(e, f32x4.mul(dy0, f32x4.sub(loadFour(at + shift, width), mean0)));
    }
    v128.store(to, a);
    v128.store(to + ROW_BYTES, e);
    columns -= width;
  }
}

@unmanaged
export class BatchNormalizationGradient extends Instruction {
  dy: usize;
  x: usize;
  gamma: usize;
  /** Mean, variance and 1/√(variance + epsilon): [3, columns]. */
  moments: usize;
  /** Σ dy and Σ dy · x̂: [2, columns]. */
  sums: usize;
  out: usize;
  rows: u32;
  columns: u32;
}

/**
 * out = gamma · r · (dy - Σ dy / rows - x̂ · Σ (dy · x̂) / rows) with r = 1/√(variance + epsilon), x̂ = (x - mean) · r; dy, x,
 * out [rows, columns], the rest [columns]. Unit: one row.
 */
export function batchNormalizationGradient(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<BatchNormalizationGradient>(instruction);
  const columns = overlay.columns;
  const stride = (<usize>columns) << 2;
  for (let column: u32 = 0; column < columns; column += PREPARED) {
    const width = min(PREPARED, columns - column);
    const offset = (<usize>column) << 2;
    const mean = overlay.moments + offset;
    const factor = scratch;
    const average = scratch + PREPARED_BYTES;
    const slope = scratch + 2 * PREPARED_BYTES;
    const sums = overlay.sums + offset;
    multiplyRow(factor, overlay.gamma + offset, mean + 2 * stride, width);
    multiplyRow(slope, sums + stride, mean + 2 * stride, width);
    for (let at: usize = 0; at < (<usize>width) << 2; at += 4) store<f32>(average + at, load<f32>(sums + at));
    divideBy(average, width, <f32>overlay.rows);
    divideBy(slope, width, <f32>overlay.rows);
    let dy = overlay.dy + <usize>begin * stride + offset;
    let x = overlay.x + <usize>begin * stride + offset;
    let out = overlay.out + <usize>begin * stride + offset;
    for (let row = begin; row < end; ++row, dy += stride, x += stride, out += stride) {
      const whole = (<usize>(width & ~3)) << 2;
      let at: usize = 0;
      for (; at < whole; at += 16) {
        const along = f32x4.mul(f32x4.sub(v128.load(x + at), v128.load(mean + at)), v128.load(slope + at));
        const rest = f32x4.sub(f32x4.sub(v128.load(dy + at), v128.load(average + at)), along);
        v128.store(out + at, f32x4.mul(rest, v128.load(factor + at)));
      }
      const rest = width & 3;
      if (rest != 0) {
        const along = f32x4.mul(f32x4.sub(loadFour(x + at, rest), loadFour(mean + at, rest)), v128.load(slope + at));
        const left = f32x4.sub(f32x4.sub(loadFour(dy + at, rest), v128.load(average + at)), along);
        storePartial(out + at, rest, f32x4.mul(left, v128.load(factor + at)));
      }
    }
  }
}
