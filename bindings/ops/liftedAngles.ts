// Which functions of angles, lengths and powers of two can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as angles from "./composedAngles.ts";
import * as elements from "./map.ts";

/** Inverse of the tangent, in radians from −π/2 to π/2. */
export const atan: Lifted<typeof elements.atan> = /* @__PURE__ */ lift("atan", elements.atan, 1);
/** Inverse of the sine on [−1, 1], in radians from −π/2 to π/2: atan(x / √((1 − x)(1 + x))); NaN outside. */
export const asin: Lifted<typeof angles.asin> = /* @__PURE__ */ lift("asin", angles.asin, 1);
/** Inverse of the cosine on [−1, 1], in radians from 0 to π: 2 · atan(√((1 − x) / (1 + x))); NaN outside. */
export const acos: Lifted<typeof angles.acos> = /* @__PURE__ */ lift("acos", angles.acos, 1);
/**
 * The angle from −π to π of the point with coordinates y and x: atan(y / x), ± π where x < 0. 0 at the origin; the sign of
 * a zero does not count. NaN for two infinities.
 */
export const atan2: Lifted<typeof angles.atan2> = /* @__PURE__ */ lift("atan2", angles.atan2, 2);
/** Degrees as radians. */
export const deg2rad: Lifted<typeof angles.deg2rad> = /* @__PURE__ */ lift("deg2rad", angles.deg2rad, 1);
/** Radians as degrees. */
export const rad2deg: Lifted<typeof angles.rad2deg> = /* @__PURE__ */ lift("rad2deg", angles.rad2deg, 1);
/** sin(πx) / (πx), and 1 at 0; exactly 0 at the other integers. */
export const sinc: Lifted<typeof angles.sinc> = /* @__PURE__ */ lift("sinc", angles.sinc, 1);
/** √(a² + b²) without overflow; of zeros 0, with gradients 0. */
export const hypot: Lifted<typeof angles.hypot> = /* @__PURE__ */ lift("hypot", angles.hypot, 2);
/** ∛x, of either sign; its gradient at 0 is 0. */
export const cbrt: Lifted<typeof angles.cbrt> = /* @__PURE__ */ lift("cbrt", angles.cbrt, 1);
/** 2ˣ. */
export const exp2: Lifted<typeof angles.exp2> = /* @__PURE__ */ lift("exp2", angles.exp2, 1);
/** x · 2^exponent. */
export const ldexp: Lifted<typeof angles.ldexp> = /* @__PURE__ */ lift("ldexp", angles.ldexp, 2);
/** log₂(2ᵃ + 2ᵇ), without overflow. */
export const logAddExp2: Lifted<typeof angles.logAddExp2> = /* @__PURE__ */ lift("logAddExp2", angles.logAddExp2, 2);
/** 0 for x < 0, `atZero` for x = 0, 1 for x > 0; NaN for NaN. Only `atZero` has a gradient. */
export const heaviside: Lifted<typeof angles.heaviside> = /* @__PURE__ */ lift("heaviside", angles.heaviside, 2);
/** Whether x is below 0 or −0, as bool; false for NaN. */
export const signbit: Lifted<typeof angles.signbit> = /* @__PURE__ */ lift("signbit", angles.signbit, 1);
/** Whether x is −Infinity, as bool. */
export const isNegativeInfinity: Lifted<typeof angles.isNegativeInfinity> = /* @__PURE__ */ lift(
  "isNegativeInfinity",
  angles.isNegativeInfinity,
  1,
);
/** Whether x is Infinity, as bool. */
export const isPositiveInfinity: Lifted<typeof angles.isPositiveInfinity> = /* @__PURE__ */ lift(
  "isPositiveInfinity",
  angles.isPositiveInfinity,
  1,
);
/** `count` numbers from base^start to base^stop, both included, at equal ratios. float32. */
export const logspace: Lifted<typeof angles.logspace> = /* @__PURE__ */ lift("logspace", angles.logspace, 0);
