// How does one axis collapse into a number, the same number however the work is cut?
//
// Every output element belongs to one unit, and its sum is a fixed tree: sixteen bytes at a time into a few
// accumulators, these pairwise, and blocks of a long axis added in float64. The error of a sum of n float32 therefore
// stays that of one block, a few 10⁻⁷ relative to Σ|x|, for any n.

import { Instruction } from "../instruction";
import { scratch } from "../memory";
import {
  FLOAT32,
  REDUCE_ARG_MAX,
  REDUCE_ARG_MIN,
  REDUCE_MAX,
  REDUCE_MIN,
  REDUCE_PRODUCT,
  REDUCE_SUM,
} from "../opcodes";
import { loadPartial, storePartial } from "./copy";

@unmanaged
export class Reduce extends Instruction {
  input: usize;
  out: usize;
  /** REDUCE_… */
  kind: u32;
  /** FLOAT32 or INT32. */
  type: u32;
  outer: u32;
  axis: u32;
  inner: u32;
}

/** Columns of a unit where inner > 1. */
const PANEL: u32 = 64;
/** Elements of a row that are summed in float32: 32 per lane. */
const ROW_BLOCK: u32 = 1024;
/** Rows of a panel that are summed in float32. */
const PANEL_BLOCK: u32 = 128;

/**
 * out[o, i] = fold over a of input[o, a, i]. input [outer, axis, inner] → out [outer, inner]; argMax and argMin give the
 * int32 index of the first best element. float32: NaN wins over all numbers; int32 sums and products wrap.
 * Unit: one row where inner = 1 (units = outer), else a panel of 64 columns (units = outer · ⌈inner / 64⌉).
 */
export function reduce(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Reduce>(instruction);
  const kind = overlay.kind;
  if (overlay.type == FLOAT32) {
    if (kind == REDUCE_SUM) fold<SumFloat>(overlay, begin, end, f32x4.splat(0));
    else if (kind == REDUCE_MAX) fold<MaxFloat>(overlay, begin, end, f32x4.splat(-Infinity));
    else if (kind == REDUCE_MIN) fold<MinFloat>(overlay, begin, end, f32x4.splat(Infinity));
    else if (kind == REDUCE_PRODUCT) fold<ProductFloat>(overlay, begin, end, f32x4.splat(1));
    else if (kind == REDUCE_ARG_MAX) seek<GreaterFloat>(overlay, begin, end, f32x4.splat(-Infinity));
    else seek<LessFloat>(overlay, begin, end, f32x4.splat(Infinity));
  } else {
    if (kind == REDUCE_SUM) fold<SumInt>(overlay, begin, end, i32x4.splat(0));
    else if (kind == REDUCE_MAX) fold<MaxInt>(overlay, begin, end, i32x4.splat(i32.MIN_VALUE));
    else if (kind == REDUCE_MIN) fold<MinInt>(overlay, begin, end, i32x4.splat(i32.MAX_VALUE));
    else if (kind == REDUCE_PRODUCT) fold<ProductInt>(overlay, begin, end, i32x4.splat(1));
    else if (kind == REDUCE_ARG_MAX) seek<GreaterInt>(overlay, begin, end, i32x4.splat(i32.MIN_VALUE));
    else seek<LessInt>(overlay, begin, end, i32x4.splat(i32.MAX_VALUE));
  }
}

// Folds: sum, maximum, minimum, product -------------------------------------------------------------------------------

@unmanaged
class SumFloat {
  join(a: v128, b: v128): v128 {
    return f32x4.add(a, b);
  }
}

@unmanaged
class MaxFloat {
  join(a: v128, b: v128): v128 {
    return f32x4.max(a, b);
  }
}

@unmanaged
class MinFloat {
  join(a: v128, b: v128): v128 {
    return f32x4.min(a, b);
  }
}

@unmanaged
class ProductFloat {
  join(a: v128, b: v128): v128 {
    return f32x4.mul(a, b);
  }
}

@unmanaged
class SumInt {
  join(a: v128, b: v128): v128 {
    return i32x4.add(a, b);
  }
}

@unmanaged
class MaxInt {
  join(a: v128, b: v128): v128 {
    return i32x4.max_s(a, b);
  }
}

@unmanaged
class MinInt {
  join(a: v128, b: v128): v128 {
    return i32x4.min_s(a, b);
  }
}

@unmanaged
class ProductInt {
  join(a: v128, b: v128): v128 {
    return i32x4.mul(a, b);
  }
}

