// Which values does a weight start with?

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
import { type Bounds, type Distribution, draw, fans, orthogonalRows } from "./initialValues.ts";
import { floatAbove, floatBelow } from "./ops/random.ts";
import { integer, nullOr } from "./optionRules.ts";
import { nextSeed } from "./seed.ts";
import { type Shape, sizeOf, Tensor, zeros as zeroTensor } from "./tensor.ts";

/** Makes the first values of a weight. */
export interface Initializer {
  /** Its class in Keras. */
  readonly className: string;
  /** Its options as Keras writes them. */
  readonly config: Config;
  /** The values, float32. `seed` counts when the initializer has none of its own; without any, `nextSeed`. */
  create(shape: Shape, seed?: number): Tensor;
}

/** What options such as `kernelInitializer` take: a name, or an object made by one of the functions here. */
export type InitializerLike = InitializerName | Initializer;

/** Options of random initializers. */
export interface SeedOptions {
  /** int32. With one, every weight of one shape gets the same values. Default null: a new one for each weight. */
  readonly seed?: number | null;
}
/** Options of {@link constant}. */
export interface ConstantOptions {
  /** Any finite number. Default 0. */
  readonly value?: number;
}
/** Options of {@link identity} and {@link orthogonal}. */
export interface GainOptions {
  /** Factor. Default 1. */
  readonly gain?: number;
}
/** Options of {@link randomNormal} and {@link truncatedNormal}. */
export interface NormalOptions extends SeedOptions {
  /** Mean of the numbers. Default 0. */
  readonly mean?: number;
  /** Standard deviation, > 0 (before cutting, where normals are cut). Default 0.05. */
  readonly stddev?: number;
}
/** Options of {@link randomUniform}. */
export interface UniformOptions extends SeedOptions {
  /** Least number. Default −0.05. */
  readonly minval?: number;
  /** Bound that numbers stay below; ≥ minval. Default 0.05. */
  readonly maxval?: number;
}
/** Options of {@link varianceScaling}. */
export interface VarianceScalingOptions extends SeedOptions {
  /** Variance times fan, > 0. Default 1. */
  readonly scale?: number;
  /** What the variance is divided by: inputs of a unit, outputs, or their mean. Default "fanIn". */
  readonly mode?: "fanIn" | "fanOut" | "fanAvg" | "fan_in" | "fan_out" | "fan_avg";
  /** Default "truncatedNormal". */
  readonly distribution?:
    | "truncatedNormal"
    | "untruncatedNormal"
    | "uniform"
    | "truncated_normal"
    | "untruncated_normal"
    | "normal";
}

/** 0 everywhere. */
export function zeros(options: NoOptions = {}): Initializer {
  checkOptionNames("zeros", options, []);
  return initializer("Zeros", {}, (shape) => zeroTensor(shape));
}

/** 1 everywhere. */
export function ones(options: NoOptions = {}): Initializer {
  checkOptionNames("ones", options, []);
  return initializer("Ones", {}, (shape) => filled(shape, 1));
}

/** `value` everywhere. */
export function constant(options: ConstantOptions = {}): Initializer {
  checkOptionNames("constant", options, ["value"]);
  const value = checkNumber("constant.value", options.value ?? 0);
  return initializer("Constant", { value }, (shape) => filled(shape, value));
}

/** `gain` on the diagonal, else 0: shape [rows, columns]. @throws {TensorError} `shape` for another rank. */
export function identity(options: GainOptions = {}): Initializer {
  checkOptionNames("identity", options, ["gain"]);
  const gain = checkNumber("identity.gain", options.gain ?? 1);
  return initializer("Identity", { gain }, (shape) => {
    checkRank("identity", shape, shape.length === 2, "two axes");
    const [rows = 0, columns = 0] = shape;
    const values = new Float32Array(rows * columns);
    for (let row = 0; row < Math.min(rows, columns); row++) values[row * columns + row] = gain;
    return Tensor.of(values, shape, "float32");
  });
}

/** Independent normal numbers of `mean` and `stddev`. */
export function randomNormal(options: NormalOptions = {}): Initializer {
  return normalInitializer("RandomNormal", "normal", options);
}

/** Normal numbers of `mean` and `stddev` within two `stddev` of the mean. */
export function truncatedNormal(options: NormalOptions = {}): Initializer {
  return normalInitializer("TruncatedNormal", "truncatedNormal", options);
}

/** Independent uniform numbers in [minval, maxval); minval alone where no float32 lies between. */
export function randomUniform(options: UniformOptions = {}): Initializer {
  checkOptionNames("randomUniform", options, ["minval", "maxval", "seed"]);
  const minval = checkNumber("randomUniform.minval", options.minval ?? -0.05);
  const maxval = checkNumber("randomUniform.maxval", options.maxval ?? 0.05, minval);
  const seed = seedOf("randomUniform", options);
  const last = Math.max(Math.fround(minval), floatBelow(maxval));
  return initializer("RandomUniform", { seed, minval, maxval }, (shape, given) =>
    // Rounding would reach the upper bound.
    draw("uniform", shape, maxval - minval, minval, seed ?? given ?? nextSeed(), [minval, last]),
  );
}

