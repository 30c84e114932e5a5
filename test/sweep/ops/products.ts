// Products of tensors: sums over pairs of axes, Kronecker's product, powers of matrices.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType, Shape } from "../../../bindings/tensor.ts";
import { at, broadcast, broadcastAt, build, positionsOf, type RealArray, sizeOf } from "../array.ts";
import { seeds, shapes, sizes, within } from "../draw.ts";
import { op } from "../op.ts";
import { dot, exact, multiply, product as productOf, type Real, subtract, sum, sumDepth } from "../real.ts";
import type { Subject } from "../subject.ts";
import { inverse } from "./linearAlgebra.ts";
import { product } from "./matMul.ts";

type Node = SymbolicTensor;

/** An operand with a name for each axis; those of size 1 broadcast. */
interface Labelled {
  readonly x: RealArray;
  readonly labels: readonly string[];
}

/** Σ over all names that `output` lacks of the products of the elements. */
export function contract(
  operands: readonly Labelled[],
  output: readonly string[],
  dtype: DType = "float32",
): RealArray {
  const lengths = new Map<string, number>();
  for (const { x, labels } of operands)
    labels.forEach((label, axis) => {
      const size = x.shape[axis] as number;
      if (size !== 1 || !lengths.has(label)) lengths.set(label, size);
    });
  const sizeOfLabel = (label: string): number => lengths.get(label) as number;
  const summed = [...lengths.keys()].filter((label) => !output.includes(label));
  const inner = positionsOf(summed.map(sizeOfLabel));
  return build(
    output.map(sizeOfLabel),
    (position) => {
      const elements = inner.map((place) => {
        const here = (label: string): number =>
          (output.includes(label) ? position[output.indexOf(label)] : place[summed.indexOf(label)]) as number;
        return operands.map(({ x, labels }) =>
          at(
            x,
            labels.map((label, axis) => (x.shape[axis] === 1 ? 0 : here(label))),
          ),
        );
      });
      if (operands.length === 2)
        return dot(
          elements.map(([a]) => a as Real),
          elements.map(([, b]) => b as Real),
        );
      // Each term goes through one sum for every operand that is multiplied in.
      return sum(
        elements.map((factors) => (factors.length === 1 ? (factors[0] as Real) : productOf(factors))),
        sumDepth * operands.length,
      );
    },
    dtype,
  );
}

const names = (count: number, prefix: string): string[] => Array.from({ length: count }, (_, axis) => prefix + axis);

interface PairCase<P> {
  readonly a: number[];
  readonly b: number[];
  readonly dtype: DType;
  readonly options: P;
  readonly seed: number;
}
const dtypes = fc.constantFrom<DType>("float32", "float32", "float32", "float32", "int32", "uint8");
const few = (max: number, elements = 40, min = 0): fc.Arbitrary<number[]> => shapes({ min, max }, 5, elements);
const pairs = <P>(
  given: fc.Arbitrary<{ readonly a: number[]; readonly b: number[]; readonly options: P }>,
): fc.Arbitrary<PairCase<P>> => fc.tuple(given, dtypes, seeds).map(([pair, dtype, seed]) => ({ ...pair, dtype, seed }));

/** Names of the axes of both operands and of the result. */
interface Pairing {
  readonly a: readonly string[];
  readonly b: readonly string[];
  readonly output: readonly string[];
}

/** A product of two operands that is a sum over axes that they share. */
function pairSubject<P>(
  name: string,
  given: fc.Arbitrary<{ readonly a: number[]; readonly b: number[]; readonly options: P }>,
  call: (a: Node, b: Node, options: P) => Node,
  pairing: (a: Shape, b: Shape, options: P) => Pairing | undefined,
): Subject {
  return op<PairCase<P>>({
    name,
    cases: pairs(given),
    inputs: ({ a, b, dtype }) => [
      { shape: a, dtype },
      { shape: b, dtype },
    ],
    call: ({ options }, a, b) => call(a as Node, b as Node, options),
    reference: ({ options }, a, b) => {
      const [left, right] = [a as RealArray, b as RealArray];
      const found = pairing(left.shape, right.shape, options);
      if (found === undefined) return undefined;
      const sizes_ = new Map<string, number>();
      const fits = (
        [
          [left.shape, found.a],
          [right.shape, found.b],
        ] as const
      ).every(([shape, labels]) =>
        labels.every((label, axis) => {
          const known = sizes_.get(label) ?? (shape[axis] as number);
          sizes_.set(label, known);
          return known === shape[axis];
        }),
      );
      if (!fits) return undefined;
      return contract(
        [
          { x: left, labels: found.a },
          { x: right, labels: found.b },
        ],
        found.output,
      );
    },
  });
}

