// How do categories and ranges of numbers become integers and vectors of zeros and ones?

import { check, show } from "../errors.ts";
import { constant, errorPlace, type SymbolicTensor } from "../graph.ts";
import { zeros } from "../initializers.ts";
import { oneHot } from "../ops/crossEntropy.ts";
import { gather } from "../ops/gather.ts";
import { add, asFloat, cast, less, minimum, multiply, subtract } from "../ops/map.ts";
import { sum } from "../ops/reduce.ts";
import { expandDims, reshape } from "../ops/view.ts";
import { checkRoom, type TensorLike, tensor, zeros as zeroTensor } from "../tensor.ts";
import { choice, type Field, type Fields, numbers, type Parsed, positiveInteger } from "./field.ts";
import { defineLayer, Layer, type LayerDefinition, type LayerOptions } from "./layer.ts";

/** What becomes of integers: vectors with a 1 for each, for all that occur, or with how often they occur. */
export type CategoryOutput = "oneHot" | "multiHot" | "count";

/** Options of {@link categoryEncoding}. */
export interface CategoryEncodingOptions extends LayerOptions {
  /** Number of categories: they are 0 to numTokens − 1. */
  readonly numTokens: number;
  /** Default `"multiHot"`. */
  readonly outputMode?: CategoryOutput;
}

const categoryFields = {
  numTokens: positiveInteger(),
  outputMode: choice<CategoryOutput>(["oneHot", "multiHot", "count"], "multiHot"),
};

/**
 * Integers as vectors of length numTokens, float32. `"oneHot"`: [...] or [..., 1] → [..., numTokens]; `"multiHot"` and
 * `"count"`: [..., values] → [..., numTokens], 1 for what occurs or how often it does. A second input [..., values] gives
 * each value a weight to be counted with.
 * @throws {TensorError} `data` while running, for a category outside 0 to numTokens − 1.
 */
export const categoryEncoding: (options: CategoryEncodingOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "CategoryEncoding",
  fields: categoryFields,
  inputs: "many",
  call: (xs, { options: { numTokens, outputMode } }) => {
    const where = errorPlace("categoryEncoding");
    check(xs.length === 1 || (xs.length === 2 && outputMode === "count"), "shape", () => ({
      where,
      expected: 'one input, or with outputMode "count" integers and their weights',
      received: `${xs.length} inputs`,
    }));
    const [x, weights] = xs as [SymbolicTensor, SymbolicTensor?];
    check(weights === undefined || weights.shape.join() === x.shape.join(), "shape", () => ({
      where,
      expected: `weights of shape [${x.shape.join(", ")}]`,
      received: `[${weights?.shape.join(", ")}]`,
    }));
    const integers = cast(x, "int32");
    checkRoom(() => where, [numTokens], "int32");
    // Looking them up stops the program at one that is out of range.
    const known = constant(zeroTensor([numTokens], "int32"));
    return encoded(add(integers, gather(known, integers)), numTokens, outputMode, weights);
  },
});

/** Options of {@link discretization}. */
export interface DiscretizationOptions extends LayerOptions {
  /** Where ranges begin, in rising order: value x is in range i when i of them are ≤ x. Or give numBins and call `adapt`. */
  readonly binBoundaries?: readonly number[] | null;
  /** Number of ranges, each with about as many of the values that `adapt` is given. */
  readonly numBins?: number | null;
  /** `"int"`: the number of the range, int32. Default `"int"`. */
  readonly outputMode?: "int" | CategoryOutput;
}

const discretizationFields: {
  readonly binBoundaries: Field<readonly number[] | null>;
  readonly numBins: Field<number | null>;
  readonly outputMode: Field<"int" | CategoryOutput>;
} = {
  binBoundaries: boundaries(),
  numBins: optionalCount(),
  outputMode: choice<"int" | CategoryOutput>(["int", "oneHot", "multiHot", "count"], "int"),
};

type DiscretizationFields = typeof discretizationFields;

