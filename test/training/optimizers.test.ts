// Is a step one instruction, and is the state of an optimizer kept to the bit?

import { expect, test } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { compile, type Program } from "../../bindings/compiler/program.ts";
import { gradients } from "../../bindings/gradient.ts";
import { constant, read, type SymbolicTensor, withTrace } from "../../bindings/graph.ts";
import { glorotUniform } from "../../bindings/initializers.ts";
import { add, multiply, relu, sign, square, subtract } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { mean, sum } from "../../bindings/ops/reduce.ts";
import * as optimizers from "../../bindings/optimizers.ts";
import {
  adam,
  adamw,
  type Optimizer,
  type OptimizerState,
  optimizerFromConfig,
  rmsprop,
  sgd,
  startOptimizer,
} from "../../bindings/optimizers.ts";
import { type Shape, type Tensor, tensor, zeros } from "../../bindings/tensor.ts";
import { placeTogether, Variable } from "../../bindings/variable.ts";

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
  const state = startOptimizer(adamw({ excludeFromWeightDecay: ["bias"] }), variables);
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

const all: readonly (() => Optimizer)[] = [
  () => optimizers.adadelta({ learningRate: 1 }),
  () => optimizers.adafactor({ learningRate: 0.05 }),
  () => optimizers.adagrad({ learningRate: 0.05 }),
  () => optimizers.adamax({ learningRate: 0.01 }),
  () => optimizers.ftrl({ learningRate: 0.05 }),
  () => optimizers.lamb({ learningRate: 0.01 }),
  () => optimizers.lion(),
  () => optimizers.muon({ learningRate: 0.01, excludeLayers: ["kernel2"] }),
  () => optimizers.nadam({ learningRate: 0.01 }),
];

for (const make of all)
  test(`${make().className} reduces a loss, goes on from its slots and is described by its configuration`, () => {
    const [one, two] = [network(), network()] as const;
    const program = training(one, startOptimizer(make(), one));
    const [first = 0] = program.run().map((value) => value.item());
    const last = program.run([], 49)[0]?.item() as number;
    expect(last).toBeLessThan(0.9 * first);
    const before = startOptimizer(make(), two);
    training(two, before).run([], 20);
    const { className, getConfig } = make();
    const after = startOptimizer(optimizerFromConfig(className, getConfig()), two);
    after.writeSlots(before.readSlots());
    after.iteration.assign(before.iteration.value);
    training(two, after).run([], 30);
    expect(two.map((variable) => variable.value)).toEqual(one.map((variable) => variable.value));
  });

test.each([
  { optimizer: optimizers.adagrad(), more: 2 },
  { optimizer: optimizers.adamax(), more: 6 },
  { optimizer: optimizers.lion(), more: 2 },
  { optimizer: optimizers.nadam(), more: 10 },
])("$optimizer.className is few instructions over the whole block, in place", ({ optimizer, more }) => {
  const variables = network();
  const own = opcodes(training(variables, startOptimizer(optimizer, variables)));
  const reference = network();
  const withSgd = opcodes(training(reference, startOptimizer(sgd(), reference)));
  expect(own).not.toContain("assign");
  expect(own.length - withSgd.length).toBeLessThanOrEqual(more);
});

test("muon steps along a matrix whose singular values are near 1", () => {
  const weight = new Variable("kernel", zeros([4, 3]), true);
  const state = startOptimizer(optimizers.muon({ learningRate: 1, weightDecay: 0, nesterov: false }), [weight]);
  const gradient = glorotUniform({ seed: 3 }).create([4, 3]);
  const step = compiled((dw: SymbolicTensor) => {
    state.step([dw]);
    return [];
  });
  step(gradient);
  // w = −0.2·√4·U·Vᵀ: the eigenvalues of wᵀw / 0.16 are the squares of the singular values.
  const w = weight.value.array() as number[][];
  const gram = [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => w.reduce((total, row) => total + (row[i] as number) * (row[j] as number), 0) / 0.16),
  );
  const trace = gram.reduce((total, row, i) => total + (row[i] as number), 0);
  expect(trace / 3).toBeGreaterThan(0.7 ** 2);
  expect(trace / 3).toBeLessThan(1.25 ** 2);
  const along = (weight.value.data as Float32Array).reduce(
    (total, each, at) => total + each * (gradient.data[at] as number),
    0,
  );
  expect(along).toBeLessThan(0);
});

