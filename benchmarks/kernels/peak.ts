// How many f32 operations a second can 128-bit SIMD do here? Six chains of multiplications and six of additions, all
// independent and all in registers: more than the latencies of 3 to 4 cycles on 4 pipes need, and with the two operands
// 14 registers, which is what V8 has left of 16.

/** Floating-point operations of one round of {@link chains}: 12 instructions of 4 lanes. */
export const operations: i32 = 12 * 4;

/** Runs `rounds` rounds; the result only keeps the compiler from dropping them. */
export function chains(rounds: i32, factor: f32, term: f32): f32 {
  const f = f32x4.splat(factor);
  const t = f32x4.splat(term);
  let a0 = f32x4(1, 2, 3, 4);
  let a1 = f32x4(2, 3, 4, 5);
  let a2 = f32x4(3, 4, 5, 6);
  let a3 = f32x4(4, 5, 6, 7);
  let a4 = f32x4(5, 6, 7, 8);
  let a5 = f32x4(6, 7, 8, 9);
  let m0 = f32x4(1, 3, 5, 7);
  let m1 = f32x4(3, 5, 7, 9);
  let m2 = f32x4(5, 7, 9, 1);
  let m3 = f32x4(7, 9, 1, 3);
  let m4 = f32x4(9, 1, 3, 5);
  let m5 = f32x4(2, 4, 6, 8);
  for (let round = 0; round < rounds; round++) {
    a0 = f32x4.add(a0, t);
    m0 = f32x4.mul(m0, f);
    a1 = f32x4.add(a1, t);
    m1 = f32x4.mul(m1, f);
    a2 = f32x4.add(a2, t);
    m2 = f32x4.mul(m2, f);
    a3 = f32x4.add(a3, t);
    m3 = f32x4.mul(m3, f);
    a4 = f32x4.add(a4, t);
    m4 = f32x4.mul(m4, f);
    a5 = f32x4.add(a5, t);
    m5 = f32x4.mul(m5, f);
  }
  const sums = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(a4, a5));
  const products = f32x4.add(f32x4.add(f32x4.add(m0, m1), f32x4.add(m2, m3)), f32x4.add(m4, m5));
  return f32x4.extract_lane(f32x4.add(sums, products), 0);
}
