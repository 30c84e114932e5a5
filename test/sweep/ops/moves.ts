// Ops that move elements: every result element is an input's element, or a constant.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType, Shape } from "../../../bindings/tensor.ts";
import { at, build, positionOf, type RealArray, sizeOf } from "../array.ts";
import { seeds, shapes, sizes, special } from "../draw.ts";
import { op } from "../op.ts";
import { exact, type Real, sum } from "../real.ts";
import type { Subject } from "../subject.ts";

type Node = SymbolicTensor;
type Position = readonly number[];

interface MoveCase<P> {
  readonly shape: number[];
  readonly dtype: DType;
  readonly options: P;
  readonly seed: number;
}

const dtypes = fc.constantFrom<DType>("float32", "float32", "float32", "int32", "uint8", "bool");

/** What a move does to a shape, and where each element of the result comes from; undefined: refused. */
interface Move {
  readonly shape: Shape;
  readonly from: (position: Position) => Position | Real | number;
}

/** An op with one operand and one result. */
function move<P>(
  name: string,
  shape: fc.Arbitrary<number[]>,
  options: (shape: number[]) => fc.Arbitrary<P>,
  call: (x: Node, options: P) => Node,
  result: (shape: Shape, options: P) => Move | undefined,
  only?: DType,
): Subject {
  return op<MoveCase<P>>({
    name,
    cases: shape.chain((of) =>
      fc.record({
        shape: fc.constant(of),
        dtype: only === undefined ? dtypes : fc.constant(only),
        options: options(of),
        seed: seeds,
      }),
    ),
    inputs: ({ shape: of, dtype }) => [dtype === "float32" ? { shape: of, draw: special } : { shape: of, dtype }],
    call: ({ options: chosen }, x) => call(x as Node, chosen),
    reference: ({ shape: of, options: chosen }, input) => {
      const x = input as RealArray;
      const found = result(of, chosen);
      if (found === undefined) return undefined;
      return build(
        found.shape,
        (position) => {
          const source = found.from(position);
          if (typeof source === "number") return exact(x.dtype === "bool" ? Number(source !== 0) : source);
          return Array.isArray(source) ? at(x, source as Position) : (source as Real);
        },
        x.dtype,
      );
    },
  });
}

const anyShape = shapes({ max: 4 }, 7, 400);
const withAxes = (min: number, max = 4): fc.Arbitrary<number[]> => shapes({ min, max }, 7, 400);
const axisOf = (rank: number): fc.Arbitrary<number> => fc.integer({ min: -rank, max: rank - 1 });
const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const axesOf = (rank: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.boolean(), { minLength: rank, maxLength: rank })
    .map((chosen) => chosen.flatMap((each, axis) => (each ? [axis] : [])));
const replaced = (position: Position, axis: number, value: number): number[] =>
  position.map((each, index) => (index === axis ? value : each));
