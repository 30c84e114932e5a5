// Do categories and ranges become the integers and vectors that they should?

import { describe, expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeLayer } from "./describeLayer.ts";

describeLayer("CategoryEncoding", [
  {
    title: "each value",
    make: () => layers.categoryEncoding({ numTokens: 10, outputMode: "oneHot" }),
    inputs: [[4, 3]],
    dtype: "int32",
    output: [4, 3, 10],
    trains: false,
  },
  {
    title: "what occurs",
    make: () => layers.categoryEncoding({ numTokens: 10 }),
    inputs: [[4, 3]],
    dtype: "int32",
    output: [4, 10],
    trains: false,
  },
]);

describeLayer("Discretization", [
  {
    title: "by given boundaries",
    make: () => layers.discretization({ binBoundaries: [-1, 0, 1] }),
    inputs: [[4, 3]],
    output: [4, 3],
    trains: false,
  },
  {
    title: "learnt from data",
    make: () => layers.discretization({ numBins: 4, outputMode: "count" }),
    prepare: (layer, [x]) => (layer as ReturnType<typeof layers.discretization>).adapt(x as never),
    inputs: [[6, 3]],
    output: [6, 4],
    parameters: 3,
    trains: false,
  },
]);

describe("categoryEncoding", () => {
  test("counts, with weights", () => {
    const layer = layers.categoryEncoding({ numTokens: 4, outputMode: "count" });
    const x = tensor([[0, 1, 1], [3, 3, 3]], undefined, "int32"); // biome-ignore format: rows
    expect(layer.apply(x).array()).toEqual([[1, 2, 0, 0], [0, 0, 0, 3]]); // biome-ignore format: rows
    const weights = tensor([[1, 0.5, 0.25], [1, 1, 2]]); // biome-ignore format: rows
    expect(layer.apply([x, weights]).array()).toEqual([[1, 0.75, 0, 0], [0, 0, 0, 4]]); // biome-ignore format: rows
    expect(() => layer.apply([x, tensor([1, 2])])).toThrow("weights of shape [2, 3]");
    expect(() => layers.categoryEncoding({ numTokens: 4 }).apply([x, weights])).toThrow("one input");
  });

  test("stops at a category that is out of range", () => {
    const layer = layers.categoryEncoding({ numTokens: 3 });
    expect(() => layer.apply(tensor([[0, 3]], undefined, "int32"))).toThrow(/categoryEncoding|category_encoding/);
    expect(() => layer.apply(tensor([[0, -1]], undefined, "int32"))).toThrow(/0 to 2/);
  });

  test("says where there is no room for so many categories", () => {
    const layer = layers.categoryEncoding({ numTokens: 4e9, name: "tokens" });
    const text = "tokens (categoryEncoding): expected room for 14.9 GiB, int32 [4000000000], received at most 4 GiB";
    expect(() => layer.apply(tensor([[1]], undefined, "int32"))).toThrow(text);
  });
});

describe("discretization", () => {
  test("learns boundaries that share data out equally", () => {
    const layer = layers.discretization({ numBins: 4 });
    const data = Float32Array.from({ length: 1000 }, (_, index) => (index * 379) % 1000);
    layer.adapt(data);
    expect(layer.getWeights()[0]?.array()).toEqual([250, 500, 750]);
    const counts = [0, 0, 0, 0];
    for (const bin of layer.apply(tensor(data, [1000, 1])).data) counts[bin] = (counts[bin] ?? 0) + 1;
    expect(counts).toEqual([250, 250, 250, 250]);
  });

  test.each([
    ["neither boundaries nor a number", {}, "neither"],
    ["both", { binBoundaries: [1], numBins: 2 }, "both"],
    ["boundaries that fall", { binBoundaries: [1, 0] }, "rising order"],
    ["one bin", { numBins: 1 }, "an integer ≥ 2"],
  ] as const)("refuses %s", (_, options, message) => {
    expect(() => layers.discretization(options as never)).toThrow(message);
  });

  test("refuses data that are no numbers, and adapting what is given", () => {
    expect(() => layers.discretization({ numBins: 2 }).adapt([1, Number.NaN])).toThrow("finite numbers");
    expect(() => layers.discretization({ binBoundaries: [1] }).adapt([1])).toThrow("given binBoundaries");
  });
});
