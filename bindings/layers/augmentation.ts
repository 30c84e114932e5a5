// What do layers share that change each image of a batch at random, in training only?

import { show, TensorError } from "../errors.ts";
import type { SymbolicTensor } from "../graph.ts";
import { add, asFloat, multiply } from "../ops/map.ts";
import { randomUniform } from "../ops/random.ts";
import { reshape } from "../ops/view.ts";
import type { Field } from "./field.ts";
import type { CallContext, LayerOptions } from "./layer.ts";
import { noise } from "./regularization.ts";
import { checkSpatial } from "./spatialAxes.ts";
import type { DataFormat } from "./spatialFields.ts";

/** Options of layers that change samples at random. */
export interface AugmentationOptions extends LayerOptions {
  /** Fixed seed; the changes still differ from step to step. Default drawn from the global seed. */
  readonly seed?: number | null;
}

/** Options of those that need to know which axes are rows and columns. */
export interface ImageAugmentationOptions extends AugmentationOptions {
  /** Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
}

/** A batch of images, as float32. @throws {TensorError} `shape` for what has no axis of samples, rows and columns. */
export function batchOfImages(x: SymbolicTensor, format: DataFormat): SymbolicTensor {
  checkSpatial(x, 2, format);
  return asFloat(x);
}

/** The lower and the upper end of what is drawn. */
export type Range = readonly [lower: number, upper: number];
/** A range, or one number that stands for one. */
export type Factor = number | Range;

/** Pairs that one number f may stand for. */
const ranges = {
  /** [−f, f] */
  around0: (f: number): Range => [-Math.abs(f), Math.abs(f)],
  /** [0, f] */
  from0: (f: number): Range => [0, f],
  /** f on both sides */
  twice: (f: number): Range => [f, f],
};

/** A pair of numbers in [low, high], in order, or one that stands for a pair. Must be given without `initial`. */
/* @__NO_SIDE_EFFECTS__ */
export function factor(meaning: keyof typeof ranges, low: number, high: number, initial?: Range): Field<Range> {
  return {
    parse: (value, where) => {
      if (value === undefined && initial !== undefined) return initial;
      const pair: readonly unknown[] =
        typeof value === "number" ? ranges[meaning](value) : Array.isArray(value) ? value : [];
      const fits = pair.length === 2 && pair.every((each) => typeof each === "number" && each >= low && each <= high);
      const [lower, upper] = pair as Range;
      if (fits && (lower <= upper || meaning === "twice")) return [lower, upper];
      const expected = `a number from ${low} to ${high}, or [lower, upper]`;
      throw new TensorError("option", { where, expected, received: show(value) });
    },
    write: (value) => [...value],
  };
}

/** {@link factor}, or null. */
/* @__NO_SIDE_EFFECTS__ */
export function optionalFactor(meaning: keyof typeof ranges, low: number, high: number): Field<Range | null> {
  const rule = factor(meaning, low, high);
  return {
    parse: (value, where) => (value === undefined || value === null ? null : rule.parse(value, where)),
    write: (value) => (value === null ? null : [...value]),
  };
}

/** The least and the largest value that images have. Default [0, 255]. */
/* @__NO_SIDE_EFFECTS__ */
export function valueRange(): Field<Range> {
  return {
    parse: (value, where) => {
      if (value === undefined) return [0, 255];
      const [low, high, ...rest]: readonly unknown[] = Array.isArray(value) ? value : [];
      if (Number.isFinite(low) && Number.isFinite(high) && rest.length === 0 && (low as number) < (high as number))
        return [low as number, high as number];
      const expected = "two numbers, [low, high]";
      throw new TensorError("option", { where, expected, received: show(value) });
    },
    write: (value) => [...value],
  };
}

/** Draws uniform numbers from a range, [0, 1) by default; each call from a stream of its own. */
export type Draw = (shape: readonly number[], range?: Range) => SymbolicTensor;

/** What a layer draws in this step, with the seed of its options. */
export function drawing(fixed: number | null, context: CallContext): Draw {
  return (shape, [lower, upper] = [0, 1]) =>
    add(multiply(noise(randomUniform, fixed, context, shape), upper - lower), lower);
}

/** One number for each sample, [batch], against the axes of `like`: [batch, 1, …]. */
export function perSample(numbers: SymbolicTensor, like: SymbolicTensor): SymbolicTensor {
  return reshape(numbers, [numbers.size, ...like.shape.slice(1).map(() => 1)]);
}
