// Is every module that cannot be a kernel refused, and every kernel that fails reported?

import { describe, expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import { reads, table, writes } from "../../bindings/compiler/instruction.ts";
import { engine } from "../../bindings/engine.ts";
import { TensorError } from "../../bindings/errors.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import { defineLayer, type Layer } from "../../bindings/layers/layer.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { customOp } from "../../bindings/ops/custom.ts";
import { gather } from "../../bindings/ops/gather.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { compileKernel, defineScale, header, scale } from "../harness/customKernel.ts";
import { expectTensorError } from "../harness/describeOp.ts";

type Node = SymbolicTensor;

/** An operation of one input around the kernel `k` of a module. */
function mine(module: Uint8Array): (x: Node | number[]) => Tensor {
  const op = customOp({
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
  return op as unknown as (x: Node | number[]) => Tensor;
}

/** The call of such an operation on [1, 2, 3]. */
function around(module: Uint8Array): () => Tensor {
  return () => mine(module)([1, 2, 3]);
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
  expect(first().array()).toEqual([11, 22, 33]);
  const intruder = await compileKernel(addition("7, 8, 9"), ["--memoryBase", "65536"]);
  expectTensorError({
    call: around(intruder),
    code: "memory",
    text: /another module has its own.*--memoryBase 66560 /,
  });
  const second = around(await compileKernel(addition("7, 8, 9"), ["--memoryBase", "66560"]));
  expect(second().array()).toEqual([8, 10, 12]);
  expect(first().array()).toEqual([11, 22, 33]);
});

it("a kernel finds memory of its thread's own in the variable scratch", async () => {
  const source = kernel(
    "store<f32>(scratch + 262140 - i * 4, value); store<f32>(call.out + i * 4, 2 * load<f32>(scratch + 262140 - i * 4));",
    "export let scratch: usize = 0;",
  );
  expect(around(await compileKernel(source))().array()).toEqual([2, 4, 6]);
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
      call: (x) => mine(module)(x) as unknown as Node,
    });
    const model = sequential([layers.dense({ units: 2, inputShape: [3] }), failing()]);
    expect(() => model.predict([[1, 2, 3]])).toThrow(/^sequential\/failing \(mine\): expected a kernel/);
    expect(engine().takeTrapped()).toBe(0);
  });

  it("leaves no fault of the same phase to the next run", async () => {
    const failing = mine(await compileKernel(kernel("unreachable();")));
    const both = compiled((x, at) => [gather(x, at), failing(x as Node) as unknown as Node]);
    const outside = tensor([7], undefined, "int32");
    for (let times = 0; times < 2; times++) {
      expect(() => both([1, 2, 3], outside)).toThrow("mine: expected a kernel that comes to its end");
      expect(scale([1, 2], [3, 4], { factor: 1 }).array()).toEqual([3, 8]);
    }
  });
});

describe("a definition that does not fit together is refused", () => {
  const refuses = (title: string, parts: Parameters<typeof defineScale>[0], text: string): void =>
    it(title, () => {
      const run = (): unknown => valueAndGrad((x) => sum(defineScale(parts)(x, [1, 2], { factor: 1 })))([[1, 2]]);
      expect(run).toThrow(TensorError);
      expect(run).toThrow(text);
    });
  it.each([[null], [5], [[1]]])("that is %j", (definition) => {
    expect(() => customOp(definition as never)).toThrow("customOp: expected an object of options, received");
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
