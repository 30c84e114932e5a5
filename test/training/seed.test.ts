// Is everything random a function of the seed?

import { expect, test } from "vitest";
import { glorotUniform, randomNormal, resolveInitializer } from "../../bindings/initializers.ts";
import { nextSeed, setSeed } from "../../bindings/seed.ts";

test("the same seed gives the same seeds, another one others", () => {
  const draw = (seed: number): number[] => {
    setSeed(seed);
    return Array.from({ length: 1000 }, nextSeed);
  };
  expect(draw(7)).toEqual(draw(7));
  const all = [7, 8, -1, 2 ** 40].flatMap(draw);
  expect(new Set(all).size).toBe(all.length);
  expect(all.every((seed) => Number.isInteger(seed) && seed === (seed | 0))).toBe(true);
});

test("the seeds are these forever", () => {
  setSeed(42);
  expect([nextSeed(), nextSeed(), nextSeed()]).toMatchInlineSnapshot(`
    [
      -682669376,
      -2133904732,
      1658353158,
    ]
  `);
});

test("initial values follow the global seed, and a seed of their own before it", () => {
  const create = (): number[] => Array.from(glorotUniform().create([3, 5]).data);
  setSeed(1);
  const [first, second] = [create(), create()];
  setSeed(1);
  expect(create()).toEqual(first);
  expect(create()).toEqual(second);
  expect(second).not.toEqual(first);
  const fixed = randomNormal({ seed: 3 });
  expect(fixed.create([4])).toEqual(fixed.create([4]));
  expect(fixed.create([4], 9)).toEqual(fixed.create([4]));
  expect(resolveInitializer("he_normal", "test").create([4, 2], 5)).toEqual(
    resolveInitializer("heNormal", "test").create([4, 2], 5),
  );
});

test("a seed is an integer", () => {
  for (const seed of [Number.NaN, 0.5, Number.POSITIVE_INFINITY, "1" as never])
    expect(() => setSeed(seed)).toThrow("setSeed: expected an integer");
});
