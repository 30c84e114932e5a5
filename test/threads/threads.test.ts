// Do programs give the same bits on several real threads, start and stop included?

import { afterEach, expect, test } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { configure } from "../../bindings/configure.ts";
import { engine } from "../../bindings/engine.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import * as ops from "../../bindings/ops/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import { tensor } from "../../bindings/tensor.ts";
import { recruit } from "../../bindings/workers.ts";
import { expectSameBits } from "../harness/compare.ts";
import { floats, generator } from "../harness/random.ts";

const next = generator(3);
const matrix = (rows: number, columns: number) =>
  tensor(floats(next, rows * columns, { low: -1, high: 1 }), [rows, columns]);

afterEach(() => configure({ threads: 1 }));

/** Every kind of kernel that is cut into chunks, in phases that are shared and phases that are not. */
const manyKernels = (a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor[] => {
  const product = ops.matMul(a, b);
  const soft = ops.softmax(ops.multiply(ops.tanh(product), 3));
  const turned = ops.transpose(ops.add(soft, product));
  const sums = [ops.sum(turned, 0), ops.max(turned, 1), ops.argMax(product, 0)];
  return [...sums, ops.concat([turned, ops.matMul(turned, product)], 1), ops.mean(ops.square(product))];
};

test("one program, run many times on 1, 2, 3 and 5 threads", async () => {
  const [a, b] = [matrix(190, 130), matrix(130, 170)];
  const alone = compiled(manyKernels).program(a, b);
  const wanted = alone.run();
  expect(`${alone.explain()}`).toMatch(/sync +\d+ chunks/);
  for (const threads of [2, 3, 5]) {
    await configure({ threads });
    expect(engine().threads).toBe(threads);
    for (let round = 0; round < 20; round++) {
      // The first run of a program is always shared.
      const program = compiled(manyKernels).program(a, b);
      expectSameBits(program.run(10), wanted, `${threads} threads`);
      program.dispose();
    }
  }
  alone.dispose();
});

test("a training run, its history and its predictions", async () => {
  const [x, y] = [matrix(500, 60), tensor(Int32Array.from({ length: 500 }, () => Math.floor(next() * 4)))];
  const run = async (threads: number): Promise<unknown> => {
    await configure({ threads });
    setSeed(5);
    const model = sequential([
      layers.gaussianNoise({ stddev: 0.1, inputShape: [60] }),
      layers.dense({ units: 130, activation: "gelu" }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 4, activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adamw", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const history = await model.fit(x, y, { verbose: 0, batchSize: 64, epochs: 3, validationSplit: 0.2 });
    return { history, weights: model.getWeights(), predictions: model.predict(x) };
  };
  const one = await run(1);
  expect(await run(2)).toEqual(one);
  expect(await run(3)).toEqual(one);
});

test("memory that grows while threads sleep is theirs as well", async () => {
  await configure({ threads: 3 });
  const before = engine().usage.memoryBytes;
  const rows = Math.ceil(before / 400);
  const doubled = compiled((a: SymbolicTensor) => ops.sum(ops.multiply(a, 2), 1));
  const sums = doubled(tensor(new Float32Array(rows * 100).fill(1), [rows, 100]));
  expect(engine().usage.memoryBytes).toBeGreaterThan(before);
  expect(sums.data.every((value) => value === 200)).toBe(true);
});

test("a label out of range is reported alike, and the threads go on", async () => {
  const message = async (threads: number): Promise<string> => {
    await configure({ threads });
    const loss = compiled((labels: SymbolicTensor, logits: SymbolicTensor) => [
      ops.sparseSoftmaxCrossEntropy(labels, logits),
    ]);
    const labels = Int32Array.from({ length: 4000 }, (_, index) => index % 5);
    labels[1234] = 7;
    labels[3999] = -1;
    const logits = matrix(4000, 5);
    let text = "";
    try {
      loss(tensor(labels), logits);
    } catch (error) {
      text = (error as Error).message;
    }
    labels[1234] = 0;
    labels[3999] = 0;
    expect(() => loss(tensor(labels), logits)).not.toThrow();
    return text;
  };
  const one = await message(1);
  expect(one).toContain("received 7 at position 1234");
  for (let round = 0; round < 5; round++) expect(await message(3)).toBe(one);
});

test("several changes at once end with the last", async () => {
  await Promise.all([configure({ threads: 3 }), configure({ threads: 1 }), configure({ threads: 2 })]);
  expect(engine().threads).toBe(2);
});

test("threads give their scratch back", async () => {
  await configure({ threads: 3 });
  await configure({ threads: 1 });
  const { usedBytes } = engine().usage;
  for (let round = 0; round < 5; round++) {
    await configure({ threads: 3 });
    await configure({ threads: 1 });
  }
  expect(engine().usage.usedBytes).toBe(usedBytes);
});

test('"auto" starts threads for much work, none for little', async () => {
  await configure({ threads: "auto" });
  recruit(1e6);
  await configure({ threads: "auto" });
  expect(engine().threads).toBe(1);
  recruit(1e12);
  const deadline = Date.now() + 20_000;
  while (engine().threads === 1 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(engine().threads).toBeGreaterThan(1);
});
