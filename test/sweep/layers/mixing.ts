// Layers that change colours, erase and mix images at random: recomputed from the numbers that they draw.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, type RealArray } from "../array.ts";
import { seeds, shapes, whole } from "../draw.ts";
import { layer } from "../layer.ts";
import { mean, root } from "../ops/reductions.ts";
import { add, choose, exact, extremum, isLess, multiply, type Real, rounded, subtract } from "../real.ts";
import type { Subject } from "../subject.ts";
import { Drawing, fixedSeeds } from "./drawing.ts";
import {
  augmentation,
  type ImageCase,
  mostly,
  optionsOf,
  type Pair,
  type Place,
  pixel,
  range,
  shapeOf,
  withOptions,
} from "./images.ts";

// Colours -------------------------------------------------------------------------------------------------------------

const clipped = (x: Real, [low, high]: Pair): Real =>
  extremum([extremum([x, exact(low)], (a, b) => a > b, "first"), exact(high)], (a, b) => a < b, "first");

interface ColourCase extends ImageCase {
  readonly factor: Pair;
}

const randomBrightness = augmentation<ColourCase>({
  name: "randomBrightness",
  cases: withOptions(fc.record({ factor: range(-1, 1) })),
  make: ({ factor, range: valueRange, fixed }) => layers.randomBrightness({ factor, valueRange, seed: fixed }),
  pixels: (given, x, drawing) => {
    const [low, high] = given.range;
    const added = drawing.between(given.batch, given.factor).map((each) => multiply(each, exact(high - low)));
    return (place) => clipped(add(pixel(given, x, place), added[place[0]] as Real), given.range);
  },
});

const randomContrast = augmentation<ColourCase>({
  name: "randomContrast",
  cases: withOptions(fc.record({ factor: range(0, 1) })),
  make: (given) => layers.randomContrast({ factor: given.factor, valueRange: given.range, ...optionsOf(given) }),
  pixels: (given, x, drawing) => {
    const [lower, upper] = given.factor;
    const factors = drawing.between(given.batch, [1 - lower, 1 + upper]);
    const means = new Map<string, Real>();
    return (place) => {
      const [image, , , channel] = place;
      const key = `${image} ${channel}`;
      const centre =
        means.get(key) ??
        mean(
          Array.from({ length: given.rows * given.columns }, (_, index) =>
            pixel(given, x, [image, Math.floor(index / given.columns), index % given.columns, channel]),
          ),
        );
      means.set(key, centre);
      return clipped(
        add(multiply(subtract(pixel(given, x, place), centre), factors[image] as Real), centre),
        given.range,
      );
    };
  },
});

// Boxes and pairs -----------------------------------------------------------------------------------------------------

const both = (a: boolean | undefined, b: boolean | undefined): boolean | undefined =>
  a === false || b === false ? false : a === undefined || b === undefined ? undefined : true;
const not = (a: boolean | undefined): boolean | undefined => (a === undefined ? undefined : !a);

/** Whether the middle of a pixel is in the box of its image, whose sides are these shares of the image's. */
function boxes(
  given: ImageCase,
  drawing: Drawing,
  down: readonly Real[],
  across: readonly Real[],
): (place: Place) => boolean | undefined {
  const along = (size: number, shares: readonly Real[]): ((image: number, cell: number) => boolean | undefined) => {
    const starts = drawing.between(given.batch, [0, 1]);
    const ends = shares.map((share, image) => {
      const length = multiply(share, exact(size));
      const start = multiply(starts[image] as Real, subtract(exact(size), length));
      const half = exact(0.5);
      return { first: subtract(start, half), end: subtract(add(start, length), half) };
    });
    return (image, cell) => {
      const { first, end } = ends[image] as { first: Real; end: Real };
      return both(not(isLess(exact(cell), first)), isLess(exact(cell), end));
    };
  };
  const rows = along(given.rows, down);
  const columns = along(given.columns, across);
  return ([image, row, column]) => both(rows(image, row), columns(image, column));
}

