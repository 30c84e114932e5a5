// What each loss is: its values, and how they become one number, in plain loops after Keras 3.16.

import type fc from "fast-check";
import type { Shape } from "../../../bindings/tensor.ts";
import { at, build, positionsOf, type RealArray, sizeOf } from "../array.ts";
import type { Draw, Drawn } from "../draw.ts";
import { curves } from "../ops/curves.ts";
import { logSoftmax, logSumExp, softmax } from "../ops/reductions.ts";
import {
  add,
  apply,
  type Curve,
  divide,
  dot,
  exact,
  extremum,
  multiply,
  negate,
  Real,
  rounded,
  scale,
  subtract,
  sum,
  unknown,
  zero,
} from "../real.ts";

export type Reduction = "sumOverBatchSize" | "mean" | "sum" | "meanWithSampleWeight" | "none";
export type Options = Readonly<Record<string, unknown>>;

export interface LossCase {
  /** Of the predictions. */
  readonly shape: number[];
  readonly options: Options;
  readonly reduction: Reduction;
  /** One for each sample, for each value, or none. */
  readonly weights: "sample" | "value" | null;
  readonly mask: "sample" | "value" | null;
  /** Which of the kinds of labels that a loss tells apart. */
  readonly labels: number;
  readonly seed: number;
}

/** Values of samples, and which of them count of themselves. */
interface Measured {
  readonly values: RealArray;
  readonly counts?: RealArray;
}

export interface LossRule {
  readonly options?: (rank: number) => fc.Arbitrary<Options>;
  readonly shape?: fc.Arbitrary<number[]>;
  readonly labels?: (given: LossCase) => Drawn;
  readonly predictions?: (given: LossCase) => Draw;
  /** The values, [batch, …]. */
  readonly measure: (given: LossCase, y: RealArray, p: RealArray) => Measured | RealArray;
  readonly slack?: number;
}

export const one: Real = exact(1);
export const tiny: Real = rounded(1e-7);
const larger = (a: number, b: number): boolean => a > b;
const smaller = (a: number, b: number): boolean => a < b;
const curve = (name: string): Curve => curves[name] as Curve;
export const log: Curve = curve("log");
export const log1p: Curve = curve("log1p");
const [exp, sqrt, sigmoid] = [curve("exp"), curve("sqrt"), curve("sigmoid")] as const;

/** A function of two lines that meet at 0: its value is certain there, only its slope is not. */
const bent =
  (below: number, above: number) =>
  (x: Real): Real => {
    const slope = x.value > 0 ? above : x.value < 0 ? below : (below + above) / 2;
    const doubt = x.bound > 0 && Math.abs(x.value) <= x.bound ? unknown : 0;
    return new Real(x.value === 0 ? 0 : slope * x.value, x.bound, [x], [slope], [doubt]);
  };
export const absolute: (x: Real) => Real = bent(-1, 1);
const rectified = bent(0, 1);

export const atLeast = (x: Real, low: Real): Real => extremum([x, low], larger, "first");
const atMost = (x: Real, high: Real): Real => extremum([x, high], smaller, "first");
export const clipped = (x: Real, low: Real, high: Real): Real => atMost(atLeast(x, low), high);
export const square = (x: Real): Real => multiply(x, x);
/** ln(1 + eˣ). */
export const softplus = (x: Real): Real => add(rectified(x), apply(log1p, apply(exp, negate(absolute(x)))));

/** xᵉ as e^(e · ln x), or by products where e is whole. */
function power(x: Real, exponent: number): Real {
  if (exponent === 0) return one;
  if (exponent === 0.5) return apply(sqrt, x);
  if (!Number.isInteger(exponent)) return apply(exp, multiply(apply(log, x), rounded(exponent)));
  return exponent === 1 ? x : multiply(power(x, exponent - 1), x);
}

// Lines along an axis -------------------------------------------------------------------------------------------------

export const without = (shape: Shape, axis: number): number[] => shape.filter((_, each) => each !== axis);
export const axisOf = (given: LossCase): number => {
  const axis = (given.options.axis as number | undefined) ?? -1;
  return axis < 0 ? given.shape.length + axis : axis;
};

