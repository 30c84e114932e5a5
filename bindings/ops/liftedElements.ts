// Which composed elementwise functions can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as elements from "./composedElements.ts";

/** sin x / cos x. */
export const tan: Lifted<typeof elements.tan> = /* @__PURE__ */ lift("tan", elements.tan, 1);
/** (eˣ − e⁻ˣ) / 2, exact near 0. */
export const sinh: Lifted<typeof elements.sinh> = /* @__PURE__ */ lift("sinh", elements.sinh, 1);
/** (eˣ + e⁻ˣ) / 2. */
export const cosh: Lifted<typeof elements.cosh> = /* @__PURE__ */ lift("cosh", elements.cosh, 1);
/** Inverse of sinh: ln(x + √(x² + 1)), exact near 0. */
export const asinh: Lifted<typeof elements.asinh> = /* @__PURE__ */ lift("asinh", elements.asinh, 1);
/** Inverse of cosh on x ≥ 1: ln(x + √(x² − 1)); NaN below 1. */
export const acosh: Lifted<typeof elements.acosh> = /* @__PURE__ */ lift("acosh", elements.acosh, 1);
/** Inverse of tanh on (−1, 1): ½ ln((1 + x) / (1 − x)), exact near 0. */
export const atanh: Lifted<typeof elements.atanh> = /* @__PURE__ */ lift("atanh", elements.atanh, 1);
/** log₂ x. */
export const log2: Lifted<typeof elements.log2> = /* @__PURE__ */ lift("log2", elements.log2, 1);
/** log₁₀ x. */
export const log10: Lifted<typeof elements.log10> = /* @__PURE__ */ lift("log10", elements.log10, 1);
/** The integer next to x on the side of 0; its gradient is zero. */
export const trunc: Lifted<typeof elements.trunc> = /* @__PURE__ */ lift("trunc", elements.trunc, 1);
/** ⌊a / b⌋, float32 or int32, where a / 0 is 0; its gradient is zero. */
export const floorDivide: Lifted<typeof elements.floorDivide> = /* @__PURE__ */ lift(
  "floorDivide",
  elements.floorDivide,
  2,
);
/**
 * a − b · ⌊a / b⌋, what is left of a, from 0 to b with the sign of b: exact in float32 and int32. NaN for b = 0, of integers
 * 0; a or b for infinite b, as their signs agree or not.
 */
export const mod: Lifted<typeof elements.mod> = /* @__PURE__ */ lift("mod", elements.mod, 2);
/** a / b, and 0 (with gradients 0) where b = 0. */
export const divideNoNan: Lifted<typeof elements.divideNoNan> = /* @__PURE__ */ lift(
  "divideNoNan",
  elements.divideNoNan,
  2,
);
/** ln(eᵃ + eᵇ), without overflow. */
export const logAddExp: Lifted<typeof elements.logAddExp> = /* @__PURE__ */ lift("logAddExp", elements.logAddExp, 2);
/** Whether x is NaN, as bool. */
export const isNan: Lifted<typeof elements.isNan> = /* @__PURE__ */ lift("isNan", elements.isNan, 1);
/** Whether x is neither NaN nor infinite, as bool. */
const isFiniteNumber: Lifted<typeof elements.isFiniteNumber> = /* @__PURE__ */ lift(
  "isFinite",
  elements.isFiniteNumber,
  1,
);

export { isFiniteNumber as isFinite };
/** Whether x is infinite, as bool. */
export const isInfinite: Lifted<typeof elements.isInfinite> = /* @__PURE__ */ lift(
  "isInfinite",
  elements.isInfinite,
  1,
);
/** Whether |a − b| ≤ absolute + relative · |b|, as bool; equal infinities are close, NaN is close to nothing. */
export const isClose: Lifted<typeof elements.isClose> = /* @__PURE__ */ lift("isClose", elements.isClose, 2);
/** x with `nan` in place of NaN and the largest float32 numbers, or those given, in place of the infinities. */
export const nanToNum: Lifted<typeof elements.nanToNum> = /* @__PURE__ */ lift("nanToNum", elements.nanToNum, 1);
/** Either a or b, not both. Operands are cast to bool. */
export const logicalXor: Lifted<typeof elements.logicalXor> = /* @__PURE__ */ lift(
  "logicalXor",
  elements.logicalXor,
  2,
);
/** choices[i] for the first i whose condition holds, else `otherwise`; all broadcast. */
export const select: Lifted<typeof elements.select> = /* @__PURE__ */ lift("select", elements.select, 3, { lists: 2 });
