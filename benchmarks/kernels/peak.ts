// How many f32 operations a second can 128-bit SIMD do here? Eight running sums of products, and each number that is loaded
// is multiplied by two others: as many sums as the latency of an addition on two pipes needs, and 20 instructions for 16
// operations. Chains of additions and of multiplications in registers alone reach three quarters of this on a Zen 5.

/** Floating-point operations of one round of {@link sums}: 16 instructions of 4 lanes. */
export const operations: i32 = 16 * 4;

/** Runs `rounds` rounds with numbers that lie at `at`; the result only keeps the compiler from dropping them. */
export function sums(rounds: i32, at: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(1);
  let s2 = f32x4.splat(2);
  let s3 = f32x4.splat(3);
  let s4 = f32x4.splat(4);
  let s5 = f32x4.splat(5);
  let s6 = f32x4.splat(6);
  let s7 = f32x4.splat(7);
  const f = v128.load(at);
  const g = v128.load(at, 16);
  for (let round = 0; round < rounds; round++) {
    const x0 = v128.load(at, 32);
    s0 = f32x4.add(s0, f32x4.mul(x0, f));
    s1 = f32x4.add(s1, f32x4.mul(x0, g));
    const x1 = v128.load(at, 48);
    s2 = f32x4.add(s2, f32x4.mul(x1, f));
    s3 = f32x4.add(s3, f32x4.mul(x1, g));
    const x2 = v128.load(at, 64);
    s4 = f32x4.add(s4, f32x4.mul(x2, f));
    s5 = f32x4.add(s5, f32x4.mul(x2, g));
    const x3 = v128.load(at, 80);
    s6 = f32x4.add(s6, f32x4.mul(x3, f));
    s7 = f32x4.add(s7, f32x4.mul(x3, g));
  }
  const first = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  const last = f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7));
  return f32x4.extract_lane(f32x4.add(first, last), 0);
}