/** What `rule` makes of each line of the arrays along `axis`. */
export function lines(axis: number, arrays: readonly RealArray[], rule: (...lines: Real[][]) => Real): RealArray {
  const { shape } = arrays[0] as RealArray;
  return build(without(shape, axis), (position) =>
    rule(
      ...arrays.map((array) =>
        Array.from({ length: shape[axis] as number }, (_, place) =>
          at(array, [...position.slice(0, axis), place, ...position.slice(axis)]),
        ),
      ),
    ),
  );
}

export const mean = (terms: readonly Real[]): Real => divide(sum(terms), exact(terms.length));

/** The mean over the last axis (or `axis`) of what `rule` makes of a label and a prediction. */
export const averaged =
  (rule: (y: Real, p: Real, given: LossCase) => Real): LossRule["measure"] =>
  (given, y, p) =>
    lines(axisOf(given), [y, p], (a, b) => mean(a.map((each, index) => rule(each, b[index] as Real, given))));

// Weights and reductions ----------------------------------------------------------------------------------------------

/** The element of `array` [batch] or [batch, …] for a value at `position`. */
function spreadAt(array: RealArray, position: readonly number[]): Real {
  return at(array, position.slice(0, array.shape.length));
}

/** x / y, and 0 where y is 0. */
const quotient = (x: Real, y: Real): Real => (y.value === 0 && y.bound === 0 ? zero : divide(x, y));

export function reduced(
  { values, counts }: Measured,
  reduction: Reduction,
  weights: RealArray | undefined,
  mask: RealArray | undefined,
): RealArray {
  const masks = [mask, counts].filter((each) => each !== undefined);
  let factors = weights;
  if (masks.length > 0) {
    const shape = masks.reduce<Shape>((most, each) => (each.shape.length > most.length ? each.shape : most), []);
    const valid = build(shape, (position) =>
      exact(masks.every((each) => spreadAt(each, position).value !== 0) ? 1 : 0),
    );
    const averages = reduction === "mean" || reduction === "sumOverBatchSize";
    const share = averages ? quotient(exact(sizeOf(shape)), sum(valid.data)) : one;
    const joint = weights !== undefined && weights.shape.length > shape.length ? weights.shape : shape;
    factors = build(joint, (position) => {
      const own = multiply(spreadAt(valid, position), share);
      return weights === undefined ? own : multiply(own, spreadAt(weights, position));
    });
  }
  const weighted =
    factors === undefined
      ? values
      : build(values.shape, (position, index) =>
          multiply(values.data[index] as Real, spreadAt(factors as RealArray, position)),
        );
  if (reduction === "none" || values.shape.length === 0) return weighted;
  const scalar = (value: Real): RealArray => ({ shape: [], dtype: "float32", data: [value] });
  const total = sum(weighted.data);
  if (reduction === "sum") return scalar(total);
  if (reduction === "meanWithSampleWeight" && factors !== undefined) return scalar(quotient(total, sum(factors.data)));
  return scalar(divide(total, exact(Math.max(1, sizeOf(values.shape)))));
}

// Cross-entropies -----------------------------------------------------------------------------------------------------

/** y·(1 − s) + s/classes. */
const smoothed = (y: Real, amount: number, classes: number): Real =>
  amount === 0 ? y : add(multiply(y, rounded(1 - amount)), rounded(amount / classes));

export const number = (given: LossCase, name: string, otherwise: number): number =>
  (given.options[name] as number | undefined) ?? otherwise;

export function binaryEntropy(label: Real, p: Real, given: LossCase): Real {
  const y = smoothed(label, number(given, "labelSmoothing", 0), 2);
  if (given.options.fromLogits === true)
    return add(subtract(rectified(p), multiply(p, y)), apply(log1p, apply(exp, negate(absolute(p)))));
  const high = rounded(1 - 1e-7);
  const positive = multiply(y, apply(log, clipped(p, tiny, high)));
  const negative = multiply(subtract(one, y), apply(log, clipped(subtract(one, p), tiny, high)));
  return negate(add(positive, negative));
}

/** (1 − p)^gamma. */
function remoteness(p: Real, gamma: number): Real {
  const rest = subtract(one, p);
  return power(Number.isInteger(gamma) ? rest : atLeast(rest, tiny), gamma);
}

