// Do data hold only finite numbers?

/**
 * Position of the first NaN or infinity among `count` float32 at `address`, or -1.
 * x − x is 0 for finite x and NaN otherwise; eight vectors are tested at a time.
 */
export function firstNonFinite(address: usize, count: u32): i32 {
  const zero = f32x4.splat(0);
  let position: u32 = 0;
  for (; position + 32 <= count; position += 32) {
    let sum = zero;
    const block = address + position * 4;
    for (let offset: usize = 0; offset < 128; offset += 16) {
      const value = v128.load(block + offset);
      sum = f32x4.add(sum, f32x4.sub(value, value));
    }
    if (v128.any_true(f32x4.ne(sum, sum))) break;
  }
  for (; position < count; ++position) {
    const value = load<f32>(address + position * 4);
    if (value - value != 0) return position;
  }
  return -1;
}
