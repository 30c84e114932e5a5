// Which index does an integer have, and which integer an index?

import type { Config } from "../config.ts";
import { optionsOf } from "./fromConfig.ts";
import { type InverseLookup, type Lookup, type LookupOptions, lookup } from "./lookup.ts";
import { integers, type NestedIntegers } from "./tokens.ts";
import type { TokenType } from "./vocabulary.ts";

/** Options of {@link integerLookup}; oovToken is −1 by default. */
export interface IntegerLookupOptions extends LookupOptions<number> {}
/** Integers to indices or vectors. */
export interface IntegerLookup extends Lookup<number, NestedIntegers> {}
/** Indices to integers, as nested lists: they need not fit an int32 tensor. */
export interface InverseIntegerLookup extends InverseLookup<number, NestedIntegers> {}

const type: TokenType<number> = {
  rule: integers,
  where: "integerLookup",
  oovToken: -1,
  compare: (a, b) => a - b,
  // The remainder that is never negative.
  bucket: (token, count) => ((token % count) + count) % count,
};

/**
 * Integers to indices: 0 for the mask if there is one, then numOovIndices for unknown integers (the one that integer mod
 * numOovIndices says), then those of the vocabulary; or with `invert` back. The indices are those of Keras'
 * `IntegerLookup`.
 * @throws {TensorError} `option` or `name` for options that are bad or do not fit each other.
 */
export function integerLookup(options: IntegerLookupOptions & { readonly invert: true }): InverseIntegerLookup;
export function integerLookup(options?: IntegerLookupOptions & { readonly invert?: false }): IntegerLookup;
export function integerLookup(options: IntegerLookupOptions = {}): IntegerLookup | InverseIntegerLookup {
  return lookup(type, options);
}

/** The lookup that Keras' configuration of a `IntegerLookup` describes; its `invert` tells the direction. */
export function integerLookupFromConfig(config: Config): IntegerLookup | InverseIntegerLookup {
  return lookup(type, optionsOf<IntegerLookupOptions>(type.where, config));
}
