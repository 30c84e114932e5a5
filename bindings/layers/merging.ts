// Layers that make one tensor of several.

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { concat } from "../ops/copy.ts";
import {
  add as addOf,
  divide,
  maximum as maximumOf,
  minimum as minimumOf,
  multiply as multiplyOf,
  subtract as subtractOf,
} from "../ops/map.ts";
import { reshape } from "../ops/view.ts";
import { number } from "./field.ts";
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
