// Float64 numbers that know how far float32 may be from them, and how they came about.
//
// A Real is a scalar of the reference. Beside its value stands a bound on the error of a faithful float32 computation
// (running error analysis: Wilkinson, 1963), and the operands it was made of with its slopes towards them, so that
// `differentiate` finds gradients with bounds by reverse accumulation. Nothing here knows of graphs, programs or kernels:
// a reference is plain loops over Reals. An infinite bound means that float32 rounding decides the result.

import { gapAt, halfUlp, largestFloat, unit } from "../harness/estimate.ts";

export const unknown: number = Number.POSITIVE_INFINITY;
/** Roundings that a gradient rule may take beyond those of its operands: no rule of one step needs more. */
const ruleRoundings = 4;
/**
 * Additions that one term of a float32 sum passes through at most: every kernel promises blocks of at most 128 in a row,
 * a few steps to join lanes, and sums of blocks apart.
 */
export const sumDepth = 140;
const none: readonly never[] = [];

let made = 0;

/** One number of a reference. */
export class Real {
  readonly id: number = made++;
  adjoint = 0;
  adjointBound = 0;
  /** Σ |contributions|, and how many there were, for the rounding of their sum. */
  mass = 0;
  contributions = 0;

  constructor(
    readonly value: number,
    readonly bound: number = 0,
    readonly parents: readonly Real[] = none,
    readonly slopes: readonly number[] = none,
    readonly slopeBounds: readonly number[] = none,
  ) {}
}

/** A number that float32 holds exactly. */
export function exact(value: number): Real {
  return new Real(value);
}

export const zero: Real = exact(0);

/** An exact constant of a formula, as float32 rounds it. */
export function rounded(value: number): Real {
  return new Real(value, Math.fround(value) === value ? 0 : halfUlp(value));
}

/** |slope| · bound; 0 · ∞ is unknown. */
function times(slope: number, bound: number): number {
  if (bound === 0) return 0;
  const passed = Math.abs(slope) * bound;
  return Number.isNaN(passed) ? unknown : passed;
}

/**
 * The bound of a slope: `change` where operands are inexact, and the roundings of a rule. Of a slope beyond float32 nothing
 * is foretold.
 */
function slopeBound(slope: number, change: number): number {
  return Math.abs(slope) <= largestFloat ? change + ruleRoundings * unit * Math.abs(slope) + 2 ** -149 : unknown;
}

// Arithmetic ----------------------------------------------------------------------------------------------------------

export function add(a: Real, b: Real): Real {
  const value = a.value + b.value;
  return new Real(value, a.bound + b.bound + halfUlp(value), [a, b], [1, 1], [0, 0]);
}

export function subtract(a: Real, b: Real): Real {
  const value = a.value - b.value;
  return new Real(value, a.bound + b.bound + halfUlp(value), [a, b], [1, -1], [0, 0]);
}

export function multiply(a: Real, b: Real): Real {
  const value = a.value * b.value;
  const passed = times(a.value, b.bound) + times(b.value, a.bound) + times(a.bound, b.bound);
  return new Real(
    value,
    passed + halfUlp(value),
    [a, b],
    [b.value, a.value],
    [b.bound + unit * Math.abs(b.value), a.bound + unit * Math.abs(a.value)],
  );
}

export function divide(a: Real, b: Real): Real {
  const value = a.value / b.value;
  const certain = Math.abs(b.value) > b.bound || b.bound === 0;
  const smallest = b.bound > 0 ? Math.abs(b.value) - b.bound : Math.abs(b.value);
  const passed = certain ? (a.bound > 0 || b.bound > 0 ? (a.bound + times(value, b.bound)) / smallest : 0) : unknown;
  const inverse = 1 / b.value;
  const relative = certain ? b.bound / smallest : unknown;
  const slope = -value * inverse;
  return new Real(
    value,
    passed + halfUlp(value),
    [a, b],
    [inverse, slope],
    [
      slopeBound(inverse, times(inverse, relative)),
      slopeBound(slope, times(inverse, passed) + 2 * times(slope, relative)),
    ],
  );
}

export function negate(a: Real): Real {
  return new Real(-a.value, a.bound, [a], [-1], [0]);
}

/** c · a for an exact float32 c. */
export function scale(a: Real, factor: number): Real {
  const value = factor * a.value;
  return new Real(value, times(factor, a.bound) + halfUlp(value), [a], [factor], [unit * Math.abs(factor)]);
}

/** Σ terms. `depth` is how many additions one term passes through at most. */
export function sum(terms: readonly Real[], depth: number = sumDepth): Real {
  let value = 0;
  let passed = 0;
  let mass = 0;
  for (const term of terms) {
    value += term.value;
    passed += term.bound;
    mass += Math.abs(term.value) + term.bound;
  }
  const ones = new Array<number>(terms.length).fill(1);
  const zeros = new Array<number>(terms.length).fill(0);
  return new Real(value, passed + roundingOfSum(mass, terms.length, depth), terms, ones, zeros);
}

