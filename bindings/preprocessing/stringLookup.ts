// Which index does a string have, and which string an index?

import type { Config } from "../config.ts";
import { fingerprint64 } from "./farmHash.ts";
import { optionsOf } from "./fromConfig.ts";
import { type InverseLookup, type Lookup, type LookupOptions, lookup } from "./lookup.ts";
import { type NestedStrings, strings } from "./tokens.ts";
import type { TokenType } from "./vocabulary.ts";

/** Options of {@link stringLookup}; oovToken is `"[UNK]"` by default. */
export interface StringLookupOptions extends LookupOptions<string> {}
/** Strings to indices or vectors. */
export interface StringLookup extends Lookup<string, NestedStrings> {}
/** Indices to strings. */
export interface InverseStringLookup extends InverseLookup<string, NestedStrings> {}

const type: TokenType<string> = {
  rule: strings,
  where: "stringLookup",
  oovToken: "[UNK]",
  compare: compareCodePoints,
  bucket: (token, count) => Number(fingerprint64(new TextEncoder().encode(token)) % BigInt(count)),
};

/** As UTF-8 sorts, and Keras with it: JavaScript's own order puts U+FFFF behind all that takes two UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  if (at >= Math.min(a.length, b.length)) return a.length - b.length;
  const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
  const surrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xe000;
  return surrogate(left) === surrogate(right) ? left - right : surrogate(left) ? 1 : -1;
}

/**
 * Strings to indices: 0 for the mask if there is one, then numOovIndices for unknown strings (the one that FarmHash's
 * Fingerprint64 mod numOovIndices says), then those of the vocabulary; or with `invert` back. The indices are those of
 * Keras' `StringLookup`. Strings stay outside the engine: look them up before data go into a model.
 * @throws {TensorError} `option` or `name` for options that are bad or do not fit each other.
 */
export function stringLookup(options: StringLookupOptions & { readonly invert: true }): InverseStringLookup;
export function stringLookup(options?: StringLookupOptions & { readonly invert?: false }): StringLookup;
export function stringLookup(options: StringLookupOptions = {}): StringLookup | InverseStringLookup {
  return lookup(type, options);
}

/** The lookup that Keras' configuration of a `StringLookup` describes; its `invert` tells the direction. */
export function stringLookupFromConfig(config: Config): StringLookup | InverseStringLookup {
  return lookup(type, optionsOf<StringLookupOptions>(type.where, config));
}
