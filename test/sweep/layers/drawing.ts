// What layers draw at random in a training step, by Philox written apart from the machine's.

import fc from "fast-check";
import { erfInverse } from "../../harness/elementary.ts";
import { uniformElement } from "../../harness/philox.ts";
import { build, type RealArray, sizeOf } from "../array.ts";
import { curves } from "../ops/curves.ts";
import {
  add,
  apply,
  type Curve,
  divide,
  exact,
  isLess,
  multiply,
  Real,
  rounded,
  scale,
  subtract,
  unknown,
} from "../real.ts";

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

  /** Numbers with the density of x^(α−1) · (1−x)^(α−1): G₁ / (G₁ + G₂) of gamma numbers, from their logarithms. */
  beta(alpha: readonly Real[]): Real[] {
    const first = this.logOfGamma(alpha);
    const second = this.logOfGamma(alpha);
    return first.map((each, index) => apply(curves.sigmoid as Curve, subtract(each, second[index] as Real)));
  }

  /** ln of d·v·u^(1/α), d = α + 2/3, of the first of six proposals that is accepted (Marsaglia and Tsang, 2000). */
  private logOfGamma(alpha: readonly Real[]): Real[] {
    const count = alpha.length;
    const proposals = 6;
    const normal = this.normal([proposals, count]);
    const level = this.uniform(proposals * count);
    const boost = this.uniform(count);
    const log = curves.log as Curve;
    const above0 = (u: number): Real => add(exact(u), exact(2 ** -25));
    return alpha.map((each, index) => {
      const d = add(each, rounded(2 / 3));
      const scaleOf = apply(curves.sqrt as Curve, multiply(d, exact(9)));
      const candidates = Array.from({ length: proposals }, (_, proposal) => {
        const z = normal.data[proposal * count + index] as Real;
        const side = add(divide(z, scaleOf), exact(1));
        const v = multiply(multiply(side, side), side);
        const logOfV = apply(log, v.value > 2 ** -126 ? v : exact(2 ** -126));
        const bound = add(scale(multiply(z, z), 0.5), multiply(d, add(subtract(exact(1), v), logOfV)));
        const below = isLess(apply(log, above0(level[proposal * count + index] as number)), bound);
        const positive = isLess(exact(0), v);
        const fits = positive === false || below === false ? false : positive && below;
        return { logOfV, fits };
      });
      // The first stands for all when none fits; one in doubt leaves everything in doubt.
      const winner = candidates.find(({ fits }) => fits !== false) ?? candidates[0];
      const chosen = winner?.fits === undefined ? new Real(0, unknown) : winner.logOfV;
      return add(add(apply(log, d), chosen), divide(apply(log, above0(boost[index] as number)), each));
    });
  }
}
