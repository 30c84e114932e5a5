// Are matrices factored into triangles, at sizes of which nobody would unroll the elimination, with their gradients?

import { describe, expect, it } from "vitest";
import { grad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as factor from "../../bindings/ops/factor.ts";
import * as ops from "../../bindings/ops/index.ts";
import { luFactor } from "../../bindings/ops/linearAlgebra.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, type InputSpec } from "../harness/describeOp.ts";
import { floats, generator } from "../harness/random.ts";

type Node = SymbolicTensor;
/** Matrices whose pivots are not on the diagonal, and not close to each other. */
const pair: InputSpec = {
  shape: [2, 3, 3],
  values: [1, -2, 0.5, 4, 0.25, -1, 0.75, 1.5, 3, 0, 2, -1, 1.5, 0.5, 2, -3, 1, 0.25],
};
const definite: InputSpec = {
  shape: [2, 3, 3],
  values: [4, 9, 9, 1, 3, 9, -0.5, 0.25, 2, 1, 9, 9, 0.5, 2, 9, 0, 1, 5],
};
const right: InputSpec = { shape: [2, 3, 2] };

describeOp("factor", [
  { title: "factors of lu", apply: (a) => luFactor(a as Node)[0], inputs: [pair], shape: [2, 3, 3] },
  { title: "order of lu", apply: (a) => luFactor(a as Node)[1], inputs: [pair], shape: [2, 3], dtype: "int32" },
  { title: "sign of lu", apply: (a) => factor.lu(a as Node).sign, inputs: [pair], shape: [2], gradient: false },
  {
    title: "cholesky of a lower triangle",
    apply: (a) => factor.choleskyFactor(a as Node),
    inputs: [definite],
    shape: [2, 3, 3],
  },
  ...[true, false].flatMap((lower) =>
    [true, false].map((unit) => ({
      title: `${lower ? "lower" : "upper"} triangle${unit ? " of unit diagonal" : ""}`,
      apply: (a?: Node, b?: Node) => factor.triangular(a as Node, b as Node, { lower, unit }),
      inputs: [definite, right],
      shape: [2, 3, 2],
    })),
  ),
]);

describe("factors on values", () => {
  const near = (actual: Tensor, expected: Tensor, bound: number): void =>
    expect((ops.max(ops.abs(ops.subtract(actual, expected))) as Tensor).item()).toBeLessThan(bound);

  it.each([1, 2, 17, 150])("give back matrices of %i rows", (size) => {
    const a = tensor(floats(generator(size), size * size, { low: -1, high: 1 }), [size, size]);
    const [factors, order] = ops.luFactor(a);
    const lower = ops.add(ops.tril(factors, -1), ops.eye(size));
    near(ops.matMul(lower, ops.triu(factors)), ops.gather(a, order), 1e-5);
    const x = tensor(floats(generator(1), size * 3, { low: -1, high: 1 }), [size, 3]);
    near(ops.solve(a, ops.matMul(a, x)), x, 2e-3);
    const positive = ops.add(ops.matMul(a, ops.transpose(a)), ops.eye(size));
    const root = ops.cholesky(positive);
    near(ops.matMul(root, ops.transpose(root)), positive, 1e-4);
    expect(ops.triu(root, 1).data.every((each) => each === 0)).toBe(true);
    expect(ops.logdet(positive).item()).toBeCloseTo(ops.slogdet(positive)[1].item(), 2);
  });

  it("are differentiated at sizes of which a program would be long", () => {
    const size = 100;
    const a = ops.add(
      tensor(floats(generator(3), size * size, { low: -1, high: 1 }), [size, size]),
      ops.multiply(ops.eye(size), 20),
    );
    const slope = grad((x: Node) => ops.slogdet(x)[1])(a);
    near(slope, ops.transpose(ops.inv(a)), 1e-5);
  });
});
