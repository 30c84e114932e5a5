// Is a function differentiated by the rule that it states, and are derivatives differentiated again?

import { describe, expect, it } from "vitest";
import { compiled, grad, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { customGradient } from "../../bindings/ops/customGradient.ts";
import { add, exp, log1p, multiply, round, sigmoid, square } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { describeOp } from "../harness/describeOp.ts";

type Node = SymbolicTensor;

/** ln(1 + eˣ) with a gradient that does not overflow. */
const softplus = customGradient((x) => [log1p(exp(x)), (upstream) => multiply(upstream, sigmoid(x))]);
const product = customGradient((a, b) => [
  multiply(a, b),
  (upstream) => [multiply(upstream, b), multiply(upstream, a)],
]);

describeOp("customGradient", [
  { title: "of one argument", apply: (x) => softplus(x as Node), inputs: [{ shape: [3, 5] }], shape: [3, 5] },
  {
    title: "of two, of something computed, used again",
    apply: (a, b) => add(product(square(a as Node), b as Node), a as Node),
    inputs: [{ shape: [7] }, { shape: [7] }],
    shape: [7],
  },
  {
    title: "of the same argument twice",
    apply: (a) => product(a as Node, a as Node),
    inputs: [{ shape: [4] }],
    shape: [4],
  },
  {
    title: "differentiated twice",
    apply: (x) => sum(square(grad((y: Node) => sum(softplus(y)))(x as Node))),
    inputs: [{ shape: [5] }],
    shape: [],
  },
]);

describe("customGradient", () => {
  it("replaces the gradient that the value would have", () => {
    const through = customGradient((x) => [round(x), (upstream) => upstream]);
    expect(through([0.4, 1.6]).array()).toEqual([0, 2]);
    expect(grad((x: Node) => sum(square(through(x))))([0.4, 1.6]).array()).toEqual([0, 4]);
  });

  it("may give some arguments no gradient", () => {
    const half = customGradient((a, b) => [multiply(a, b), (upstream) => [upstream, null]]);
    const { gradients } = valueAndGrad((a: Node, b: Node) => sum(half(a, b)))([2, 3], [4, 5]);
    expect(gradients.map((each) => (each as Tensor).array())).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });

  it("refuses what is not a value and a rule, and gradients that do not fit", () => {
    const wrong = customGradient((x) => x as never);
    expect(() => wrong([1])).toThrow("expected a function that returns [value, upstream => gradients]");
    const sums = customGradient((x) => [sum(x), (upstream) => upstream]);
    expect(() => grad((x: Node) => sums(x))([1, 2])).toThrow(
      "customGradient: expected float32 of shape [2] for argument 0, received float32[]",
    );
    const few = customGradient((a, b) => [add(a, b), (upstream) => [upstream]]);
    expect(() => grad((x: Node) => sum(few(x, x)))([1])).toThrow("expected a list of 2, one gradient or null");
  });
});

describe("grad", () => {
  const cube = (x: Node): Node => multiply(square(x), x);

  it("is a function that can be differentiated again", () => {
    expect(grad(cube)(2).item()).toBe(12);
    expect(grad(grad(cube))(2).item()).toBe(12);
    expect(grad(grad(grad(cube)))(2).item()).toBe(6);
  });

  it("has the structure of the first argument, and no gradient of the others", () => {
    const energy = ({ a, b }: { a: Node; b: readonly Node[] }, c: Node): Node =>
      sum(multiply(multiply(a, b[0] as Node), c));
    const slope = grad(energy)({ a: tensor([1, 2]), b: [tensor([3, 4])] }, [10, 100]) as unknown as {
      a: Tensor;
      b: readonly Tensor[];
    };
    expect(slope.a.array()).toEqual([30, 400]);
    expect(slope.b[0]?.array()).toEqual([10, 200]);
  });

  it("refuses integers", () => {
    expect(() => grad((x: Node) => sum(multiply(x, 0.5)))(Int32Array.of(1))).toThrow(
      "grad: expected a float32 tensor as the first argument, received",
    );
  });
});

describe("inside another traced function", () => {
  it("gradients of variables alone belong to its program", () => {
    const weight = new Variable("weight", tensor([1, 2]), true);
    const step = compiled((x: Node) => {
      const { value, variableGradients } = valueAndGrad(() => sum(square(multiply(weight, x))), {
        variables: [weight],
      })();
      return [value, variableGradients[0] as Tensor] as const;
    });
    const [value, gradient] = step([3, 4]);
    expect(value.item()).toBe(73);
    expect(gradient.array()).toEqual([18, 64]);
  });

  it("values are constants, and a compiled function is part of the program", () => {
    const scaled = compiled((x: Node, factor: Node) => multiply(x, factor));
    const slope = compiled((x: Node) => grad((y: Node) => sum(scaled(y, x)))(tensor([5, 6])));
    expect(slope([2, 3]).array()).toEqual([2, 3]);
  });
});
