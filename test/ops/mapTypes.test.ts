// Do the elementwise operations treat every dtype, condition and broadcast shape as they say?

import type { Operand, SymbolicTensor } from "../../bindings/graph.ts";
import * as map from "../../bindings/ops/map.ts";
import type { DType } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

const infinity = Number.POSITIVE_INFINITY;
const subnormal = 2 ** -149;
const largest = (2 - 2 ** -23) * 2 ** 127;
const specials = [
  Number.NaN,
  infinity,
  -infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  subnormal,
  -subnormal,
  largest,
  -largest,
  2 ** 23,
  1e-20,
  100,
  -100,
];
const extremeIntegers = [0, 1, -1, 7, -7, 2147483647, -2147483648, 65536, -65537];

type Binary = (a: Operand, b: Operand) => SymbolicTensor;
const arithmetic: Readonly<Record<string, Binary>> = {
  add: map.add,
  subtract: map.subtract,
  multiply: map.multiply,
  divide: map.divide,
  maximum: map.maximum,
  minimum: map.minimum,
};
const compare: Readonly<Record<string, Binary>> = {
  equal: map.equal,
  notEqual: map.notEqual,
  less: map.less,
  lessEqual: map.lessEqual,
  greater: map.greater,
  greaterEqual: map.greaterEqual,
};
const logical: Readonly<Record<string, Binary>> = { logicalAnd: map.logicalAnd, logicalOr: map.logicalOr };

/** Dtypes of two operands and what they are promoted to. */
const promotions: readonly (readonly [DType, DType, DType])[] = [
  ["int32", "int32", "int32"],
  ["int32", "float32", "float32"],
  ["uint8", "uint8", "int32"],
  ["uint8", "float32", "float32"],
  ["bool", "int32", "int32"],
  ["bool", "bool", "int32"],
  ["uint8", "bool", "int32"],
];
for (const [a, b, dtype] of promotions)
  describeOp(`${a} with ${b}`, [
    ...Object.entries(arithmetic)
      .filter(([name]) => name !== "divide")
      .map(
        ([name, apply]): OpCase => ({
          title: name,
          apply,
          inputs: [
            { shape: [5, 3], dtype: a },
            { shape: [3], dtype: b },
          ],
          shape: [5, 3],
          dtype,
          gradient: false,
        }),
      ),
    {
      title: "divide",
      apply: map.divide,
      inputs: [
        { shape: [5, 3], dtype: a },
        { shape: [3], dtype: b, range: { low: 1, high: 1 } },
      ],
      shape: [5, 3],
      dtype: "float32",
      gradient: false,
    },
    ...Object.entries(compare).map(
      ([name, apply]): OpCase => ({
        title: name,
        apply,
        inputs: [
          { shape: [5, 3], dtype: a, range: { low: 0, high: 1 } },
          { shape: [5, 1], dtype: b, range: { low: 0, high: 1 } },
        ],
        shape: [5, 3],
        dtype: "bool",
        gradient: false,
      }),
    ),
    ...Object.entries(logical).map(
      ([name, apply]): OpCase => ({
        title: name,
        apply,
        inputs: [
          { shape: [530], dtype: a },
          { shape: [530], dtype: b },
        ],
        shape: [530],
        dtype: "bool",
        gradient: false,
      }),
    ),
  ]);

describeOp("integers that overflow", [
  {
    title: "sums wrap",
    apply: map.add,
    inputs: [
      { shape: [9], dtype: "int32", values: extremeIntegers },
      { shape: [1], dtype: "int32", values: [2147483647] },
    ],
    shape: [9],
    dtype: "int32",
  },
  {
    title: "differences wrap",
    apply: map.subtract,
    inputs: [
      { shape: [9], dtype: "int32", values: extremeIntegers },
      { shape: [1], dtype: "int32", values: [2147483647] },
    ],
    shape: [9],
    dtype: "int32",
  },
  {
    title: "products wrap",
    apply: map.multiply,
    inputs: [
      { shape: [9], dtype: "int32", values: extremeIntegers },
      { shape: [1], dtype: "int32", values: [65537] },
    ],
    shape: [9],
    dtype: "int32",
  },
]);

describeOp("bare numbers", [
  {
    title: "an integer beside int32 is int32",
    apply: (x) => map.add(x, 3),
    inputs: [{ shape: [5], dtype: "int32" }],
    shape: [5],
    dtype: "int32",
  },
  {
    title: "a fraction beside int32 makes float32",
    apply: (x) => map.multiply(x, 0.5),
    inputs: [{ shape: [5], dtype: "int32" }],
    shape: [5],
    dtype: "float32",
  },
  { title: "on the left", apply: (x) => map.subtract(1, x), inputs: [{ shape: [5] }], shape: [5] },
  {
    title: "maximum at equal values: half the gradient to each",
    apply: (x, y) => map.add(map.maximum(x, y), map.minimum(x, y)),
    inputs: [
      { shape: [4], values: [1, 2, 3, 4] },
      { shape: [4], values: [1, 5, 3, 0] },
    ],
    shape: [4],
  },
]);

