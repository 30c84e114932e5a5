// Are matrix products right for every layout, every remainder of the tiles, and with everything fused into them?

import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as map from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

const layouts = [
  { title: "A·B", transposeA: false, transposeB: false },
  { title: "Aᵀ·B", transposeA: true, transposeB: false },
  { title: "A·Bᵀ", transposeA: false, transposeB: true },
  { title: "Aᵀ·Bᵀ", transposeA: true, transposeB: true },
];

/** m, k, n: scalars, vectors, units of 8 × 16 ± 1, tiles of 2 × 16, 4 × 8, 4 × 4 with remainders, k around 512, packing from 64 rows. */
const sizes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 5, 1],
  [3, 1, 5],
  [1, 17, 33],
  [17, 33, 1],
  [2, 3, 15],
  [7, 8, 16],
  [8, 5, 17],
  [9, 17, 31],
  [3, 4, 13],
  [5, 7, 11],
  [16, 16, 16],
  [33, 9, 20],
  [4, 511, 4],
  [5, 512, 17],
  [3, 513, 20],
  [1, 1025, 18],
  [63, 3, 17],
  [64, 5, 65],
  [65, 7, 70],
  [129, 2, 3],
];

for (const { title, transposeA, transposeB } of layouts)
  describeOp(
    title,
    sizes.map(
      ([m, k, n]): OpCase => ({
        title: `of ${m} × ${k} × ${n}`,
        apply: (a, b) => matMul(a, b, { transposeA, transposeB }),
        inputs: [{ shape: transposeA ? [k, m] : [m, k] }, { shape: transposeB ? [n, k] : [k, n] }],
        shape: [m, n],
      }),
    ),
  );

/** Leading axes of both operands and of the result. */
const leads: readonly (readonly [readonly number[], readonly number[], readonly number[]])[] = [
  [[3], [3], [3]],
  [[3], [], [3]],
  [[], [3], [3]],
  [[1], [3], [3]],
  [[3], [1], [3]],
  [[2, 3], [3], [2, 3]],
  [
    [2, 1],
    [1, 3],
    [2, 3],
  ],
  [
    [2, 3],
    [2, 1],
    [2, 3],
  ],
  [
    [2, 3],
    [2, 3],
    [2, 3],
  ],
  [[1, 1], [1], [1, 1]],
];
for (const { title, transposeA, transposeB } of layouts)
  describeOp(
    `batches of ${title}`,
    leads.map(
      ([a, b, lead]): OpCase => ({
        title: `[${a}] × [${b}]`,
        apply: (x, y) => matMul(x, y, { transposeA, transposeB }),
        inputs: [
          { shape: [...a, ...(transposeA ? [5, 9] : [9, 5])] },
          { shape: [...b, ...(transposeB ? [17, 5] : [5, 17])] },
        ],
        shape: [...lead, 9, 17],
      }),
    ),
  );

describeOp("batches of vectors", [
  {
    title: "one column each",
    apply: (a, b) => matMul(a, b),
    inputs: [{ shape: [3, 17, 5] }, { shape: [3, 5, 1] }],
    shape: [3, 17, 1],
  },
  {
    title: "one row each",
    apply: (a, b) => matMul(a, b),
    inputs: [{ shape: [3, 1, 5] }, { shape: [3, 5, 19] }],
    shape: [3, 1, 19],
  },
  {
    title: "inner products",
    apply: (a, b) => matMul(a, b, { transposeB: true }),
    inputs: [{ shape: [4, 1, 33] }, { shape: [4, 1, 33] }],
    shape: [4, 1, 1],
  },
  {
    title: "outer products",
    apply: (a, b) => matMul(a, b, { transposeA: true }),
    inputs: [{ shape: [4, 1, 9] }, { shape: [4, 1, 18] }],
    shape: [4, 9, 18],
  },
]);

// Epilogues: bias and activation --------------------------------------------------------------------------------------

const activations: Readonly<Record<string, (x: SymbolicTensor) => SymbolicTensor>> = {
  relu: map.relu,
  tanh: map.tanh,
  sigmoid: map.sigmoid,
  exp: map.exp,
  square: map.square,
  negate: map.negate,
  silu: map.silu,
  "with two uses": (x) => map.multiply(x, map.sigmoid(x)),
};
const dense =
  (act: (x: SymbolicTensor) => SymbolicTensor) => (x: SymbolicTensor, w: SymbolicTensor, b: SymbolicTensor) =>
    act(map.add(matMul(x, w), b));

/** Products below 1, biases above: whatever the seed, relu's kink is far away. */
const small = { low: -0.3, high: 0.3 };
const large = { low: -2, high: 2, avoid: [0], margin: 1 };

for (const [name, act] of Object.entries(activations))
  describeOp(
    `${name} of a product and a bias`,
    (name === "tanh" ? [1, 5, 16, 17, 37] : [1, 37]).flatMap((n) =>
      (name === "tanh" ? [1, 5, 8, 17, 66] : [1, 17]).map(
        (m): OpCase => ({
          title: `[${m}, 9] · [9, ${n}]`,
          apply: dense(act),
          inputs: [
            { shape: [m, 9], range: small },
            { shape: [9, n], range: small },
            { shape: [n], range: large },
          ],
          shape: [m, n],
        }),
      ),
    ),
  );

