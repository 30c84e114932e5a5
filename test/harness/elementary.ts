// What are the elementary functions in float64, and how many ULP may the machine's be off?

/** A function of one number with the ULP that assembly/math.ts states (test/assembly/math.test.ts measures them). */
export interface Elementary {
  readonly f: (x: number) => number;
  /** 0: exact; 0.5: rounded correctly. */
  readonly ulps: number;
}

/** erf x = 2/√π · e^−x² · Σ x·(2x²)ⁿ / (1·3·…·(2n+1)): every term is positive. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= (2 * x * x) / n;
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** The root of erf y = x: bisection, then Newton. */
export function erfInverse(x: number): number {
  if (!(Math.abs(x) < 1)) return Math.abs(x) === 1 ? x * Number.POSITIVE_INFINITY : Number.NaN;
  if (x === 0) return x;
  let [low, high] = [-6, 6];
  for (let step = 0; step < 20; step++) {
    const middle = (low + high) / 2;
    if (erf(middle) < x) low = middle;
    else high = middle;
  }
  let y = (low + high) / 2;
  for (let step = 0; step < 4; step++) y -= ((erf(y) - x) * Math.sqrt(Math.PI)) / (2 * Math.exp(-y * y));
  return y;
}

/** Nearest integer, halves to the even one. */
export function roundEven(x: number): number {
  const below = Math.floor(x);
  const nearest = x - below !== 0.5 ? Math.round(x) : below % 2 === 0 ? below : below + 1;
  return nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest;
}

/** 1 − erf x; beyond 2 by the continued fraction e^−x²/√π · 1/(x + ½/(x + 1/(x + …))), which loses no digits. */
function erfComplement(x: number): number {
  if (x < 2) return 1 - erf(x);
  let rest = 0;
  for (let k = 120; k > 0; k--) rest = k / 2 / (x + rest);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + rest);
}

/** The share of a normal distribution below x. */
export function normalCdf(x: number): number {
  if (Math.abs(x) === Number.POSITIVE_INFINITY) return x > 0 ? 1 : 0;
  const tail = erfComplement(Math.abs(x) / Math.SQRT2) / 2;
  return x < 0 ? tail : 1 - tail;
}

/** x σ(x), in forms that do not overflow. */
export function silu(x: number): number {
  if (x === Number.NEGATIVE_INFINITY) return -0;
  return x < 0 ? (x * Math.exp(x)) / (1 + Math.exp(x)) : x / (1 + Math.exp(-x));
}

/** x^y as IEEE 754 has it; JavaScript says NaN for ±1 to ±Infinity, and for 1 to NaN. */
export function power(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;
}

/** What is left of a, with the sign of b. */
export function modulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** ⌊a / b⌋ of float32, whose remainder is exact. */
export function floorQuotient(a: number, b: number): number {
  if (b === 0) return a / b;
  if (Math.abs(b) === Number.POSITIVE_INFINITY)
    return Number.isFinite(a) ? (a !== 0 && a < 0 !== b < 0 ? -1 : a / b) : Number.NaN;
  return Math.round((a - modulo(a, b)) / b);
}

/** All elementwise functions of one float32, by the name of their operation. */
export const elementary: Readonly<Record<string, Elementary>> = {
  negate: { f: (x) => -x, ulps: 0 },
  abs: { f: Math.abs, ulps: 0 },
  sign: { f: (x) => (x === 0 ? 0 : Math.sign(x)), ulps: 0 },
  square: { f: (x) => x * x, ulps: 0.5 },
  sqrt: { f: Math.sqrt, ulps: 0.5 },
  rsqrt: { f: (x) => 1 / Math.sqrt(x), ulps: 1.5 },
  reciprocal: { f: (x) => 1 / x, ulps: 0.5 },
  exp: { f: Math.exp, ulps: 1 },
  expm1: { f: Math.expm1, ulps: 1.7 },
  log: { f: Math.log, ulps: 0.85 },
  log1p: { f: Math.log1p, ulps: 1.45 },
  tanh: { f: Math.tanh, ulps: 1.5 },
  sigmoid: { f: (x) => 1 / (1 + Math.exp(-x)), ulps: 2.4 },
  erf: { f: erf, ulps: 1.1 },
  erfInverse: { f: erfInverse, ulps: 3.7 },
  floor: { f: Math.floor, ulps: 0 },
  ceil: { f: Math.ceil, ulps: 0 },
  round: { f: roundEven, ulps: 0 },
  relu6: { f: (x) => Math.min(Math.max(x, 0), 6), ulps: 0 },
  relu: { f: (x) => Math.max(x, 0), ulps: 0 },
  sin: { f: Math.sin, ulps: 1.6 },
  cos: { f: Math.cos, ulps: 1.6 },
  atan: { f: Math.atan, ulps: 2.1 },
  normalCdf: { f: normalCdf, ulps: 8 },
  silu: { f: silu, ulps: 3.4 },
};
