// Layers over cells: margins that are added and cut off, cells that are repeated, images of another size.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import type { Layer } from "../../../bindings/layers/layer.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, type RealArray, reshape } from "../array.ts";
import { type Drawn, seeds, sizes } from "../draw.ts";
import { layer } from "../layer.ts";
import { dot, exact, rounded } from "../real.ts";
import type { Subject } from "../subject.ts";
import { brief, type Format, formats, inLayout, shapeIn } from "./layout.ts";

type Rank = 1 | 2 | 3;
const ranks: readonly Rank[] = [1, 2, 3];
const makers = layers as unknown as Readonly<Record<string, (options: object) => Layer>>;
const make = (name: string, options: object): Layer => (makers[name] as (options: object) => Layer)(options);

interface CellsCase {
  readonly batch: number;
  readonly sizes: number[];
  readonly channels: number;
  readonly format: Format;
  readonly dtype: DType;
  readonly seed: number;
}
const cellsOf = (rank: Rank, moves: boolean, least = 0) => ({
  batch: fc.constantFrom(1, 1, 2, 3, 0),
  sizes: fc.array(sizes([16, 8, 5][rank - 1] as number, least), { minLength: rank, maxLength: rank }),
  channels: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 4 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 16, 17) },
  ),
  format: formats,
  dtype: moves
    ? fc.constantFrom<DType>("float32", "float32", "float32", "int32", "uint8", "bool")
    : fc.constant<DType>("float32"),
  seed: seeds,
});
const inputOf = ({ batch, sizes: all, channels, format, dtype }: CellsCase): Drawn => ({
  shape: shapeIn(format, batch, all, channels),
  dtype,
});
/** A result [batch, ...spatial, channels] made of the cells at other places; undefined: zero. */
function moved(
  x: RealArray,
  spatial: readonly number[],
  source: (place: readonly number[]) => readonly number[],
): RealArray {
  const [batch, channels] = [x.shape[0] as number, x.shape.at(-1) as number];
  return build(
    [batch, ...spatial, channels],
    (position) => at(x, [position[0] as number, ...source(position.slice(1, -1)), position.at(-1) as number]),
    x.dtype,
  );
}

// Margins -------------------------------------------------------------------------------------------------------------

type Pair = [number, number];
interface MarginCase extends CellsCase {
  readonly margins: Pair[] | undefined;
}

/** The shortest way to say these margins, if the seed is even. */
function said(margins: readonly Pair[], seed: number): unknown {
  const [first] = margins as [Pair];
  const symmetric = margins.every(([before, after]) => before === after);
  if (seed % 2 !== 0 || !symmetric) return margins.length === 1 && seed % 4 < 2 ? first : margins;
  return margins.every(([before]) => before === first[0]) ? first[0] : margins.map(([before]) => before);
}

function margins(kind: "zeroPadding" | "cropping", rank: Rank, initial: number): Subject {
  const name = `${kind}${rank}D`;
  const cut = kind === "cropping";
  const given = ({ margins: chosen }: MarginCase): Pair[] =>
    chosen ?? Array.from({ length: rank }, (): Pair => [initial, initial]);
  const refuses = (of: MarginCase): boolean =>
    cut &&
    given(of).some(([before, after], axis) => before + after > 0 && before + after >= (of.sizes[axis] as number));
  return layer<MarginCase>({
    name,
    cases: fc
      .record({
        ...cellsOf(rank, true),
        margins: fc.option(
          fc.array(
            fc.oneof(
              fc.tuple(fc.nat(4 - rank), fc.nat(4 - rank)),
              fc.nat(rank === 3 ? 1 : 2).map((each): Pair => [each, each]),
            ),
            { minLength: rank, maxLength: rank },
          ),
          { nil: undefined, freq: 6 },
        ),
      })
      // Only these have no layout to choose.
      .map((each): MarginCase => (cut && rank === 1 ? { ...each, format: "channelsLast" } : each))
      .filter((each) => !refuses(each) || each.seed % 8 === 0),
    make: ({ margins: chosen, format, seed }) =>
      make(name, {
        ...(chosen === undefined ? {} : { [cut ? "cropping" : "padding"]: said(chosen, seed) }),
        ...(cut && rank === 1 ? {} : { dataFormat: format }),
      }),
    inputs: (of) => [inputOf(of)],
    refuses,
    reference: (of, [x]) =>
      inLayout(x as RealArray, of.format, (each) => {
        const sign = cut ? -1 : 1;
        const spatial = given(of).map(([before, after], axis) => (of.sizes[axis] as number) + sign * (before + after));
        return moved(each, spatial, (place) =>
          place.map((cell, axis) => cell - sign * (given(of)[axis]?.[0] as number)),
        );
      }),
  });
}

