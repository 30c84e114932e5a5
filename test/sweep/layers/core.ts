// Dense layers, those whose axes are named, penalties for results.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as layers from "../../../bindings/layers/index.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { full } from "../../../bindings/ops/map.ts";
import { at, broadcastAt, build, positionsOf, type RealArray } from "../array.ts";
import { seeds, shapes, sizes } from "../draw.ts";
import { layer } from "../layer.ts";
import { op } from "../op.ts";
import { curves } from "../ops/curves.ts";
import { add, apply, type Curve, divide, dot, exact, multiply, type Real, rounded, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import { onSymbols } from "./masks.ts";

interface DenseCase {
  readonly shape: number[];
  readonly units: number;
  readonly useBias: boolean;
  readonly activation: "linear" | "relu" | "tanh" | "sigmoid";
  readonly seed: number;
}

/** x·W + b over the last axis, then the activation. */
export function dense(x: RealArray, kernel: RealArray, bias: RealArray | undefined, activation: string): RealArray {
  const units = kernel.shape[1] as number;
  const inputs = kernel.shape[0] as number;
  return build([...x.shape.slice(0, -1), units], (position) => {
    const unit = position.at(-1) as number;
    const row = Array.from({ length: inputs }, (_, index) => at(x, [...position.slice(0, -1), index]));
    const column = Array.from({ length: inputs }, (_, index) => at(kernel, [index, unit]));
    const sum = dot(row, column);
    const shifted = bias === undefined ? sum : add(sum, at(bias, [unit]));
    return activation === "linear" ? shifted : apply(curves[activation] as Curve, shifted);
  });
}

/** An equation with its letters' sizes drawn, and which sizes of the result it needs. */
interface EinsumCase {
  readonly equation: string;
  readonly biasAxes: string | null;
  /** By letter; those that "..." stands for are 1, 2, … */
  readonly sizes: Readonly<Record<string, number>>;
  /** Whether sizes of the result that the input has are left out. */
  readonly open: boolean;
  readonly activation: "linear" | "relu" | "tanh";
  readonly seed: number;
}
const equations: readonly (readonly [equation: string, dots: string, biases: readonly string[]])[] = [
  ["ab,bc->ac", "", ["c"]],
  ["abc,cd->abd", "", ["d", "bd", "b"]],
  ["abc,cde->abde", "", ["de", "e", "d", "be"]],
  ["abcd,cde->abe", "", ["e"]],
  ["abc,bd->adc", "", ["d", "dc"]],
  ["abc,bcd->abd", "", ["d", "bd"]],
  ["...x,xy->...y", "1", ["y"]],
  ["...x,xy->...y", "12", ["y"]],
  ["...x,xyz->...yz", "1", ["z", "yz"]],
  ["ab...,bc->ac...", "1", ["c"]],
  ["ab...,bc->ac...", "12", ["c"]],
];

/** The letters of a term, "..." being `dots`. */
const lettersOf = (term: string, dots: string): string[] => [...term.replace("...", dots)];
const termsOf = ({
  equation,
  sizes: all,
}: EinsumCase): { x: string[]; kernel: string[]; y: string[]; dots: string } => {
  const dots = Object.keys(all)
    .filter((letter) => /\d/.test(letter))
    .join("");
  const [left, y] = equation.split("->") as [string, string];
  const [x, kernel] = left.split(",") as [string, string];
  return { x: lettersOf(x, dots), kernel: lettersOf(kernel, ""), y: lettersOf(y, dots), dots };
};
const shapeOf = (letters: readonly string[], { sizes: all }: EinsumCase): number[] =>
  letters.map((letter) => all[letter] as number);

const einsumDense = layer<EinsumCase>({
  name: "einsumDense",
  cases: fc.constantFrom(...equations).chain(([equation, dots, biases]) => {
    const letters = [...new Set([...equation.replace(/[^a-z]/g, ""), ...dots])];
    const [first] = letters as [string];
    return fc.record({
      equation: fc.constant(equation),
      biasAxes: fc.constantFrom(null, ...biases),
      // Weights are never empty, batches may be.
      sizes: fc.record(
        Object.fromEntries(
          letters.map((letter) => [letter, letter === first || /\d/.test(letter) ? sizes(4) : sizes(5, 1)]),
        ) as Record<string, fc.Arbitrary<number>>,
      ),
      open: fc.boolean(),
      activation: fc.constantFrom<EinsumCase["activation"]>("linear", "linear", "relu", "tanh"),
      seed: seeds,
    });
  }),
  make: (given) => {
    const { equation, biasAxes, open, activation } = given;
    const { x, y } = termsOf(given);
    return layers.einsumDense({
      equation,
      biasAxes,
      activation,
      outputShape: y.slice(1).map((letter) => {
        const size = given.sizes[letter] as number;
        return (open && x.includes(letter)) || size === 0 ? null : size;
      }),
    });
  },
  inputs: (given) => [{ shape: shapeOf(termsOf(given).x, given) }],
  // Of a bias the axes from its first letter on, with size 1 where it has none.
  shapes: (given) => {
    const { kernel, y } = termsOf(given);
    const { biasAxes } = given;
    const bias = y.slice(Math.min(...[...(biasAxes ?? "")].map((letter) => y.indexOf(letter))));
    return {
      kernel: shapeOf(kernel, given),
      ...(biasAxes === null
        ? {}
        : { bias: bias.map((letter) => (biasAxes.includes(letter) ? (given.sizes[letter] as number) : 1)) }),
    };
  },
  reference: (given, [x], { kernel, bias }) => {
    const terms = termsOf(given);
    const summed = terms.x.filter((letter) => terms.kernel.includes(letter) && !terms.y.includes(letter));
    const inner = positionsOf(shapeOf(summed, given));
    return build(shapeOf(terms.y, given), (position) => {
      const known = new Map(terms.y.map((letter, axis) => [letter, position[axis] as number]));
      const placesIn = (letters: readonly string[]): Real[] =>
        inner.map((place) => {
          summed.forEach((letter, axis) => {
            known.set(letter, place[axis] as number);
          });
          const source = letters === terms.x ? x : kernel;
          return at(
            source as RealArray,
            letters.map((letter) => known.get(letter) as number),
          );
        });
      const product = dot(placesIn(terms.x), placesIn(terms.kernel));
      const shifted = given.biasAxes === null ? product : add(product, broadcastAt(bias as RealArray, position));
      return given.activation === "linear" ? shifted : apply(curves[given.activation] as Curve, shifted);
    });
  },
});

interface PenaltyCase {
  readonly shape: number[];
  readonly l1: number | undefined;
  readonly l2: number | undefined;
  readonly seed: number;
}
/** The input, and l1 · Σ |x| + l2 · Σ x². */
const activityRegularization = op<PenaltyCase>({
  name: "activityRegularization",
  kind: "layer",
  cases: fc.record({
    shape: shapes({ min: 1, max: 3 }, 20, 300),
    l1: fc.constantFrom(undefined, 0, 0.01, 0.5),
    l2: fc.constantFrom(undefined, 0, 0.01, 0.5),
    seed: seeds,
  }),
  inputs: ({ shape }) => [{ shape }],
  call: ({ l1, l2 }, x) =>
    onSymbols(
      (symbol) => {
        const losses: SymbolicTensor[] = [];
        const made = layers.activityRegularization({
          ...(l1 === undefined ? {} : { l1 }),
          ...(l2 === undefined ? {} : { l2 }),
        });
        const y = made.invoke([symbol], { training: true, seed: 0, step: 0, addLoss: (loss) => losses.push(loss) });
        return [y, losses.reduce((a, b) => ops.add(a, b), full([], 0))];
      },
      [x as SymbolicTensor],
    ),
  reference: ({ l1 = 0, l2 = 0 }, x) => {
    const { data } = x as RealArray;
    const magnitudes = multiply(sum(data.map((each) => apply(curves.abs as Curve, each))), rounded(l1));
    const squares = multiply(sum(data.map((each) => multiply(each, each))), rounded(l2));
    // Keras divides activity penalties by the batch since 3.14.
    const penalty = divide(add(magnitudes, squares), exact(Math.max(1, (x as RealArray).shape[0] as number)));
    return [x as RealArray, { shape: [], dtype: "float32", data: [penalty] }];
  },
});

export const coreSubjects: readonly Subject[] = [
  layer<DenseCase>({
    name: "dense",
    cases: fc.record({
      shape: shapes({ min: 2, max: 4 }, 20, 300).filter((shape) => (shape.at(-1) as number) > 0),
      units: sizes(33, 1),
      useBias: fc.boolean(),
      activation: fc.constantFrom<DenseCase["activation"]>("linear", "relu", "tanh", "sigmoid"),
      seed: seeds,
    }),
    make: ({ units, useBias, activation }) => layers.dense({ units, useBias, activation }),
    inputs: ({ shape }) => [{ shape }],
    shapes: ({ shape, units, useBias }) => ({
      kernel: [shape.at(-1) as number, units],
      ...(useBias ? { bias: [units] } : {}),
    }),
    reference: ({ useBias, activation }, [x], { kernel, bias }) =>
      dense(x as RealArray, kernel as RealArray, useBias ? bias : undefined, activation),
  }),
  einsumDense,
  activityRegularization,
];