/**
 * Random numbers of mean 0 and variance scale / fan, where fan is the number of inputs of a unit (`fanIn`), of outputs
 * (`fanOut`) or their mean (`fanAvg`). For shape [..., in, out] they are Π(...)·in and Π(...)·out.
 * @throws {TensorError} `option` for scale ≤ 0 or an unknown mode or distribution.
 */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  checkOptionNames("varianceScaling", options, ["scale", "mode", "distribution", "seed"]);
  const scale = checkNumber("varianceScaling.scale", options.scale ?? 1, Number.MIN_VALUE);
  const mode = oneOf("varianceScaling.mode", options.mode ?? "fanIn", fanModes);
  const named = options.distribution === "normal" ? "truncatedNormal" : (options.distribution ?? "truncatedNormal");
  const distribution = oneOf("varianceScaling.distribution", named, distributions);
  const seed = seedOf("varianceScaling", options);
  const config = { scale, mode: toSnakeCase(mode), distribution: toSnakeCase(distribution), seed };
  return initializer("VarianceScaling", config, scaled(scale, mode, distribution, seed));
}

/** Uniform in ±√(6 / (fanIn + fanOut)) (Glorot & Bengio, 2010). */
export function glorotUniform(options: SeedOptions = {}): Initializer {
  return scaling("GlorotUniform", 1, "fanAvg", "uniform", options);
}

/** Truncated normal of variance 2 / (fanIn + fanOut) (Glorot & Bengio, 2010). */
export function glorotNormal(options: SeedOptions = {}): Initializer {
  return scaling("GlorotNormal", 1, "fanAvg", "truncatedNormal", options);
}

/** Uniform in ±√(6 / fanIn) (He et al., 2015). */
export function heUniform(options: SeedOptions = {}): Initializer {
  return scaling("HeUniform", 2, "fanIn", "uniform", options);
}

/** Truncated normal of variance 2 / fanIn (He et al., 2015). */
export function heNormal(options: SeedOptions = {}): Initializer {
  return scaling("HeNormal", 2, "fanIn", "truncatedNormal", options);
}

/** Uniform in ±√(3 / fanIn) (LeCun et al., 1998). */
export function lecunUniform(options: SeedOptions = {}): Initializer {
  return scaling("LecunUniform", 1, "fanIn", "uniform", options);
}

/** Truncated normal of variance 1 / fanIn (LeCun et al., 1998). */
export function lecunNormal(options: SeedOptions = {}): Initializer {
  return scaling("LecunNormal", 1, "fanIn", "truncatedNormal", options);
}

/**
 * W·Wᵀ = gain²·I for the matrix [rows, columns] of all leading axes by the last, or WᵀW if it is taller than wide
 * (Saxe et al., 2014). @throws {TensorError} `shape` for less than two axes.
 */
export function orthogonal(options: GainOptions & SeedOptions = {}): Initializer {
  checkOptionNames("orthogonal", options, ["gain", "seed"]);
  const gain = checkNumber("orthogonal.gain", options.gain ?? 1);
  const seed = seedOf("orthogonal", options);
  return initializer("Orthogonal", { gain, seed }, (shape, given) => {
    checkRank("orthogonal", shape, shape.length >= 2, "at least two axes");
    const columns = shape[shape.length - 1] as number;
    const rows = sizeOf(shape) / columns;
    const normal = draw("normal", shape, 1, 0, seed ?? given ?? nextSeed()).data;
    return Tensor.of(orthogonalRows(normal, rows, columns, gain), shape, "float32");
  });
}

// By name -------------------------------------------------------------------------------------------------------------

/** Names of initializers, with their default options. */
export type InitializerName =
  | "zeros"
  | "ones"
  | "constant"
  | "identity"
  | "randomNormal"
  | "randomUniform"
  | "truncatedNormal"
  | "varianceScaling"
  | "glorotUniform"
  | "glorotNormal"
  | "heUniform"
  | "heNormal"
  | "lecunUniform"
  | "lecunNormal"
  | "orthogonal";

type Factory = (options: Record<string, never>) => Initializer;

/** Each initializer with the names of its options. */
const kinds: Readonly<Record<InitializerName, readonly [Factory, readonly string[]]>> = {
  zeros: [zeros, []],
  ones: [ones, []],
  constant: [constant, ["value"]],
  identity: [identity, ["gain"]],
  randomNormal: [randomNormal, ["mean", "stddev", "seed"]],
  randomUniform: [randomUniform, ["minval", "maxval", "seed"]],
  truncatedNormal: [truncatedNormal, ["mean", "stddev", "seed"]],
  varianceScaling: [varianceScaling, ["scale", "mode", "distribution", "seed"]],
  glorotUniform: [glorotUniform, ["seed"]],
  glorotNormal: [glorotNormal, ["seed"]],
  heUniform: [heUniform, ["seed"]],
  heNormal: [heNormal, ["seed"]],
  lecunUniform: [lecunUniform, ["seed"]],
  lecunNormal: [lecunNormal, ["seed"]],
  orthogonal: [orthogonal, ["gain", "seed"]],
};