const none = (): fc.Arbitrary<null> => fc.constant(null);
const permutation = (rank: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray(
    Array.from({ length: rank }, (_, axis) => axis),
    { minLength: rank, maxLength: rank },
  );

const moves: readonly Subject[] = [
  move(
    "transpose",
    anyShape,
    (shape) => fc.option(permutation(shape.length), { nil: undefined, freq: 4 }),
    (x, axes) => ops.transpose(x, axes),
    (shape, given) => {
      const axes = given ?? shape.map((_, axis) => shape.length - 1 - axis);
      return {
        shape: axes.map((axis) => shape[axis] as number),
        from: (position) => shape.map((_, axis) => position[axes.indexOf(axis)] as number),
      };
    },
  ),
  move(
    "moveAxis",
    withAxes(1),
    (shape) => fc.tuple(axisOf(shape.length), axisOf(shape.length)),
    (x, [axis, to]) => ops.moveAxis(x, axis, to),
    (shape, [axis, to]) => {
      const order = shape.map((_, each) => each).filter((each) => each !== wrap(axis, shape.length));
      order.splice(wrap(to, shape.length), 0, wrap(axis, shape.length));
      return {
        shape: order.map((each) => shape[each] as number),
        from: (position) => shape.map((_, each) => position[order.indexOf(each)] as number),
      };
    },
  ),
  move(
    "swapAxes",
    withAxes(1),
    (shape) => fc.tuple(axisOf(shape.length), axisOf(shape.length)),
    (x, [first, second]) => ops.swapAxes(x, first, second),
    (shape, given) => {
      const [first, second] = given.map((axis) => wrap(axis, shape.length)) as [number, number];
      const swap = (of: readonly number[]): number[] =>
        of.map((each, axis) =>
          axis === first ? (of[second] as number) : axis === second ? (of[first] as number) : each,
        );
      return { shape: swap(shape), from: swap };
    },
  ),
  move(
    "flip",
    anyShape,
    (shape) => fc.option(axesOf(shape.length), { nil: undefined }),
    (x, axes) => ops.flip(x, axes),
    (shape, axes) => ({
      shape,
      from: (position) =>
        position.map((each, axis) =>
          axes === undefined || axes.includes(axis) ? (shape[axis] as number) - 1 - each : each,
        ),
    }),
  ),
  move(
    "roll",
    anyShape,
    (shape) =>
      fc.tuple(
        fc.integer({ min: -9, max: 9 }),
        shape.length === 0 ? fc.constant(undefined) : fc.option(axisOf(shape.length), { nil: undefined }),
      ),
    (x, [shift, axis]) => ops.roll(x, shift, axis),
    (shape, [shift, axis]) => ({
      shape,
      from: (position) => {
        const back = (value: number, size: number): number => (((value - shift) % size) + size) % size;
        if (axis !== undefined) {
          const place = wrap(axis, shape.length);
          return replaced(position, place, back(position[place] as number, shape[place] as number));
        }
        const index = position.reduce((total, each, each_) => total * (shape[each_] as number) + each, 0);
        return positionOf(shape, back(index, sizeOf(shape)));
      },
    }),
  ),
  move(
    "repeat",
    withAxes(1, 3),
    (shape) =>
      axisOf(shape.length).chain((axis) => {
        const length = shape[wrap(axis, shape.length)] as number;
        return fc.tuple(
          fc.oneof(fc.nat(3), fc.array(fc.nat(3), { minLength: length, maxLength: length })) as fc.Arbitrary<
            number | number[]
          >,
          fc.constant(axis),
        );
      }),
    (x, [counts, axis]) => ops.repeat(x, counts, axis),
    (shape, [counts, axis]) => {
      const place = wrap(axis, shape.length);
      const sources = Array.from({ length: shape[place] as number }, (_, index) => index).flatMap((index) =>
        new Array<number>(typeof counts === "number" ? counts : (counts[index] as number)).fill(index),
      );
      return {
        shape: replaced(shape, place, sources.length),
        from: (position) => replaced(position, place, sources[position[place] as number] as number),
      };
    },
  ),
  move(
    "tile",
    withAxes(0, 3),
    () => fc.array(fc.nat(3), { minLength: 0, maxLength: 4 }),
    (x, repeats) => ops.tile(x, repeats),
    (shape, repeats) => {
      const rank = Math.max(shape.length, repeats.length);
      const padded = [...new Array<number>(rank - shape.length).fill(1), ...shape];
      const times = [...new Array<number>(rank - repeats.length).fill(1), ...repeats];
      return {
        shape: padded.map((length, axis) => length * (times[axis] as number)),
        from: (position) => position.map((each, axis) => each % (padded[axis] as number)).slice(rank - shape.length),
      };
    },
  ),
  move(
    "pad",
    anyShape,
    (shape) =>
      fc.tuple(
        fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { minLength: shape.length, maxLength: shape.length }),
        fc.constantFrom(0, 1, 7),
      ),
    (x, [paddings, value]) => ops.pad(x, paddings, value),
    (shape, [paddings, value]) => ({
      shape: shape.map((length, axis) => length + (paddings[axis]?.[0] as number) + (paddings[axis]?.[1] as number)),
      from: (position) => {
        const source = position.map((each, axis) => each - (paddings[axis]?.[0] as number));
        const inside = source.every((each, axis) => each >= 0 && each < (shape[axis] as number));
        return inside ? source : value;
      },
    }),
  ),
  move(
    "slice",
    anyShape,
    (shape) =>
      fc.tuple(
        ...shape.map((length) => fc.nat(length).chain((begin) => fc.tuple(fc.constant(begin), fc.nat(length - begin)))),
      ) as fc.Arbitrary<[number, number][]>,
    (x, ranges) =>
      ops.slice(
        x,
        ranges.map(([begin]) => begin),
        ranges.map(([, size]) => size),
      ),
    (_, ranges) => ({
      shape: ranges.map(([, size]) => size),
      from: (position) => position.map((each, axis) => each + (ranges[axis]?.[0] as number)),
    }),
  ),
  move(
    "reshape",
    anyShape,
    (shape) => permutation(shape.length).map((axes) => axes.map((axis) => shape[axis] as number)),
    (x, to) => ops.reshape(x, to),
    (shape, to) => ({
      shape: to,
      from: (position) =>
        positionOf(
          shape,
          position.reduce((total, each, axis) => total * (to[axis] as number) + each, 0),
        ),
    }),
  ),
  move(
    "flatten",
    withAxes(1),
    none,
    (x) => ops.flatten(x),
    (shape) => {
      const row = sizeOf(shape.slice(1));
      return {
        shape: [shape[0] as number, row],
        from: ([first = 0, second = 0]) => [first, ...positionOf(shape.slice(1), second)],
      };
    },
    "float32",
  ),
  move(
    "expandDims",
    anyShape,
    (shape) => axisOf(shape.length + 1),
    (x, axis) => ops.expandDims(x, axis),
    (shape, axis) => {
      const place = wrap(axis, shape.length + 1);
      return {
        shape: [...shape.slice(0, place), 1, ...shape.slice(place)],
        from: (position) => position.filter((_, each) => each !== place),
      };
    },
  ),
  move(
    "squeeze",
    anyShape,
    none,
    (x) => ops.squeeze(x),
    (shape) => ({
      shape: shape.filter((length) => length !== 1),
      from: (position) => {
        let next = 0;
        return shape.map((length) => (length === 1 ? 0 : (position[next++] as number)));
      },
    }),
  ),
  move(
    "broadcastTo",
    shapes({ max: 3 }, 5, 60),
    (shape) =>
      fc
        .tuple(
          fc.array(sizes(4), { maxLength: 2 }),
          fc.array(fc.nat(4), { minLength: shape.length, maxLength: shape.length }),
        )
        .map(([front, sizesOfOnes]) => [
          ...front,
          ...shape.map((length, axis) => (length === 1 ? (sizesOfOnes[axis] as number) : length)),
        ]),
    (x, to) => ops.broadcastTo(x, to),
    (shape, to) => ({
      shape: to,
      from: (position) => position.slice(to.length - shape.length).map((each, axis) => (shape[axis] === 1 ? 0 : each)),
    }),
  ),
  move(
    "tril",
    withAxes(2),
    () => fc.integer({ min: -4, max: 4 }),
    (x, offset) => ops.tril(x, offset),
    (shape, offset) => ({
      shape,
      from: (position) => ((position.at(-1) as number) - (position.at(-2) as number) <= offset ? position : exact(0)),
    }),
  ),
  move(
    "triu",
    withAxes(2),
    () => fc.integer({ min: -4, max: 4 }),
    (x, offset) => ops.triu(x, offset),
    (shape, offset) => ({
      shape,
      from: (position) => ((position.at(-1) as number) - (position.at(-2) as number) >= offset ? position : exact(0)),
    }),
  ),
  move(
    "diagonal",
    withAxes(2, 3),
    () => fc.integer({ min: -4, max: 4 }),
    (x, offset) => ops.diagonal(x, offset),
    (shape, offset) => {
      const [rows = 0, columns = 0] = shape;
      const count = Math.max(0, Math.min(rows + Math.min(offset, 0), columns - Math.max(offset, 0)));
      return {
        shape: [...shape.slice(2), count],
        from: (position) => {
          const along = position.at(-1) as number;
          return [along + Math.max(0, -offset), along + Math.max(0, offset), ...position.slice(0, -1)];
        },
      };
    },
  ),
  move(
    "diag",
    withAxes(1, 1),
    () => fc.integer({ min: -3, max: 3 }),
    (x, offset) => ops.diag(x, offset),
    ([length = 0], offset) => ({
      shape: [length + Math.abs(offset), length + Math.abs(offset)],
      from: ([row = 0, column = 0]) => (column - row === offset ? [Math.min(row, column)] : exact(0)),
    }),
  ),
  move(
    "diagFlat",
    withAxes(0, 2).filter((shape) => sizeOf(shape) <= 20),
    () => fc.integer({ min: -3, max: 3 }),
    (x, offset) => ops.diagFlat(x, offset),
    (shape, offset) => ({
      shape: [sizeOf(shape) + Math.abs(offset), sizeOf(shape) + Math.abs(offset)],
      from: ([row = 0, column = 0]) => (column - row === offset ? positionOf(shape, Math.min(row, column)) : exact(0)),
    }),
  ),
  move(
    "rot90",
    withAxes(2),
    (shape) =>
      fc.tuple(
        fc.integer({ min: -3, max: 5 }),
        permutation(shape.length).map((axes) => axes.slice(0, 2) as [number, number]),
      ),
    (x, [times, axes]) => ops.rot90(x, times, axes),
    (shape, [times, [first, second]]) => {
      const quarters = ((times % 4) + 4) % 4;
      const swapped = quarters % 2 === 1;
      const [m, n] = [shape[first] as number, shape[second] as number];
      return {
        shape: shape.map((length, axis) => (!swapped ? length : axis === first ? n : axis === second ? m : length)),
        from: (position) => {
          const [i, j] = [position[first] as number, position[second] as number];
          const [a, b] =
            quarters === 0
              ? [i, j]
              : quarters === 1
                ? [j, n - 1 - i]
                : quarters === 2
                  ? [m - 1 - i, n - 1 - j]
                  : [m - 1 - j, i];
          return position.map((each, axis) => (axis === first ? a : axis === second ? b : each));
        },
      };
    },
  ),
  move(
    "extractSequences",
    withAxes(1, 3),
    () => fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 })),
    (x, [length, stride]) => ops.extractSequences(x, length, stride),
    (shape, [length, stride]) => {
      const size = shape.at(-1) as number;
      if (length > size) return undefined;
      return {
        shape: [...shape.slice(0, -1), Math.floor((size - length) / stride) + 1, length],
        from: (position) => [
          ...position.slice(0, -2),
          (position.at(-2) as number) * stride + (position.at(-1) as number),
        ],
      };
    },
  ),
  move(
    "spaceToDepth",
    fc.tuple(fc.nat(2), fc.nat(3), fc.nat(3), fc.nat(3)).map(([n, h, w, c]) => [n, h * 2, w * 2, c]),
    none,
    (x) => ops.spaceToDepth(x, 2),
    ([n = 0, h = 0, w = 0, c = 0]) => ({
      shape: [n, h / 2, w / 2, 4 * c],
      from: ([image = 0, row = 0, column = 0, channel = 0]) => {
        const block = Math.floor(channel / c);
        return [image, row * 2 + Math.floor(block / 2), column * 2 + (block % 2), channel % c];
      },
    }),
  ),
  move(
    "depthToSpace",
    fc.tuple(fc.nat(2), fc.nat(3), fc.nat(3), fc.nat(3)).map(([n, h, w, c]) => [n, h, w, c * 4]),
    none,
    (x) => ops.depthToSpace(x, 2),
    ([n = 0, h = 0, w = 0, c = 0]) => ({
      shape: [n, h * 2, w * 2, c / 4],
      from: ([image = 0, row = 0, column = 0, channel = 0]) => [
        image,
        Math.floor(row / 2),
        Math.floor(column / 2),
        ((row % 2) * 2 + (column % 2)) * (c / 4) + channel,
      ],
    }),
  ),
];

// Several operands or results -----------------------------------------------------------------------------------------

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

export const moveSubjects: readonly Subject[] = [...moves, ...joins, ...splits];
