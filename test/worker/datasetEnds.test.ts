// Do datasets that a model in a worker reads end with the call, whatever ends it, and go on in another worker?

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { backupAndRestore } from "../../bindings/callbacks/index.ts";
import type { DataLike } from "../../bindings/models/data.ts";
import type { TensorLike } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import type { Wrong } from "../models/refusal.ts";
import {
  classifier,
  data,
  errorOf,
  type Labelled,
  type Remote,
  samples,
  scriptURL,
  sent,
  watched,
  worker,
} from "./library.ts";

const { fromArrays, generator } = data;

const { x, y } = samples(100);
const held = samples(30);
const quiet = { verbose: 0 } as const;
const batch = () => [x, y];
const reason = new Error("that is enough");

describe("what ends a call closes the iterators", () => {
  const endless = Number.POSITIVE_INFINITY;

  test("a signal, after exactly the steps that callbacks have seen", async () => {
    const [remote, model] = [await sent(), classifier() as Wrong as Remote];
    for (const each of [remote, model]) {
      const { dataset, seen } = watched(endless, batch);
      const controller = new AbortController();
      const onBatchEnd = (batch: number): void => {
        if (batch === 4) controller.abort(reason);
      };
      const fit = each.fit(dataset, { ...quiet, callbacks: [{ onBatchEnd }], signal: controller.signal });
      await expect(fit).rejects.toBe(reason);
      expect(seen.closed, "closed before fit has ended").toBe(1);
    }
    expectSameBits(await remote.getWeights(), await model.getWeights(), "weights");
    for (const run of [
      (dataset: Labelled, signal: AbortSignal) => remote.evaluate(dataset, { signal }),
      (dataset: Labelled, signal: AbortSignal) => remote.predict(dataset, { signal }),
    ]) {
      const { dataset, seen } = watched(endless, batch);
      const running = run(dataset, AbortSignal.timeout(50));
      await expect(running).rejects.toMatchObject({ name: "TimeoutError" });
      expect(seen.closed).toBe(1);
    }
  });

  test("a callback that throws, and one that stops training", async () => {
    const remote = await sent();
    const { dataset, seen } = watched(endless, batch);
    const throwing = { onBatchEnd: () => Promise.reject(reason) };
    await expect(remote.fit(dataset, { ...quiet, callbacks: [throwing] })).rejects.toBe(reason);
    expect(seen.closed).toBe(1);
    let stop = (): void => {};
    const stopping = {
      onTrainBegin: (_: unknown, given: { stopTraining(): void }) => {
        stop = () => given.stopTraining();
      },
      onBatchEnd: () => stop(),
    };
    await remote.fit(dataset, { ...quiet, callbacks: [stopping] });
    expect(seen.closed).toBe(2);
  });

  test("stop(), and a worker that dies", async () => {
    const dying = await worker.modelInWorker(classifier(), { worker: scriptURL("dyingWorker.mjs") });
    for (const [remote, end] of [
      [await sent(), (given: Remote) => given.stop()],
      [dying as Remote, (given: Remote) => void given.predict(x.slice(0, 13)).catch(() => {})],
    ] as const) {
      const { dataset, seen } = watched(endless, batch);
      const onBatchEnd = (batch: number): void => {
        if (batch === 3) end(remote);
      };
      const error = await errorOf(() => remote.fit(dataset, { ...quiet, callbacks: [{ onBatchEnd }] }));
      expect(error.code).toBe("state");
      await expect.poll(() => seen.closed).toBe(1);
      const made = seen.made;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(seen.made).toBe(made);
    }
  });
});

test("a slow dataset keeps the process alive and other calls have their turn", async () => {
  const remote = await sent();
  const slow = generator(async function* () {
    for (let step = 0; step < 3; step++) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      yield [x, y] as const;
    }
  });
  let done = false;
  const fit = remote.fit(slow, quiet).then(() => {
    done = true;
  });
  expect((await remote.predict(held.x as DataLike as TensorLike)).shape).toEqual([30, 3]);
  expect(done).toBe(false);
  await fit;
});

test("training that was killed goes on in another worker, within an epoch, with the same bits", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wasmgrad-backup-"));
  const backup = () => backupAndRestore({ path: join(folder, "backup"), saveFreq: 3 });
  const batches = fromArrays(x, y).shuffle(100, 3).batch(16) as Labelled;
  const options = { ...quiet, epochs: 3, stepsPerEpoch: 5 };
  const model = classifier();
  const history = await model.fit(batches, options);
  const first = await sent();
  let step = 0;
  const crash = {
    onBatchEnd: () => {
      if (++step === 8) first.stop();
    },
  };
  const killed = await errorOf(() => first.fit(batches, { ...options, callbacks: [backup(), crash] }));
  expect(killed.code).toBe("state");
  const remote = await sent();
  const rest = await remote.fit(batches, { ...options, callbacks: [backup()] });
  expect(rest).toEqual(Object.fromEntries(Object.entries(history).map(([name, values]) => [name, values.slice(1)])));
  expectSameBits(await remote.getWeights(), model.getWeights(), "weights");
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
