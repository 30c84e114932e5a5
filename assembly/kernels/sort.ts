// In which order do the numbers of a row stand?
//
// Heap sort of positions: in place, and the same steps whatever the numbers are. Equal numbers keep their order and NaN
// come last, so that the order is always one and the same.

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

/** Lets the position at `root` sink to where both below it come before it. */
function sink(keys: usize, order: usize, root: u32, count: u32, type: u32, descending: u32): void {
  const moved = load<u32>(order + ((<usize>root) << 2));
  let child: u32 = 2 * root + 1;
  while (child < count) {
    let candidate = load<u32>(order + ((<usize>child) << 2));
    if (child + 1 < count) {
      const other = load<u32>(order + ((<usize>(child + 1)) << 2));
      if (before(keys, candidate, other, type, descending)) {
        candidate = other;
        ++child;
      }
    }
    if (!before(keys, moved, candidate, type, descending)) break;
    store<u32>(order + ((<usize>root) << 2), candidate);
    root = child;
    child = 2 * root + 1;
  }
  store<u32>(order + ((<usize>root) << 2), moved);
}

/** Whether the number at `a` stands before that at `b`. */
function before(keys: usize, a: u32, b: u32, type: u32, descending: u32): bool {
  const first = keyAt(keys + ((<usize>a) << 2), type);
  const second = keyAt(keys + ((<usize>b) << 2), type);
  if (first == second) return a < b;
  if (first != first) return second != second ? a < b : false;
  if (second != second) return true;
  return descending != 0 ? first > second : first < second;
}

/** A float64 holds every float32 and every int32. */
function keyAt(address: usize, type: u32): f64 {
  return type == INT32 ? <f64>load<i32>(address) : <f64>load<f32>(address);
}
