// Which values may a weight have? After each step it is moved to the nearest allowed ones.

import {
  type Config,
  checkClassName,
  checkNumber,
  checkOptionNames,
  type NoOptions,
  optionsFromConfig,
  toCamelCase,
  toSnakeCase,
} from "./config.ts";
import { check, show, unknownName } from "./errors.ts";
import type { SymbolicTensor } from "./graph.ts";
import { clip } from "./ops/composed.ts";
import { add, divide, multiply, relu, sqrt, square } from "./ops/map.ts";
import { sum } from "./ops/reduce.ts";

/** A projection of weights onto allowed values. */
export interface Constraint {
  /** Its class in Keras. */
  readonly className: string;
  /** Its options as Keras writes them. */
  readonly config: Config;
  /** The allowed values for x; same shape. */
  call(x: SymbolicTensor): SymbolicTensor;
}

/** Axes over which a norm is taken. */
export interface AxisOptions {
  /** Default 0: one norm for each unit of a dense layer; [0, 1, 2] for a kernel of a two-dimensional convolution. */
  readonly axis?: number | readonly number[];
}
/** Options of {@link maxNorm}. */
export interface MaxNormOptions extends AxisOptions {
  /** Largest norm; ≥ 0. Default 2. */
  readonly maxValue?: number;
}
/** Options of {@link minMaxNorm}. */
export interface MinMaxNormOptions extends AxisOptions {
  /** Least norm; ≥ 0. Default 0. */
  readonly minValue?: number;
  /** Largest norm; ≥ minValue. Default 1. */
  readonly maxValue?: number;
  /** How far norms move towards the allowed range in one step, in [0, 1]. Default 1. */
  readonly rate?: number;
}

/** Keeps a division by the norm finite, as Keras does. */
const epsilon = 1e-7;

/** x · min(‖x‖, maxValue) / (‖x‖ + 10⁻⁷), norms over `axis`. */
export function maxNorm(options: MaxNormOptions = {}): Constraint {
  checkOptionNames("maxNorm", options, ["maxValue", "axis"]);
  const limit = checkNumber("maxNorm.maxValue", options.maxValue ?? 2, 0);
  const axis = axisOf("maxNorm", options);
  return constraint("MaxNorm", { max_value: limit, axis }, (x) => {
    const norms = normOf(x, axis);
    return multiply(x, divide(clip(norms, 0, limit), add(norms, epsilon)));
  });
}

/** x · (rate · clip(‖x‖, minValue, maxValue) + (1 − rate) · ‖x‖) / (‖x‖ + 10⁻⁷), norms over `axis`. */
export function minMaxNorm(options: MinMaxNormOptions = {}): Constraint {
  checkOptionNames("minMaxNorm", options, ["minValue", "maxValue", "rate", "axis"]);
  const low = checkNumber("minMaxNorm.minValue", options.minValue ?? 0, 0);
  const high = checkNumber("minMaxNorm.maxValue", options.maxValue ?? 1, low);
  const rate = checkNumber("minMaxNorm.rate", options.rate ?? 1, 0, 1);
  const axis = axisOf("minMaxNorm", options);
  return constraint("MinMaxNorm", { min_value: low, max_value: high, rate, axis }, (x) => {
    const norms = normOf(x, axis);
    const wanted = add(multiply(clip(norms, low, high), rate), multiply(norms, 1 - rate));
    return multiply(x, divide(wanted, add(norms, epsilon)));
  });
}

/** max(x, 0). */
export function nonNeg(options: NoOptions = {}): Constraint {
  checkOptionNames("nonNeg", options, []);
  return constraint("NonNeg", {}, (x) => relu(x));
}

/** x / (‖x‖ + 10⁻⁷), norms over `axis`. */
export function unitNorm(options: AxisOptions = {}): Constraint {
  checkOptionNames("unitNorm", options, ["axis"]);
  const axis = axisOf("unitNorm", options);
  return constraint("UnitNorm", { axis }, (x) => divide(x, add(normOf(x, axis), epsilon)));
}

function normOf(x: SymbolicTensor, axis: number | readonly number[]): SymbolicTensor {
  return sqrt(sum(square(x), axis, true));
}

function axisOf(where: string, { axis = 0 }: AxisOptions): number | readonly number[] {
  const list = Array.isArray(axis) ? axis : [axis];
  check(list.length > 0 && list.every((each) => Number.isInteger(each)), "option", () => ({
    where: `${where}.axis`,
    expected: "an axis or a list of axes",
    received: show(axis),
  }));
  return Array.isArray(axis) ? Object.freeze([...axis]) : axis;
}

// By name -------------------------------------------------------------------------------------------------------------

/** Names of constraints, with their default options. */
export type ConstraintName = "maxNorm" | "minMaxNorm" | "nonNeg" | "unitNorm";
/** What options such as `kernelConstraint` take: a name, an object, or a function of ops that keeps the shape. */
export type ConstraintLike = ConstraintName | Constraint | ((x: SymbolicTensor) => SymbolicTensor);

type Factory = (options: Record<string, never>) => Constraint;

/** Each constraint with the names of its options. */
const kinds: Readonly<Record<ConstraintName, readonly [Factory, readonly string[]]>> = {
  maxNorm: [maxNorm, ["maxValue", "axis"]],
  minMaxNorm: [minMaxNorm, ["minValue", "maxValue", "rate", "axis"]],
  nonNeg: [nonNeg, []],
  unitNorm: [unitNorm, ["axis"]],
};

/**
 * The constraint meant by a name (`maxNorm`, or `max_norm` as Keras writes it), an object or a function; null and
 * undefined mean none.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveConstraint(value: null | undefined, where: string): null;
export function resolveConstraint(value: ConstraintLike | string, where: string): Constraint;
export function resolveConstraint(value: ConstraintLike | string | null | undefined, where: string): Constraint | null;
export function resolveConstraint(value: ConstraintLike | string | null | undefined, where: string): Constraint | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "function") return constraint(value.name === "" ? "custom" : value.name, {}, value);
  if (typeof value === "object" && typeof value.call === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of a constraint, an object or a function",
    received: show(value),
  }));
  return kinds[nameOf(where, value)][0]({});
}

/** The constraint of a Keras configuration. @throws {TensorError} `name` or `option` for what is not known. */
export function constraintFromConfig(className: string, config: Config = {}): Constraint {
  const name = nameOf("constraintFromConfig", className);
  const [make, options] = kinds[name];
  return make(optionsFromConfig<Record<string, never>>(className, config, options));
}

function nameOf(where: string, name: string): ConstraintName {
  checkClassName(where, "a constraint", name);
  const camel = toCamelCase(toSnakeCase(name));
  if (!Object.hasOwn(kinds, camel)) throw unknownName(where, "a constraint", name, Object.keys(kinds));
  return camel as ConstraintName;
}

function constraint(className: string, config: Config, call: Constraint["call"]): Constraint {
  return Object.freeze({ className, config: Object.freeze(config), call });
}
