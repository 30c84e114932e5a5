// Do callbacks and signals of a model in a worker act as those of a model here?

import { afterEach, expect, test, vi } from "vitest";
import type { Callback, Progress } from "../../bindings/callbacks/callback.ts";
import type { WorkerModel } from "../../bindings/worker/index.ts";
import { expectSameBits } from "../harness/compare.ts";
import type { Wrong } from "../models/refusal.ts";
import { classifier, samples, worker } from "./library.ts";

const { x, y } = samples(46);
const quiet = { verbose: 0, batchSize: 10 } as const;
const reason = new Error("that is enough");
const open: { stop(): void }[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const each of open.splice(0)) each.stop();
});

async function sent(): Promise<WorkerModel<unknown, unknown, "accuracy">> {
  const remote = await worker.modelInWorker(classifier());
  open.push(remote);
  return remote as unknown as WorkerModel<unknown, unknown, "accuracy">;
}

/** Writes down every call, each of which takes a while. */
function recorder(calls: string[]): Callback {
  const entry =
    (name: string) =>
    async (...values: unknown[]): Promise<void> => {
      calls.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      calls.push(`${name} ${JSON.stringify(values)}`);
    };
  return {
    onTrainBegin: entry("train"),
    onEpochBegin: entry("epoch"),
    onBatchEnd: entry("batch"),
    onEpochEnd: entry("end"),
    onTrainEnd: entry("done"),
  };
}

test("the same calls in the same order with the same logs, each waited for, and `this` kept", async () => {
  const [there, here]: [string[], string[]] = [[], []];
  const options = { ...quiet, epochs: 2, validationData: [x, y] } as const;
  const remote = await sent();
  await remote.fit(x, y, { ...options, callbacks: [recorder(there), recorder(there)] });
  await classifier().fit(x, y, { ...options, callbacks: [recorder(here), recorder(here)] });
  expect(there).toEqual(here);
  expect(there.filter((call) => call.startsWith("batch [")).length).toBe(20);
  class Watcher implements Callback {
    seen = 0;
    onEpochEnd(): void {
      this.seen++;
    }
  }
  const watcher = new Watcher();
  await remote.fit(x, y, { ...quiet, callbacks: [watcher] });
  expect(watcher.seen).toBe(1);
});

test("progress comes with its logs, for training and validation", async () => {
  const seen: Progress[] = [];
  const remote = await sent();
  await remote.fit(x, y, { ...quiet, validationData: [x, y], callbacks: [{ onProgress: (each) => seen.push(each) }] });
  const last = (mode: string): Progress | undefined => seen.findLast((each) => each.mode === mode);
  expect(last("train")).toMatchObject({ done: 5, total: 5 });
  expect(last("test")).toMatchObject({ done: 5, total: 5 });
  expect(Object.keys(last("train")?.logs() ?? {})).toEqual(["loss", "accuracy"]);
});

test("the bar is drawn on this side", async () => {
  const written: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  const remote = await sent();
  await remote.fit(x, y, { batchSize: 10, epochs: 2, verbose: 2 });
  vi.restoreAllMocks();
  expect(written.join("")).toMatch(/^Epoch 1\/2 - 5 steps - .*accuracy: .*\nEpoch 2\/2 - 5 steps - .*\n$/);
});

test.each(["onTrainBegin", "onEpochBegin", "onBatchEnd", "onEpochEnd", "onTrainEnd", "onProgress"] as const)(
  "%s that throws ends fit with that very error, and the model can be used",
  async (name) => {
    const remote = await sent();
    const error = Object.assign(new RangeError("mine"), { more: Symbol("kept") });
    const calls: string[] = [];
    const callbacks: Callback[] = [
      {
        [name]: () => {
          calls.push("first");
          throw error;
        },
      },
      { [name]: () => void calls.push("second") },
    ];
    await expect(remote.fit(x, y, { ...quiet, epochs: 20, callbacks })).rejects.toBe(error);
    expect(calls, "nobody is called after it").toEqual(["first"]);
    const rejecting = remote.fit(x, y, { ...quiet, callbacks: [{ onEpochEnd: () => Promise.reject(reason) }] });
    await expect(rejecting).rejects.toBe(reason);
    await remote.fit(x, y, quiet);
    expect(await remote.evaluate(x, y)).toHaveProperty("accuracy");
  },
);

