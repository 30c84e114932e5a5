// How long does it take to read so many bytes, and to write so many others? What any operation with these operands needs.

/** Writes `bytes` bytes from byte 64 on: memory that was never written would be read from one page of zeros. */
export function prepare(bytes: usize): void {
  for (let offset: usize = 0; offset < bytes; offset += 16) v128.store(64 + offset, f32x4.splat(1));
}

/** Reads `read` bytes from byte 64 on and writes `written` bytes behind them; both are multiples of 64. */
export function passage(read: usize, written: usize): f32 {
  const from: usize = 64;
  const to = from + read;
  const both = min(read, written);
  for (let offset: usize = 0; offset < both; offset += 64) {
    v128.store(to + offset, v128.load(from + offset));
    v128.store(to + offset, v128.load(from + offset, 16), 16);
    v128.store(to + offset, v128.load(from + offset, 32), 32);
    v128.store(to + offset, v128.load(from + offset, 48), 48);
  }
  const zero = f32x4.splat(0);
  for (let offset = both; offset < written; offset += 64) {
    v128.store(to + offset, zero);
    v128.store(to + offset, zero, 16);
    v128.store(to + offset, zero, 32);
    v128.store(to + offset, zero, 48);
  }
  let sum0 = zero;
  let sum1 = zero;
  let sum2 = zero;
  let sum3 = zero;
  for (let offset = both; offset < read; offset += 64) {
    sum0 = f32x4.add(sum0, v128.load(from + offset));
    sum1 = f32x4.add(sum1, v128.load(from + offset, 16));
    sum2 = f32x4.add(sum2, v128.load(from + offset, 32));
    sum3 = f32x4.add(sum3, v128.load(from + offset, 48));
  }
  // The sum only keeps the compiler from dropping the loads.
  return f32x4.extract_lane(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)), 0);
}
