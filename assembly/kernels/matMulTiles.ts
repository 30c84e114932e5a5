// How is a small block of C computed without leaving the registers?
//
// A tile of R rows × 4·V columns keeps its R·V sums in registers. One step of k loads V vectors of b and R splats of a:
//
//   sum[r][v] += splat(a[r][p]) · b[p][4v … 4v + 3]          p = 0, 1, … k − 1, always in this order
//
// One multiplication, one addition, one running sum per element of C: the bits of C do not depend on the tile, on the
// packing, on a being transposed or on where a sum waits in C (a float32 sum stored and reloaded is the same sum).
//
// The loops are not unrolled over k: V8 hoists the loads of an unrolled body and spills (2 × 16 unrolled 1 / 2 / 4 times:
// 101 / 90 / 81 % of peak at k = 784, Node 20, Ice Lake). The other tiles finish edges.
//
// Every tile:  a      row r of op(A) starts at a + r · aRow and steps by aStep bytes along k
//              b      row p of the panel is at b + p · bStep (in place: n · 4; packed: 64)
//              c      row r of C is at c + r · cRow
//              bias   one float32 for each column of the tile

/** The tile adds to the sums that the previous block of k left in C. */
export const CONTINUE: u32 = 1;
/** The last block of k adds the bias before it stores. */
export const BIAS: u32 = 2;
/** The last block of k stores max(x, 0). */
export const CLAMP: u32 = 4;

/** sum + x · y, rounded twice; in the binary with relaxed SIMD, rounded once where the CPU can. */
export function multiplyAdd(sum: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, y, sum);
  return f32x4.add(sum, f32x4.mul(x, y));
}

