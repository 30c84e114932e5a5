// Ops that pick and place by indices.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, positionsOf, type RealArray, sizeOf } from "../array.ts";
import { seeds, shapes, sizes, whole } from "../draw.ts";
import { op } from "../op.ts";
import { exact, type Real, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import { order } from "./reductions.ts";

type Node = SymbolicTensor;

const value = (x: RealArray, index: number): number => (x.data[index] as Real).value;
const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const dtypes = fc.constantFrom<DType>("float32", "float32", "int32", "uint8", "bool");
const withAxes = (min: number, max = 4): fc.Arbitrary<number[]> => shapes({ min, max }, 7, 300);

interface GatherCase {
  readonly shape: number[];
  readonly picks: number[];
  readonly axis: number;
  readonly dtype: DType;
  readonly seed: number;
}
const gatherCases: fc.Arbitrary<GatherCase> = withAxes(1)
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      picks: shapes({ max: 2 }, 5, 20),
      axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
      dtype: dtypes,
      seed: seeds,
    }),
  )
  .filter(({ shape, picks, axis }) => (shape.at(axis) as number) > 0 || sizeOf(picks) === 0);

const gather = op<GatherCase>({
  name: "gather",
  cases: gatherCases,
  inputs: ({ shape, picks, axis, dtype }) => [
    { shape, dtype },
    { shape: picks, dtype: "int32", draw: whole(0, Math.max(0, (shape.at(axis) as number) - 1)) },
  ],
  call: ({ axis }, x, indices) => ops.gather(x as Node, indices as Node, axis),
  reference: ({ axis }, x, indices) => {
    const [from, picks] = [x as RealArray, indices as RealArray];
    const place = wrap(axis, from.shape.length);
    const shape = [...from.shape.slice(0, place), ...picks.shape, ...from.shape.slice(place + 1)];
    return build(
      shape,
      (position) =>
        at(from, [
          ...position.slice(0, place),
          at(picks, position.slice(place, place + picks.shape.length)).value,
          ...position.slice(place + picks.shape.length),
        ]),
      from.dtype,
    );
  },
});

const take = op<GatherCase & { readonly flat: boolean }>({
  name: "take",
  cases: fc
    .tuple(gatherCases, fc.boolean())
    .map(([given, flat]) => ({ ...given, flat }))
    .filter(({ shape }) => sizeOf(shape) > 0),
  inputs: ({ shape, picks, axis, dtype, flat }) => {
    const length = flat ? sizeOf(shape) : (shape.at(axis) as number);
    return [
      { shape, dtype },
      { shape: picks, dtype: "int32", draw: whole(-length, length - 1) },
    ];
  },
  call: ({ axis, flat }, x, indices) => ops.take(x as Node, indices as Node, flat ? undefined : axis),
  reference: ({ axis, flat }, x, indices) => {
    const given = x as RealArray;
    const from = flat ? { ...given, shape: [given.data.length] } : given;
    const picks = indices as RealArray;
    const place = flat ? 0 : wrap(axis, from.shape.length);
    const length = from.shape[place] as number;
    return build(
      [...from.shape.slice(0, place), ...picks.shape, ...from.shape.slice(place + 1)],
      (position) => {
        const pick = at(picks, position.slice(place, place + picks.shape.length)).value;
        return at(from, [
          ...position.slice(0, place),
          pick < 0 ? pick + length : pick,
          ...position.slice(place + picks.shape.length),
        ]);
      },
      from.dtype,
    );
  },
});

interface ScatterCase {
  readonly rows: number;
  readonly count: number;
  readonly inner: number;
  readonly few: boolean;
  readonly seed: number;
}
const scatterCases: fc.Arbitrary<ScatterCase> = fc
  .record({
    rows: sizes(9, 1),
    count: fc.oneof(sizes(20), fc.constantFrom(130, 300)),
    inner: sizes(9),
    few: fc.boolean(),
    seed: seeds,
  })
  .filter(({ count, inner }) => count * inner <= 1500);

const scatterAdd = op<ScatterCase>({
  name: "scatterAdd",
  cases: scatterCases,
  inputs: ({ rows, count, inner, few }) => [
    { shape: [count, inner] },
    { shape: [count], dtype: "int32", draw: whole(0, few ? 0 : rows - 1) },
  ],
  call: ({ rows }, updates, indices) => ops.scatterAdd(updates as Node, indices as Node, rows),
  reference: ({ rows, inner, count }, updates, indices) =>
    build([rows, inner], ([row = 0, column = 0]) => {
      const terms: Real[] = [];
      for (let from = 0; from < count; from++)
        if (value(indices as RealArray, from) === row) terms.push(at(updates as RealArray, [from, column]));
      return sum(terms);
    }),
});

