// Elementwise functions of one operand: what they are in float64, and how accurate float32 has to be.
//
// Written from their definitions, in forms that do not cancel. `ulps` of the machine's own functions are those that
// test/assembly/math.test.ts measures; composed functions may take a few roundings of their operand and result.

import { elementary, erf, erfInverse, roundEven } from "../../harness/elementary.ts";
import { gapAt, unit } from "../../harness/estimate.ts";
import type { Curve } from "../real.ts";

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** sech² x, which does not cancel. */
const tanhSlope = (x: number): number => (Math.abs(x) > 350 ? 0 : 1 / Math.cosh(x) ** 2);
const sigmoidSlope = (x: number): number => sigmoid(x) * sigmoid(-x);
/** What a machine's sigmoid may be off. */
const sigmoidError = (x: number): number => 2.4 * gapAt(sigmoid(x));
const normalDensity = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** 1 − erf x for x ≥ 0 without cancelling: the series below 2, a continued fraction (Lentz, 1976) from there on. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) return 1 - erf(x);
  let fraction = 0;
  for (let n = 200; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
const normalShare = (x: number): number => erfc(-x / Math.SQRT2) / 2;
/** What a machine's Φ may be off. */
const normalShareError = (x: number): number => 8 * gapAt(normalShare(x));

/** ½(1 + tanh z) = σ(2z). */
const geluInner = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const geluInnerSlope = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
const geluApproximate = (x: number): number => (x === Number.NEGATIVE_INFINITY ? 0 : x * sigmoid(geluInner(x)));
/** Its sigmoid's own error, and that of an argument of six roundings. */
const geluShareError = (x: number): number => {
  const u = geluInner(x);
  return Number.isFinite(u) ? sigmoidError(u) + 6 * unit * Math.abs(u) * sigmoidSlope(u) : 0;
};
const arcSlope = (x: number): number => 1 / Math.sqrt((1 - x) * (1 + x));
const times = (x: number, share: number): number =>
  share === 0 && !Number.isFinite(x) && !Number.isNaN(x) ? -0 : x * share;

function own(name: string, more: Omit<Curve, "f" | "ulps">): Curve {
  const known = elementary[name];
  if (known === undefined) throw new Error(`no elementary function ${name}`);
  return { ...known, ...more };
}

const composed = (f: Curve["f"], slope: Curve["slope"] | undefined, more: Partial<Curve> = {}): Curve => ({
  f,
  ulps: 4,
  roundings: 3,
  ...(slope === undefined ? {} : { slope }),
  ...more,
});
const step = (f: Curve["f"], jumps: readonly number[] = []): Curve => ({ f, ulps: 0, jumps });

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;
const reluLike = (f: Curve["f"], slope: Curve["slope"], jumps: readonly number[], ulps = 0): Curve => ({
  f,
  ulps,
  ...(slope === undefined ? {} : { slope }),
  jumps,
});

/** By the name of the op. */
export const curves: Readonly<Record<string, Curve>> = {
  negate: own("negate", { slope: () => -1 }),
  abs: own("abs", { slope: (x) => Math.sign(x), jumps: [0] }),
  sign: own("sign", { jumps: [0] }),
  square: own("square", { slope: (x) => 2 * x }),
  sqrt: own("sqrt", { slope: (x) => 0.5 / Math.sqrt(x) }),
  rsqrt: own("rsqrt", { slope: (x) => -0.5 / (x * Math.sqrt(x)) }),
  reciprocal: own("reciprocal", { slope: (x) => -1 / (x * x) }),
  exp: own("exp", { slope: Math.exp }),
  expm1: own("expm1", { slope: Math.exp, slopeError: (x) => 2 * gapAt(Math.expm1(x)) }),
  log: own("log", { slope: (x) => 1 / x }),
  log1p: own("log1p", { slope: (x) => 1 / (1 + x) }),
  // 1 − y² of a rounded y.
  tanh: own("tanh", { slope: tanhSlope, slopeError: () => 4 * 2 ** -23 }),
  sigmoid: own("sigmoid", { slope: sigmoidSlope, slopeError: (x) => sigmoidError(x) + unit * sigmoid(x) }),
  // e^−x² of a rounded square.
  erf: own("erf", {
    slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    slopeError: (x) => x * x * 2 ** -23 * Math.exp(-x * x),
  }),
  // e^y² of a rounded y.
  erfInverse: own("erfInverse", {
    slope: (x) => (Math.sqrt(Math.PI) / 2) * Math.exp(erfInverse(x) ** 2),
    slopeError: (x) => {
      const y = erfInverse(x);
      return Math.abs(y) * 8 * gapAt(y) * Math.exp(y * y);
    },
  }),
  floor: own("floor", {}),
  ceil: own("ceil", {}),
  round: own("round", {}),
  trunc: step((x) => Math.trunc(x)),
  relu: own("relu", { slope: (x) => (x > 0 ? 1 : 0), jumps: [0] }),
  relu6: own("relu6", { slope: (x) => (x > 0 && x < 6 ? 1 : 0), jumps: [0, 6] }),
  sin: own("sin", { slope: Math.cos }),
  cos: own("cos", { slope: (x) => -Math.sin(x) }),
  atan: own("atan", { slope: (x) => 1 / (1 + x * x) }),

  tan: composed(Math.tan, (x) => 1 / Math.cos(x) ** 2, {
    slopeError: (x) => 12 * Math.abs(Math.tan(x)) * gapAt(Math.tan(x)),
  }),
  sinh: composed(Math.sinh, Math.cosh),
  cosh: composed(Math.cosh, Math.sinh, { slopeError: (x) => 4 * gapAt(Math.sinh(x)) }),
  asinh: composed(Math.asinh, (x) => 1 / Math.hypot(x, 1)),
  acosh: composed(Math.acosh, (x) => (x < 1 ? Number.NaN : 1 / Math.sqrt((x - 1) * (x + 1)))),
  atanh: composed(Math.atanh, (x) => (Math.abs(x) > 1 ? Number.NaN : 1 / ((1 - x) * (1 + x)))),
  // A chain of four rules.
  asin: composed(Math.asin, arcSlope, { slopeError: (x) => 16 * unit * arcSlope(x) }),
  acos: composed(Math.acos, (x) => -arcSlope(x), { slopeError: (x) => 16 * unit * arcSlope(x) }),
  log2: composed(Math.log2, (x) => 1 / (x * Math.LN2)),
  log10: composed(Math.log10, (x) => 1 / (x * Math.LN10)),
  exp2: composed(
    (x) => 2 ** x,
    (x) => 2 ** x * Math.LN2,
  ),
  cbrt: composed(Math.cbrt, (x) => (x === 0 ? 0 : 1 / (3 * Math.cbrt(x) ** 2))),
  deg2rad: composed(
    (x) => (x * Math.PI) / 180,
    () => Math.PI / 180,
  ),
  rad2deg: composed(
    (x) => (x * 180) / Math.PI,
    () => 180 / Math.PI,
  ),

  elu: composed(
    (x) => (x > 0 ? x : Math.expm1(x)),
    (x) => (x > 0 ? 1 : Math.exp(x)),
  ),
  selu: composed(
    (x) => seluScale * (x > 0 ? x : seluAlpha * Math.expm1(x)),
    (x) => seluScale * (x > 0 ? 1 : seluAlpha * Math.exp(x)),
  ),
  celu: composed(
    (x) => (x > 0 ? x : Math.expm1(x)),
    (x) => (x > 0 ? 1 : Math.exp(x)),
  ),
  leakyRelu: reluLike(
    (x) => (x > 0 ? x : Math.fround(0.2) * x),
    (x) => (x > 0 ? 1 : Math.fround(0.2)),
    [0],
    0.5,
  ),
  softplus: composed(softplus, sigmoid),
  logSigmoid: composed(
    (x) => -softplus(-x),
    (x) => sigmoid(-x),
  ),
  softsign: composed(
    (x) => (Math.abs(x) === Number.POSITIVE_INFINITY ? Math.sign(x) : x / (1 + Math.abs(x))),
    (x) => (1 + Math.abs(x)) ** -2,
  ),
  // σ (1 + x (1 − σ)) of a rounded σ, whose 1 − σ cancels.
  silu: own("silu", {
    slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
    slopeError: (x) => {
      const [share, error] = [sigmoid(x), sigmoidError(x)];
      const size = 1 + Math.abs(x) * sigmoid(-x);
      return (error + 4 * unit * share) * size + share * Math.abs(x) * (error + unit);
    },
  }),
  mish: composed(
    (x) => times(x, Math.tanh(softplus(x))),
    (x) => Math.tanh(softplus(x)) + x * tanhSlope(softplus(x)) * sigmoid(x),
    {
      // The second factor is e^x for large −x, and subnormal before x · e^x is.
      error: (x) => (x < -80 && x > -110 ? -x * 2 ** -148 : 0),
      slopeError: (x) => 8 * 2 ** -23 * Math.min(1, (1 + Math.abs(x)) * Math.exp(x)),
    },
  ),
  gelu: composed(
    geluApproximate,
    (x) => {
      const u = geluInner(x);
      return sigmoid(u) + x * sigmoidSlope(u) * geluInnerSlope(x);
    },
    {
      error: (x) => (Number.isFinite(x) ? Math.abs(x) * geluShareError(x) : 0),
      // σ + x σ (1 − σ) u′ of a rounded σ, the product of eight roundings.
      slopeError: (x) => {
        const [u, error] = [geluInner(x), geluShareError(x)];
        const rise = Math.abs(x) * geluInnerSlope(x);
        return error + rise * (error + unit * sigmoid(u) + 8 * unit * sigmoidSlope(u)) + (1 + rise) * 2 ** -149;
      },
    },
  ),
  "gelu exact": composed(
    (x) => times(x, normalShare(x)),
    (x) => normalShare(x) + x * normalDensity(x),
    {
      error: (x) => (Math.abs(x) < 30 ? Math.abs(x) * normalShareError(x) : 0),
      slopeError: (x) =>
        Math.abs(x) < 30
          ? normalShareError(x) + 8 * 2 ** -23 * (1 + x * x) * normalDensity(x) + 4 * Math.abs(x) * 2 ** -149
          : 0,
    },
  ),
  hardSigmoid: composed(
    (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
    (x) => (x > -3 && x < 3 ? 1 / 6 : 0),
    { jumps: [-3, 3] },
  ),
  hardSilu: composed(
    (x) => times(x, Math.min(Math.max(x + 3, 0), 6) / 6),
    (x) => (x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6),
    { jumps: [-3, 3], slopeError: () => 2 ** -22 },
  ),
  hardTanh: reluLike(
    (x) => Math.min(Math.max(x, -1), 1),
    (x) => (x >= -1 && x <= 1 ? 1 : 0),
    [-1, 1],
  ),
  hardShrink: reluLike(
    (x) => (Math.abs(x) <= 0.5 ? 0 : x),
    (x) => (Math.abs(x) <= 0.5 ? 0 : 1),
    [-0.5, 0.5],
  ),
  softShrink: reluLike(
    (x) => (Math.abs(x) <= 0.5 ? 0 : x - 0.5 * Math.sign(x)),
    (x) => (Math.abs(x) <= 0.5 ? 0 : 1),
    [-0.5, 0.5],
    0.5,
  ),
  // The difference of nearly equal numbers for small x: float32 keeps what a rounding of tanh x leaves.
  tanhShrink: composed(
    (x) => (Math.abs(x) < 0.01 ? x ** 3 / 3 - (2 * x ** 5) / 15 : x - Math.tanh(x)),
    (x) => Math.tanh(x) ** 2,
    { error: (x) => (Math.abs(x) >= 0.5 ? 1.5 * gapAt(Math.tanh(x)) : 0) },
  ),
  sparsePlus: composed(
    (x) => (x <= -1 ? 0 : x >= 1 ? x : (x + 1) ** 2 / 4),
    (x) => (x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2),
    { jumps: [-1, 1], slopeError: () => 2 ** -24 },
  ),
  sparseSigmoid: composed(
    (x) => (x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2),
    (x) => (x > -1 && x < 1 ? 0.5 : 0),
    { jumps: [-1, 1] },
  ),
  squareplus: composed(
    (x) => (x > 0 ? (x + Math.hypot(x, 2)) / 2 : 2 / (Math.hypot(x, 2) - x)),
    (x) => (x > 0 ? (1 + x / Math.hypot(x, 2)) / 2 : 2 / (Math.hypot(x, 2) * (Math.hypot(x, 2) - x))),
    // The rest is that of a chain of four rules.
    { slopeError: (x) => 4 * 2 ** -23 * Math.abs(x / Math.hypot(x, 2)) + 4 * unit },
  ),
  sinc: composed(
    (x) => (x === 0 ? 1 : Math.sin(Math.PI * (x - 2 * Math.round(x / 2))) / (Math.PI * x)),
    (x) => {
      const angle = Math.PI * (x - 2 * Math.round(x / 2));
      return Math.abs(x) < 1e-3 ? (-(Math.PI ** 2) * x) / 3 : (Math.cos(angle) - Math.sin(angle) / (Math.PI * x)) / x;
    },
    { slopeError: (x) => (8 * 2 ** -23) / Math.max(Math.abs(x), 1e-3) },
  ),
};

/** Functions whose results are booleans. */
export const predicates: Readonly<Record<string, (x: number) => boolean>> = {
  isNan: Number.isNaN,
  isFinite: Number.isFinite,
  isInfinite: (x) => Math.abs(x) === Number.POSITIVE_INFINITY,
  isPositiveInfinity: (x) => x === Number.POSITIVE_INFINITY,
  isNegativeInfinity: (x) => x === Number.NEGATIVE_INFINITY,
  signbit: (x) => x < 0 || Object.is(x, -0),
  logicalNot: (x) => x === 0,
};

export { roundEven };
