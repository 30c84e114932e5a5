// Do running averages become zero before they become subnormal numbers, which are slow? docs/decisions/0003.

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { add } from "../../bindings/ops/map.ts";
import { adamStep, assign } from "../../bindings/ops/optimize.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";

const variable = (name: string, data: readonly number[]): Variable =>
  new Variable(name, tensor(Float32Array.from(data)));

describe("adam of weights whose gradient has vanished", () => {
  it.each([
    { beta1: 0.9, beta2: 0.999, most: 16 },
    { beta1: 0.4, beta2: 0.999, most: 1 },
  ])("sets averages below 2⁻¹⁰⁰ to zero within $most steps, at beta1 $beta1", ({ beta1, beta2, most }) => {
    const size = 1030; // more than one unit, with a tail
    const start = Array.from({ length: size }, (_, index) => (index % 2 === 0 ? 2 ** -99.9 : 1));
    const [parameter, gradient, momentum, velocity] = [
      variable("p", Array(size).fill(1)),
      variable("g", Array(size).fill(0)),
      variable(
        "m",
        start.map((each) => -each),
      ),
      variable("v", start),
    ];
    const iteration = new Variable("iteration", tensor(0, undefined, "int32"));
    const step = compiled(() => {
      assign(iteration, add(iteration, 1));
      adamStep(
        { parameter, gradient, momentum, velocity, learningRate: 0.001, iteration },
        { beta1, beta2, epsilon: 1e-7, weightDecay: 0 },
      );
      return [];
    });
    // Velocity falls below in the first hundred steps: 2 ** -99.9 · 0.999⁷⁰ < 2 ** -100.
    for (let count = 0; count < 96 + most; count++) step();
    const inStart = (index: number): boolean => index % 2 === 0;
    expect(Array.from(momentum.value.data).filter((each, index) => inStart(index) && each !== 0)).toEqual([]);
    expect(Array.from(velocity.value.data).filter((each, index) => inStart(index) && each !== 0)).toEqual([]);
    expect(Array.from(velocity.value.data).filter((each, index) => !inStart(index) && each < 0.8)).toEqual([]);
  });
});