export function binaryFocal(label: Real, p: Real, given: LossCase): Real {
  const y = smoothed(label, number(given, "labelSmoothing", 0), 2);
  const certain = given.options.fromLogits === true ? apply(sigmoid, p) : p;
  const either = (ofOne: Real, ofZero: Real): Real => add(multiply(y, ofOne), multiply(subtract(one, y), ofZero));
  const focal = multiply(
    remoteness(either(certain, subtract(one, certain)), number(given, "gamma", 2)),
    binaryEntropy(label, p, given),
  );
  const alpha = number(given, "alpha", 0.25);
  return given.options.applyClassBalancing === true
    ? multiply(focal, either(rounded(alpha), rounded(1 - alpha)))
    : focal;
}

/** Probabilities that sum to 1, and their logarithms. */
function certainties(line: readonly Real[], given: LossCase): { readonly p: Real[]; readonly logarithms: Real[] } {
  if (given.options.fromLogits === true) return { p: softmax(line), logarithms: logSoftmax(line) };
  const total = sum(line);
  const p = line.map((each) => clipped(divide(each, total), tiny, rounded(1 - 1e-7)));
  return { p, logarithms: p.map((each) => apply(log, each)) };
}

const smoothedLine = (line: readonly Real[], given: LossCase): Real[] =>
  line.map((each) => smoothed(each, number(given, "labelSmoothing", 0), line.length));

export const categorical: LossRule["measure"] = (given, y, p) =>
  lines(axisOf(given), [y, p], (labels, line) =>
    negate(dot(smoothedLine(labels, given), certainties(line, given).logarithms)),
  );

export const categoricalFocal: LossRule["measure"] = (given, y, p) =>
  lines(axisOf(given), [y, p], (labels, line) => {
    const { p: certain, logarithms } = certainties(line, given);
    const alpha = rounded(-number(given, "alpha", 0.25));
    return sum(
      smoothedLine(labels, given).map((label, index) =>
        multiply(
          multiply(remoteness(certain[index] as Real, number(given, "gamma", 2)), alpha),
          multiply(label, logarithms[index] as Real),
        ),
      ),
    );
  });

/** [...] of labels and lines of predictions. */
function picked(given: LossCase, y: RealArray, p: RealArray, rule: (line: Real[], label: number) => Real): RealArray {
  const axis = axisOf(given);
  return build(without(p.shape, axis), (position, index) =>
    rule(
      Array.from({ length: p.shape[axis] as number }, (_, place) =>
        at(p, [...position.slice(0, axis), place, ...position.slice(axis)]),
      ),
      (y.data[index] as Real).value,
    ),
  );
}

export const sparse: LossRule["measure"] = (given, y, p) => {
  const ignored = given.options.ignoreClass as number | null | undefined;
  const values = picked(given, y, p, (line, label) =>
    label === ignored ? zero : negate(certainties(line, given).logarithms[label] as Real),
  );
  if (ignored === null || ignored === undefined) return values;
  const counts = build(values.shape, (_, index) => exact((y.data[index] as Real).value === ignored ? 0 : 1));
  return { values, counts };
};

export const generalized: LossRule["measure"] = (given, y, p) => {
  const q = number(given, "q", 0.5);
  return picked(given, y, p, (line, label) => divide(subtract(one, power(line[label] as Real, q)), rounded(q)));
};

// Margins, regions, angles --------------------------------------------------------------------------------------------

/** Labels −1 and 1 of those that are all 0 or 1. */
function signs(y: RealArray): RealArray {
  const isBinary = y.data.every(({ value }) => value === 0 || value === 1);
  return isBinary ? { ...y, data: y.data.map((each) => subtract(scale(each, 2), one)) } : y;
}

export const margins =
  (change: (x: Real) => Real): LossRule["measure"] =>
  (given, y, p) =>
    averaged((label, each) => change(atLeast(subtract(one, multiply(label, each)), zero)))(given, signs(y), p);

export const categoricalHinge: LossRule["measure"] = (given, y, p) =>
  lines(axisOf(given), [y, p], (labels, line) => {
    const best = extremum(
      labels.map((each, index) => multiply(subtract(one, each), line[index] as Real)),
      larger,
      "equal",
    );
    return atLeast(add(subtract(best, dot(labels, line)), one), zero);
  });

