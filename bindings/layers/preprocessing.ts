// Layers that bring raw data into the range that networks like.

import { compiled } from "../compiled.ts";
import { check, show } from "../errors.ts";
import { constant, errorPlace, type SymbolicTensor } from "../graph.ts";
import { type Initializer, ones, zeros } from "../initializers.ts";
import { variance } from "../ops/composed.ts";
import { add, asFloat, divide, maximum, multiply, sqrt, subtract } from "../ops/map.ts";
import { mean, resolveAxes } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import { type Shape, type TensorLike, tensor } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import type { Field, Fields, Parsed } from "./field.ts";
import { flag, integers, numbers, requiredNumbers } from "./field.ts";
import { defineLayer, Layer, type LayerDefinition, type LayerOptions } from "./layer.ts";

/** Options of {@link rescaling}. */
export interface RescalingOptions extends LayerOptions {
  /** Factor: one number, or one for each entry of the last axis. */
  readonly scale: number | readonly number[];
  /** Added after scaling. Default 0. */
  readonly offset?: number | readonly number[];
}

const rescalingFields = { scale: requiredNumbers(), offset: numbers(0) };

/** x · scale + offset as float32, same shape. Keeps uint8 images small until here. */
export const rescaling: (options: RescalingOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Rescaling",
  fields: rescalingFields,
  inputs: "one",
  call: (x, { options: { scale, offset } }) => add(multiply(asFloat(x), values(scale)), values(offset ?? 0)),
});

function values(given: number | readonly number[]): SymbolicTensor {
  return constant(typeof given === "number" ? given : Float32Array.from(given));
}

/** Options of {@link normalization}. */
export interface NormalizationOptions extends LayerOptions {
  /** Axes that keep a mean and variance of their own; null or [] for one of all values. Default -1. */
  readonly axis?: number | readonly number[] | null;
  /** Known mean: one number, or one for each entry of `axis`; with `variance`. Default null: call `adapt`. */
  readonly mean?: number | readonly number[] | null;
  /** Known variance, ≥ 0, in the same form; with `mean`. Default null: call `adapt`. */
  readonly variance?: number | readonly number[] | null;
  /** Undo the normalisation: x · √variance + mean. Default false. */
  readonly invert?: boolean;
}

const normalizationFields: {
  readonly axis: Field<readonly number[] | null>;
  readonly invert: Field<boolean>;
  readonly mean: Field<number | readonly number[] | null>;
  readonly variance: Field<number | readonly number[] | null>;
} = {
  axis: integers([-1], Number.MIN_SAFE_INTEGER),
  invert: flag(false),
  mean: numbers(null),
  variance: numbers(null),
};

type NormalizationFields = typeof normalizationFields;

/** Smallest standard deviation that is divided by, as in Keras. */
const smallestDeviation = 1e-7;

const normalizationDefinition: LayerDefinition<NormalizationFields, "one"> = {
  className: "Normalization",
  fields: normalizationFields,
  inputs: "one",
  weights: ([shape = []], options) => {
    if (options.mean !== null || options.variance !== null) return {};
    const kept = keptShape(shape, options);
    const spec = (initializer: Initializer): { shape: Shape; initializer: Initializer; trainable: boolean } => ({
      shape: kept,
      initializer,
      trainable: false,
    });
    return { mean: spec(zeros()), variance: spec(ones()), count: { ...spec(zeros()), shape: [], dtype: "int32" } };
  },
  call: (x, { options, weights }) => {
    const shape = x.shape.map((size, axis) => (axesOf(x.shape, options).includes(axis) ? size : 1));
    const read = (given: number | readonly number[] | null, weight: SymbolicTensor | undefined): SymbolicTensor => {
      const source = given === null ? (weight as SymbolicTensor) : values(given);
      return source.size === 1 ? reshape(source, []) : reshape(source, shape);
    };
    const centre = read(options.mean, weights.mean);
    const deviation = maximum(sqrt(read(options.variance, weights.variance)), smallestDeviation);
    const float = asFloat(x);
    return options.invert ? add(multiply(float, deviation), centre) : divide(subtract(float, centre), deviation);
  },
};

function axesOf(shape: Shape, options: Parsed<NormalizationFields>): number[] {
  const axes = resolveAxes("normalization", shape.length, options.axis ?? []);
  check(!axes.includes(0), "option", () => ({
    where: `${errorPlace("normalization")}.axis`,
    expected: "axes other than the batch axis",
    received: show(options.axis),
  }));
  return axes;
}

function keptShape(shape: Shape, options: Parsed<NormalizationFields>): number[] {
  return axesOf(shape, options).map((axis) => shape[axis] as number);
}

/** A normalization layer; `adapt` sets its mean and variance from data. */
export class NormalizationLayer extends Layer {
  /**
   * Sets mean and variance to those of `data`, [samples, ...], over all axes but `axis`.
   * @throws {TensorError} `state` when mean and variance were given as options, `data` for NaN, infinity or no data.
   */
  adapt(data: TensorLike): void {
    const given = tensor(data);
    const options = this.options as Parsed<NormalizationFields>;
    check(options.mean === null, "state", () => ({
      where: `${this.name}.adapt`,
      expected: "a layer without given mean and variance",
      received: "one with them",
    }));
    check(given.size > 0 && given.shape.length > 0 && given.data.every(Number.isFinite), "data", () => ({
      where: `${this.name}.adapt`,
      expected: "finite numbers, of shape [samples, ...]",
      received: given.size === 0 ? "none" : `shape [${given.shape.join(", ")}] with NaN or infinity`,
      remedy: "Remove or replace missing values first.",
    }));
    this.build([given.shape]);
    const axes = axesOf(given.shape, options);
    const others = [...given.shape.keys()].filter((axis) => !axes.includes(axis));
    const [average, spread] = compiled((x) => [mean(x, others), variance(x, others)] as const)(given);
    const [meanWeight, varianceWeight] = this.weights as [Variable, Variable];
    meanWeight.assign(average);
    varianceWeight.assign(spread);
  }
}

/** (x − mean) / √variance along `axis`, same shape. Mean and variance are given, or learnt from data by `adapt`. */
export function normalization(options: NormalizationOptions = {}): NormalizationLayer {
  const definition = normalizationDefinition as unknown as LayerDefinition<Fields, "one" | "many">;
  const layer = new NormalizationLayer(definition, options as Record<string, unknown>);
  const { mean: given, variance: spread } = layer.options as Parsed<NormalizationFields>;
  check((given === null) === (spread === null), "option", () => ({
    where: "normalization",
    expected: "mean and variance together, or neither",
    received: "one of them",
    remedy: "Give both, or call adapt(data).",
  }));
  check(
    [spread ?? 0].flat().every((each) => each >= 0),
    "option",
    () => ({
      where: "normalization.variance",
      expected: "numbers ≥ 0",
      received: show(spread),
    }),
  );
  return layer;
}
