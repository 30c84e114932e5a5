// Do least squares, ranks, norms by singular values and products of matrices hold, with their gradients?

import { describe, expect, it } from "vitest";
import { grad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { norm } from "../../bindings/ops/composedReductions.ts";
import * as ops from "../../bindings/ops/index.ts";
import * as squares from "../../bindings/ops/leastSquares.ts";
import * as algebra from "../../bindings/ops/linearAlgebra.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import * as products from "../../bindings/ops/tensorProducts.ts";
import { describeOp, type InputSpec } from "../harness/describeOp.ts";

type Node = SymbolicTensor;
const tall: InputSpec = { shape: [4, 3], values: [3, -1, 0.5, 1, 2, -0.25, 0.5, 3, 1, -2, 1, 2] };
const wide: InputSpec = { shape: [2, 2, 3], values: [3, -1, 0.5, 1, 2, -0.25, 0.5, 3, 1, -2, 1, 2] };
const regular: InputSpec = { shape: [2, 2], values: [1, -0.5, 0.75, 2] };
const definite = (x: Node): Node => ops.add(matMul(x, x, { transposeB: true }), ops.eye(2));

describeOp(
  "least squares",
  [
    { title: "pinv of more rows", apply: (a) => squares.pinv(a as Node), inputs: [tall], shape: [3, 4] },
    { title: "pinv of more columns", apply: (a) => squares.pinv(a as Node), inputs: [wide], shape: [2, 3, 2] },
    {
      title: "lstsq",
      apply: (a, b) => squares.lstsq(a as Node, b as Node),
      inputs: [tall, { shape: [4, 2] }],
      shape: [3, 2],
    },
    {
      title: "lstsq of one vector",
      apply: (a, b) => squares.lstsq(a as Node, b as Node),
      inputs: [tall, { shape: [4] }],
      shape: [3],
    },
    { title: "matrixRank", apply: (a) => squares.matrixRank(a as Node), inputs: [wide], shape: [2], dtype: "int32" },
    { title: "nuclear norm", apply: (a) => norm(a as Node, "nuc", [-2, -1]), inputs: [wide], shape: [2] },
    {
      title: "spectral norm of other axes",
      apply: (a) => norm(a as Node, 2, [0, 2], true),
      inputs: [wide],
      shape: [1, 2, 1],
    },
    { title: "least singular value", apply: (a) => norm(a as Node, -2, [1, 2]), inputs: [wide], shape: [2] },
    { title: "logdet", apply: (a) => algebra.logdet(definite(a as Node)), inputs: [regular], shape: [] },
    { title: "choleskyInverse", apply: (a) => algebra.choleskyInverse(a as Node), inputs: [regular], shape: [2, 2] },
    {
      title: "choleskyInverse, upper",
      apply: (a) => algebra.choleskyInverse(a as Node, true),
      inputs: [regular],
      shape: [2, 2],
    },
    { title: "inner", apply: products.inner, inputs: [{ shape: [2, 3] }, { shape: [4, 3] }], shape: [2, 4] },
    { title: "vdot", apply: products.vdot, inputs: [{ shape: [2, 3] }, { shape: [6] }], shape: [] },
    { title: "kron", apply: products.kron, inputs: [{ shape: [2, 3] }, { shape: [2] }], shape: [2, 6] },
    { title: "vander", apply: (x) => products.vander(x as Node, 4), inputs: [{ shape: [3] }], shape: [3, 4] },
    { title: "matrixPower", apply: (a) => products.matrixPower(a as Node, 5), inputs: [regular], shape: [2, 2] },
    {
      title: "matrixPower below 0",
      apply: (a) => products.matrixPower(a as Node, -2),
      inputs: [regular],
      shape: [2, 2],
    },
  ],
  [
    {
      title: "a negative rcond",
      call: () => ops.pinv([[1]], -1),
      code: "option",
      text: "pinv.rcond: expected a share",
    },
    { title: "half a power", call: () => ops.matrixPower([[1]], 0.5), code: "option", text: "a whole number" },
    { title: "a power of a wide matrix", call: () => ops.matrixPower([[1, 2]], 2), code: "shape", text: "square" },
    { title: "powers of a matrix", call: () => ops.vander([[1]]), code: "shape", text: "vander: expected a vector" },
  ],
);

describe("least squares on values", () => {
  it("agree with what is known", () => {
    const line = [
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
    ];
    expect(ops.lstsq(line, [-1, 0.2, 0.9, 2.1]).array()).toEqual([expect.closeTo(1, 6), expect.closeTo(-0.95, 6)]);
    const flat = [
      [1, 2],
      [2, 4],
      [3, 6],
    ];
    expect(ops.matrixRank(flat).item()).toBe(1);
    expect(ops.matrixRank(ops.eye(5)).item()).toBe(5);
    expect(ops.matrixRank(ops.zeros([3, 3])).item()).toBe(0);
    // Of rank 1: aᵀ / ‖a‖².
    const inverse = ops.pinv(flat).array() as number[][];
    expect(inverse).toEqual([
      [1, 2, 3].map((each) => expect.closeTo(each / 70, 7)),
      [2, 4, 6].map((each) => expect.closeTo(each / 70, 7)),
    ]);
    expect(ops.matrixPower(flat.slice(0, 2), 0).array()).toEqual(ops.eye(2).array());
    expect(ops.kron([1, 10], [1, 2, 3]).array()).toEqual([1, 2, 3, 10, 20, 30]);
    expect(ops.vander([2, 3], 3, true).array()).toEqual([
      [1, 2, 4],
      [1, 3, 9],
    ]);
  });

  it("have gradients where singular values are equal", () => {
    const slope = grad((a: Node) => ops.sum(squares.pinv(a)))(ops.eye(3));
    expect(slope.data.every((each) => Math.abs(each + 1) < 1e-5)).toBe(true);
    const norms = grad((a: Node) => norm(a, "nuc", [0, 1]))(ops.eye(2));
    expect(norms.array()).toEqual(ops.eye(2).array());
  });
});
