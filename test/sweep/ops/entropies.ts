// The cross-entropies that losses are made of, as ops: of probabilities and of logits, along any axis.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { build, elementwise, type RealArray } from "../array.ts";
import { seeds, shapes, sometimes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import {
  add,
  apply,
  type Curve,
  divide,
  dot,
  exact,
  multiply,
  negate,
  Real,
  rounded,
  subtract,
  sum,
  unknown,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";
import { logSoftmax, reduced } from "./reductions.ts";

type Node = SymbolicTensor;
const log = curves.log as Curve;
/** Keras keeps probabilities this far from 0 and 1. */
const epsilon = 1e-7;

/** p limited to [ε, 1 − ε]; outside it has no gradient. */
function limited(p: Real): Real {
  const [low, high] = [Math.fround(epsilon), Math.fround(1 - epsilon)];
  const near = [low, high].some((edge) => Math.abs(p.value - edge) <= p.bound && p.bound > 0);
  if (near) return new Real(Math.min(Math.max(p.value, low), high), p.bound, [p], [1], [unknown]);
  return p.value < low ? rounded(low) : p.value > high ? rounded(high) : p;
}

interface EntropyCase {
  readonly shape: number[];
  readonly axis: number;
  readonly fromLogits: boolean;
  readonly seed: number;
}
const cases: fc.Arbitrary<EntropyCase> = shapes({ min: 1, max: 3 }, 7, 150).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
    fromLogits: fc.boolean(),
    seed: seeds,
  }),
);
const output = ({ shape, fromLogits }: EntropyCase, edges: boolean) => ({
  shape,
  draw: fromLogits ? within(-9, 9) : sometimes([0, 1], edges ? 0.1 : 0, within(0.05, 1)),
});

const binaryCrossentropy = op<EntropyCase>({
  name: "binaryCrossentropy",
  cases,
  inputs: (given) => [{ shape: given.shape, draw: sometimes([0, 1], 0.5, within(0, 1)) }, output(given, true)],
  call: ({ fromLogits }, target, x) => ops.binaryCrossentropy(target as Node, x as Node, fromLogits),
  reference: ({ fromLogits }, target, x) =>
    elementwise(
      (y, p) => {
        if (fromLogits)
          return sum([apply(curves.softplus as Curve, p as Real), negate(multiply(p as Real, y as Real))], 4);
        const rest = (each: Real): Real => subtract(exact(1), each);
        const positive = multiply(y as Real, apply(log, limited(p as Real)));
        return negate(add(positive, multiply(rest(y as Real), apply(log, limited(rest(p as Real))))));
      },
      [target as RealArray, x as RealArray],
    ),
});

/** ln of the probabilities of a line, of logits or of what is made to sum to 1. */
const logarithms = (line: readonly Real[], fromLogits: boolean): readonly Real[] => {
  if (fromLogits) return logSoftmax(line);
  const total = sum(line);
  return line.map((each) => apply(log, limited(divide(each, total))));
};

/** One number for each line along the axis of x. */
function ofLines({ shape, axis }: EntropyCase, fold: (places: readonly number[], row: number) => Real): RealArray {
  const places = build(shape, (_, index) => exact(index));
  let row = 0;
  return reduced(places, { axes: [axis], keepDims: false }, (line) =>
    fold(
      line.map(({ value }) => value),
      row++,
    ),
  );
}

const categoricalCrossentropy = op<EntropyCase>({
  name: "categoricalCrossentropy",
  cases,
  inputs: (given) => [{ shape: given.shape, draw: within(0, 1) }, output(given, false)],
  call: ({ fromLogits, axis }, target, x) => ops.categoricalCrossentropy(target as Node, x as Node, fromLogits, axis),
  reference: (given, target, x) =>
    ofLines(given, (places) => {
      const [labels, line] = [target, x].map((each) => places.map((place) => (each as RealArray).data[place] as Real));
      return negate(dot(labels as Real[], logarithms(line as Real[], given.fromLogits)));
    }),
});

const sparseCategoricalCrossentropy = op<EntropyCase>({
  name: "sparseCategoricalCrossentropy",
  cases: cases.filter(({ shape, axis }) => (shape.at(axis) as number) > 0),
  inputs: (given) => {
    const place = given.axis < 0 ? given.axis + given.shape.length : given.axis;
    return [
      {
        shape: given.shape.filter((_, axis) => axis !== place),
        dtype: "int32",
        draw: whole(0, (given.shape[place] as number) - 1),
      },
      output(given, false),
    ];
  },
  call: ({ fromLogits, axis }, target, x) =>
    ops.sparseCategoricalCrossentropy(target as Node, x as Node, fromLogits, axis),
  reference: (given, target, x) =>
    ofLines(given, (places, row) => {
      const line = places.map((place) => (x as RealArray).data[place] as Real);
      const label = ((target as RealArray).data[row] as Real).value;
      return negate(logarithms(line, given.fromLogits)[label] as Real);
    }),
});

export const entropySubjects: readonly Subject[] = [
  binaryCrossentropy,
  categoricalCrossentropy,
  sparseCategoricalCrossentropy,
];
