// Do strings and integers get the indices that Keras gives them?

import { describe, expect, test } from "vitest";
import { integerLookup, integerLookupFromConfig } from "../../bindings/preprocessing/integerLookup.ts";
import { stringLookup, stringLookupFromConfig } from "../../bindings/preprocessing/stringLookup.ts";
import { tensor } from "../../bindings/tensor.ts";

const vocabulary = ["a", "b", "c", "d"];
const rows = [
  ["a", "c", "d", "d"],
  ["d", "z", "b", "z"],
];
const numbers = [12, 36, 1138, 42];

describe("the examples of Keras' documentation", () => {
  test("indices, with one or more for unknown tokens", () => {
    const indices = stringLookup({ vocabulary }).call(rows);
    expect([indices.dtype, indices.array()]).toEqual([
      "int32",
      [
        [1, 3, 4, 4],
        [4, 0, 2, 0],
      ],
    ]);
    expect(stringLookup({ vocabulary, numOovIndices: 2 }).call(["a", "m", "z", "b"]).array()).toEqual([2, 0, 1, 3]);
    expect(integerLookup({ vocabulary: numbers }).call([42, 1000, 36]).array()).toEqual([4, 0, 2]);
    const two = integerLookup({ vocabulary: numbers, numOovIndices: 2 });
    expect(two.call([12, 37, 1000, -37]).array()).toEqual([2, 1, 0, 1]);
  });

  test("vectors for each token", () => {
    const each = stringLookup({ vocabulary, outputMode: "oneHot" });
    const vectors = [
      [0, 1, 0, 0, 0],
      [1, 0, 0, 0, 0],
    ];
    expect(each.call(["a", "z"]).array()).toEqual(vectors);
    expect(each.call([["a"], ["z"]]).array()).toEqual(vectors);
    expect(each.call([["a", "z"]]).array()).toEqual([vectors]);
  });

  test.each([
    [
      "multiHot" as const,
      {},
      [
        [0, 1, 0, 1, 1],
        [1, 0, 1, 0, 1],
      ],
    ],
    [
      "count" as const,
      {},
      [
        [0, 1, 0, 1, 2],
        [2, 0, 1, 0, 1],
      ],
    ],
    [
      "tfIdf" as const,
      { idfWeights: [0.25, 0.75, 0.625, 0.375] },
      [
        [0, 0.25, 0, 0.625, 0.75],
        [1, 0, 0.75, 0, 0.375],
      ],
    ],
    [
      "tfIdf" as const,
      { vocabulary: ["[UNK]", ...vocabulary], idfWeights: [0.875, 0.25, 0.75, 0.625, 0.375] },
      [
        [0, 0.25, 0, 0.625, 0.75],
        [1.75, 0, 0.75, 0, 0.375],
      ],
    ],
  ])("%s", (outputMode, options, expected) => {
    const lookup = stringLookup({ vocabulary, outputMode, ...options });
    expect(lookup.call(rows).array()).toEqual(expected);
    const longer = stringLookup({ vocabulary, outputMode, maxTokens: 7, padToMaxTokens: true, ...options });
    expect(longer.call(rows).array()).toEqual(expected.map((row) => [...row, 0, 0]));
    expect(lookup.call(rows[0] as string[]).shape).toEqual([5]);
  });

  test("a vocabulary learnt from data", () => {
    const words = stringLookup();
    words.adapt([
      ["a", "c", "d"],
      ["d", "z", "b"],
    ]);
    expect(words.getVocabulary()).toEqual(["[UNK]", "d", "z", "c", "b", "a"]);
    expect(words.call(["a", "q"]).array()).toEqual([5, 0]);
    const integers = integerLookup();
    integers.adapt(
      tensor(
        [
          [12, 1138, 42],
          [42, 1000, 36],
        ],
        undefined,
        "int32",
      ),
    );
    expect(integers.getVocabulary()).toEqual([-1, 42, 1138, 1000, 36, 12]);
  });

  test("indices become tokens again", () => {
    const back = stringLookup({ vocabulary, invert: true });
    expect(
      back.call([
        [1, 3, 4],
        [4, 0, 2],
      ]),
    ).toEqual([
      ["a", "c", "d"],
      ["d", "[UNK]", "b"],
    ]);
    const integers = integerLookup({ vocabulary: [-1, ...numbers], invert: true });
    expect(integers.call(tensor([1, 0, 99, -5], undefined, "int32"))).toEqual([12, -1, -1, -1]);
  });
});

