// Which of a fixed number of bins does a string or an integer fall into?

import { type Config, toSnakeCase } from "../config.ts";
import { check, show } from "../errors.ts";
import type { CategoryOutput } from "../layers/categories.ts";
import { configOf, type OptionRule, oneOf, settle } from "../optionRules.ts";
import type { Tensor } from "../tensor.ts";
import { encoded } from "./encoding.ts";
import { fingerprint64 } from "./farmHash.ts";
import { optionsOf } from "./fromConfig.ts";
import { sipHash64 } from "./sipHash.ts";
import { flatten, type NestedIntegers, type NestedStrings, type Token, type TokenRule } from "./tokens.ts";

/** Options of {@link hashing}. */
export interface HashingOptions {
  /** Number of bins, 1 to 2³¹ − 1, the mask's among them. */
  readonly numBins: number;
  /** What falls into bin 0, where nothing else does then. Default null: nothing is masked. */
  readonly maskValue?: Token | null;
  /** Key of the hash: one integer ≥ 0, which counts twice, or two. Default null: a hash without a key. */
  readonly salt?: number | readonly [number, number] | null;
  /**
   * `"int"`: the number of the bin, int32 [...]. Vectors of length numBins, float32: `"oneHot"` for each value, [...] or
   * [..., 1] → [..., numBins]; `"multiHot"` and `"count"` for the values of the last axis together. Default `"int"`.
   */
  readonly outputMode?: "int" | CategoryOutput;
}

/** What {@link hashing} makes. */
export interface Hashing {
  /**
   * The bins of strings or of integers.
   * @throws {TensorError} `data` for anything else, or another type than that of maskValue; `shape` for ragged lists.
   */
  call(data: NestedStrings | NestedIntegers): Tensor;
  /** The options as Keras writes them. */
  getConfig(): Config;
}

interface HashingSettings {
  readonly numBins: number;
  readonly salt: number | readonly [number, number] | null;
  readonly maskValue: Token | null;
  readonly outputMode: "int" | CategoryOutput;
}

const isToken = (value: unknown): value is Token => typeof value === "string" || Number.isSafeInteger(value);
const isKey = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/* @__NO_SIDE_EFFECTS__ */
function rule<T>(initial: T, expected: string, allowed: (value: unknown) => boolean): OptionRule<T> {
  return {
    initial,
    check: (where, value) => check(allowed(value), "option", () => ({ where, expected, received: show(value) })),
  };
}

const numBinsRule = /* @__PURE__ */ rule(
  1,
  "an integer from 1 to 2³¹ − 1",
  (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 0x7fffffff,
);

const rules = {
  numBins: numBinsRule,
  salt: /* @__PURE__ */ rule<HashingSettings["salt"]>(
    null,
    "an integer ≥ 0, or two of them",
    (value) => value === null || isKey(value) || (Array.isArray(value) && value.length === 2 && value.every(isKey)),
  ),
  maskValue: /* @__PURE__ */ rule<Token | null>(
    null,
    "a string or an integer",
    (value) => value === null || isToken(value),
  ),
  outputMode: /* @__PURE__ */ oneOf<"int" | CategoryOutput>("int", ["int", "oneHot", "multiHot", "count"]),
};

/**
 * Bins of strings or integers: hash(UTF-8 text) mod bins, integers by their decimal digits; with a mask value bin 0 is the
 * mask's and the others share the rest. The hash is FarmHash's Fingerprint64, or with a salt SipHash-2-4 with that key: the
 * bins are those of Keras' `Hashing`, on every machine. Different values can fall into one bin.
 * @throws {TensorError} `option` or `name` for a bad option.
 */
export function hashing(options: HashingOptions): Hashing {
  const { salt, ...settings } = settle<HashingSettings>("hashing", options, rules);
  // It has no default.
  numBinsRule.check("hashing.numBins", options.numBins);
  const { numBins, maskValue, outputMode } = settings;
  const keys = typeof salt === "number" ? ([salt, salt] as const) : salt;
  const words = keys === null ? null : ([BigInt(keys[0]), BigInt(keys[1])] as const);
  const kept = maskValue !== null && numBins > 1 ? 1 : 0;
  const bins = BigInt(numBins - kept);
  const encoder = new TextEncoder();
  const binOf = (value: Token): number => {
    if (kept === 1 && value === maskValue) return 0;
    const bytes = encoder.encode(String(value));
    return Number((words === null ? fingerprint64(bytes) : sipHash64(bytes, words)) % bins) + kept;
  };
  const tokens: TokenRule<Token> = {
    expected: maskValue === null ? "a string or an integer" : `a ${typeof maskValue} like the mask value`,
    allows: (value): value is Token => isToken(value) && (maskValue === null || typeof value === typeof maskValue),
  };
  return Object.freeze({
    call(data: NestedStrings | NestedIntegers): Tensor {
      const where = "hashing.call";
      const { values, shape } = flatten(where, data, tokens);
      return encoded(where, Int32Array.from(values, binOf), shape, numBins, outputMode);
    },
    getConfig: () => configOf({ ...settings, salt: keys, outputMode: toSnakeCase(outputMode) }),
  });
}

/** The hashing that Keras' configuration of a `Hashing` describes. */
export function hashingFromConfig(config: Config): Hashing {
  return hashing(optionsOf<HashingOptions>("hashing", config));
}
