// Layers that move each image of a batch at random: recomputed from the numbers that they draw.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import type { RealArray } from "../array.ts";
import { curves } from "../ops/curves.ts";
import {
  add,
  apply,
  type Curve,
  dot,
  exact,
  multiply,
  negate,
  Real,
  rounded,
  subtract,
  sum,
  unknown,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import {
  augmentation,
  type ImageCase,
  imageCases,
  optionsOf,
  type Pair,
  type Place,
  pixel,
  range,
  withOptions,
} from "./images.ts";
import { mixingSubjects } from "./mixing.ts";

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

export const augmentationSubjects: readonly Subject[] = [
  randomFlip,
  randomCrop,
  randomTranslation,
  randomRotation,
  randomZoom,
  ...mixingSubjects,
];
