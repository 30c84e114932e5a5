// Do strings and integers fall into the bins that Keras gives them?

import { describe, expect, test } from "vitest";
import { hashing, hashingFromConfig } from "../../bindings/preprocessing/hashing.ts";
import { tensor } from "../../bindings/tensor.ts";

const letters = ["A", "B", "C", "D", "E"];
const names = [["omar"], ["stringer"], ["marlo"], ["wire"], ["skywalker"]];

describe("bins of Keras' documentation and tests", () => {
  test.each([
    ["strings", { numBins: 3 }, letters, [1, 0, 1, 1, 2]],
    ["a mask", { numBins: 3, maskValue: "" }, ["A", "B", "", "C", "D"], [1, 1, 0, 2, 2]],
    ["a mask that is a word", { numBins: 3, maskValue: "omar" }, names.flat(), [0, 1, 2, 1, 1]],
    ["a salt", { numBins: 3, salt: [133, 137] as const }, letters, [1, 2, 1, 0, 2]],
    ["one number as salt", { numBins: 3, salt: 133 }, letters, [0, 0, 2, 1, 0]],
    ["integers", { numBins: 3 }, [0, 1, 2, 3, 4], [1, 0, 1, 0, 2]],
    ["salted integers", { numBins: 3, salt: [133, 137] as const }, [0, 1, 2, 3, 4], [1, 1, 2, 0, 1]],
    ["columns", { numBins: 2, salt: [211, 137] as const }, names, [[1], [0], [1], [0], [1]]],
    ["one bin", { numBins: 1 }, names, [[0], [0], [0], [0], [0]]],
    ["how often", { numBins: 3, outputMode: "count" as const }, [[0, 1, 2, 3, 4]], [[2, 2, 1]]],
    ["what occurs", { numBins: 3, outputMode: "multiHot" as const }, [[0, 2, 0, 2]], [[0, 1, 0]]],
    [
      "each",
      { numBins: 3, outputMode: "oneHot" as const },
      [[0], [1], [4]],
      [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
      ],
    ],
  ])("%s", (_, options, data, expected) => {
    const bins = hashing(options).call(data);
    expect(bins.array()).toEqual(expected);
    expect(bins.dtype).toBe("outputMode" in options ? "float32" : "int32");
  });
});

test("a tensor of integers is hashed as lists of them are", () => {
  const bins = hashing({ numBins: 3 });
  expect(bins.call(tensor([[0, 1, 2, 3, 4]], undefined, "int32")).array()).toEqual([[1, 0, 1, 0, 2]]);
  expect(bins.call(Int32Array.of(0, 1)).array()).toEqual([1, 0]);
  expect(bins.call("A").shape).toEqual([]);
});

test("the configuration is what Keras writes, and makes the same bins again", () => {
  const bins = hashing({ numBins: 4, salt: 7, maskValue: "A", outputMode: "multiHot" });
  const config = bins.getConfig();
  expect(config).toEqual({ num_bins: 4, salt: [7, 7], mask_value: "A", output_mode: "multi_hot" });
  const again = hashingFromConfig({ ...config, name: "hashing", trainable: true, dtype: "float32", sparse: false });
  expect(again.call(letters).data).toEqual(bins.call(letters).data);
  expect(() => hashingFromConfig({ ...config, sparse: true })).toThrow("hashing.sparse: expected false, received true");
  expect(() => hashingFromConfig({ ...config, bins: 3 })).toThrow('"bins"');
});

test.each([
  [() => hashing({} as never), "hashing.numBins: expected an integer from 1 to 2³¹ − 1, received undefined"],
  [() => hashing({ numBins: 2 ** 31 }), "received 2147483648"],
  [() => hashing({ numBins: 2, salt: [1] as never }), "hashing.salt: expected an integer ≥ 0, or two of them"],
  [() => hashing({ numBins: 2, outputMode: "tfIdf" as never }), "hashing.outputMode"],
  [() => hashing({ numBins: 2, sparse: true } as never), '"sparse"'],
  [() => hashing({ numBins: 2 }).call([["a"], [null as never]]), "hashing.call[1, 0]: expected a string or an integer"],
  [
    () => hashing({ numBins: 2 ** 31 - 1, outputMode: "oneHot" }).call(["a"]),
    "hashing.call: expected room for 8 GiB, float32 [1, 2147483647]",
  ],
  [() => hashing({ numBins: 2 }).call([0.5]), "hashing.call[0]"],
  [() => hashing({ numBins: 2, maskValue: "" }).call([1]), "expected a string like the mask value, received 1"],
  [() => hashing({ numBins: 2 }).call([["a", "b"], ["c"]]), "expected 2 entries in every list of axis 1, received 1"],
])("what cannot be is refused: %#", (run, message) => {
  expect(run).toThrow(message);
});
