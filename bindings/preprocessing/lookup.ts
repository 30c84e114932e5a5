// How do tokens become indices, and indices tokens? What looking up strings and integers have in common.

import { type Config, toSnakeCase } from "../config.ts";
import { check, show } from "../errors.ts";
import type { CategoryOutput } from "../layers/categories.ts";
import { configOf, flag, integer, listOf, nullOr, number, type OptionRule, oneOf, settle } from "../optionRules.ts";
import { Tensor } from "../tensor.ts";
import { encoded, leftOut } from "./encoding.ts";
import { flatten, integers, type Nested, type NestedIntegers, nest, opened, placeOf, type Token } from "./tokens.ts";
import {
  emptyVocabulary,
  givenVocabulary,
  type SpecialTokens,
  specialTokens,
  TokenCounts,
  type TokenType,
  type Vocabulary,
} from "./vocabulary.ts";

/** What becomes of tokens: their indices, or vectors over the vocabulary. */
export type LookupOutput = "int" | CategoryOutput | "tfIdf";

/** Options of {@link stringLookup} and {@link integerLookup}. */
export interface LookupOptions<T extends Token> {
  /** The tokens in the order of their indices, with all special tokens in front or without any. Without it call `adapt`. */
  readonly vocabulary?: readonly T[] | null;
  /** Largest number of indices, special ones among them. Default null: any. */
  readonly maxTokens?: number | null;
  /** Indices for unknown tokens, at most 2²⁰; with 0 an unknown token is an error. Default 1. */
  readonly numOovIndices?: number;
  /** A token that stands for nothing: index 0 with outputMode `"int"`, left out of vectors. Default null: none. */
  readonly maskToken?: T | null;
  /** What unknown tokens are called in the vocabulary, and what their indices become again. */
  readonly oovToken?: T;
  /** Factors of the tokens for outputMode `"tfIdf"`, one for each entry of vocabulary. */
  readonly idfWeights?: readonly number[] | null;
  /** Indices become tokens. Default false. */
  readonly invert?: boolean;
  /**
   * `"int"`: indices, int32 [...]. Vectors of length vocabularySize, float32: `"oneHot"` for each token, [...] or
   * [..., 1] → [..., vocabularySize]; `"multiHot"`, `"count"` and `"tfIdf"` (count · idfWeights) for the tokens of the last
   * axis together. Default `"int"`.
   */
  readonly outputMode?: LookupOutput;
  /** Vectors have the length maxTokens, filled up with zeros. Default false. */
  readonly padToMaxTokens?: boolean;
}

/** Data for `adapt`: lists, or something that yields them one after the other. */
export type LookupData<D> = D | Iterable<D>;

/** What lookups in both directions have. */
export interface WithVocabulary<T extends Token, D> {
  /**
   * Takes the tokens of `data` as vocabulary: the most frequent first, those that are equally frequent in falling order
   * (strings by code points), special ones not counted. For tf-idf the innermost lists of `data` are documents, of any
   * length; in a flat list each token is one.
   * idf = ln(1 + documents / (1 + documents with the token)); special tokens have the mean.
   * @throws {TensorError} `state` when the vocabulary was given as an option, `data` for something else than tokens, or none.
   */
  adapt(data: LookupData<D>): void;
  /** The same for data that come one after the other, each awaited. */
  adapt(data: AsyncIterable<D>): Promise<void>;
  /** The tokens, each at its index; without special tokens if so asked. Before `adapt` only special ones. */
  getVocabulary(options?: { readonly includeSpecialTokens?: boolean }): T[];
  /** Number of indices, special ones among them. */
  readonly vocabularySize: number;
  /** The options as Keras writes them, with the vocabulary (and idf weights) as they are now. */
  getConfig(): Config;
}