// Other sizes ---------------------------------------------------------------------------------------------------------

type Interpolation = "nearest" | "bilinear";

/** `count` cells along `axis`, whose centres divide the axis evenly as those of x do. */
function resized(x: RealArray, axis: number, count: number, by: Interpolation): RealArray {
  const size = x.shape[axis] as number;
  if (count === size) return x;
  return build(
    x.shape.with(axis, count),
    (position) => {
      const centre = (((position[axis] as number) + 0.5) * size) / count;
      if (by === "nearest") return at(x, position.with(axis, Math.floor(centre)));
      const place = Math.min(Math.max(centre - 0.5, 0), size - 1);
      const [left, right] = [Math.floor(place), Math.min(Math.floor(place) + 1, size - 1)];
      const share = place - left;
      return dot(
        [at(x, position.with(axis, left)), at(x, position.with(axis, right))],
        [rounded(1 - share), rounded(share)],
      );
    },
    x.dtype,
  );
}

interface UpSamplingCase extends CellsCase {
  readonly times: number[] | undefined;
  readonly interpolation: Interpolation | undefined;
}
function upSampling(rank: Rank): Subject {
  const name = `upSampling${rank}D`;
  const timesOf = ({ times, sizes: all }: UpSamplingCase): number[] => times ?? all.map(() => 2);
  return layer<UpSamplingCase>({
    name,
    cases: fc
      .record({
        ...cellsOf(rank, true),
        times: fc.option(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: rank, maxLength: rank }), {
          nil: undefined,
        }),
        interpolation:
          rank === 2
            ? fc.constantFrom<Interpolation | undefined>(undefined, "nearest", "bilinear")
            : fc.constant(undefined),
      })
      .map(
        (each): UpSamplingCase => ({
          ...each,
          ...(rank === 1 ? { format: "channelsLast" } : {}),
          ...(each.interpolation === "bilinear" ? { dtype: "float32" } : {}),
        }),
      ),
    make: ({ times, interpolation, format, seed }) =>
      make(name, {
        ...(times === undefined ? {} : { size: rank === 1 ? times[0] : brief(times, seed) }),
        ...(interpolation === undefined ? {} : { interpolation }),
        ...(rank === 1 ? {} : { dataFormat: format }),
      }),
    inputs: (of) => [inputOf(of)],
    reference: (of, [x]) =>
      inLayout(x as RealArray, of.format, (each) => {
        const times = timesOf(of);
        if (of.interpolation === "bilinear")
          return times.reduce(
            (cells, count, axis) => resized(cells, axis + 1, (of.sizes[axis] as number) * count, "bilinear"),
            each,
          );
        return moved(
          each,
          times.map((count, axis) => count * (of.sizes[axis] as number)),
          (place) => place.map((cell, axis) => Math.floor(cell / (times[axis] as number))),
        );
      }),
  });
}

interface ImageCase extends CellsCase {
  /** Whether the batch axis is left out. */
  readonly alone: boolean;
  readonly height: number;
  readonly width: number;
}
const imagesOf = {
  ...cellsOf(2, false, 1),
  alone: fc.constantFrom(false, false, false, true),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
};
/** One case in sixteen has no rows. */
const withNothing = <C extends ImageCase>(given: C): C =>
  given.seed % 16 === 0 ? { ...given, sizes: [0, given.sizes[1] as number] } : given;
const noCells = ({ sizes: all, batch, channels, alone }: ImageCase): boolean =>
  all.includes(0) && (alone || batch > 0) && channels > 0;

/** One image is a batch of one. */
function onImages(given: ImageCase, x: RealArray, change: (images: RealArray) => RealArray): RealArray {
  const images = given.alone ? reshape(x, [1, ...x.shape]) : x;
  const result = inLayout(images, given.format, (each) =>
    each.data.length === 0
      ? build([each.shape[0] as number, given.height, given.width, each.shape.at(-1) as number], () => exact(0))
      : change(each),
  );
  return given.alone ? reshape(result, result.shape.slice(1)) : result;
}
const imageOf = (given: ImageCase): Drawn => {
  const drawn = inputOf(given);
  return given.alone ? { ...drawn, shape: drawn.shape.slice(1) } : drawn;
};

