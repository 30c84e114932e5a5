// Are the reductions that are made of others right, and differentiated where roots and zeros meet?

import { describe, expect, it } from "vitest";
import { grad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as reductions from "../../bindings/ops/composedReductions.ts";
import * as ops from "../../bindings/ops/index.ts";
import { describeOp, type InputSpec } from "../harness/describeOp.ts";

const apart = (...shape: number[]): readonly InputSpec[] => [{ shape, distinct: true }];
const infinity = Number.POSITIVE_INFINITY;

describeOp(
  "composed reductions",
  [
    {
      title: "any",
      apply: (x) => reductions.any(x, 1),
      inputs: [{ shape: [5, 2], dtype: "bool" }],
      shape: [5],
      dtype: "bool",
    },
    {
      title: "all",
      apply: (x) => reductions.all(x, 1),
      inputs: [{ shape: [5, 2], dtype: "bool" }],
      shape: [5],
      dtype: "bool",
    },
    {
      title: "countNonzero",
      apply: (x) => reductions.countNonzero(x, 0, true),
      inputs: [{ shape: [5, 3], dtype: "int32", range: { low: 0, high: 1 } }],
      dtype: "int32",
      shape: [1, 3],
    },
    { title: "std", apply: (x) => reductions.std(x, 1), inputs: [{ shape: [3, 5] }], shape: [3] },
    { title: "moments", apply: (x) => reductions.moments(x, 0)[1], inputs: [{ shape: [3, 5] }], shape: [5] },
    { title: "cumprod", apply: (x) => reductions.cumprod(x), inputs: [{ shape: [2, 7] }], shape: [14] },
    {
      title: "cumprod with zeros, first axis",
      apply: (x) => reductions.cumprod(x, 0),
      inputs: [{ shape: [4, 1], values: [2, 0, 3, 4] }],
      shape: [4, 1],
    },
    { title: "quantile", apply: (x) => reductions.quantile(x, 0.3, 0), inputs: apart(5, 3), shape: [3] },
    { title: "median", apply: (x) => reductions.median(x, 1, true), inputs: apart(3, 4), shape: [3, 1] },
    { title: "median of all", apply: (x) => reductions.median(x), inputs: apart(3, 3), shape: [] },
    { title: "norm", apply: (x) => reductions.norm(x, "euclidean", 1, true), inputs: apart(3, 5), shape: [3, 1] },
    { title: "norm of all", apply: (x) => reductions.norm(x), inputs: apart(3, 2), shape: [] },
    { title: "norm 1", apply: (x) => reductions.norm(x, 1, 0), inputs: apart(3, 5), shape: [5] },
    { title: "norm 3", apply: (x) => reductions.norm(x, 3, 1), inputs: apart(3, 5), shape: [3] },
    {
      title: "norm 1.5",
      apply: (x) => reductions.norm(x, 1.5, 1),
      inputs: [{ shape: [3, 5], range: { low: -2, high: 2, avoid: [0], margin: 0.4 } }],
      shape: [3],
    },
    { title: "norm ∞", apply: (x) => reductions.norm(x, infinity, -1), inputs: apart(3, 5), shape: [3] },
    { title: "norm 1 of matrices", apply: (x) => reductions.norm(x, 1, [1, 2]), inputs: apart(2, 3, 4), shape: [2] },
    {
      title: "norm −∞ of a matrix",
      apply: (x) => reductions.norm(x, -infinity, [0, 1]),
      inputs: apart(3, 4),
      shape: [],
      // Which row is the smallest is uncertain within the bounds of three sums; the norm above has the same gradient.
      gradient: false,
    },
    { title: "normalize", apply: (x) => reductions.normalize(x, 0), inputs: apart(3, 5), shape: [3, 5] },
  ],
  [
    {
      title: "norms that matrices do not have",
      call: () => reductions.norm([[1]], 3, [0, 1]),
      code: "unsupported",
      text: "norm: expected",
    },
    {
      title: "a share above 1",
      call: () => reductions.quantile([1], 1.5),
      code: "option",
      text: "a share from 0 to 1",
    },
  ],
);

describe("composed reductions on values", () => {
  const x = [
    [1, -2],
    [3, 4],
  ];

  it("do what NumPy's functions of these names do", () => {
    expect(ops.any(x, 0).array()).toEqual([true, true]);
    expect(
      ops
        .all(
          [
            [1, 0],
            [2, 3],
          ],
          1,
        )
        .array(),
    ).toEqual([false, true]);
    expect(ops.norm(x, 1, [0, 1]).item()).toBe(6);
    expect(ops.norm(x, 1, [1, 0]).item()).toBe(7);
    expect(ops.norm(x, infinity, [0, 1]).item()).toBe(7);
    expect(ops.quantile([4, 1, 2, 3], 0.5).item()).toBe(2.5);
    expect(ops.cumprod([1, 2, 3, 4]).array()).toEqual([1, 2, 6, 24]);
    expect(ops.moments([1, 3]).map((each) => each.item())).toEqual([2, 1]);
    expect(ops.norm([3, 4]).item()).toBe(5);
  });

  it("have gradient 0 where a root of 0 is taken", () => {
    const slope = (f: (x: SymbolicTensor) => SymbolicTensor, at: readonly number[]): readonly number[] =>
      Array.from(grad(f)(at).data);
    expect(slope((v) => reductions.norm(v), [0, 0])).toEqual([0, 0]);
    expect(slope((v) => reductions.norm(v, 3), [0, 0])).toEqual([0, 0]);
    expect(slope((v) => reductions.norm(v, 1.5), [0, 4])).toEqual([0, expect.closeTo(1, 5)]);
    expect(slope((v) => reductions.std(v), [2, 2])).toEqual([0, 0]);
    expect(slope((v) => ops.sum(reductions.normalize(v)), [0, 0]).map(Number.isFinite)).toEqual([true, true]);
  });
});
