// Do layers that are one function of their input compute it, and say so where a file cannot hold it?

import { describe, expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeLayer } from "./describeLayer.ts";

describeLayer("Identity", [{ title: "plain", make: () => layers.identity(), inputs: [[3, 4]], output: [3, 4] }]);

describeLayer("EinsumDense", [
  {
    title: "with a bias",
    make: () =>
      layers.einsumDense({ equation: "abc,cd->abd", outputShape: [null, 4], biasAxes: "d", activation: "tanh" }),
    inputs: [[2, 3, 5]],
    output: [2, 3, 4],
    parameters: 24,
  },
  {
    title: "with ... and two axes for each unit",
    make: () => layers.einsumDense({ equation: "...x,xyz->...yz", outputShape: [2, 3], biasAxes: "yz" }),
    inputs: [[2, 3, 5]],
    output: [2, 3, 2, 3],
    parameters: 36,
  },
]);

describe("einsumDense refuses", () => {
  test.each([
    ["an equation without a kernel", { equation: "ab->ab", outputShape: 3 }, "equation"],
    ["another number of sizes", { equation: "ab,bc->ac", outputShape: [3, 4] }, "1 sizes"],
    ["an axis without a size", { equation: "ab,bc->ac", outputShape: [null] }, 'a size for the axis "c"'],
    ["a bias along another axis", { equation: "ab,bc->ac", outputShape: 3, biasAxes: "b" }, 'letters of "ac"'],
  ] as const)("%s", (_, options, message) => {
    expect(() => layers.einsumDense(options).build([[2, 5]])).toThrow(message);
  });

  test("input with another number of axes", () => {
    expect(() => layers.einsumDense({ equation: "ab,bc->ac", outputShape: 3 }).build([[2, 5, 1]])).toThrow("2 axes");
  });
});

describe("lambda", () => {
  test("computes its function, with gradients", () => {
    const network = sequential([
      layers.dense({ units: 3, inputShape: [2] }),
      layers.lambda({ fn: (x) => sum(multiply(x, x), -1, true) }),
    ]).compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const [x, y] = [tensor([[1, 2], [0, 1]]), tensor([[1], [0]])]; // biome-ignore format: rows
    const before = network.testOnBatch(x, y).loss;
    network.trainOnBatch(x, y);
    expect(network.testOnBatch(x, y).loss).toBeLessThan(before);
  });

  test("cannot be saved, and says what can", async () => {
    const network = sequential([layers.lambda({ fn: (x) => x, inputShape: [2], name: "twice" })]);
    await expect(network.save()).rejects.toThrow(/twice.*defineLayer/s);
    expect(() => layers.lambda({ fn: 3 as never })).toThrow("a function of ops");
  });
});
