// Do views, transpositions, slices, padding and concatenation put every element in its place?

import { expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as copy from "../../bindings/ops/copy.ts";
import { multiply, square, tanh } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import * as view from "../../bindings/ops/view.ts";
import type { DType } from "../../bindings/tensor.ts";
import { describeOp, type InputSpec, type OpCase } from "../harness/describeOp.ts";

const input = (shape: readonly number[], dtype: DType = "float32"): InputSpec[] => [{ shape, dtype }];
const narrow: readonly DType[] = ["int32", "uint8", "bool"];

describeOp(
  "reshape",
  [
    { title: "to fewer axes", apply: (x) => view.reshape(x, [6, 5]), inputs: input([2, 3, 5]), shape: [6, 5] },
    { title: "with an open size", apply: (x) => view.reshape(x, [3, -1, 2]), inputs: input([5, 6]), shape: [3, 5, 2] },
    { title: "to a scalar", apply: (x) => view.reshape(x, []), inputs: input([1, 1]), shape: [] },
    {
      title: "of a computed value, used twice",
      apply: (x) => multiply(view.reshape(tanh(x), [2, 6]), view.reshape(tanh(x), [2, 6])),
      inputs: input([3, 4]),
      shape: [2, 6],
    },
    {
      title: "of a reshaped value",
      apply: (x) => view.reshape(view.reshape(x, [4, 3]), [2, 6]),
      inputs: input([12]),
      shape: [2, 6],
    },
    ...narrow.map(
      (dtype): OpCase => ({
        title: `of ${dtype}`,
        apply: (x) => view.reshape(x, [3, 2]),
        inputs: input([6], dtype),
        shape: [3, 2],
        dtype,
      }),
    ),
  ],
  [
    {
      title: "another size",
      call: () => view.reshape([1, 2, 3], [2]),
      code: "shape",
      text: "reshape: expected a shape of 3 elements with at most one -1, received [2]",
    },
    {
      title: "two open sizes",
      call: () => view.reshape([1, 2, 3, 4], [-1, -1]),
      code: "shape",
      text: "at most one -1",
    },
  ],
);

describeOp(
  "expandDims and squeeze",
  [
    { title: "a first axis", apply: (x) => view.expandDims(x, 0), inputs: input([3]), shape: [1, 3] },
    { title: "a last axis", apply: (x) => view.expandDims(x, -1), inputs: input([3, 2]), shape: [3, 2, 1] },
    { title: "squeezed entirely", apply: (x) => view.squeeze(x), inputs: input([1, 3, 1]), shape: [3] },
    { title: "squeezed at one axis", apply: (x) => view.squeeze(x, -1), inputs: input([1, 3, 1]), shape: [1, 3] },
  ],
  [
    {
      title: "squeezing a size of 3",
      call: () => view.squeeze([[1, 2, 3]], 1),
      code: "shape",
      text: "squeeze: expected size 1 in axis 1",
    },
  ],
);

/** All orders of 0 … rank − 1. */
function permutations(rank: number): number[][] {
  if (rank === 0) return [[]];
  return permutations(rank - 1).flatMap((shorter) =>
    Array.from({ length: rank }, (_, place) => [...shorter.slice(0, place), rank - 1, ...shorter.slice(place)]),
  );
}

const sizes = [3, 4, 5, 2];
describeOp(
  "transpose",
  [
    ...[1, 2, 3, 4].flatMap((rank) =>
      permutations(rank).map(
        (order): OpCase => ({
          title: `by [${order}]`,
          apply: (x) => copy.transpose(x, order),
          inputs: input(sizes.slice(0, rank)),
          shape: order.map((axis) => sizes[axis] as number),
        }),
      ),
    ),
    { title: "reversed by default", apply: (x) => copy.transpose(x), inputs: input([2, 3, 4]), shape: [4, 3, 2] },
    {
      title: "with negative axes",
      apply: (x) => copy.transpose(x, [-1, 0, -2]),
      inputs: input([2, 3, 4]),
      shape: [4, 2, 3],
    },
    {
      title: "of rank 6",
      apply: (x) => copy.transpose(x),
      inputs: input([2, 3, 2, 3, 2, 3]),
      shape: [3, 2, 3, 2, 3, 2],
    },
    {
      title: "of rank 7 with axes that merge",
      apply: (x) => copy.transpose(x, [2, 3, 4, 5, 6, 0, 1]),
      inputs: input([2, 3, 2, 1, 2, 2, 3]),
      shape: [2, 1, 2, 2, 3, 2, 3],
    },
    {
      title: "with axes of size 1",
      apply: (x) => copy.transpose(x, [3, 1, 2, 0]),
      inputs: input([1, 5, 1, 4]),
      shape: [4, 5, 1, 1],
    },
    ...[1, 3, 15, 16, 17, 33, 65].flatMap((n): OpCase[] => [
      { title: `of [17, ${n}]`, apply: (x) => copy.transpose(x), inputs: input([17, n]), shape: [n, 17] },
      {
        title: `of [${n}, 5, 4] inside`,
        apply: (x) => copy.transpose(x, [0, 2, 1]),
        inputs: input([n, 5, 4]),
        shape: [n, 4, 5],
      },
    ]),
    ...narrow.flatMap((dtype): OpCase[] => [
      { title: `of ${dtype}`, apply: (x) => copy.transpose(x), inputs: input([17, 33], dtype), shape: [33, 17], dtype },
      {
        title: `of ${dtype}, rank 4`,
        apply: (x) => copy.transpose(x, [0, 3, 1, 2]),
        inputs: input([2, 5, 3, 4], dtype),
        shape: [2, 4, 5, 3],
        dtype,
      },
    ]),
  ],
  [
    {
      title: "an axis twice",
      call: () => copy.transpose([[1]], [0, 0]),
      code: "shape",
      text: "transpose: expected a permutation of the axes 0 to 1, received [0, 0]",
    },
    {
      title: "too few axes",
      call: () => copy.transpose([[1]], [0]),
      code: "shape",
      text: "transpose: expected a permutation",
    },
  ],
);

describeOp(
  "slice",
  [
    { title: "a block", apply: (x) => copy.slice(x, [1, 2, 0], [2, 3, 4]), inputs: input([4, 6, 4]), shape: [2, 3, 4] },
    { title: "to the end", apply: (x) => copy.slice(x, [2, 1], [-1, -1]), inputs: input([5, 7]), shape: [3, 6] },
    { title: "from the end", apply: (x) => copy.slice(x, [-2, 0], [2, 3]), inputs: input([5, 7]), shape: [2, 3] },
    { title: "the first axes only", apply: (x) => copy.slice(x, [1], [2]), inputs: input([4, 5]), shape: [2, 5] },
    { title: "one element", apply: (x) => copy.slice(x, [2, 3], [1, 1]), inputs: input([4, 5]), shape: [1, 1] },
    { title: "everything", apply: (x) => copy.slice(x, [0, 0], [4, 5]), inputs: input([4, 5]), shape: [4, 5] },
    {
      title: "of rank 6",
      apply: (x) => copy.slice(x, [1, 0, 1, 0, 1, 0], [1, 2, 1, 2, 1, 2]),
      inputs: input([2, 3, 2, 3, 2, 3]),
      shape: [1, 2, 1, 2, 1, 2],
    },
    { title: "long rows", apply: (x) => copy.slice(x, [1, 3], [2, 513]), inputs: input([4, 520]), shape: [2, 513] },
    {
      title: "two that overlap, added",
      apply: (x) => multiply(copy.slice(x, [0], [4]), copy.slice(x, [1], [4])),
      inputs: input([5]),
      shape: [4],
    },
    ...narrow.map(
      (dtype): OpCase => ({
        title: `of ${dtype}`,
        apply: (x) => copy.slice(x, [1, 1], [3, 5]),
        inputs: input([5, 7], dtype),
        shape: [3, 5],
        dtype,
      }),
    ),
  ],
  [
    {
      title: "what lies outside",
      call: () => copy.slice([1, 2, 3], [2], [2]),
      code: "shape",
      text: "slice: expected a block inside shape [3], received begin [2], size [2]",
    },
    {
      title: "too many axes",
      call: () => copy.slice([1, 2, 3], [0, 0], [1, 1]),
      code: "shape",
      text: "slice: expected a block inside",
    },
  ],
);

describeOp(
  "pad",
  [
    {
      title: "with zeros",
      apply: (x) =>
        copy.pad(x, [
          [1, 2],
          [0, 3],
        ]),
      inputs: input([3, 4]),
      shape: [6, 7],
    },
    { title: "with a value", apply: (x) => copy.pad(x, [[2, 0]], -1.5), inputs: input([5]), shape: [7] },
    {
      title: "with −Infinity",
      apply: (x) =>
        copy.pad(
          x,
          [
            [0, 1],
            [1, 0],
          ],
          Number.NEGATIVE_INFINITY,
        ),
      inputs: input([2, 2]),
      shape: [3, 3],
      gradient: false,
    },
    { title: "with nothing", apply: (x) => copy.pad(x, [[0, 0]]), inputs: input([5]), shape: [5] },
    {
      title: "images",
      apply: (x) =>
        copy.pad(x, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]),
      inputs: input([2, 5, 4, 3]),
      shape: [2, 7, 6, 3],
    },
    {
      title: "of a computed value",
      apply: (x) => square(copy.pad(tanh(x), [[1, 1]], 2)),
      inputs: input([17]),
      shape: [19],
    },
    ...narrow.map(
      (dtype): OpCase => ({
        title: `of ${dtype}`,
        apply: (x) =>
          copy.pad(
            x,
            [
              [1, 0],
              [2, 1],
            ],
            1,
          ),
        inputs: input([3, 5], dtype),
        shape: [4, 8],
        dtype,
      }),
    ),
  ],
  [
    {
      title: "negative counts",
      call: () => copy.pad([1], [[-1, 0]]),
      code: "shape",
      text: "pad: expected 1 pairs of counts ≥ 0",
    },
    { title: "too few pairs", call: () => copy.pad([[1]], [[1, 0]]), code: "shape", text: "pad: expected 2 pairs" },
  ],
);

it("stopGradient lets values through and gradients not", () => {
  const slope = valueAndGrad((x: SymbolicTensor) => sum(multiply(view.stopGradient(square(x)), x)));
  const { value, gradients } = slope([2, 3]);
  expect(value.item()).toBe(8 + 27);
  expect((gradients[0] as { array(): unknown }).array()).toEqual([4, 9]);
});

it("views of inputs and constants can be results", () => {
  const views = compiled((x: SymbolicTensor) => [view.reshape(x, [2, 2]), x, view.reshape([1, 2, 3, 4], [4, 1])]);
  expect(views([5, 6, 7, 8]).map((each) => each.array())).toEqual([
    [
      [5, 6],
      [7, 8],
    ],
    [5, 6, 7, 8],
    [[1], [2], [3], [4]],
  ]);
});
