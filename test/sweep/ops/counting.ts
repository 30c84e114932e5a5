// Ops that count, look up and find the extremes of segments: integers in, integers out, every result exact.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, positionOf, type RealArray, sizeOf } from "../array.ts";
import { type Draw, seeds, shapes, sizes, sometimes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { exact, extremum, type Real, rounded, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import { order } from "./reductions.ts";

type Node = SymbolicTensor;

const valuesOf = (x: RealArray | undefined): number[] => (x as RealArray).data.map(({ value }) => value);
/** The lines of the last axis. */
function linesOf(x: RealArray): Real[][] {
  const length = x.shape.at(-1) as number;
  return Array.from({ length: sizeOf(x.shape.slice(0, -1)) }, (_, row) =>
    x.data.slice(row * length, (row + 1) * length),
  );
}
const integers = fc.constantFrom<DType>("int32", "uint8");

// Counts --------------------------------------------------------------------------------------------------------------

interface CountCase {
  readonly shape: number[];
  readonly length: number;
  readonly dtype: DType;
  readonly weighted: boolean;
  readonly seed: number;
}
const countCases: fc.Arbitrary<CountCase> = fc.record({
  shape: fc
    .tuple(shapes({ max: 2 }, 4, 12), fc.oneof(sizes(20), fc.constantFrom(130, 300)))
    .map(([lead, n]) => [...lead, n]),
  length: fc.integer({ min: 1, max: 9 }),
  dtype: integers,
  weighted: fc.boolean(),
  seed: seeds,
});

const bincount = op<CountCase>({
  name: "bincount",
  cases: countCases,
  inputs: ({ shape, length, dtype, weighted }) => [
    { shape, dtype, draw: whole(0, length - 1) },
    ...(weighted ? [{ shape }] : []),
  ],
  call: ({ length }, x, weights) => ops.bincount(x as Node, length, weights) as Node,
  reference: ({ shape, length, weighted }, x, weights) => {
    const rows = linesOf(x as RealArray);
    const given = weighted ? linesOf(weights as RealArray) : undefined;
    return build(
      [...shape.slice(0, -1), length],
      (position, index) => {
        const row = Math.floor(index / length);
        const found = (rows[row] as Real[]).flatMap(({ value }, place) => (value === position.at(-1) ? [place] : []));
        return given === undefined ? exact(found.length) : sum(found.map((place) => given[row]?.[place] as Real));
      },
      weighted ? "float32" : "int32",
    );
  },
});

const multiHot = op<CountCase>({
  name: "multiHot",
  cases: countCases.filter(({ shape }) => sizeOf(shape) < 200),
  inputs: ({ shape, length, dtype }) => [{ shape, dtype, draw: whole(dtype === "uint8" ? 0 : -2, length + 1) }],
  call: ({ length }, x) => ops.multiHot(x as Node, length),
  reference: ({ shape, length }, x) => {
    const rows = linesOf(x as RealArray);
    return build([...shape.slice(0, -1), length], (position, index) =>
      exact(rows[Math.floor(index / length)]?.some(({ value }) => value === position.at(-1)) === true ? 1 : 0),
    );
  },
});

interface HistogramCase {
  readonly shape: number[];
  readonly bins: number;
  /** undefined: from the smallest to the largest element. */
  readonly range: [number, number] | undefined;
  readonly values: "whole" | "special";
  readonly seed: number;
}
const histogram = op<HistogramCase>({
  name: "histogram",
  cases: fc.record({
    shape: shapes({ max: 3 }, 20, 300),
    // Edges at whole numbers, or halves, or quarters: what lies on one is decided exactly.
    bins: fc.constantFrom(1, 2, 4, 8),
    range: fc.option(fc.constantFrom<[number, number]>([-4, 4], [0, 8], [-1, 1], [2, 2]), { nil: undefined, freq: 3 }),
    values: fc.constantFrom<HistogramCase["values"]>("whole", "special"),
    seed: seeds,
  }),
  inputs: ({ shape, values, range }) => [
    {
      shape,
      // Without a range from −8 to 8 always, so that the edges are exact.
      draw:
        range === undefined
          ? sometimes([-8, 8], 0.5, whole(-8, 8))
          : values === "special"
            ? sometimes([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 8, -4], 0.4, whole(-9, 9))
            : whole(-9, 9),
    },
  ],
  call: ({ bins, range }, x) => ops.histogram(x as Node, bins, range),
  reference: ({ bins, range }, x) => {
    const values = valuesOf(x);
    const [low, high] = range ?? (values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)]);
    const margin = low === high ? 0.5 : 0;
    const [from, to] = [low - margin, high + margin];
    const edge = (bin: number): number => (bin === bins ? to : from + ((to - from) * bin) / bins);
    return [
      build(
        [bins],
        ([bin = 0]) =>
          exact(
            values.filter((each) => each >= edge(bin) && (each < edge(bin + 1) || (bin === bins - 1 && each === to)))
              .length,
          ),
        "int32",
      ),
      build([bins + 1], ([bin = 0]) => rounded(edge(bin))),
    ];
  },
  gradient: () => false,
});

