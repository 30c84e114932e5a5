// Layers that disturb training and do nothing otherwise: what they drop follows from seed, step and place alone.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import type { Layer } from "../../../bindings/layers/layer.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { broadcastAt, build, type RealArray, sizeOf } from "../array.ts";
import { seeds, shapes } from "../draw.ts";
import { layer } from "../layer.ts";
import { add, exact, multiply, type Real, rounded } from "../real.ts";
import type { Subject } from "../subject.ts";
import { Drawing, fixedSeeds } from "./drawing.ts";

interface DropCase {
  readonly shape: number[];
  readonly rate: number;
  /** Axes that are dropped together; null in the option where `asNull`. */
  readonly noiseShape: (number | null)[] | null;
  readonly channelsFirst: boolean;
  readonly training: boolean;
  readonly dtype: DType;
  readonly fixed: number | null;
  readonly seed: number;
}

const rates = fc.constantFrom(0, 0.1, 0.3, 0.5, 0.75, 0.999, 1 - 2 ** -24);

const cases = (rank: { min: number; max: number }): fc.Arbitrary<DropCase> =>
  shapes(rank, 9, 300).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      rate: rates,
      noiseShape: fc.option(
        fc
          .tuple(...shape.map((size) => fc.constantFrom<(number | null)[]>(null, size, size, 1)))
          .map((each) => [...each]),
        { nil: null, freq: 2 },
      ),
      channelsFirst: fc.boolean(),
      training: fc.integer({ min: 0, max: 4 }).map((each) => each > 0),
      dtype: fc.constantFrom<DType>("float32", "float32", "float32", "int32"),
      fixed: fixedSeeds,
      seed: seeds,
    }),
  );

/** What stays as float32 has it. */
const asIs = (x: RealArray): RealArray => build(x.shape, (_, index) => x.data[index] as Real);

/** A mask of a shape that broadcasts: which values are kept. */
function kept(shape: readonly number[], rate: number, drawing: Drawing): RealArray {
  const uniform = drawing.uniform(sizeOf(shape));
  return build(shape, (_, index) => exact((uniform[index] as number) >= Math.fround(rate) ? 1 : 0));
}

/** 1 for axes that are dropped together. */
type MaskShape = (given: DropCase) => readonly number[];
const ownNoise: MaskShape = ({ shape, noiseShape }) =>
  noiseShape?.map((size, axis) => size ?? (shape[axis] as number)) ?? shape;

/** Dropped, or scaled by the float32 next to 1 / (1 − rate), exactly once. */
function dropped(given: DropCase, x: RealArray, shape: readonly number[]): RealArray {
  if (!given.training || given.rate === 0) return asIs(x);
  const mask = kept(shape, given.rate, new Drawing(given.fixed, given.seed));
  const factor = given.rate === 1 ? 0 : 1 / (1 - given.rate);
  return build(x.shape, (position, index) =>
    broadcastAt(mask, position).value === 1 ? multiply(x.data[index] as Real, exact(Math.fround(factor))) : exact(0),
  );
}

/** Whether noise of this shape cannot fit. */
const fits = ({ shape, noiseShape, rate, training }: DropCase): boolean =>
  noiseShape === null ||
  !training ||
  rate === 0 ||
  noiseShape.every((size, axis) => size === null || size === 1 || size === shape[axis]);

/** Sizes of noise must be positive. */
const hasEmptyNoise = ({ noiseShape }: DropCase): boolean => noiseShape?.includes(0) === true;