/** Σ aᵢ·bᵢ, every product rounded, then added. */
export function dot(a: readonly Real[], b: readonly Real[], depth: number = sumDepth): Real {
  let value = 0;
  let passed = 0;
  let mass = 0;
  const slopes: number[] = new Array(a.length + b.length);
  const bounds: number[] = new Array(a.length + b.length);
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index] as Real, b[index] as Real];
    const product = x.value * y.value;
    value += product;
    mass += (Math.abs(x.value) + x.bound) * (Math.abs(y.value) + y.bound);
    passed += times(x.value, y.bound) + times(y.value, x.bound) + times(x.bound, y.bound);
    slopes[index] = y.value;
    bounds[index] = y.bound + unit * Math.abs(y.value);
    slopes[a.length + index] = x.value;
    bounds[a.length + index] = x.bound + unit * Math.abs(x.value);
  }
  const rounding = roundingOfSum(mass, a.length + 1, depth + 1);
  return new Real(value, passed + rounding + a.length * 2 ** -150, [...a, ...b], slopes, bounds);
}

function roundingOfSum(mass: number, count: number, depth: number): number {
  return count > 1 && Number.isFinite(mass) ? Math.min(count - 1, depth) * unit * mass * 1.0001 : 0;
}

/** Π factors, multiplied one after the other. Its slopes are the products of the others. */
export function product(factors: readonly Real[]): Real {
  const count = factors.length;
  const before = new Float64Array(count + 1).fill(1);
  const after = new Float64Array(count + 1).fill(1);
  const relativeBefore = new Float64Array(count + 1);
  const relativeAfter = new Float64Array(count + 1);
  const relativeOf = (factor: Real): number =>
    factor.bound === 0 ? 0 : factor.value === 0 ? unknown : factor.bound / Math.abs(factor.value);
  for (let index = 0; index < count; index++) {
    const factor = factors[index] as Real;
    before[index + 1] = (before[index] as number) * factor.value;
    relativeBefore[index + 1] = (relativeBefore[index] as number) + relativeOf(factor) + unit;
  }
  for (let index = count - 1; index >= 0; index--) {
    const factor = factors[index] as Real;
    after[index] = (after[index + 1] as number) * factor.value;
    relativeAfter[index] = (relativeAfter[index + 1] as number) + relativeOf(factor) + unit;
  }
  const value = before[count] as number;
  const boundOf = (of: number, relative: number): number =>
    !Number.isFinite(relative) ? unknown : Number.isFinite(of) ? Math.abs(of) * Math.expm1(1.01 * relative) : 0;
  const slopes = factors.map((_, index) => (before[index] as number) * (after[index + 1] as number));
  return new Real(
    value,
    boundOf(value, relativeBefore[count] as number) + count * 2 ** -149,
    factors,
    slopes,
    slopes.map((slope, index) =>
      slopeBound(slope, boundOf(slope, (relativeBefore[index] as number) + (relativeAfter[index + 1] as number))),
    ),
  );
}

// Functions of one number ---------------------------------------------------------------------------------------------

/** A function with its accuracy in float32. */
export interface Curve {
  readonly f: (x: number) => number;
  /** ULPs by which a float32 result may be off; 0: exact, 0.5: rounded correctly. */
  readonly ulps: number;
  /** How many roundings of its operand a composed formula may take: each costs u·|x·f′(x)|. Default 0. */
  readonly roundings?: number;
  /** What the value may be off beyond that, as where a factor is subnormal. */
  readonly error?: (x: number) => number;
  /** f′; undefined: zero everywhere, as of steps. */
  readonly slope?: (x: number) => number;
  /** What the gradient's rule may be off beyond its own roundings, as when 1 − y² cancels. */
  readonly slopeError?: (x: number) => number;
  /** Points where f or f′ jumps: an inexact operand that reaches one decides nothing. */
  readonly jumps?: readonly number[];
}