test.each([1, 3, 7])("a signal stops after exactly the %i steps that callbacks have seen", async (steps) => {
  const [remote, here] = [await sent(), classifier()];
  const stopped = async (model: Pick<WorkerModel<unknown, unknown>, "fit">): Promise<void> => {
    const controller = new AbortController();
    let seen = 0;
    const onBatchEnd = (): void => {
      if (++seen === steps) controller.abort(reason);
    };
    const options = { ...quiet, epochs: 9, callbacks: [{ onBatchEnd }], signal: controller.signal };
    await expect(model.fit(x, y, options)).rejects.toBe(reason);
    expect(seen).toBe(steps);
  };
  await stopped(remote);
  await stopped(here as never);
  expectSameBits(await remote.getWeights(), here.getWeights(), "weights");
  await remote.fit(x, y, quiet);
  await here.fit(x, y, quiet);
  expect(await remote.save()).toEqual(await here.save());
});

test("a signal from elsewhere stops a long fit and a long evaluation soon", async () => {
  const remote = await sent();
  const many = samples(400_000);
  const ends = vi.fn();
  for (const run of [
    (signal: AbortSignal) =>
      remote.fit(many.x, many.y, { ...quiet, batchSize: 1, epochs: 1000, signal, callbacks: [{ onTrainEnd: ends }] }),
    (signal: AbortSignal) => remote.evaluate(many.x, many.y, { batchSize: 1, signal }),
  ]) {
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    const running = run(controller.signal);
    running.catch(() => {});
    // It is under way: calls arrive in order, and this one has had its turn.
    await remote.predict(x);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(removed).toHaveBeenCalled();
  }
  expect(ends).toHaveBeenCalledTimes(1);
}, 20_000);

test("an aborted signal stops a call before the worker hears of it; what is no signal is refused", async () => {
  const remote = await sent();
  const before = await remote.save();
  const signal = AbortSignal.abort(reason);
  await expect(remote.fit(x, y, { ...quiet, signal })).rejects.toBe(reason);
  await expect(remote.evaluate(x, y, { signal })).rejects.toBe(reason);
  expect(await remote.save()).toEqual(before);
  for (const call of [
    remote.fit(x, y, { signal: {} as Wrong }),
    remote.fit(x, y, { transfer: 1 as Wrong }),
    remote.fit(x, y, { epoch: 1 } as Wrong),
    remote.evaluate(x, y, { signal: 1 as Wrong }),
    remote.predict(x, { verbose: 1 } as Wrong),
  ])
    await expect(call).rejects.toMatchObject({ name: "TensorError" });
});

test("predict and evaluate have their turn during fit, a second fit is refused, as here", async () => {
  const remote = await sent();
  const many = samples(20_000);
  const controller = new AbortController();
  let running = true;
  const fit = remote
    .fit(many.x, many.y, { ...quiet, batchSize: 2, epochs: 1000, signal: controller.signal })
    .finally(() => {
      running = false;
    });
  fit.catch(() => {});
  const shapes = [await remote.predict(x), await remote.predict(x)].map((each) => (each as { shape: number[] }).shape);
  expect(shapes).toEqual([
    [46, 3],
    [46, 3],
  ]);
  expect((await remote.evaluate(x, y)).loss).toBeGreaterThan(0);
  await expect(remote.fit(x, y)).rejects.toThrow("sequential.fit: expected one fit at a time");
  expect(running).toBe(true);
  controller.abort(reason);
  await expect(fit).rejects.toBe(reason);
}, 20_000);
