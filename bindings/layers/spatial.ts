// Layers that add, remove or repeat cells around and within the spatial axes.

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { pad, slice } from "../ops/copy.ts";
import { asFloat, broadcastTo } from "../ops/map.ts";
import { reshape } from "../ops/view.ts";
import { choice, type Field } from "./field.ts";
import { resizeAlong } from "./interpolation.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";
import { checkSpatial, firstSpatialAxis, onSpatialAxes } from "./spatialAxes.ts";
import { type DataFormat, dataFormat, type Margin, marginPerAxis, sizePerAxis } from "./spatialFields.ts";

/** Cells before and behind each spatial axis: one number for all, one for each axis, or a pair for each. */
export type Margins = number | readonly (number | Margin)[];

/** Options of zeroPadding1D, zeroPadding2D and zeroPadding3D. */
export interface ZeroPaddingOptions extends LayerOptions {
  /** Zeros before and behind each spatial axis. Default 1. */
  readonly padding?: Margins;
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/* @__NO_SIDE_EFFECTS__ */
function zeroPadding(axes: 1 | 2 | 3): (options?: ZeroPaddingOptions) => Layer {
  return defineLayer({
    className: `ZeroPadding${axes}D`,
    fields: { padding: marginPerAxis(axes, 1), dataFormat: dataFormat() },
    inputs: "one",
    call: (x, { options }) => {
      checkSpatial(x, axes, options.dataFormat);
      return pad(x, onSpatialAxes<Margin>(options.padding, [0, 0], options.dataFormat));
    },
  });
}

/** Zeros around [batch, length, channels]. */
export const zeroPadding1D: (options?: ZeroPaddingOptions) => Layer = /* @__PURE__ */ zeroPadding(1);
/** Zeros around [batch, height, width, channels]. */
export const zeroPadding2D: (options?: ZeroPaddingOptions) => Layer = /* @__PURE__ */ zeroPadding(2);
/** Zeros around [batch, depth, height, width, channels]. */
export const zeroPadding3D: (options?: ZeroPaddingOptions) => Layer = /* @__PURE__ */ zeroPadding(3);

/** Options of {@link cropping1D}. */
export interface Cropping1DOptions extends LayerOptions {
  /** Cells that are cut off at both ends, or [before, after]. Default 1. */
  readonly cropping?: Margins;
}

/** Options of {@link cropping2D} and {@link cropping3D}. */
export interface CroppingOptions extends LayerOptions {
  /** Cells that are cut off before and behind each spatial axis. Default 0 (in 3D: 1). */
  readonly cropping?: Margins;
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

function crop(x: SymbolicTensor, margins: readonly Margin[], format: DataFormat): SymbolicTensor {
  checkSpatial(x, margins.length, format);
  const cut = onSpatialAxes<Margin>(margins, [0, 0], format);
  const sizes = x.shape.map((size, axis) => size - (cut[axis]?.[0] as number) - (cut[axis]?.[1] as number));
  check(
    sizes.every((size, axis) => size > 0 || size === x.shape[axis]),
    "shape",
    () => ({
      where: errorPlace("cropping"),
      expected: "an input with cells left after cropping",
      received: `shape [${x.shape.join(", ")}] of which ${JSON.stringify(margins)} are cut off`,
    }),
  );
  return slice(
    x,
    cut.map(([before]) => before),
    sizes,
  );
}

/** Cuts cells off both ends: [batch, length, channels] → [batch, less, channels]. */
export const cropping1D: (options?: Cropping1DOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Cropping1D",
  fields: { cropping: /* @__PURE__ */ marginPerAxis(1, 1) },
  inputs: "one",
  call: (x, { options }) => crop(x, options.cropping, "channelsLast"),
});

/* @__NO_SIDE_EFFECTS__ */
function cropping(axes: 2 | 3): (options?: CroppingOptions) => Layer {
  return defineLayer({
    className: `Cropping${axes}D`,
    fields: { cropping: marginPerAxis(axes, axes === 2 ? 0 : 1), dataFormat: dataFormat() },
    inputs: "one",
    call: (x, { options }) => crop(x, options.cropping, options.dataFormat),
  });
}

/** Cuts off the borders of [batch, height, width, channels]. */
export const cropping2D: (options?: CroppingOptions) => Layer = /* @__PURE__ */ cropping(2);
/** Cuts off the borders of [batch, depth, height, width, channels]. */
export const cropping3D: (options?: CroppingOptions) => Layer = /* @__PURE__ */ cropping(3);

/** Every cell along `axis` `times` times over. */
function repeatAlong(x: SymbolicTensor, axis: number, times: number): SymbolicTensor {
  const size = x.shape[axis] as number;
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + 1);
  const apart = reshape(x, [before.reduce((a, b) => a * b, 1), size, 1, after.reduce((a, b) => a * b, 1)]);
  const [outer = 1, , , inner = 1] = apart.shape;
  return reshape(broadcastTo(apart, [outer, size, times, inner]), [...before, size * times, ...after]);
}