const discretizationDefinition: LayerDefinition<DiscretizationFields, "one"> = {
  className: "Discretization",
  fields: discretizationFields,
  inputs: "one",
  weights: (_, { numBins }) =>
    numBins === null ? {} : { boundaries: { shape: [numBins - 1], initializer: zeros(), trainable: false } },
  call: (x, { options: { binBoundaries, outputMode }, weights }) => {
    const begins = binBoundaries === null ? (weights.boundaries as SymbolicTensor) : constant([...binBoundaries]);
    const above = sum(asFloat(less(expandDims(asFloat(x), -1), begins)), -1);
    const ranges = cast(subtract(begins.size, above), "int32");
    return outputMode === "int" ? ranges : encoded(ranges, begins.size + 1, outputMode, undefined);
  },
};

/** A discretization layer; `adapt` sets its boundaries from data. */
export class DiscretizationLayer extends Layer {
  /**
   * Sets the boundaries so that each range holds about as many values of `data` (of any shape) as any other.
   * @throws {TensorError} `state` when the boundaries were given as options, `data` for NaN, infinity or no data.
   */
  adapt(data: TensorLike): void {
    const given = tensor(data);
    const { numBins } = this.options as Parsed<DiscretizationFields>;
    check(numBins !== null, "state", () => ({
      where: `${this.name}.adapt`,
      expected: "a layer with numBins",
      received: "one with given binBoundaries",
    }));
    check(given.size > 0 && given.data.every(Number.isFinite), "data", () => ({
      where: `${this.name}.adapt`,
      expected: "finite numbers",
      received: given.size === 0 ? "none" : "NaN or infinity among them",
      remedy: "Remove or replace missing values first.",
    }));
    this.build([given.shape]);
    const sorted = Float32Array.from(given.data).sort();
    this.setWeights([
      Float32Array.from(
        { length: numBins - 1 },
        (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / numBins)] as number,
      ),
    ]);
  }
}

/**
 * The number of the range that each value lies in: 0 below the first boundary, and so on; NaN is in the last range, as in
 * NumPy's `digitize`. Boundaries are given, or learnt from data by `adapt`.
 */
export function discretization(options: DiscretizationOptions): DiscretizationLayer {
  const definition = discretizationDefinition as unknown as LayerDefinition<Fields, "one" | "many">;
  const layer = new DiscretizationLayer(definition, options as unknown as Record<string, unknown>);
  const { binBoundaries, numBins } = layer.options as Parsed<DiscretizationFields>;
  check((binBoundaries === null) !== (numBins === null), "option", () => ({
    where: "discretization",
    expected: "either binBoundaries or numBins",
    received: binBoundaries === null ? "neither" : "both",
  }));
  return layer;
}

/** Integers below `count` as vectors, with the last axis taken together unless each gets a vector of its own. */
function encoded(
  integers: SymbolicTensor,
  count: number,
  output: CategoryOutput,
  weights: SymbolicTensor | undefined,
): SymbolicTensor {
  const { shape } = integers;
  const single = output === "oneHot" && shape.length > 1 && shape[shape.length - 1] === 1;
  const vectors = oneHot(single ? reshape(integers, shape.slice(0, -1)) : integers, count);
  if (output === "oneHot") return vectors;
  // A sample of one value only has no axis to take together.
  const values = shape.length === 1 ? reshape(vectors, [shape[0] as number, 1, count]) : vectors;
  if (output === "multiHot") return minimum(sum(values, -2), 1);
  const factor = weights === undefined ? undefined : reshape(asFloat(weights), [...values.shape.slice(0, -1), 1]);
  return sum(factor === undefined ? values : multiply(values, factor), -2);
}

/* @__NO_SIDE_EFFECTS__ */
function boundaries(): Field<readonly number[] | null> {
  const rule = numbers(null);
  return {
    parse: (value, where) => {
      const given = rule.parse(value, where);
      const list = typeof given === "number" ? [given] : given;
      check(
        list === null || list.every((each, index) => index === 0 || each > (list[index - 1] as number)),
        "option",
        () => ({ where, expected: "numbers in rising order", received: show(value) }),
      );
      return list;
    },
    write: (value) => (value === null ? null : [...value]),
  };
}

/* @__NO_SIDE_EFFECTS__ */
function optionalCount(): Field<number | null> {
  return {
    parse: (value, where) => {
      if (value === undefined || value === null) return null;
      check(Number.isInteger(value) && (value as number) >= 2, "option", () => ({
        where,
        expected: "an integer ≥ 2",
        received: show(value),
      }));
      return value as number;
    },
    write: (value) => value,
  };
}