/** f(x). */
export function apply(curve: Curve, x: Real): Real {
  const { f, ulps, roundings = 0, error, slope, slopeError, jumps = none } = curve;
  const value = f(x.value);
  const inner = roundings * unit;
  const own = Number.isFinite(value)
    ? (ulps > 0 ? ulps * gapAt(value) : 0) +
      (error?.(x.value) ?? 0) +
      (inner > 0 && Number.isFinite(x.value) ? inner * Math.abs(x.value * (slope?.(x.value) ?? 0)) : 0)
    : 0;
  const jumping = x.bound > 0 && jumps.some((jump) => Math.abs(x.value - jump) <= x.bound);
  const passed =
    x.bound === 0 ? 0 : jumping || !Number.isFinite(x.bound) ? unknown : spread(f, x.value, x.bound, value);
  if (slope === undefined) return new Real(value, passed + own);
  const rise = slope(x.value);
  const reach = x.bound + (Number.isFinite(x.value) ? inner * Math.abs(x.value) : 0);
  const change = jumping ? unknown : reach === 0 ? 0 : spread(slope, x.value, reach, rise);
  return new Real(value, passed + own, [x], [rise], [slopeBound(rise, change + (slopeError?.(x.value) ?? 0))]);
}

/** How far f changes within `bound` of x. */
function spread(f: (x: number) => number, x: number, bound: number, value: number): number {
  const most = Math.max(Math.abs(f(x + bound) - value), Math.abs(f(x - bound) - value));
  return Number.isNaN(most) ? unknown : most;
}

// Choices -------------------------------------------------------------------------------------------------------------

/** The Real itself, for its value; no gradient flows. */
export function stop(x: Real): Real {
  return new Real(x.value, x.bound);
}

/** The best of `candidates` by `better`; NaN beats all. Ties share the gradient by `tie`: to the first, or in equal parts. */
export function extremum(
  candidates: readonly Real[],
  better: (a: number, b: number) => boolean,
  tie: "first" | "equal",
): Real {
  let best = 0;
  candidates.forEach((each, index) => {
    const leader = (candidates[best] as Real).value;
    if (!Number.isNaN(leader) && (Number.isNaN(each.value) || better(each.value, leader))) best = index;
  });
  const leader = candidates[best] as Real;
  const bound = candidates.reduce((most, each) => Math.max(most, each.bound), 0);
  const ties = candidates.filter((each) => each.value === leader.value);
  const close = candidates.some(
    (each) =>
      each !== leader &&
      each.bound + leader.bound > 0 &&
      Math.abs(each.value - leader.value) <= each.bound + leader.bound,
  );
  const chosen = tie === "first" || ties.length === 0 ? [leader] : ties;
  const share = 1 / chosen.length;
  return new Real(
    leader.value,
    bound,
    chosen,
    chosen.map(() => share),
    chosen.map(() => (close ? unknown : chosen.length > 1 ? unit : 0)),
  );
}

/** a where `condition` holds, else b; undefined: rounding decides which. */
export function choose(condition: boolean | undefined, a: Real, b: Real): Real {
  if (condition !== undefined) return condition ? a : b;
  return new Real(a.value, unknown, [a, b], [0, 0], [unknown, unknown]);
}

/** Whether a < b; undefined where rounding decides. */
export function isLess(a: Real, b: Real): boolean | undefined {
  const doubt = a.bound + b.bound;
  return doubt > 0 && !(Math.abs(a.value - b.value) > doubt) ? undefined : a.value < b.value;
}

// Gradients -----------------------------------------------------------------------------------------------------------

/** Fills `adjoint` and `adjointBound` of everything that `outputs` came from, given their own adjoints. */
export function differentiate(outputs: readonly Real[], upstream: readonly Real[]): void {
  const found = new Set<Real>();
  const open = [...outputs];
  while (open.length > 0) {
    const next = open.pop() as Real;
    if (found.has(next)) continue;
    found.add(next);
    for (const parent of next.parents) if (!found.has(parent)) open.push(parent);
  }
  for (const each of found) {
    each.adjoint = 0;
    each.adjointBound = 0;
    each.mass = 0;
    each.contributions = 0;
  }
  outputs.forEach((output, index) => {
    const { value, bound } = upstream[index] as Real;
    contribute(output, value, bound);
  });
  for (const each of [...found].sort((a, b) => b.id - a.id)) {
    if (each.contributions > 1) each.adjointBound += roundingOfSum(each.mass, each.contributions, sumDepth);
    each.parents.forEach((parent, index) => {
      const slope = each.slopes[index] as number;
      const doubt = each.slopeBounds[index] as number;
      if (each.adjoint === 0 && each.adjointBound === 0 && Math.abs(slope) <= largestFloat) return;
      const value = each.adjoint * slope;
      const bound =
        times(slope, each.adjointBound) +
        times(each.adjoint, doubt) +
        times(each.adjointBound, doubt) +
        (doubt > 0 || slope * slope !== 1 ? unit * Math.abs(value) + 2 ** -149 : 0);
      contribute(parent, value, Number.isNaN(bound) ? unknown : bound);
    });
  }
}

function contribute(to: Real, value: number, bound: number): void {
  to.adjoint += value;
  to.adjointBound += bound;
  to.mass += Math.abs(value) + (Number.isFinite(bound) ? bound : 0);
  to.contributions++;
}
