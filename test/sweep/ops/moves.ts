// Ops that move elements: every result element is an input's element, or a constant.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType, Shape } from "../../../bindings/tensor.ts";
import { at, build, positionOf, type RealArray, sizeOf } from "../array.ts";
import { seeds, shapes, sizes, special } from "../draw.ts";
import { op } from "../op.ts";
import { exact, type Real } from "../real.ts";
import type { Subject } from "../subject.ts";

type Node = SymbolicTensor;
type Position = readonly number[];

interface MoveCase<P> {
  readonly shape: number[];
  readonly dtype: DType;
  readonly options: P;
  readonly seed: number;
}

export const dtypes: fc.Arbitrary<DType> = fc.constantFrom<DType>(
  "float32",
  "float32",
  "float32",
  "int32",
  "uint8",
  "bool",
);

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
export const withAxes = (min: number, max = 4): fc.Arbitrary<number[]> => shapes({ min, max }, 7, 400);
export const axisOf = (rank: number): fc.Arbitrary<number> => fc.integer({ min: -rank, max: rank - 1 });
export const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const axesOf = (rank: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.boolean(), { minLength: rank, maxLength: rank })
    .map((chosen) => chosen.flatMap((each, axis) => (each ? [axis] : [])));
export const replaced = (position: Position, axis: number, value: number): number[] =>
  position.map((each, index) => (index === axis ? value : each));
const none = (): fc.Arbitrary<null> => fc.constant(null);
const permutation = (rank: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray(
    Array.from({ length: rank }, (_, axis) => axis),
    { minLength: rank, maxLength: rank },
  );

export const moveSubjects: readonly Subject[] = [
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
