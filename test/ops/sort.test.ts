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
    { title: "rows", apply: (x) => sort(x as SymbolicTensor), inputs: [{ shape: [3, 17], distinct: true }] },
    { title: "one number", apply: (x) => sort(x as SymbolicTensor), inputs: [{ shape: [1] }] },
    {
      title: "another axis, descending",
      apply: (x) => sort(x as SymbolicTensor, 0, true),
      inputs: [{ shape: [5, 2, 3], distinct: true }],
    },
    {
      title: "positions, of equal integers too",
      apply: (x) => argSort(x as SymbolicTensor, -1, true),
      inputs: [{ shape: [2, 33], dtype: "int32", range: { low: -3, high: 3 } }],
      dtype: "int32",
    },
    {
      title: "top k",
      apply: (x) => topK(x as SymbolicTensor, 3),
      inputs: [{ shape: [2, 2, 9], distinct: true }],
      shape: [2, 2, 3],
    },
    { title: "ranks", apply: (x) => rankOf(x as SymbolicTensor), inputs: [{ shape: [4, 5] }], dtype: "int32" },
    { title: "running sums", apply: (x) => cumsum(x as SymbolicTensor), inputs: [{ shape: [2, 13] }] },
    { title: "running sums, first axis", apply: (x) => cumsum(x as SymbolicTensor, 0), inputs: [{ shape: [4, 3] }] },
  ],
  [
    {
      title: "more than there are",
      call: () => topK(constant([1, 2]), 3),
      code: "shape",
      text: "topK: expected k from 1 to 2, received 3",
    },
  ],
);

describe("order", () => {
  it("keeps equal numbers in their order and puts NaN last", () => {
    const x = [2, Number.NaN, 1, 2, Number.NEGATIVE_INFINITY, 1];
    expect(compiled((y: SymbolicTensor) => argSort(y))(x).array()).toEqual([4, 2, 5, 0, 3, 1]);
    expect(compiled((y: SymbolicTensor) => argSort(y, 0, true))(x).array()).toEqual([0, 3, 2, 5, 4, 1]);
    expect(compiled((y: SymbolicTensor) => argTopK(y, 2))([3, 9, 4]).array()).toEqual([1, 2]);
  });
});
