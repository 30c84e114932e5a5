// Layers that prepare data: scaling, categories and ranges of numbers.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import { type DType, type Tensor, tensor } from "../../../bindings/tensor.ts";
import { generator } from "../../harness/random.ts";
import { at, broadcastAt, build, elementwise, fromTensor, positionsOf, type RealArray, sizeOf } from "../array.ts";
import { type Draw, seeds, shapes, sizes, sometimes, tensorOf, whole, within } from "../draw.ts";
import { layer } from "../layer.ts";
import { mean, root, variance } from "../ops/reductions.ts";
import { add, divide, exact, extremum, multiply, type Real, rounded, subtract, sum } from "../real.ts";
import type { Subject } from "../subject.ts";

const resolved = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const asList = (given: number | readonly number[]): readonly number[] => [given].flat() as readonly number[];

interface RescalingCase {
  readonly shape: number[];
  readonly dtype: DType;
  /** Entries of the last axis, or one number for all. */
  readonly scale: number | number[];
  readonly offset: number | number[] | undefined;
  readonly seed: number;
}

const factors = fc.constantFrom(1 / 255, 1 / 127.5, -1, 0, 3.5);
/** One number, or one for each entry of the last axis. */
const perEntry = (count: number, each: fc.Arbitrary<number>): fc.Arbitrary<number | number[]> =>
  count === 0 ? each : fc.oneof(each, fc.array(each, { minLength: count, maxLength: count }));

const rescaling = layer<RescalingCase>({
  name: "rescaling",
  cases: shapes({ min: 2, max: 4 }, 9, 300).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      dtype: fc.constantFrom<DType>("float32", "float32", "uint8", "int32", "bool"),
      scale: perEntry(shape.at(-1) as number, factors),
      offset: fc.option(perEntry(shape.at(-1) as number, fc.constantFrom(-1, 0.3, 7)), { nil: undefined }),
      seed: seeds,
    }),
  ),
  make: ({ scale, offset }) => layers.rescaling({ scale, ...(offset === undefined ? {} : { offset }) }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  reference: ({ scale, offset = 0 }, [x]) => {
    const [factor, shift] = [scale, offset].map((given) => {
      const list = asList(given);
      return build(typeof given === "number" ? [] : [list.length], (_, index) => rounded(list[index] as number));
    });
    return elementwise(
      (each, a, b) => add(multiply(each as Real, a as Real), b as Real),
      [x as RealArray, factor as RealArray, shift as RealArray],
      "float32",
    );
  },
});

interface NormalizationCase {
  readonly shape: number[];
  /** Samples that are adapted to; undefined: mean and variance are given as options. */
  readonly samples: number | undefined;
  readonly axes: number[] | null;
  readonly invert: boolean;
  /** Whether all values that are adapted to are alike. */
  readonly constant: boolean;
  readonly dtype: DType;
  readonly seed: number;
}

/** What a layer is adapted to. */
function dataOf({ shape, samples, constant, seed }: NormalizationCase): Tensor {
  const next = generator(seed ^ 0x1234567);
  return tensorOf({ shape: [samples as number, ...shape.slice(1)], draw: constant ? () => 3 : within(-4, 9) }, next);
}

/** Mean and variance as options, one for each entry of the axes. */
function givenMoments({ shape, axes, seed }: NormalizationCase): { mean: number[]; variance: number[] } {
  const next = generator(seed ^ 0x7654321);
  const count = sizeOf((axes ?? []).map((axis) => shape[resolved(axis, shape.length)] as number));
  return {
    mean: Array.from({ length: count }, () => Math.fround(4 * next() - 2)),
    variance: Array.from({ length: count }, () => (next() < 0.1 ? 0 : Math.fround(3 * next()))),
  };
}

/** The shape of mean and variance, broadcasting against data of `shape`. */
const keptShape = (shape: readonly number[], axes: readonly number[] | null): number[] => {
  const kept = new Set((axes ?? []).map((axis) => resolved(axis, shape.length)));
  return shape.map((size, axis) => (kept.has(axis) ? size : 1));
};

