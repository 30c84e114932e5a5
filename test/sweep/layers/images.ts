// Batches of images and the layers that change them in training: what their subjects share.

import fc from "fast-check";
import type { Layer } from "../../../bindings/layers/layer.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, type RealArray } from "../array.ts";
import { seeds, sizes, within } from "../draw.ts";
import { layer } from "../layer.ts";
import type { Real } from "../real.ts";
import type { Subject } from "../subject.ts";
import { Drawing, fixedSeeds } from "./drawing.ts";

export type Pair = readonly [number, number];

export interface ImageCase {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly channelsFirst: boolean;
  readonly training: boolean;
  readonly dtype: DType;
  readonly range: Pair;
  readonly fixed: number | null;
  readonly seed: number;
}

export const mostly: fc.Arbitrary<boolean> = fc.integer({ min: 0, max: 5 }).map((each) => each > 0);
export const imageCases: fc.Arbitrary<ImageCase> = fc.record({
  batch: sizes(4),
  rows: sizes(7),
  columns: sizes(7),
  channels: fc.constantFrom(0, 1, 1, 2, 3, 4, 5),
  channelsFirst: fc.boolean(),
  training: mostly,
  dtype: fc.constantFrom<DType>("float32", "float32", "float32", "uint8"),
  range: fc.constantFrom<Pair>([0, 255], [-1, 1]),
  fixed: fixedSeeds,
  seed: seeds,
});
export const withOptions = <T extends object>(options: fc.Arbitrary<T>): fc.Arbitrary<ImageCase & T> =>
  fc.tuple(imageCases, options).map(([images, own]) => ({ ...images, ...own }));

export const shapeOf = ({ batch, rows, columns, channels, channelsFirst }: ImageCase): number[] =>
  channelsFirst ? [batch, channels, rows, columns] : [batch, rows, columns, channels];

/** A place in an image. */
export type Place = readonly [image: number, row: number, column: number, channel: number];
const placeOf = ({ channelsFirst }: ImageCase, position: readonly number[]): Place => {
  const [image, a, b, c] = position as [number, number, number, number];
  return channelsFirst ? [image, b, c, a] : [image, a, b, c];
};
export const pixel = ({ channelsFirst }: ImageCase, x: RealArray, [image, row, column, channel]: Place): Real =>
  at(x, channelsFirst ? [image, channel, row, column] : [image, row, column, channel]);

/** New images, whose pixels are `pixelAt`. */
const picture = (given: ImageCase, size: Pair, pixelAt: (place: Place) => Real): RealArray =>
  build(shapeOf({ ...given, rows: size[0], columns: size[1] }), (position) => pixelAt(placeOf(given, position)));

interface Augmentation<C extends ImageCase> {
  readonly name: string;
  readonly cases: fc.Arbitrary<C>;
  readonly make: (given: C) => Layer;
  /** The pixels of the result in training. */
  readonly pixels: (given: C, x: RealArray, drawing: Drawing) => (place: Place) => Real;
  /** Of the result. Default those of the images. */
  readonly size?: (given: C) => Pair;
  /** Default: the image as it is. */
  readonly otherwise?: (given: C, x: RealArray) => (place: Place) => Real;
  readonly refuses?: (given: C) => boolean;
}

export function augmentation<C extends ImageCase>(of: Augmentation<C>): Subject {
  return layer<C>({
    name: of.name,
    cases: of.cases,
    make: of.make,
    inputs: (given) => [
      {
        shape: shapeOf(given),
        dtype: given.dtype,
        ...(given.dtype === "float32" ? { draw: within(...given.range) } : {}),
      },
    ],
    training: ({ training }) => training,
    ...(of.refuses === undefined ? {} : { refuses: of.refuses }),
    reference: (given, [x]) => {
      const source = x as RealArray;
      const size = of.size?.(given) ?? [given.rows, given.columns];
      if (given.training) return picture(given, size, of.pixels(given, source, new Drawing(given.fixed, given.seed)));
      return picture(given, size, of.otherwise?.(given, source) ?? ((place) => pixel(given, source, place)));
    },
  });
}

export function optionsOf({ fixed, channelsFirst }: ImageCase): {
  readonly seed: number | null;
  readonly dataFormat: "channelsFirst" | "channelsLast";
} {
  return { seed: fixed, dataFormat: channelsFirst ? "channelsFirst" : "channelsLast" };
}

/** Pairs in order. */
export const range = (low: number, high: number): fc.Arbitrary<Pair> =>
  fc
    .tuple(fc.double({ min: low, max: high, noNaN: true }), fc.double({ min: low, max: high, noNaN: true }))
    .map(([a, b]): Pair => [Math.min(a, b), Math.max(a, b)]);
