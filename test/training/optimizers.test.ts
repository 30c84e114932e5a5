// Is a step one instruction, and is the state of an optimizer kept to the bit?

import { expect, test } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { compile, defaultCompileOptions, type Program } from "../../bindings/compiler/program.ts";
import { verifier } from "../../bindings/compiler/verify.ts";
import { gradients } from "../../bindings/gradient.ts";
import { constant, read, type SymbolicTensor, withTrace } from "../../bindings/graph.ts";
import { glorotUniform } from "../../bindings/initializers.ts";
import { add, multiply, relu, square } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { mean, sum } from "../../bindings/ops/reduce.ts";
import {
  adam,
  adamw,
  type Optimizer,
  type OptimizerState,
  rmsprop,
  sgd,
  startOptimizer,
} from "../../bindings/optimizers.ts";
import { tensor, zeros } from "../../bindings/tensor.ts";
import { placeTogether, Variable } from "../../bindings/variable.ts";

defaultCompileOptions.verify = verifier;

/** Weights of odd sizes, so that there are gaps between them. */
function network(): Variable[] {
  const shapes = { kernel1: [5, 7], bias1: [7], kernel2: [7, 3], bias2: [3] };
  return Object.entries(shapes).map(
    ([name, shape]) =>
      new Variable(name, shape.length === 1 ? zeros(shape) : glorotUniform({ seed: 1 }).create(shape), true),
  );
}

/** One step of training on fixed data. */
function training(variables: readonly Variable[], state: OptimizerState): Program {
  return withTrace((trace) => {
    const [kernel1, bias1, kernel2, bias2] = variables.map((each) => read(each)) as [
      SymbolicTensor,
      SymbolicTensor,
      SymbolicTensor,
      SymbolicTensor,
    ];
    const x = Array.from({ length: 4 }, (_, row) =>
      Array.from({ length: 5 }, (_, column) => ((row * 5 + column) % 7) / 7),
    );
    const hidden = relu(add(matMul(x, kernel1), bias1));
    const loss = mean(square(add(add(matMul(hidden, kernel2), bias2), -1)));
    state.step(gradients(loss, variables) as SymbolicTensor[]);
    return compile({ outputs: [loss], effects: trace.effects }, []);
  });
}

function opcodes(program: Program): string[] {
  return program.code.listing.flatMap((instruction) => (instruction === undefined ? [] : [instruction.name]));
}

const rules: Readonly<Record<string, [Optimizer, string]>> = {
  adam: [adam(), "adam"],
  adamw: [adamw(), "adam"],
  rmsprop: [rmsprop({ momentum: 0.5, centered: true }), "rmsprop"],
  sgd: [sgd({ momentum: 0.9, nesterov: true }), "sgd"],
};

for (const [name, [optimizer, instruction]] of Object.entries(rules))
  test(`${name} is one instruction over the block, and gradients are written in place`, () => {
    const variables = network();
    const program = training(variables, startOptimizer(optimizer, variables));
    const names = opcodes(program);
    expect(names.filter((each) => each === instruction)).toHaveLength(1);
    expect(names).not.toContain("assign");
    const [first = 0] = program.run().map((value) => value.item());
    let last = first;
    for (let step = 0; step < 50; step++) last = program.run()[0]?.item() as number;
    expect(last).toBeLessThan(first);
  });

test("variables in several blocks, and those that do not decay, are instructions of their own", () => {
  const shared = network();
  placeTogether(shared.slice(0, 1));
  expect(opcodes(training(shared, startOptimizer(adam(), shared))).filter((each) => each === "adam")).toHaveLength(2);
  const variables = network();
  const excludeFromWeightDecay = ({ name }: Variable): boolean => name.startsWith("bias");
  const state = startOptimizer(adamw(), variables, { excludeFromWeightDecay });
  expect(opcodes(training(variables, state)).filter((each) => each === "adam")).toHaveLength(4);
});