const normalization = layer<NormalizationCase>({
  name: "normalization",
  cases: shapes({ min: 2, max: 4 }, 6, 150)
    .filter((shape) => sizeOf(shape.slice(1)) > 0)
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        samples: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
        axes: fc.oneof(
          fc.constant<number[]>([-1]),
          fc.constantFrom<number[] | null>(null, []),
          fc
            .tuple(fc.subarray([...shape.keys()].slice(1)), fc.boolean())
            .map(([axes, negative]) => axes.map((axis) => (negative ? axis - shape.length : axis))),
        ),
        invert: fc.boolean(),
        constant: fc.integer({ min: 0, max: 7 }).map((each) => each === 0),
        dtype: fc.constantFrom<DType>("float32", "float32", "uint8", "int32"),
        seed: seeds,
      }),
    ),
  keepsWeights: true,
  make: (given) => {
    const { axes, invert, samples } = given;
    const made = layers.normalization({ axis: axes, invert, ...(samples === undefined ? givenMoments(given) : {}) });
    if (samples !== undefined) made.adapt(dataOf(given));
    return made;
  },
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  reference: (given, [x]) => {
    const { shape, axes, invert, samples } = given;
    const kept = keptShape(shape, axes);
    const moments = (): readonly [RealArray, RealArray] => {
      if (samples === undefined) {
        const options = givenMoments(given);
        return [
          build(kept, (_, index) => rounded(options.mean[index] as number)),
          build(kept, (_, index) => rounded(options.variance[index] as number)),
        ];
      }
      const data = fromTensor(dataOf(given));
      const groups: Real[][] = Array.from({ length: sizeOf(kept) }, () => []);
      const places = positionsOf(kept).map((position) => position.slice(1).join());
      positionsOf(data.shape).forEach((position, index) => {
        const place = position.slice(1).map((each, axis) => (kept[axis + 1] === 1 ? 0 : each));
        (groups[places.indexOf(place.join())] as Real[]).push(data.data[index] as Real);
      });
      return [
        build(kept, (_, index) => mean(groups[index] as Real[])),
        build(kept, (_, index) => variance(groups[index] as Real[])),
      ];
    };
    const [means, variances] = moments();
    const deviations = build(kept, (_, index) =>
      extremum([root(variances.data[index] as Real), rounded(1e-7)], (a, b) => a > b, "first"),
    );
    return build(shape, (position, index) => {
      const each = (x as RealArray).data[index] as Real;
      const [centre, deviation] = [broadcastAt(means, position), broadcastAt(deviations, position)];
      return invert ? add(multiply(each, deviation), centre) : divide(subtract(each, centre), deviation);
    });
  },
});

type Output = "int" | "oneHot" | "multiHot" | "count";

/** Vectors of zeros and ones, or of how often each number occurs. */
function encoded(x: RealArray, count: number, output: Output, weights: RealArray | undefined): RealArray {
  const rank = x.shape.length;
  if (output === "oneHot") {
    const shape = rank > 1 && x.shape.at(-1) === 1 ? x.shape.slice(0, -1) : x.shape;
    return build([...shape, count], (position, index) =>
      exact((x.data[Math.floor(index / count)] as Real).value === position.at(-1) ? 1 : 0),
    );
  }
  const outer = rank === 1 ? x.shape : x.shape.slice(0, -1);
  const values = rank === 1 ? 1 : (x.shape.at(-1) as number);
  return build([...outer, count], (position, index) => {
    const row = Math.floor(index / count);
    const places = Array.from({ length: values }, (_, value) => row * values + value).filter(
      (place) => (x.data[place] as Real).value === position.at(-1),
    );
    if (output === "multiHot") return exact(places.length > 0 ? 1 : 0);
    return weights === undefined
      ? exact(places.length)
      : sum(places.map((place) => asFloat(weights.data[place] as Real)));
  });
}

const asFloat = (x: Real): Real => (Math.fround(x.value) === x.value ? x : rounded(x.value));

interface EncodingCase {
  readonly shape: number[];
  readonly numTokens: number;
  readonly outputMode: Exclude<Output, "int">;
  readonly dtype: DType;
  readonly weighted: boolean;
  readonly weightDtype: DType;
  /** Whether there is a number that is no category. */
  readonly outOfRange: boolean;
  readonly seed: number;
}

const takesWeights = ({ weighted, outputMode }: EncodingCase): boolean => weighted && outputMode === "count";