function fold<F>(overlay: Reduce, begin: u32, end: u32, identity: v128): void {
  const axis = overlay.axis;
  const inner = overlay.inner;
  const input = overlay.input;
  const out = overlay.out;
  const stride = (<usize>inner) << 2;
  const size = <usize>axis * stride;
  // Only sums of float32 lose digits with the length of the axis.
  const blocked = overlay.kind == REDUCE_SUM && overlay.type == FLOAT32;

  if (inner == 1) {
    for (let row = begin; row < end; ++row) {
      const from = input + <usize>row * size;
      const to = out + ((<usize>row) << 2);
      if (blocked && axis > ROW_BLOCK) store<f32>(to, sumBlocks(from, axis));
      else v128.store_lane<u32>(to, foldRow<F>(from, axis, identity), 0);
    }
    return;
  }
  const panels = (inner + PANEL - 1) / PANEL;
  for (let unit = begin; unit < end; ++unit) {
    const row = unit / panels;
    const column = (unit - row * panels) * PANEL;
    const columns = min(PANEL, inner - column);
    const from = input + <usize>row * size + ((<usize>column) << 2);
    const to = out + <usize>row * stride + ((<usize>column) << 2);
    if (blocked && axis > PANEL_BLOCK) sumPanelBlocks(from, stride, axis, columns, to);
    else foldPanel<F>(from, stride, axis, columns, to, identity);
  }
}

/** Σ of a long row: float32 within a block, float64 between blocks. */
function sumBlocks(row: usize, count: u32): f32 {
  let total: f64 = 0;
  for (let done: u32 = 0; done < count; done += ROW_BLOCK) {
    const block = foldRow<SumFloat>(row + ((<usize>done) << 2), min(ROW_BLOCK, count - done), f32x4.splat(0));
    total += <f64>f32x4.extract_lane(block, 0);
  }
  return <f32>total;
}

/** Every lane of the result is the fold of the whole row. */
function foldRow<F>(row: usize, count: u32, identity: v128): v128 {
  const f = changetype<F>(0);
  const end = row + ((<usize>count) << 2);
  let at = row;
  let a = identity;
  if (count >= 32) {
    let b = identity;
    let c = identity;
    let d = identity;
    let e = identity;
    let g = identity;
    let h = identity;
    let i = identity;
    for (; at + 128 <= end; at += 128) {
      a = f.join(a, v128.load(at));
      b = f.join(b, v128.load(at, 16));
      c = f.join(c, v128.load(at, 32));
      d = f.join(d, v128.load(at, 48));
      e = f.join(e, v128.load(at, 64));
      g = f.join(g, v128.load(at, 80));
      h = f.join(h, v128.load(at, 96));
      i = f.join(i, v128.load(at, 112));
    }
    a = f.join(f.join(f.join(a, b), f.join(c, d)), f.join(f.join(e, g), f.join(h, i)));
  }
  for (; at + 16 <= end; at += 16) a = f.join(a, v128.load(at));
  if (at < end) a = f.join(a, loadPartial(at, <u32>(end - at) >> 2, identity));
  a = f.join(a, v128.shuffle<u32>(a, a, 2, 3, 0, 1));
  return f.join(a, v128.shuffle<u32>(a, a, 1, 0, 3, 2));
}

/** Σ over a long axis of up to 64 columns: blocks of rows in float32, float64 between them, kept in scratch. */
function sumPanelBlocks(from: usize, stride: usize, rows: u32, columns: u32, to: usize): void {
  const block = scratch;
  const totals = scratch + ((<usize>PANEL) << 2);
  memory.fill(totals, 0, (<usize>columns) << 3);
  for (let done: u32 = 0; done < rows; done += PANEL_BLOCK) {
    foldPanel<SumFloat>(from, stride, min(PANEL_BLOCK, rows - done), columns, block, f32x4.splat(0));
    from += <usize>PANEL_BLOCK * stride;
    for (let column: usize = 0; column < <usize>columns; ++column) {
      const total = totals + (column << 3);
      store<f64>(total, load<f64>(total) + <f64>load<f32>(block + (column << 2)));
    }
  }
  for (let column: usize = 0; column < <usize>columns; ++column) {
    store<f32>(to + (column << 2), <f32>load<f64>(totals + (column << 3)));
  }
}

/**
 * Folds the rows of a panel of up to 64 columns: 32 columns at a time with one accumulator each, then 4
 * columns at a time with four accumulators that take turns.
 */
function foldPanel<F>(from: usize, stride: usize, rows: u32, columns: u32, to: usize, identity: v128): void {
  const f = changetype<F>(0);
  for (; columns >= 32; columns -= 32, from += 128, to += 128) {
    let a = identity;
    let b = identity;
    let c = identity;
    let d = identity;
    let e = identity;
    let g = identity;
    let h = identity;
    let i = identity;
    let at = from;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      a = f.join(a, v128.load(at));
      b = f.join(b, v128.load(at, 16));
      c = f.join(c, v128.load(at, 32));
      d = f.join(d, v128.load(at, 48));
      e = f.join(e, v128.load(at, 64));
      g = f.join(g, v128.load(at, 80));
      h = f.join(h, v128.load(at, 96));
      i = f.join(i, v128.load(at, 112));
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
    v128.store(to, e, 64);
    v128.store(to, g, 80);
    v128.store(to, h, 96);
    v128.store(to, i, 112);
  }
  for (; columns > 0; from += 16, to += 16) {
    const width = min(columns, 4);
    let a = identity;
    let b = identity;
    let c = identity;
    let d = identity;
    let at = from;
    for (let row: u32 = 0; row < rows; ++row, at += stride) {
      const next = f.join(a, loadFour(at, width, identity));
      a = b;
      b = c;
      c = d;
      d = next;
    }
    a = f.join(f.join(a, b), f.join(c, d));
    if (width == 4) v128.store(to, a);
    else storePartial(to, width, a);
    columns -= width;
  }
}

