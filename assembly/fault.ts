// How does a kernel report bad data, the same way whatever the number of threads?
//
// A fault does not stop a kernel: the phase runs to its end, then the program stops. Of several faults the one that a
// single thread would have met first is kept: that of the lowest instruction, there of the lowest position.

import { FAULT_NONE } from "./opcodes";
import { meeting } from "./memory";

/** Where in the meeting block: the lock, then the record of kind, instruction, position, value (i32 each). */
const LOCK: usize = 64;
const RECORD: usize = 80;

/** Address of the instruction that this thread is at. */
let current: usize = 0;

/** Says which instruction the faults that follow belong to. */
export function enter(instruction: usize): void {
  current = instruction;
}

/** Records a fault at `position` of the current instruction's data, where `value` was found. */
export function fault(kind: i32, position: u32, value: i32): void {
  const record = meeting + RECORD;
  while (atomic.cmpxchg<i32>(meeting + LOCK, 0, 1) != 0) {}
  const at = load<u32>(record, 4);
  const earlier = at < <u32>current || (at == <u32>current && load<u32>(record, 8) <= position);
  if (load<i32>(record) == FAULT_NONE || !earlier) {
    store<i32>(record, kind);
    store<u32>(record, <u32>current, 4);
    store<u32>(record, position, 8);
    store<i32>(record, value, 12);
  }
  atomic.store<i32>(meeting + LOCK, 0);
}

/** Whether a fault is on record. */
export function faulted(): bool {
  return load<i32>(meeting + RECORD) != FAULT_NONE;
}

/** Address of the record of the fault that stopped the last run; its reader sets it to zero. */
export function faultRecord(): usize {
  return meeting + RECORD;
}