const segmentSum = op<ScatterCase>({
  name: "segmentSum",
  cases: scatterCases,
  inputs: ({ rows, count, inner, few }) => [
    { shape: [count, inner] },
    { shape: [count], dtype: "int32", draw: whole(0, few ? 0 : rows - 1) },
  ],
  call: ({ rows }, updates, indices) => ops.segmentSum(updates as Node, indices as Node, rows),
  reference: ({ rows, inner, count }, updates, indices) =>
    build([rows, inner], ([row = 0, column = 0]) =>
      sum(
        Array.from({ length: count }, (_, from) => from)
          .filter((from) => value(indices as RealArray, from) === row)
          .map((from) => at(updates as RealArray, [from, column])),
      ),
    ),
});

interface AlongCase {
  readonly shape: number[];
  readonly picks: number;
  readonly axis: number;
  readonly seed: number;
}
const takeAlongAxis = op<AlongCase>({
  name: "takeAlongAxis",
  cases: withAxes(1)
    .filter((shape) => !shape.includes(0))
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        picks: sizes(6),
        axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
        seed: seeds,
      }),
    ),
  inputs: ({ shape, picks, axis }) => {
    const place = wrap(axis, shape.length);
    return [
      { shape },
      {
        shape: shape.map((length, each) => (each === place ? picks : length)),
        dtype: "int32",
        draw: whole(0, (shape[place] as number) - 1),
      },
    ];
  },
  call: ({ axis }, x, indices) => ops.takeAlongAxis(x as Node, indices as Node, axis),
  reference: ({ axis }, x, indices) => {
    const place = wrap(axis, (x as RealArray).shape.length);
    return build((indices as RealArray).shape, (position, index) =>
      at(
        x as RealArray,
        position.map((each, one) => (one === place ? value(indices as RealArray, index) : each)),
      ),
    );
  },
});

interface NdCase {
  readonly shape: number[];
  readonly depth: number;
  readonly outer: number[];
  readonly seed: number;
}
const ndCases: fc.Arbitrary<NdCase> = withAxes(1, 3)
  .filter((shape) => !shape.includes(0))
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      depth: fc.integer({ min: 1, max: shape.length }),
      outer: shapes({ max: 2 }, 4, 12),
      seed: seeds,
    }),
  );
/** Coordinates below the smallest of the sizes that they address, so that one range serves all. */
const coordinates = ({ shape, depth, outer }: NdCase) =>
  ({ shape: [...outer, depth], dtype: "int32", draw: whole(0, Math.min(...shape.slice(0, depth)) - 1) }) as const;
const coordinatesAt = (indices: RealArray, outer: readonly number[], depth: number): number[] =>
  Array.from({ length: depth }, (_, axis) => at(indices, [...outer, axis]).value);

const gatherNd = op<NdCase>({
  name: "gatherNd",
  cases: ndCases,
  inputs: (given) => [{ shape: given.shape }, coordinates(given)],
  call: (_, x, indices) => ops.gatherNd(x as Node, indices as Node),
  reference: ({ shape, depth, outer }, x, indices) =>
    build([...outer, ...shape.slice(depth)], (position) =>
      at(x as RealArray, [
        ...coordinatesAt(indices as RealArray, position.slice(0, outer.length), depth),
        ...position.slice(outer.length),
      ]),
    ),
});

const scatter = op<NdCase>({
  name: "scatter",
  cases: ndCases,
  inputs: (given) => [coordinates(given), { shape: [...given.outer, ...given.shape.slice(given.depth)] }],
  call: ({ shape }, indices, values) => ops.scatter(indices as Node, values as Node, shape),
  reference: ({ shape, depth, outer }, indices, values) =>
    build(shape, (position) =>
      sum(
        positionsOf(outer)
          .filter((each) =>
            coordinatesAt(indices as RealArray, each, depth).every((at_, axis) => at_ === position[axis]),
          )
          .map((each) => at(values as RealArray, [...each, ...position.slice(depth)])),
      ),
    ),
});

