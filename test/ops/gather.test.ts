// Are the right rows picked, added back, and is an index out of range reported?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { TensorError } from "../../bindings/errors.ts";
import { type SymbolicTensor, withScope } from "../../bindings/graph.ts";
import { gather, gatherBatch, scatterAdd } from "../../bindings/ops/gather.ts";
import * as ops from "../../bindings/ops/index.ts";
import { add, square } from "../../bindings/ops/map.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { describeOp, type InputSpec, type OpCase } from "../harness/describeOp.ts";

const picks = (shape: readonly number[], high: number): InputSpec => ({
  shape,
  dtype: "int32",
  range: { low: 0, high },
});

describeOp(
  "gather",
  [
    ...[1, 3, 5, 17, 63, 64, 65, 130].map(
      (inner): OpCase => ({
        title: `rows of ${inner}`,
        apply: (x, i) => gather(x, i),
        inputs: [{ shape: [7, inner] }, picks([11], 6)],
        shape: [11, inner],
      }),
    ),
    {
      title: "elements of a vector",
      apply: (x, i) => gather(x, i),
      inputs: [{ shape: [9] }, picks([2, 3], 8)],
      shape: [2, 3],
    },
    { title: "one row", apply: (x, i) => gather(x, i), inputs: [{ shape: [4, 3] }, picks([], 3)], shape: [3] },
    {
      title: "along the last axis",
      apply: (x, i) => gather(x, i, -1),
      inputs: [{ shape: [3, 4, 5] }, picks([6], 4)],
      shape: [3, 4, 6],
    },
    {
      title: "along the middle axis, by a matrix",
      apply: (x, i) => gather(x, i, 1),
      inputs: [{ shape: [3, 4, 5] }, picks([2, 2], 3)],
      shape: [3, 2, 2, 5],
    },
    {
      title: "one row many times",
      apply: (x, i) => square(gather(x, i)),
      inputs: [{ shape: [3, 5] }, { shape: [40], dtype: "int32", values: new Array<number>(40).fill(1) }],
      shape: [40, 5],
    },
    {
      title: "by uint8",
      apply: (x, i) => gather(x, i),
      inputs: [{ shape: [5, 2] }, { shape: [3], dtype: "uint8", range: { low: 0, high: 4 } }],
      shape: [3, 2],
    },
    {
      title: "of int32",
      apply: (x, i) => gather(x, i),
      inputs: [{ shape: [5, 3], dtype: "int32" }, picks([4], 4)],
      shape: [4, 3],
      dtype: "int32",
    },
    {
      title: "of uint8",
      apply: (x, i) => gather(x, i),
      inputs: [{ shape: [5, 3], dtype: "uint8" }, picks([4], 4)],
      shape: [4, 3],
      dtype: "uint8",
    },
    {
      title: "of bool along the last axis",
      apply: (x, i) => gather(x, i, 1),
      inputs: [{ shape: [5, 3], dtype: "bool" }, picks([4], 2)],
      shape: [5, 4],
      dtype: "bool",
    },
    { title: "by plain whole numbers", apply: (x) => gather(x, [2, 0]), inputs: [{ shape: [3, 2] }], shape: [2, 2] },
  ],
  [
    {
      title: "float32 indices",
      call: () => gather([1, 2], [0.5]),
      code: "dtype",
      text: "gather: expected int32 or uint8 indices, received float32",
    },
    {
      title: "an axis out of range",
      call: () => gather([1, 2], [0], 1),
      code: "shape",
      text: "gather: expected an axis from -1 to 0",
    },
  ],
);

describeOp(
  "scatterAdd",
  [
    ...[1, 3, 17, 63, 64, 65, 130].map(
      (inner): OpCase => ({
        title: `rows of ${inner}`,
        apply: (u, i) => scatterAdd(u, i, 7),
        inputs: [{ shape: [23, inner] }, picks([23], 6)],
        shape: [7, inner],
      }),
    ),
    {
      title: "rows that get nothing",
      apply: (u, i) => scatterAdd(u, i, 100),
      inputs: [{ shape: [5, 3] }, picks([5], 99)],
      shape: [100, 3],
    },
  ],
  [
    {
      title: "counts that differ",
      call: () => scatterAdd([[1], [2]], [0], 3),
      code: "shape",
      text: "scatterAdd: expected updates of shape [1, inner], received [2, 1]",
    },
  ],
);