/** max(x, 0); NaN stays NaN. One instruction on every CPU, unlike f32x4.max. */
export function clamp(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

/** The first `lanes` (1 … 4) floats of x → address. */
export function storeLanes(address: usize, x: v128, lanes: u32): void {
  if (lanes == 4) {
    v128.store(address, x);
    return;
  }
  if (lanes == 1) {
    v128.store32_lane(address, x, 0);
    return;
  }
  v128.store64_lane(address, x, 0);
  if (lanes == 3) v128.store32_lane(address, x, 2, 8);
}

/**
 * C tiles [rows, 16] (+)= op(A) [rows, k] · B [k, 16], two rows at a time; rows even. A call for each two would cost a tenth
 * of the time where k is 32.
 */
export function tiles2x16(
  aFirst: usize,
  aRow: usize,
  aStep: usize,
  bFirst: usize,
  bStep: usize,
  steps: u32,
  c: usize,
  cRow: usize,
  rows: u32,
  bias: usize,
  mode: u32,
): void {
  const bEnd = bFirst + <usize>steps * bStep;
  for (; rows >= 2; rows -= 2) {
    let a = aFirst;
    let a1 = a + aRow;
    aFirst = a1 + aRow;
    let b = bFirst;
    const c1 = c + cRow;
    let sum00 = f32x4.splat(0);
    let sum01 = f32x4.splat(0);
    let sum02 = f32x4.splat(0);
    let sum03 = f32x4.splat(0);
    let sum10 = f32x4.splat(0);
    let sum11 = f32x4.splat(0);
    let sum12 = f32x4.splat(0);
    let sum13 = f32x4.splat(0);
    if (mode & CONTINUE) {
      sum00 = v128.load(c);
      sum01 = v128.load(c, 16);
      sum02 = v128.load(c, 32);
      sum03 = v128.load(c, 48);
      sum10 = v128.load(c1);
      sum11 = v128.load(c1, 16);
      sum12 = v128.load(c1, 32);
      sum13 = v128.load(c1, 48);
    }
    do {
      const x0 = v128.load32_splat(a);
      const x1 = v128.load32_splat(a1);
      const y0 = v128.load(b);
      sum00 = multiplyAdd(sum00, x0, y0);
      sum10 = multiplyAdd(sum10, x1, y0);
      const y1 = v128.load(b, 16);
      sum01 = multiplyAdd(sum01, x0, y1);
      sum11 = multiplyAdd(sum11, x1, y1);
      const y2 = v128.load(b, 32);
      sum02 = multiplyAdd(sum02, x0, y2);
      sum12 = multiplyAdd(sum12, x1, y2);
      const y3 = v128.load(b, 48);
      sum03 = multiplyAdd(sum03, x0, y3);
      sum13 = multiplyAdd(sum13, x1, y3);
      a += aStep;
      a1 += aStep;
      b += bStep;
    } while (b != bEnd);
    if (mode & BIAS) {
      const y0 = v128.load(bias);
      sum00 = f32x4.add(sum00, y0);
      sum10 = f32x4.add(sum10, y0);
      const y1 = v128.load(bias, 16);
      sum01 = f32x4.add(sum01, y1);
      sum11 = f32x4.add(sum11, y1);
      const y2 = v128.load(bias, 32);
      sum02 = f32x4.add(sum02, y2);
      sum12 = f32x4.add(sum12, y2);
      const y3 = v128.load(bias, 48);
      sum03 = f32x4.add(sum03, y3);
      sum13 = f32x4.add(sum13, y3);
    }
    if (mode & CLAMP) {
      sum00 = clamp(sum00);
      sum01 = clamp(sum01);
      sum02 = clamp(sum02);
      sum03 = clamp(sum03);
      sum10 = clamp(sum10);
      sum11 = clamp(sum11);
      sum12 = clamp(sum12);
      sum13 = clamp(sum13);
    }
    v128.store(c, sum00);
    v128.store(c, sum01, 16);
    v128.store(c, sum02, 32);
    v128.store(c, sum03, 48);
    v128.store(c1, sum10);
    v128.store(c1, sum11, 16);
    v128.store(c1, sum12, 32);
    v128.store(c1, sum13, 48);
    c = c1 + cRow;
  }
}

/** C tile [1, 16] (+)= op(A) [1, k] · B [k, 16]. */
export function tile1x16(
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: u32,
  c: usize,
  bias: usize,
  mode: u32,
): void {
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  if (mode & CONTINUE) {
    sum0 = v128.load(c);
    sum1 = v128.load(c, 16);
    sum2 = v128.load(c, 32);
    sum3 = v128.load(c, 48);
  }
  do {
    const x = v128.load32_splat(a);
    sum0 = multiplyAdd(sum0, x, v128.load(b));
    sum1 = multiplyAdd(sum1, x, v128.load(b, 16));
    sum2 = multiplyAdd(sum2, x, v128.load(b, 32));
    sum3 = multiplyAdd(sum3, x, v128.load(b, 48));
    a += aStep;
    b += bStep;
  } while (--k);
  if (mode & BIAS) {
    sum0 = f32x4.add(sum0, v128.load(bias));
    sum1 = f32x4.add(sum1, v128.load(bias, 16));
    sum2 = f32x4.add(sum2, v128.load(bias, 32));
    sum3 = f32x4.add(sum3, v128.load(bias, 48));
  }
  if (mode & CLAMP) {
    sum0 = clamp(sum0);
    sum1 = clamp(sum1);
    sum2 = clamp(sum2);
    sum3 = clamp(sum3);
  }
  v128.store(c, sum0);
  v128.store(c, sum1, 16);
  v128.store(c, sum2, 32);
  v128.store(c, sum3, 48);
}

/** C tile [4, 8] (+)= op(A) [4, k] · B [k, 8]. */
export function tile4x8(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: u32,
  c: usize,
  cRow: usize,
  bias: usize,
  mode: u32,
): void {
  let a1 = a + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  const c1 = c + cRow;
  const c2 = c1 + cRow;
  const c3 = c2 + cRow;
  let sum00 = f32x4.splat(0);
  let sum01 = f32x4.splat(0);
  let sum10 = f32x4.splat(0);
  let sum11 = f32x4.splat(0);
  let sum20 = f32x4.splat(0);
  let sum21 = f32x4.splat(0);
  let sum30 = f32x4.splat(0);
  let sum31 = f32x4.splat(0);
  if (mode & CONTINUE) {
    sum00 = v128.load(c);
    sum01 = v128.load(c, 16);
    sum10 = v128.load(c1);
    sum11 = v128.load(c1, 16);
    sum20 = v128.load(c2);
    sum21 = v128.load(c2, 16);
    sum30 = v128.load(c3);
    sum31 = v128.load(c3, 16);
  }
  do {
    const x0 = v128.load32_splat(a);
    const x1 = v128.load32_splat(a1);
    const x2 = v128.load32_splat(a2);
    const x3 = v128.load32_splat(a3);
    const y0 = v128.load(b);
    sum00 = multiplyAdd(sum00, x0, y0);
    sum10 = multiplyAdd(sum10, x1, y0);
    sum20 = multiplyAdd(sum20, x2, y0);
    sum30 = multiplyAdd(sum30, x3, y0);
    const y1 = v128.load(b, 16);
    sum01 = multiplyAdd(sum01, x0, y1);
    sum11 = multiplyAdd(sum11, x1, y1);
    sum21 = multiplyAdd(sum21, x2, y1);
    sum31 = multiplyAdd(sum31, x3, y1);
    a += aStep;
    a1 += aStep;
    a2 += aStep;
    a3 += aStep;
    b += bStep;
  } while (--k);
  if (mode & BIAS) {
    const y0 = v128.load(bias);
    sum00 = f32x4.add(sum00, y0);
    sum10 = f32x4.add(sum10, y0);
    sum20 = f32x4.add(sum20, y0);
    sum30 = f32x4.add(sum30, y0);
    const y1 = v128.load(bias, 16);
    sum01 = f32x4.add(sum01, y1);
    sum11 = f32x4.add(sum11, y1);
    sum21 = f32x4.add(sum21, y1);
    sum31 = f32x4.add(sum31, y1);
  }
  if (mode & CLAMP) {
    sum00 = clamp(sum00);
    sum01 = clamp(sum01);
    sum10 = clamp(sum10);
    sum11 = clamp(sum11);
    sum20 = clamp(sum20);
    sum21 = clamp(sum21);
    sum30 = clamp(sum30);
    sum31 = clamp(sum31);
  }
  v128.store(c, sum00);
  v128.store(c, sum01, 16);
  v128.store(c1, sum10);
  v128.store(c1, sum11, 16);
  v128.store(c2, sum20);
  v128.store(c2, sum21, 16);
  v128.store(c3, sum30);
  v128.store(c3, sum31, 16);
}

/** C tile [1, 8] (+)= op(A) [1, k] · B [k, 8]. */
export function tile1x8(
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: u32,
  c: usize,
  bias: usize,
  mode: u32,
): void {
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  if (mode & CONTINUE) {
    sum0 = v128.load(c);
    sum1 = v128.load(c, 16);
  }
  do {
    const x = v128.load32_splat(a);
    sum0 = multiplyAdd(sum0, x, v128.load(b));
    sum1 = multiplyAdd(sum1, x, v128.load(b, 16));
    a += aStep;
    b += bStep;
  } while (--k);
  if (mode & BIAS) {
    sum0 = f32x4.add(sum0, v128.load(bias));
    sum1 = f32x4.add(sum1, v128.load(bias, 16));
  }
  if (mode & CLAMP) {
    sum0 = clamp(sum0);
    sum1 = clamp(sum1);
  }
  v128.store(c, sum0);
  v128.store(c, sum1, 16);
}

/** C tile [4, lanes ≤ 4] (+)= op(A) [4, k] · B [k, 4]. */
export function tile4x4(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: u32,
  c: usize,
  cRow: usize,
  bias: usize,
  mode: u32,
  lanes: u32,
): void {
  let a1 = a + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  const c1 = c + cRow;
  const c2 = c1 + cRow;
  const c3 = c2 + cRow;
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  if (mode & CONTINUE) {
    sum0 = v128.load(c);
    sum1 = v128.load(c1);
    sum2 = v128.load(c2);
    sum3 = v128.load(c3);
  }
  do {
    const x0 = v128.load32_splat(a);
    const x1 = v128.load32_splat(a1);
    const x2 = v128.load32_splat(a2);
    const x3 = v128.load32_splat(a3);
    const y = v128.load(b);
    sum0 = multiplyAdd(sum0, x0, y);
    sum1 = multiplyAdd(sum1, x1, y);
    sum2 = multiplyAdd(sum2, x2, y);
    sum3 = multiplyAdd(sum3, x3, y);
    a += aStep;
    a1 += aStep;
    a2 += aStep;
    a3 += aStep;
    b += bStep;
  } while (--k);
  if (mode & BIAS) {
    const y = v128.load(bias);
    sum0 = f32x4.add(sum0, y);
    sum1 = f32x4.add(sum1, y);
    sum2 = f32x4.add(sum2, y);
    sum3 = f32x4.add(sum3, y);
  }
  if (mode & CLAMP) {
    sum0 = clamp(sum0);
    sum1 = clamp(sum1);
    sum2 = clamp(sum2);
    sum3 = clamp(sum3);
  }
  storeLanes(c, sum0, lanes);
  storeLanes(c1, sum1, lanes);
  storeLanes(c2, sum2, lanes);
  storeLanes(c3, sum3, lanes);
}

/** C tile [1, lanes ≤ 4] (+)= op(A) [1, k] · B [k, 4]. */
export function tile1x4(
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: u32,
  c: usize,
  bias: usize,
  mode: u32,
  lanes: u32,
): void {
  let sum0 = f32x4.splat(0);
  if (mode & CONTINUE) {
    sum0 = v128.load(c);
  }
  do {
    const x = v128.load32_splat(a);
    sum0 = multiplyAdd(sum0, x, v128.load(b));
    a += aStep;
    b += bStep;
  } while (--k);
  if (mode & BIAS) {
    sum0 = f32x4.add(sum0, v128.load(bias));
  }
  if (mode & CLAMP) {
    sum0 = clamp(sum0);
  }
  storeLanes(c, sum0, lanes);
}
