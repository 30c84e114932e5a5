// Are matrices taken apart into orthonormal bases and values, at every size and rank, and do these change as they should?

import { describe, expect, it } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as ops from "../../bindings/ops/index.ts";
import { eigh, singularValues, svd } from "../../bindings/ops/svd.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, type InputSpec } from "../harness/describeOp.ts";
import { floats, generator } from "../harness/random.ts";

type Node = SymbolicTensor;
/** Singular values 5.4, 3.2, 1.9 and 5.1, 2.6, 1.4, about. */
const tall: InputSpec = {
  shape: [2, 4, 3],
  values: [3, -1, 0.5, 1, 2, -0.25, 0.5, 3, 1, -2, 1, 2, 1, 4, 0, -2, 0.5, 1, 0.75, -1, 2, 1.5, 2, -0.5],
};
const square: InputSpec = { shape: [3, 3], values: [2, 9, 9, -0.5, -1, 9, 1, 0.75, 4] };

describeOp(
  "svd",
  [
    { title: "u", apply: (a) => svd(a as Node)[0], inputs: [tall], shape: [2, 4, 3] },
    { title: "s", apply: (a) => svd(a as Node)[1], inputs: [tall], shape: [2, 3] },
    { title: "vh", apply: (a) => svd(a as Node)[2], inputs: [tall], shape: [2, 3, 3] },
    {
      title: "vh of wide matrices",
      apply: (a) => svd(ops.swapAxes(a as Node, 1, 2))[2],
      inputs: [tall],
      shape: [2, 3, 4],
    },
    {
      title: "u of wide matrices",
      apply: (a) => svd(ops.swapAxes(a as Node, 1, 2))[0],
      inputs: [tall],
      shape: [2, 3, 3],
    },
    { title: "one column", apply: (a) => svd(a as Node)[0], inputs: [{ shape: [5, 1] }], shape: [5, 1] },
    {
      title: "one number",
      apply: (a) => singularValues(a as Node),
      inputs: [{ shape: [1, 1], values: [-3] }],
      shape: [1],
    },
    { title: "eigenvalues", apply: (a) => eigh(a as Node)[0], inputs: [square], shape: [3] },
    { title: "eigenvectors", apply: (a) => eigh(a as Node)[1], inputs: [square], shape: [3, 3] },
  ],
  [
    { title: "a vector", call: () => ops.svd([1, 2]), code: "shape", text: "svd: expected matrices [..., m, n]" },
    { title: "a vector", call: () => ops.svd([1, 2]), code: "shape", text: "matrices" },
    { title: "eigenvectors of a wide matrix", call: () => ops.eigh([[1, 2]]), code: "shape", text: "square" },
  ],
);

describe("svd on values", () => {
  const near = (actual: Tensor, expected: Tensor, bound: number): void =>
    expect((ops.max(ops.abs(ops.subtract(actual, expected))) as Tensor).item()).toBeLessThan(bound);
  const joined = (u: Tensor, s: Tensor, vh: Tensor): Tensor => ops.matMul(ops.multiply(u, s), vh);
  const unit = (size: number): Tensor => ops.eye(size);
  const random = (rows: number, columns: number): Tensor =>
    tensor(floats(generator(rows + 100 * columns), rows * columns, { low: -1, high: 1 }), [rows, columns]);

  it.each([
    [3, 3],
    [17, 5],
    [5, 17],
    [64, 64],
    [150, 40],
  ])("takes matrices of %i × %i apart", (rows, columns) => {
    const a = random(rows, columns);
    const [u, s, vh] = ops.svd(a);
    near(joined(u, s, vh), a, 2e-6);
    const k = Math.min(rows, columns);
    near(ops.matMul(ops.transpose(u), u), unit(k), 1e-6);
    near(ops.matMul(vh, ops.transpose(vh)), unit(k), 1e-6);
    const [wholeU, , wholeVh] = ops.svd(a, true);
    near(ops.matMul(ops.transpose(wholeU), wholeU), unit(rows), 1e-6);
    near(ops.matMul(wholeVh, ops.transpose(wholeVh)), unit(columns), 1e-6);
    expect(Array.from(ops.slice(wholeU, [0, 0], [-1, k]).data)).toEqual(Array.from(u.data));
  });

  it("completes the bases of matrices without full rank, and keeps values of any size", () => {
    const column = random(6, 1);
    const a = ops.matMul(column, random(1, 4));
    const [u, s, vh] = ops.svd(a);
    near(joined(u, s, vh), a, 1e-6);
    near(ops.matMul(ops.transpose(u), u), unit(4), 1e-6);
    expect((s.data[1] as number) / (s.data[0] as number)).toBeLessThan(1e-7);
    near(ops.svd(ops.zeros([3, 2]))[0], ops.eye(3, 2), 1e-9);
    const sizes = [3e38, 2 ** -40, 2 ** -140];
    expect(Array.from(ops.singularValues(ops.diag(tensor(sizes))).data)).toEqual(Array.from(tensor(sizes).data));
  });

  it("finds eigenvalues of either sign and equal ones, and reads the lower triangle alone", () => {
    const [values, vectors] = ops.eigh([
      [0, 99],
      [1, 0],
    ]);
    expect(values.array()).toEqual([-1, 1]);
    expect(Math.abs(vectors.data[0] as number)).toBeCloseTo(Math.SQRT1_2, 7);
    expect(ops.eigh(unit(4))[0].array()).toEqual([1, 1, 1, 1]);
    const half = random(40, 40);
    const a = ops.add(half, ops.transpose(half));
    const [all, basis] = ops.eigh(a);
    near(ops.matMul(ops.multiply(basis, all), ops.transpose(basis)), a, 4e-6);
    expect([...all.data].sort((x, y) => x - y)).toEqual([...all.data]);
  });

  it("turns columns that only met others before they changed places", () => {
    // Exchanges for the longest go round between orthogonal columns; the second and the third must meet nevertheless.
    const a = [
      [0, 0, 0],
      [0, -4, 4],
      [0, 4, 6],
    ];
    const root = Math.sqrt(41);
    near(ops.eigh(a)[0], tensor([1 - root, 0, 1 + root]), 1e-6);
    const long = [
      [5, 0, 0],
      [0, 4, 3],
      [0, 5, 6],
    ];
    const [u, s, vh] = ops.svd(long);
    near(ops.matMul(ops.multiply(u, s), vh), tensor(long), 2e-6);
    near(ops.matMul(u, u, { transposeA: true }), unit(3), 1e-6);
  });

  it("says that what is not finite has no values", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const [u, s, vh] = ops.svd([
        [1, bad],
        [0, 1],
      ]);
      for (const part of [u, s, vh]) expect(Array.from(part.data).every(Number.isNaN)).toBe(true);
    }
  });
});
