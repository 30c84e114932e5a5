// Pooling in every geometry: windows with margins, strides beyond the window, windows that overlap, no samples.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { at, build, positionsOf, type RealArray } from "../array.ts";
import { type Draw, seeds, sizes, sometimes, specialValues, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { divide, exact, extremum, type Real, sum } from "../real.ts";
import type { Subject } from "../subject.ts";

export interface PoolAxis {
  readonly size: number;
  readonly window: number;
  readonly stride: number;
  readonly padding: [number, number];
}

interface PoolCase {
  readonly batch: number;
  readonly axes: PoolAxis[];
  readonly channels: number;
  readonly values: "usual" | "ties" | "special";
  readonly seed: number;
}

const outputOf = ({ size, window, stride, padding }: PoolAxis): number =>
  Math.max(0, Math.floor((size + padding[0] + padding[1] - window) / stride) + 1);
/** Windows fit, or there is nothing that they could miss. */
export const valid = (axes: readonly PoolAxis[]): boolean =>
  axes.every((each) => outputOf(each) >= 1 || each.size === 0);

const axis = (most: number): fc.Arbitrary<PoolAxis> =>
  fc
    .record({ size: sizes(most), window: fc.integer({ min: 1, max: 5 }), stride: fc.constantFrom(1, 1, 2, 2, 3, 4) })
    .chain((given) =>
      fc.tuple(fc.nat(given.window - 1), fc.nat(given.window - 1), fc.boolean()).map(([before, after, padded]) => ({
        ...given,
        padding: (padded ? [before, after] : [0, 0]) as [number, number],
      })),
    );

const cases: fc.Arbitrary<PoolCase> = fc
  .record({
    batch: fc.constantFrom(1, 1, 2, 3, 0),
    axes: fc.oneof(
      fc.tuple(axis(15)) as fc.Arbitrary<PoolAxis[]>,
      fc.tuple(axis(9), axis(11)) as fc.Arbitrary<PoolAxis[]>,
      fc.tuple(axis(9), axis(11)) as fc.Arbitrary<PoolAxis[]>,
      fc.tuple(axis(4), axis(4), axis(5)) as fc.Arbitrary<PoolAxis[]>,
    ),
    channels: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(8, 16, 17, 33)),
    values: fc.constantFrom<PoolCase["values"]>("usual", "ties", "special"),
    seed: seeds,
  })
  .filter(
    ({ batch, axes, channels, seed }) =>
      axes.reduce((product, each) => product * Math.max(1, outputOf(each)) * each.window, batch * channels) <= 12_000 &&
      (valid(axes) || seed % 16 === 0),
  );

/** The cells of each window that lie inside, and what `fold` makes of them. */
export function pooled(x: RealArray, axes: readonly PoolAxis[], fold: (cells: readonly Real[]) => Real): RealArray {
  const cells = positionsOf(axes.map(({ window }) => window));
  return build([x.shape[0] as number, ...axes.map(outputOf), x.shape.at(-1) as number], (position) => {
    const inside: Real[] = [];
    for (const cell of cells) {
      const place = axes.map(
        ({ stride, padding }, index) => (position[index + 1] as number) * stride + (cell[index] as number) - padding[0],
      );
      if (place.every((each, index) => each >= 0 && each < (axes[index] as PoolAxis).size))
        inside.push(at(x, [position[0] as number, ...place, position.at(-1) as number]));
    }
    return fold(inside);
  });
}

export const largest = (cells: readonly Real[]): Real =>
  cells.length === 0 ? exact(Number.NEGATIVE_INFINITY) : extremum(cells, (a, b) => a > b, "first");
export const average = (cells: readonly Real[]): Real =>
  cells.length === 0 ? exact(Number.NaN) : divide(sum(cells), exact(cells.length));

const draws: Readonly<Record<PoolCase["values"], Draw>> = {
  usual: sometimes([0], 0.05, within(-3, 3)),
  ties: whole(-2, 2),
  special: sometimes(specialValues.slice(0, 5), 0.1, within(-3, 3)),
};

function pooling(
  name: string,
  call: (x: SymbolicTensor, options: Parameters<typeof ops.maxPool>[1]) => SymbolicTensor,
  fold: (cells: readonly Real[]) => Real,
  given: fc.Arbitrary<PoolCase> = cases,
): Subject {
  return op<PoolCase>({
    name,
    cases: given,
    inputs: ({ batch, axes, channels, values }) => [
      { shape: [batch, ...axes.map(({ size }) => size), channels], draw: draws[values] },
    ],
    call: ({ axes }, x) =>
      call(x as SymbolicTensor, {
        poolSize: axes.map(({ window }) => window),
        strides: axes.map(({ stride }) => stride),
        padding: axes.map(({ padding }) => padding),
      }),
    reference: ({ axes }, x) => (valid(axes) ? pooled(x as RealArray, axes, fold) : undefined),
    gradient: ({ values }) => values !== "special",
  });
}

/** Windows of more cells than one float32 sum takes. */
const longCases: fc.Arbitrary<PoolCase> = fc
  .record({
    window: fc.constantFrom(1023, 1024, 1025, 1100, 2049),
    more: fc.nat(3),
    channels: fc.constantFrom(1, 3, 4, 17),
    seed: seeds,
  })
  .map(({ window, more, channels, seed }) => ({
    batch: 1,
    axes: [{ size: window + more, window, stride: 1, padding: [0, 0] }],
    channels,
    values: "usual",
    seed,
  }));

export const poolSubjects: readonly Subject[] = [
  pooling("maxPool", (x, options) => ops.maxPool(x, options), largest),
  pooling("averagePool", (x, options) => ops.averagePool(x, options), average),
  pooling("averagePool, long windows", (x, options) => ops.averagePool(x, options), average, longCases),
];
