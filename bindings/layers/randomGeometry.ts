// Layers that flip, crop, shift, turn and zoom each image of a batch at random.

import type { SymbolicTensor } from "../graph.ts";
import { affineSample, type FillMode, type Sampling } from "../ops/affineSample.ts";
import { stack } from "../ops/copy.ts";
import { add, asFloat, broadcastTo, cos, floor, less, multiply, negate, sin, subtract, where } from "../ops/map.ts";
import { reshape } from "../ops/view.ts";
import {
  batchOfImages,
  type Draw,
  drawing,
  type Factor,
  factor,
  type ImageAugmentationOptions,
  optionalFactor,
  type Range,
} from "./augmentation.ts";
import { choice, number, positiveInteger, seed } from "./field.ts";
import type { Interpolation } from "./interpolation.ts";
import { type CallContext, defineLayer, type Layer } from "./layer.ts";
import { cropInTheMiddle, type SizeOptions, sizeOfImages } from "./resizing.ts";
import { type DataFormat, dataFormat } from "./spatialFields.ts";

type Node = SymbolicTensor;
/** x = a0·column + a1·row + a2 and y = b0·column + b1·row + b2: where a pixel of the result looks in its image. */
type AffineMap = readonly [a0: Entry, a1: Entry, a2: Entry, b0: Entry, b1: Entry, b2: Entry];
/** One number for each image [batch], or for all. */
type Entry = Node | number;

interface Drawn {
  readonly seed: number | null;
  readonly dataFormat: DataFormat;
}

/** Images under a map for each, drawn in training; as they are otherwise. */
function transformed(
  x: Node,
  { seed: fixed, dataFormat: format }: Drawn,
  context: CallContext,
  sampling: Omit<Sampling, "height" | "width">,
  map: (draw: Draw, batch: number, rows: number, columns: number) => AffineMap,
): Node {
  const images = batchOfImages(x, format);
  if (!context.training) return images;
  const [height, width] = sizeOfImages(images, format);
  const entries = map(drawing(fixed, context), images.shape[0] as number, height, width);
  return sample(images, entries, format, { ...sampling, height, width });
}

/** Channels that come first are images of their own, under the map of theirs. */
function sample(images: Node, map: AffineMap, format: DataFormat, sampling: Sampling): Node {
  const [batch = 0, channels = 0, height = 0, width = 0] = images.shape;
  const matrices = stack(
    map.map((entry) => broadcastTo(asFloat(entry), [batch])),
    1,
  );
  if (format === "channelsLast") return affineSample(images, matrices, sampling);
  const repeated = broadcastTo(reshape(matrices, [batch, 1, 6]), [batch, channels, 6]);
  const planes = reshape(images, [batch * channels, height, width, 1]);
  const result = affineSample(planes, reshape(repeated, [batch * channels, 6]), sampling);
  return reshape(result, [batch, channels, sampling.height, sampling.width]);
}

/** Of maps that lead from whole cells to whole cells. */
const exact = { fillMode: "nearest", fillValue: 0, interpolation: "nearest" } as const;

/** Options of {@link randomFlip}. */
export interface RandomFlipOptions extends ImageAugmentationOptions {
  /** Left and right are exchanged, top and bottom, or each of both by itself. Default `"horizontalAndVertical"`. */
  readonly mode?: "horizontal" | "vertical" | "horizontalAndVertical";
}

/** Each image as it is or mirrored, with probability ½; in training only. */
export const randomFlip: (options?: RandomFlipOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomFlip",
  fields: {
    mode: /* @__PURE__ */ choice(["horizontal", "vertical", "horizontalAndVertical"], "horizontalAndVertical"),
    seed: /* @__PURE__ */ seed(),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options, context }) =>
    transformed(x, options, context, exact, (draw, batch, rows, columns) => {
      const flips = (mode: string, size: number): readonly [slope: Entry, start: Entry] => {
        if (options.mode !== mode && options.mode !== "horizontalAndVertical") return [1, 0];
        const flipped = less(draw([batch]), 0.5);
        return [where(flipped, -1, 1), where(flipped, size - 1, 0)];
      };
      const [a0, a2] = flips("horizontal", columns);
      const [b1, b2] = flips("vertical", rows);
      return [a0, 0, a2, 0, b1, b2];
    }),
});

/** Options of {@link randomCrop}. */
export interface RandomCropOptions extends ImageAugmentationOptions, SizeOptions {}

/**
 * A block of each image, `height` × `width`, from a place of its own in training and from the middle otherwise. Images that
 * are smaller are cropped to the proportions and resized, bilinearly.
 */