describe("special tokens", () => {
  test("the mask has index 0, and stands first in the vocabulary", () => {
    const lookup = stringLookup({ vocabulary, maskToken: "", numOovIndices: 2 });
    expect(lookup.call(["", "a"]).array()).toEqual([0, 3]);
    expect(lookup.getVocabulary()).toEqual(["", "[UNK]", "[UNK]", ...vocabulary]);
    expect(lookup.getVocabulary({ includeSpecialTokens: false })).toEqual(vocabulary);
    expect(lookup.vocabularySize).toBe(7);
    const again = stringLookup({ vocabulary: lookup.getVocabulary(), maskToken: "", numOovIndices: 2, invert: true });
    expect(again.call([0, 2, 3, 6])).toEqual(["", "[UNK]", "a", "d"]);
  });

  test("the mask is left out of vectors", () => {
    const lookup = stringLookup({ vocabulary, maskToken: "", outputMode: "count" });
    expect(lookup.vocabularySize).toBe(5);
    expect(lookup.call([["", "a", "x"]]).array()).toEqual([[1, 1, 0, 0, 0]]);
    expect(stringLookup({ vocabulary, maskToken: "", outputMode: "oneHot" }).call("").array()).toEqual([0, 0, 0, 0, 0]);
  });

  test("without an index for unknown tokens, one is an error that says where it stands", () => {
    const lookup = stringLookup({ vocabulary, numOovIndices: 0 });
    expect(lookup.call(["a", "d"]).array()).toEqual([0, 3]);
    expect(() => lookup.call(rows)).toThrow(
      'stringLookup.call[1, 1]: expected a token of the vocabulary, received "z". Let numOovIndices be 1 or more',
    );
  });
});

describe("adapt", () => {
  test("leaves out special tokens and what is too rare", () => {
    const lookup = stringLookup({ maxTokens: 4, maskToken: "" });
    lookup.adapt(["", "", "", "[UNK]", "x", "y", "y", "w"]);
    expect(lookup.getVocabulary()).toEqual(["", "[UNK]", "y", "x"]);
  });

  test("puts equally frequent strings in the order of their code points, as UTF-8 does", () => {
    const lookup = stringLookup({ numOovIndices: 0 });
    lookup.adapt(["\u{1f600}", "\uffee", "z", "za", "é"]);
    expect(lookup.getVocabulary()).toEqual(["\u{1f600}", "\uffee", "é", "za", "z"]);
  });

  test("learns anew each time, and keeps what it knew when data are bad", () => {
    const lookup = integerLookup();
    lookup.adapt(Int32Array.of(5, 5, 7));
    expect(() => lookup.adapt([[1, 0.5]])).toThrow("integerLookup.adapt: expected an integer");
    expect(lookup.getVocabulary()).toEqual([-1, 5, 7]);
    lookup.adapt(new Set([3]));
    expect(lookup.getVocabulary()).toEqual([-1, 3]);
  });

  test("weighs tokens by the documents that hold them: ln(1 + documents / (1 + those))", async () => {
    async function* batches() {
      yield [["a", "a", "b"], ["a"]];
      yield ["c", "a"];
    }
    const lookup = stringLookup({ outputMode: "tfIdf", maxTokens: 6, padToMaxTokens: true });
    await lookup.adapt(batches());
    expect(lookup.getVocabulary()).toEqual(["[UNK]", "a", "c", "b"]);
    const [a, c] = [Math.log(1 + 3 / 4), Math.log(1 + 3 / 2)];
    const expected = [(a + c + c) / 3, a, 2 * c, 0, 0, 0];
    const weighted = lookup.call(["q", "a", "c", "c"]).array() as number[];
    weighted.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] as number, 6);
    });
  });
});

