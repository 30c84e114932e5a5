// How are rows picked by index, and how do their gradients find the way back?
//
// An index outside its range never reaches memory: it is reported with fault() and its row becomes zero (gather) or is
// skipped (scatterAdd).

import { Instruction } from "../instruction";
import { fault } from "../fault";
import { scratch, TOTALS } from "../memory";
import { FAULT_INDEX } from "../opcodes";
import { copyBytes } from "./copy";
import { addPanel } from "./matMulBlocks";
import { addToTotals, moveToTotals, writeTotals } from "./totals";

@unmanaged
export class Gather extends Instruction {
  input: usize;
  indices: usize;
  out: usize;
  rows: u32;
  rowBytes: u32;
  count: u32;
}

@unmanaged
export class ScatterAdd extends Instruction {
  updates: usize;
  indices: usize;
  out: usize;
  rows: u32;
  inner: u32;
  count: u32;
}

@unmanaged
export class GatherBatch extends Instruction {
  input: usize;
  indices: usize;
  /** Address of an int32: where in `indices` this batch begins. */
  cursor: usize;
  out: usize;
  rows: u32;
  rowBytes: u32;
  count: u32;
}

/** Columns of a unit of scatterAdd. */
const PANEL: u32 = 64;

/** out[i] = input[indices[i]]. input [rows, rowBytes], int32 indices [count] → out [count, rowBytes]. Unit: one i. */
export function gather(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Gather>(instruction);
  gatherRows(overlay.input, overlay.indices, overlay.out, overlay.rows, overlay.rowBytes, begin, end);
}

/**
 * out[i] = input[indices[cursor + i]]. input [rows, rowBytes], int32 indices [≥ cursor + count] → out [count, rowBytes].
 * Unit: one i.
 */
export function gatherBatch(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<GatherBatch>(instruction);
  const indices = overlay.indices + ((<usize>load<u32>(overlay.cursor)) << 2);
  gatherRows(overlay.input, indices, overlay.out, overlay.rows, overlay.rowBytes, begin, end);
}

function gatherRows(input: usize, indices: usize, out: usize, rows: u32, bytes: usize, begin: u32, end: u32): void {
  for (let i = begin; i < end; ++i) {
    const index = load<u32>(indices + ((<usize>i) << 2));
    const target = out + <usize>i * bytes;
    if (index < rows) {
      copyBytes(target, input + <usize>index * bytes, bytes);
    } else {
      fault(FAULT_INDEX, i, <i32>index);
      memory.fill(target, 0, bytes);
    }
  }
}

// What scatterAdd does with long sums: a row to which more than TOGETHER updates are added has a total in float64.

/** Updates that are added to a row in float32, at least. */
const TOGETHER: u32 = 1024;
/** Rows that are counted at once, in scratch: how many updates a row had since its sum went to its total, and which that is. */
const COUNTED: u32 = 64 * 1024;
/** Counters for a first look, in the first-level cache. */
const BUCKETS: u32 = 4096;
const SLOT_SHIFT: u32 = 20;
const COUNT_MASK: u32 = (1 << SLOT_SHIFT) - 1;
/** Totals at once, 64 columns each: 512 KB; and which rows they belong to, behind the counters. */
const SLOTS: u32 = 1024;
const ROWS_OF_SLOTS: usize = (<usize>COUNTED) << 2;

/**
 * out = 0, then out[indices[i]] += updates[i] for i = 0, 1, … updates float32 [count, inner], int32 indices [count] →
 * out [rows, inner]. Unit: a panel of 64 columns, units = ⌈inner / 64⌉, so every sum has the order of i. With inner = 1 sums of
 * more than 1024 updates are float64; else every 1024 updates of a row, or count / 1024 if that is more, are a float32 sum of
 * their own, and these are added in float64.
 */
export function scatterAdd(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<ScatterAdd>(instruction);
  const rows = overlay.rows;
  const count = overlay.count;
  const inner = overlay.inner;
  const first = begin * PANEL;
  const columns = min(end * PANEL, inner) - first;
  const stride = (<usize>inner) << 2;
  const offset = (<usize>first) << 2;

  if (count > TOGETHER && ((inner == 1 && rows <= COUNTED) || fillsBuckets(overlay.indices, count))) {
    if (inner == 1) addUp(overlay);
    else addInBlocks(overlay, first, columns);
    return;
  }
  const out = overlay.out + offset;
  clearRows(out, stride, rows, columns);
  const indices = overlay.indices;
  let updates = overlay.updates + offset;
  // Without the call, half the time.
  if (inner == 1) {
    for (let i: u32 = 0; i < count; ++i, updates += 4) {
      const index = load<u32>(indices + ((<usize>i) << 2));
      const cell = out + ((<usize>index) << 2);
      if (index < rows) store<f32>(cell, load<f32>(cell) + load<f32>(updates));
      else fault(FAULT_INDEX, i, <i32>index);
    }
    return;
  }
  for (let i: u32 = 0; i < count; ++i) {
    const index = load<u32>(indices + ((<usize>i) << 2));
    if (index < rows) addRow(out + <usize>index * stride, updates, columns);
    else fault(FAULT_INDEX, i, <i32>index);
    updates += stride;
  }
}

