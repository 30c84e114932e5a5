// Is an operation with a kernel that a user compiled as good as ours?

import { describe, expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import { reads, writes } from "../../bindings/compiler/instruction.ts";
import { engine } from "../../bindings/engine.ts";
import { gradients } from "../../bindings/gradient.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { ones } from "../../bindings/initializers.ts";
import { installKernel, type PlacedKernel } from "../../bindings/kernelTable.ts";
import { registerLayer } from "../../bindings/layers/fromConfig.ts";
import * as layers from "../../bindings/layers/index.ts";
import { defineLayer, type Layer, type LayerOptions } from "../../bindings/layers/layer.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import { saveProgram } from "../../bindings/models/saveProgram.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { customOp } from "../../bindings/ops/custom.ts";
import { add, multiply, square } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { adam } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { expectSameBits } from "../harness/compare.ts";
import { compileKernel, defineScale, header, scale, scaleBytes } from "../harness/customKernel.ts";
import { describeOp } from "../harness/describeOp.ts";
import { classes, features, samples } from "../training/problem.ts";

type Node = SymbolicTensor;

const factor = 0.75;
/** x and gain. */
const twoInputs = (rows: readonly number[], columns: number): { shape: number[] }[] => [
  { shape: [...rows, columns] },
  { shape: [columns] },
];

describeOp(
  "scale",
  [
    ...[1, 3, 5, 17, 512, 2049].map((columns) => ({
      title: `of rows of ${columns}`,
      apply: (x: Node, gain: Node) => scale(x, gain, { factor }),
      inputs: twoInputs([3], columns),
      shape: [3, columns],
    })),
    {
      title: "of many rows",
      apply: (x: Node, gain: Node) => scale(x, gain, { factor }),
      inputs: twoInputs([700], 3),
      shape: [700, 3],
    },
    {
      title: "of no rows",
      apply: (x: Node, gain: Node) => scale(x, gain, { factor }),
      inputs: twoInputs([0], 3),
      shape: [0, 3],
    },
    {
      title: "between other operations",
      apply: (x: Node, gain: Node) => square(scale(add(x, 1), multiply(gain, gain), { factor })),
      inputs: twoInputs([2, 5], 4),
      shape: [2, 5, 4],
    },
    {
      title: "of integers",
      apply: (x: Node, gain: Node) => scale(x, gain, { factor }),
      inputs: [{ shape: [3, 5], dtype: "int32" as const }, { shape: [5] }],
      shape: [3, 5],
      dtype: "float32",
    },
    {
      title: "with inputs that depend on each other, differentiated through the decomposition",
      apply: (x: Node) => scaleByDecomposition(x, multiply(sum(x, 0), 2), { factor }),
      inputs: [{ shape: [3, 4] }],
      shape: [3, 4],
    },
    {
      title: "differentiated twice",
      apply: (x: Node, gain: Node) =>
        gradients(sum(square(scaleByDecomposition(x, gain, { factor }))), [x])[0] as SymbolicTensor,
      inputs: twoInputs([3], 4),
      shape: [3, 4],
    },
  ],
  [
    {
      title: "another number of arguments",
      call: () => (scale as unknown as (x: number[]) => unknown)([1]),
      code: "option",
      text: "scale: expected x, gain and at most an object of attributes, received 1 arguments",
    },
    {
      title: "attributes that are not plain",
      call: () => scale([1], [1], { factor: tensor(1) as never }),
      code: "option",
      text: "scale: expected attributes that are plain values",
    },
  ],
);

const scaleByDecomposition = defineScale({ name: "scaled", export: "scale", gradient: "decompose" });

describe("an operation of one's own", () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const gain = tensor([1, -1, 0.5]);

  it("works on values, in compiled functions, and beside its decomposition", () => {
    const expected = [
      [2, -4, 3],
      [8, -10, 6],
    ];
    expect(scale(x, gain, { factor: 2 }).array()).toEqual(expected);
    expect(compiled((a: Node, b: Node) => scale(a, b, { factor: 2 }))(x, gain).array()).toEqual(expected);
    expect(scale.decomposed(x, gain, { factor: 2 }).array()).toEqual(expected);
    expect([...scale(x, gain, { factor: 3 }).data.slice(0, 3)]).toEqual([3, -6, 4.5]);
  });

  it("is differentiated with respect to tensors and variables", () => {
    const weight = new Variable("gain", gain);
    const { value, gradients, variableGradients } = valueAndGrad((a) => sum(scale(a, weight, { factor: 2 })), {
      variables: [weight],
    })(x);
    expect(value.item()).toBe(5);
    expect((gradients[0] as typeof x).array()).toEqual([
      [2, -2, 1],
      [2, -2, 1],
    ]);
    expect(variableGradients[0]?.array()).toEqual([10, 14, 18]);
  });

  it("is told from another of the same name, also when a program holds both", () => {
    const negative = defineScale({ gradient: "decompose", lower: callWith(-1), decompose: () => x as never });
    const both = compiled((a: Node, b: Node) => [scale(a, b, { factor: 1 }), negative(a, b, { factor: 1 })]);
    const [first, second] = both(x, gain);
    expect(first?.array()).toEqual([
      [1, -2, 1.5],
      [4, -5, 3],
    ]);
    expect(second?.array()).toEqual(times(first?.array() as number[][], -1));
    expect(negative(x, gain, { factor: 1 }).array()).toEqual(second?.array());
  });

  it("is listed by its name, with what it reads, writes and costs", () => {
    const program = compiled((a: Node, b: Node) => scale(a, b, { factor })).program(x, gain);
    const [line, ...more] = program.explain().instructions.filter(({ op }) => op !== "sync");
    program.dispose();
    expect(more).toEqual([]);
    expect(line).toMatchObject({ op: "scale", shape: [2, 3], flops: 12, bytes: 60 });
    expect(line?.reads).toEqual(["argument 0", "argument 1"]);
  });

  it("takes its place in the table once, however often it is defined", () => {
    const { length } = engine().kernels;
    const module = new WebAssembly.Module(scaleBytes);
    const again = [1, 2, 3].map(() => defineScale({ module }));
    for (const each of again) expect(each([1], [1], { factor }).array()).toEqual([factor]);
    expect(engine().kernels.length).toBe(length + 1);
    expect(new Set(engine().kernels.map(({ index }) => index)).size).toBe(length + 1);
  });
});