test("weights whose name is excluded, vectors and embeddings are left to adam", () => {
  const shapes = { kernel: [3, 2], embedding: [3, 2], head: [2, 2], bias: [2] };
  const variables = Object.entries(shapes).map(([name, shape]) => new Variable(name, zeros(shape), true));
  const state = startOptimizer(optimizers.muon({ excludeLayers: ["head"] }), variables);
  expect(state.slotNames.filter((name) => name.startsWith("velocity"))).toEqual([
    "velocity/embedding",
    "velocity/head",
    "velocity/bias",
  ]);
  const decays = (options: object): (string | number)[][] => {
    const ones = Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(1);
      return new Variable(name, tensor(data, shape), true);
    });
    const own = optimizers.muon({ excludeLayers: ["head"], learningRate: 1, weightDecay: 0.5, ...options });
    const decaying = startOptimizer(own, ones);
    compiled(() => {
      decaying.step(ones.map(({ shape }) => zeros(shape)));
      return [];
    })();
    return ones.map(({ name, value }) => [name, value.data[0] as number]);
  };
  // Those left to adam decay by themselves.
  const byAdam = Math.fround(1 - Math.fround(0.004));
  expect(decays({})).toEqual([["kernel", 0.5], ["embedding", byAdam], ["head", byAdam], ["bias", byAdam]]); // biome-ignore format: rows
  expect(decays({ adamWeightDecay: null })).toEqual([["kernel", 0.5], ["embedding", 1], ["head", 1], ["bias", 1]]); // biome-ignore format: rows
});

test("an optimizer of one's own takes clipping, averages and accumulation like the others, and lives in configurations", () => {
  const signMomentum = optimizers.defineOptimizer({
    name: "signMomentum",
    options: { beta: 0.9 },
    slots: { momentum: {} },
    update: ({ parameter, gradient, slots, learningRate }, { beta }) => {
      const momentum = add(multiply(slots.momentum as SymbolicTensor, beta), gradient);
      return { momentum, parameter: subtract(parameter, multiply(sign(momentum), learningRate)) };
    },
  });
  const weight = new Variable("w", tensor([1, 2]), true);
  const own = signMomentum({ learningRate: 0.5, beta: 0.5, gradientAccumulationSteps: 2, clipvalue: 1 });
  const state = startOptimizer(own, [weight]);
  const step = compiled((dw: SymbolicTensor) => {
    state.step([dw]);
    return [];
  });
  step(tensor([4, -2]));
  expect(weight.value.array()).toEqual([1, 2]);
  step(tensor([4, -2]));
  expect(weight.value.array()).toEqual([0.5, 2.5]);
  expect(state.readSlots()[0]?.value.array()).toEqual([1, -1]);
  expect(() => optimizerFromConfig(own.className, own.getConfig())).toThrow(/signMomentum/);
  optimizers.registerOptimizer("signMomentum", signMomentum);
  expect(optimizerFromConfig(own.className, own.getConfig()).getConfig()).toEqual(own.getConfig());
  expect(() => signMomentum({ bta: 1 } as never)).toThrow(/beta/);
  const wrong = optimizers.defineOptimizer({ name: "wrong", update: ({ parameter }) => ({ paramter: parameter }) });
  const other = startOptimizer(wrong(), [new Variable("v", tensor([1]), true)]);
  const refused = (dw: SymbolicTensor): SymbolicTensor[] => {
    other.step([dw]);
    return [];
  };
  expect(() => compiled(refused)(tensor([1]))).toThrow(/wrong\.update: expected new values of parameter/);
});

test("definitions of optimizers that lack something are refused where they are made", () => {
  for (const definition of [null, 5, new Map()])
    expect(() => optimizers.defineOptimizer(definition as never)).toThrow(
      "defineOptimizer: expected an object of options",
    );
  const update = ({ parameter }: optimizers.OptimizerStep) => ({ parameter });
  for (const definition of [{ update }, { name: "", update }])
    expect(() => optimizers.defineOptimizer(definition as never)).toThrow(
      "defineOptimizer.name: expected the type string",
    );
  expect(() => optimizers.defineOptimizer({ name: "still" } as never)).toThrow(
    "update: expected the type function, received",
  );
});

test("what asks for the shape of a weight sees each weight by itself", () => {
  const update = ({ parameter }: optimizers.OptimizerStep) => ({ parameter });
  const text = "still.perWeight: expected true with weightDecayOf or shape, received false";
  const decaying = { name: "still", update, weightDecayOf: () => 1 };
  const remembering = { name: "still", update, slots: { row: { shape: (shape: Shape) => shape.slice(0, 1) } } };
  for (const definition of [decaying, remembering]) {
    expect(() => optimizers.defineOptimizer(definition)()).toThrow(text);
    expect(optimizers.defineOptimizer({ ...definition, perWeight: true })().name).toBe("still");
  }
});

test("adafactor limits the rate to 1/√t with and without relativeStep, and bears rows and columns without gradient", () => {
  const after = (relativeStep: boolean): Tensor => {
    const weight = new Variable("weight", tensor(new Float32Array(12).fill(1), [3, 4]), true);
    const state = startOptimizer(optimizers.adafactor({ learningRate: 10, relativeStep }), [weight]);
    const gradient = tensor([[0, 0, 0, 0], [0, 1, 2, 3], [0, 2, 1, 1]]); // biome-ignore format: rows
    const step = compiled(() => {
      state.step([gradient]);
      return [];
    });
    step();
    step();
    return weight.value;
  };
  const [limited, free] = [after(true), after(false)];
  expect(free).toEqual(limited);
  expect(Array.from(free.data.subarray(0, 4))).toEqual([1, 1, 1, 1]);
  expect(Array.from(free.data).every((each) => Number.isFinite(each) && Math.abs(each) < 4)).toBe(true);
});
