// Are activations that need more than elements right, in value and gradient?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { sparsemax } from "../../bindings/ops/activations.ts";
import { describeOp } from "../harness/describeOp.ts";

const along =
  (axis: number) =>
  (...[x]: SymbolicTensor[]): SymbolicTensor =>
    sparsemax(x as SymbolicTensor, axis);

describeOp("sparsemax", [
  ...[1, 2, 5, 17, 33].map((columns) => ({
    title: `of ${columns} columns`,
    apply: along(-1),
    inputs: [{ shape: [3, columns] }],
    shape: [3, columns],
  })),
  {
    title: "of numbers far from 0",
    apply: along(-1),
    inputs: [{ shape: [2, 9], range: { low: 1000, high: 1001 } }],
    shape: [2, 9],
  },
  { title: "of the first axis", apply: along(0), inputs: [{ shape: [5, 2, 3] }], shape: [5, 2, 3] },
  {
    title: "of the axis between",
    apply: along(1),
    inputs: [{ shape: [2, 6, 3], range: { low: -0.2, high: 0.2 } }],
    shape: [2, 6, 3],
  },
]);

it("sparsemax of 1,000 numbers is the nearest point of the simplex", () => {
  const x = Float32Array.from({ length: 1000 }, (_, place) => ((place * 7919) % 1000) / 1000);
  const y = Array.from(compiled((row: SymbolicTensor) => sparsemax(row))(x).data);
  // Nearest is the point of the simplex that lies below x by one number everywhere but where it is 0.
  expect(Math.abs(y.reduce((a, b) => a + b) - 1)).toBeLessThan(1e-6);
  const place = y.findIndex((each) => each > 0);
  const offset = (x[place] as number) - (y[place] as number);
  x.forEach((each, at) => {
    expect(Math.abs(Math.max(each - offset, 0) - (y[at] as number))).toBeLessThan(1e-6);
  });
});

it("sparsemax gives nothing to what is ruled out, and equal shares to equal numbers", () => {
  const y = compiled((row: SymbolicTensor) => sparsemax(row))([
    [1, Number.NEGATIVE_INFINITY, 1, 1],
    [Number.NEGATIVE_INFINITY, 0.25, 0, Number.NEGATIVE_INFINITY],
  ]).array() as number[][];
  expect(y[1]).toEqual([0, 0.625, 0.375, 0]);
  expect(y[0]?.[1]).toBe(0);
  for (const place of [0, 2, 3]) expect(y[0]?.[place]).toBeCloseTo(1 / 3, 6);
});
