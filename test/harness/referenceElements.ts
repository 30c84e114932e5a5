// What do the elementwise operations give in float64, and what bound do they pass on?

import type { SymbolicTensor } from "../../bindings/graph.ts";
import type { Shape } from "../../bindings/tensor.ts";
import { elementary, floorQuotient, modulo, power } from "./elementary.ts";
import { blank, type Estimate, gapAt, halfUlp, overflowing } from "./estimate.ts";

type Pair = readonly [value: number, bound: number];
const unknown = Number.POSITIVE_INFINITY;

/** Value and bound of f(x) for x within `bound` of `x`. */
function through(f: (x: number) => number, ulps: number, x: number, bound: number): Pair {
  const y = overflowing(f(x));
  const own = ulps > 0 && Number.isFinite(y) ? ulps * gapAt(y) : 0;
  if (bound === 0) return [y, own];
  if (!Number.isFinite(bound)) return [y, unknown];
  const spread = Math.max(Math.abs(f(x + bound) - y), Math.abs(f(x - bound) - y));
  return [y, Number.isNaN(spread) ? unknown : spread + own];
}

type Float = (a: number, b: number, ea: number, eb: number) => Pair;

const rounded = (y: number, bound: number): Pair => [overflowing(y), bound + halfUlp(overflowing(y))];
/** Slope · bound, where nothing is lost of an exact operand however steep the slope. */
const times = (slope: number, bound: number): number => (bound === 0 ? 0 : Math.abs(slope) * bound);

const floatBinary: Readonly<Record<string, Float>> = {
  add: (a, b, ea, eb) => rounded(a + b, ea + eb),
  subtract: (a, b, ea, eb) => rounded(a - b, ea + eb),
  multiply: (a, b, ea, eb) => rounded(a * b, times(a, eb) + times(b, ea) + times(ea, eb)),
  divide: (a, b, ea, eb) =>
    eb > 0 && eb >= Math.abs(b)
      ? [a / b, unknown]
      : rounded(a / b, (ea + times(a / b, eb)) / (eb > 0 ? Math.abs(b) - eb : ea > 0 ? Math.abs(b) : 1)),
  power: (a, b, ea, eb) => {
    const y = overflowing(power(a, b));
    if (ea === 0 && eb === 0) return [y, Number.isFinite(y) ? 0.51 * gapAt(y) : 0];
    // Only whole exponents have negative bases, and those are exact.
    const around = a < 0 && Number.isInteger(b) ? 0 : eb;
    const corners = [a - ea, a + ea].flatMap((x) =>
      [b - around, b + around].map((each) => Math.abs(power(x, each) - y)),
    );
    const spread = Math.max(...corners);
    return [y, Number.isNaN(spread) ? unknown : spread + 0.51 * gapAt(y)];
  },
  mod: (a, b, ea, eb) => [modulo(a, b), ea + eb > 0 ? unknown : halfUlp(modulo(a, b))],
  floorDivide: (a, b, ea, eb) => (ea + eb > 0 ? [floorQuotient(a, b), unknown] : rounded(floorQuotient(a, b), 0)),
  maximum: (a, b, ea, eb) => [Math.max(a, b), Math.max(ea, eb)],
  minimum: (a, b, ea, eb) => [Math.min(a, b), Math.max(ea, eb)],
};

const intBinary: Readonly<Record<string, (a: number, b: number) => number>> = {
  power: (a, b) => {
    if (b < 0) return a === 1 || (a === -1 && b % 2 === 0) ? 1 : a === -1 ? -1 : 0;
    let result = 1;
    for (let step = 0; step < b; step++) result = Math.imul(result, a);
    return result;
  },
  mod: (a, b) => (b === 0 ? 0 : modulo(a, b) | 0),
  floorDivide: (a, b) => (b === 0 ? 0 : Math.floor(a / b) | 0),
  add: (a, b) => (a + b) | 0,
  subtract: (a, b) => (a - b) | 0,
  multiply: Math.imul,
  maximum: Math.max,
  minimum: Math.min,
};

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
  logicalAnd: (a, b) => a !== 0 && b !== 0,
  logicalOr: (a, b) => a !== 0 || b !== 0,
};

const intUnary: Readonly<Record<string, (a: number) => number>> = {
  negate: (a) => -a | 0,
  abs: (a) => Math.abs(a) | 0,
  sign: (a) => Math.sign(a),
};

