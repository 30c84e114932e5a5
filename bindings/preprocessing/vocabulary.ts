// Which tokens have an index, and which index: given as a list, or counted in data?

import { compiled } from "../compiled.ts";
import { check, show } from "../errors.ts";
import { add, log } from "../ops/map.ts";
import { documentsIn, type Token, type TokenRule } from "./tokens.ts";

/** What tokens of one type are, and how they are told apart. */
export interface TokenType<T extends Token> {
  readonly rule: TokenRule<T>;
  /** Name of the function that looks them up. */
  readonly where: string;
  readonly oovToken: T;
  /** Negative when `a` comes before `b`. */
  readonly compare: (a: T, b: T) => number;
  /** Which of `count` indices an unknown token has. */
  readonly bucket: (token: T, count: number) => number;
}

/** The indices before those of tokens: 0 for the mask if it has one, then `oovCount` for unknown tokens. */
export interface SpecialTokens<T extends Token> {
  readonly mask: T | null;
  /** Whether the mask has an index; otherwise it is left out. */
  readonly maskIndexed: boolean;
  readonly oov: T;
  readonly oovCount: number;
}

/** Tokens in the order of their indices, special ones not among them. */
export interface Vocabulary<T extends Token> {
  readonly tokens: readonly T[];
  readonly indices: ReadonlyMap<T, number>;
  /** Inverse document frequencies of all indices, special ones among them; null where nobody asks for them. */
  readonly idfWeights: Float32Array | null;
}

/** The special tokens, each at its index. */
export function specialTokens<T extends Token>({ mask, maskIndexed, oov, oovCount }: SpecialTokens<T>): T[] {
  const masks: T[] = mask !== null && maskIndexed ? [mask] : [];
  return [...masks, ...Array.from({ length: oovCount }, () => oov)];
}

/** @param idfWeights of the tokens; the indices before them get their mean, or `special`. */
function vocabulary<T extends Token>(
  tokens: readonly T[],
  begin: number,
  idfWeights: ArrayLike<number> | null,
  special?: readonly number[],
): Vocabulary<T> {
  const indices = new Map(tokens.map((token, index) => [token, begin + index]));
  if (idfWeights === null) return { tokens, indices, idfWeights };
  const own = Array.from(idfWeights);
  const mean = own.reduce((sum, weight) => sum + weight, 0) / own.length;
  return { tokens, indices, idfWeights: Float32Array.from([...(special ?? Array(begin).fill(mean)), ...own]) };
}

/** Before any token is known. */
export function emptyVocabulary<T extends Token>(): Vocabulary<T> {
  return { tokens: [], indices: new Map(), idfWeights: null };
}

/**
 * The vocabulary that a user gives, with all special tokens in front or without any.
 * @throws {TensorError} `option` for none, repeated or misplaced tokens, too many, or idfWeights of another length.
 */
export function givenVocabulary<T extends Token>(
  type: TokenType<T>,
  given: readonly T[],
  weights: readonly number[] | null,
  special: SpecialTokens<T>,
  invert: boolean,
  maxTokens: number | null,
): Vocabulary<T> {
  const where = `${type.where}.vocabulary`;
  const front = specialTokens(special);
  const begin = front.length;
  const withSpecial = begin > 0 && front.every((token, index) => token === given[index]);
  const tokens = withSpecial ? given.slice(begin) : [...given];
  const expect = (condition: boolean, expected: string, received: () => unknown, remedy?: string): void =>
    check(condition, "option", () => ({
      where,
      expected,
      received: String(received()),
      ...(remedy === undefined ? {} : { remedy }),
    }));
  expect(tokens.length > 0, "at least one token", () => "none");
  const seen = new Set<T>();
  const repeated = tokens.find((token) => seen.size === seen.add(token).size);
  expect(repeated === undefined, "every token once", () => `${show(repeated)} twice`);
  // An unknown token's name matters only where indices become tokens.
  const reserved = [special.mask, ...(invert ? [special.oov] : [])].find((token) => token !== null && seen.has(token));
  expect(
    reserved === undefined,
    "special tokens only in front",
    () => `${show(reserved)} among the others`,
    `Leave special tokens out, or begin with ${show(front)}.`,
  );
  expect(
    maxTokens === null || begin + tokens.length <= maxTokens,
    `at most ${maxTokens} tokens with the special ones, as maxTokens says`,
    () => begin + tokens.length,
  );
  check(weights === null || weights.length === given.length, "option", () => ({
    where: `${type.where}.idfWeights`,
    expected: `${given.length}, one for each entry of vocabulary`,
    received: `${weights?.length}`,
  }));
  if (weights === null || !withSpecial) return vocabulary(tokens, begin, weights);
  return vocabulary(tokens, begin, weights.slice(begin), weights.slice(0, begin));
}

/** Counts tokens, and the documents that hold them. */
export class TokenCounts<T extends Token> {
  readonly #type: TokenType<T>;
  readonly #counts = new Map<T, number>();
  readonly #documentCounts = new Map<T, number>();
  #documents = 0;
  readonly #weighted: boolean;

  /** @param weighted whether inverse document frequencies are wanted. */
  constructor(type: TokenType<T>, weighted: boolean) {
    this.#type = type;
    this.#weighted = weighted;
  }

  /** Counts what is in `data`: its innermost lists are documents. @throws {TensorError} `data` for what is no token. */
  add(data: unknown): void {
    for (const document of documentsIn(`${this.#type.where}.adapt`, data, this.#type.rule)) {
      countEach(document, this.#counts);
      if (!this.#weighted) continue;
      this.#documents++;
      countEach(new Set(document), this.#documentCounts);
    }
  }

  /**
   * The most frequent tokens, those that are equally frequent in falling order, at most `maxTokens` with the special ones.
   * idf = ln(1 + documents / (1 + documents with the token)).
   * @throws {TensorError} `data` when there are none.
   */
  vocabulary(special: SpecialTokens<T>, maxTokens: number | null): Vocabulary<T> {
    const begin = specialTokens(special).length;
    const tokens = [...this.#counts]
      .filter(([token]) => token !== special.mask && token !== special.oov)
      .sort(([a, countA], [b, countB]) => countB - countA || this.#type.compare(b, a))
      .slice(0, maxTokens === null ? undefined : maxTokens - begin)
      .map(([token]) => token);
    check(tokens.length > 0, "data", () => ({
      where: `${this.#type.where}.adapt`,
      expected: "at least one token that is not special",
      received: "none",
    }));
    if (!this.#weighted) return vocabulary(tokens, begin, null);
    const ratios = tokens.map((token) => this.#documents / (1 + (this.#documentCounts.get(token) ?? 0)));
    // The engine's logarithm is the same on every machine.
    const weights = compiled((ratio) => log(add(ratio, 1)))(Float32Array.from(ratios));
    return vocabulary(tokens, begin, weights.data);
  }
}

function countEach<T>(tokens: Iterable<T>, counts: Map<T, number>): void {
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
}
