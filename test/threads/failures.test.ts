// What happens when a thread does not start, dies, or fails in the middle of a program?

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as code from "../../assembly/opcodes.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import type { Block } from "../../bindings/heap.ts";
import type { WorkerCode } from "../../bindings/platform/spawn.ts";

const script = vi.hoisted(() => ({ change: (text: string): string => text }));
vi.mock(import("../../bindings/platform/threadCode.ts"), async (original) => {
  const { threadCode } = await original();
  const changed: WorkerCode = {
    ...threadCode,
    get text() {
      return script.change(threadCode.text as string);
    },
  };
  return { threadCode: changed };
});

await import("../setup.ts");
const { configure } = await import("../../bindings/configure.ts");
const { engine } = await import("../../bindings/engine.ts");
const { compiled } = await import("../../bindings/compiled.ts");
const ops = await import("../../bindings/ops/index.ts");
const { TensorError } = await import("../../bindings/errors.ts");
const { Pace } = await import("../../bindings/pace.ts");
const { tensor } = await import("../../bindings/tensor.ts");

const warnings: string[] = [];
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation((text: string) => {
    warnings.push(text);
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  script.change = (text) => text;
  await configure({ threads: 1 });
});

const exit = 'import { exit } from "node:process";';
const sumOfProduct = compiled((x: SymbolicTensor) => ops.sum(ops.matMul(x, x)));
const works = (): void => {
  expect(sumOfProduct(tensor(new Float32Array(400 * 400).fill(1), [400, 400])).item()).toBe(400 ** 3);
};

test("threads that cannot start: one warning, one thread", async () => {
  script.change = () => 'throw new Error("no such luck.");';
  await configure({ threads: 3 });
  expect(engine().threads).toBe(1);
  expect(warnings).toEqual(["wasmgrad runs on one thread: no such luck."]);
  works();
  script.change = () => `${exit} exit(3);`;
  await configure({ threads: 2 });
  expect(engine().threads).toBe(1);
  expect(warnings).toHaveLength(1);
  works();
  script.change = (text) => text;
  await configure({ threads: 2 });
  expect(engine().threads).toBe(2);
  works();
});

test("a thread that says nothing is given up after half a minute", async () => {
  script.change = () => "setInterval(() => {}, 1000);";
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const configured = configure({ threads: 2 });
  const patience = setInterval(() => vi.advanceTimersByTime(30_001), 50);
  await configured;
  clearInterval(patience);
  vi.useRealTimers();
  expect(engine().threads).toBe(1);
  works();
});

test("a thread that ends while it rests is not waited for", async () => {
  script.change = (text) =>
    `${exit} ${text.replace(/\w+\.work\(\w*\)/, "setTimeout(() => exit(0), 600)").replace('"left"', '"ready"')}`;
  await configure({ threads: 3 });
  expect(engine().threads).toBe(3);
  const deadline = Date.now() + 10_000;
  while (engine().threads > 1 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(engine().threads).toBe(1);
  works();
});

test("a thread that fails in the middle of a program: an error, then as many as before", async () => {
  await configure({ threads: 3 });
  works();
  const program = programThatTraps();
  expect(() => engine().run(program.address, 2, 1, new Pace())).toThrow(
    expect.objectContaining({ code: "internal", where: "engine" }),
  );
  expect(works).toThrow(expect.objectContaining({ code: "state", where: "engine" }));
  await configure({ threads: 1 });
  works();
  await configure({ threads: 3 });
  expect(engine().threads).toBe(3);
  works();
});

/** SYNC over one GATHER of a thousand chunks, that reads and writes where no memory is. */
function programThatTraps(): Block {
  const nowhere = 0xfff00000 | 0;
  const words = new Int32Array(64);
  words.set([code.SYNC, 0, 0, 0, 1, 1000]);
  words.set([code.GATHER, 1000, 1, 0, nowhere, 64, nowhere, 1, 1 << 16, 1000], 32);
  const block = engine().allocate(words.byteLength, "test");
  engine().write(block.address, words, "int32", words.length);
  return block;
}

test("no room for a thread's scratch: an error, and the next change is made", async () => {
  const allocate = vi.spyOn(engine(), "seat").mockImplementation(() => {
    throw new TensorError("memory", { where: "a thread", expected: "room", received: "none" });
  });
  await expect(configure({ threads: 2 })).rejects.toThrow(expect.objectContaining({ code: "memory" }));
  allocate.mockRestore();
  works();
  await configure({ threads: 2 });
  expect(engine().threads).toBe(2);
});
