// How is one option of a layer checked, defaulted, and written in a Keras configuration?

import { type Activation, type ActivationName, activations, resolveActivation } from "../activations.ts";
import { type Json, type SerializedObject, toCamelCase } from "../config.ts";
import { type Constraint, constraintFromConfig, resolveConstraint } from "../constraints.ts";
import { check, show, TensorError } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { type Initializer, initializerFromConfig, resolveInitializer } from "../initializers.ts";
import { type Regularizer, regularizerFromConfig, resolveRegularizer } from "../regularizers.ts";

/** The rules for one option: `parse` turns what users (or configurations) give into what the layer works with. */
export interface Field<T> {
  /** @throws {TensorError} `option` or `name`, at `where`. `undefined` stands for an option that was not given. */
  parse(value: unknown, where: string): T;
  /** The value as Keras writes it. */
  write(value: T): Json;
}

/** The rules for all options of a layer. */
export type Fields = Readonly<Record<string, Field<unknown>>>;
/** What the layer works with, once the options are parsed. */
export type Parsed<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

const asIs = <T extends Json>(value: T): Json => value;

function reject(where: string, expected: string, value: unknown, remedy?: string): never {
  throw new TensorError("option", {
    where,
    expected,
    received: show(value),
    ...(remedy === undefined ? {} : { remedy }),
  });
}

/** A whole number ≥ 1 that must be given. */
/* @__NO_SIDE_EFFECTS__ */
export function positiveInteger(): Field<number> {
  return {
    parse: (value, where) =>
      Number.isInteger(value) && (value as number) > 0 ? (value as number) : reject(where, "an integer ≥ 1", value),
    write: asIs,
  };
}

/** A finite number in [low, high]. */
/* @__NO_SIDE_EFFECTS__ */
export function number(
  initial: number,
  low: number = Number.NEGATIVE_INFINITY,
  high: number = Number.POSITIVE_INFINITY,
): Field<number> {
  const range = Number.isFinite(low) ? (high < Number.MAX_VALUE ? ` from ${low} to ${high}` : ` ≥ ${low}`) : "";
  return {
    parse: (value, where) => {
      if (value === undefined) return initial;
      const fits = typeof value === "number" && Number.isFinite(value) && value >= low && value <= high;
      return fits ? value : reject(where, `a number${range}`, value);
    },
    write: asIs,
  };
}

/** A number that must be given. */
/* @__NO_SIDE_EFFECTS__ */
export function requiredNumber(low: number, high: number): Field<number> {
  const rule = number(low, low, high);
  return {
    parse: (value, where) => (value === undefined ? reject(where, "a number", value) : rule.parse(value, where)),
    write: asIs,
  };
}

/** A number, or null for none. */
/* @__NO_SIDE_EFFECTS__ */
export function optionalNumber(low: number = Number.NEGATIVE_INFINITY): Field<number | null> {
  const rule = number(0, low);
  return {
    parse: (value, where) => (value === undefined || value === null ? null : rule.parse(value, where)),
    write: asIs,
  };
}

/** true or false. */
/* @__NO_SIDE_EFFECTS__ */
export function flag(initial: boolean): Field<boolean> {
  return {
    parse: (value, where) => {
      if (value === undefined) return initial;
      return typeof value === "boolean" ? value : reject(where, "true or false", value);
    },
    write: asIs,
  };
}

/** One of some words; Keras' snake_case forms are accepted and written. */
/* @__NO_SIDE_EFFECTS__ */
export function choice<T extends string>(words: readonly T[], initial: T): Field<T> {
  const snake = (word: string): string => word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return {
    parse: (value, where) => {
      if (value === undefined) return initial;
      const found = words.find((word) => word === value || snake(word) === value);
      return found ?? reject(where, words.map((word) => JSON.stringify(word)).join(" or "), value);
    },
    write: (value) => snake(value),
  };
}

/** A list of whole numbers, or null. */
/* @__NO_SIDE_EFFECTS__ */
export function integers(initial: readonly number[] | null | undefined, low: number): Field<readonly number[] | null> {
  return {
    parse: (value, where) => {
      const given = value === undefined ? initial : value;
      if (given === null && initial !== undefined) return null;
      const list = typeof given === "number" ? [given] : given;
      const fits = Array.isArray(list) && [...list].every((each) => Number.isInteger(each) && (each as number) >= low);
      return fits ? (list as number[]) : reject(where, `a list of integers ≥ ${low}`, value);
    },
    write: (value) => (value === null ? null : [...value]),
  };
}