function clearRows(out: usize, stride: usize, rows: u32, columns: u32): void {
  const bytes = (<usize>columns) << 2;
  if (bytes == stride) memory.fill(out, 0, <usize>rows * stride);
  else for (; rows > 0; --rows, out += stride) memory.fill(out, 0, bytes);
}

/** Whether more than TOGETHER updates may go to one row: to rows whose numbers end alike. */
function fillsBuckets(indices: usize, count: u32): bool {
  memory.fill(scratch, 0, (<usize>BUCKETS) << 2);
  for (let i: u32 = 0; i < count; ++i, indices += 4) {
    const counter = scratch + ((<usize>(load<u32>(indices) & (BUCKETS - 1))) << 2);
    const updates = load<u32>(counter) + 1;
    if (updates > TOGETHER) return true;
    store<u32>(counter, updates);
  }
  return false;
}

/** A histogram: inner = 1, sums in float64. */
function addUp(overlay: ScatterAdd): void {
  const rows = overlay.rows;
  const count = overlay.count;
  const totals = scratch + TOTALS;
  for (let low: u32 = 0; low < rows; low += COUNTED) {
    const height = min(rows - low, COUNTED);
    memory.fill(totals, 0, (<usize>height) << 3);
    let indices = overlay.indices;
    let updates = overlay.updates;
    for (let i: u32 = 0; i < count; ++i, indices += 4, updates += 4) {
      const index = load<u32>(indices);
      const total = totals + ((<usize>(index - low)) << 3);
      if (index - low < height) store<f64>(total, load<f64>(total) + <f64>load<f32>(updates));
      else if (low == 0 && index >= rows) fault(FAULT_INDEX, i, <i32>index);
    }
    const out = overlay.out + ((<usize>low) << 2);
    for (let row: usize = 0; row < height; ++row) store<f32>(out + (row << 2), <f32>load<f64>(totals + (row << 3)));
  }
}

/** Columns [first, first + columns), as many at a time as there is room for totals. */
function addInBlocks(overlay: ScatterAdd, first: u32, columns: u32): void {
  const together = max(TOGETHER, (overlay.count + SLOTS - 1) / SLOTS);
  const most = overlay.count / together;
  // A row of totals takes whole vectors.
  const width = most * ((columns + 3) & ~3) <= SLOTS * PANEL ? columns : PANEL;
  for (let column: u32 = 0; column < columns; column += width)
    addColumns(overlay, first + column, min(columns - column, width), together, column == 0);
}

function addColumns(overlay: ScatterAdd, first: u32, columns: u32, together: u32, reports: bool): void {
  const rows = overlay.rows;
  const count = overlay.count;
  const stride = (<usize>overlay.inner) << 2;
  const offset = (<usize>first) << 2;
  const out = overlay.out + offset;
  const slotRows = scratch + ROWS_OF_SLOTS;
  const totalBytes = (<usize>((columns + 3) & ~3)) << 3;
  clearRows(out, stride, rows, columns);
  for (let low: u32 = 0; low < rows; low += COUNTED) {
    const height = min(rows - low, COUNTED);
    memory.fill(scratch, 0, (<usize>height) << 2);
    let slots: u32 = 0;
    let indices = overlay.indices;
    let updates = overlay.updates + offset;
    for (let i: u32 = 0; i < count; ++i, indices += 4, updates += stride) {
      const index = load<u32>(indices);
      if (index - low >= height) {
        if (reports && low == 0 && index >= rows) fault(FAULT_INDEX, i, <i32>index);
        continue;
      }
      const row = out + <usize>index * stride;
      addPanel(row, 0, updates, 1, columns);
      const counter = scratch + ((<usize>(index - low)) << 2);
      let had = load<u32>(counter) + 1;
      if ((had & COUNT_MASK) == together) {
        let slot = had >> SLOT_SHIFT;
        const fresh = slot == 0;
        if (fresh) {
          store<u32>(slotRows + ((<usize>slots) << 2), index);
          slot = ++slots;
        }
        moveToTotals(row, stride, 1, columns, scratch + TOTALS + <usize>(slot - 1) * totalBytes, fresh);
        had = slot << SLOT_SHIFT;
      }
      store<u32>(counter, had);
    }
    let totals = scratch + TOTALS;
    for (let slot: usize = 0; slot < slots; ++slot, totals += totalBytes) {
      const row = out + <usize>load<u32>(slotRows + (slot << 2)) * stride;
      addToTotals(row, stride, 1, columns, totals, false);
      writeTotals(totals, row, stride, 1, columns, 0, 0, 0);
    }
  }
}

function addRow(to: usize, from: usize, columns: u32): void {
  const end = to + ((<usize>columns) << 2);
  for (; to + 16 <= end; to += 16, from += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(to) + load<f32>(from));
}