interface ErasingCase extends ColourCase {
  readonly scale: Pair;
  /** How many numbers the filling has; 0: noise. */
  readonly fillings: 0 | 1 | "channels";
}
const fillingsOf = ({ fillings, channels }: ErasingCase): number[] | null => {
  const list = Array.from({ length: fillings === "channels" ? channels : fillings }, (_, index) => index * 0.4 - 0.3);
  return list.length > 0 ? list : null;
};
const randomErasing = augmentation<ErasingCase>({
  name: "randomErasing",
  cases: withOptions(
    fc.record({
      factor: fc.oneof(fc.constant<Pair>([1, 1]), range(0, 1)),
      scale: range(0, 1),
      fillings: fc.constantFrom<ErasingCase["fillings"]>(0, 1, "channels"),
    }),
  ),
  make: (given) =>
    layers.randomErasing({
      factor: given.factor,
      scale: given.scale,
      fillValue: fillingsOf(given),
      valueRange: given.range,
      ...optionsOf(given),
    }),
  pixels: (given, x, drawing) => {
    const side = (): Real[] => drawing.between(given.batch, given.scale).map(root);
    const [down, across] = [side(), side()];
    const inside = boxes(given, drawing, down, across);
    const chances = drawing.uniform(given.batch);
    const limits = drawing.between(given.batch, given.factor);
    const fillings = fillingsOf(given);
    const noise = fillings === null ? drawing.normal(shapeOf(given)) : undefined;
    return (place) => {
      const [image, , , channel] = place;
      const filling =
        noise === undefined
          ? rounded((fillings as number[])[(fillings as number[]).length === 1 ? 0 : channel] as number)
          : multiply(pixel(given, noise, place), exact(given.range[1]));
      const erased = both(inside(place), isLess(exact(chances[image] as number), limits[image] as Real));
      return choose(erased, clipped(filling, given.range), pixel(given, x, place));
    };
  },
});

/** The batch in the order of numbers drawn for it. */
function partners(count: number, drawing: Drawing): number[] {
  const keys = drawing.uniform(count);
  return [...keys.keys()].sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b);
}

const cutMix = augmentation<ColourCase>({
  name: "cutMix",
  cases: withOptions(fc.record({ factor: fc.oneof(fc.constant<Pair>([1, 1]), range(0.05, 1)) })),
  make: (given) => layers.cutMix({ factor: given.factor, ...optionsOf(given) }),
  pixels: (given, x, drawing) => {
    const others = partners(given.batch, drawing);
    const alpha = drawing.between(given.batch, given.factor).map((each) => add(each, rounded(1e-6)));
    const sides = drawing.beta(alpha).map((share) => root(subtract(exact(1), share)));
    const inside = boxes(given, drawing, sides, sides);
    return (place) => {
      const [image, ...rest] = place;
      return choose(inside(place), pixel(given, x, [others[image] as number, ...rest]), pixel(given, x, place));
    };
  },
});

interface MixUpCase {
  readonly shape: number[];
  readonly alpha: number;
  readonly training: boolean;
  readonly dtype: DType;
  readonly fixed: number | null;
  readonly seed: number;
}
const mixUp = layer<MixUpCase>({
  name: "mixUp",
  cases: fc.record({
    shape: shapes({ min: 1, max: 4 }, 9, 200),
    alpha: fc.constantFrom(0.2, 1, 0.05, 3),
    training: mostly,
    dtype: fc.constantFrom<DType>("float32", "float32", "uint8"),
    fixed: fixedSeeds,
    seed: seeds,
  }),
  make: ({ alpha, fixed }) => layers.mixUp({ alpha, seed: fixed }),
  inputs: ({ shape, dtype }) => [{ shape, dtype, ...(dtype === "uint8" ? { draw: whole(0, 255) } : {}) }],
  training: ({ training }) => training,
  reference: ({ shape, alpha, training, fixed, seed }, [x]) => {
    const source = x as RealArray;
    if (!training) return build(shape, (_, index) => source.data[index] as Real);
    const drawing = new Drawing(fixed, seed);
    const batch = shape[0] as number;
    const others = partners(batch, drawing);
    const shares = drawing.beta(new Array<Real>(batch).fill(rounded(alpha)));
    return build(shape, (position, index) => {
      const [image, ...rest] = position as [number, ...number[]];
      const share = shares[image] as Real;
      return add(
        multiply(source.data[index] as Real, share),
        multiply(at(source, [others[image] as number, ...rest]), subtract(exact(1), share)),
      );
    });
  },
});

export const mixingSubjects: readonly Subject[] = [randomBrightness, randomContrast, randomErasing, mixUp, cutMix];
