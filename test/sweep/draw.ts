// Which numbers do the cases compute with? Functions of the case's seed.

import fc from "fast-check";
import type { DType, Shape } from "../../bindings/tensor.ts";
import { arrayType, sizeOf, Tensor } from "../../bindings/tensor.ts";
import { generator } from "../harness/random.ts";

/** How one element is drawn, from numbers in [0, 1). */
export type Draw = (next: () => number) => number;

/** An input of a case. */
export interface Drawn {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Default: ±2 for float32, −9 … 9 for int32, all of uint8 and bool. */
  readonly draw?: Draw;
}

/** A uniform number of [low, high). */
export const within =
  (low: number, high: number): Draw =>
  (next) =>
    low + (high - low) * next();

/** A whole number from low to high, both included. */
export const whole =
  (low: number, high: number): Draw =>
  (next) =>
    Math.floor(low + (high - low + 1) * next());

/** Of either sign and every magnitude of float32, subnormal numbers included. */
export const anyMagnitude: Draw = (next) => (next() < 0.5 ? -1 : 1) * 2 ** (-149 + 277 * next()) * (1 + next());

/** One of `values` in a share of the cases, else `otherwise`. */
export const sometimes =
  (values: readonly number[], share: number, otherwise: Draw): Draw =>
  (next) =>
    next() < share ? (values[Math.floor(next() * values.length)] as number) : otherwise(next);

export const specialValues: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  2 ** -149,
  -(2 ** -126),
  3.4028234663852886e38,
  -3.4028234663852886e38,
  0.5,
  16777216,
];

/** Special values among numbers of all magnitudes. */
export const special: Draw = sometimes(specialValues, 0.4, (next) =>
  next() < 0.5 ? anyMagnitude(next) : within(-20, 20)(next),
);

const usual: Readonly<Record<DType, Draw>> = {
  float32: within(-2, 2),
  int32: whole(-9, 9),
  uint8: whole(0, 255),
  bool: whole(0, 1),
};

/** The tensor that `drawn` stands for. */
export function tensorOf({ shape, dtype = "float32", draw = usual[dtype] }: Drawn, next: () => number): Tensor {
  const data = new (arrayType(dtype))(sizeOf(shape));
  for (let index = 0; index < data.length; index++) data[index] = draw(next);
  return Tensor.of(data, shape, dtype);
}

/** The tensors of a case. */
export function tensorsOf(inputs: readonly Drawn[], seed: number): Tensor[] {
  const next = generator(seed);
  return inputs.map((each) => tensorOf(each, next));
}

// Arbitraries ---------------------------------------------------------------------------------------------------------

/** Seeds do not shrink: another seed is another case. */
export const seeds: fc.Arbitrary<number> = fc.noShrink(fc.nat(0x7fffffff));

/** Sizes of an axis: often 0, 1, 2, sometimes around 4, 8, 16, 32. */
export function sizes(most = 9, least = 0): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: least, max: Math.min(most, 5) }) },
    { weight: 2, arbitrary: fc.integer({ min: least, max: most }) },
  );
}

/** Shapes of `rank` axes with at most `elements` elements. */
export function shapes(rank: { min?: number; max?: number } = {}, most = 9, elements = 600): fc.Arbitrary<number[]> {
  return fc
    .array(sizes(most), { minLength: rank.min ?? 0, maxLength: rank.max ?? 4, size: "max" })
    .filter((shape) => sizeOf(shape) <= elements);
}

/** Shapes of two operands that broadcast. */
export const broadcastingShapes: fc.Arbitrary<[number[], number[]]> = shapes({ max: 4 }, 7, 400).chain((shape) =>
  fc.tuple(keptOrOne(shape), keptOrOne(shape)),
);

function keptOrOne(shape: readonly number[]): fc.Arbitrary<number[]> {
  return fc
    .tuple(fc.nat(shape.length), fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }))
    .map(([skipped, kept]) =>
      shape
        .map((size, axis) => (kept[axis] === true || size === 0 ? size : 1))
        .slice(shape.length > 1 ? skipped % 2 : 0),
    );
}
