// Layers that change each image of a batch at random: recomputed from the numbers that they draw.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import type { Layer } from "../../../bindings/layers/layer.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, type RealArray } from "../array.ts";
import { seeds, shapes, sizes, whole, within } from "../draw.ts";
import { layer } from "../layer.ts";
import { curves } from "../ops/curves.ts";
import { mean, root } from "../ops/reductions.ts";
import {
  add,
  apply,
  type Curve,
  choose,
  dot,
  exact,
  extremum,
  isLess,
  multiply,
  negate,
  Real,
  rounded,
  subtract,
  sum,
  unknown,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import { Drawing, fixedSeeds } from "./drawing.ts";

type Pair = readonly [number, number];

interface ImageCase {
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

const mostly = fc.integer({ min: 0, max: 5 }).map((each) => each > 0);
const imageCases: fc.Arbitrary<ImageCase> = fc.record({
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
const withOptions = <T extends object>(options: fc.Arbitrary<T>): fc.Arbitrary<ImageCase & T> =>
  fc.tuple(imageCases, options).map(([images, own]) => ({ ...images, ...own }));

const shapeOf = ({ batch, rows, columns, channels, channelsFirst }: ImageCase): number[] =>
  channelsFirst ? [batch, channels, rows, columns] : [batch, rows, columns, channels];

/** A place in an image. */
type Place = readonly [image: number, row: number, column: number, channel: number];
const placeOf = ({ channelsFirst }: ImageCase, position: readonly number[]): Place => {
  const [image, a, b, c] = position as [number, number, number, number];
  return channelsFirst ? [image, b, c, a] : [image, a, b, c];
};
const pixel = ({ channelsFirst }: ImageCase, x: RealArray, [image, row, column, channel]: Place): Real =>
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

function augmentation<C extends ImageCase>(of: Augmentation<C>): Subject {
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

const optionsOf = ({ fixed, channelsFirst }: ImageCase) =>
  ({ seed: fixed, dataFormat: channelsFirst ? "channelsFirst" : "channelsLast" }) as const;

// Maps ----------------------------------------------------------------------------------------------------------------

type FillMode = "constant" | "reflect" | "wrap" | "nearest";
interface Sampling {
  readonly fillMode: FillMode;
  readonly fillValue: number;
  readonly interpolation: "nearest" | "bilinear";
}
const samplings: fc.Arbitrary<Sampling> = fc.record({
  fillMode: fc.constantFrom<FillMode>("constant", "reflect", "wrap", "nearest"),
  fillValue: fc.constantFrom(0, 0.3, -2),
  interpolation: fc.constantFrom<Sampling["interpolation"]>("nearest", "bilinear"),
});
const exactMove: Sampling = { fillMode: "nearest", fillValue: 0, interpolation: "nearest" };

/** The cell of an axis of `size` cells that stands for cell `index`; undefined: the fill value does. */
function cellFor(index: number, size: number, fillMode: FillMode): number | undefined {
  if (index >= 0 && index < size) return index;
  if (fillMode === "constant") return undefined;
  if (fillMode === "nearest") return Math.min(Math.max(index, 0), size - 1);
  const period = fillMode === "wrap" ? size : 2 * size;
  const rest = ((index % period) + period) % period;
  return rest < size ? rest : period - 1 - rest;
}

/** Cells along an axis that a place is made of, with their shares. Undefined shares: rounding decides which cell it is. */
function sharesAt(place: Real, interpolation: Sampling["interpolation"]): { cell: number; share: Real }[] {
  if (interpolation === "nearest") {
    const shifted = add(place, exact(0.5));
    const [low, high] = [shifted.value - shifted.bound, shifted.value + shifted.bound].map(Math.floor) as [
      number,
      number,
    ];
    if (low === high) return [{ cell: low, share: exact(1) }];
    return [low, high].map((cell) => ({ cell, share: new Real(0.5, unknown) }));
  }
  // Linear between the middles of cells: a cell that rounding may reach has a share of about 0.
  const shares: { cell: number; share: Real }[] = [];
  const first = Math.floor(place.value - place.bound - 2 ** -20);
  for (let cell = first; cell <= Math.floor(place.value + place.bound + 2 ** -20) + 1; cell++)
    shares.push({
      cell,
      share: new Real(Math.max(0, 1 - Math.abs(place.value - cell)), place.bound + 2 ** -22),
    });
  return shares;
}

/** What an image holds at a place between its cells. */
function sampled(given: ImageCase, x: RealArray, sampling: Sampling, place: Place, column: Real, row: Real): Real {
  const [image, , , channel] = place;
  const cells: Real[] = [];
  const shares: Real[] = [];
  for (const down of sharesAt(row, sampling.interpolation))
    for (const across of sharesAt(column, sampling.interpolation)) {
      const [r, c] = [
        cellFor(down.cell, given.rows, sampling.fillMode),
        cellFor(across.cell, given.columns, sampling.fillMode),
      ];
      cells.push(
        r === undefined || c === undefined ? rounded(sampling.fillValue) : pixel(given, x, [image, r, c, channel]),
      );
      const both = multiply(down.share, across.share);
      shares.push(new Real(both.value, both.bound));
    }
  const [cell] = cells;
  if (sampling.interpolation === "nearest" && cells.length === 1) return cell as Real;
  const doubtful = shares.some(({ bound }) => !Number.isFinite(bound));
  if (!doubtful) return dot(shares, cells);
  const each = cells.map(() => unknown);
  return new Real((cell as Real).value, unknown, cells, new Array<number>(cells.length).fill(0), each);
}

/** Where the pixel at (row, column) of image n looks. */
type Look = (image: number, row: number, column: number) => readonly [column: Real, row: Real];
const moved =
  (given: ImageCase, x: RealArray, sampling: Sampling, look: Look) =>
  (place: Place): Real =>
    sampled(given, x, sampling, place, ...look(place[0], place[1], place[2]));

const randomFlip = augmentation<ImageCase & { readonly mode: "horizontal" | "vertical" | "horizontalAndVertical" }>({
  name: "randomFlip",
  cases: withOptions(
    fc.record({
      mode: fc.constantFrom<"horizontal" | "vertical" | "horizontalAndVertical">(
        "horizontal",
        "vertical",
        "horizontalAndVertical",
      ),
    }),
  ),
  make: (given) => layers.randomFlip({ mode: given.mode, ...optionsOf(given) }),
  pixels: (given, x, drawing) => {
    const flips = (mode: string): boolean[] =>
      given.mode === mode || given.mode === "horizontalAndVertical"
        ? drawing.uniform(given.batch).map((u) => u < 0.5)
        : new Array<boolean>(given.batch).fill(false);
    const [across, down] = [flips("horizontal"), flips("vertical")];
    return ([image, row, column, channel]) =>
      pixel(given, x, [
        image,
        down[image] === true ? given.rows - 1 - row : row,
        across[image] === true ? given.columns - 1 - column : column,
        channel,
      ]);
  },
});

interface CropCase extends ImageCase {
  readonly height: number;
  readonly width: number;
}
const randomCrop = augmentation<CropCase>({
  name: "randomCrop",
  // Larger ones are resized: a matter of the layer `resizing`.
  cases: imageCases
    .filter(({ rows, columns }) => rows > 0 && columns > 0)
    .chain((given) =>
      fc
        .record({ height: fc.integer({ min: 1, max: given.rows }), width: fc.integer({ min: 1, max: given.columns }) })
        .map((size) => ({ ...given, ...size })),
    ),
  make: (given) => layers.randomCrop({ height: given.height, width: given.width, ...optionsOf(given) }),
  size: ({ height, width }) => [height, width],
  pixels: (given, x, drawing) => {
    const starts = (rest: number): Real[] => drawing.between(given.batch, [0, rest + 1]);
    const [left, top] = [starts(given.columns - given.width), starts(given.rows - given.height)];
    return moved(given, x, exactMove, (image, row, column) => {
      const wholePart = (start: Real): Real =>
        Math.floor(start.value - start.bound) === Math.floor(start.value + start.bound)
          ? exact(Math.floor(start.value))
          : new Real(Math.floor(start.value), 1);
      return [add(wholePart(left[image] as Real), exact(column)), add(wholePart(top[image] as Real), exact(row))];
    });
  },
  otherwise: (given, x) => {
    const [top, left] = [Math.floor((given.rows - given.height) / 2), Math.floor((given.columns - given.width) / 2)];
    return ([image, row, column, channel]) => pixel(given, x, [image, row + top, column + left, channel]);
  },
});

const range = (low: number, high: number): fc.Arbitrary<Pair> =>
  fc
    .tuple(fc.double({ min: low, max: high, noNaN: true }), fc.double({ min: low, max: high, noNaN: true }))
    .map(([a, b]): Pair => [Math.min(a, b), Math.max(a, b)]);

interface MoveCase extends ImageCase, Sampling {
  readonly down: Pair;
  readonly across: Pair | null;
}
const moveCases: fc.Arbitrary<MoveCase> = fc
  .tuple(
    imageCases,
    samplings,
    fc.record({ down: range(-1, 1), across: fc.option(range(-1, 1), { nil: null, freq: 3 }) }),
  )
  .map(([images, sampling, own]) => ({ ...images, ...sampling, ...own }));
const samplingOptions = ({ fillMode, fillValue, interpolation, ...given }: MoveCase) => ({
  fillMode,
  fillValue,
  interpolation,
  ...optionsOf(given),
});

const randomTranslation = augmentation<MoveCase>({
  name: "randomTranslation",
  cases: moveCases,
  make: (given) =>
    layers.randomTranslation({
      heightFactor: given.down,
      widthFactor: given.across ?? given.down,
      ...samplingOptions(given),
    }),
  pixels: (given, x, drawing) => {
    const across = drawing.between(given.batch, given.across ?? given.down);
    const down = drawing.between(given.batch, given.down);
    return moved(given, x, given, (image, row, column) => [
      subtract(exact(column), multiply(across[image] as Real, exact(given.columns))),
      subtract(exact(row), multiply(down[image] as Real, exact(given.rows))),
    ]);
  },
});

const randomRotation = augmentation<MoveCase>({
  name: "randomRotation",
  cases: moveCases,
  make: (given) => layers.randomRotation({ factor: given.down, ...samplingOptions(given) }),
  pixels: (given, x, drawing) => {
    const angles = drawing.between(given.batch, given.down).map((each) => multiply(each, rounded(2 * Math.PI)));
    const cosines = angles.map((each) => apply(curves.cos as Curve, each));
    const sines = angles.map((each) => apply(curves.sin as Curve, each));
    const [x0, y0] = [exact((given.columns - 1) / 2), exact((given.rows - 1) / 2)];
    // Turned back about the middle, as one product for each of them: so large are the roundings.
    return moved(given, x, given, (image, row, column) => {
      const [cosine, sine] = [cosines[image] as Real, sines[image] as Real];
      const [c, r] = [exact(column), exact(row)];
      return [
        sum([x0, multiply(cosine, c), negate(multiply(cosine, x0)), negate(multiply(sine, r)), multiply(sine, y0)]),
        sum([y0, multiply(sine, c), negate(multiply(sine, x0)), multiply(cosine, r), negate(multiply(cosine, y0))]),
      ];
    });
  },
});

const randomZoom = augmentation<MoveCase>({
  name: "randomZoom",
  cases: moveCases,
  make: (given) =>
    layers.randomZoom({ heightFactor: given.down, widthFactor: given.across, ...samplingOptions(given) }),
  pixels: (given, x, drawing) => {
    const zooms = (factor: Pair): Real[] => drawing.between(given.batch, factor).map((each) => add(each, exact(1)));
    const down = zooms(given.down);
    const across = given.across === null ? down : zooms(given.across);
    const along = (zoom: Real, place: number, size: number): Real =>
      sum([multiply(zoom, exact(place)), multiply(subtract(exact(1), zoom), exact((size - 1) / 2))]);
    return moved(given, x, given, (image, row, column) => [
      along(across[image] as Real, column, given.columns),
      along(down[image] as Real, row, given.rows),
    ]);
  },
});

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

export const augmentationSubjects: readonly Subject[] = [
  randomFlip,
  randomCrop,
  randomTranslation,
  randomRotation,
  randomZoom,
  randomBrightness,
  randomContrast,
  randomErasing,
  mixUp,
  cutMix,
];
