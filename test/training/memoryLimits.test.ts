// What happens when memory runs out, and where addresses no longer fit 31 bits?

import { expect, test } from "vitest";
import { engine } from "../../bindings/engine.ts";
import { TensorError } from "../../bindings/errors.ts";
import type { Block } from "../../bindings/heap.ts";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import * as ops from "../../bindings/ops/index.ts";
import { zeros } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, samples } from "./problem.ts";

const { x, y } = samples(20);
const quiet = { verbose: 0, batchSize: 8 } as const;
const remedy = "Use smaller batches or a smaller model, or dispose() of models that are not needed.";

async function caught(call: () => unknown): Promise<TensorError> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(TensorError);
    expect((error as TensorError).code).toBe("memory");
    return error as TensorError;
  }
  throw new Error("no error");
}

/** What a training run gives: every bit of it. */
async function outcome(): Promise<ReturnType<typeof zeros>[]> {
  const model = classifier();
  await model.fit(x, y, quiet);
  const result = [...model.getWeights(), model.predict(x)];
  model.dispose();
  return result;
}

test("the error tells the bytes asked for, those there are and the most there can be; then all goes on", async () => {
  const before = await outcome();
  const { usedBytes } = engine().usage;
  const error = await caught(() => ops.broadcastTo(1, [2 ** 15, 2 ** 15]));
  expect(error.message).toMatch(
    /^activations: expected room for 4 GiB of WebAssembly memory, received [\d.]+ [KM]iB in use of [\d.]+ [KM]iB, at most 4 GiB\. /,
  );
  expect(error.remedy).toBe(remedy);
  expect(engine().usage.usedBytes, "the arena was given back").toBeLessThanOrEqual(usedBytes);
  expectSameBits(await outcome(), before, "afterwards");
});

test("a layer too large for any memory is refused before its weights are drawn", async () => {
  const started = performance.now();
  const layer = (units: number) => sequential([layers.dense({ units, inputShape: [40_000] })]);
  expect((await caught(() => layer(40_000))).message).toContain("dense/kernel: expected a weight of less than 4 GiB");
  expect((await caught(() => layer(2 ** 40))).message).toContain(
    "received one of 164000000 GiB, shape [40000, 1099511627776].",
  );
  expect(performance.now() - started).toBeLessThan(5000);
});

test("a batch too large leaves the model as it was; smaller ones still run", async () => {
  const wide = sequential([
    layers.dense({ units: 300_000, inputShape: [1], kernelInitializer: "ones" }),
    layers.dense({ units: 1, kernelInitializer: "ones", useBias: false }),
  ]);
  wide.compile({ optimizer: "sgd", loss: "mse" });
  const few = zeros([2, 1]);
  const before = wide.predict(few);
  const many = zeros([3578, 1]);
  expect((await caught(() => wide.predict(many, { batchSize: 3578 }))).remedy).toBe(remedy);
  await caught(() => wide.trainOnBatch(many, many));
  await caught(() => wide.fit(many, many, { verbose: 0, batchSize: 3578 }));
  await caught(() => wide.evaluate(many, many, { batchSize: 3578 }));
  expectSameBits([wide.predict(few)], [before], "prediction");
  expect(wide.trainer.state.iteration.value.item()).toBe(0);
  expect(wide.trainOnBatch(few, few).loss).toBe(0);
  wide.dispose();
});

/** Takes all memory but one piece of `left` bytes. */
function fillMemory(left: number): Block[] {
  const room = engine().allocate(left, "test");
  const blocks: Block[] = [];
  for (let bytes = 2 ** 31; bytes >= 64; bytes /= 2)
    try {
      for (;;) blocks.push(engine().allocate(bytes, "test"));
    } catch (error) {
      expect((error as TensorError).code).toBe("memory");
    }
  engine().release(room);
  return blocks;
}

test("a model that does not fit says so, whichever part it is, and one that runs already goes on", async () => {
  const model = classifier();
  await model.fit(x, y, quiet);
  const data = zeros([5, 400]);
  const another = () => {
    const large = sequential([layers.dense({ units: 400, inputShape: [400], kernelInitializer: "ones" })]);
    large.compile({ optimizer: "adam", loss: "mse" });
    return large;
  };
  // All threads that take part in its steps have their memory from now on.
  const first = another();
  first.trainOnBatch(data, data);
  first.dispose();
  const { usedBytes } = engine().usage;
  // Weights and their slots take 1.83 MiB; what steps need is in the arena.
  for (const left of [2 ** 16, 2 ** 18, 2 ** 20, 1.75 * 2 ** 20, 2 ** 22]) {
    const blocks = fillMemory(left);
    const large = another();
    const error = await large.fit(data, data, { verbose: 0 }).then(
      () => undefined,
      (reason: unknown) => reason as TensorError,
    );
    expect(error?.code, `${left}: ${error?.message}`).toBe(left > 2 ** 21 ? undefined : "memory");
    await model.fit(x, y, quiet);
    expect(model.predict(x).shape).toEqual([20, 3]);
    for (const block of blocks) engine().release(block);
    expect(Number.isFinite(large.trainOnBatch(data, data).loss), "with room it trains").toBe(true);
    large.dispose();
  }
  expect(engine().usage.usedBytes - usedBytes).toBeLessThan(2 ** 14);
  model.dispose();
});

test("the data of a run are given back when it ends, however it ends", async () => {
  const model = classifier();
  const options = { ...quiet, validationData: [x, y] } as const;
  const runs: readonly (() => unknown)[] = [
    () => model.fit(x, y, options),
    () => model.evaluate(x, y),
    () => model.trainOnBatch(x, y),
    () => model.testOnBatch(x, y),
    () => model.fit(x.reshape([20, 6]), [...Array(19).fill(0), 7], options),
    () => model.fit(x, y, { ...quiet, validationData: [x, [...Array(19).fill(0), 7]] }),
    () => model.fit(x, y, { ...quiet, validationData: [x, zeros([20, 3])] }),
    () => model.fit(x, y, { ...quiet, validationData: [zeros([20, 6]), y, [...Array(19).fill(1), Number.NaN]] }),
    () => model.trainOnBatch(x, [...Array(19).fill(0), Number.NaN]),
    () => model.fit(x, y, { ...options, callbacks: [{ onBatchEnd: () => Promise.reject(new Error("mine")) }] }),
  ];
  const all = async (): Promise<number[]> => {
    const used: number[] = [];
    for (const run of runs) {
      await Promise.resolve()
        .then(run)
        .catch(() => undefined);
      used.push(engine().usage.usedBytes);
    }
    return used;
  };
  const last = (await all()).at(-1); // The programs are made once and kept.
  expect(new Set(await all())).toEqual(new Set([last]));
  model.dispose();
});

test("beyond 2 and 3 GiB the bits are the same", async () => {
  const before = await outcome();
  const blocks: Block[] = [];
  for (const bytes of [2 ** 31 + 64, 2 ** 30]) {
    // Fill the holes too: everything new must lie behind.
    blocks.push(engine().allocate(bytes, "test"));
    expect((blocks.at(-1) as Block).address + bytes).toBeGreaterThan(2 ** 31);
    expectSameBits(await outcome(), before, `beyond ${bytes}`);
  }
  for (const block of blocks) engine().release(block);
});