/** Shapes with a shared axis, at a place of each; one case in some ten does not fit. */
const sharing = (placeInB: (rank: number) => number): fc.Arbitrary<{ a: number[]; b: number[]; options: null }> =>
  fc
    .record({ outerA: few(2), outerB: few(2), inner: sizes(9), off: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 1) })
    .map(({ outerA, outerB, inner, off }) => {
      const place = placeInB(outerB.length + 1);
      return {
        a: [...outerA, inner],
        b: [...outerB.slice(0, place), inner + off, ...outerB.slice(place)],
        options: null,
      };
    });
const anyPair = fc.oneof(
  { weight: 1, arbitrary: fc.record({ a: few(0), b: few(2), options: fc.constant(null) }) },
  { weight: 1, arbitrary: fc.record({ a: few(2), b: few(0), options: fc.constant(null) }) },
);

interface DotAxes {
  readonly axes: number | [number[], number[]] | undefined;
}
const tensordotCases: fc.Arbitrary<{ a: number[]; b: number[]; options: DotAxes }> = fc
  .record({
    shared: few(2, 20),
    outerA: few(2, 12),
    outerB: few(2, 12),
    order: fc.boolean(),
    negative: fc.boolean(),
    mixed: fc.boolean(),
    bare: fc.boolean(),
    off: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  })
  .map(({ shared, outerA, outerB, order, negative, mixed, bare, off }) => {
    const count = shared.length;
    if (!mixed) {
      const b = [...shared, ...outerB];
      if (b.length > 0) b[0] = (b[0] as number) + off;
      return { a: [...outerA, ...shared], b, options: { axes: bare && count === 2 ? undefined : count } };
    }
    // The summed axes of a stand in front, of b behind; named in either order, from either end.
    const [a, b] = [
      [...shared, ...outerA],
      [...outerB, ...shared],
    ];
    const axesA = shared.map((_, axis) => axis - (negative ? a.length : 0));
    const axesB = shared.map((_, axis) => outerB.length + axis - (negative ? 0 : b.length));
    return { a, b, options: { axes: order ? [axesA, axesB] : [axesA.reverse(), axesB.reverse()] } };
  });

const pairSubjects: readonly Subject[] = [
  pairSubject(
    "tensordot",
    tensordotCases,
    (a, b, { axes }) => ops.tensordot(a, b, axes),
    (a, b, { axes = 2 }) => {
      const [rankA, rankB] = [a.length, b.length];
      const [summedA, summedB] =
        typeof axes === "number"
          ? [
              Array.from({ length: axes }, (_, axis) => rankA - axes + axis),
              Array.from({ length: axes }, (_, axis) => axis),
            ]
          : [axes[0].map((axis) => (axis + rankA) % rankA), axes[1].map((axis) => (axis + rankB) % rankB)];
      const [ofA, ofB] = [names(rankA, "a"), names(rankB, "b")];
      summedA.forEach((axis, index) => {
        ofA[axis] = `s${index}`;
        ofB[summedB[index] as number] = `s${index}`;
      });
      return { a: ofA, b: ofB, output: [...ofA, ...ofB].filter((label) => !label.startsWith("s")) };
    },
  ),
  pairSubject(
    "dot",
    fc.oneof({ weight: 4, arbitrary: sharing((rank) => Math.max(0, rank - 2)) }, { weight: 1, arbitrary: anyPair }),
    (a, b) => ops.dot(a, b),
    (a, b) => {
      const [ofA, ofB] = [names(a.length, "a"), names(b.length, "b")];
      if (a.length === 0 || b.length === 0) return { a: ofA, b: ofB, output: [...ofA, ...ofB] };
      ofA[a.length - 1] = "s";
      ofB[Math.max(0, b.length - 2)] = "s";
      return { a: ofA, b: ofB, output: [...ofA, ...ofB].filter((label) => label !== "s") };
    },
  ),
  pairSubject(
    "inner",
    fc.oneof({ weight: 4, arbitrary: sharing((rank) => rank - 1) }, { weight: 1, arbitrary: anyPair }),
    (a, b) => ops.inner(a, b),
    (a, b) => {
      const [ofA, ofB] = [names(a.length, "a"), names(b.length, "b")];
      if (a.length === 0 || b.length === 0) return { a: ofA, b: ofB, output: [...ofA, ...ofB] };
      return {
        a: [...ofA.slice(0, -1), "s"],
        b: [...ofB.slice(0, -1), "s"],
        output: [...ofA.slice(0, -1), ...ofB.slice(0, -1)],
      };
    },
  ),
];

