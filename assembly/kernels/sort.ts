// In which order do the numbers of a row stand?
//
// Positions are sorted in place: short rows by insertion, long ones as a heap. Equal numbers keep their order and NaN come
// last, so that the order is always one and the same.

import { Instruction } from "../instruction";
import { INT32 } from "../opcodes";

@unmanaged
export class ArgSort extends Instruction {
  input: usize;
  out: usize;
  /** FLOAT32 or INT32. */
  type: u32;
  rows: u32;
  columns: u32;
  descending: u32;
}

/** Up to so many columns insertion takes less time than a heap. */
const SHORT: u32 = 24;

/** out[r] = the positions of input[r] in order. input [rows, columns] → out int32 [rows, columns]. Unit: one row. */
export function argSort(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<ArgSort>(instruction);
  const columns = overlay.columns;
  const type = overlay.type;
  const descending = overlay.descending;
  const bytes = (<usize>columns) << 2;
  for (let row = begin; row < end; ++row) {
    const keys = overlay.input + <usize>row * bytes;
    const order = overlay.out + <usize>row * bytes;
    if (columns <= SHORT) {
      for (let i: u32 = 0; i < columns; ++i) insert(keys, order, i, type, descending);
      continue;
    }
    for (let i: u32 = 0; i < columns; ++i) store<u32>(order + ((<usize>i) << 2), i);
    for (let root = columns >> 1; root > 0; --root) sink(keys, order, root - 1, columns, type, descending);
    for (let count = columns; count > 1; --count) {
      const last = order + ((<usize>(count - 1)) << 2);
      const largest = load<u32>(order);
      store<u32>(order, load<u32>(last));
      store<u32>(last, largest);
      sink(keys, order, 0, count - 1, type, descending);
    }
  }
}

/** Puts position `i` in its place among those before it, which are in order. */
function insert(keys: usize, order: usize, i: u32, type: u32, descending: u32): void {
  const key = keyOf(keys, i, type, descending);
  let at = order + ((<usize>i) << 2);
  for (; at > order; at -= 4) {
    const other = load<u32>(at - 4);
    if (keyOf(keys, other, type, descending) < key) break;
    store<u32>(at, other);
  }
  store<u32>(at, i);
}

/** Lets the position at `root` sink to where both below it come before it. */
function sink(keys: usize, order: usize, root: u32, count: u32, type: u32, descending: u32): void {
  const moved = load<u32>(order + ((<usize>root) << 2));
  const key = keyOf(keys, moved, type, descending);
  let child: u32 = 2 * root + 1;
  while (child < count) {
    let candidate = load<u32>(order + ((<usize>child) << 2));
    let largest = keyOf(keys, candidate, type, descending);
    if (child + 1 < count) {
      const other = load<u32>(order + ((<usize>(child + 1)) << 2));
      const otherKey = keyOf(keys, other, type, descending);
      if (largest < otherKey) {
        largest = otherKey;
        candidate = other;
        ++child;
      }
    }
    if (largest < key) break;
    store<u32>(order + ((<usize>root) << 2), candidate);
    root = child;
    child = 2 * root + 1;
  }
  store<u32>(order + ((<usize>root) << 2), moved);
}

/** An integer with the order of places: that of the numbers there, −0 as 0 and NaN behind all, then that of positions. */
function keyOf(keys: usize, position: u32, type: u32, descending: u32): i64 {
  const address = keys + ((<usize>position) << 2);
  let key = load<i32>(address);
  if (type != INT32) {
    const bits = reinterpret<i32>(load<f32>(address) + 0);
    // Of negative numbers the larger bits are those of the smaller number.
    key = bits ^ ((bits >> 31) & i32.MAX_VALUE);
  }
  if (descending != 0) key = ~key;
  const ordered = type == INT32 || load<f32>(address) == load<f32>(address);
  return ((<i64>(ordered ? key : i32.MAX_VALUE)) << 32) | <i64>position;
}
