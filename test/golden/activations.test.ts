// Do the activations and their gradients agree with Keras?

import { expect, test } from "vitest";
import { type ActivationName, activations, resolveActivation } from "../../bindings/activations.ts";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import { toCamelCase } from "../../bindings/config.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as more from "../../bindings/ops/activations.ts";
import { elu, gelu, leakyRelu } from "../../bindings/ops/activations.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { logSoftmax, softmax } from "../../bindings/ops/softmax.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly activation: string;
  readonly kwargs: Readonly<Record<string, number | boolean>>;
  readonly input: GoldenTensor;
  readonly output: GoldenTensor;
  readonly upstream: GoldenTensor;
  readonly inputGradient: GoldenTensor;
  readonly kinks?: readonly number[];
  readonly float32Differs?: readonly number[];
}

type Call = (x: SymbolicTensor) => SymbolicTensor;

/** The activations with arguments. */
const withArguments: Readonly<Record<string, (kwargs: Readonly<Record<string, never>>) => Call>> = {
  celu:
    ({ alpha }) =>
    (x) =>
      more.celu(x, alpha),
  elu:
    ({ alpha }) =>
    (x) =>
      elu(x, alpha),
  gelu:
    ({ approximate }) =>
    (x) =>
      gelu(x, approximate),
  glu:
    ({ axis }) =>
    (x) =>
      more.glu(x, axis),
  hard_shrink:
    ({ threshold }) =>
    (x) =>
      more.hardShrink(x, threshold),
  leaky_relu:
    ({ negative_slope }) =>
    (x) =>
      leakyRelu(x, negative_slope),
  log_softmax:
    ({ axis }) =>
    (x) =>
      logSoftmax(x, axis),
  relu:
    ({ negative_slope, max_value, threshold }) =>
    (x) =>
      more.rectify(x, negative_slope, max_value, threshold),
  soft_shrink:
    ({ threshold }) =>
    (x) =>
      more.softShrink(x, threshold),
  softmax:
    ({ axis }) =>
    (x) =>
      softmax(x, axis),
  sparsemax:
    ({ axis }) =>
    (x) =>
      more.sparsemax(x, axis),
  squareplus:
    ({ b }) =>
    (x) =>
      more.squareplus(x, b),
  threshold:
    ({ threshold, default_value }) =>
    (x) =>
      more.threshold(x, threshold as never, default_value as never),
};

const keras38 = "Keras 3.8 adds up all partial sums for the threshold, so its rows do not sum to 1";

const cases = loadCases<Case>("activations");

runCases(
  "activations",
  cases,
  (golden) => {
    const { activation, kwargs } = golden;
    const plain = Object.keys(kwargs).length === 0;
    const call = plain
      ? resolveActivation(activation as ActivationName, "test").call
      : (withArguments[activation]?.(kwargs as Record<string, never>) as Call);
    const upstream = fromGolden(golden.upstream);
    const run = valueAndGrad((x: SymbolicTensor) => sum(multiply(call(x), upstream)));
    const tolerance = activation === "squareplus" ? 2e-5 : 5e-6;
    const output = compiled(call)(fromGolden(golden.input));
    expectClose("output", output, golden.output, tolerance, golden.float32Differs);
    const { gradients } = run(fromGolden(golden.input));
    const skipped = [...(golden.kinks ?? []), ...(golden.float32Differs ?? [])];
    expectClose("gradient", gradients[0] as Tensor, golden.inputGradient, tolerance, skipped);
  },
  { notFollowed: { sparsemax: keras38, sparsemax_axis0: keras38 } },
);

test("all named activations are covered", () => {
  const covered = new Set(cases.map((golden) => toCamelCase(golden.activation)));
  expect(Object.keys(activations).filter((name) => !covered.has(name))).toEqual(["sparseSigmoid"]);
});

test("sparsemax is the nearest point of the simplex", () => {
  const sparsemax = compiled(activations.sparsemax);
  expect(
    sparsemax([
      [0.5, 0, -1],
      [2, 2, 0.5],
      [0, 0, 0],
      [3, 1, 1],
    ]).array(),
  ).toEqual([
    [0.75, 0.25, 0],
    [0.5, 0.5, 0],
    [expect.closeTo(1 / 3, 6), expect.closeTo(1 / 3, 6), expect.closeTo(1 / 3, 6)],
    [1, 0, 0],
  ]);
});
