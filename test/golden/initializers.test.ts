// Do initial values have the values, limits and moments that Keras' have?

import { expect } from "vitest";
import type { Config } from "../../bindings/config.ts";
import { initializerFromConfig } from "../../bindings/initializers.ts";
import { fans } from "../../bindings/initialValues.ts";
import { type Shape, sizeOf } from "../../bindings/tensor.ts";
import { expectClose, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Config;
  readonly kind: "exact" | "random" | "orthogonal";
  readonly value: GoldenTensor;
  readonly shape: Shape;
  readonly fanIn?: number;
  readonly fanOut?: number;
  readonly mean: number;
  readonly std: number;
  readonly min?: number;
  readonly max?: number;
  readonly flattenedShape: readonly [number, number];
  readonly gain: number;
}

/** Draws for one moment: the deviation of the mean of so many is 1/200 of their own. */
const wanted = 40_000;

runCases("initializers", loadCases<Case>("initializers"), (golden) => {
  if (golden.kind === "exact") checkExact(golden);
  else if (golden.kind === "random") checkRandom(golden);
  else checkOrthogonal(golden);
});

function checkExact(golden: Case): void {
  // Identity's configuration in Keras 3.8 leaves out the gain.
  const gain = golden.className === "Identity" ? { gain: Number(golden.value.data[0]) } : {};
  const made = initializerFromConfig(golden.className, { ...golden.config, ...gain });
  expectClose("value", made.create(golden.value.shape), golden.value, 0);
}

function checkRandom(golden: Case): void {
  const made = initializerFromConfig(golden.className, golden.config);
  const { fanIn, fanOut } = fans(golden.shape);
  if (golden.fanIn !== undefined) expect([fanIn, fanOut]).toEqual([golden.fanIn, golden.fanOut]);
  const draws = Math.ceil(wanted / sizeOf(golden.shape));
  const repeats = Math.min(draws, 300);
  const values = Array.from({ length: repeats }, (_, seed) => Array.from(made.create(golden.shape, seed).data)).flat();
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length);
  const error = golden.std / Math.sqrt(values.length);
  expect(Math.abs(mean - golden.mean), "mean").toBeLessThan(5 * error);
  expect(Math.abs(std - golden.std), "deviation").toBeLessThan(5 * error);
  const slack = 1e-6;
  if (golden.min !== undefined) expect(Math.min(...values)).toBeGreaterThanOrEqual(golden.min * (1 + slack));
  if (golden.max !== undefined) expect(Math.max(...values)).toBeLessThanOrEqual(golden.max * (1 + slack));
}

function checkOrthogonal(golden: Case): void {
  const { data } = initializerFromConfig(golden.className, golden.config).create(golden.shape, 7);
  const [rows, columns] = golden.flattenedShape;
  const tall = rows >= columns;
  const count = tall ? columns : rows;
  const at = (vector: number, element: number): number =>
    data[tall ? element * columns + vector : vector * columns + element] as number;
  for (let a = 0; a < count; a++)
    for (let b = 0; b < count; b++) {
      const length = tall ? rows : columns;
      const product = Array.from({ length }, (_, element) => at(a, element) * at(b, element)).reduce((x, y) => x + y);
      expect(Math.abs(product - (a === b ? golden.gain ** 2 : 0))).toBeLessThan(2e-6 * golden.gain ** 2);
    }
}