describeOp("epilogues of other forms", [
  {
    title: "the bias on the left",
    apply: (x, w, b) => map.add(b, matMul(x, w)),
    inputs: [{ shape: [5, 9] }, { shape: [9, 18] }, { shape: [18] }],
    shape: [5, 18],
  },
  {
    title: "a bias of rank 2",
    apply: (x, w, b) => map.tanh(map.add(matMul(x, w), b)),
    inputs: [{ shape: [5, 9] }, { shape: [9, 18] }, { shape: [1, 18] }],
    shape: [5, 18],
  },
  {
    title: "no bias",
    apply: (x, w) => map.sigmoid(matMul(x, w)),
    inputs: [{ shape: [5, 9] }, { shape: [9, 18] }],
    shape: [5, 18],
  },
  {
    title: "a bias after the activation",
    apply: (x, w, b) => map.add(map.tanh(matMul(x, w)), b),
    inputs: [{ shape: [5, 9] }, { shape: [9, 18] }, { shape: [18] }],
    shape: [5, 18],
  },
  {
    title: "two biases",
    apply: (x, w, b, c) => map.add(map.add(matMul(x, w), b), c),
    inputs: [{ shape: [5, 9] }, { shape: [9, 18] }, { shape: [18] }, { shape: [18] }],
    shape: [5, 18],
  },
  {
    title: "a bias for each row",
    apply: (x, w, b) => map.add(matMul(x, w), b),
    inputs: [{ shape: [5, 9] }, { shape: [9, 5] }, { shape: [5, 1] }],
    shape: [5, 5],
  },
  {
    title: "a scalar",
    apply: (x, w, b) => map.add(matMul(x, w), b),
    inputs: [{ shape: [5, 9] }, { shape: [9, 18] }, { shape: [] }],
    shape: [5, 18],
  },
  {
    title: "a bias that makes it larger",
    apply: (x, w, b) => map.add(matMul(x, w), b),
    inputs: [{ shape: [1, 9] }, { shape: [9, 18] }, { shape: [4, 18] }],
    shape: [4, 18],
  },
  {
    title: "a sum of two products",
    apply: (x, w, y, v) => map.sigmoid(map.add(matMul(x, w), matMul(y, v))),
    inputs: [{ shape: [1, 9] }, { shape: [9, 18] }, { shape: [1, 7] }, { shape: [7, 18] }],
    shape: [1, 18],
  },
  {
    title: "of a batch",
    apply: dense(map.tanh),
    inputs: [{ shape: [3, 4, 9] }, { shape: [9, 17] }, { shape: [17] }],
    shape: [3, 4, 17],
  },
  {
    title: "of a batch of both",
    apply: dense(map.tanh),
    inputs: [{ shape: [3, 4, 9] }, { shape: [3, 9, 17] }, { shape: [17] }],
    shape: [3, 4, 17],
  },
  {
    title: "with −0, NaN and infinity",
    apply: (x, w, b) => map.relu(map.add(matMul(x, w), b)),
    inputs: [
      { shape: [2, 2], values: [0, 0, 1, Number.NaN] },
      { shape: [2, 3] },
      { shape: [3], values: [-0, -1, Number.POSITIVE_INFINITY] },
    ],
    shape: [2, 3],
    gradient: false,
  },
  {
    title: "a layer of two products",
    apply: (x, w, b, v) => map.square(matMul(map.tanh(map.add(matMul(x, w), b)), v)),
    inputs: [{ shape: [5, 9] }, { shape: [9, 18] }, { shape: [18] }, { shape: [18, 3] }],
    shape: [5, 3],
  },
]);

describeOp(
  "dtypes of a product",
  [
    {
      title: "integers are float32 first",
      apply: (a, b) => matMul(a, b),
      inputs: [
        { shape: [3, 5], dtype: "int32" },
        { shape: [5, 2], dtype: "uint8" },
      ],
      shape: [3, 2],
      dtype: "float32",
    },
  ],
  [
    {
      title: "inner sizes that differ",
      call: () => matMul([[1, 2]], [[1, 2]]),
      code: "shape",
      text: "matMul: expected equal inner sizes, received [1, 2] and [1, 2]",
    },
    {
      title: "vectors",
      call: () => matMul([1, 2], [[1], [2]]),
      code: "shape",
      text: "matMul: expected two tensors of rank 2 or more, received [2] and [2, 1]",
    },
    {
      title: "batches that do not broadcast",
      call: () => matMul([[[1]], [[2]]], [[[1]], [[2]], [[3]]]),
      code: "shape",
      text: "matMul: expected leading axes that broadcast",
    },
    {
      title: "transposed operands that differ",
      call: () => matMul([[1, 2]], [[1, 2]], { transposeA: true, transposeB: true }),
      code: "shape",
      text: /expected equal inner sizes.*with/,
    },
  ],
);
