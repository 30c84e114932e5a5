// Do functions of one's own draw what they say, others in each run, and the same after the same seed?

import { expect, test } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import * as layers from "../../bindings/layers/index.ts";
import * as random from "../../bindings/random.ts";
import { setSeed } from "../../bindings/seed.ts";
import { tensor } from "../../bindings/tensor.ts";

const shape = [40, 100];
const draws = {
  uniform: {
    draw: () => random.uniform(shape, { minval: -1, maxval: 3 }),
    mean: 1,
    deviation: 4 / Math.sqrt(12),
    low: -1,
    high: 3,
  },
  normal: { draw: () => random.normal(shape, { mean: 2, stddev: 0.5 }), mean: 2, deviation: 0.5, low: -1, high: 5 },
  truncatedNormal: { draw: () => random.truncatedNormal(shape), mean: 0, deviation: 0.8796, low: -2, high: 2 },
  bernoulli: { draw: () => random.bernoulli(shape, 0.3), mean: 0.3, deviation: Math.sqrt(0.21), low: 0, high: 1 },
  integers: { draw: () => random.integers(shape, -1, 3), mean: 0.5, deviation: Math.sqrt(1.25), low: -1, high: 2 },
};

test.each(Object.entries(draws))("%s has its mean, deviation and limits", (_, { draw, mean, deviation, low, high }) => {
  setSeed(5);
  const numbers = Array.from(compiled(draw)().data);
  const found = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const spread = Math.sqrt(numbers.reduce((sum, each) => sum + (each - found) ** 2, 0) / numbers.length);
  // Five standard errors.
  expect(Math.abs(found - mean)).toBeLessThan((5 * deviation) / Math.sqrt(numbers.length));
  expect(Math.abs(spread - deviation)).toBeLessThan((5 * deviation) / Math.sqrt(numbers.length));
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(low);
  expect(Math.max(...numbers)).toBeLessThanOrEqual(high);
});

test("categorical draws classes by their probabilities", () => {
  setSeed(5);
  const logits = [[0, Math.log(3), Number.NEGATIVE_INFINITY]];
  const drawn = compiled(() => random.categorical(logits, 4000))();
  expect([drawn.shape, drawn.dtype, Math.max(...drawn.data)]).toEqual([[1, 4000], "int32", 1]);
  const ones = Array.from(drawn.data).filter((each) => each === 1).length;
  // Five standard errors.
  expect(Math.abs(ones / 4000 - 0.75)).toBeLessThan(5 * Math.sqrt((0.75 * 0.25) / 4000));
});

test("each run, and each call in it, draws others; the same seed gives the same again", () => {
  const pair = compiled(() => [random.normal([8]), random.normal([8])]);
  const runs = (): unknown[] => {
    setSeed(9);
    return [pair(), pair()];
  };
  const [first, second] = runs() as [{ data: unknown }[], { data: unknown }[]];
  expect(first[0]?.data).not.toEqual(first[1]?.data);
  expect(first[0]?.data).not.toEqual(second[0]?.data);
  expect(runs()).toEqual([first, second]);
});

test("dropout that is applied to values follows the seed too", () => {
  const layer = layers.dropout({ rate: 0.5 });
  const drop = () => {
    setSeed(4);
    return layer.apply(tensor(new Float32Array(64).fill(1)), { training: true });
  };
  expect(drop()).toEqual(drop());
});

test("bad calls are errors that say so", () => {
  expect(() => random.normal([2])).toThrow("random.normal: expected a function that is being traced");
  expect(() => compiled(() => random.normal([-2]))()).toThrow("a list of at most 64 sizes, integers ≥ 0");
  expect(() => compiled(() => random.integers([2], 3, 3))()).toThrow("minval < maxval");
  expect(() => compiled(() => random.bernoulli([2], 2))()).toThrow("random.bernoulli.probability");
  expect(() => compiled(() => random.normal([2], { std: 1 } as never))()).toThrow('stddev), received "std"');
});