/** Tokens to indices or vectors. */
export interface Lookup<T extends Token, D> extends WithVocabulary<T, D> {
  /** That it leads from tokens to indices. */
  readonly invert: false;
  /**
   * @throws {TensorError} `data` for something else than tokens, or an unknown one where numOovIndices is 0; `shape` for
   *   ragged lists; `state` before there is a vocabulary.
   */
  call(data: D): Tensor;
}

/** Indices to tokens. */
export interface InverseLookup<T extends Token, D> extends WithVocabulary<T, D> {
  /** That it leads from indices to tokens. */
  readonly invert: true;
  /** Nested lists of the indices' shape; indices of no token become oovToken. @throws {TensorError} like {@link Lookup}. */
  call(indices: NestedIntegers): Nested<T>;
}

type Settings<T extends Token> = { readonly [K in keyof LookupOptions<T>]-?: Exclude<LookupOptions<T>[K], undefined> };

const outputs: readonly LookupOutput[] = ["int", "oneHot", "multiHot", "count", "tfIdf"];

/** Each has an entry in the vocabulary. */
const mostOovIndices = 2 ** 20;

/** The options, checked one by one and against each other. */
function settled<T extends Token>(type: TokenType<T>, options: LookupOptions<T>): Settings<T> {
  const { where } = type;
  const isToken = (place: string, value: unknown): void =>
    check(type.rule.allows(value), "option", () => ({
      where: place,
      expected: type.rule.expected,
      received: show(value),
    }));
  const token: OptionRule<T> = { initial: type.oovToken, check: isToken };
  const tokens: OptionRule<readonly T[]> = {
    initial: [],
    check: (place, value) => {
      check(Array.isArray(value), "option", () => ({
        where: place,
        expected: "a list of tokens",
        received: show(value),
      }));
      for (const [index, each] of value.entries()) isToken(`${place}[${index}]`, each);
    },
  };
  const settings = settle<Settings<T>>(where, options, {
    vocabulary: nullOr(tokens),
    maxTokens: nullOr(integer(2, 2)),
    numOovIndices: integer(1, 0, mostOovIndices),
    maskToken: nullOr(token),
    oovToken: token,
    idfWeights: nullOr(listOf(number(0))),
    invert: flag(false),
    outputMode: oneOf("int", outputs),
    padToMaxTokens: flag(false),
  });
  const { vocabulary, maxTokens, outputMode, idfWeights, padToMaxTokens, invert } = settings;
  const expect = (condition: boolean, option: string, expected: string, received: unknown): void =>
    check(condition, "option", () => ({ where: `${where}.${option}`, expected, received: show(received) }));
  const begin = specialTokens(specialOf(settings)).length;
  expect(maxTokens === null || maxTokens > begin, "maxTokens", `more than the ${begin} special tokens`, maxTokens);
  expect(!invert || outputMode === "int", "outputMode", '"int" where indices become tokens', outputMode);
  const padded = !padToMaxTokens || (maxTokens !== null && outputMode !== "int");
  expect(padded, "padToMaxTokens", "false without maxTokens or vectors to fill up", padToMaxTokens);
  const weighted = outputMode === "tfIdf" && vocabulary !== null;
  expect(
    weighted === (idfWeights !== null),
    "idfWeights",
    weighted ? "one for each entry of vocabulary" : 'none without vocabulary and outputMode "tfIdf"',
    idfWeights,
  );
  return settings;
}

function specialOf<T extends Token>(settings: Settings<T>): SpecialTokens<T> {
  return {
    mask: settings.maskToken,
    maskIndexed: settings.outputMode === "int",
    oov: settings.oovToken,
    oovCount: settings.numOovIndices,
  };
}