/** A number or a list of numbers (nested lists are flattened), or null. */
/* @__NO_SIDE_EFFECTS__ */
export function numbers(initial: number | null): Field<number | readonly number[] | null> {
  return {
    parse: (value, where) => {
      if (value === undefined || value === null) return initial;
      if (typeof value === "number" && Number.isFinite(value)) return value;
      const flat = ArrayBuffer.isView(value)
        ? Array.from(value as Float32Array)
        : Array.isArray(value)
          ? value.flat(8)
          : [];
      const fits = flat.length > 0 && flat.every((each) => typeof each === "number" && Number.isFinite(each));
      return fits ? (flat as number[]) : reject(where, "a number or a list of numbers", value);
    },
    write: (value) => (value === null || typeof value === "number" ? value : [...value]),
  };
}

/** A number or a list of numbers that must be given. */
/* @__NO_SIDE_EFFECTS__ */
export function requiredNumbers(): Field<number | readonly number[]> {
  const rule = numbers(null);
  const parse = (value: unknown, where: string): number | readonly number[] =>
    rule.parse(value, where) ?? reject(where, "a number or a list of numbers", value);
  return { parse, write: rule.write };
}

/** A 32-bit seed, or null for one drawn from the global seed. */
/* @__NO_SIDE_EFFECTS__ */
export function seed(): Field<number | null> {
  return {
    parse: (value, where) => {
      if (value === undefined || value === null) return null;
      const fits = Number.isInteger(value) && Math.abs(value as number) < 2 ** 32;
      return fits ? (value as number) : reject(where, "an integer of 32 bits, or null", value);
    },
    write: asIs,
  };
}

/** Name or function of an activation. */
export type ActivationLike = ActivationName | ((x: SymbolicTensor) => SymbolicTensor) | null;

/** @throws {TensorError} `unsupported` for a function that is not one of ours: its name would stand for another one. */
function writeActivation({ name, call }: Activation): Json {
  const known: Readonly<Record<string, unknown>> = activations;
  check(known[toCamelCase(name)] === call, "unsupported", () => ({
    where: errorPlace("activation"),
    expected: "an activation that has a name",
    received: "a function, which a configuration cannot hold",
    remedy: "Make it a layer of its own with defineLayer, and registerLayer it.",
  }));
  return name;
}

/** An activation by name or as a function. */
/* @__NO_SIDE_EFFECTS__ */
export function activation(initial: ActivationName = "linear"): Field<Activation> {
  return {
    parse: (value, where) => resolveActivation((value ?? initial) as ActivationName, where),
    write: writeActivation,
  };
}

/** An activation that must be given. */
/* @__NO_SIDE_EFFECTS__ */
export function requiredActivation(): Field<Activation> {
  return {
    parse: (value, where) => {
      check(value !== undefined && value !== null, "option", () => ({
        where,
        expected: "an activation",
        received: show(value),
      }));
      return resolveActivation(value as ActivationName, where);
    },
    write: writeActivation,
  };
}

function isSerialized(value: unknown): value is SerializedObject {
  return typeof value === "object" && value !== null && "class_name" in value;
}

interface Configured {
  readonly className: string;
  readonly config: Readonly<Record<string, Json>>;
}

/* @__NO_SIDE_EFFECTS__ */
function writeObject(module: string): (value: Configured | null) => Json {
  return (value) =>
    value === null ? null : { module, class_name: value.className, config: { ...value.config }, registered_name: null };
}

/** An initializer by name, as an object, or in Keras' form. */
/* @__NO_SIDE_EFFECTS__ */
export function initializer(initial: string): Field<Initializer> {
  return {
    parse: (value, where) =>
      isSerialized(value)
        ? initializerFromConfig(value.class_name, value.config)
        : resolveInitializer((value ?? initial) as string, where),
    write: writeObject("keras.initializers"),
  };
}

/** A regularizer, or null for none. */
/* @__NO_SIDE_EFFECTS__ */
export function regularizer(): Field<Regularizer | null> {
  return {
    parse: (value, where) => {
      if (value === undefined || value === null) return null;
      if (isSerialized(value)) return regularizerFromConfig(value.class_name, value.config);
      return resolveRegularizer(value as string, where);
    },
    write: writeObject("keras.regularizers"),
  };
}

/** A constraint, or null for none. */
/* @__NO_SIDE_EFFECTS__ */
export function constraint(): Field<Constraint | null> {
  return {
    parse: (value, where) => {
      if (value === undefined || value === null) return null;
      if (isSerialized(value)) return constraintFromConfig(value.class_name, value.config);
      return resolveConstraint(value as string, where);
    },
    write: writeObject("keras.constraints"),
  };
}
