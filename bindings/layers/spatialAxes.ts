// Which axes of a layer's input are spatial, how are channels moved last and back, and what does "same" add?

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { transpose } from "../ops/copy.ts";
import { gather } from "../ops/gather.ts";
import { full, multiply } from "../ops/map.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import { sizeOf, tensor } from "../tensor.ts";
import type { DataFormat } from "./spatialFields.ts";

/** @throws {TensorError} `shape` unless x is [batch, ...`axes` spatial sizes, channels], in either order. */
export function checkSpatial(x: SymbolicTensor, axes: number, dataFormat: DataFormat): void {
  const spatial = ["length", "height, width", "depth, height, width"][axes - 1];
  check(x.shape.length === axes + 2, "shape", () => ({
    where: errorPlace("input"),
    expected: `an input [batch, ${dataFormat === "channelsLast" ? `${spatial}, channels` : `channels, ${spatial}`}]`,
    received: `shape [${x.shape.join(", ")}]`,
  }));
}

/** The first of the spatial axes: 1, or 2 where the channels come before them. */
export function firstSpatialAxis(dataFormat: DataFormat): number {
  return dataFormat === "channelsLast" ? 1 : 2;
}

/** One entry for each axis of an input: those of the spatial axes in their place, `filler` for batch and channels. */
export function onSpatialAxes<T>(entries: readonly T[], filler: T, dataFormat: DataFormat): T[] {
  return dataFormat === "channelsLast" ? [filler, ...entries, filler] : [filler, filler, ...entries];
}

/**
 * What images without samples or channels become, with other sizes along the spatial axes of x [batch, ...spatial, channels]
 * or [batch, channels, ...spatial].
 * @throws {TensorError} `shape` where it is cells that x lacks: nothing can be made of them.
 */
export function ofNothing(x: SymbolicTensor, sizes: readonly number[], dataFormat: DataFormat): SymbolicTensor {
  const first = firstSpatialAxis(dataFormat);
  const shape = x.shape.map((size, axis) => sizes[axis - first] ?? size);
  check(sizeOf(shape) === 0, "shape", () => ({
    where: errorPlace("input"),
    expected: "an input with at least one cell along each spatial axis",
    received: `shape [${x.shape.join(", ")}]`,
  }));
  return full(shape, 0);
}

/** What x has along an axis instead: each new cell is a weighted sum of `width` old ones. */
export interface Mixture {
  readonly width: number;
  /** Old cells, `width` for each new one. */
  readonly picks: readonly number[];
  readonly weights: readonly number[];
}

/** x with the cells of `mixture` along `axis`. They see the cells that they are made of, and no other. */
export function mixAlong(x: SymbolicTensor, axis: number, { width, picks, weights }: Mixture): SymbolicTensor {
  const count = picks.length / width;
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + 1);
  const cells = reshape(gather(x, picks, axis), [sizeOf(before), count, width, sizeOf(after)]);
  const mixed = sum(multiply(cells, tensor(Float32Array.from(weights), [1, count, width, 1])), 2);
  return reshape(mixed, [...before, count, ...after]);
}

/** [batch, channels, ...spatial] → [batch, ...spatial, channels]; x itself when its channels are last already. */
export function toChannelsLast(x: SymbolicTensor, dataFormat: DataFormat): SymbolicTensor {
  if (dataFormat === "channelsLast") return x;
  return transpose(x, [0, ...x.shape.slice(2).map((_, axis) => axis + 2), 1]);
}

/** The way back: [batch, ...spatial, channels] → [batch, channels, ...spatial]. */
export function fromChannelsLast(x: SymbolicTensor, dataFormat: DataFormat): SymbolicTensor {
  if (dataFormat === "channelsLast") return x;
  return transpose(x, [0, x.shape.length - 1, ...x.shape.slice(2).map((_, axis) => axis + 1)]);
}