/**
 * The initializer meant by a name (`heNormal`, or `he_normal` as Keras writes it) or by an object.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveInitializer(value: InitializerLike | string, where: string): Initializer {
  if (typeof value === "object" && value !== null && typeof value.create === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of an initializer, or an object with create(shape)",
    received: show(value),
  }));
  return kindOf(where, value)[0]({});
}

/** The initializer of a Keras configuration. @throws {TensorError} `name` or `option` for what is not known. */
export function initializerFromConfig(className: string, config: Config = {}): Initializer {
  const [make, options] = kindOf("initializerFromConfig", className);
  return make(optionsFromConfig<Record<string, never>>(className, config, options));
}

function kindOf(where: string, name: string): readonly [Factory, readonly string[]] {
  checkClassName(where, "an initializer", name);
  const camel = toCamelCase(toSnakeCase(name));
  if (!Object.hasOwn(kinds, camel)) throw unknownName(where, "an initializer", name, Object.keys(kinds));
  return kinds[camel as InitializerName];
}

// Parts ---------------------------------------------------------------------------------------------------------------

function initializer(className: string, config: Config, create: Initializer["create"]): Initializer {
  return Object.freeze({ className, config: Object.freeze(config), create });
}

const fanModes = ["fanIn", "fanOut", "fanAvg"] as const;
const distributions = ["truncatedNormal", "untruncatedNormal", "uniform"] as const;
type Mode = (typeof fanModes)[number];
type Scheme = (typeof distributions)[number];
/** Standard deviation of a standard normal number cut at ±2. */
const truncatedDeviation = 0.87962566103423978;

function scaling(
  className: string,
  scale: number,
  mode: Mode,
  distribution: Scheme,
  options: SeedOptions,
): Initializer {
  checkOptionNames(className, options, ["seed"]);
  const seed = seedOf(className, options);
  return initializer(className, { seed }, scaled(scale, mode, distribution, seed));
}

function scaled(
  scale: number,
  mode: Mode,
  distribution: Scheme,
  seed: number | null,
): (shape: Shape, given?: number) => Tensor {
  return (shape, given) => {
    const { fanIn, fanOut } = fans(shape);
    const fan = mode === "fanIn" ? fanIn : mode === "fanOut" ? fanOut : (fanIn + fanOut) / 2;
    const variance = scale / Math.max(1, fan);
    const key = seed ?? given ?? nextSeed();
    if (distribution === "uniform") {
      const limit = Math.sqrt(3 * variance);
      return draw("uniform", shape, 2 * limit, -limit, key);
    }
    const deviation = Math.sqrt(variance);
    if (distribution === "untruncatedNormal") return draw("normal", shape, deviation, 0, key);
    return draw("truncatedNormal", shape, deviation / truncatedDeviation, 0, key);
  };
}

function normalInitializer(className: string, kind: Distribution, options: NormalOptions): Initializer {
  checkOptionNames(className, options, ["mean", "stddev", "seed"]);
  const mean = checkNumber(`${className}.mean`, options.mean ?? 0);
  const stddev = checkNumber(`${className}.stddev`, options.stddev ?? 0.05, Number.MIN_VALUE);
  const seed = seedOf(className, options);
  // Rounding would leave the bounds.
  const [low, high] = [floatAbove(floatBelow(mean - 2 * stddev)), floatBelow(floatAbove(mean + 2 * stddev))];
  const bounds: Bounds | undefined = kind === "normal" ? undefined : [low, high];
  return initializer(className, { seed, mean, stddev }, (shape, given) =>
    draw(kind, shape, stddev, mean, seed ?? given ?? nextSeed(), bounds),
  );
}

function filled(shape: Shape, value: number): Tensor {
  return Tensor.of(new Float32Array(sizeOf(shape)).fill(value), shape, "float32");
}

function seedOf(where: string, { seed = null }: SeedOptions): number | null {
  nullOr(integer(0)).check(`${where}.seed`, seed);
  return seed;
}

function oneOf<T extends string>(where: string, value: string, words: readonly T[]): T {
  checkClassName(where, "a choice", value);
  const found = words.find((word) => word === toCamelCase(value));
  if (found === undefined) throw unknownName(where, "a choice", value, words);
  return found;
}

function checkRank(where: string, shape: Shape, fits: boolean, expected: string): void {
  check(fits, "shape", () => ({ where, expected, received: `[${shape.join(", ")}]` }));
}
