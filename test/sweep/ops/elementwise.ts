// Elementwise ops of one operand: values of every magnitude, special values, gradients.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { elementary } from "../../harness/elementary.ts";
import { gapAt } from "../../harness/estimate.ts";
import { elementwise } from "../array.ts";
import { anyMagnitude, type Draw, seeds, shapes, special, within } from "../draw.ts";
import { op } from "../op.ts";
import { apply, type Curve } from "../real.ts";
import type { Subject } from "../subject.ts";

type Unary = (x: SymbolicTensor) => SymbolicTensor;

/** Slopes of the elementary functions; `slopeError`: what cancels in 1 − y² and the like, times the ULPs of y. */
const slopes: Readonly<Record<string, Pick<Curve, "slope" | "slopeError" | "jumps">>> = {
  negate: { slope: () => -1 },
  abs: { slope: Math.sign, jumps: [0] },
  sign: { jumps: [0] },
  square: { slope: (x) => 2 * x },
  sqrt: { slope: (x) => 0.5 / Math.sqrt(x) },
  rsqrt: { slope: (x) => -0.5 / (x * Math.sqrt(x)) },
  reciprocal: { slope: (x) => -1 / (x * x) },
  exp: { slope: Math.exp },
  expm1: { slope: Math.exp, slopeError: (x) => 2 * gapAt(Math.expm1(x)) },
  log: { slope: (x) => 1 / x },
  log1p: { slope: (x) => 1 / (1 + x) },
  tanh: { slope: (x) => 1 / Math.cosh(x) ** 2, slopeError: () => 4 * 2 ** -23 },
  sigmoid: {
    slope: (x) => Math.exp(-Math.abs(x)) / (1 + Math.exp(-Math.abs(x))) ** 2,
    slopeError: (x) => (x > 0 ? 3 * 2 ** -23 : 0),
  },
  erf: {
    slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    // e^−x² of a rounded square.
    slopeError: (x) => x * x * 2 ** -23 * Math.exp(-x * x),
  },
  floor: { jumps: [] },
  ceil: { jumps: [] },
  round: { jumps: [] },
  relu: { slope: (x) => (x > 0 ? 1 : 0), jumps: [0] },
  sin: { slope: Math.cos },
  cos: { slope: (x) => -Math.sin(x) },
};

interface UnaryCase {
  readonly shape: number[];
  readonly seed: number;
  readonly values: "usual" | "large" | "any magnitude" | "special";
}

const draws: Readonly<Record<UnaryCase["values"], Draw>> = {
  usual: within(-2, 2),
  large: within(-90, 90),
  "any magnitude": anyMagnitude,
  special,
};

const unaryCases: fc.Arbitrary<UnaryCase> = fc.record({
  shape: shapes({ max: 3 }, 40, 600),
  seed: seeds,
  values: fc.constantFrom<UnaryCase["values"]>("usual", "large", "any magnitude", "special"),
});

/** The subject of an elementwise op; gradients where the values are ordinary. */
function unary(name: string, call: Unary, curve: Curve): Subject {
  return op<UnaryCase>({
    name,
    cases: unaryCases,
    inputs: ({ shape, values }) => [{ shape, draw: draws[values] }],
    call: (_, x) => call(x as SymbolicTensor),
    reference: (_, x) => elementwise((value) => apply(curve, value), [x as never]),
    gradient: ({ values }) => curve.slope !== undefined && (values === "usual" || values === "large"),
  });
}

export const elementwiseSubjects: readonly Subject[] = Object.entries(slopes).map(([name, slope]) => {
  const known = elementary[name];
  if (known === undefined) throw new Error(`no elementary function ${name}`);
  return unary(name, (ops as unknown as Record<string, Unary>)[name] as Unary, { ...known, ...slope });
});
