// Are elements picked and placed by coordinates, and wrong coordinates reported?

import { describe, expect, it } from "vitest";
import * as ops from "../../bindings/ops/index.ts";
import * as indexing from "../../bindings/ops/indexing.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, expectTensorError, type InputSpec } from "../harness/describeOp.ts";

const picks = (shape: readonly number[], values: readonly number[]): InputSpec => ({ shape, dtype: "int32", values });

describeOp(
  "indexing",
  [
    {
      title: "takeAlongAxis, last axis",
      apply: (x, i) => indexing.takeAlongAxis(x, i, -1),
      inputs: [{ shape: [2, 5] }, picks([2, 3], [4, 0, 4, 1, 1, 2])],
      shape: [2, 3],
    },
    {
      title: "takeAlongAxis, another axis, broadcast both ways",
      apply: (x, i) => indexing.takeAlongAxis(x, i, 1),
      inputs: [{ shape: [1, 4, 3] }, picks([2, 2, 1], [3, 0, 1, 1])],
      shape: [2, 2, 3],
    },
    {
      title: "gatherNd of elements",
      apply: (x, i) => indexing.gatherNd(x, i),
      inputs: [{ shape: [3, 4] }, picks([2, 2, 2], [0, 1, 2, 3, 0, 1, 1, 0])],
      shape: [2, 2],
    },
    {
      title: "gatherNd of rows",
      apply: (x, i) => indexing.gatherNd(x, i),
      inputs: [{ shape: [3, 2, 4] }, picks([3, 1], [2, 0, 2])],
      shape: [3, 2, 4],
    },
    {
      title: "scatter, equal coordinates",
      apply: (v, i) => indexing.scatter(i, v, [2, 3]),
      inputs: [{ shape: [4] }, picks([4, 2], [0, 1, 1, 2, 0, 1, 0, 0])],
      shape: [2, 3],
    },
    {
      title: "scatterUpdate, the last of equal coordinates",
      apply: (x, v, i) => indexing.scatterUpdate(x, i, v),
      inputs: [{ shape: [4, 2] }, { shape: [5, 2] }, picks([5, 1], [3, 0, 3, 0, 1])],
      shape: [4, 2],
    },
    {
      title: "sliceUpdate",
      apply: (x, v) => indexing.sliceUpdate(x, v, [1, 2]),
      inputs: [{ shape: [4, 5] }, { shape: [2, 3] }],
      shape: [4, 5],
    },
    {
      title: "segmentSum",
      apply: (x, i) => indexing.segmentSum(x, i, 4),
      inputs: [{ shape: [5, 3] }, picks([5], [2, 0, 2, 3, 2])],
      shape: [4, 3],
    },
    {
      title: "searchSorted",
      apply: (x) => indexing.searchSorted([1, 2, 2, 3], x, "right"),
      inputs: [{ shape: [2, 3], values: [0, 1, 2, 2.5, 3, 9] }],
      dtype: "int32",
      shape: [2, 3],
    },
  ],
  [
    {
      title: "axes that do not fit",
      call: () => indexing.takeAlongAxis([[1, 2]], Int32Array.of(0), -1),
      code: "shape",
      text: "takeAlongAxis: expected indices that broadcast to [1, 2] in all axes but 1, received [1]",
    },
    {
      title: "more coordinates than axes",
      call: () => indexing.gatherNd([1, 2], [[0, 1]]),
      code: "shape",
      text: "gatherNd: expected coordinates [..., k] with k from 1 to 1, received [1, 2]",
    },
    {
      title: "a block that sticks out",
      call: () => indexing.sliceUpdate([1, 2], [3, 4], [1]),
      code: "shape",
      text: "sliceUpdate: expected a block inside shape [2], received [2] at [1]",
    },
  ],
);

const at = (...coordinates: readonly (number | readonly number[])[]): Tensor =>
  tensor(coordinates as number[], undefined, "int32");

describe("indexing on values", () => {
  it("picks and places", () => {
    const x = [
      [3, 1, 2],
      [6, 5, 4],
    ];
    expect(ops.takeAlongAxis(x, ops.argSort(x), -1).array()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(ops.scatterUpdate([1, 2, 3], [[0], [2], [0]], [7, 8, 9]).array()).toEqual([9, 2, 8]);
    expect(ops.scatterUpdate([1, 2], tensor(new Int32Array(0), [0, 1]), 5).array()).toEqual([1, 2]);
    expect(ops.gatherNd(x, [[1, 0]]).array()).toEqual([6]);
    expect(ops.gather(x, [1]).array()).toEqual([[6, 5, 4]]);
    expect(ops.oneHot([1, 0], 2).array()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(() => ops.gather(x, [0.5])).toThrow("gather: expected int32 or uint8 indices, received float32");
    expect(ops.sliceUpdate([1, 2, 3, 4], [1], [9, 8]).array()).toEqual([1, 9, 8, 4]);
    expect(ops.searchSorted([1, 2, 2, 3], [2]).array()).toEqual([1]);
  });

  it("takes all elements in one row where no axis is given, as Keras does", () => {
    const x = [
      [3, 1, 2],
      [6, 5, 4],
    ];
    expect(ops.argMax(x).array()).toBe(3);
    expect(ops.argMin(x).array()).toBe(1);
    expect(ops.argMax(x, 1).array()).toEqual([0, 0]);
    expect(ops.cumsum(x).array()).toEqual([3, 4, 6, 12, 17, 21]);
    expect(ops.cumprod(x).array()).toEqual([3, 3, 6, 36, 180, 720]);
    expect(ops.cumsum(x, 0).array()).toEqual([
      [3, 1, 2],
      [9, 6, 6],
    ]);
    expect(ops.takeAlongAxis(x, at([5, 0])).array()).toEqual([4, 3]);
    expect(ops.concat([x, x]).shape).toEqual([4, 3]);
    expect(ops.take(x, [3, -1]).array()).toEqual([6, 4]);
    expect(ops.take(x, [-1], 0).array()).toEqual([[6, 5, 4]]);
    expect(ops.take(x, [[0, -3]], 1).array()).toEqual([[[3, 3]], [[6, 6]]]);
    expect(ops.take(x, Uint8Array.of(2), -1).array()).toEqual([[2], [4]]);
    expectTensorError({ call: () => ops.take(x, [6]), code: "data", text: /gather|take/ });
    expectTensorError({ call: () => ops.take(x, [-7]), code: "data", text: /gather|take/ });
  });

  it("reports what is outside, even where the neighbouring row has such an element", () => {
    const x = [
      [1, 2],
      [3, 4],
    ];
    const data = (call: () => unknown): void => expectTensorError({ call, code: "data", text: /gather|scatter/ });
    data(() => ops.takeAlongAxis(x, at([2], [0]), -1));
    data(() => ops.takeAlongAxis(x, at([0], [-1]), -1));
    data(() => ops.gatherNd(x, at([0, 2])));
    data(() => ops.scatter(at([0, -1]), [1], [2, 2]));
    data(() => ops.scatterUpdate([1, 2], at([2]), [5]));
    data(() => ops.segmentSum([1], at(1), 1));
  });
});
