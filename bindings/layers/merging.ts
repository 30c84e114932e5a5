// Layers that make one tensor of several.

import { check, show } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { concat } from "../ops/copy.ts";
import { einsum } from "../ops/einsum.ts";
import {
  add as addOf,
  asFloat,
  cast,
  divide,
  full,
  logicalAnd,
  logicalOr,
  maximum as maximumOf,
  minimum as minimumOf,
  multiply as multiplyOf,
  rsqrt,
  square,
  subtract as subtractOf,
} from "../ops/map.ts";
import { resolveAxes, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import { type Field, flag, integers, number } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";

type Combine = (a: SymbolicTensor, b: SymbolicTensor) => SymbolicTensor;

/** Elementwise merging of inputs whose shapes broadcast; inputs of lower rank get axes of size 1 after the batch. */
/* @__NO_SIDE_EFFECTS__ */
function merging(
  className: string,
  combine: Combine,
  finish: (sum: SymbolicTensor, count: number) => SymbolicTensor = (x) => x,
): (options?: LayerOptions) => Layer {
  return defineLayer({
    className,
    fields: {},
    inputs: "many",
    masking: (_, masks) => (masks.every((mask) => mask !== undefined) ? masks.reduce(both) : undefined),
    call: (xs) => {
      check(xs.length >= 2, "shape", () => ({
        where: errorPlace(className),
        expected: "a list of at least two tensors",
        received: `${xs.length}`,
      }));
      check(className !== "Subtract" || xs.length === 2, "shape", () => ({
        where: errorPlace(className),
        expected: "exactly two tensors",
        received: `${xs.length}`,
      }));
      const rank = Math.max(...xs.map((x) => x.shape.length));
      const [first, ...rest] = xs.map((x) => raise(x, rank)) as [SymbolicTensor, ...SymbolicTensor[]];
      return finish(rest.reduce(combine, first), xs.length);
    },
  });
}

/** A step counts where it counts in all inputs; where one of them has no mask, all steps count, as in Keras. */
function both(a: SymbolicTensor | undefined, b: SymbolicTensor | undefined): SymbolicTensor {
  return logicalAnd(a as SymbolicTensor, b as SymbolicTensor);
}

function raise(x: SymbolicTensor, rank: number): SymbolicTensor {
  if (x.shape.length === rank) return x;
  const [batch = 1, ...rest] = x.shape;
  return reshape(x, [batch, ...new Array<number>(rank - x.shape.length).fill(1), ...rest]);
}

/** Σ of the inputs. */
export const add: (options?: LayerOptions) => Layer = /* @__PURE__ */ merging("Add", addOf);
/** The first input minus the second. */
export const subtract: (options?: LayerOptions) => Layer = /* @__PURE__ */ merging("Subtract", subtractOf);
/** Product of the inputs. */
export const multiply: (options?: LayerOptions) => Layer = /* @__PURE__ */ merging("Multiply", multiplyOf);
/** Mean of the inputs. */
export const average: (options?: LayerOptions) => Layer = /* @__PURE__ */ merging("Average", addOf, (sum, count) =>
  divide(sum, count),
);
/** Largest of the inputs. */
export const maximum: (options?: LayerOptions) => Layer = /* @__PURE__ */ merging("Maximum", maximumOf);
/** Smallest of the inputs. */
export const minimum: (options?: LayerOptions) => Layer = /* @__PURE__ */ merging("Minimum", minimumOf);

/** Options of {@link concatenate}. */
export interface ConcatenateOptions extends LayerOptions {
  /** The axis that grows; not the batch. Default -1. */
  readonly axis?: number;
}

const concatenateFields = { axis: number(-1) };

/** The inputs one after the other along `axis`; all other sizes equal. @throws {TensorError} `shape` for the batch axis. */
export const concatenate: (options?: ConcatenateOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Concatenate",
  fields: concatenateFields,
  inputs: "many",
  masking: joinMasks,
  call: (xs, { options }) => {
    check(xs.length >= 1, "shape", () => ({
      where: errorPlace("Concatenate"),
      expected: "at least one tensor",
      received: "none",
    }));
    check(options.axis !== 0 && options.axis !== -(xs[0]?.shape.length ?? 0), "shape", () => ({
      where: errorPlace("Concatenate"),
      expected: "an axis other than the batch axis",
      received: `axis ${options.axis}`,
    }));
    return concat(xs, options.axis);
  },
});

