// Whole quarter turns removed from large angles, in integers: the same bits everywhere.

/** Bits 32·index − 31 … 32·index behind the binary point of 2/π. */
function bitsOfTwoOverPi(index: u32): u64 {
  switch (index) {
    case 1:
      return 0xa2f9836e;
    case 2:
      return 0x4e441529;
    case 3:
      return 0xfc2757d1;
    case 4:
      return 0xf534ddc0;
    case 5:
      return 0xdb629599;
    case 6:
      return 0x3c439041;
    case 7:
      return 0xfe5163ab;
  }
  return 0;
}

/**
 * x − n π/2 as the bits of a float32, and above them n modulo 4: for finite x ≥ 2^20 (Payne and Hanek 1983). x = m 2^e times
 * those 96 bits of 2/π which are not whole turns; at most 2^-61 of a quarter turn is lost, and none comes nearer to a
 * whole number of them than 2^-30 (Muller 2016, table 11.1).
 */
export function lessManyQuarterTurns(x: f32): u64 {
  const bits = reinterpret<u32>(x);
  const m = <u64>((bits & 0x7fffff) | 0x800000);
  // The product is in units of 2^-94 quarter turns when the first bit taken has the weight 2 of m's last one.
  const place = (bits >>> 23) - 120;
  const index = place >>> 5;
  const shift: u64 = place & 31;
  const second = bitsOfTwoOverPi(index + 1);
  const third = bitsOfTwoOverPi(index + 2);
  const high = <u32>((((bitsOfTwoOverPi(index) << 32) | second) << shift) >>> 32);
  const middle = <u32>((((second << 32) | third) << shift) >>> 32);
  const low = <u32>((((third << 32) | bitsOfTwoOverPi(index + 3)) << shift) >>> 32);
  const turns = ((m * high) << 32) + m * middle + ((m * low) >>> 32);
  const n = (turns + 0x2000000000000000) >>> 62;
  const rest = <f64>(<i64>(turns - (n << 62))) * 3.4061215800865545e-19;
  return (n << 32) | reinterpret<u32>(<f32>rest);
}