const dropout = layer<DropCase>({
  name: "dropout",
  cases: cases({ min: 1, max: 4 }).chain((given) => fc.constantFrom(given, given, given, { ...given, rate: 1 })),
  make: ({ rate, noiseShape, fixed }) => layers.dropout({ rate, noiseShape, seed: fixed }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  training: ({ training }) => training,
  refuses: (given) => hasEmptyNoise(given) || !fits(given),
  reference: (given, [x]) => dropped(given, x as RealArray, ownNoise(given)),
});

function spatial(rank: 1 | 2 | 3, make: (given: DropCase) => Layer): Subject {
  return layer<DropCase>({
    name: `spatialDropout${rank}D`,
    cases: cases({ min: rank + 2, max: rank + 2 }),
    make,
    inputs: ({ shape, dtype }) => [{ shape, dtype }],
    training: ({ training }) => training,
    reference: (given, [x]) => {
      const channels = rank > 1 && given.channelsFirst ? 1 : rank + 1;
      const shape = given.shape.map((size, axis) => (axis === 0 || axis === channels ? size : 1));
      return dropped(given, x as RealArray, shape);
    },
  });
}

const formatOf = ({ channelsFirst }: DropCase) =>
  ({ dataFormat: channelsFirst ? "channelsFirst" : "channelsLast" }) as const;

/** −λα: the limit of selu. */
const limit = -1.0507009873554805 * 1.6732632423543772;

const alphaDropout = layer<DropCase>({
  name: "alphaDropout",
  cases: cases({ min: 1, max: 4 }),
  make: ({ rate, noiseShape, fixed }) => layers.alphaDropout({ rate, noiseShape, seed: fixed }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  training: ({ training }) => training,
  refuses: (given) => hasEmptyNoise(given) || !fits(given),
  reference: (given, [x]) => {
    const { rate, fixed, seed, training } = given;
    const source = x as RealArray;
    if (!training || rate === 0) return asIs(source);
    const mask = kept(ownNoise(given), rate, new Drawing(fixed, seed));
    const a = ((1 - rate) * (1 + rate * limit ** 2)) ** -0.5;
    const b = -a * limit * rate;
    return build(source.shape, (position, index) =>
      add(
        multiply(broadcastAt(mask, position).value === 1 ? (source.data[index] as Real) : rounded(limit), rounded(a)),
        rounded(b),
      ),
    );
  },
});

const gaussianDropout = layer<DropCase>({
  name: "gaussianDropout",
  cases: cases({ min: 1, max: 4 }),
  make: ({ rate, fixed }) => layers.gaussianDropout({ rate, seed: fixed }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  training: ({ training }) => training,
  reference: ({ rate, training, fixed, seed }, [x]) => {
    const source = x as RealArray;
    if (!training || rate === 0) return asIs(source);
    const noise = new Drawing(fixed, seed).normal(source.shape);
    const deviation = rounded(Math.sqrt(rate / (1 - rate)));
    return build(source.shape, (_, index) =>
      multiply(source.data[index] as Real, add(multiply(noise.data[index] as Real, deviation), exact(1))),
    );
  },
});

/** The rate of the case is the standard deviation. */
const gaussianNoise = layer<DropCase>({
  name: "gaussianNoise",
  cases: cases({ min: 1, max: 4 }),
  make: ({ rate, fixed }) => layers.gaussianNoise({ stddev: rate, seed: fixed }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  training: ({ training }) => training,
  reference: ({ rate, training, fixed, seed }, [x]) => {
    const source = x as RealArray;
    if (!training || rate === 0) return asIs(source);
    const noise = new Drawing(fixed, seed).normal(source.shape);
    return build(source.shape, (_, index) =>
      add(source.data[index] as Real, multiply(noise.data[index] as Real, rounded(rate))),
    );
  },
});

export const noiseSubjects: readonly Subject[] = [
  dropout,
  spatial(1, ({ rate, fixed }) => layers.spatialDropout1D({ rate, seed: fixed })),
  spatial(2, (given) => layers.spatialDropout2D({ rate: given.rate, seed: given.fixed, ...formatOf(given) })),
  spatial(3, (given) => layers.spatialDropout3D({ rate: given.rate, seed: given.fixed, ...formatOf(given) })),
  alphaDropout,
  gaussianDropout,
  gaussianNoise,
];
