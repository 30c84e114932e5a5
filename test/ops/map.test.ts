// Do the elementwise operations compute what they say, for every dtype, shape and special value?

import type { Operand, SymbolicTensor } from "../../bindings/graph.ts";
import * as map from "../../bindings/ops/map.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";
import type { Range } from "../harness/random.ts";

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

// One operand ---------------------------------------------------------------------------------------------------------

interface Unary {
  readonly name: string;
  readonly apply: (x: Operand) => SymbolicTensor;
  readonly range: Range;
}

const around: Range = { low: -3, high: 3 };
const positive: Range = { low: 0.2, high: 9 };
const kinked: Range = { low: -3, high: 3, avoid: [0] };
const steps: Range = { low: -3, high: 3, avoid: [-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3] };

const unaries: readonly Unary[] = [
  { name: "negate", apply: map.negate, range: around },
  { name: "abs", apply: map.abs, range: kinked },
  { name: "square", apply: map.square, range: around },
  { name: "sqrt", apply: map.sqrt, range: positive },
  { name: "rsqrt", apply: map.rsqrt, range: positive },
  { name: "reciprocal", apply: map.reciprocal, range: { low: -3, high: 3, avoid: [0], margin: 0.2 } },
  { name: "exp", apply: map.exp, range: around },
  { name: "expm1", apply: map.expm1, range: around },
  { name: "log", apply: map.log, range: positive },
  { name: "log1p", apply: map.log1p, range: { low: -0.8, high: 9 } },
  { name: "tanh", apply: map.tanh, range: around },
  { name: "sigmoid", apply: map.sigmoid, range: { low: -6, high: 6 } },
  { name: "erf", apply: map.erf, range: around },
  { name: "erfInverse", apply: map.erfInverse, range: { low: -0.9, high: 0.9 } },
  { name: "relu", apply: map.relu, range: kinked },
  { name: "sin", apply: map.sin, range: { low: -20, high: 20 } },
  { name: "cos", apply: map.cos, range: { low: -20, high: 20 } },
];

for (const { name, apply, range } of unaries)
  describeOp(name, [
    { title: "of a matrix", apply, inputs: [{ shape: [3, 5], range }], shape: [3, 5], dtype: "float32" },
    { title: "of three tiles", apply, inputs: [{ shape: [1025], range }], shape: [1025] },
    {
      title: "of special values",
      apply,
      inputs: [{ shape: [known(name).length], values: known(name) }],
      shape: [known(name).length],
      gradient: false,
    },
  ]);

/** sin and cos mean nothing beyond 10⁶ (assembly/math.ts). */
function known(name: string): readonly number[] {
  return name === "sin" || name === "cos"
    ? specials.filter((x) => !(Math.abs(x) > 1e6 && Math.abs(x) < infinity))
    : specials;
}

describeOp(
  "elementwise operations of awkward sizes",
  [1, 3, 4, 5, 17, 511, 512, 513, 4097].flatMap((count): OpCase[] => [
    { title: `tanh of ${count}`, apply: map.tanh, inputs: [{ shape: [count] }], shape: [count] },
    {
      title: `a product of ${count}`,
      apply: map.multiply,
      inputs: [{ shape: [count] }, { shape: [count] }],
      shape: [count],
    },
  ]),
);

for (const [name, apply] of Object.entries({ sign: map.sign, floor: map.floor, ceil: map.ceil, round: map.round }))
  describeOp(name, [
    { title: "of a matrix", apply, inputs: [{ shape: [5, 7], range: steps }], shape: [5, 7], gradient: false },
    {
      title: "of special values",
      apply,
      inputs: [{ shape: [specials.length], values: specials }],
      shape: [specials.length],
      gradient: false,
    },
    {
      title: "inside a sum: the gradient passes it by",
      apply: (x) => map.add(map.multiply(apply(x), 3), x),
      inputs: [{ shape: [9], range: steps }],
      shape: [9],
    },
  ]);

