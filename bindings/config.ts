// How do objects look in a Keras 3 configuration, and how are options read back from one?

import { check, show, unknownName } from "./errors.ts";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Options as Keras writes them: keys in snake_case. */
export type Config = Readonly<Record<string, Json>>;

/** A layer, loss, optimizer, initializer … as Keras 3 writes it. */
export interface SerializedObject {
  readonly module?: string | null;
  readonly class_name: string;
  readonly config: Record<string, Json>;
  readonly registered_name?: string | null;
}

/** The options of what has none. */
export type NoOptions = Readonly<Record<never, never>>;

/** `GlorotUniform` → `glorot_uniform`, `negativeSlope` → `negative_slope`, `Conv2D` → `conv2d`, as Keras does it. */
export function toSnakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/** `glorot_uniform` → `glorotUniform`, `beta_1` → `beta1`. */
export function toCamelCase(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The object as Keras 3 writes it. */
export function serialize(className: string, config: Config, module?: string): SerializedObject {
  return {
    ...(module === undefined ? {} : { module }),
    class_name: className,
    config: { ...config },
    registered_name: null,
  };
}

/** Whether `value` is what {@link serialize} writes. */
export function isSerialized(value: unknown): value is SerializedObject {
  return typeof value === "object" && value !== null && "class_name" in value && "config" in value;
}

/** Keys that Keras writes whether they matter or not. */
const always: readonly string[] = ["name", "trainable", "dtype", "module", "registeredName"];

/**
 * The options in `config`, keys in camelCase, only those that `known` lists; null stays null, missing keys stay missing.
 * The values are not checked here: the factory that takes them does that.
 * @throws {TensorError} `option` for a key that is not known, `unsupported` for a dtype other than float32.
 */
export function optionsFromConfig<O extends object>(
  where: string,
  config: Config,
  known: readonly (string & keyof O)[],
): O {
  checkConfig(where, config);
  const options: Record<string, Json> = {};
  for (const [key, value] of Object.entries(config)) {
    const option = toCamelCase(key);
    if (option === "dtype") checkDtype(where, value);
    if ((known as readonly string[]).includes(option)) options[option] = value;
    else
      check(always.includes(option), "option", () => ({
        where,
        expected: known.length === 0 ? "no options" : `the options ${known.map(toSnakeCase).join(", ")}`,
        received: key,
      }));
  }
  return options as O;
}

/**
 * The options in `config` for a factory that checks their names itself: keys in camelCase, without what Keras writes for
 * every loss and metric.
 * @throws {TensorError} `unsupported` for a dtype other than float32, or int32, in which Keras counts.
 */
export function ownOptions<O extends object>(where: string, config: Config): O {
  checkConfig(where, config);
  if (config.dtype !== "int32") checkDtype(where, config.dtype ?? null);
  const keys = Object.keys(config).filter((key) => !["dtype", "fn", "module", "registered_name"].includes(key));
  return Object.fromEntries(keys.map((key) => [toCamelCase(key), config[key]])) as O;
}

/** @throws {TensorError} `option` unless `config` is an object of options. */
export function checkConfig(where: string, config: unknown): asserts config is Config {
  const isObject = typeof config === "object" && config !== null && !Array.isArray(config);
  check(isObject, "option", () => ({
    where,
    expected: "a configuration, an object of options",
    received: show(config),
  }));
}

/** @throws {TensorError} `name` unless `value`, a name of `kind` in a configuration, is a text. */
export function checkClassName(where: string, kind: string, value: unknown): asserts value is string {
  check(typeof value === "string", "name", () => ({
    where,
    expected: `the name of ${kind}`,
    received: show(value),
  }));
}

/** Accepts float32 as a name, as a policy object, or missing. @throws {TensorError} `unsupported` for the others. */
export function checkDtype(where: string, dtype: Json): void {
  const name = isSerialized(dtype) ? dtype.config.name : dtype;
  check(name === "float32" || name === null || name === undefined, "unsupported", () => ({
    where: `${where}.dtype`,
    expected: "float32",
    received: show(name),
  }));
}

/** @throws {TensorError} `option` unless `given` can hold options: lists, maps, promises, functions … would be ignored. */
export function checkOptionsObject(where: string, given: unknown): void {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  check(isObject && (isPlain(given) || Object.keys(given).length > 0), "option", () => ({
    where,
    expected: "an object of options",
    received: show(given),
  }));
}

/** Whether `value` is an object of no class. Those of another realm are as well: their prototype has none. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @throws {TensorError} `option` unless `definition` has parts of these types, neither null nor "". */
export function checkDefinition(where: string, definition: object, parts: Readonly<Record<string, string>>): void {
  checkOptionsObject(where, definition);
  for (const [name, type] of Object.entries(parts)) {
    const part = (definition as Readonly<Record<string, unknown>>)[name];
    check(typeof part === type && Boolean(part), "option", () => ({
      where: `${where}.${name}`,
      expected: `the type ${type}`,
      received: show(part),
    }));
  }
}

/** @throws {TensorError} `option`, naming the nearest known option, when `given` has a key that `known` does not list. */
export function checkOptionNames(where: string, given: object, known: readonly string[]): void {
  checkOptionsObject(where, given);
  for (const key of Object.keys(given)) {
    check(known.length > 0, "name", () => ({ where, expected: "no options", received: show(key) }));
    if (!known.includes(key)) throw unknownName(where, "an option", key, known);
  }
}

/** `value`, known to be a finite number in [low, high]. @throws {TensorError} `option` otherwise. */
export function checkNumber(
  where: string,
  value: unknown,
  low: number = Number.NEGATIVE_INFINITY,
  high: number = Number.POSITIVE_INFINITY,
): number {
  check(typeof value === "number" && Number.isFinite(value) && value >= low && value <= high, "option", () => ({
    where,
    expected: `a finite number${rangeText(low, high)}`,
    received: show(value),
  }));
  return value;
}

function rangeText(low: number, high: number): string {
  if (Number.isFinite(low) && Number.isFinite(high)) return ` from ${low} to ${high}`;
  if (Number.isFinite(low)) return low === Number.MIN_VALUE ? " > 0" : ` ≥ ${low}`;
  return Number.isFinite(high) ? ` ≤ ${high}` : "";
}