/** The elements in one row. */
const flat = (x: RealArray): RealArray => ({ ...x, shape: [sizeOf(x.shape)] });
const integerOr = (dtype: DType): DType => (dtype === "float32" ? "float32" : "int32");

const vdot = op<PairCase<null>>({
  name: "vdot",
  cases: pairs(
    fc
      .tuple(few(3, 150), fc.boolean(), fc.constantFrom(0, 0, 0, 0, 0, 1))
      .map(([a, same, off]) => ({ a, b: off === 1 ? [sizeOf(a) + 1] : same ? a : [sizeOf(a)], options: null })),
  ),
  inputs: ({ a, b, dtype }) => [
    { shape: a, dtype },
    { shape: b, dtype },
  ],
  call: (_, a, b) => ops.vdot(a as Node, b as Node),
  reference: ({ a: shapeA, b: shapeB }, a, b) =>
    sizeOf(shapeA) !== sizeOf(shapeB)
      ? undefined
      : contract(
          [
            { x: flat(a as RealArray), labels: ["s"] },
            { x: flat(b as RealArray), labels: ["s"] },
          ],
          [],
        ),
});

const outer = op<PairCase<null>>({
  name: "outer",
  cases: pairs(fc.record({ a: few(2, 20), b: few(2, 20), options: fc.constant(null) })),
  inputs: ({ a, b, dtype }) => [
    { shape: a, dtype },
    { shape: b, dtype },
  ],
  call: (_, a, b) => ops.outer(a as Node, b as Node),
  reference: ({ dtype }, a, b) =>
    build(
      [sizeOf((a as RealArray).shape), sizeOf((b as RealArray).shape)],
      ([i = 0, j = 0]) => multiply((a as RealArray).data[i] as Real, (b as RealArray).data[j] as Real),
      integerOr(dtype),
    ),
});

const kron = op<PairCase<null>>({
  name: "kron",
  cases: pairs(fc.record({ a: few(3, 20), b: few(3, 20), options: fc.constant(null) })),
  inputs: ({ a, b, dtype }) => [
    { shape: a, dtype },
    { shape: b, dtype },
  ],
  call: (_, a, b) => ops.kron(a as Node, b as Node),
  reference: ({ dtype }, a, b) => {
    const [left, right] = [a as RealArray, b as RealArray];
    const rank = Math.max(left.shape.length, right.shape.length);
    const filled = ({ shape }: RealArray): number[] => [...new Array<number>(rank - shape.length).fill(1), ...shape];
    const [sizesA, sizesB] = [filled(left), filled(right)];
    return build(
      sizesA.map((size, axis) => size * (sizesB[axis] as number)),
      (position) =>
        multiply(
          at(
            { ...left, shape: sizesA },
            position.map((each, axis) => Math.floor(each / (sizesB[axis] as number))),
          ),
          at(
            { ...right, shape: sizesB },
            position.map((each, axis) => each % (sizesB[axis] as number)),
          ),
        ),
      integerOr(dtype),
    );
  },
});

