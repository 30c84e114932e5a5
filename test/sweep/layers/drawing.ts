// What layers draw at random in a training step, by Philox written apart from the machine's.

import fc from "fast-check";
import { erfInverse } from "../../harness/elementary.ts";
import { uniformElement } from "../../harness/philox.ts";
import { build, type RealArray, sizeOf } from "../array.ts";
import { add, apply, type Curve, exact, multiply, type Real, rounded, scale } from "../real.ts";

/** The options of everything random: a seed of its own, or null for one derived from the global seed. */
export const fixedSeeds: fc.Arbitrary<number | null> = fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), {
  nil: null,
  freq: 2,
});

/** The last steps of MurmurHash3 (Appleby), by which seeds are derived from seeds. */
function mix(x: number): number {
  let bits = (x + 0x9e3779b9) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) | 0;
}

/** ½ the distance of neighbouring 2u − 1: keeps them inside (−1, 1). */
const halfStep = 2 ** -24;
const probit: Curve = {
  f: erfInverse,
  ulps: 3.7,
  slope: (x) => (Math.sqrt(Math.PI) / 2) * Math.exp(erfInverse(x) ** 2),
};

/** Draws in the order in which a layer draws: each from a stream of its own, all in step 0. */
export class Drawing {
  private stream = 0;
  private readonly seed: number;

  constructor(fixed: number | null, globalSeed: number) {
    this.seed = fixed ?? mix(mix(globalSeed) ^ -1);
  }

  /** Numbers in [0, 1), exact. */
  uniform(count: number): number[] {
    const stream = this.stream++;
    return Array.from({ length: count }, (_, index) => uniformElement(index, this.seed, stream, 0));
  }

  /** Numbers in [lower, upper), of float32 arithmetic. */
  between(count: number, [lower, upper]: readonly [number, number]): Real[] {
    return this.uniform(count).map((u) => add(multiply(exact(u), rounded(upper - lower)), rounded(lower)));
  }

  /** Normal numbers: √2 · erf⁻¹(2u − 1). */
  normal(shape: readonly number[]): RealArray {
    const uniform = this.uniform(sizeOf(shape));
    const root = rounded(Math.SQRT2);
    const shift = exact(halfStep - 1);
    return build(shape, (_, index) =>
      multiply(apply(probit, add(scale(exact(uniform[index] as number), 2), shift)), root),
    );
  }
}