export const randomCrop: (options: RandomCropOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomCrop",
  fields: {
    height: /* @__PURE__ */ positiveInteger(),
    width: /* @__PURE__ */ positiveInteger(),
    seed: /* @__PURE__ */ seed(),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options: { height, width, seed: fixed, dataFormat: format }, context }) => {
    const images = batchOfImages(x, format);
    const [rows, columns] = sizeOfImages(images, format);
    if (!context.training || rows < height || columns < width) return cropInTheMiddle(images, [height, width], format);
    const draw = drawing(fixed, context);
    // From draws of at most 1 − 2⁻²⁴: rounding does not reach rest + 1.
    const start = (rest: number): Node => floor(draw([images.shape[0] as number], [0, rest + 1]));
    const map: AffineMap = [1, 0, start(columns - width), 0, 1, start(rows - height)];
    return sample(images, map, format, { ...exact, height, width });
  },
});

/** Options of layers that look beyond the edge of images. */
export interface FillOptions extends ImageAugmentationOptions {
  /**
   * What lies beyond the edge: the image mirrored, `"reflect"` (b a | a b c d | d c), or again, `"wrap"`
   * (c d | a b c d | a b), its outermost cells, `"nearest"`, or `fillValue`, `"constant"`. Default `"reflect"`.
   */
  readonly fillMode?: FillMode;
  /** With `fillMode: "constant"`. Default 0. */
  readonly fillValue?: number;
  /** Default `"bilinear"`. */
  readonly interpolation?: Interpolation;
}

const fillFields = {
  fillMode: /* @__PURE__ */ choice<FillMode>(["constant", "reflect", "wrap", "nearest"], "reflect"),
  fillValue: /* @__PURE__ */ number(0),
  interpolation: /* @__PURE__ */ choice<Interpolation>(["nearest", "bilinear"], "bilinear"),
  seed: /* @__PURE__ */ seed(),
  dataFormat: /* @__PURE__ */ dataFormat(),
};

/** Options of {@link randomTranslation}. */
export interface RandomTranslationOptions extends FillOptions {
  /** Share of the height, −1 to 1, by which images move down: [lower, upper], or f for [−f, f]. */
  readonly heightFactor: Factor;
  /** Share of the width by which they move to the right. */
  readonly widthFactor: Factor;
}

/** Each image shifted by a distance of its own; in training only. */
export const randomTranslation: (options: RandomTranslationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomTranslation",
  fields: {
    heightFactor: /* @__PURE__ */ factor("around0", -1, 1),
    widthFactor: /* @__PURE__ */ factor("around0", -1, 1),
    ...fillFields,
  },
  inputs: "one",
  call: (x, { options, context }) =>
    transformed(x, options, context, options, (draw, batch, rows, columns) => {
      const shift = (range: Range, size: number): Node => multiply(draw([batch], range), -size);
      return [1, 0, shift(options.widthFactor, columns), 0, 1, shift(options.heightFactor, rows)];
    }),
});

/** Options of {@link randomRotation}. */
export interface RandomRotationOptions extends FillOptions {
  /** Turns, counterclockwise, −1 to 1 (0.25 is a right angle): [lower, upper], or f for [−f, f]. */
  readonly factor: Factor;
}

/** Each image turned about its middle by an angle of its own; in training only. */
export const randomRotation: (options: RandomRotationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomRotation",
  fields: { factor: /* @__PURE__ */ factor("around0", -1, 1), ...fillFields },
  inputs: "one",
  call: (x, { options, context }) =>
    transformed(x, options, context, options, (draw, batch, rows, columns) => {
      const angle = multiply(draw([batch], options.factor), 2 * Math.PI);
      const [cosine, sine] = [cos(angle), sin(angle)];
      const [middleX, middleY] = [(columns - 1) / 2, (rows - 1) / 2];
      const a2 = add(subtract(middleX, multiply(cosine, middleX)), multiply(sine, middleY));
      const b2 = subtract(subtract(middleY, multiply(cosine, middleY)), multiply(sine, middleX));
      return [cosine, negate(sine), a2, sine, cosine, b2];
    }),
});

/** Options of {@link randomZoom}. */
export interface RandomZoomOptions extends FillOptions {
  /** Images of height 1 show 1 + f of themselves, −1 to 1: f > 0 zooms out, f < 0 in. [lower, upper], or f for [−f, f]. */
  readonly heightFactor: Factor;
  /** The same for the width. Default null: as much as the height, so that proportions stay. */
  readonly widthFactor?: Factor | null;
}

/** Each image zoomed about its middle by a factor of its own; in training only. */
export const randomZoom: (options: RandomZoomOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "RandomZoom",
  fields: {
    heightFactor: /* @__PURE__ */ factor("around0", -1, 1),
    widthFactor: /* @__PURE__ */ optionalFactor("around0", -1, 1),
    ...fillFields,
  },
  inputs: "one",
  call: (x, { options, context }) =>
    transformed(x, options, context, options, (draw, batch, rows, columns) => {
      const down = add(draw([batch], options.heightFactor), 1);
      const across = options.widthFactor === null ? down : add(draw([batch], options.widthFactor), 1);
      const start = (zoom: Node, size: number): Node => multiply(subtract(1, zoom), (size - 1) / 2);
      return [across, 0, start(across, columns), 0, down, start(down, rows)];
    }),
});
