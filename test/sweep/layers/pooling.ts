// Pooling layers: windows, windows of a given number, everything at once.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import type { Layer } from "../../../bindings/layers/layer.ts";
import { at, build, type RealArray } from "../array.ts";
import { type Draw, seeds, sizes, whole, within } from "../draw.ts";
import { layer } from "../layer.ts";
import { average, largest, type PoolAxis, pooled, valid } from "../ops/pool.ts";
import { mean, reduced } from "../ops/reductions.ts";
import { divide, dot, exact, extremum, multiply, type Real, rounded, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import { brief, channelsLast, type Format, formats, inLayout, shapeIn } from "./layout.ts";

type Rank = 1 | 2 | 3;
const ranks: readonly Rank[] = [1, 2, 3];
type Fold = "Max" | "Average";
const folds: readonly Fold[] = ["Max", "Average"];
const makers = layers as unknown as Readonly<Record<string, (options: object) => Layer>>;
const make = (name: string, options: object): Layer => (makers[name] as (options: object) => Layer)(options);
const factory = (before: string, fold: Fold, rank: Rank): string => {
  const name = `${before}${fold}Pooling${rank}D`;
  return `${(name[0] as string).toLowerCase()}${name.slice(1)}`;
};

interface CellsCase {
  readonly batch: number;
  readonly channels: number;
  readonly format: Format;
  readonly ties: boolean;
  readonly seed: number;
}
const cells = {
  batch: fc.constantFrom(1, 1, 2, 3, 0),
  channels: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 5 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 8, 17) },
  ),
  format: formats,
  ties: fc.boolean(),
  seed: seeds,
};
const drawOf = ({ ties }: CellsCase): Draw => (ties ? whole(-2, 2) : within(-3, 3));
const most = (rank: Rank): number => [15, 8, 4][rank - 1] as number;

// Windows -------------------------------------------------------------------------------------------------------------

interface WindowCase extends CellsCase {
  readonly axes: { readonly size: number; readonly window: number; readonly stride: number }[];
  /** Whether strides are left out: they are those of the windows. */
  readonly disjoint: boolean;
  readonly padding: "valid" | "same";
}

function axesOf({ axes, disjoint, padding }: WindowCase): PoolAxis[] {
  return axes.map(({ size, window, stride: given }) => {
    const stride = disjoint ? window : given;
    const total = padding === "same" ? Math.max((Math.ceil(size / stride) - 1) * stride + window - size, 0) : 0;
    const before = Math.floor(total / 2);
    return { size, window, stride, padding: [before, total - before] as [number, number] };
  });
}

function windows(fold: Fold, rank: Rank): Subject {
  const name = factory("", fold, rank);
  const axis = fc.record({
    size: sizes(most(rank)),
    window: fc.integer({ min: 1, max: 4 }),
    stride: fc.constantFrom(1, 1, 2, 2, 3, 5),
  });
  return layer<WindowCase>({
    name,
    cases: fc
      .record({
        ...cells,
        axes: fc.array(axis, { minLength: rank, maxLength: rank }),
        disjoint: fc.boolean(),
        padding: fc.constantFrom<WindowCase["padding"]>("valid", "same"),
      })
      .filter((given) => valid(axesOf(given)) || given.seed % 8 === 0),
    make: ({ axes, disjoint, padding, format, seed }) =>
      make(name, {
        poolSize: brief(
          axes.map(({ window }) => window),
          seed,
        ),
        ...(disjoint
          ? {}
          : {
              strides: brief(
                axes.map(({ stride }) => stride),
                seed,
              ),
            }),
        padding,
        dataFormat: format,
      }),
    inputs: (given) => [
      {
        shape: shapeIn(
          given.format,
          given.batch,
          given.axes.map(({ size }) => size),
          given.channels,
        ),
        draw: drawOf(given),
      },
    ],
    refuses: (given) => !valid(axesOf(given)),
    reference: (given, [x]) =>
      inLayout(x as RealArray, given.format, (each) => pooled(each, axesOf(given), fold === "Max" ? largest : average)),
  });
}

// A number of windows -------------------------------------------------------------------------------------------------

interface AdaptiveCase extends CellsCase {
  readonly sizes: number[];
  readonly output: number[];
}

/** Window i of `count` begins at ⌊i · size / count⌋ and ends before ⌈(i + 1) · size / count⌉, as in PyTorch. */
function windowOf(index: number, size: number, count: number): number[] {
  const begin = Math.floor((index * size) / count);
  const end = Math.ceil(((index + 1) * size) / count);
  return Array.from({ length: end - begin }, (_, cell) => begin + cell);
}

/** What `fold` makes of each window of one axis. */
function foldAlong(x: RealArray, axis: number, count: number, fold: (cells: readonly Real[]) => Real): RealArray {
  const size = x.shape[axis] as number;
  return build(x.shape.with(axis, count), (position) =>
    fold(windowOf(position[axis] as number, size, count).map((cell) => at(x, position.with(axis, cell)))),
  );
}

