// Are rows turned into probabilities, also where exponentials would overflow?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { logSoftmax, softmax } from "../../bindings/ops/softmax.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

const infinity = Number.POSITIVE_INFINITY;

for (const [name, apply] of Object.entries({ softmax, logSoftmax }))
  describeOp(
    name,
    [
      ...[1, 2, 3, 4, 5, 15, 16, 17, 33, 511, 1023, 1024, 1025].map(
        (columns): OpCase => ({
          title: `of rows of ${columns}`,
          apply: (x) => apply(x),
          inputs: [{ shape: [3, columns], range: { low: -5, high: 5 } }],
          shape: [3, columns],
        }),
      ),
      { title: "of many rows", apply: (x) => apply(x), inputs: [{ shape: [700, 10] }], shape: [700, 10] },
      { title: "of a vector", apply: (x) => apply(x), inputs: [{ shape: [7] }], shape: [7] },
      { title: "along the first axis", apply: (x) => apply(x, 0), inputs: [{ shape: [7, 3] }], shape: [7, 3] },
      { title: "along the middle axis", apply: (x) => apply(x, 1), inputs: [{ shape: [2, 5, 3] }], shape: [2, 5, 3] },
      { title: "along −2", apply: (x) => apply(x, -2), inputs: [{ shape: [2, 5, 3] }], shape: [2, 5, 3] },
      {
        title: "of integers",
        apply: (x) => apply(x),
        inputs: [{ shape: [3, 5], dtype: "int32" }],
        shape: [3, 5],
        dtype: "float32",
      },
      {
        title: "of ±10⁴",
        apply: (x) => apply(x),
        inputs: [{ shape: [3, 3], values: [1e4, 1e4, -1e4, -1e4, 0, 1e4, -1e4, -1e4, -1e4] }],
        shape: [3, 3],
      },
      {
        title: "with −Infinity, as masks put it",
        apply: (x) => apply(x),
        inputs: [
          { shape: [2, 5], values: [1, -infinity, 2, -infinity, 0, -infinity, -infinity, -infinity, -infinity, 3] },
        ],
        shape: [2, 5],
        gradient: false,
      },
      {
        title: "with NaN",
        apply: (x) => apply(x),
        inputs: [{ shape: [2, 5], values: [1, Number.NaN, 2, 0, 0, 1, 2, 3, 4, 5] }],
        shape: [2, 5],
        gradient: false,
      },
      {
        title: "of the largest numbers",
        apply: (x) => apply(x),
        inputs: [{ shape: [1, 4], values: [3e38, 3e38, -3e38, 0] }],
        shape: [1, 4],
        gradient: false,
      },
      {
        title: "inside a product",
        apply: (x) => multiply(apply(multiply(x, 2)), x),
        inputs: [{ shape: [5, 6] }],
        shape: [5, 6],
      },
    ],
    [
      { title: "a scalar", call: () => apply(3), code: "shape", text: `${name}: expected no axis for a scalar` },
      {
        title: "an axis out of range",
        call: () => apply([1, 2], 1),
        code: "shape",
        text: `${name}: expected an axis from -1 to 0, received 1`,
      },
    ],
  );

it("a row of −Infinity or with +Infinity is NaN, and no other row", () => {
  const rows = [
    [-infinity, -infinity],
    [infinity, 1],
    [0, 0],
  ];
  const value = compiled((x: SymbolicTensor) => softmax(x))(rows).array();
  expect(value).toEqual([[Number.NaN, Number.NaN], [expect.anything(), Number.NaN].map(() => Number.NaN), [0.5, 0.5]]);
});