test("the configuration is what Keras writes, with what was learnt", () => {
  const lookup = stringLookup({ outputMode: "tfIdf", maskToken: "" });
  expect(lookup.getConfig()).toMatchObject({ vocabulary: null, idf_weights: null });
  lookup.adapt([["a"], ["a", "b"]]);
  const config = lookup.getConfig();
  expect(config).toEqual({
    vocabulary: ["[UNK]", "a", "b"],
    idf_weights: [expect.any(Number), expect.any(Number), expect.any(Number)],
    max_tokens: null,
    num_oov_indices: 1,
    mask_token: "",
    oov_token: "[UNK]",
    invert: false,
    output_mode: "tf_idf",
    pad_to_max_tokens: false,
  });
  const again = stringLookupFromConfig({ ...config, name: "words", encoding: "utf-8", vocabulary_size: 3 });
  expect(again.invert || again.call(["a", "b", "c"]).data).toEqual(lookup.call(["a", "b", "c"]).data);
  const back = integerLookupFromConfig({ vocabulary: [5], invert: true, vocabulary_dtype: "int64" });
  expect(back.invert && back.call([1, 0])).toEqual([5, -1]);
  expect(() => stringLookupFromConfig({ encoding: "latin-1" })).toThrow('stringLookup.encoding: expected "utf-8"');
});

test.each([
  [
    () => stringLookup({ vocabulary: ["a", "b", "a"] }),
    'stringLookup.vocabulary: expected every token once, received "a" twice',
  ],
  [
    () => stringLookup({ vocabulary: ["a", ""], maskToken: "" }),
    'expected special tokens only in front, received "" among',
  ],
  [() => stringLookup({ vocabulary: ["a", "[UNK]"], invert: true }), 'received "[UNK]" among the others'],
  [() => stringLookup({ vocabulary: [] }), "stringLookup.vocabulary: expected at least one token, received none"],
  [() => stringLookup({ vocabulary: "words.txt" as never }), "stringLookup.vocabulary: expected a list of tokens"],
  [() => integerLookup({ vocabulary: [1, 2.5] }), "integerLookup.vocabulary[1]: expected an integer"],
  [() => stringLookup({ vocabulary, maxTokens: 4 }), "expected at most 4 tokens with the special ones"],
  [
    () => stringLookup({ maxTokens: 2, numOovIndices: 2 }),
    "stringLookup.maxTokens: expected more than the 2 special tokens",
  ],
  [() => stringLookup({ padToMaxTokens: true, maxTokens: 9 }), "stringLookup.padToMaxTokens"],
  [() => stringLookup({ invert: true, outputMode: "count" }), 'stringLookup.outputMode: expected "int"'],
  [() => stringLookup({ vocabulary, outputMode: "tfIdf" }), "stringLookup.idfWeights: expected one for each entry"],
  [
    () => stringLookup({ vocabulary, outputMode: "tfIdf", idfWeights: [1] }),
    "expected 4, one for each entry of vocabulary",
  ],
  [() => stringLookup({ idfWeights: [1] }), "stringLookup.idfWeights: expected none"],
  [() => stringLookup({ encoding: "utf-16" } as never), '"encoding"'],
  [() => stringLookup().call("a"), "stringLookup.call: expected a vocabulary, received none yet"],
  [() => stringLookup({ vocabulary }).adapt(["a"]), "stringLookup.adapt: expected no vocabulary given"],
  [() => stringLookup().adapt(["[UNK]"]), "expected at least one token that is not special"],
  [
    () => integerLookup({ vocabulary: [1] }).call([[1], ["1" as never]]),
    "integerLookup.call[1, 0]: expected an integer",
  ],
  [
    () => stringLookup({ vocabulary }).call([["a"], ["a", "b"]]),
    "expected 1 entries in every list of axis 1, received 2",
  ],
])("what cannot be is refused: %#", (run, message) => {
  expect(run).toThrow(message);
});
