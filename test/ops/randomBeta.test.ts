// Are shares distributed as they should be, near 0 and 1 for a small α and near a half for a large one?

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { broadcastTo } from "../../bindings/ops/map.ts";
import { randomBeta } from "../../bindings/ops/randomBeta.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp } from "../harness/describeOp.ts";

const scalar = (value: number) => ({ shape: [], dtype: "int32", values: [value] }) as const;
describeOp("randomBeta", [
  {
    title: "of an α for each",
    apply: (seed, step, alpha) => randomBeta(seed, step, alpha),
    inputs: [scalar(7), scalar(3), { shape: [5, 3], range: { low: 0.1, high: 4 } }],
    shape: [5, 3],
    gradient: false,
  },
]);

const draw = (alpha: number, count: number, seed = 1, step = 0): Float32Array =>
  compiled((...[key, time, each]: SymbolicTensor[]) =>
    randomBeta(key as SymbolicTensor, time as SymbolicTensor, broadcastTo(each as SymbolicTensor, [count])),
  )(...([tensor(seed, [], "int32"), tensor(step, [], "int32"), tensor([alpha])] as Tensor[])).data as Float32Array;

describe.each([0.2, 1, 2.5])("α = %d", (alpha) => {
  const count = 200_000;
  const x = draw(alpha, count);

  it("has the moments of its density, in [0, 1]", () => {
    /** Mean of (2x − 1)^(2k): Π (2j − 1) / (2α + 2j − 1) over j = 1 … k. */
    const even = (k: number): number => (k === 0 ? 1 : (even(k - 1) * (2 * k - 1)) / (2 * alpha + 2 * k - 1));
    const moment = (power: number): number => x.reduce((sum, each) => sum + (2 * each - 1) ** power, 0) / count;
    expect(x.every((each) => each >= 0 && each <= 1)).toBe(true);
    // Five standard errors.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(even(1) / count));
    for (const k of [1, 2, 3])
      expect(Math.abs(moment(2 * k) - even(k))).toBeLessThan(5 * Math.sqrt((even(2 * k) - even(k) ** 2) / count));
  });
});

it("seeds and steps give other shares", () => {
  const x = draw(0.2, 5);
  expect(draw(0.2, 5)).toEqual(x);
  expect(draw(0.2, 5, 2)).not.toEqual(x);
  expect(draw(0.2, 5, 1, 1)).not.toEqual(x);
});

it("an α of almost 0 gives 0 and 1, equally often", () => {
  const count = 10_000;
  const x = draw(1e-6, count);
  expect(x.every((each) => each < 1e-6 || each > 1 - 1e-6)).toBe(true);
  expect(Math.abs(x.filter((each) => each > 0.5).length / count - 0.5)).toBeLessThan(2.5 / Math.sqrt(count));
});
