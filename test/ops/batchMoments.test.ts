// Are mean and variance of columns right, in one block of rows, in several, and where the mean is large?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { batchMoments, rowOf } from "../../bindings/ops/batchMoments.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

describeOp(
  "batchMoments",
  // Fewer than four columns; more than a block of rows; more than a panel of columns; two parts of the rows.
  [
    [17, 3],
    [130, 5],
    [3, 37],
    [2050, 2],
    [1, 16],
  ].map(
    (shape): OpCase => ({
      title: `of [${shape.join(", ")}]`,
      apply: (x) => batchMoments(x, 0.01),
      inputs: [{ shape }],
      shape: [3, shape[1] as number],
    }),
  ),
);

it("the variance keeps its digits however large the mean is, across blocks and parts", () => {
  const rows = 2 * 1024;
  const values = Float32Array.from({ length: rows }, (_, row) => 4096 + 0.5 * (row % 4));
  const variance = compiled((x: SymbolicTensor) => rowOf(batchMoments(x, 0.01), 1));
  expect(variance(tensor(values, [rows, 1])).array()).toEqual([0.3125]);
});
