// Can users write whole training loops: state inside programs, optimizers, layers, two networks against each other?

import { describe, expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import * as ops from "../../bindings/ops/index.ts";
import { adam, sgd, startOptimizer } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor, zeros } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";

type Node = SymbolicTensor;

describe("state inside a program", () => {
  it("is kept from run to run, in one call too, and read in the order of tracing", () => {
    const total = new Variable("total", zeros([2]));
    const runs = new Variable("runs", zeros([], "int32"));
    const accumulate = compiled((x: Node) => {
      const before = ops.multiply(total, 1);
      ops.assign(total, ops.add(total, x));
      ops.assign(runs, ops.add(runs, 1));
      return [before, ops.divide(total, runs)] as const;
    });
    expect(accumulate([1, 2]).map((each) => each.array())).toEqual([
      [0, 0],
      [1, 2],
    ]);
    accumulate([3, 4]);
    const bound = accumulate.program([10, 10]);
    expect(bound.run(3)[0].array()).toEqual([24, 26]);
    bound.dispose();
    expect([total.value.array(), runs.value.item()]).toEqual([[34, 36], 5]);
  });

  it("may be returned as it is after the update", () => {
    const count = new Variable("count", zeros([], "int32"));
    const next = compiled(() => {
      ops.assign(count, ops.add(count, 1));
      return ops.cast(count, "float32");
    });
    expect([next().item(), next().item(), next().item()]).toEqual([1, 2, 3]);
  });

  it("is returned as it was before the update, without any operation on it", () => {
    const total = new Variable("total", tensor([1, 2]));
    const double = compiled((x: Node) => {
      const before = ops.reshape(total, [1, 2]);
      ops.assign(total, ops.multiply(total, x));
      return [before, ops.reshape(total, [2, 1])] as const;
    });
    expect(double(2).map((each) => each.array())).toEqual([[[1, 2]], [[2], [4]]]);
    expect(double(3).map((each) => each.array())).toEqual([[[2, 4]], [[6], [12]]]);
  });

  it("is changed at once outside of programs, which see it in their next run", () => {
    const scale = new Variable("scale", tensor([1, 2]));
    const times = compiled((x: Node) => ops.multiply(x, scale));
    expect(times(3).array()).toEqual([3, 6]);
    ops.assign(scale, 5);
    expect(times(3).array()).toEqual([15, 15]);
    ops.assign(scale, new Variable("other", tensor([7, 8])));
    expect(times(1).array()).toEqual([7, 8]);
    expect(() => ops.assign(scale, [1, 2, 3])).toThrow("scale: expected shape [2], received [3]");
    const wrong = compiled((x: Node) => {
      scale.assign(x as never);
      return x;
    });
    expect(() => wrong([1, 2])).toThrow("expected a tensor of values, received SymbolicTensor. Use ops.assign");
  });
});

describe("a training loop", () => {
  const x = tensor(
    Float32Array.from({ length: 24 }, (_, index) => Math.fround(((index * 5) % 11) / 11 - 0.5)),
    [12, 2],
  );
  const y = ops.add(ops.matMul(x, [[2], [-1]]), 0.5);

  it("of a model's layers gives the weights that fit gives", async () => {
    const build = (): ReturnType<typeof sequential> => {
      setSeed(3);
      return sequential([layers.dense({ units: 4, activation: "tanh", inputShape: [2] }), layers.dense({ units: 1 })]);
    };
    const fitted = build();
    fitted.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: "meanSquaredError" });
    await fitted.fit(x, y, { batchSize: 12, epochs: 5, shuffle: false, verbose: 0 });

    const looped = build();
    const variables = looped.trainableWeights;
    const optimizer = startOptimizer(sgd({ learningRate: 0.1 }), variables);
    const step = compiled((inputs: Node, targets: Node) => {
      const { value, variableGradients } = valueAndGrad(
        (each: Node, wanted: Node) => ops.mean(ops.square(ops.subtract(looped.apply(each), wanted))),
        { variables },
      )(inputs, targets);
      optimizer.step(variableGradients);
      return value;
    });
    const first = step(x, y).item();
    for (let epoch = 1; epoch < 5; epoch++) expect(step(x, y).item()).toBeLessThan(first);
    looped.getWeights().forEach((weight, index) => {
      const other = fitted.getWeights()[index] as Tensor;
      weight.data.forEach((value, at) => {
        expect(value).toBeCloseTo(other.data[at] as number, 5);
      });
    });
  });

  it("trains two networks in turn, each through the other", () => {
    setSeed(1);
    const generator = sequential([layers.dense({ units: 2, inputShape: [2] })]);
    const critic = sequential([
      layers.dense({ units: 8, activation: "tanh", inputShape: [2] }),
      layers.dense({ units: 1 }),
    ]);
    const [made, judged] = [generator.trainableWeights, critic.trainableWeights];
    const [first, second] = [startOptimizer(adam(), made), startOptimizer(adam(), judged)];
    const step = compiled((real: Node, noise: Node) => {
      const judge = valueAndGrad(
        (seen: Node, imagined: Node) =>
          ops.mean(
            ops.add(
              ops.sigmoidCrossEntropy(1, critic.apply(seen)),
              ops.sigmoidCrossEntropy(0, critic.apply(ops.stopGradient(generator.apply(imagined)))),
            ),
          ),
        { variables: judged },
      )(real, noise);
      second.step(judge.variableGradients);
      const make = valueAndGrad(
        (imagined: Node) => ops.mean(ops.sigmoidCrossEntropy(1, critic.apply(generator.apply(imagined)))),
        { variables: made },
      )(noise);
      first.step(make.variableGradients);
      return [judge.value, make.value] as const;
    });
    const before = [generator, critic].map((each) => each.getWeights()[0]?.array());
    const [judging, making] = step(ops.add(x, 2), x);
    expect(Number.isFinite(judging.item()) && Number.isFinite(making.item())).toBe(true);
    for (const [index, each] of [generator, critic].entries())
      expect(each.getWeights()[0]?.array()).not.toEqual(before[index]);
    const start = step(ops.add(x, 2), x)[1].item();
    for (let count = 0; count < 40; count++) step(ops.add(x, 2), x);
    expect(step(ops.add(x, 2), x)[1].item()).not.toBe(start);
  });
});