/** One number for each region: those of `axis`, or all elements. */
function regions(given: LossCase, arrays: readonly RealArray[], rule: (...regions: Real[][]) => Real): RealArray {
  const axes = given.options.axis as readonly number[] | null;
  const { shape } = arrays[0] as RealArray;
  const inside =
    axes === null ? shape.map((_, axis) => axis) : axes.map((axis) => (axis + shape.length) % shape.length);
  const kept = shape.map((_, axis) => axis).filter((axis) => !inside.includes(axis));
  const all = positionsOf(shape);
  return build(
    kept.map((axis) => shape[axis] as number),
    (position) => {
      const own = all.filter((each) => kept.every((axis, index) => each[axis] === position[index]));
      return rule(...arrays.map((array) => own.map((each) => at(array, each))));
    },
  );
}

export const dice: LossRule["measure"] = (given, y, p) =>
  regions(given, [y, p], (labels, found) =>
    subtract(one, divide(scale(dot(labels, found), 2), add(add(sum(labels), sum(found)), tiny))),
  );

export const tversky: LossRule["measure"] = (given, y, p) =>
  regions(given, [y, p], (labels, found) => {
    const shared = dot(labels, found);
    const falsePositives = dot(labels.map((each) => subtract(one, each)), found); // biome-ignore format: short
    const falseNegatives = dot(labels, found.map((each) => subtract(one, each))); // biome-ignore format: short
    const weighted = [
      multiply(falsePositives, rounded(number(given, "alpha", 0.5))),
      multiply(falseNegatives, rounded(number(given, "beta", 0.5))),
    ] as const;
    return subtract(one, divide(shared, add(add(add(shared, weighted[0]), weighted[1]), tiny)));
  });

export const cosine: LossRule["measure"] = (given, y, p) =>
  lines(axisOf(given), [y, p], (labels, line) => {
    const unitary = (each: readonly Real[]): Real[] => {
      const length = apply(sqrt, atLeast(dot(each, each), rounded(1e-14)));
      return each.map((x) => divide(x, length));
    };
    return negate(dot(unitary(labels), unitary(line)));
  });

export const circle: LossRule["measure"] = (given, y, p) => {
  const [batch = 0, size = 0] = p.shape;
  const gamma = rounded(number(given, "gamma", 80));
  const margin = number(given, "margin", 0.4);
  const row = (index: number): readonly Real[] => p.data.slice(index * size, (index + 1) * size);
  const label = (index: number): number => (y.data[index] as Real).value;
  const counts: Real[] = [];
  const values = build([batch], (_, sample) => {
    const [alike, unlike]: [Real[], Real[]] = [[], []];
    for (let other = 0; other < batch; other++) {
      const distance = atLeast(subtract(one, dot(row(sample), row(other))), zero);
      if (label(other) !== label(sample)) {
        const weight = atLeast(subtract(rounded(1 + margin), distance), zero);
        unlike.push(multiply(multiply(weight, subtract(rounded(1 - margin), distance)), gamma));
      } else if (other !== sample || given.options.removeDiagonal === false)
        alike.push(multiply(multiply(add(distance, rounded(margin)), subtract(distance, rounded(margin))), gamma));
    }
    const both = alike.length > 0 && unlike.length > 0;
    counts.push(exact(both ? 1 : 0));
    return both ? softplus(add(logSumExp(alike), logSumExp(unlike))) : zero;
  });
  return { values, counts: { shape: [batch], dtype: "float32", data: counts } };
};

/** −ln of the probability that frames spell the labels: the sum over every path, one by one. */
export const ctc: LossRule["measure"] = (_, y, p) => {
  const [batch = 0, frames = 0, classes = 0] = p.shape;
  const length = y.shape[1] ?? 0;
  return build([batch], (__, sample) => {
    const wanted = y.data.slice(sample * length, (sample + 1) * length).map(({ value }) => value);
    const spelling = wanted.filter((each) => each !== 0).join();
    const logarithms = Array.from({ length: frames }, (___, frame) =>
      logSoftmax(p.data.slice((sample * frames + frame) * classes, (sample * frames + frame + 1) * classes)),
    );
    const fitting: Real[] = [];
    for (let path = 0; path < classes ** frames; path++) {
      const taken = Array.from({ length: frames }, (___, frame) => Math.floor(path / classes ** frame) % classes);
      const spelt = taken.filter((each, frame) => each !== 0 && each !== taken[frame - 1]).join();
      if (spelt === spelling) fitting.push(sum(taken.map((each, frame) => logarithms[frame]?.[each] as Real)));
    }
    return fitting.length === 0 ? exact(Number.POSITIVE_INFINITY) : negate(logSumExp(fitting));
  });
};