/** The first `width` (1 … 4) words at `address`, the other lanes from `filler`. */
function loadFour(address: usize, width: u32, filler: v128): v128 {
  return width == 4 ? v128.load(address) : loadPartial(address, width, filler);
}

// Seeks: argMax, argMin -----------------------------------------------------------------------------------------------

@unmanaged
class GreaterFloat {
  /** Also where a is NaN and b is not. */
  better(a: v128, b: v128): v128 {
    return v128.andnot(f32x4.eq(b, b), f32x4.le(a, b));
  }
}

@unmanaged
class LessFloat {
  /** Also where a is NaN and b is not. */
  better(a: v128, b: v128): v128 {
    return v128.andnot(f32x4.eq(b, b), f32x4.ge(a, b));
  }
}

@unmanaged
class GreaterInt {
  better(a: v128, b: v128): v128 {
    return i32x4.gt_s(a, b);
  }
}

@unmanaged
class LessInt {
  better(a: v128, b: v128): v128 {
    return i32x4.lt_s(a, b);
  }
}

function seek<F>(overlay: Reduce, begin: u32, end: u32, worst: v128): void {
  const axis = overlay.axis;
  const inner = overlay.inner;
  const input = overlay.input;
  const out = overlay.out;
  const stride = (<usize>inner) << 2;
  const size = <usize>axis * stride;

  if (inner == 1) {
    for (let row = begin; row < end; ++row) {
      v128.store_lane<u32>(out + ((<usize>row) << 2), seekRow<F>(input + <usize>row * size, axis, worst), 0);
    }
    return;
  }
  const panels = (inner + PANEL - 1) / PANEL;
  for (let unit = begin; unit < end; ++unit) {
    const row = unit / panels;
    let column = (unit - row * panels) * PANEL;
    const last = min(column + PANEL, inner);
    for (; column < last; column += 4) {
      const width = min(last - column, 4);
      const offset = (<usize>column) << 2;
      const index = seekColumns<F>(input + <usize>row * size + offset, stride, axis, width, worst);
      const to = out + <usize>row * stride + offset;
      if (width == 4) v128.store(to, index);
      else storePartial(to, width, index);
    }
  }
}

/** Lane 0 of the result is the index of the first best element of a row. */
function seekRow<F>(row: usize, count: u32, worst: v128): v128 {
  const f = changetype<F>(0);
  const four = i32x4.splat(4);
  // Lanes that hold no element lose every tie.
  let index = i32x4(0, 1, 2, 3);
  const none = i32x4.splat(i32.MAX_VALUE);
  if (count < 4) index = v128.bitselect(index, none, i32x4.lt_s(index, i32x4.splat(<i32>count)));
  let best = loadFour(row, min(count, 4), worst);
  let here = i32x4(0, 1, 2, 3);
  for (let i: u32 = 4; i < count; i += 4) {
    const x = loadFour(row + ((<usize>i) << 2), min(count - i, 4), worst);
    here = i32x4.add(here, four);
    const take = f.better(x, best);
    best = v128.bitselect(x, best, take);
    index = v128.bitselect(here, index, take);
  }
  for (let pass = 0; pass < 2; ++pass) {
    const other = pass == 0 ? v128.shuffle<u32>(best, best, 2, 3, 0, 1) : v128.shuffle<u32>(best, best, 1, 0, 3, 2);
    const place = pass == 0 ? v128.shuffle<u32>(index, index, 2, 3, 0, 1) : v128.shuffle<u32>(index, index, 1, 0, 3, 2);
    const first = v128.andnot(i32x4.lt_s(place, index), f.better(best, other));
    const take = v128.or(f.better(other, best), first);
    best = v128.bitselect(other, best, take);
    index = v128.bitselect(place, index, take);
  }
  return index;
}

/** The row indices of the best elements of `width` columns. */
function seekColumns<F>(from: usize, stride: usize, rows: u32, width: u32, worst: v128): v128 {
  const f = changetype<F>(0);
  let best = loadFour(from, width, worst);
  let index = i32x4.splat(0);
  for (let row: u32 = 1; row < rows; ++row) {
    from += stride;
    const x = loadFour(from, width, worst);
    const take = f.better(x, best);
    best = v128.bitselect(x, best, take);
    index = v128.bitselect(i32x4.splat(<i32>row), index, take);
  }
  return index;
}