const categoryEncoding = layer<EncodingCase>({
  name: "categoryEncoding",
  cases: fc.record({
    shape: shapes({ min: 1, max: 3 }, 9, 60),
    numTokens: sizes(20, 1),
    outputMode: fc.constantFrom<EncodingCase["outputMode"]>("oneHot", "multiHot", "count", "count"),
    dtype: fc.constantFrom<DType>("int32", "int32", "uint8", "float32"),
    weighted: fc.boolean(),
    weightDtype: fc.constantFrom<DType>("float32", "float32", "int32"),
    outOfRange: fc.integer({ min: 0, max: 9 }).map((each) => each === 0),
    seed: seeds,
  }),
  make: ({ numTokens, outputMode }) => layers.categoryEncoding({ numTokens, outputMode }),
  inputs: (given) => {
    const { shape, numTokens, dtype, outOfRange } = given;
    let index = 0;
    const draw: Draw = (next) =>
      outOfRange && index++ === 0
        ? dtype === "uint8" || next() < 0.5
          ? numTokens
          : -1
        : whole(0, numTokens - 1)(next);
    return [{ shape, dtype, draw }, ...(takesWeights(given) ? [{ shape, dtype: given.weightDtype }] : [])];
  },
  refuses: ({ outOfRange, shape }) => outOfRange && sizeOf(shape) > 0,
  // Categories are data: only weights have a gradient.
  reference: (given, [x, weights]) => encoded(x as RealArray, given.numTokens, given.outputMode, weights),
});

interface DiscretizationCase {
  readonly shape: number[];
  readonly binBoundaries: number[];
  /** Instead of boundaries, how many ranges are adapted to data of so many values. */
  readonly adapted: { readonly numBins: number; readonly count: number } | undefined;
  readonly outputMode: Output;
  readonly dtype: DType;
  readonly seed: number;
}

function adaptedTo({ adapted, seed }: DiscretizationCase): Tensor {
  const next = generator(seed ^ 0x2468);
  return tensor(Float32Array.from({ length: adapted?.count ?? 0 }, () => Math.round(40 * next()) / 4 - 5));
}

/** So many values are in each range, as nearly as ties and the count allow. */
function boundariesOf(given: DiscretizationCase): number[] {
  const { adapted, binBoundaries } = given;
  if (adapted === undefined) return binBoundaries.map(Math.fround);
  const sorted = Array.from(adaptedTo(given).data).sort((a, b) => a - b);
  return Array.from(
    { length: adapted.numBins - 1 },
    (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / adapted.numBins)] as number,
  );
}

const discretization = layer<DiscretizationCase>({
  name: "discretization",
  cases: fc.record({
    shape: shapes({ min: 1, max: 3 }, 9, 60),
    binBoundaries: fc
      .uniqueArray(fc.constantFrom(-5, -2.5, -1, 0, 0.1, 1, 2, 3.75, 100), { minLength: 1, maxLength: 7 })
      .map((list) => [...list].sort((a, b) => a - b)),
    adapted: fc.option(fc.record({ numBins: fc.integer({ min: 2, max: 6 }), count: fc.integer({ min: 1, max: 30 }) }), {
      nil: undefined,
      freq: 2,
    }),
    outputMode: fc.constantFrom<Output>("int", "int", "oneHot", "multiHot", "count"),
    dtype: fc.constantFrom<DType>("float32", "float32", "int32", "uint8"),
    seed: seeds,
  }),
  keepsWeights: true,
  make: (given) => {
    const { adapted, binBoundaries, outputMode } = given;
    if (adapted === undefined) return layers.discretization({ binBoundaries, outputMode });
    const made = layers.discretization({ numBins: adapted.numBins, outputMode });
    made.adapt(adaptedTo(given));
    return made;
  },
  inputs: (given) => [
    {
      shape: given.shape,
      dtype: given.dtype,
      ...(given.dtype === "float32"
        ? {
            draw: sometimes(
              [...boundariesOf(given), Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0],
              0.4,
              within(-6, 6),
            ),
          }
        : {}),
    },
  ],
  reference: (given, [x]) => {
    const boundaries = boundariesOf(given);
    // NaN sorts behind all numbers, as in numpy.digitize.
    const bins = build(
      given.shape,
      (position) => {
        const { value } = at(x as RealArray, position);
        return exact(boundaries.filter((boundary) => !(value < boundary)).length);
      },
      "int32",
    );
    return given.outputMode === "int" ? bins : encoded(bins, boundaries.length + 1, given.outputMode, undefined);
  },
});

export const preprocessingSubjects: readonly Subject[] = [rescaling, normalization, categoryEncoding, discretization];
