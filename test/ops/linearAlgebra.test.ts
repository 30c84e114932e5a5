// Are small systems solved, matrices factored, and their gradients those of the reference?

import { describe, expect, it } from "vitest";
import { grad, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as ops from "../../bindings/ops/index.ts";
import * as algebra from "../../bindings/ops/linearAlgebra.ts";
import { add, multiply, square } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import * as products from "../../bindings/ops/tensorProducts.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, type InputSpec } from "../harness/describeOp.ts";
import { floats, generator } from "../harness/random.ts";

type Node = SymbolicTensor;
const regular: InputSpec = { shape: [3, 3], values: [1, -2, 0.5, 4, 0.25, -1, 0.75, 1.5, 3] };
/** Upper triangles with something below them, which is not read. */
const triangles: InputSpec = {
  shape: [2, 3, 3],
  values: [2, -1, 0.5, 9, 1.5, 1, 9, 9, -1, 1, 2, 3, 9, -2, 0.25, 9, 9, 4],
};
/** The first pivot is not the first element, and the second matrix has a zero there. */
const pair: InputSpec = { shape: [2, 3, 3], values: [...(regular.values ?? []), 0, 2, -1, 1.5, 0.5, 2, -3, 1, 0.25] };
const definite = (x: Node): Node =>
  add(matMul(x, x, { transposeB: true }), [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]);

describeOp(
  "linear algebra",
  [
    { title: "solve", apply: (a, b) => algebra.solve(a, b), inputs: [regular, { shape: [3, 2] }], shape: [3, 2] },
    {
      title: "solve of vectors",
      apply: (a, b) => algebra.solve(a, b),
      inputs: [pair, { shape: [2, 3] }],
      shape: [2, 3],
    },
    {
      title: "solve of one equation",
      apply: algebra.solve,
      inputs: [{ shape: [1, 1], values: [4] }, { shape: [1] }],
      shape: [1],
    },
    {
      title: "solveTriangular",
      apply: (a, b) => algebra.solveTriangular(a, b),
      inputs: [triangles, { shape: [2, 3, 2] }],
      shape: [2, 3, 2],
    },
    {
      title: "solveTriangular, lower",
      apply: (a, b) => algebra.solveTriangular(a, b, true),
      inputs: [regular, { shape: [3] }],
      shape: [3],
    },
    { title: "inv", apply: (a) => algebra.inv(a), inputs: [pair], shape: [2, 3, 3] },
    { title: "det", apply: (a) => algebra.det(a), inputs: [pair], shape: [2] },
    { title: "slogdet", apply: (a) => algebra.slogdet(a)[1], inputs: [pair], shape: [2] },
    { title: "cholesky", apply: (x) => algebra.cholesky(definite(x as Node)), inputs: [regular], shape: [3, 3] },
    { title: "q of qr", apply: (a) => algebra.qr(a)[0], inputs: [{ shape: [2, 4, 2] }], shape: [2, 4, 2] },
    { title: "r of qr", apply: (a) => algebra.qr(a)[1], inputs: [{ shape: [2, 4, 2] }], shape: [2, 2, 2] },
    { title: "r of qr, wide", apply: (a) => algebra.qr(a)[1], inputs: [{ shape: [2, 3] }], shape: [2, 3] },
    { title: "outer", apply: products.outer, inputs: [{ shape: [3] }, { shape: [5] }], shape: [3, 5] },
    { title: "dot of vectors", apply: products.dot, inputs: [{ shape: [5] }, { shape: [5] }], shape: [] },
    { title: "dot", apply: products.dot, inputs: [{ shape: [2, 3] }, { shape: [4, 3, 5] }], shape: [2, 4, 5] },
    {
      title: "tensordot",
      apply: (a, b) =>
        products.tensordot(a, b, [
          [1, -1],
          [2, 0],
        ]),
      inputs: [{ shape: [2, 3, 4] }, { shape: [4, 5, 3] }],
      shape: [2, 5],
    },
    { title: "cross", apply: products.cross, inputs: [{ shape: [2, 3] }, { shape: [3] }], shape: [2, 3] },
  ],
  [
    {
      title: "a matrix that is not square",
      call: () => algebra.inv([[1, 2]]),
      code: "shape",
      text: "inv: expected square matrices [..., n, n], received [1, 2]",
    },
    {
      title: "a right side that does not fit",
      call: () => algebra.solve([[1]], [1, 2]),
      code: "shape",
      text: "solve: expected a right side of shape [1] or [1, m], received [2]",
    },
    {
      title: "large matrices",
      call: () => algebra.qr(tensor(new Float32Array(65 * 65), [65, 65])),
      code: "unsupported",
      text: "qr: expected at most 64 columns, received 65",
    },
    { title: "axes that differ", call: () => products.tensordot([1], [1, 2], 1), code: "shape", text: "of equal size" },
    { title: "a cross product of pairs", call: () => products.cross([1, 2], [3, 4]), code: "shape", text: "of three" },
  ],
);

describe("linear algebra on values", () => {
  const size = 12;
  const random = tensor(floats(generator(5), size * size, { low: -1, high: 1 }), [size, size]);
  const near = (actual: Tensor, expected: Tensor, bound: number): void => {
    const differences = ops.max(ops.abs(ops.subtract(actual, expected)));
    expect((differences as Tensor).item()).toBeLessThan(bound);
  };

  it("gives back what it took apart", () => {
    const unit = tensor(
      Float32Array.from({ length: size * size }, (_, place) => (place % (size + 1) === 0 ? 1 : 0)),
      [size, size],
    );
    near(ops.matMul(random, ops.inv(random)), unit, 1e-4);
    const positive = ops.add(ops.matMul(random, ops.transpose(random)), unit);
    const lower = ops.cholesky(positive);
    near(ops.matMul(lower, ops.transpose(lower)), positive, 1e-5);
    const [q, r] = ops.qr(random);
    near(ops.matMul(q, r), random, 1e-5);
    near(ops.matMul(ops.transpose(q), q), unit, 1e-5);
    const [sign, logarithm] = ops.slogdet(random);
    expect(sign.item() * Math.exp(logarithm.item())).toBeCloseTo(ops.det(random).item(), 3);
  });

  it("knows singular matrices", () => {
    const singular = [
      [1, 2],
      [2, 4],
    ];
    expect(Math.abs(ops.det(singular).item())).toBe(0);
    expect(
      ops
        .det([
          [0, 1],
          [1, 0],
        ])
        .item(),
    ).toBe(-1);
    expect(Array.from(ops.inv(singular).data).some(Number.isFinite)).toBe(false);
    expect(Array.from(ops.cholesky([[-1]]).data)).toEqual([Number.NaN]);
  });

  it("is differentiated twice", () => {
    const energy = (a: Node): Node => sum(square(algebra.solve(a, [1, 2])));
    const length = (a: Node): Node => sum(square(grad(energy)(a)));
    const at = [2, 0.5, -0.25, 1.5];
    const slope = valueAndGrad(length);
    const { gradients } = slope(tensor(at, [2, 2]));
    const step = 2 ** -7;
    at.forEach((value, place) => {
      const moved = (by: number): number => slope(tensor(at.with(place, value + by), [2, 2])).value.item();
      const measured = (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step);
      expect((gradients[0] as Tensor).data[place]).toBeCloseTo(measured, 1);
    });
    expect(
      grad((x: Node) =>
        sum(
          multiply(grad((y: Node) => algebra.det(y))(x), [
            [1, 0],
            [0, 0],
          ]),
        ),
      )([
        [4, 2],
        [2, 3],
      ]).array(),
    ).toEqual([
      [0, 0],
      [0, 1],
    ]);
  });
});