/** The block of `height` × `width` in the middle; of an odd rest the larger half is behind it. */
function middle(x: RealArray, height: number, width: number): RealArray {
  const [top, left] = [((x.shape[1] as number) - height) / 2, ((x.shape[2] as number) - width) / 2].map(Math.floor) as [
    number,
    number,
  ];
  return moved(x, [height, width], ([row, column]) => [(row as number) + top, (column as number) + left]);
}
const sized = (x: RealArray, height: number, width: number, by: Interpolation): RealArray =>
  resized(resized(x, 1, height, by), 2, width, by);
/** The largest block in the middle with the proportions of the result. */
function cropped(x: RealArray, height: number, width: number): RealArray {
  const [, rows, columns] = x.shape as [number, number, number];
  const fitting = [
    Math.max(1, Math.min(rows, Math.floor((columns * height) / width))),
    Math.max(1, Math.min(columns, Math.floor((rows * width) / height))),
  ] as const;
  return middle(x, ...fitting);
}
/** The same number of cells on both sides, until the proportions are those of the result, or nearly. */
function padded(x: RealArray, height: number, width: number, value: number): RealArray {
  const [batch, rows, columns, channels] = x.shape as [number, number, number, number];
  const above = Math.floor((Math.max(rows, Math.floor((columns * height) / width)) - rows) / 2);
  const before = Math.floor((Math.max(columns, Math.floor((rows * width) / height)) - columns) / 2);
  return build([batch, rows + 2 * above, columns + 2 * before, channels], ([sample, row, column, channel]) =>
    at(x, [sample as number, (row as number) - above, (column as number) - before, channel as number], rounded(value)),
  );
}

interface ResizingCase extends ImageCase {
  readonly interpolation: Interpolation | undefined;
  readonly aspect: "none" | "crop" | "pad" | "both";
  readonly fillValue: number | undefined;
}
const resizing = layer<ResizingCase>({
  name: "resizing",
  cases: fc
    .record({
      ...imagesOf,
      interpolation: fc.constantFrom<Interpolation | undefined>(undefined, "bilinear", "nearest"),
      aspect: fc.constantFrom<ResizingCase["aspect"]>(
        "none",
        "none",
        "none",
        "crop",
        "crop",
        "crop",
        "pad",
        "pad",
        "pad",
        "both",
      ),
      fillValue: fc.constantFrom(undefined, 0, 1.5, -0.1),
    })
    .map(withNothing),
  make: ({ height, width, interpolation, aspect, fillValue, format }) =>
    layers.resizing({
      height,
      width,
      dataFormat: format,
      ...(interpolation === undefined ? {} : { interpolation }),
      ...(aspect === "crop" || aspect === "both" ? { cropToAspectRatio: true } : {}),
      ...(aspect === "pad" || aspect === "both" ? { padToAspectRatio: true } : {}),
      ...(fillValue === undefined ? {} : { fillValue }),
    }),
  inputs: (given) => [imageOf(given)],
  refuses: (given) => given.aspect === "both" || noCells(given),
  reference: (given, [x]) =>
    onImages(given, x as RealArray, (each) => {
      const { height, width, interpolation = "bilinear", aspect, fillValue = 0 } = given;
      const fitting =
        aspect === "crop"
          ? cropped(each, height, width)
          : aspect === "pad"
            ? padded(each, height, width, fillValue)
            : each;
      return sized(fitting, height, width, interpolation);
    }),
});

const centerCrop = layer<ImageCase>({
  name: "centerCrop",
  cases: fc.record(imagesOf).map(withNothing),
  make: ({ height, width, format }) => layers.centerCrop({ height, width, dataFormat: format }),
  inputs: (given) => [imageOf(given)],
  refuses: noCells,
  reference: (given, [x]) =>
    onImages(given, x as RealArray, (each) => {
      const { height, width } = given;
      return (each.shape[1] as number) >= height && (each.shape[2] as number) >= width
        ? middle(each, height, width)
        : sized(cropped(each, height, width), height, width, "bilinear");
    }),
});

export const spatialSubjects: readonly Subject[] = [
  ...ranks.map((rank) => margins("zeroPadding", rank, 1)),
  ...ranks.map((rank) => margins("cropping", rank, rank === 2 ? 0 : 1)),
  ...ranks.map(upSampling),
  resizing,
  centerCrop,
];