const extremeIntegers = [0, 1, -1, 7, -7, 2147483647, -2147483648, 65536, -65537];
for (const [name, apply] of Object.entries({ negate: map.negate, abs: map.abs, sign: map.sign }))
  describeOp(`${name} of integers`, [
    {
      title: "int32",
      apply,
      inputs: [{ shape: [9], dtype: "int32", values: extremeIntegers }],
      shape: [9],
      dtype: "int32",
    },
    { title: "uint8", apply, inputs: [{ shape: [17], dtype: "uint8" }], shape: [17], dtype: "int32" },
    { title: "bool", apply, inputs: [{ shape: [5], dtype: "bool" }], shape: [5], dtype: "int32" },
  ]);
describeOp("exp of integers", [
  {
    title: "int32 is float32 first",
    apply: map.exp,
    inputs: [{ shape: [9], dtype: "int32" }],
    shape: [9],
    dtype: "float32",
  },
]);

// Two operands --------------------------------------------------------------------------------------------------------

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

/** Shapes of two operands, and of their result: every way to broadcast. */
const patterns: readonly (readonly [readonly number[], readonly number[], readonly number[]])[] = [
  [[], [], []],
  [[], [7], [7]],
  [[4, 3], [], [4, 3]],
  [[4, 3], [3], [4, 3]],
  [
    [4, 3],
    [4, 1],
    [4, 3],
  ],
  [
    [4, 1],
    [1, 3],
    [4, 3],
  ],
  [[3], [4, 1], [4, 3]],
  [
    [2, 1, 3],
    [4, 1],
    [2, 4, 3],
  ],
  [
    [2, 4, 3],
    [2, 1, 3],
    [2, 4, 3],
  ],
  [
    [1, 4, 1],
    [2, 1, 3],
    [2, 4, 3],
  ],
  [
    [2, 1, 3, 1],
    [4, 1, 5],
    [2, 4, 3, 5],
  ],
  [
    [2, 1, 3, 1, 2],
    [4, 1, 5, 1],
    [2, 4, 3, 5, 2],
  ],
  [
    [2, 1, 2, 1, 2, 1],
    [1, 3, 1, 3, 1, 3],
    [2, 3, 2, 3, 2, 3],
  ],
  [[1, 1, 1], [1], [1, 1, 1]],
  [[3, 700], [700], [3, 700]],
  [
    [3, 700],
    [3, 1],
    [3, 700],
  ],
  // Rows that fill tiles a whole number of times, and that do not.
  [[70, 32], [32], [70, 32]],
  [
    [6, 2, 64],
    [2, 64],
    [6, 2, 64],
  ],
  [[3, 512], [512], [3, 512]],
  [[70, 24], [24], [70, 24]],
  [
    [150, 6],
    [150, 1],
    [150, 6],
  ],
];

/** Values of both operands that are never close to each other: all sums and differences keep away from kinks. */
const apart = { low: 0.6, high: 1.4 };
const farApart = { low: -3, high: 3, avoid: [1], margin: 0.45 };

for (const [name, apply] of Object.entries(arithmetic)) {
  describeOp(
    name,
    patterns.map(([a, b, shape]) => ({
      title: `of [${a}] and [${b}]`,
      apply,
      inputs: [
        { shape: a, range: name === "maximum" || name === "minimum" ? farApart : { low: -3, high: 3 } },
        { shape: b, range: apart },
      ],
      shape,
    })),
    [
      {
        title: "shapes that do not broadcast",
        call: () => apply([1, 2, 3], [1, 2]),
        code: "shape",
        text: `${name}: expected shapes that broadcast`,
      },
    ],
  );
  describeOp(`${name} of one tensor with itself`, [
    {
      title: "twice the same node",
      apply: (x) => apply(x, x),
      inputs: [{ shape: [17], range: { low: 1, high: 2 } }],
      shape: [17],
    },
  ]);
}

/** Every special value against every other. */
const firsts = specials.flatMap((value) => specials.map(() => value));
const seconds = specials.flatMap(() => specials);
for (const [name, apply] of Object.entries({ ...arithmetic, ...compare }))
  describeOp(`${name} of special values`, [
    {
      title: "each with each",
      apply,
      inputs: [
        { shape: [firsts.length], values: firsts },
        { shape: [seconds.length], values: seconds },
      ],
      shape: [firsts.length],
      dtype: name in compare ? "bool" : "float32",
      gradient: false,
    },
  ]);