// Look-ups ------------------------------------------------------------------------------------------------------------

interface LookCase {
  readonly edges: number;
  readonly shape: number[];
  readonly side: "left" | "right";
  readonly dtype: DType;
  readonly seed: number;
}
const lookCases: fc.Arbitrary<LookCase> = fc.record({
  edges: sizes(12),
  shape: shapes({ max: 3 }, 7, 100),
  side: fc.constantFrom<"left" | "right">("left", "right"),
  dtype: fc.constantFrom<DType>("float32", "int32"),
  seed: seeds,
});
/** Ascending: each edge counts its own draws, which are steps of 0, 1 or 2. */
function ascending(): Draw {
  let last = -6;
  return (next) => {
    last += Math.floor(next() * 3);
    return last;
  };
}
const lookups = (
  [
    [
      "searchSorted",
      (edges: Node, values: Node, side: "left" | "right") => ops.searchSorted(edges, values, side),
      undefined,
    ],
    ["digitize", (edges: Node, values: Node) => ops.digitize(values, edges), "right"],
  ] as const
).map(([name, call, only]) =>
  op<LookCase>({
    name,
    cases: lookCases,
    inputs: ({ edges, shape, dtype }) => [
      { shape: [edges], dtype, draw: ascending() },
      {
        shape,
        dtype,
        draw: dtype === "int32" ? whole(-8, 8) : sometimes([Number.POSITIVE_INFINITY, -0], 0.1, whole(-8, 8)),
      },
    ],
    call: ({ side }, edges, values) => call(edges as Node, values as Node, side),
    reference: ({ side, shape }, edges, values) =>
      build(
        shape,
        (_, index) => {
          const value = valuesOf(values)[index] as number;
          const before = (edge: number): boolean => ((only ?? side) === "left" ? edge < value : edge <= value);
          return exact(valuesOf(edges).filter(before).length);
        },
        "int32",
      ),
  }),
);

interface SetCase {
  readonly shape: number[];
  readonly set: number[];
  readonly dtype: DType;
  readonly seed: number;
}
const isIn = op<SetCase>({
  name: "isIn",
  cases: fc.record({
    shape: shapes({ max: 3 }, 9, 200),
    set: shapes({ max: 2 }, 4, 12),
    dtype: fc.constantFrom<DType>("float32", "int32", "uint8", "bool"),
    seed: seeds,
  }),
  inputs: ({ shape, set, dtype }) =>
    [shape, set].map((each) =>
      dtype === "bool"
        ? { shape: each, dtype }
        : {
            shape: each,
            dtype,
            draw: dtype === "float32" ? sometimes([Number.NaN, -0], 0.2, whole(-4, 4)) : whole(0, 9),
          },
    ),
  call: (_, x, set) => ops.isIn(x as Node, set as Node),
  reference: ({ shape }, x, set) =>
    build(shape, (_, index) => exact(valuesOf(set).some((each) => each === valuesOf(x)[index]) ? 1 : 0), "bool"),
});

