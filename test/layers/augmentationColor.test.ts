// Do brightness and contrast change as they say, each image its own way, within the range of values?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

const shape = [4, 5, 6, 2];
const wide = { valueRange: [-8, 8] } as const;
describeLayer("RandomBrightness", [
  {
    title: "by a range",
    make: () => layers.randomBrightness({ factor: [-0.02, 0.01], ...wide }),
    inputs: [shape],
    output: shape,
  },
  {
    title: "of rows, with a seed",
    make: () => layers.randomBrightness({ factor: 0.01, seed: 3, ...wide }),
    inputs: [[8, 5]],
    output: [8, 5],
  },
]);
describeLayer("RandomContrast", [
  {
    title: "by one number",
    make: () => layers.randomContrast({ factor: 0.1, ...wide }),
    inputs: [shape],
    output: shape,
  },
  {
    title: "by two, the channels first",
    make: () => layers.randomContrast({ factor: [0.2, 0.05], seed: 4, dataFormat: "channelsFirst", ...wide }),
    inputs: [shape],
    output: shape,
  },
]);

const images = 400;
const trained = (layer: Layer, x: Tensor): Tensor => layer.apply(x, { training: true });
/** Mean within five standard errors of that of uniform numbers, ends not passed and nearly reached. */
function expectUniform(found: readonly number[], low: number, high: number): void {
  const mean = found.reduce((sum, each) => sum + each, 0) / found.length;
  expect(Math.abs(mean - (low + high) / 2)).toBeLessThan((5 * (high - low)) / Math.sqrt(12 * found.length));
  const margin = 0.03 * (high - low);
  expect(Math.min(...found)).toBeGreaterThan(low - 1e-5);
  expect(Math.min(...found)).toBeLessThan(low + margin);
  expect(Math.max(...found)).toBeLessThan(high + 1e-5);
  expect(Math.max(...found)).toBeGreaterThan(high - margin);
}

test("randomBrightness adds a share of the value range to all pixels of an image", () => {
  setSeed(1);
  const x = tensor(
    Float32Array.from({ length: images * 2 }, (_, index) => 100 + (index % 2)),
    [images, 1, 1, 2],
  );
  const { data } = trained(layers.randomBrightness({ factor: [-0.2, 0.3] }), x);
  const added = Array.from({ length: images }, (_, image) => (data[2 * image] as number) - 100);
  for (const [image, each] of added.entries()) expect((data[2 * image + 1] as number) - 101).toBeCloseTo(each, 4);
  expectUniform(added, -0.2 * 255, 0.3 * 255);
  const around0 = trained(layers.randomBrightness({ factor: 0.25, valueRange: [100, 104] }), x.slice(0, 50)).data;
  expect(Math.max(...around0)).toBeLessThan(102.001);
  expect(Math.min(...around0)).toBe(100);
});

test("randomContrast multiplies the distance from the mean of each channel", () => {
  setSeed(2);
  // Channels of mean 100 and 50, with distances of ±10 and ±20.
  const x = tensor(
    Float32Array.from({ length: images * 4 }, (_, index) => [90, 30, 110, 70][index % 4] as number),
    [images, 2, 1, 2],
  );
  const factors = (layer: Layer): number[] => {
    const { data } = trained(layer, x);
    return Array.from({ length: images }, (_, image) => {
      const [a = 0, b = 0, c = 0, d = 0] = data.slice(4 * image, 4 * image + 4);
      expect(a + c).toBeCloseTo(200, 3);
      expect(b + d).toBeCloseTo(100, 3);
      expect((d - b) / 40).toBeCloseTo((c - a) / 20, 4);
      return (c - a) / 20;
    });
  };
  expectUniform(factors(layers.randomContrast({ factor: [0.4, 0.2] })), 0.6, 1.2);
  expectUniform(factors(layers.randomContrast({ factor: 0.5 })), 0.5, 1.5);
  const cut = trained(layers.randomContrast({ factor: [0, 1], valueRange: [0, 100] }), x).data;
  expect(Math.max(...cut)).toBe(100);
});

test.each([
  ["randomBrightness", () => layers.randomBrightness({ factor: 0.1, seed: 5 })],
  ["randomContrast", () => layers.randomContrast({ factor: 0.1, seed: 5 })],
])("%s changes nothing in predict, and draws anew in each step", (_, make) => {
  const x = random("x", [3, 4, 5, 2]);
  const run = (): number[] => {
    const model = sequential([make()]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    expect(model.predict(x).data).toEqual(x.data);
    return [1, 2, 3].map(() => model.trainOnBatch(x, x).loss);
  };
  const losses = run();
  expect(new Set(losses).size).toBe(3);
  expect(run()).toEqual(losses);
});

test("what cannot be is refused", () => {
  expect(() => layers.randomContrast({ factor: -0.5 })).toThrow(
    "randomContrast.factor: expected a number from 0 to 1, or [lower, upper], received -0.5",
  );
  expect(() => layers.randomBrightness({ factor: 0.1, valueRange: [1, 0] })).toThrow(
    "randomBrightness.valueRange: expected two numbers, [low, high], received [1, 0]",
  );
});
