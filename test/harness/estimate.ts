// How does the reference carry a value, and how far may float32 arithmetic be from it?
//
// Beside every float64 value stands a bound on the distance of any faithful float32 computation: inputs are exact, an
// operation adds its own rounding (half an ULP where the standard rounds correctly, the stated ULP of an elementary
// function, depth · 2⁻²⁴ · Σ|terms| for a sum) and passes on the bounds of its operands, multiplied by its slope. The
// tolerance of a test is this bound: nobody chooses it. An infinite bound means that the float32 result cannot be
// foretold, as behind a comparison of numbers that are equal but for rounding.

/** float64 values of a node and their bounds, row-major. */
export interface Estimate {
  readonly values: Float64Array;
  readonly bounds: Float64Array;
}

/** Half the distance of 1 and the next float32. */
export const unit: number = 2 ** -24;
export const largestFloat: number = (2 - 2 ** -23) * 2 ** 127;

const wide = new Float64Array(1);
const words = new Uint32Array(wide.buffer);

/** The gap between neighbouring float32 numbers around `value`; 2⁻¹⁴⁹ below 2⁻¹²⁶. */
export function gapAt(value: number): number {
  wide[0] = value;
  const exponent = (((words[1] as number) >>> 20) & 0x7ff) - 1023;
  // A power of two by its exponent: `**` is a call that takes longer than all the rest.
  words[0] = 0;
  words[1] = (Math.min(Math.max(exponent, -126), 127) - 23 + 1023) << 20;
  return wide[0] as number;
}

/** An estimate of `count` exact zeros, to be filled in. */
export function blank(count: number): Estimate {
  return { values: new Float64Array(count), bounds: new Float64Array(count) };
}

/** Numbers that are what they are. */
export function exactly(values: ArrayLike<number>): Estimate {
  return { values: Float64Array.from(values), bounds: new Float64Array(values.length) };
}

/** `value` as float32 would overflow. */
export function overflowing(value: number): number {
  return Math.abs(value) > largestFloat + 2 ** 103 ? Math.sign(value) * Number.POSITIVE_INFINITY : value;
}

/** Half an ULP around a finite value. */
export function halfUlp(value: number): number {
  return Number.isFinite(value) ? 0.5 * gapAt(value) : 0;
}