describeOp("gatherBatch", [
  {
    title: "rows from a position",
    apply: (x, i, at) => gatherBatch(x, i, at, 4),
    inputs: [{ shape: [9, 5] }, picks([12], 8), { shape: [], dtype: "int32", values: [7] }],
    shape: [4, 5],
    gradient: false,
  },
  {
    title: "images of uint8",
    apply: (x, i, at) => gatherBatch(x, i, at, 3),
    inputs: [{ shape: [9, 4, 4, 1], dtype: "uint8" }, picks([9], 8), { shape: [1], dtype: "int32", values: [2] }],
    shape: [3, 4, 4, 1],
    dtype: "uint8",
  },
  {
    title: "labels",
    apply: (x, i, at) => gatherBatch(x, i, at, 5),
    inputs: [{ shape: [9], dtype: "int32" }, picks([9], 8), { shape: [], dtype: "int32", values: [0] }],
    shape: [5],
    dtype: "int32",
  },
]);

it.each([
  [7, 2, 6],
  [-1, 0, 6],
  [2147483647, 4, 6],
  [-2147483648, 3, 6],
])("index %i is reported with operation, position and value, and leaves the engine usable", (index, position, last) => {
  const picked = compiled((x: SymbolicTensor, i: SymbolicTensor) =>
    withScope("model", () => withScope("embedding", () => add(gather(x, i), 1))),
  );
  const x = tensor(
    Float32Array.from({ length: 21 }, (_, each) => each),
    [7, 3],
  );
  const indices = Int32Array.of(0, 1, 2, 3, 6);
  const right = picked(x, indices).array();
  const wrong = indices.slice();
  wrong[position] = index;
  let error: unknown;
  try {
    picked(x, wrong);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(TensorError);
  expect((error as TensorError).code).toBe("data");
  expect((error as TensorError).message).toBe(
    `model/embedding (gather): expected an index or label from 0 to ${last}, received ${index} at position ${position}. Check the labels or indices, or the number of classes.`,
  );
  expect(picked(x, indices).array()).toEqual(right);
});

it("a wrong index of scatterAdd is reported and touches nothing", () => {
  const spread = compiled((u: SymbolicTensor, i: SymbolicTensor) => scatterAdd(u, i, 3));
  const neighbour = compiled((x: SymbolicTensor) => add(x, 1));
  expect(() => spread([[1], [2]], Int32Array.of(1, 3))).toThrow(/scatterAdd.*from 0 to 2, received 3 at position 1/);
  expect(spread([[1], [2]], Int32Array.of(1, 1)).array()).toEqual([[0], [3], [0]]);
  expect(neighbour([1]).array()).toEqual([2]);
});

it("scatterAdd keeps to its memory: long rows that are no whole vectors, each with a total of its own", () => {
  const [inner, rows, each] = [257, 255, 1024];
  const count = rows * each + 1;
  const neighbour = new Variable("neighbour", ops.full([4096], 7));
  const updates = tensor(new Float32Array(count * inner).fill(1), [count, inner]);
  const indices = Int32Array.from({ length: count }, (_, index) => index % rows);
  const sums = compiled((u: SymbolicTensor, i: SymbolicTensor) => scatterAdd(u, i, rows))(updates, indices);
  expect(sums.data.findIndex((value, at) => value !== (at < inner ? each + 1 : each))).toBe(-1);
  expect(neighbour.value.data.findIndex((value) => value !== 7)).toBe(-1);
});

it("take reports the index that it was given", () => {
  expect(() => ops.take([1, 2, 3, 4], Int32Array.of(0, -5))).toThrow(/received -5 at position 1/);
  expect(ops.take([1, 2, 3, 4], Int32Array.of(-4, 3)).array()).toEqual([1, 4]);
});