/** The maximum of a window, with the gradient to the first of equal cells. */
function adaptiveMaximum(x: RealArray, output: readonly number[]): RealArray {
  return build([x.shape[0] as number, ...output, x.shape.at(-1) as number], (position) => {
    const found = output
      .map((count, axis) => windowOf(position[axis + 1] as number, x.shape[axis + 1] as number, count))
      .reduce<number[][]>((places, window) => places.flatMap((place) => window.map((cell) => [...place, cell])), [[]])
      .map((place) => at(x, [position[0] as number, ...place, position.at(-1) as number]));
    return extremum(found, (a, b) => a > b, "first");
  });
}

/** Averages axis by axis: that of a block is the average of its averages. */
function adaptiveAverage(x: RealArray, output: readonly number[]): RealArray {
  return output.reduce(
    (each, count, axis) =>
      foldAlong(each, axis + 1, count, (found) =>
        dot(
          found,
          found.map(() => rounded(1 / found.length)),
        ),
      ),
    x,
  );
}

function adaptive(fold: Fold, rank: Rank): Subject {
  const name = factory("Adaptive", fold, rank);
  return layer<AdaptiveCase>({
    name,
    cases: fc
      .record({
        ...cells,
        sizes: fc.array(
          sizes(most(rank)).filter((size) => size > 0),
          { minLength: rank, maxLength: rank },
        ),
        output: fc.array(fc.integer({ min: 1, max: [9, 5, 4][rank - 1] as number }), {
          minLength: rank,
          maxLength: rank,
        }),
      })
      .map((given) => (given.seed % 16 === 0 ? { ...given, sizes: given.sizes.with(0, 0) } : given)),
    make: ({ output, format, seed }) => make(name, { outputSize: brief(output, seed), dataFormat: format }),
    inputs: (given) => [
      { shape: shapeIn(given.format, given.batch, given.sizes, given.channels), draw: drawOf(given) },
    ],
    // Windows of nothing, unless there are no windows.
    refuses: ({ sizes: all, batch, channels }) => all.includes(0) && batch * channels > 0,
    reference: ({ output, format }, [x]) =>
      inLayout(x as RealArray, format, (each) =>
        fold === "Max" ? adaptiveMaximum(each, output) : adaptiveAverage(each, output),
      ),
    // An average may also be one division of one sum: another order of as many roundings.
    slack: 2,
  });
}

// Everything ----------------------------------------------------------------------------------------------------------

interface GlobalCase extends CellsCase {
  readonly sizes: number[];
  readonly keepdims: boolean | undefined;
  readonly masked: boolean;
}

/** The average over the steps that count. */
function maskedAverage(x: RealArray, mask: RealArray, keepdims: boolean): RealArray {
  const [batch, steps, channels] = x.shape as [number, number, number];
  return build(keepdims ? [batch, 1, channels] : [batch, channels], (position) => {
    const [sample, channel] = [position[0] as number, position.at(-1) as number];
    const counts = Array.from({ length: steps }, (_, step) => at(mask, [sample, step]));
    const counted = counts.map((count, step) => multiply(at(x, [sample, step, channel]), count));
    // 0 where no step counts.
    return divide(
      sum(counted),
      exact(
        Math.max(
          1,
          counts.reduce((total, { value }) => total + value, 0),
        ),
      ),
    );
  });
}

function everything(fold: Fold, rank: Rank): Subject {
  const name = factory("Global", fold, rank);
  const takesMask = fold === "Average" && rank === 1;
  const spatial = Array.from({ length: rank }, (_, axis) => axis + 1);
  // There is no largest of nothing, and a mask that has no effect is refused.
  const refuses = ({ sizes: all, masked }: GlobalCase): boolean =>
    (fold === "Max" && all.includes(0)) || (masked && !takesMask);
  return layer<GlobalCase>({
    name,
    cases: fc
      .record({
        ...cells,
        sizes: fc.array(sizes(most(rank)), { minLength: rank, maxLength: rank }),
        keepdims: fc.constantFrom(undefined, true, false),
        masked: rank === 1 ? fc.boolean() : fc.constant(false),
      })
      .filter((given) => !refuses(given) || given.seed % 8 === 0),
    make: ({ keepdims, format }) => make(name, { ...(keepdims === undefined ? {} : { keepdims }), dataFormat: format }),
    masked: ({ masked }) => masked,
    inputs: (given) => [
      { shape: shapeIn(given.format, given.batch, given.sizes, given.channels), draw: drawOf(given) },
      ...(given.masked ? [{ shape: [given.batch, ...given.sizes], dtype: "bool" as const }] : []),
    ],
    refuses,
    reference: ({ keepdims = false, format }, [x, mask]) => {
      // Without the spatial axes there is nothing to move.
      const of = (each: RealArray): RealArray =>
        mask !== undefined
          ? maskedAverage(each, mask, keepdims)
          : reduced(each, { axes: spatial, keepDims: keepdims }, (found) =>
              fold === "Max" ? extremum(found, (a, b) => a > b, "equal") : mean(found),
            );
      return keepdims ? inLayout(x as RealArray, format, of) : of(channelsLast(x as RealArray, format));
    },
  });
}

export const poolingSubjects: readonly Subject[] = folds.flatMap((fold) =>
  ranks.flatMap((rank) => [windows(fold, rank), adaptive(fold, rank), everything(fold, rank)]),
);
