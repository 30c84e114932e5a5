// How are rows picked by index, and how do their gradients find the way back?
//
// An index outside its range never reaches memory: it is reported with fault() and its row becomes zero (gather) or is
// skipped (scatterAdd).

import { Instruction } from "../instruction";
import { fault } from "../fault";
import { FAULT_INDEX } from "../opcodes";
import { copyBytes } from "./copy";

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

/**
 * out = 0, then out[indices[i]] += updates[i] for i = 0, 1, … updates float32 [count, inner], int32 indices [count] →
 * out [rows, inner]. Unit: a panel of 64 columns, units = ⌈inner / 64⌉, so every sum has the order of i.
 */
export function scatterAdd(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<ScatterAdd>(instruction);
  const indices = overlay.indices;
  const rows = overlay.rows;
  const count = overlay.count;
  const inner = overlay.inner;
  const first = begin * PANEL;
  const columns = min(end * PANEL, inner) - first;
  const stride = (<usize>inner) << 2;
  const out = overlay.out + ((<usize>first) << 2);
  let updates = overlay.updates + ((<usize>first) << 2);

  if (columns == inner) {
    memory.fill(out, 0, <usize>rows * stride);
  } else {
    for (let row: u32 = 0; row < rows; ++row) memory.fill(out + <usize>row * stride, 0, (<usize>columns) << 2);
  }
  // A histogram: without the call, half the time.
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

function addRow(to: usize, from: usize, columns: u32): void {
  const end = to + ((<usize>columns) << 2);
  for (; to + 16 <= end; to += 16, from += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(to) + load<f32>(from));
}