const cross = op<PairCase<null>>({
  name: "cross",
  cases: pairs(
    fc
      .tuple(few(3, 30), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), fc.constantFrom(3, 3, 3, 3, 3, 3, 2))
      .map(([lead, kept, last]) => ({
        a: [...lead, 3],
        b: [...lead.map((size, axis) => (kept[axis] === true ? size : 1)), last],
        options: null,
      })),
  ),
  inputs: ({ a, b, dtype }) => [
    { shape: a, dtype },
    { shape: b, dtype },
  ],
  call: (_, a, b) => ops.cross(a as Node, b as Node),
  reference: ({ a: shapeA, b: shapeB }, a, b) => {
    if (shapeB.at(-1) !== 3) return undefined;
    return build(broadcast(shapeA, shapeB) as Shape, (position) => {
      const axis = position.at(-1) as number;
      const of = (x: RealArray, turn: number): Real => broadcastAt(x, [...position.slice(0, -1), (axis + turn) % 3]);
      return subtract(
        multiply(of(a as RealArray, 1), of(b as RealArray, 2)),
        multiply(of(a as RealArray, 2), of(b as RealArray, 1)),
      );
    });
  },
});

interface CorrelateCase {
  readonly a: number;
  readonly b: number;
  readonly mode: "valid" | "same" | "full";
  readonly seed: number;
}
const correlate = op<CorrelateCase>({
  name: "correlate",
  cases: fc.record({
    a: fc.oneof(sizes(9), fc.integer({ min: 10, max: 40 })),
    b: fc.oneof(sizes(9), fc.integer({ min: 10, max: 40 })),
    mode: fc.constantFrom<CorrelateCase["mode"]>("valid", "same", "full"),
    seed: seeds,
  }),
  inputs: ({ a, b }) => [{ shape: [a] }, { shape: [b] }],
  call: ({ mode }, a, b) => ops.correlate(a as Node, b as Node, mode),
  // NumPy: c_k = Σ_n a_{n+k} · b_n for k from 1 − |b| to |a| − 1; the middle ones for the other modes.
  reference: ({ mode }, a, b) => {
    const [x, y] = [(a as RealArray).data, (b as RealArray).data];
    if (x.length === 0 || y.length === 0) return undefined;
    const all: Real[] = [];
    for (let shift = 1 - y.length; shift < x.length; shift++) {
      const places = Array.from(y.keys()).filter((n) => n + shift >= 0 && n + shift < x.length);
      all.push(
        dot(
          places.map((n) => x[n + shift] as Real),
          places.map((n) => y[n] as Real),
        ),
      );
    }
    const [long, short] = [Math.max(x.length, y.length), Math.min(x.length, y.length)];
    // "same" begins ⌊short / 2⌋ before the whole overlap; operands in the other order give the same from the end.
    const half = Math.floor(short / 2);
    const begin = mode === "full" ? 0 : mode === "valid" ? short - 1 : x.length >= y.length ? short - 1 - half : half;
    const count = mode === "full" ? all.length : mode === "valid" ? long - short + 1 : long;
    const data = all.slice(begin, begin + count);
    return { shape: [data.length], dtype: "float32", data };
  },
});

interface PowerCase {
  readonly batch: number[];
  readonly size: number;
  readonly exponent: number;
  readonly seed: number;
}
const matrixPower = op<PowerCase>({
  name: "matrixPower",
  cases: fc.record({
    batch: fc.constantFrom([], [], [2], [0], [1, 2]),
    size: sizes(4),
    exponent: fc.oneof(fc.integer({ min: -3, max: 7 }), fc.constantFrom(0, 1, 2, 0.5)),
    seed: seeds,
  }),
  inputs: ({ batch, size }) => [{ shape: [...batch, size, size], draw: within(-1, 1) }],
  call: ({ exponent }, x) => ops.matrixPower(x as Node, exponent),
  reference: ({ exponent, size }, x) => {
    const given = x as RealArray;
    if (!Number.isInteger(exponent)) return undefined;
    const one = build(given.shape, (position) => exact(position.at(-1) === position.at(-2) ? 1 : 0));
    if (exponent === 0) return one;
    const base = exponent < 0 ? inverse(given) : given;
    let power = base;
    for (let step = 1; step < Math.abs(exponent); step++) power = product(power, base, false, false);
    return size === 0 ? given : power;
  },
});

export const productSubjects: readonly Subject[] = [...pairSubjects, vdot, outer, kron, cross, correlate, matrixPower];
