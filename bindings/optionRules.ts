// What may an option of a loss, a metric or an optimizer be, and what is it when it is missing?

import { type Config, checkNumber, checkOptionNames, type Json, toSnakeCase } from "./config.ts";
import { check, show, unknownName } from "./errors.ts";

/** One option. */
export interface OptionRule<T> {
  /** Its value when it is missing. */
  readonly initial: T;
  /** Whether it must be given. Default false. */
  readonly required?: boolean;
  /** @throws {TensorError} `option` unless the value is allowed. */
  check(where: string, value: unknown): void;
}

/** A rule for each option. */
export type OptionRules<S> = { readonly [K in keyof S]: OptionRule<S[K]> };

/** A finite number in [low, high]. */
/* @__NO_SIDE_EFFECTS__ */
export function number(initial: number, low?: number, high?: number): OptionRule<number> {
  return { initial, check: (where, value) => checkNumber(where, value, low, high) };
}

/** A whole number from `low` to `high`. */
/* @__NO_SIDE_EFFECTS__ */
export function integer(
  initial: number,
  low: number = Number.NEGATIVE_INFINITY,
  high: number = Number.POSITIVE_INFINITY,
): OptionRule<number> {
  return {
    initial,
    check: (where, value) => {
      const least = Number.isFinite(low) ? ` ≥ ${low}` : "";
      const most = Number.isFinite(high) ? ` and ≤ ${high}` : "";
      check(Number.isInteger(value) && (value as number) >= low && (value as number) <= high, "option", () => ({
        where,
        expected: `an integer${least}${most}`,
        received: show(value),
      }));
    },
  };
}

/** true or false. */
/* @__NO_SIDE_EFFECTS__ */
export function flag(initial: boolean): OptionRule<boolean> {
  return {
    initial,
    check: (where, value) =>
      check(typeof value === "boolean", "option", () => ({ where, expected: "true or false", received: show(value) })),
  };
}

/** One of a few words. */
/* @__NO_SIDE_EFFECTS__ */
export function oneOf<N extends string>(initial: N, names: readonly N[]): OptionRule<N> {
  return {
    initial,
    check: (where, value) => {
      if (!names.includes(value as N)) throw unknownName(where, "one of the choices", value, names);
    },
  };
}

/** A list of what `rule` allows. */
/* @__NO_SIDE_EFFECTS__ */
export function listOf(rule: OptionRule<number>): OptionRule<readonly number[]> {
  return {
    initial: [],
    check: (where, value) => {
      check(Array.isArray(value) && value.length > 0, "option", () => ({
        where,
        expected: "a list of numbers",
        received: show(value),
      }));
      for (const each of value) rule.check(where, each);
    },
  };
}

/** null, or what one of `rules` allows; null when it is missing. */
/* @__NO_SIDE_EFFECTS__ */
export function nullOr<T>(rule: OptionRule<T>): OptionRule<T | null> {
  return {
    initial: null,
    check: (where, value) => {
      if (value !== null) rule.check(where, value);
    },
  };
}

/** What `rule` allows; it must be given. */
/* @__NO_SIDE_EFFECTS__ */
export function required<T>(rule: OptionRule<T>): OptionRule<T> {
  return { ...rule, required: true };
}

/** A number, or a list of them. */
/* @__NO_SIDE_EFFECTS__ */
export function oneOrMore(rule: OptionRule<number>): OptionRule<number | readonly number[]> {
  return {
    initial: rule.initial,
    check: (where, value) => (Array.isArray(value) ? listOf(rule).check(where, value) : rule.check(where, value)),
  };
}

/**
 * `given` with what is missing filled in, and nothing but what has a rule.
 * @param common options that are checked elsewhere.
 * @throws {TensorError} `name` for an option without a rule, `option` for a bad value.
 */
export function settle<S extends object>(
  where: string,
  given: object,
  rules: OptionRules<S>,
  common: readonly string[] = [],
): S {
  checkOptionNames(where, given, [...common, ...Object.keys(rules)]);
  return Object.fromEntries(
    Object.entries<OptionRule<unknown>>(rules).map(([name, rule]) => {
      const value = (given as Readonly<Record<string, unknown>>)[name];
      if (value === undefined && rule.required !== true) return [name, rule.initial];
      rule.check(`${where}.${name}`, value);
      return [name, value];
    }),
  ) as S;
}

/** Settled options as Keras writes them. */
export function configOf(settings: object): Config {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [toSnakeCase(name), value as Json]));
}
