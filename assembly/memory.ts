// Where are a thread's private buffers, and where does a kernel report bad data?

/** Bytes of scratch that every thread owns: sixteen map tiles, or packed panels of a matrix product. */
export const SCRATCH_BYTES: usize = 256 * 1024;

/** First byte of this thread's scratch, 64-byte aligned. */
export let scratch: usize = 0;

/** Address of the fault record: kind, instruction index, position, value (four i32). */
export let faultRecord: usize = 0;

export function configure(scratchAddress: usize, faultAddress: usize): void {
  scratch = scratchAddress;
  faultRecord = faultAddress;
}

/**
 * Records a fault; of several in one instruction that of the lowest position, wherever the work was cut. The machine
 * stops after the instruction that raised it.
 */
export function fault(kind: i32, position: u32, value: i32): void {
  if (load<i32>(faultRecord) != 0 && load<u32>(faultRecord, 8) <= position) return;
  store<i32>(faultRecord, kind);
  store<u32>(faultRecord, position, 8);
  store<i32>(faultRecord, value, 12);
}