/** What a conversion to an integer type gives: towards zero, saturating, NaN → 0; uint8 keeps eight bits. */
function toInteger(x: number, dtype: string): number {
  const whole = Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), -(2 ** 31)), 2 ** 31 - 1) | 0;
  return dtype === "uint8" ? whole & 255 : whole;
}

function castPair(node: SymbolicTensor, x: number, bound: number): Pair {
  const from = (node.inputs[0] as SymbolicTensor).dtype;
  if (node.dtype === "float32") return from === "int32" ? [x, Math.abs(x) > 2 ** 24 ? halfUlp(x) : 0] : [x, bound];
  const convert =
    node.dtype === "bool"
      ? (value: number): number => (value === 0 ? 0 : 1)
      : (value: number): number => toInteger(value, node.dtype);
  return through(convert, 0, x, bound);
}

/** The rule of `node` on one element of each input, or undefined for other operations. */
function ruleOf(node: SymbolicTensor): ((x: readonly number[], e: readonly number[]) => Pair) | undefined {
  const { name } = node.op;
  const integer = (node.inputs[0] as SymbolicTensor | undefined)?.dtype === "int32";
  if (name === "broadcastTo") return ([x = 0], [e = 0]) => [x, e];
  if (name === "cast") return ([x = 0], [e = 0]) => castPair(node, x, e);
  if (name === "logicalNot") return ([x = 0], [e = 0]) => [x === 0 ? 1 : 0, e];
  if (name === "where")
    return ([a = 0, b = 0, c = 0], [ea = 0, eb = 0, ec = 0]) => [
      c !== 0 ? a : b,
      ec > 0 && !Object.is(a, b) ? unknown : c !== 0 ? ea : eb,
    ];
  const compare = comparisons[name];
  if (compare !== undefined)
    return ([a = 0, b = 0], [ea = 0, eb = 0]) => [
      compare(a, b) ? 1 : 0,
      ea + eb > 0 && !(Math.abs(a - b) > ea + eb) ? unknown : 0,
    ];
  const onIntegers = intBinary[name];
  if (integer && onIntegers !== undefined) return ([a = 0, b = 0]) => [onIntegers(a, b), 0];
  const onFloats = floatBinary[name];
  if (onFloats !== undefined) return ([a = 0, b = 0], [ea = 0, eb = 0]) => onFloats(a, b, ea, eb);
  const onInteger = intUnary[name];
  if (integer && onInteger !== undefined) return ([a = 0]) => [onInteger(a), 0];
  const known = elementary[name];
  if (known !== undefined) return ([x = 0], [e = 0]) => through(known.f, known.ulps, x, e);
  return undefined;
}

/** For each element of `to` the position of the element of `from` that is broadcast there. */
export function broadcastPositions(from: Shape, to: Shape): Int32Array {
  const positions = new Int32Array(to.reduce((product, size) => product * size, 1));
  const offset = to.length - from.length;
  for (let index = 0; index < positions.length; index++) {
    let rest = index;
    let stride = 1;
    let position = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const size = to[axis] as number;
      const own = from[axis - offset] ?? 1;
      if (own !== 1) position += (rest % size) * stride;
      rest = Math.floor(rest / size);
      stride *= own;
    }
    positions[index] = position;
  }
  return positions;
}

/** The positions of a node's inputs, found once for all evaluations of it. */
const known = new WeakMap<SymbolicTensor, readonly Int32Array[]>();

/** The estimate of an elementwise node, or undefined for other operations. */
export function evaluateElements(node: SymbolicTensor, inputs: readonly Estimate[]): Estimate | undefined {
  const rule = ruleOf(node);
  if (rule === undefined) return undefined;
  const result = blank(node.size);
  const positions = known.get(node) ?? node.inputs.map((input) => broadcastPositions(input.shape, node.shape));
  known.set(node, positions);
  const x = new Array<number>(inputs.length).fill(0);
  const e = new Array<number>(inputs.length).fill(0);
  for (let index = 0; index < result.values.length; index++) {
    for (let which = 0; which < inputs.length; which++) {
      const place = (positions[which] as Int32Array)[index] as number;
      x[which] = (inputs[which] as Estimate).values[place] as number;
      e[which] = (inputs[which] as Estimate).bounds[place] as number;
    }
    const [value, bound] = rule(x, e);
    result.values[index] = value;
    result.bounds[index] = bound;
  }
  return result;
}