// Selection, conversion, broadcasting ---------------------------------------------------------------------------------

describeOp("logicalNot", [
  { title: "of bool", apply: map.logicalNot, inputs: [{ shape: [513], dtype: "bool" }], shape: [513], dtype: "bool" },
  {
    title: "of float32: NaN is not 0",
    apply: map.logicalNot,
    inputs: [{ shape: [specials.length], values: specials }],
    shape: [20],
    dtype: "bool",
  },
]);

describeOp(
  "where",
  [
    {
      title: "of one shape",
      apply: map.where,
      inputs: [{ shape: [1025], dtype: "bool" }, { shape: [1025] }, { shape: [1025] }],
      shape: [1025],
      dtype: "float32",
    },
    {
      title: "that broadcasts all three",
      apply: map.where,
      inputs: [{ shape: [4, 1, 1], dtype: "bool" }, { shape: [3, 1] }, { shape: [5] }],
      shape: [4, 3, 5],
    },
    {
      title: "with a number",
      apply: (condition, a) => map.where(condition, a, 0),
      inputs: [{ shape: [3, 5], dtype: "bool" }, { shape: [3, 5] }],
      shape: [3, 5],
    },
    {
      title: "of integers",
      apply: map.where,
      inputs: [
        { shape: [17], dtype: "bool" },
        { shape: [17], dtype: "int32" },
        { shape: [], dtype: "int32" },
      ],
      shape: [17],
      dtype: "int32",
    },
    {
      title: "with a float32 condition",
      apply: map.where,
      inputs: [{ shape: [4], values: [0, -0, 0.1, Number.NaN] }, { shape: [4] }, { shape: [4] }],
      shape: [4],
      gradient: false,
    },
    {
      title: "that keeps NaN and −0",
      apply: map.where,
      inputs: [
        { shape: [4], dtype: "bool", values: [1, 0, 1, 0] },
        { shape: [4], values: [Number.NaN, Number.NaN, -0, 1] },
        { shape: [4], values: [1, -0, 1, infinity] },
      ],
      shape: [4],
      gradient: false,
    },
  ] satisfies OpCase[],
  [
    {
      title: "shapes that do not broadcast",
      call: () => map.where([true, false], [1, 2, 3], 0),
      code: "shape",
      text: "where: expected shapes that broadcast",
    },
  ],
);

const dtypes: readonly DType[] = ["float32", "int32", "uint8", "bool"];
const convertible = [0, 1, 2, 3, 200, 255];
for (const from of dtypes)
  describeOp(
    `cast from ${from}`,
    dtypes.flatMap((to): OpCase[] => [
      {
        title: `to ${to}`,
        apply: (x) => map.cast(x, to),
        inputs: [{ shape: [6], dtype: from, values: from === "bool" ? [0, 1, 1, 0, 1, 0] : convertible }],
        shape: [6],
        dtype: to,
      },
      {
        title: `to ${to}, a long one`,
        apply: (x) => map.cast(x, to),
        inputs: [{ shape: [1029], dtype: from }],
        shape: [1029],
        dtype: to,
        gradient: false,
      },
    ]),
  );
describeOp("cast of awkward numbers", [
  {
    title: "float32 to int32 rounds towards zero and saturates",
    apply: (x) => map.cast(x, "int32"),
    inputs: [{ shape: [specials.length], values: specials }],
    shape: [20],
    dtype: "int32",
  },
  {
    title: "float32 to bool",
    apply: (x) => map.cast(x, "bool"),
    inputs: [{ shape: [specials.length], values: specials }],
    shape: [20],
    dtype: "bool",
  },
  {
    title: "float32 to uint8 keeps the low eight bits",
    apply: (x) => map.cast(x, "uint8"),
    inputs: [{ shape: [7], values: [-1, 256, 257.9, 300, -256, 1e10, Number.NaN] }],
    shape: [7],
    dtype: "uint8",
  },
  {
    title: "int32 to uint8",
    apply: (x) => map.cast(x, "uint8"),
    inputs: [{ shape: [9], dtype: "int32", values: extremeIntegers }],
    shape: [9],
    dtype: "uint8",
  },
  {
    title: "large int32 to float32",
    apply: (x) => map.cast(x, "float32"),
    inputs: [{ shape: [9], dtype: "int32", values: [16777217, 16777219, 33554435, ...extremeIntegers.slice(0, 6)] }],
    shape: [9],
    dtype: "float32",
  },
]);