/** A lookup of tokens of `type`, in the direction that `invert` says. */
export function lookup<T extends Token, D>(
  type: TokenType<T>,
  options: LookupOptions<T>,
): Lookup<T, D> | InverseLookup<T, D> {
  const settings = settled(type, options);
  const { maxTokens, numOovIndices, outputMode, invert } = settings;
  const special = specialOf(settings);
  const front = specialTokens(special);
  let known: Vocabulary<T> =
    settings.vocabulary === null
      ? emptyVocabulary()
      : givenVocabulary(type, settings.vocabulary, settings.idfWeights, special, invert, maxTokens);

  const whole = (): T[] => [...front, ...known.tokens];
  const ready = (): void =>
    check(known.tokens.length > 0, "state", () => ({
      where: `${type.where}.call`,
      expected: "a vocabulary",
      received: "none yet",
      remedy: "Give one as an option, or call adapt(data).",
    }));

  const indexOf = (token: T, place: () => string): number => {
    if (token === special.mask) return special.maskIndexed ? 0 : leftOut;
    const index = known.indices.get(token);
    if (index !== undefined) return index;
    check(numOovIndices > 0, "data", () => ({
      where: place(),
      expected: "a token of the vocabulary",
      received: show(token),
      remedy: "Let numOovIndices be 1 or more to give unknown tokens an index.",
    }));
    return front.length - numOovIndices + (numOovIndices === 1 ? 0 : type.bucket(token, numOovIndices));
  };

  const toTensor = (data: D): Tensor => {
    ready();
    const where = `${type.where}.call`;
    const { values, shape } = flatten(where, data, type.rule);
    const indices = Int32Array.from(values, (token, position) => indexOf(token, () => placeOf(where, shape, position)));
    const depth = settings.padToMaxTokens && maxTokens !== null ? maxTokens : front.length + known.tokens.length;
    const counted = encoded(where, indices, shape, depth, outputMode === "tfIdf" ? "count" : outputMode);
    const weights = known.idfWeights;
    if (weights === null) return counted;
    const weighted = Float32Array.from(counted.data, (count, position) => count * (weights[position % depth] ?? 0));
    return Tensor.of(weighted, counted.shape, "float32");
  };

  const toTokens = (indices: NestedIntegers): Nested<T> => {
    ready();
    const all = whole();
    const { values, shape } = flatten(`${type.where}.call`, indices, integers);
    return nest(
      values.map((index) => all[index] ?? special.oov),
      shape,
    );
  };

  const adapt = (data: LookupData<D> | AsyncIterable<D>): void | Promise<void> => {
    check(settings.vocabulary === null, "state", () => ({
      where: `${type.where}.adapt`,
      expected: "no vocabulary given as an option",
      received: "one",
    }));
    const counts = new TokenCounts(type, outputMode === "tfIdf");
    const finish = (): void => {
      known = counts.vocabulary(special, maxTokens);
    };
    if (isAsyncIterable(data)) {
      const countAll = async (): Promise<void> => {
        for await (const each of data) counts.add(each);
        finish();
      };
      return countAll();
    }
    const list = opened(data);
    if (isIterable(list)) for (const each of list) counts.add(each);
    else counts.add(list);
    finish();
  };

  return Object.freeze({
    invert: invert as never,
    call: (invert ? toTokens : toTensor) as never,
    adapt: adapt as never,
    getVocabulary: (given = {}) => {
      const rules = { includeSpecialTokens: flag(true) };
      return settle(`${type.where}.getVocabulary`, given, rules).includeSpecialTokens ? whole() : [...known.tokens];
    },
    get vocabularySize(): number {
      return front.length + known.tokens.length;
    },
    getConfig: () => {
      const { idfWeights } = known;
      const tokens = idfWeights === null ? known.tokens : whole();
      return configOf({
        ...settings,
        outputMode: toSnakeCase(outputMode),
        vocabulary: tokens.length === 0 ? null : [...tokens],
        idfWeights: idfWeights === null ? null : [...idfWeights],
      });
    },
  });
}

function isAsyncIterable<D>(data: unknown): data is AsyncIterable<D> {
  return typeof data === "object" && data !== null && Symbol.asyncIterator in data;
}

/** Strings are tokens, not lists of letters. */
function isIterable(data: unknown): data is Iterable<unknown> {
  return typeof data === "object" && data !== null && Symbol.iterator in data;
}
