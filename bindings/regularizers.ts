// How are large weights punished? By a scalar that is added to the loss.

import { type Config, checkClassName, checkNumber, checkOptionNames, optionsFromConfig } from "./config.ts";
import { check, show, unknownName } from "./errors.ts";
import { constant, errorPlace, type SymbolicTensor } from "./graph.ts";
import { transpose } from "./ops/copy.ts";
import { abs, add, asFloat, maximum, multiply, rsqrt, square } from "./ops/map.ts";
import { matMul } from "./ops/matMul.ts";
import { sum } from "./ops/reduce.ts";

/** A penalty for a weight or a result. */
export interface Regularizer {
  /** Its class in Keras. */
  readonly className: string;
  /** Its options as Keras writes them. */
  readonly config: Config;
  /** The penalty, a scalar. */
  call(x: SymbolicTensor): SymbolicTensor;
}

/** Options of {@link l1}. */
export interface L1Options {
  /** Factor; ≥ 0. Default 0.01. */
  readonly l1?: number;
}
/** Options of {@link l2}. */
export interface L2Options {
  /** Factor; ≥ 0. Default 0.01. */
  readonly l2?: number;
}
/** Options of {@link l1l2}. */
export interface L1L2Options {
  /** Factor of Σ |x|; ≥ 0. Default 0. */
  readonly l1?: number;
  /** Factor of Σ x²; ≥ 0. Default 0. */
  readonly l2?: number;
}
/** Options of {@link orthogonalRegularizer}. */
export interface OrthogonalRegularizerOptions {
  /** Factor; ≥ 0. Default 0.01. */
  readonly factor?: number;
  /** Which vectors should be orthogonal. Default "rows". */
  readonly mode?: "rows" | "columns";
}

/** l1 · Σ |x|. */
export function l1(options: L1Options = {}): Regularizer {
  checkOptionNames("l1", options, ["l1"]);
  const factor = checkNumber("l1.l1", options.l1 ?? 0.01, 0);
  return regularizer("L1", { l1: factor }, (x) => multiply(sum(abs(x)), factor));
}

/** l2 · Σ x². */
export function l2(options: L2Options = {}): Regularizer {
  checkOptionNames("l2", options, ["l2"]);
  const factor = checkNumber("l2.l2", options.l2 ?? 0.01, 0);
  return regularizer("L2", { l2: factor }, (x) => multiply(sum(square(x)), factor));
}

/** l1 · Σ |x| + l2 · Σ x². */
export function l1l2(options: L1L2Options = {}): Regularizer {
  checkOptionNames("l1l2", options, ["l1", "l2"]);
  const first = checkNumber("l1l2.l1", options.l1 ?? 0, 0);
  const second = checkNumber("l1l2.l2", options.l2 ?? 0, 0);
  return regularizer("L1L2", { l1: first, l2: second }, (x) => {
    const terms = [
      ...(first === 0 ? [] : [multiply(sum(abs(x)), first)]),
      ...(second === 0 ? [] : [multiply(sum(square(x)), second)]),
    ];
    return terms.length === 0 ? constant(0) : terms.reduce((a, b) => add(a, b));
  });
}

/** factor · mean |cosine| over all pairs of different rows (or columns) of x [rows, columns]. */
export function orthogonalRegularizer(options: OrthogonalRegularizerOptions = {}): Regularizer {
  checkOptionNames("orthogonalRegularizer", options, ["factor", "mode"]);
  const factor = checkNumber("orthogonalRegularizer.factor", options.factor ?? 0.01, 0);
  const { mode = "rows" } = options;
  check(mode === "rows" || mode === "columns", "option", () => ({
    where: "orthogonalRegularizer.mode",
    expected: '"rows" or "columns"',
    received: show(mode),
  }));
  return regularizer("OrthogonalRegularizer", { factor, mode }, (x) => {
    check(x.shape.length === 2, "shape", () => ({
      where: errorPlace("orthogonalRegularizer"),
      expected: "a weight of two axes",
      received: `[${x.shape.join(", ")}]`,
    }));
    const rows = mode === "rows" ? asFloat(x) : transpose(asFloat(x));
    const count = rows.shape[0] as number;
    const units = multiply(rows, rsqrt(maximum(sum(square(rows), 1, true), 1e-12)));
    const others = Float32Array.from({ length: count * count }, (_, at) => (at % (count + 1) === 0 ? 0 : 1));
    const cosines = matMul(units, transpose(units));
    const masked = multiply(cosines, constantMatrix(others, count));
    return multiply(sum(abs(masked)), count < 2 ? 0 : factor / (count * (count - 1)));
  });
}

function constantMatrix(values: Float32Array, size: number): SymbolicTensor {
  return constant(Array.from({ length: size }, (_, row) => Array.from(values.subarray(row * size, (row + 1) * size))));
}

// By name -------------------------------------------------------------------------------------------------------------

/** Names of regularizers, with their default options. */
export type RegularizerName = "l1" | "l2" | "l1l2" | "orthogonalRegularizer";
/** What options such as `kernelRegularizer` take: a name, an object, or a function of ops that gives a scalar. */
export type RegularizerLike = RegularizerName | Regularizer | ((x: SymbolicTensor) => SymbolicTensor);

const classes: Readonly<Record<string, RegularizerName>> = {
  L1: "l1",
  L2: "l2",
  L1L2: "l1l2",
  OrthogonalRegularizer: "orthogonalRegularizer",
};
type Factory = (options: Record<string, never>) => Regularizer;

/** Each regularizer with the names of its options. */
const kinds: Readonly<Record<RegularizerName, readonly [Factory, readonly string[]]>> = {
  l1: [l1, ["l1"]],
  l2: [l2, ["l2"]],
  l1l2: [l1l2, ["l1", "l2"]],
  orthogonalRegularizer: [orthogonalRegularizer, ["factor", "mode"]],
};

/**
 * The regularizer meant by a name, an object or a function; null and undefined mean none.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveRegularizer(value: null | undefined, where: string): null;
export function resolveRegularizer(value: RegularizerLike | string, where: string): Regularizer;
export function resolveRegularizer(
  value: RegularizerLike | string | null | undefined,
  where: string,
): Regularizer | null;
export function resolveRegularizer(
  value: RegularizerLike | string | null | undefined,
  where: string,
): Regularizer | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "function") return regularizer(value.name === "" ? "custom" : value.name, {}, value);
  if (typeof value === "object" && typeof value.call === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of a regularizer, an object or a function",
    received: show(value),
  }));
  const known = Object.hasOwn(classes, value) ? (classes[value] as RegularizerName) : value;
  const name = value === "l1_l2" ? "l1l2" : known;
  if (!Object.hasOwn(kinds, name)) throw unknownName(where, "a regularizer", value, Object.keys(kinds));
  return kinds[name as RegularizerName][0]({});
}

/** The regularizer of a Keras configuration. @throws {TensorError} `name` or `option` for what is not known. */
export function regularizerFromConfig(className: string, config: Config = {}): Regularizer {
  checkClassName("regularizerFromConfig", "a regularizer", className);
  const name = Object.hasOwn(classes, className) ? classes[className] : undefined;
  if (name === undefined) throw unknownName("regularizerFromConfig", "a regularizer", className, Object.keys(classes));
  const [make, options] = kinds[name];
  return make(optionsFromConfig<Record<string, never>>(className, config, options));
}

function regularizer(className: string, config: Config, call: Regularizer["call"]): Regularizer {
  return Object.freeze({ className, config: Object.freeze(config), call });
}