it("installs at the same places for another thread, with that thread's scratch", async () => {
  const source = `${header}
    export let scratch: usize = 0;
    export function where(instruction: usize, begin: u32, end: u32): void { store<u32>(instruction, scratch + begin + end); }`;
  customOp({
    name: "where",
    module: await compileKernel(source),
    inputs: ["x"],
    infer: ([x]) => x as Node,
    lower: (node) => ({ units: 1, operands: { out: writes(node) } }),
    gradient: () => [null],
  });
  const { kernels } = engine();
  const host = {
    table: new WebAssembly.Table({ element: "anyfunc", initial: kernels[0]?.index ?? 0 }),
    memory: new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true }),
    scratch: 300_000,
  };
  for (const kernel of kernels) installKernel(host, kernel);
  expect(host.table.length).toBe((kernels[0]?.index ?? 0) + kernels.length);
  const last = kernels[kernels.length - 1] as PlacedKernel;
  expect(last.name).toBe("where");
  (host.table.get(last.index) as (...args: number[]) => void)(4096, 20, 1);
  expect(new DataView(host.memory.buffer).getUint32(4096, true)).toBe(300_021);
});

const times = (rows: number[][], by: number): number[][] => rows.map((row) => row.map((value) => value * by));

/** scale's lowering with another factor: the same kernel, another operation. */
function callWith(
  sign: number,
): Parameters<typeof defineScale>[0] extends infer P | undefined
  ? NonNullable<P extends { lower?: infer L } ? L : never>
  : never {
  return (node) => {
    const [a, b] = node.inputs as [Node, Node];
    const operands = { x: reads(a), gain: reads(b), out: writes(node), columns: b.size };
    return { units: a.size / b.size, operands: { ...operands, factor: { kind: "float", value: sign } } };
  };
}

// Training ------------------------------------------------------------------------------------------------------------

const gained: (options?: LayerOptions) => Layer = defineLayer({
  className: "Gained",
  fields: {},
  inputs: "one",
  weights: ([shape]) => ({ gain: { shape: [shape?.[1] as number], initializer: ones() } }),
  call: (x, { weights }) => scale(x, weights.gain as Node, { factor: 1 }),
});
registerLayer("Gained", gained as (options: never) => Layer);

it("trains in a layer, which a file keeps", async () => {
  setSeed(3);
  const model = sequential([
    layers.dense({ units: 8, activation: "tanh", inputShape: [features] }),
    gained(),
    layers.dense({ units: classes, activation: "softmax" }),
  ]);
  model.compile({ optimizer: adam({ learningRate: 0.02 }), loss: "sparseCategoricalCrossentropy" });
  const { x, y } = samples(96);
  const before = await model.evaluate(x, y);
  await model.fit(x, y, { epochs: 15, batchSize: 16, verbose: 0 });
  const { loss } = await model.evaluate(x, y);
  expect(loss).toBeLessThan(0.5 * before.loss);
  expect((model.layers[1] as Layer).getWeights()[0]?.array()).not.toEqual(new Array(8).fill(1));
  expect(model.explain({ mode: "train" }).instructions.filter(({ op }) => op === "scale").length).toBe(2);
  const loaded = decodeModel(await model.save(), "test");
  expectSameBits([loaded.predict(x)], [model.predict(x)], "prediction of the loaded model");
  await expect(saveProgram(model)).rejects.toThrow(
    "received scale, which has a kernel of your own. Save the model with",
  );
});
