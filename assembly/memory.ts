// Where are a thread's private buffers, and where do threads meet?

/**
 * Bytes of scratch that every thread owns. Most kernels use half of it, a block of transformed tiles of a convolution all of
 * that; behind it there are totals of long sums.
 */
export const SCRATCH_BYTES: usize = 1024 * 1024;
/** Scratch from here on holds totals, and the sums of a part of a convolution. */
export const TOTALS: usize = 512 * 1024;

/** First byte of this thread's scratch, 64-byte aligned. */
export let scratch: usize = 0;

/** First byte of the block where threads meet, 64-byte aligned; its fields are those of parallel.ts and fault.ts. */
export let meeting: usize = 0;

/** Whether this thread may sleep: not where a page is drawn. */
export let maySleep: bool = false;

/** Sets up this thread's instance. */
export function configure(scratchAddress: usize, meetingAddress: usize, sleeps: bool): void {
  scratch = scratchAddress;
  meeting = meetingAddress;
  maySleep = sleeps;
}
