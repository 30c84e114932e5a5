// Do reductions fold the right elements, for every kind, axis and length?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { square } from "../../bindings/ops/map.ts";
import type { Axes } from "../../bindings/ops/reduce.ts";
import * as reduce from "../../bindings/ops/reduce.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeOp, type InputSpec, type OpCase } from "../harness/describeOp.ts";

const kinds: Readonly<Record<string, (x: SymbolicTensor, axes?: Axes, keepDims?: boolean) => SymbolicTensor>> = {
  sum: reduce.sum,
  mean: reduce.mean,
  max: reduce.max,
  min: reduce.min,
  product: reduce.product,
};
const shape = [2, 3, 4, 5];
/** Axes, and the shape that is left. */
const choices: readonly (readonly [Axes | undefined, readonly number[]])[] = [
  [undefined, []],
  [0, [3, 4, 5]],
  [1, [2, 4, 5]],
  [2, [2, 3, 5]],
  [3, [2, 3, 4]],
  [-1, [2, 3, 4]],
  [[], [2, 3, 4, 5]],
  [
    [0, 1],
    [4, 5],
  ],
  [
    [0, 2],
    [3, 5],
  ],
  [
    [0, 3],
    [3, 4],
  ],
  [
    [1, 2],
    [2, 5],
  ],
  [
    [1, 3],
    [2, 4],
  ],
  [
    [-1, -2],
    [2, 3],
  ],
  [[0, 1, 3], [4]],
  [[3, 2, 1, 0], []],
  [
    [1, 1, -3],
    [2, 4, 5],
  ],
];
const specOf = (kind: string, of: readonly number[]): InputSpec =>
  kind === "max" || kind === "min"
    ? { shape: of, distinct: true }
    : kind === "product"
      ? { shape: of, range: { low: 0.7, high: 1.3 } }
      : { shape: of };

for (const [kind, apply] of Object.entries(kinds))
  describeOp(
    kind,
    [
      ...choices.map(
        ([axes, left]): OpCase => ({
          title: `over [${axes ?? "all"}]`,
          apply: (x) => apply(x, axes),
          inputs: [specOf(kind, shape)],
          shape: left,
        }),
      ),
      {
        title: "that keeps its axes",
        apply: (x) => apply(x, [1, 3], true),
        inputs: [specOf(kind, shape)],
        shape: [2, 1, 4, 1],
      },
      { title: "of a scalar", apply: (x) => apply(x), inputs: [{ shape: [] }], shape: [] },
      { title: "over axes of size 1", apply: (x) => apply(x, [0, 2]), inputs: [specOf(kind, [1, 7, 1])], shape: [7] },
      {
        title: "of int32",
        apply: (x) => apply(x, 1),
        inputs: [{ shape: [3, 17, 2], dtype: "int32" }],
        shape: [3, 2],
        dtype: kind === "mean" ? "float32" : "int32",
        gradient: false,
      },
      {
        title: "of uint8",
        apply: (x) => apply(x),
        inputs: [{ shape: [33], dtype: "uint8" }],
        shape: [],
        dtype: kind === "mean" ? "float32" : "int32",
        gradient: false,
      },
      {
        title: "of bool",
        apply: (x) => apply(x),
        inputs: [{ shape: [33], dtype: "bool" }],
        shape: [],
        dtype: kind === "mean" ? "float32" : "int32",
        gradient: false,
      },
      {
        title: "with NaN",
        apply: (x) => apply(x, 1),
        inputs: [{ shape: [3, 7], values: withAt(21, 9, Number.NaN) }],
        shape: [3],
        gradient: false,
      },
      {
        title: "with infinities",
        apply: (x) => apply(x, 1),
        inputs: [{ shape: [3, 7], values: withAt(21, 9, Number.NEGATIVE_INFINITY) }],
        shape: [3],
        gradient: false,
      },
    ],
    [
      {
        title: "an axis out of range",
        call: () => apply([[1]] as unknown as SymbolicTensor, 2),
        code: "shape",
        text: `${kind}: expected an axis from -2 to 1, received 2`,
      },
      {
        title: "a fraction",
        call: () => apply([[1]] as unknown as SymbolicTensor, 0.5),
        code: "shape",
        text: "received 0.5",
      },
    ],
  );

function withAt(count: number, place: number, value: number): number[] {
  return Array.from({ length: count }, (_, index) => (index === place ? value : (index % 5) - 2));
}

// Lengths around every loop of the kernel: 4, 32, the block of 1024 in a row; 4 rows, 128 rows of a panel of 64 columns.
for (const [kind, apply] of Object.entries({ sum: reduce.sum, max: reduce.max, min: reduce.min }))
  describeOp(`${kind} of awkward lengths`, [
    ...[1, 2, 3, 4, 5, 17, 31, 32, 33, 63, 511, 1023, 1024, 1025, 2049, 3077].map(
      (count): OpCase => ({
        title: `a row of ${count}`,
        apply: (x) => apply(x, -1),
        inputs: [specOf(kind, [3, count])],
        shape: [3],
      }),
    ),
    ...[1, 3, 4, 5, 127, 128, 129, 385].map(
      (count): OpCase => ({
        title: `${count} rows`,
        apply: (x) => apply(x, 0),
        inputs: [specOf(kind, [count, 5])],
        shape: [5],
      }),
    ),
    ...[2, 3, 4, 17, 31, 32, 33, 63, 64, 65, 129].map(
      (columns): OpCase => ({
        title: `${columns} columns`,
        apply: (x) => apply(x, 1),
        inputs: [specOf(kind, [2, 7, columns])],
        shape: [2, columns],
      }),
    ),
    {
      title: "long panels of 67 columns",
      apply: (x) => apply(x, 1),
      inputs: [specOf(kind, [2, 260, 67])],
      shape: [2, 67],
    },
  ]);

