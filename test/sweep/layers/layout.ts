// Where the channels of a layer's input are, and axes in another order.

import fc from "fast-check";
import { at, build, type RealArray } from "../array.ts";

export type Format = "channelsLast" | "channelsFirst";

/** Mostly the native layout. */
export const formats: fc.Arbitrary<Format> = fc.constantFrom<Format>("channelsLast", "channelsLast", "channelsFirst");

/** The shape of an input [batch, ...spatial, channels] in the layout. */
export function shapeIn(format: Format, batch: number, spatial: readonly number[], channels: number): number[] {
  return format === "channelsLast" ? [batch, ...spatial, channels] : [batch, channels, ...spatial];
}

/** Axis i of the result is axis order[i] of x. */
export function permuted(x: RealArray, order: readonly number[]): RealArray {
  const shape = order.map((axis) => x.shape[axis] as number);
  return build(
    shape,
    (position) => {
      const source = new Array<number>(order.length);
      order.forEach((axis, index) => {
        source[axis] = position[index] as number;
      });
      return at(x, source);
    },
    x.dtype,
  );
}

/** x with its channels last. */
export function channelsLast(x: RealArray, format: Format): RealArray {
  return format === "channelsLast" ? x : permuted(x, [0, ...x.shape.slice(2).map((_, axis) => axis + 2), 1]);
}

/** The way back. */
export function inFormat(x: RealArray, format: Format): RealArray {
  const rank = x.shape.length;
  return format === "channelsLast" ? x : permuted(x, [0, rank - 1, ...x.shape.slice(2).map((_, axis) => axis + 1)]);
}

/** What `change` makes of x with its channels last, in the layout of x. */
export function inLayout(x: RealArray, format: Format, change: (x: RealArray) => RealArray): RealArray {
  return inFormat(change(channelsLast(x, format)), format);
}

/** One number where all are the same and the seed is even: the short form of an option. */
export function brief(values: readonly number[], seed: number): number | readonly number[] {
  return seed % 2 === 0 && values.every((value) => value === values[0]) ? (values[0] as number) : values;
}
