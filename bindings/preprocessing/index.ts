// What makes numbers of words and codes before data enter a model?

export { type Hashing, type HashingOptions, hashing, hashingFromConfig } from "./hashing.ts";
export {
  type IntegerLookup,
  type IntegerLookupOptions,
  type InverseIntegerLookup,
  integerLookup,
  integerLookupFromConfig,
} from "./integerLookup.ts";
export type { InverseLookup, Lookup, LookupData, LookupOptions, LookupOutput, WithVocabulary } from "./lookup.ts";
export {
  type InverseStringLookup,
  type StringLookup,
  type StringLookupOptions,
  stringLookup,
  stringLookupFromConfig,
} from "./stringLookup.ts";
export type { Nested, NestedIntegers, NestedStrings, Token } from "./tokens.ts";