describeOp("a product", [
  ...[1, 3, 5, 17, 33].map(
    (count): OpCase => ({
      title: `of ${count}`,
      apply: (x) => reduce.product(x, 1),
      inputs: [{ shape: [2, count], range: { low: 0.8, high: 1.2 } }],
      shape: [2],
    }),
  ),
  {
    title: "with one zero",
    apply: (x) => reduce.product(x, 1),
    inputs: [{ shape: [2, 4], values: [1, 0, 3, -2, 2, 3, 0, 4] }],
    shape: [2],
  },
  {
    title: "with two zeros",
    apply: (x) => reduce.product(x, 1),
    inputs: [{ shape: [2, 4], values: [0, 2, 0, 1, 5, 3, 2, 4] }],
    shape: [2],
  },
  {
    title: "of int32 that wraps",
    apply: (x) => reduce.product(x),
    inputs: [{ shape: [5], dtype: "int32", values: [65537, 65537, 3, -7, 11] }],
    shape: [],
    dtype: "int32",
  },
]);

describeOp("a sum", [
  {
    title: "of int32 that wraps",
    apply: (x) => reduce.sum(x),
    inputs: [{ shape: [5], dtype: "int32", values: [2147483647, 2147483647, 3, -7, 11] }],
    shape: [],
    dtype: "int32",
  },
  {
    title: "of 50,000 that loses nothing",
    apply: (x) => reduce.sum(x),
    inputs: [{ shape: [50_000], range: { low: 0, high: 1 } }],
    shape: [],
  },
  { title: "of squares", apply: (x) => reduce.sum(square(x), 0), inputs: [{ shape: [17, 9] }], shape: [9] },
]);

describeOp("ties", [
  // The shared gradient is no derivative (there is none): checked by value below.
  {
    title: "of the maximum",
    apply: (x) => reduce.max(x, 1),
    inputs: [{ shape: [2, 4], values: [1, 3, 3, 2, 5, 5, 5, 5] }],
    shape: [2],
    gradient: false,
  },
]);

const indices = { argMax: reduce.argMax, argMin: reduce.argMin };
for (const [kind, apply] of Object.entries(indices))
  describeOp(
    kind,
    [
      ...[1, 3, 4, 5, 17, 63, 65, 1025].flatMap((count): OpCase[] => [
        {
          title: `of a row of ${count}`,
          apply: (x) => apply(x, -1),
          inputs: [{ shape: [3, count], distinct: true }],
          shape: [3],
          dtype: "int32",
        },
        {
          title: `of ${count} rows`,
          apply: (x) => apply(x, 0),
          inputs: [{ shape: [count, 7], distinct: true }],
          shape: [7],
          dtype: "int32",
        },
        {
          title: `of ${count} columns`,
          apply: (x) => apply(x, 1),
          inputs: [{ shape: [2, 5, count], distinct: true }],
          shape: [2, count],
          dtype: "int32",
        },
        {
          title: `of a row of ${count} full of ties`,
          apply: (x) => apply(x, -1),
          inputs: [{ shape: [9, count], values: Array.from({ length: 9 * count }, (_, index) => (index * 7) % 3) }],
          shape: [9],
          dtype: "int32",
        },
        {
          title: `of ${count} int32 full of ties`,
          apply: (x) => apply(x, 0),
          inputs: [{ shape: [count, 5], dtype: "int32", range: { low: -1, high: 1 } }],
          shape: [5],
          dtype: "int32",
        },
      ]),
      {
        title: "with several NaN",
        apply: (x) => apply(x, -1),
        inputs: [
          {
            shape: [3, 7],
            values: [1, 2, Number.NaN, 3, Number.NaN, 0, 1, Number.NaN, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, Number.NaN],
          },
        ],
        shape: [3],
        dtype: "int32",
      },
      {
        title: "of infinities",
        apply: (x) => apply(x, -1),
        inputs: [
          {
            shape: [2, 6],
            values: [
              ...new Array<number>(6).fill(Number.NEGATIVE_INFINITY),
              ...new Array<number>(6).fill(Number.POSITIVE_INFINITY),
            ],
          },
        ],
        shape: [2],
        dtype: "int32",
      },
      {
        title: "of extreme int32",
        apply: (x) => apply(x, -1),
        inputs: [
          {
            shape: [2, 5],
            dtype: "int32",
            values: [...new Array<number>(5).fill(-2147483648), ...new Array<number>(5).fill(2147483647)],
          },
        ],
        shape: [2],
        dtype: "int32",
      },
    ],
    [
      {
        title: "an axis out of range",
        call: () => apply([1, 2], 1),
        code: "shape",
        text: `${kind}: expected an axis from -1 to 0, received 1`,
      },
    ],
  );

// The same small number a million times: every rounding of a plain float32 sum goes the same way.
it.each([
  [[1 << 20], 0, 40],
  [[1 << 18, 3], 0, 132],
])("a sum of shape [%s] stays within its bound where roundings do not cancel", (shape, axis, depth) => {
  const value = Math.fround(0.1);
  const count = shape[0] as number;
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value);
  const sums = compiled((x: SymbolicTensor) => reduce.sum(x, axis))(tensor(data, shape));
  for (const sum of sums.data)
    expect(Math.abs(sum - count * value)).toBeLessThanOrEqual(depth * 2 ** -24 * count * value);
});