function repeat(x: SymbolicTensor, times: readonly number[], format: DataFormat): SymbolicTensor {
  checkSpatial(x, times.length, format);
  const first = firstSpatialAxis(format);
  // The innermost axis first, while there is least to copy in small pieces.
  return times.reduceRight((cells, count, axis) => (count === 1 ? cells : repeatAlong(cells, first + axis, count)), x);
}

/** Options of {@link upSampling1D}. */
export interface UpSampling1DOptions extends LayerOptions {
  /** How often each cell is repeated. Default 2. */
  readonly size?: number;
}

/** {@link sizePerAxis} of one axis, which Keras writes as a number. */
/* @__NO_SIDE_EFFECTS__ */
function times(): Field<readonly number[]> {
  return { parse: sizePerAxis(1, 2).parse, write: ([count = 2]) => count };
}

/** Every cell `size` times over: [batch, length, channels] → [batch, length · size, channels]. */
export const upSampling1D: (options?: UpSampling1DOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "UpSampling1D",
  fields: { size: /* @__PURE__ */ times() },
  inputs: "one",
  call: (x, { options }) => repeat(x, options.size, "channelsLast"),
});

/** Options of {@link upSampling2D}. */
export interface UpSampling2DOptions extends LayerOptions {
  /** Rows and columns that a cell becomes. Default 2. */
  readonly size?: number | readonly number[];
  /** Default `"nearest"`. `"bilinear"` has half-pixel centres and goes on with the cells at the edges. */
  readonly interpolation?: "nearest" | "bilinear";
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/** Larger images: [batch, height, width, channels] → [batch, height · size[0], width · size[1], channels]. */
export const upSampling2D: (options?: UpSampling2DOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "UpSampling2D",
  fields: {
    size: /* @__PURE__ */ sizePerAxis(2, 2),
    interpolation: /* @__PURE__ */ choice(["nearest", "bilinear"], "nearest"),
    dataFormat: /* @__PURE__ */ dataFormat(),
  },
  inputs: "one",
  call: (x, { options }) => {
    if (options.interpolation === "nearest") return repeat(x, options.size, options.dataFormat);
    checkSpatial(x, 2, options.dataFormat);
    const first = firstSpatialAxis(options.dataFormat);
    return options.size.reduce((cells, count, axis) => {
      const size = cells.shape[first + axis] as number;
      return resizeAlong(cells, first + axis, size * count, "bilinear");
    }, asFloat(x));
  },
});

/** Options of {@link upSampling3D}. */
export interface UpSampling3DOptions extends LayerOptions {
  /** How often each cell is repeated along each axis. Default 2. */
  readonly size?: number | readonly number[];
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/** Every cell of [batch, depth, height, width, channels] repeated along each axis. */
export const upSampling3D: (options?: UpSampling3DOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "UpSampling3D",
  fields: { size: /* @__PURE__ */ sizePerAxis(3, 2), dataFormat: /* @__PURE__ */ dataFormat() },
  inputs: "one",
  call: (x, { options }) => repeat(x, options.size, options.dataFormat),
});
