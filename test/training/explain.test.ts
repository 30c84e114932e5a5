// Does looking at a model leave it as it was?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, samples } from "./problem.ts";

const { x, y } = samples(40);

test("explain with profile leaves weights, slots, seed, epochs and what comes after unchanged to the bit", async () => {
  const [watched, plain] = [classifier(), classifier()];
  const options = { verbose: 0, batchSize: 8, validationData: [x, y] } as const;
  await watched.fit(x, y, options);
  await plain.fit(x, y, options);
  for (const mode of ["train", "test", "predict"] as const) watched.explain({ mode, profile: true, repeats: 3 });
  expectSameBits(watched.getWeights(), plain.getWeights(), "weights");
  expect(watched.trainer.state.readSlots()).toEqual(plain.trainer.state.readSlots());
  expect(watched.trainer.state.iteration.value).toEqual(plain.trainer.state.iteration.value);
  expect(await watched.fit(x, y, { ...options, epochs: 2 })).toEqual(await plain.fit(x, y, { ...options, epochs: 2 }));
  expectSameBits(watched.getWeights(), plain.getWeights(), "weights after training on");
});

test("each instruction is told with layer, work and, with profile, time; a batch of any size", () => {
  const network = classifier();
  const { instructions, plannedBytes, totalBytes } = network.explain({ batchSize: 7 });
  const products = instructions.filter(({ op }) => op === "matMul");
  expect(products.map(({ layer }) => layer)).toEqual(["sequential/dense", "sequential/dense_1"]);
  expect(products[0]?.flops).toBeGreaterThanOrEqual(2 * 7 * 6 * 17);
  expect(plannedBytes).toBeLessThanOrEqual(totalBytes);
  expect(instructions.some(({ microseconds }) => microseconds !== undefined)).toBe(false);
  const profiled = network.explain({ mode: "train", profile: true, repeats: 2 });
  expect(profiled.instructions.every(({ op, microseconds }) => op === "sync" || (microseconds ?? -1) >= 0)).toBe(true);
  expect(profiled.instructions.some(({ op }) => op === "adam")).toBe(true);
  expect(profiled.toString()).toContain("GFLOP/s");
});

test("a model that is not compiled explains its prediction only", () => {
  const network = sequential([layers.dense({ units: 2, inputShape: [3] })]);
  expect(network.explain().instructions.map(({ op }) => op)).toEqual(["sync", "matMul"]);
  expect(() => network.explain({ mode: "train" })).toThrow("Call model.compile({ optimizer, loss }) first.");
});
