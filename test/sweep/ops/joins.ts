// Ops that join tensors, cut them into pieces, or spread them over a grid.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, type RealArray, sizeOf } from "../array.ts";
import { seeds, sizes } from "../draw.ts";
import { op } from "../op.ts";
import { type Real, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import { axisOf, dtypes, replaced, withAxes, wrap } from "./moves.ts";

type Node = SymbolicTensor;

interface JoinCase {
  readonly shapes: number[][];
  readonly axis: number;
  readonly dtype: DType;
  readonly seed: number;
}

const joinCases = (equal: boolean): fc.Arbitrary<JoinCase> =>
  withAxes(equal ? 0 : 1, 3).chain((shape) =>
    fc
      .record({
        axis: axisOf(shape.length + (equal ? 1 : 0)),
        lengths: fc.array(sizes(5), { minLength: 1, maxLength: 4 }),
        dtype: dtypes,
        seed: seeds,
      })
      .map(({ axis, lengths, dtype, seed }) => ({
        shapes: lengths.map((length) => (equal ? shape : replaced(shape, wrap(axis, shape.length), length))),
        axis,
        dtype,
        seed,
      })),
  );

function joined(arrays: readonly RealArray[], axis: number): RealArray {
  const [first] = arrays as readonly [RealArray];
  const place = wrap(axis, first.shape.length);
  const total = arrays.reduce((length, each) => length + (each.shape[place] as number), 0);
  return build(
    replaced(first.shape, place, total),
    (position) => {
      let offset = position[place] as number;
      let which = 0;
      while (offset >= ((arrays[which] as RealArray).shape[place] as number))
        offset -= (arrays[which++] as RealArray).shape[place] as number;
      return at(arrays[which] as RealArray, replaced(position, place, offset));
    },
    first.dtype,
  );
}

const inputsOf = ({ shapes: all, dtype }: JoinCase): { shape: number[]; dtype: DType }[] =>
  all.map((shape) => ({ shape, dtype }));
const atRank = (array: RealArray, rank: number): RealArray => {
  const { shape } = array;
  if (shape.length >= rank) return array;
  const [n = 1, m = 1] = shape;
  const widened =
    rank === 1
      ? [1]
      : rank === 2
        ? [1, n]
        : shape.length === 2
          ? [n, m, 1]
          : shape.length === 1
            ? [1, n, 1]
            : [1, 1, 1];
  return { ...array, shape: widened };
};

const joins: readonly Subject[] = [
  op<JoinCase>({
    name: "concat",
    cases: joinCases(false),
    inputs: inputsOf,
    call: ({ axis }, ...xs) => ops.concat(xs, axis),
    reference: ({ axis }, ...arrays) => joined(arrays, axis),
  }),
  op<JoinCase>({
    name: "stack",
    cases: joinCases(true),
    inputs: inputsOf,
    call: ({ axis }, ...xs) => ops.stack(xs, axis),
    reference: ({ axis }, ...arrays) => {
      const rank = (arrays[0] as RealArray).shape.length + 1;
      const place = wrap(axis, rank);
      return joined(
        arrays.map((each) => ({ ...each, shape: [...each.shape.slice(0, place), 1, ...each.shape.slice(place)] })),
        place,
      );
    },
  }),
  ...(
    [
      ["hstack", (xs: Node[]) => ops.hstack(xs), 1],
      ["vstack", (xs: Node[]) => ops.vstack(xs), 2],
      ["dstack", (xs: Node[]) => ops.dstack(xs), 3],
    ] as const
  ).map(([name, call, rank]) =>
    op<JoinCase>({
      name,
      cases: joinCases(true),
      inputs: inputsOf,
      call: (_, ...xs) => call(xs),
      reference: (_, ...arrays) => {
        const widened = arrays.map((each) => atRank(each, rank));
        const axis =
          rank === 1 ? ((widened[0] as RealArray).shape.length === 1 ? 0 : 1) : rank - 2 + (rank === 3 ? 1 : 0);
        return joined(widened, axis);
      },
    }),
  ),
  op<JoinCase>({
    name: "append",
    cases: joinCases(false).filter(({ shapes: all }) => all.length === 2),
    inputs: inputsOf,
    call: ({ axis }, a, b) => ops.append(a as Node, b as Node, axis),
    reference: ({ axis }, ...arrays) => joined(arrays, axis),
  }),
];

interface SplitCase {
  readonly shape: number[];
  readonly axis: number;
  readonly parts: number | number[];
  readonly seed: number;
}

function part(x: RealArray, place: number, begin: number, end: number): RealArray {
  return build(
    replaced(x.shape, place, end - begin),
    (position) => at(x, replaced(position, place, (position[place] as number) + begin)),
    x.dtype,
  );
}

const splits: readonly Subject[] = [
  op<SplitCase>({
    name: "split",
    cases: withAxes(1, 3).chain((shape) =>
      axisOf(shape.length).chain((axis) => {
        const length = shape[wrap(axis, shape.length)] as number;
        return fc.record({
          shape: fc.constant(shape),
          axis: fc.constant(axis),
          parts: fc.oneof(
            fc.integer({ min: 1, max: 3 }),
            fc.array(fc.nat(length), { maxLength: 3 }).map((places) => places.sort((a, b) => a - b)),
          ) as fc.Arbitrary<number | number[]>,
          seed: seeds,
        });
      }),
    ),
    inputs: ({ shape }) => [{ shape }],
    call: ({ axis, parts }, x) => ops.split(x as Node, parts, axis),
    reference: ({ axis, parts }, input) => {
      const x = input as RealArray;
      const place = wrap(axis, x.shape.length);
      const length = x.shape[place] as number;
      if (typeof parts === "number" && length % parts !== 0) return undefined;
      const cuts =
        typeof parts === "number"
          ? Array.from({ length: parts - 1 }, (_, index) => ((index + 1) * length) / parts)
          : parts;
      return [0, ...cuts].map((begin, index) => part(x, place, begin, [...cuts, length][index] as number));
    },
  }),
  op<SplitCase>({
    name: "unstack",
    cases: withAxes(1, 3)
      .filter((shape) => !shape.includes(0))
      .chain((shape) => axisOf(shape.length).map((axis) => ({ shape, axis, parts: 0, seed: sizeOf(shape) }))),
    inputs: ({ shape }) => [{ shape }],
    call: ({ axis }, x) => ops.unstack(x as Node, axis),
    reference: ({ axis }, input) => {
      const x = input as RealArray;
      const place = wrap(axis, x.shape.length);
      return Array.from({ length: x.shape[place] as number }, (_, index) => {
        const { shape, data } = part(x, place, index, index + 1);
        return { shape: shape.filter((_each, each) => each !== place), data, dtype: x.dtype };
      });
    },
  }),
  op<{ readonly lengths: number[]; readonly indexing: "xy" | "ij"; readonly seed: number }>({
    name: "meshgrid",
    cases: fc.record({
      lengths: fc.array(sizes(5), { minLength: 1, maxLength: 3 }),
      indexing: fc.constantFrom<"xy" | "ij">("xy", "ij"),
      seed: seeds,
    }),
    inputs: ({ lengths }) => lengths.map((length) => ({ shape: [length] })),
    call: ({ indexing }, ...xs) => ops.meshgrid(xs, indexing),
    reference: ({ indexing, lengths }, ...arrays) => {
      const order = lengths.map((_, axis) => (indexing === "xy" && lengths.length > 1 && axis < 2 ? 1 - axis : axis));
      const shape = order.map((axis) => lengths[axis] as number);
      return arrays.map((each, which) =>
        build(shape, (position) => each.data[position[order.indexOf(which)] as number] as Real),
      );
    },
  }),
  op<{ readonly shape: number[]; readonly offset: number; readonly seed: number }>({
    name: "trace",
    cases: fc.record({ shape: withAxes(2, 3), offset: fc.integer({ min: -3, max: 3 }), seed: seeds }),
    inputs: ({ shape }) => [{ shape }],
    call: ({ offset }, x) => ops.trace(x as Node, offset),
    reference: ({ offset }, input) => {
      const x = input as RealArray;
      const [rows = 0, columns = 0, ...rest] = x.shape;
      return build(rest, (position) => {
        const terms: Real[] = [];
        for (let row = 0; row < rows; row++)
          if (row + offset >= 0 && row + offset < columns) terms.push(at(x, [row, row + offset, ...position]));
        return sum(terms);
      });
    },
  }),
];

export const joinSubjects: readonly Subject[] = [...joins, ...splits];