interface TopCase {
  readonly rows: number;
  readonly classes: number;
  readonly k: number;
  readonly seed: number;
}
const inTopK = op<TopCase>({
  name: "inTopK",
  cases: fc.record({ rows: sizes(9), classes: sizes(9, 1), k: fc.integer({ min: 1, max: 9 }), seed: seeds }),
  inputs: ({ rows, classes }) => [
    { shape: [rows], dtype: "int32", draw: whole(0, classes - 1) },
    { shape: [rows, classes], draw: whole(-3, 3) },
  ],
  call: ({ k }, targets, scores) => ops.inTopK(targets as Node, scores as Node, k),
  // Equal scores rank in their order.
  reference: ({ rows, k }, targets, scores) =>
    build(
      [rows],
      ([row = 0]) => {
        const line = linesOf(scores as RealArray)[row] as Real[];
        const ranked = order(line.map(({ value }) => exact(-value)));
        return exact(ranked.slice(0, k).includes(valuesOf(targets)[row] as number) ? 1 : 0);
      },
      "bool",
    ),
});

interface UnravelCase {
  readonly shape: number[];
  readonly of: number[];
  readonly seed: number;
}
const unravelIndex = op<UnravelCase>({
  name: "unravelIndex",
  cases: fc.record({
    shape: shapes({ max: 2 }, 6, 30),
    of: fc.oneof(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      fc.constant<number[]>([2000, 3, 200_000]),
    ),
    seed: seeds,
  }),
  inputs: ({ shape, of }) => [{ shape, dtype: "int32", draw: whole(0, sizeOf(of) - 1) }],
  call: ({ of }, x) => ops.unravelIndex(x as Node, of),
  reference: ({ shape, of }, x) =>
    of.map((_, axis) =>
      build(shape, (_position, index) => exact(positionOf(of, valuesOf(x)[index] as number)[axis] as number), "int32"),
    ),
});

// Segments ------------------------------------------------------------------------------------------------------------

interface SegmentCase {
  readonly rows: number;
  readonly inner: number[];
  readonly count: number;
  readonly ties: boolean;
  readonly seed: number;
}
const segments = (
  [
    ["segmentMax", (x: Node, of: Node, count: number) => ops.segmentMax(x, of, count), 1],
    ["segmentMin", (x: Node, of: Node, count: number) => ops.segmentMin(x, of, count), -1],
  ] as const
).map(([name, call, sign]) =>
  op<SegmentCase>({
    name,
    cases: fc.record({
      rows: fc.oneof(sizes(12), fc.constantFrom(33, 64)),
      inner: shapes({ max: 2 }, 4, 8),
      count: fc.integer({ min: 1, max: 5 }),
      ties: fc.boolean(),
      seed: seeds,
    }),
    inputs: ({ rows, inner, count, ties }) => [
      {
        shape: [rows, ...inner],
        draw: ties ? sometimes([Number.POSITIVE_INFINITY], 0.05, whole(-1, 1)) : within(-2, 2),
      },
      { shape: [rows], dtype: "int32", draw: whole(0, count - 1) },
    ],
    call: ({ count }, x, of) => call(x as Node, of as Node, count),
    reference: ({ rows, inner, count }, x, of) =>
      build([count, ...inner], ([segment, ...place]) => {
        const found = Array.from({ length: rows }, (_, row) => row)
          .filter((row) => valuesOf(of)[row] === segment)
          .map((row) => at(x as RealArray, [row, ...place]));
        return found.length === 0
          ? exact(-sign * Number.POSITIVE_INFINITY)
          : extremum(found, (a, b) => sign * a > sign * b, "equal");
      }),
  }),
);

export const countingSubjects: readonly Subject[] = [
  bincount,
  multiHot,
  histogram,
  ...lookups,
  isIn,
  inTopK,
  unravelIndex,
  ...segments,
];
