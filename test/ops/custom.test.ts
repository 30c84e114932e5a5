// Is an operation with a kernel that a user compiled as good as ours?

import { describe, expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import { reads, table, writes } from "../../bindings/compiler/instruction.ts";
import { defaultCompileOptions } from "../../bindings/compiler/program.ts";
import { engine } from "../../bindings/engine.ts";
import { TensorError } from "../../bindings/errors.ts";
import { gradients } from "../../bindings/gradient.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { ones } from "../../bindings/initializers.ts";
import { registerLayer } from "../../bindings/layers/fromConfig.ts";
import * as layers from "../../bindings/layers/index.ts";
import { defineLayer, type Layer, type LayerOptions } from "../../bindings/layers/layer.ts";
import { decodeModel } from "../../bindings/models/saving.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { customOp } from "../../bindings/ops/custom.ts";
import { add, multiply, square } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { expectSameBits } from "../harness/compare.ts";
import { compileKernel, defineScale, header, scale, scaleBytes } from "../harness/customKernel.ts";
import { describeOp, expectTensorError } from "../harness/describeOp.ts";
import { classes, features, samples } from "../training/problem.ts";

defaultCompileOptions.verify = true;
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
    },
    { title: "of no rows", apply: (x: Node, gain: Node) => scale(x, gain, { factor }), inputs: twoInputs([0], 3) },
    {
      title: "between other operations",
      apply: (x: Node, gain: Node) => square(scale(add(x, 1), multiply(gain, gain), { factor })),
      inputs: twoInputs([2, 5], 4),
    },
    {
      title: "of integers",
      apply: (x: Node, gain: Node) => scale(x, gain, { factor }),
      inputs: [{ shape: [3, 5], dtype: "int32" as const }, { shape: [5] }],
      dtype: "float32",
    },
    {
      title: "with inputs that depend on each other, differentiated through the decomposition",
      apply: (x: Node) => scaleByDecomposition(x, multiply(sum(x, 0), 2), { factor }),
      inputs: [{ shape: [3, 4] }],
    },
    {
      title: "differentiated twice",
      apply: (x: Node, gain: Node) =>
        gradients(sum(square(scaleByDecomposition(x, gain, { factor }))), [x])[0] as SymbolicTensor,
      inputs: twoInputs([3], 4),
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
    expect(second?.array()).toEqual(multiply2(first?.array() as number[][], -1));
    expect(negative(x, gain, { factor: 1 }).array()).toEqual(second?.array());
  });

  it("is listed by its name, with what it reads, writes and costs", () => {
    const program = compiled((a: Node, b: Node) => scale(a, b, { factor })).program(x, gain);
    const [line, ...more] = program.explain().instructions;
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

const multiply2 = (rows: number[][], by: number): number[][] => rows.map((row) => row.map((value) => value * by));

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
  const model = sequential([
    layers.dense({ units: 8, activation: "tanh", inputShape: [features] }),
    gained(),
    layers.dense({ units: classes, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const { x, y } = samples(96);
  const before = model.evaluate(x, y);
  await model.fit(x, y, { epochs: 15, batchSize: 16, verbose: 0 });
  const { loss } = await model.evaluate(x, y);
  expect(loss).toBeLessThan(0.7 * (await before).loss);
  expect((model.layers[1] as Layer).getWeights()[0]?.array()).not.toEqual(new Array(8).fill(1));
  expect(model.explain({ mode: "train" }).instructions.filter(({ op }) => op === "scale").length).toBe(2);
  const loaded = decodeModel(await model.save(), "test");
  expectSameBits([loaded.predict(x)], [model.predict(x)], "prediction of the loaded model");
});

// Mistakes ------------------------------------------------------------------------------------------------------------

/** An operation of one input around the kernel `k` of a module; called on [1, 2, 3]. */
function around(module: Uint8Array, lower?: (node: Node) => Record<string, never>): () => unknown {
  return () =>
    customOp({
      name: "mine",
      module,
      export: "k",
      inputs: ["x"],
      infer: ([x]) => x as Node,
      lower: (node) => ({
        units: 1,
        operands: { x: reads(node.inputs[0] as Node), out: writes(node), count: node.size, ...lower?.(node) },
      }),
      gradient: (_, dy) => [dy],
    })([1, 2, 3]);
}

const kernel = (body: string, before = ""): string => `${header}
@unmanaged
class Mine extends Instruction {
  x: usize;
  out: usize;
  count: u32;
}
${before}
export function k(instruction: usize, begin: u32, end: u32): void {
  const call = changetype<Mine>(instruction);
  for (let i: usize = 0; i < call.count; ++i) {
    const value = load<f32>(call.x + i * 4);
    ${body}
  }
}
`;
const addition = (values: string): string =>
  kernel(
    "store<f32>(call.out + i * 4, value + load<f32>(values + i * 4));",
    `const values = memory.data<f32>([${values}]);`,
  );

describe("a module that cannot be a kernel is refused", () => {
  const plain = "store<f32>(call.out + i * 4, value);";
  const refuses = (title: string, source: string, code: string, text: string, ...flags: string[][]): void =>
    it(title, async () => {
      const call = around(await compileKernel(source, ...flags));
      expectTensorError({ call, code: code as never, text });
    });

  refuses(
    "with memory of its own",
    kernel(plain),
    "option",
    "does not import env.memory. Compile it with --import",
    [],
    ["-O3"],
  );
  refuses(
    "for memory that is not shared",
    kernel(plain),
    "option",
    "mine.module: expected a module that links",
    [],
    ["-O3", "--importMemory"],
  );
  refuses("for less memory than there may be", kernel(plain), "option", "that may grow to 65536", [
    "--maximumMemory",
    "100",
  ]);
  refuses("with more imports", kernel(`${plain} trace("x");`), "option", "received the import env.trace, a function");
  refuses("without the export", kernel(plain).replace("function k", "function kk"), "name", 'Did you mean "kk"?');
  refuses("of other parameters", kernel(plain).replace(", end: u32", ""), "option", "received k of 2 parameters");
  refuses("with data where the engine has its own", addition("1, 2, 3"), "memory", "received data from byte 1024 on");
  refuses("with data beyond the range for them", addition("1, 2, 3"), "option", "Compile it with --importMemory", [
    ...["--memoryBase", "131072", "--initialMemory", "3"],
  ]);
  refuses("that traps as it starts", kernel(plain, "unreachable();"), "memory", "received a trap: unreachable");
  it("that is no WebAssembly, or nothing at all", () => {
    expectTensorError({ call: around(Uint8Array.of(1, 2, 3)), code: "format", text: "mine.module: expected bytes of" });
    expectTensorError({ call: around("kernel.wasm" as never), code: "option", text: 'received "kernel.wasm"' });
  });
});

it("modules with data of their own share the range, each from its own base", async () => {
  const first = around(await compileKernel(addition("10, 20, 30"), ["--memoryBase", "65536"]));
  expect((first() as { array(): unknown }).array()).toEqual([11, 22, 33]);
  const intruder = await compileKernel(addition("7, 8, 9"), ["--memoryBase", "65536"]);
  expectTensorError({
    call: around(intruder),
    code: "memory",
    text: /another module has its own.*--memoryBase 66560 /,
  });
  const second = around(await compileKernel(addition("7, 8, 9"), ["--memoryBase", "66560"]));
  expect((second() as { array(): unknown }).array()).toEqual([8, 10, 12]);
  expect((first() as { array(): unknown }).array()).toEqual([11, 22, 33]);
});

it("a kernel finds memory of its thread's own in the variable scratch", async () => {
  const source = kernel(
    "store<f32>(scratch + 262140 - i * 4, value); store<f32>(call.out + i * 4, 2 * load<f32>(scratch + 262140 - i * 4));",
    "export let scratch: usize = 0;",
  );
  expect((around(await compileKernel(source))() as { array(): unknown }).array()).toEqual([2, 4, 6]);
});

describe("a kernel that fails", () => {
  const fails = (title: string, body: string, text: string | RegExp, before?: string): void =>
    it(title, async () => {
      const call = around(await compileKernel(kernel(body, before), ["--memoryBase", "98304"]));
      for (let times = 0; times < 2; times++) {
        expectTensorError({ call, code: "data", text });
        expect(scale([1, 2], [3, 4], { factor: 1 }).array()).toEqual([3, 8]);
      }
    });
  fails("out of bounds", "store<f32>(0xfffffff0, value);", "mine: expected a kernel that comes to its end, received");
  fails("by unreachable", "unreachable();", /received unreachable.*operands kernel, x, out, count in this order/);
  fails("by an error of its own", 'if (value > 2) throw new Error("above 2");', "received above 2 at kernel.ts:22:20");
  fails("by calling itself for ever", "k(instruction, begin, end); store<f32>(call.out, value);", /stack/i);
  it("for its signature", async () => {
    const source = kernel("").replace("instruction: usize, begin: u32", "instruction: usize, begin: f32");
    expectTensorError({ call: around(await compileKernel(source)), code: "data", text: /received .*signature/i });
  });

  it("says in which layer", async () => {
    const module = await compileKernel(kernel("unreachable();"));
    const failing: () => Layer = defineLayer({
      className: "Failing",
      fields: {},
      inputs: "one",
      call: (x) => around1(module)(x),
    });
    const model = sequential([layers.dense({ units: 2, inputShape: [3] }), failing()]);
    expect(() => model.predict([[1, 2, 3]])).toThrow(/^sequential\/failing \(mine\): expected a kernel/);
    expect(engine().takeTrapped()).toBe(0);
  });
});

function around1(module: Uint8Array): (x: Node) => Node {
  return customOp({
    name: "mine",
    module,
    export: "k",
    inputs: ["x"],
    infer: ([x]) => x as Node,
    lower: (node) => ({
      units: 1,
      operands: { x: reads(node.inputs[0] as Node), out: writes(node), count: node.size },
    }),
    gradient: (_, dy) => [dy],
  });
}

describe("a definition that does not fit together is refused", () => {
  const refuses = (title: string, parts: Parameters<typeof defineScale>[0], text: string): void =>
    it(title, () => {
      const run = (): unknown => valueAndGrad((x) => sum(defineScale(parts)(x, [1, 2], { factor: 1 })))([[1, 2]]);
      expect(run).toThrow(TensorError);
      expect(run).toThrow(text);
    });
  const operands = (more: object): Parameters<typeof defineScale>[0] => ({
    lower: (node) => ({ units: 1, operands: { out: writes(node), ...more } }),
  });
  refuses("without a gradient", { gradient: undefined as never }, "customOp.gradient: expected a rule");
  const undone = { gradient: "decompose", decompose: undefined as never } as const;
  refuses("without what its gradient is made of", undone, "customOp.gradient: expected a rule");
  refuses("with a result of no shape", { infer: () => ({}) as never }, "scale.infer: expected { shape, dtype }");
  refuses("with too few gradients", { gradient: (_, dy) => [dy] }, "scale.gradient: expected a list of 2");
  refuses(
    "with gradients of another shape",
    { gradient: (_, dy) => [dy, dy] },
    "scale.gradient: expected float32 of shape [2] for input 1, received float32[1, 2]",
  );
  refuses("with a fraction as operand", operands({ a: 0.5 }), "scale.lower.a: expected a whole number, float(x)");
  refuses("with too many operands", operands(wordsOf(27)), "scale.lower: expected at most 27 words of operands");
  refuses(
    "with a float64 askew",
    operands({ b: 0, a: { kind: "double", value: 1 } }),
    "a: expected a float64 at a multiple of 8 bytes, received byte 28",
  );
  refuses("that writes nothing", { lower: () => ({ units: 1, operands: {} }) }, "expected an operand writes(node)");
  refuses(
    "without units",
    { lower: (node) => ({ units: 0.5, operands: { out: writes(node) } }) },
    "whole numbers of units",
  );
  refuses(
    "that writes its input",
    { lower: (node) => ({ units: 1, operands: { x: table([writes(node.inputs[0] as Node)]) } }) },
    "scale.lower: expected to write the node itself",
  );
});

function wordsOf(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`w${index}`, index]));
}
