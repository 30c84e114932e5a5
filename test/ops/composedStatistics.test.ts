// Are counts and statistics right, with weights, NaN and nothing to count?

import { describe, expect, it } from "vitest";
import { grad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as statistics from "../../bindings/ops/composedStatistics.ts";
import * as ops from "../../bindings/ops/index.ts";
import { describeOp, expectTensorError, type InputSpec } from "../harness/describeOp.ts";

const [infinity, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
const apart: readonly InputSpec[] = [{ shape: [3, 5], distinct: true }];
const small: InputSpec = { shape: [2, 7], dtype: "int32", range: { low: 0, high: 3 } };

describeOp(
  "composed statistics",
  [
    {
      title: "average, weights of one axis",
      apply: (x, w) => statistics.average(x as SymbolicTensor, w, 1),
      inputs: [{ shape: [2, 3, 2] }, { shape: [3], range: { low: 0.5, high: 2 } }],
      shape: [2, 2],
    },
    {
      title: "average of all",
      apply: (x, w) => statistics.average(x as SymbolicTensor, w),
      inputs: [{ shape: [2, 3] }, { shape: [2, 3], range: { low: 0.5, high: 2 } }],
      shape: [],
    },
    { title: "ptp", apply: (x) => statistics.ptp(x as SymbolicTensor, 1), inputs: apart, shape: [3] },
    { title: "percentile", apply: (x) => statistics.percentile(x as SymbolicTensor, 30, 0), inputs: apart, shape: [5] },
    { title: "corrcoef", apply: (x) => statistics.corrcoef(x as SymbolicTensor), inputs: apart, shape: [3, 3] },
    {
      title: "corrcoef of columns",
      apply: (x) => statistics.corrcoef(x as SymbolicTensor, false),
      inputs: [{ shape: [5, 2], distinct: true }],
      shape: [2, 2],
    },
    { title: "diff", apply: (x) => statistics.diff(x as SymbolicTensor, 2, 0), inputs: apart, shape: [1, 5] },
    {
      title: "trapezoid",
      apply: (y) => statistics.trapezoid(y as SymbolicTensor, undefined, 0.5, 0),
      inputs: apart,
      shape: [5],
    },
    {
      title: "trapezoid at positions",
      apply: (y, x) => statistics.trapezoid(y as SymbolicTensor, x),
      inputs: [{ shape: [3, 5] }, { shape: [5] }],
      shape: [3],
    },
    {
      title: "bincount",
      apply: (x) => statistics.bincount(x as SymbolicTensor, undefined, 4),
      inputs: [small],
      shape: [2, 4],
      dtype: "int32",
    },
    {
      title: "bincount with weights",
      apply: (x, w) => statistics.bincount(x as SymbolicTensor, w, 5),
      inputs: [small, { shape: [2, 7] }],
      shape: [2, 5],
    },
    {
      title: "histogram",
      apply: (x) => statistics.histogram(x as SymbolicTensor, 4, [-1, 1])[0],
      inputs: [{ shape: [5, 6] }],
      shape: [4],
      dtype: "int32",
    },
    {
      title: "inTopK",
      apply: (t, x) => statistics.inTopK(t as SymbolicTensor, x as SymbolicTensor, 2),
      inputs: [{ shape: [3], dtype: "int32", values: [0, 4, 2] }, ...apart],
      shape: [3],
      dtype: "bool",
    },
    {
      title: "isIn",
      apply: (x, set) => statistics.isIn(x as SymbolicTensor, set as SymbolicTensor),
      inputs: [small, { shape: [2], dtype: "int32", values: [1, 3] }],
      shape: [2, 7],
      dtype: "bool",
    },
  ],
  [
    {
      title: "weights that do not fit",
      call: () => ops.average([[1, 2]], 1, [1, 2, 3]),
      code: "shape",
      text: "average: expected weights of shape [1, 2], or a vector along the one axis, received [3]",
    },
    { title: "no bins", call: () => ops.histogram([1], 0), code: "option", text: "a whole number of bins" },
    { title: "endless bins", call: () => ops.histogram([1], 2, [0, Infinity]), code: "option", text: "both finite" },
    { title: "half a difference", call: () => ops.diff([1, 2], 0.5), code: "option", text: "a whole number ≥ 0" },
    { title: "rows of no matrix", call: () => ops.corrcoef([1, 2]), code: "shape", text: "a matrix [variables" },
    { title: "a share of 101 percent", call: () => ops.percentile([1], 101), code: "option", text: "from 0 to 1" },
  ],
);

describe("statistics on values", () => {
  it("leave NaN out", () => {
    const x = [
      [1, nan, 3],
      [nan, nan, nan],
    ];
    expect(ops.nanSum(x, 1).array()).toEqual([4, 0]);
    expect(ops.nanMean(x, 1).array()).toEqual([2, nan]);
    expect(ops.nanProduct(x, 1).array()).toEqual([3, 1]);
    expect(ops.nanMax(x, 1).array()).toEqual([3, -infinity]);
    expect(ops.nanMin(x, 1).array()).toEqual([1, infinity]);
    const slope = grad((each: SymbolicTensor) => statistics.nanMean(each));
    expect(slope([1, nan, 3]).array()).toEqual([0.5, 0, 0.5]);
  });

  it("count", () => {
    expect(ops.bincount([1, 1, 3], 5).array()).toEqual([0, 2, 0, 1, 0]);
    expect(ops.bincount([1, 1, 3], 4, [0.5, 1, 2]).array()).toEqual([0, 1.5, 0, 2]);
    expectTensorError({ call: () => ops.bincount([1, 4], 4), code: "data", text: "" });
    const [counts, edges] = ops.histogram([1, 2, 2, 3, 5], 4);
    expect(counts.array()).toEqual([1, 2, 1, 1]);
    expect(edges.array()).toEqual([1, 2, 3, 4, 5]);
    expect(ops.histogram([7, 7], 2)[0].array()).toEqual([0, 2]);
    expect(ops.digitize([0.5, 1, 9], [1, 2]).array()).toEqual([0, 1, 2]);
    expect(ops.average([1, 2, 3]).item()).toBe(2);
    expect(ops.average([1, 2, 3], 0, [3, 0, 1]).item()).toBe(1.5);
    expect(ops.trapezoid([1, 2, 3], [4, 6, 8]).item()).toBe(8);
  });
});
