// Layers that reduce windows of cells, or all cells, to one value for each channel.

import { errorPlace } from "../graph.ts";
import { marginOf } from "../ops/convWindows.ts";
import { gather } from "../ops/gather.ts";
import { asFloat, divide, maximum, multiply } from "../ops/map.ts";
import { averagePool, maxPool } from "../ops/pool.ts";
import { max, mean, sum } from "../ops/reduce.ts";
import { expandDims } from "../ops/view.ts";
import { checkRoom } from "../tensor.ts";
import { flag } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";
import {
  checkSpatial,
  firstSpatialAxis,
  fromChannelsLast,
  mixAlong,
  ofNothing,
  toChannelsLast,
} from "./spatialAxes.ts";
import { type DataFormat, dataFormat, optionalSizePerAxis, padding, sizePerAxis } from "./spatialFields.ts";

/** Options of maxPooling1D … averagePooling3D. Numbers for each spatial axis, or one for all. */
export interface PoolingOptions extends LayerOptions {
  /** Cells of a window. Default 2. */
  readonly poolSize?: number | readonly number[];
  /** Cells from one window to the next. Default `poolSize`. */
  readonly strides?: number | readonly number[] | null;
  /** `"valid"`, the default, takes whole windows only; `"same"` gives ⌈size / stride⌉ of them. */
  readonly padding?: "valid" | "same";
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/* @__NO_SIDE_EFFECTS__ */
function pooling(name: "MaxPooling" | "AveragePooling", axes: 1 | 2 | 3): (options?: PoolingOptions) => Layer {
  return defineLayer({
    className: `${name}${axes}D`,
    fields: {
      poolSize: sizePerAxis(axes, 2),
      strides: optionalSizePerAxis(axes),
      padding: padding(),
      dataFormat: dataFormat(),
    },
    inputs: "one",
    call: (x, { options }) => {
      checkSpatial(x, axes, options.dataFormat);
      const { poolSize } = options;
      const strides = options.strides ?? poolSize;
      const cells = toChannelsLast(x, options.dataFormat);
      const margins = poolSize.map((window, axis) =>
        marginOf(options.padding, cells.shape[axis + 1] as number, window, strides[axis] as number),
      );
      const pool = name === "MaxPooling" ? maxPool : averagePool;
      return fromChannelsLast(pool(cells, { poolSize, strides, padding: margins }), options.dataFormat);
    },
  });
}

/** The maximum of each window: [batch, length, channels] → [batch, windows, channels]. */
export const maxPooling1D: (options?: PoolingOptions) => Layer = /* @__PURE__ */ pooling("MaxPooling", 1);
/** The maximum of each window: [batch, height, width, channels] → [batch, rows, columns, channels]. */
export const maxPooling2D: (options?: PoolingOptions) => Layer = /* @__PURE__ */ pooling("MaxPooling", 2);
/** The maximum of each window of [batch, depth, height, width, channels]. */
export const maxPooling3D: (options?: PoolingOptions) => Layer = /* @__PURE__ */ pooling("MaxPooling", 3);
/** The average of each window, margins not counted: [batch, length, channels] → [batch, windows, channels]. */
export const averagePooling1D: (options?: PoolingOptions) => Layer = /* @__PURE__ */ pooling("AveragePooling", 1);
/** The average of each window, margins not counted: [batch, height, width, channels] → [batch, rows, columns, channels]. */
export const averagePooling2D: (options?: PoolingOptions) => Layer = /* @__PURE__ */ pooling("AveragePooling", 2);
/** The average of each window of [batch, depth, height, width, channels], margins not counted. */
export const averagePooling3D: (options?: PoolingOptions) => Layer = /* @__PURE__ */ pooling("AveragePooling", 3);

/** Options of globalMaxPooling1D … globalAveragePooling3D. */
export interface GlobalPoolingOptions extends LayerOptions {
  /** Keeps the spatial axes, with size 1. Default false. */
  readonly keepdims?: boolean;
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/* @__NO_SIDE_EFFECTS__ */
function globalPooling(name: "Max" | "Average", axes: 1 | 2 | 3): (options?: GlobalPoolingOptions) => Layer {
  return defineLayer({
    className: `Global${name}Pooling${axes}D`,
    fields: { dataFormat: dataFormat(), keepdims: flag(false) },
    inputs: "one",
    // A mask of steps says which cells of one axis an average counts; there are no steps in the result.
    ...(name === "Average" && axes === 1 ? { masking: () => undefined } : {}),
    call: (x, { options, masks: [mask] }) => {
      checkSpatial(x, axes, options.dataFormat);
      const first = firstSpatialAxis(options.dataFormat);
      const spatial = Array.from({ length: axes }, (_, axis) => first + axis);
      if (mask !== undefined && name === "Average" && axes === 1) {
        const counts = expandDims(asFloat(mask), options.dataFormat === "channelsLast" ? -1 : 1);
        const total = sum(multiply(asFloat(x), counts), first, options.keepdims);
        return divide(total, maximum(sum(counts, first, options.keepdims), 1));
      }
      return (name === "Max" ? max : mean)(asFloat(x), spatial, options.keepdims);
    },
  });
}

/** The maximum over all cells: [batch, length, channels] → [batch, channels]. */
export const globalMaxPooling1D: (options?: GlobalPoolingOptions) => Layer = /* @__PURE__ */ globalPooling("Max", 1);
/** The maximum over all cells: [batch, height, width, channels] → [batch, channels]. */
export const globalMaxPooling2D: (options?: GlobalPoolingOptions) => Layer = /* @__PURE__ */ globalPooling("Max", 2);
/** The maximum over all cells: [batch, depth, height, width, channels] → [batch, channels]. */
export const globalMaxPooling3D: (options?: GlobalPoolingOptions) => Layer = /* @__PURE__ */ globalPooling("Max", 3);
/** The average over all cells that count: [batch, length, channels] → [batch, channels]. A mask says which; of none it is 0. */
export const globalAveragePooling1D: (options?: GlobalPoolingOptions) => Layer = /* @__PURE__ */ globalPooling(
  "Average",
  1,
);
/** The average over all cells: [batch, height, width, channels] → [batch, channels]. */
export const globalAveragePooling2D: (options?: GlobalPoolingOptions) => Layer = /* @__PURE__ */ globalPooling(
  "Average",
  2,
);
/** The average over all cells: [batch, depth, height, width, channels] → [batch, channels]. */
export const globalAveragePooling3D: (options?: GlobalPoolingOptions) => Layer = /* @__PURE__ */ globalPooling(
  "Average",
  3,
);

/** Options of adaptiveMaxPooling1D … adaptiveAveragePooling3D. */
export interface AdaptivePoolingOptions extends LayerOptions {
  /** Windows along each spatial axis, or one number for all. */
  readonly outputSize: number | readonly number[];
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/** Window i of `count` over `size` cells: from ⌊i · size / count⌋ up to ⌈(i + 1) · size / count⌉. */
function adaptiveWindows(size: number, count: number): { readonly begin: number; readonly end: number }[] {
  // Each window takes its own cells: a matrix [windows, cells] must have room.
  checkRoom(() => errorPlace("adaptivePooling"), [count, Math.max(size, 16)], "float32");
  return Array.from({ length: count }, (_, index) => ({
    begin: Math.floor((index * size) / count),
    end: Math.ceil(((index + 1) * size) / count),
  }));
}

/* @__NO_SIDE_EFFECTS__ */
function adaptivePooling(name: "Max" | "Average", axes: 1 | 2 | 3): (options: AdaptivePoolingOptions) => Layer {
  return defineLayer({
    className: `Adaptive${name}Pooling${axes}D`,
    fields: { outputSize: sizePerAxis(axes), dataFormat: dataFormat() },
    inputs: "one",
    call: (x, { options }) => {
      checkSpatial(x, axes, options.dataFormat);
      if (x.size === 0) return ofNothing(x, options.outputSize, options.dataFormat);
      const given = toChannelsLast(asFloat(x), options.dataFormat);
      const sizes = given.shape.slice(1, -1);
      const windows = sizes.map((size, axis) => adaptiveWindows(size, options.outputSize[axis] as number));
      const alike = windows.every((each, axis) => (sizes[axis] as number) % each.length === 0);
      // However many windows there are, they have two or three sizes.
      const poolSize = windows.map((each) => Math.max(...new Set(each.map(({ begin, end }) => end - begin))));
      const disjoint = { poolSize, strides: poolSize, padding: poolSize.map(() => [0, 0] as const) };
      let cells = given;
      windows.forEach((each, axis) => {
        if (alike) return;
        // The cells of all windows side by side; the last one again where a window is smaller than others.
        const width = poolSize[axis] as number;
        const places = each.flatMap(({ begin, end }) =>
          Array.from({ length: width }, (_, cell) => ({ pick: begin + cell, begin, end })),
        );
        const picks = places.map(({ pick, end }) => Math.min(pick, end - 1));
        const weights = places.map(({ pick, begin, end }) => (pick < end ? 1 / (end - begin) : 0));
        cells =
          name === "Average" ? mixAlong(cells, axis + 1, { width, picks, weights }) : gather(cells, picks, axis + 1);
      });
      const pooled = name === "Max" ? maxPool(cells, disjoint) : alike ? averagePool(cells, disjoint) : cells;
      return fromChannelsLast(pooled, options.dataFormat);
    },
  });
}

/** Maxima of `outputSize` windows: [batch, length, channels] → [batch, outputSize, channels]. */
export const adaptiveMaxPooling1D: (options: AdaptivePoolingOptions) => Layer = /* @__PURE__ */ adaptivePooling(
  "Max",
  1,
);
/** Maxima of `outputSize` windows: [batch, height, width, channels] → [batch, ...outputSize, channels]. */
export const adaptiveMaxPooling2D: (options: AdaptivePoolingOptions) => Layer = /* @__PURE__ */ adaptivePooling(
  "Max",
  2,
);
/** Maxima of `outputSize` windows: [batch, depth, height, width, channels] → [batch, ...outputSize, channels]. */
export const adaptiveMaxPooling3D: (options: AdaptivePoolingOptions) => Layer = /* @__PURE__ */ adaptivePooling(
  "Max",
  3,
);
/** Averages of `outputSize` windows: [batch, length, channels] → [batch, outputSize, channels]. */
export const adaptiveAveragePooling1D: (options: AdaptivePoolingOptions) => Layer = /* @__PURE__ */ adaptivePooling(
  "Average",
  1,
);
/** Averages of `outputSize` windows: [batch, height, width, channels] → [batch, ...outputSize, channels]. */
export const adaptiveAveragePooling2D: (options: AdaptivePoolingOptions) => Layer = /* @__PURE__ */ adaptivePooling(
  "Average",
  2,
);
/** Averages of `outputSize` windows: [batch, depth, height, width, channels] → [batch, ...outputSize, channels]. */
export const adaptiveAveragePooling3D: (options: AdaptivePoolingOptions) => Layer = /* @__PURE__ */ adaptivePooling(
  "Average",
  3,
);
