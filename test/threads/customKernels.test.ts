// Do kernels of users run on all threads, those too that were defined after the threads had started?

import { afterEach, expect, test } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { reads, writes } from "../../bindings/compiler/instruction.ts";
import { configure } from "../../bindings/configure.ts";
import { engine } from "../../bindings/engine.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { customOp } from "../../bindings/ops/custom.ts";
import * as ops from "../../bindings/ops/index.ts";
import { tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { compileKernel, header, scale } from "../harness/customKernel.ts";
import { floats, generator } from "../harness/random.ts";

type Node = SymbolicTensor;
const next = generator(4);
const rows = 4000;
const columns = 60;
const matrix = (height: number) => tensor(floats(next, height * columns, { low: -1, high: 1 }), [height, columns]);
const [x, gain] = [matrix(rows), tensor(floats(next, columns, { low: -1, high: 1 }))];

afterEach(() => configure({ threads: 1 }));

const source = (body: string): string => `${header}
@unmanaged
class Mine extends Instruction {
  x: usize;
  out: usize;
  columns: u32;
}
export let scratch: usize = 0;
export function k(instruction: usize, begin: u32, end: u32): void {
  const call = changetype<Mine>(instruction);
  const size = <usize>call.columns << 2;
  for (let row = begin; row < end; ++row) {
    const from = call.x + <usize>row * size;
    const to = call.out + <usize>row * size;
    ${body}
  }
}`;

/** An operation on rows around such a kernel. */
async function rowsOp(name: string, body: string): Promise<(x: Node) => Node> {
  return customOp({
    name,
    module: await compileKernel(source(body)),
    export: "k",
    inputs: ["x"],
    infer: ([input]) => input as Node,
    lower: (node) => ({
      units: rows,
      operands: { x: reads(node.inputs[0] as Node), out: writes(node), columns },
      flops: 100 * node.size,
    }),
    gradient: (_, dy) => [dy],
  });
}

/** Copies a row through the scratch of the thread, backwards: two threads with one scratch would mix their rows. */
const throughScratch = `
    for (let i: usize = 0; i < size; i += 4) store<f32>(scratch + i, load<f32>(from + i));
    for (let i: usize = 0; i < size; i += 4) store<f32>(to + i, load<f32>(scratch + size - 4 - i));`;

const program = (reverse: (x: Node) => Node) =>
  compiled((a: Node, b: Node) => {
    const scaled = scale(reverse(scale(a, b, { factor: 2 })), b, { factor: 3 });
    return [scaled, ops.sum(scaled, 0)];
  }).program(x, gain);

test("the same bits on 1, 2 and 3 threads, each with scratch of its own", async () => {
  const reverse = await rowsOp("reverse", throughScratch);
  const alone = program(reverse);
  const wanted = alone.run();
  expect(`${alone.explain()}`).toMatch(/sync +\d+ chunks/);
  alone.dispose();
  for (const threads of [2, 3]) {
    await configure({ threads });
    expect(engine().threads).toBe(threads);
    for (let round = 0; round < 10; round++) {
      const shared = program(reverse);
      expectSameBits(shared.run(5), wanted, `${threads} threads`);
      shared.dispose();
    }
  }
});

test("a kernel that is defined while threads work: this thread goes on alone until others have it", async () => {
  await configure({ threads: 2 });
  const before = engine().kernels.length;
  const late = await rowsOp("late", `${throughScratch} store<f32>(to, 1);`);
  expect(engine().kernels.length).toBe(before + 1);
  const first = program(late);
  const wanted = first.run();
  expect(engine().threads).toBe(1);
  await configure({ threads: 2 });
  expect(engine().threads).toBe(2);
  for (let round = 0; round < 10; round++) {
    const shared = program(late);
    expectSameBits(shared.run(5), wanted, "after the threads have come back");
    shared.dispose();
  }
  expect(engine().threads).toBe(2);
  first.dispose();
});

test("a kernel that traps on any thread is named, and runs go on afterwards", async () => {
  const failing = await rowsOp("failing", `if (load<f32>(from) == 123) unreachable(); store<f32>(to, 1);`);
  const bad = tensor(x.data.slice(), x.shape);
  for (const row of [0, rows / 2, rows - 1]) {
    await configure({ threads: 2 });
    bad.data.set([123], row * columns);
    const run = compiled((a: Node) => ops.sum(failing(a)));
    expect(() => run(bad)).toThrow(/^failing: expected a kernel that comes to its end/);
    bad.data.set([0], row * columns);
    await configure({ threads: 1 });
    expect(compiled((a: Node) => failing(a))(x).data[0]).toBe(1);
  }
});