/** Steps one after the other keep their masks; side by side, a step counts where it counts in any of the inputs. */
function joinMasks(
  xs: readonly SymbolicTensor[],
  masks: readonly (SymbolicTensor | undefined)[],
  { axis }: { readonly axis: number },
): SymbolicTensor | undefined {
  if (masks.every((mask) => mask === undefined)) return undefined;
  const rank = masks.find((mask) => mask !== undefined)?.shape.length ?? 2;
  const whole = masks.map(
    (mask, index) => mask ?? cast(full((xs[index] as SymbolicTensor).shape.slice(0, rank), 1), "bool"),
  );
  const along = axis < 0 ? axis + (xs[0] as SymbolicTensor).shape.length : axis;
  return along < rank ? concat(whole, along) : whole.reduce((a, b) => logicalOr(a, b));
}

/** Options of {@link dot}. */
export interface DotOptions extends LayerOptions {
  /** The axis of both inputs that is summed over, or one of each; the batch is axis 0. */
  readonly axes: number | readonly [number, number];
  /** Whether vectors along these axes are scaled to length 1 first: cosines. Default false. */
  readonly normalize?: boolean;
}

const dotFields = { axes: requiredAxes(), normalize: flag(false) };

/**
 * Σ x·y over one axis of each, sample by sample: [batch, a, k] and [batch, b, k] with axes 2 → [batch, a, b]; two
 * vectors of each sample → [batch, 1].
 * @throws {TensorError} `shape` unless both axes have one size, `option` for the batch axis.
 */
export const dot: (options: DotOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Dot",
  fields: dotFields,
  inputs: "many",
  call: (xs, { options }) => {
    const where = errorPlace("dot");
    check(xs.length === 2, "shape", () => ({ where, expected: "a list of two tensors", received: `${xs.length}` }));
    const [left, right] = xs.map(asFloat) as [SymbolicTensor, SymbolicTensor];
    const [a = 0, b = 0] = [left, right].map((x, index) => {
      const [axis = 0] = resolveAxes("dot", x.shape.length, options.axes[index] ?? 0);
      check(axis !== 0, "option", () => ({
        where: `${where}.axes`,
        expected: "axes other than the batch axis",
        received: `[${options.axes.join(", ")}]`,
      }));
      return axis;
    });
    check(left.shape[a] === right.shape[b], "shape", () => ({
      where,
      expected: `one size in axis ${a} of the first and axis ${b} of the second input`,
      received: `[${left.shape.join(", ")}] and [${right.shape.join(", ")}]`,
    }));
    const [x, y] = options.normalize ? [unit(left, a), unit(right, b)] : [left, right];
    const letters = (rank: number, axis: number, start: number): string[] =>
      Array.from({ length: rank }, (_, index) =>
        index === 0 ? "a" : index === axis ? "b" : String.fromCharCode(start + index),
      );
    const [first, second] = [letters(x.shape.length, a, 98), letters(y.shape.length, b, 98 + x.shape.length)];
    const kept = [...first, ...second.slice(1)].filter((letter) => letter !== "b");
    const result = einsum([x, y], `${first.join("")},${second.join("")}->${kept.join("")}`);
    return result.shape.length === 1 ? reshape(result, [...result.shape, 1]) : result;
  },
});

/** Vectors along `axis` at length 1; those shorter than 1e-6 are divided by that. */
function unit(x: SymbolicTensor, axis: number): SymbolicTensor {
  return multiplyOf(x, rsqrt(maximumOf(sum(square(x), axis, true), shortestSquared)));
}

const shortestSquared = 1e-12;

/** One axis for both inputs, or one for each. */
/* @__NO_SIDE_EFFECTS__ */
function requiredAxes(): Field<readonly number[]> {
  const rule = integers(undefined, Number.MIN_SAFE_INTEGER);
  return {
    parse: (value, where) => {
      const given = rule.parse(value, where) as readonly number[];
      const axes = given.length === 1 ? [given[0] as number, given[0] as number] : given;
      check(axes.length === 2, "option", () => ({ where, expected: "one axis, or two", received: show(value) }));
      return axes;
    },
    write: (value) => (value[0] === value[1] ? (value[0] as number) : [...value]),
  };
}
