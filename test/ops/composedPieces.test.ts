// Are tensors put together, turned and cut as they should be?

import { describe, expect, it } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as pieces from "../../bindings/ops/composedPieces.ts";
import * as ops from "../../bindings/ops/index.ts";
import { segmentMax, segmentMin, unravelIndex } from "../../bindings/ops/indexing.ts";
import { describeOp, expectTensorError } from "../harness/describeOp.ts";

type Node = SymbolicTensor;
const image = { shape: [2, 4, 2, 3] };

describeOp(
  "composed pieces",
  [
    {
      title: "hstack",
      apply: (a, b) => pieces.hstack([a as Node, b as Node]),
      inputs: [{ shape: [2, 3] }, { shape: [2, 1] }],
      shape: [2, 4],
    },
    {
      title: "vstack",
      apply: (a, b) => pieces.vstack([a as Node, b as Node]),
      inputs: [{ shape: [3] }, { shape: [2, 3] }],
      shape: [3, 3],
    },
    {
      title: "dstack",
      apply: (a, b) => pieces.dstack([a as Node, b as Node]),
      inputs: [{ shape: [2] }, { shape: [2] }],
      shape: [1, 2, 2],
    },
    {
      title: "append",
      apply: (a, b) => pieces.append(a as Node, b as Node),
      inputs: [{ shape: [2, 2] }, { shape: [3] }],
      shape: [7],
    },
    { title: "diagFlat", apply: (a) => pieces.diagFlat(a as Node, 1), inputs: [{ shape: [2, 2] }], shape: [5, 5] },
    {
      title: "rot90",
      apply: (a) => pieces.rot90(a as Node, 1, [0, 2]),
      inputs: [{ shape: [2, 3, 4] }],
      shape: [4, 3, 2],
    },
    {
      title: "extractSequences",
      apply: (a) => pieces.extractSequences(a as Node, 3, 2),
      inputs: [{ shape: [2, 8] }],
      shape: [2, 3, 3],
    },
    {
      title: "correlate",
      apply: (a, v) => pieces.correlate(a as Node, v as Node),
      inputs: [{ shape: [7] }, { shape: [3] }],
      shape: [5],
    },
    {
      title: "correlate, same, shorter",
      apply: (a, v) => pieces.correlate(a as Node, v as Node, "same"),
      inputs: [{ shape: [2] }, { shape: [5] }],
      shape: [5],
    },
    {
      title: "correlate, full",
      apply: (a, v) => pieces.correlate(a as Node, v as Node, "full"),
      inputs: [{ shape: [4] }, { shape: [3] }],
      shape: [6],
    },
    { title: "spaceToDepth", apply: (x) => pieces.spaceToDepth(x as Node, 2), inputs: [image], shape: [2, 2, 1, 12] },
    {
      title: "depthToSpace",
      apply: (x) => pieces.depthToSpace(x as Node, 2),
      inputs: [{ shape: [1, 2, 1, 8] }],
      shape: [1, 4, 2, 2],
    },
    {
      title: "segmentMax",
      apply: (x, segments) => segmentMax(x as Node, segments as Node, 4),
      inputs: [
        { shape: [7, 2], distinct: true },
        { shape: [7], dtype: "int32", values: [3, 0, 3, 1, 0, 3, 2] },
      ],
      shape: [4, 2],
    },
    {
      title: "segmentMin of long segments, the smallest first",
      apply: (x, segments) => segmentMin(x as Node, segments as Node, 2),
      inputs: [
        { shape: [10], values: [-9, 7, 5, 3, 6, 4, 2, -8, 1, 0] },
        { shape: [10], dtype: "int32", values: [1, 0, 1, 1, 1, 1, 1, 0, 1, 1] },
      ],
      shape: [2],
    },
    {
      title: "unravelIndex",
      apply: (places) => unravelIndex(places as Node, [3, 4, 5])[1] as Node,
      inputs: [{ shape: [6], dtype: "int32", range: { low: 0, high: 59 } }],
      shape: [6],
      dtype: "int32",
    },
  ],
  [
    {
      title: "a window longer than the axis",
      call: () => ops.extractSequences([1, 2], 3, 1),
      code: "shape",
      text: "from 1 to 2",
    },
    { title: "a correlation of matrices", call: () => ops.correlate([[1]], [1]), code: "shape", text: "two vectors" },
    {
      title: "a turn in one axis",
      call: () => ops.rot90([[1]], 1, [0, -2]),
      code: "shape",
      text: "two different axes",
    },
    { title: "half a turn of a half", call: () => ops.rot90([[1]], 0.5), code: "option", text: "rot90.times" },
    {
      title: "blocks that do not fit",
      call: () => ops.spaceToDepth(ops.ones([1, 3, 2, 1]), 2),
      code: "shape",
      text: "divides",
    },
    {
      title: "channels that do not fit",
      call: () => ops.depthToSpace(ops.ones([1, 1, 1, 3]), 2),
      code: "shape",
      text: "divides",
    },
    {
      title: "too many places",
      call: () => ops.unravelIndex([1], [2 ** 16, 2 ** 15]),
      code: "unsupported",
      text: "2³¹",
    },
  ],
);

describe("pieces on values", () => {
  it("agree with NumPy", () => {
    const x = [
      [1, 2],
      [3, 4],
    ];
    expect([1, 2, 3, -1, 4].map((times) => ops.rot90(x, times).array())).toEqual([
      [
        [2, 4],
        [1, 3],
      ],
      [
        [4, 3],
        [2, 1],
      ],
      [
        [3, 1],
        [4, 2],
      ],
      [
        [3, 1],
        [4, 2],
      ],
      x,
    ]);
    expect(ops.hstack([[1, 2], [3]]).array()).toEqual([1, 2, 3]);
    expect(
      ops
        .vstack([
          [1, 2],
          [3, 4],
        ])
        .array(),
    ).toEqual(x);
    expect(ops.correlate([1, 2, 3], [0, 1, 0.5], "same").array()).toEqual([2, 3.5, 3]);
    expect(ops.correlate([1, 2, 3], [0, 1, 0.5], "full").array()).toEqual([0.5, 2, 3.5, 3, 0]);
    expect(ops.correlate([1, 2], [0, 1, 3]).array()).toEqual([7, 2]);
    expect(ops.depthToSpace(ops.spaceToDepth(ops.reshape(ops.arange(16), [1, 4, 4, 1]), 2), 2).data).toEqual(
      ops.arange(16).data,
    );
    expect(ops.unravelIndex([22, 41], [7, 6]).map((each) => each.array())).toEqual([
      [3, 6],
      [4, 5],
    ]);
  });

  it("know segments without entries, and refuse others", () => {
    expect(ops.segmentMax([1, 5, 2], [0, 2, 0], 3).array()).toEqual([2, Number.NEGATIVE_INFINITY, 5]);
    expect(ops.segmentMin([1, 5, 2], [0, 2, 0], 3).array()).toEqual([1, Number.POSITIVE_INFINITY, 5]);
    const x = [-9, 7, 5, 3, 6, 4, 2, -8, 1, 0];
    const segments = [1, 0, 1, 1, 1, 1, 1, 0, 1, 1];
    expect(ops.segmentMin(x, segments, 2).array()).toEqual([-8, -9]);
    expect(ops.segmentMax(x, segments, 2).array()).toEqual([7, 6]);
    expectTensorError({ call: () => ops.segmentMax([1], [3], 3), code: "data", text: "" });
  });
});