const scatterUpdate = op<NdCase>({
  name: "scatterUpdate",
  cases: ndCases,
  inputs: (given) => [
    { shape: given.shape },
    coordinates(given),
    { shape: [...given.outer, ...given.shape.slice(given.depth)] },
  ],
  call: (_, x, indices, updates) => ops.scatterUpdate(x as Node, indices as Node, updates as Node),
  reference: ({ shape, depth, outer }, x, indices, updates) =>
    build(shape, (position) => {
      const last = positionsOf(outer)
        .filter((each) => coordinatesAt(indices as RealArray, each, depth).every((at_, axis) => at_ === position[axis]))
        .at(-1);
      return last === undefined
        ? at(x as RealArray, position)
        : at(updates as RealArray, [...last, ...position.slice(depth)]);
    }),
});

interface BlockCase {
  readonly shape: number[];
  readonly start: number[];
  readonly size: number[];
  readonly seed: number;
}
const sliceUpdate = op<BlockCase>({
  name: "sliceUpdate",
  cases: withAxes(1, 3).chain((shape) =>
    fc
      .tuple(
        ...shape.map((length) => fc.nat(length).chain((begin) => fc.tuple(fc.constant(begin), fc.nat(length - begin)))),
      )
      .chain((ranges) =>
        fc.record({
          shape: fc.constant(shape),
          start: fc.constant(ranges.map(([begin]) => begin)),
          size: fc.constant(ranges.map(([, size]) => size)),
          seed: seeds,
        }),
      ),
  ),
  inputs: ({ shape, size }) => [{ shape }, { shape: size }],
  call: ({ start }, x, updates) => ops.sliceUpdate(x as Node, start, updates as Node),
  reference: ({ start, size }, x, updates) =>
    build((x as RealArray).shape, (position) => {
      const inside = position.map((each, axis) => each - (start[axis] as number));
      return inside.every((each, axis) => each >= 0 && each < (size[axis] as number))
        ? at(updates as RealArray, inside)
        : at(x as RealArray, position);
    }),
});

interface HotCase {
  readonly shape: number[];
  readonly depth: number;
  readonly seed: number;
}
const oneHot = op<HotCase>({
  name: "oneHot",
  cases: fc.record({ shape: shapes({ max: 3 }, 6, 60), depth: sizes(9), seed: seeds }),
  inputs: ({ shape }) => [{ shape, dtype: "int32", draw: whole(-2, 9) }],
  call: ({ depth }, x) => ops.oneHot(x as Node, depth),
  reference: ({ shape, depth }, x) =>
    build([...shape, depth], (position) =>
      exact(at(x as RealArray, position.slice(0, -1)).value === position.at(-1) ? 1 : 0),
    ),
});

interface TopCase {
  readonly shape: number[];
  readonly k: number;
  readonly ties: boolean;
  readonly seed: number;
}
const topCases = withAxes(1, 3).chain((shape) =>
  fc.record({ shape: fc.constant(shape), k: fc.nat(shape.at(-1) as number), ties: fc.boolean(), seed: seeds }),
);
/** Positions of the k largest of each row, the largest first; equal numbers keep their order. */
function largest(x: RealArray, k: number): number[][] {
  const length = x.shape.at(-1) as number;
  const rows = sizeOf(x.shape.slice(0, -1));
  return Array.from({ length: rows }, (_, row) => {
    const line = x.data.slice(row * length, (row + 1) * length);
    return order(line.map((each) => exact(-each.value))).slice(0, k);
  });
}
const topDrawn = ({ shape, ties }: TopCase) => [ties ? { shape, draw: whole(-2, 2) } : { shape }];
const topK = op<TopCase>({
  name: "topK",
  cases: topCases,
  inputs: topDrawn,
  call: ({ k }, x) => ops.topK(x as Node, k),
  reference: ({ shape, k }, x) => {
    const places = largest(x as RealArray, k);
    const length = shape.at(-1) as number;
    return build([...shape.slice(0, -1), k], (_, index) => {
      const row = Math.floor(index / k);
      return (x as RealArray).data[row * length + (places[row]?.[index % k] as number)] as Real;
    });
  },
});
const argTopK = op<TopCase>({
  name: "argTopK",
  cases: topCases,
  inputs: topDrawn,
  call: ({ k }, x) => ops.argTopK(x as Node, k),
  reference: ({ shape, k }, x) => {
    const places = largest(x as RealArray, k);
    return build(
      [...shape.slice(0, -1), k],
      (_, index) => exact(places[Math.floor(index / k)]?.[index % k] as number),
      "int32",
    );
  },
});

export const indexingSubjects: readonly Subject[] = [
  gather,
  take,
  scatterAdd,
  segmentSum,
  takeAlongAxis,
  gatherNd,
  scatter,
  scatterUpdate,
  sliceUpdate,
  oneHot,
  topK,
  argTopK,
];
