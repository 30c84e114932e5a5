// Are numbers put into order, and do gradients find the way back?

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { constant } from "../../bindings/graph.ts";
import { argSort, argTopK, cumsum, rankOf, sort, topK } from "../../bindings/ops/sort.ts";
import { describeOp } from "../harness/describeOp.ts";

describeOp(
  "sort",
  [
    {
      title: "rows",
      apply: (x) => sort(x as SymbolicTensor),
      inputs: [{ shape: [3, 17], distinct: true }],
      shape: [3, 17],
    },
    // Rows up to 24 are sorted by insertion, longer ones as a heap.
    ...[24, 25, 40].map((length) => ({
      title: `rows of ${length} with many equal ones`,
      apply: (x?: SymbolicTensor) => argSort(x as SymbolicTensor),
      inputs: [{ shape: [2, length], dtype: "int32" as const, range: { low: -4, high: 4 } }],
      shape: [2, length],
      dtype: "int32" as const,
    })),
    { title: "one number", apply: (x) => sort(x as SymbolicTensor), inputs: [{ shape: [1] }], shape: [1] },
    {
      title: "another axis, descending",
      apply: (x) => sort(x as SymbolicTensor, 0, true),
      inputs: [{ shape: [5, 2, 3], distinct: true }],
      shape: [5, 2, 3],
    },
    {
      title: "positions, of equal integers too",
      apply: (x) => argSort(x as SymbolicTensor, -1, true),
      inputs: [{ shape: [2, 33], dtype: "int32", range: { low: -3, high: 3 } }],
      shape: [2, 33],
      dtype: "int32",
    },
    {
      title: "top k",
      apply: (x) => topK(x as SymbolicTensor, 3),
      inputs: [{ shape: [2, 2, 9], distinct: true }],
      shape: [2, 2, 3],
    },
    {
      title: "ranks",
      apply: (x) => rankOf(x as SymbolicTensor),
      inputs: [{ shape: [4, 5] }],
      shape: [4, 5],
      dtype: "int32",
    },
    { title: "running sums", apply: (x) => cumsum(x as SymbolicTensor), inputs: [{ shape: [2, 13] }], shape: [26] },
    {
      title: "running sums, first axis",
      apply: (x) => cumsum(x as SymbolicTensor, 0),
      inputs: [{ shape: [4, 3] }],
      shape: [4, 3],
    },
  ],
  [
    {
      title: "more than there are",
      call: () => topK(constant([1, 2]), 3),
      code: "shape",
      text: "topK: expected k from 0 to 2, received 3",
    },
  ],
);

describe("order", () => {
  it("keeps equal numbers in their order and puts NaN last", () => {
    const x = [2, Number.NaN, 1, 2, Number.NEGATIVE_INFINITY, 1];
    expect(compiled((y: SymbolicTensor) => argSort(y))(x).array()).toEqual([4, 2, 5, 0, 3, 1]);
    expect(compiled((y: SymbolicTensor) => argSort(y, 0, true))(x).array()).toEqual([0, 3, 2, 5, 4, 1]);
    const signs = [0, -0, -2147483648, 0, 2147483647];
    expect(compiled((y: SymbolicTensor) => argSort(y))(signs).array()).toEqual([2, 0, 1, 3, 4]);
    expect(compiled((y: SymbolicTensor) => argSort(y, 0, true))(Int32Array.from(signs)).array()).toEqual([
      4, 0, 1, 3, 2,
    ]);
    const infinite = [Number.POSITIVE_INFINITY, Number.NaN, 0, Number.NEGATIVE_INFINITY, 1e-45, -1e-45];
    expect(compiled((y: SymbolicTensor) => argSort(y))(infinite).array()).toEqual([3, 5, 2, 4, 0, 1]);
    expect(compiled((y: SymbolicTensor) => argSort(y, 0, true))(infinite).array()).toEqual([0, 4, 2, 5, 3, 1]);
    expect(compiled((y: SymbolicTensor) => argTopK(y, 2))([3, 9, 4]).array()).toEqual([1, 2]);
  });
});
