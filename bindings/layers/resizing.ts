// Layers that bring images to one size.

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { pad, slice } from "../ops/copy.ts";
import { asFloat } from "../ops/map.ts";
import { reshape } from "../ops/view.ts";
import { choice, flag, number, positiveInteger } from "./field.ts";
import { type Interpolation, resizeAlong } from "./interpolation.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";
import { checkSpatial, firstSpatialAxis, ofNothing, onSpatialAxes } from "./spatialAxes.ts";
import { type DataFormat, dataFormat } from "./spatialFields.ts";

/** The size of resulting images. */
export interface SizeOptions {
  /** Rows of the result; ≥ 1. */
  readonly height: number;
  /** Columns of the result; ≥ 1. */
  readonly width: number;
}

/** Options of {@link resizing}. */
export interface ResizingOptions extends LayerOptions, SizeOptions {
  /** Default `"bilinear"`: half-pixel centres, no antialiasing. */
  readonly interpolation?: Interpolation;
  /** Cuts off, in the middle, what does not fit the proportions of the result. Default false. */
  readonly cropToAspectRatio?: boolean;
  /** Adds `fillValue` on both sides until the proportions fit. Default false. */
  readonly padToAspectRatio?: boolean;
  /** What is added with `padToAspectRatio`: `"constant"`, as in Keras, is the only way. */
  readonly fillMode?: "constant";
  /** The value that is added with `padToAspectRatio`. Default 0. */
  readonly fillValue?: number;
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

type Pair = readonly [number, number];

/** Images through `body`, which makes them `size`; one without a batch axis as a batch of one. */
function onImages(
  x: SymbolicTensor,
  size: Pair,
  format: DataFormat,
  body: (images: SymbolicTensor) => SymbolicTensor,
): SymbolicTensor {
  const alone = x.shape.length === 3;
  const images = alone ? reshape(x, [1, ...x.shape]) : x;
  checkSpatial(images, 2, format);
  const result = x.size === 0 ? ofNothing(images, size, format) : body(asFloat(images));
  return alone ? reshape(result, result.shape.slice(1)) : result;
}

/** Rows and columns. */
export function sizeOfImages(images: SymbolicTensor, format: DataFormat): Pair {
  const first = firstSpatialAxis(format);
  return [images.shape[first] as number, images.shape[first + 1] as number];
}

/** The block of `size` in the middle; of an odd rest the smaller half is before it. */
function middle(images: SymbolicTensor, size: Pair, format: DataFormat): SymbolicTensor {
  const starts = sizeOfImages(images, format).map((length, axis) => Math.floor((length - (size[axis] as number)) / 2));
  return slice(images, onSpatialAxes(starts, 0, format), onSpatialAxes<number>(size, -1, format));
}

/** Rows and columns that the other side has when the proportions are those of the result. */
function proportional([rows, columns]: Pair, [height, width]: Pair): Pair {
  return [Math.floor((columns * height) / width), Math.floor((rows * width) / height)];
}

function cropToAspectRatio(images: SymbolicTensor, target: Pair, format: DataFormat): SymbolicTensor {
  const [rows, columns] = sizeOfImages(images, format);
  const [fittingRows, fittingColumns] = proportional([rows, columns], target);
  const size: Pair = [Math.max(1, Math.min(rows, fittingRows)), Math.max(1, Math.min(columns, fittingColumns))];
  return middle(images, size, format);
}

/** As Keras does it: the same number on both sides, so that an odd rest stays out of proportion by one. */
function padToAspectRatio(images: SymbolicTensor, target: Pair, format: DataFormat, value: number): SymbolicTensor {
  const size = sizeOfImages(images, format);
  const margins = proportional(size, target).map((fitting, axis): Pair => {
    const each = Math.floor(Math.max(0, fitting - (size[axis] as number)) / 2);
    return [each, each];
  });
  return pad(images, onSpatialAxes<Pair>(margins, [0, 0], format), value);
}

function resizeTo(images: SymbolicTensor, target: Pair, format: DataFormat, by: Interpolation): SymbolicTensor {
  const first = firstSpatialAxis(format);
  return target.reduce((cells, count, axis) => resizeAlong(cells, first + axis, count, by), images);
}

/** The middle of images, `size`; of too small ones what has the proportions, resized. */
export function cropInTheMiddle(images: SymbolicTensor, size: Pair, format: DataFormat): SymbolicTensor {
  const [rows, columns] = sizeOfImages(images, format);
  if (rows >= size[0] && columns >= size[1]) return middle(images, size, format);
  return resizeTo(cropToAspectRatio(images, size, format), size, format, "bilinear");
}

/** Images of `height` × `width`: [batch, rows, columns, channels] → [batch, height, width, channels]; batch may be missing. */
export const resizing: (options: ResizingOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Resizing",
  fields: {
    height: /* @__PURE__ */ positiveInteger(),
    width: /* @__PURE__ */ positiveInteger(),
    interpolation: /* @__PURE__ */ choice<Interpolation>(["bilinear", "nearest"], "bilinear"),
    cropToAspectRatio: /* @__PURE__ */ flag(false),
    padToAspectRatio: /* @__PURE__ */ flag(false),
    fillMode: /* @__PURE__ */ choice(["constant"], "constant"),
    fillValue: /* @__PURE__ */ number(0),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options }) => {
    const { height, width, interpolation, fillValue, dataFormat: format } = options;
    check(!(options.cropToAspectRatio && options.padToAspectRatio), "option", () => ({
      where: errorPlace("resizing"),
      expected: "cropToAspectRatio or padToAspectRatio",
      received: "both",
    }));
    return onImages(x, [height, width], format, (images) => {
      let fitting = images;
      if (options.cropToAspectRatio) fitting = cropToAspectRatio(images, [height, width], format);
      if (options.padToAspectRatio) fitting = padToAspectRatio(images, [height, width], format, fillValue);
      return resizeTo(fitting, [height, width], format, interpolation);
    });
  },
});

/** Options of {@link centerCrop}. */
export interface CenterCropOptions extends LayerOptions, SizeOptions {
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/**
 * The middle of images, `height` × `width`; batch may be missing. An image that is too small is cropped to the proportions
 * and resized, bilinearly.
 */
export const centerCrop: (options: CenterCropOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "CenterCrop",
  fields: {
    height: /* @__PURE__ */ positiveInteger(),
    width: /* @__PURE__ */ positiveInteger(),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options: { height, width, dataFormat: format } }) =>
    onImages(x, [height, width], format, (images) => cropInTheMiddle(images, [height, width], format)),
});