test("any number of segments gives the same bits", () => {
  const results = [false, true].map((apart) => {
    const variables = network();
    if (apart) for (const variable of variables.toReversed()) placeTogether([variable]);
    const program = training(variables, startOptimizer(adam({ learningRate: 0.1 }), variables));
    program.run([], 9);
    return variables.map((variable) => variable.value);
  });
  expect(results[1]).toEqual(results[0]);
});

test("going on from saved slots gives the same bits as never having stopped", () => {
  const options = { amsgrad: true, useEma: true, gradientAccumulationSteps: 2, emaOverwriteFrequency: 3 };
  const [one, two] = [network(), network()] as const;
  const straight = startOptimizer(adam(options), one);
  training(one, straight).run([], 11);
  const before = startOptimizer(adam(options), two);
  training(two, before).run([], 5);
  const three = two.map((variable) => new Variable(variable.name, variable.value, true));
  const after = startOptimizer(adam(options), three);
  after.writeSlots(before.readSlots());
  after.iteration.assign(before.iteration.value);
  training(three, after).run([], 6);
  expect(three.map((variable) => variable.value)).toEqual(one.map((variable) => variable.value));
  expect(after.readSlots()).toEqual(straight.readSlots());
  expect(after.slotNames.slice(0, 3)).toEqual(["momentum/kernel1", "velocity/kernel1", "velocity_hat/kernel1"]);
});

test("slots that do not fit change nothing", () => {
  const variables = network();
  const state = startOptimizer(adam(), variables);
  training(variables, state).run([], 2);
  const slots = state.readSlots();
  expect(() => state.writeSlots(slots.slice(1).map(({ name }) => ({ name, value: zeros([1]) })))).toThrow(
    /momentum\/kernel1/,
  );
  expect(() => state.writeSlots(slots.map(({ name }) => ({ name, value: zeros([1]) })))).toThrow(
    /expected float32 \[5, 7\]/,
  );
  expect(state.readSlots()).toEqual(slots);
});

test("the learning rate can be changed between steps", () => {
  const variable = new Variable("w", tensor([1, 2]), true);
  const state = startOptimizer(sgd({ learningRate: 0.5 }), [variable]);
  const step = compiled(() => {
    state.step(gradients(sum(multiply(variable, [2, 4])), [variable]) as SymbolicTensor[]);
    return [];
  });
  step();
  expect(variable.value.array()).toEqual([0, 0]);
  state.learningRate.assign(tensor(0.25));
  step();
  expect(variable.value.array()).toEqual([-0.5, -1]);
  expect(state.iteration.value.item()).toBe(2);
});

test("steps far beyond the whole numbers of float32 are counted right", () => {
  const variable = new Variable("w", tensor([0]), true);
  const state = startOptimizer(sgd({ learningRate: 1, gradientAccumulationSteps: 3 }), [variable]);
  const step = compiled(() => {
    state.step([constant([1])]);
    return [];
  });
  state.iteration.assign(tensor(Int32Array.of(2_000_000_001), []));
  const seen = Array.from({ length: 6 }, () => {
    step();
    return variable.value.data[0];
  });
  // 2,000,000,001 is a multiple of 3: the third and the sixth step change the weight.
  expect(seen).toEqual([0, 0, -1, -1, -1, -2]);
});

test("a scaled loss gives the same step", () => {
  const results = [{}, { lossScaleFactor: 64 }].map((options) => {
    const variable = new Variable("w", tensor([1, 2]), true);
    const state = startOptimizer(sgd(options), [variable]);
    compiled(() => {
      state.step(gradients(state.scaleLoss(sum(square(variable))), [variable]) as SymbolicTensor[]);
      return [];
    })();
    return variable.value;
  });
  expect(results[1]).toEqual(results[0]);
});

test("what does not fit is refused", () => {
  expect(() => startOptimizer(adam(), [new Variable("counter", zeros([2], "int32"), true)])).toThrow(
    /counter: expected a float32 weight/,
  );
  const state = startOptimizer(adam(), network());
  expect(() =>
    compiled(() => {
      state.step([]);
      return [];
    })(),
  ).toThrow(/expected 4 gradients, received 0/);
});
