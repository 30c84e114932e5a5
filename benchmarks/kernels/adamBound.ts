// What does a step of Adam take at least? It divides once and takes one square root for each weight, and it reads four
// arrays and writes three of them.

/** The divisions and square roots of `vectors` vectors of four weights, all in registers; four at once are independent. */
export function divideAndRoot(vectors: i32, first: f32, step: f32): f32 {
  const difference = f32x4.splat(step);
  const one = f32x4.splat(1);
  let y0 = f32x4(1, 2, 3, 4);
  let y1 = f32x4(2, 3, 4, 5);
  let y2 = f32x4(3, 4, 5, 6);
  let y3 = f32x4(4, 5, 6, 7);
  let sum0 = f32x4.splat(first);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  for (; vectors >= 4; vectors -= 4) {
    sum0 = f32x4.add(sum0, f32x4.div(one, f32x4.sqrt(y0)));
    sum1 = f32x4.add(sum1, f32x4.div(one, f32x4.sqrt(y1)));
    sum2 = f32x4.add(sum2, f32x4.div(one, f32x4.sqrt(y2)));
    sum3 = f32x4.add(sum3, f32x4.div(one, f32x4.sqrt(y3)));
    y0 = f32x4.add(y0, difference);
    y1 = f32x4.add(y1, difference);
    y2 = f32x4.add(y2, difference);
    y3 = f32x4.add(y3, difference);
  }
  return f32x4.extract_lane(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)), 0);
}

/** Reads arrays 0 to 3 of `bytes` bytes each, which lie one behind the other from byte 64 on; writes 0, 2 and 3. */
export function stream(bytes: usize): void {
  let at: usize = 64;
  for (const end = at + bytes; at < end; at += 32) {
    const g = v128.load(at + bytes);
    const g1 = v128.load(at + bytes, 16);
    v128.store(at, v128.xor(v128.load(at), g));
    v128.store(at, v128.xor(v128.load(at, 16), g1), 16);
    const m = at + 2 * bytes;
    v128.store(m, v128.xor(v128.load(m), g));
    v128.store(m, v128.xor(v128.load(m, 16), g1), 16);
    const v = m + bytes;
    v128.store(v, v128.xor(v128.load(v), g));
    v128.store(v, v128.xor(v128.load(v, 16), g1), 16);
  }
}
