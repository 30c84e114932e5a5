// Do steps that do not count stay out of what layers and losses compute, wherever the mask has to go?

import { describe, expect, test } from "vitest";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { model } from "../../bindings/models/functional.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer } from "./describeLayer.ts";

describeLayer("Masking", [
  { title: "plain", make: () => layers.masking(), inputs: [[3, 4, 2]], output: [3, 4, 2] },
  { title: "another value", make: () => layers.masking({ maskValue: 9 }), inputs: [[2, 3, 2]], output: [2, 3, 2] },
]);

describeLayer("Embedding", [
  {
    title: "of tokens",
    make: () => layers.embedding({ inputDim: 10, outputDim: 3 }),
    inputs: [[4, 5]],
    dtype: "int32",
    output: [4, 5, 3],
    parameters: 30,
  },
]);

/** Two steps that count and one that does not, for two samples. */
const steps = tensor([
  [[1, 2], [3, 4], [0, 0]],
  [[5, 6], [0, 0], [0, 0]],
]); // biome-ignore format: rows

const averaged = (...between: ReturnType<typeof layers.dense>[]): Tensor =>
  sequential([layers.masking({ inputShape: [3, 2] }), ...between, layers.globalAveragePooling1D()]).predict(steps);

describe("the mask of a sequence", () => {
  test("keeps what does not count out of an average", () => {
    expect(averaged().array()).toEqual([[2, 3], [5, 6]]); // biome-ignore format: rows
  });

  test("passes layers that keep the steps, and nested models", () => {
    const inner = sequential([
      layers.activation({ activation: "relu", inputShape: [3, 2] }),
      layers.dropout({ rate: 0.5 }),
    ]);
    expect(averaged(layers.identity(), inner as never).array()).toEqual([[2, 3], [5, 6]]); // biome-ignore format: rows
  });

  test("ends at a layer that does not keep them", () => {
    const [first] = averaged(layers.permute({ dims: [2, 1] }), layers.permute({ dims: [2, 1] })).array() as number[][];
    expect(first?.[0]).toBeCloseTo(4 / 3, 6);
  });

  test("is that of both inputs where they are added, of either where they are side by side", () => {
    const x = input({ shape: [3, 2] });
    const whole = layers.masking().apply(x);
    const short = layers.masking({ maskValue: 1 }).apply(layers.lambda({ fn: (y) => y }).apply(x));
    const added = layers.globalAveragePooling1D().apply(layers.add().apply([whole, short]));
    const joined = layers.globalAveragePooling1D().apply(layers.concatenate().apply([whole, short]));
    const both = model({ inputs: x, outputs: { added, joined } });
    const [sample] = [tensor([[[1, 1], [3, 4], [0, 0]]])]; // biome-ignore format: rows
    const found = both.predict(sample as Tensor) as unknown as Record<string, Tensor>;
    expect(found.added?.array()).toEqual([[6, 8]]);
    expect(found.joined?.array()).toEqual([[4 / 3, 5 / 3, 1, 4 / 3].map(Math.fround)]);
  });

  test("can be given to a layer that is applied to values", () => {
    const mask = tensor([[1, 1, 0], [1, 0, 0]], undefined, "bool"); // biome-ignore format: rows
    expect(layers.globalAveragePooling1D().apply(steps, { mask }).array()).toEqual([[2, 3], [5, 6]]); // biome-ignore format: rows
    expect(() => layers.add().apply([steps, steps], { mask })).toThrow("a mask for a single input");
    for (const layer of [layers.permute({ dims: [2, 1] }), layers.globalMaxPooling1D(), layers.flatten()])
      expect(() => layer.apply(steps, { mask })).toThrow("could neither use nor hand on");
  });

  test("keeps steps out of the loss: values there change nothing", () => {
    const losses = [0, 1000].map((beyond) => {
      setSeed(3);
      const tokens = sequential([
        layers.inputLayer({ shape: [3], dtype: "int32" }),
        layers.embedding({ inputDim: 5, outputDim: 4, maskZero: true }),
        layers.dense({ units: 1 }),
      ]);
      tokens.compile({ optimizer: "sgd", loss: "meanSquaredError" });
      const x = tensor([[1, 2, 0], [3, 0, 0]], undefined, "int32"); // biome-ignore format: rows
      const y = tensor([[[1], [2], [beyond]], [[3], [beyond], [beyond]]]); // biome-ignore format: rows
      return [tokens.trainOnBatch(x, y).loss, tokens.testOnBatch(x, y).loss];
    });
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[0]?.[1]).toBeLessThan(losses[0]?.[0] as number);
  });
});

test("a token out of range stops the program and is named", () => {
  const layer = layers.embedding({ inputDim: 3, outputDim: 2 });
  expect(() => layer.apply(tensor([[0, 3]], undefined, "int32"))).toThrow(/0 to 2.*3/);
});
