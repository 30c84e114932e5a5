// Does an aborted signal end fit, evaluate and predict soon while data or a callback never end, with nothing left behind?

import { createServer } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import { type Callback, callbackEvents } from "../../bindings/callbacks/callback.ts";
import { Dataset } from "../../bindings/data/dataset.ts";
import { csv, generator } from "../../bindings/data/index.ts";
import { engine } from "../../bindings/engine.ts";
import { expectSameBits } from "../harness/compare.ts";
import { stateOf } from "../models/refusal.ts";
import { classifier, samples } from "./problem.ts";

const { x, y } = samples(40);
const reason = new Error("that is enough");
const quiet = { verbose: 0, batchSize: 10, shuffle: false } as const;
const forever = (): Promise<never> => new Promise(() => {});
/** Longest time from the abortion to the end, in milliseconds. */
const soon = 1500;

const unhandled: unknown[] = [];
const note = (cause: unknown): number => unhandled.push(cause);
process.on("unhandledRejection", note);
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(unhandled.splice(0)).toEqual([]);
});

/** A signal that counts its listeners, and is aborted after `delay` milliseconds. */
function watchedSignal(delay = 30): {
  signal: AbortSignal;
  abort: () => void;
  listeners: () => number;
  since: () => number;
} {
  const controller = new AbortController();
  const { signal } = controller;
  /** Those that are not taken away when the event has come. */
  const listening = new Map<unknown, boolean>();
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  vi.spyOn(signal, "addEventListener").mockImplementation((type: string, listener: unknown, options?: unknown) => {
    listening.set(listener, (options as { once?: boolean } | undefined)?.once === true);
    add(type, listener as never, options as never);
  });
  vi.spyOn(signal, "removeEventListener").mockImplementation((type: string, listener: unknown) => {
    listening.delete(listener);
    remove(type, listener as never);
  });
  let aborted = Number.NaN;
  const abort = (): void => {
    aborted = performance.now();
    controller.abort(reason);
    for (const [listener, once] of listening) if (once) listening.delete(listener);
  };
  if (delay > 0) setTimeout(abort, delay);
  return { signal, abort, listeners: () => listening.size, since: () => performance.now() - aborted };
}

/** Batches of `x` and `y`, of which number `hangs` never comes. */
function hanging(hangs: number, closed: () => void = () => {}): Dataset<never> {
  return generator(async function* () {
    try {
      for (let batch = 0; batch < 4; batch++) {
        if (batch === hangs) await forever();
        yield [x.slice(batch * 10, batch * 10 + 10), y.slice(batch * 10, batch * 10 + 10)];
      }
    } finally {
      closed();
    }
  }) as Dataset<never>;
}

test.each([0, 1, 3])("fit, evaluate and predict while batch %i never comes", async (hangs) => {
  const model = classifier();
  const rest = classifier();
  for (let step = 0; step < hangs; step++)
    rest.trainOnBatch(x.slice(step * 10, step * 10 + 10), y.slice(step * 10, step * 10 + 10));
  const ends = vi.fn();
  const watch = watchedSignal();
  const callbacks = [{ onTrainEnd: ends }];
  await expect(model.fit(hanging(hangs), { verbose: 0, callbacks, signal: watch.signal })).rejects.toBe(reason);
  expect(watch.since()).toBeLessThan(soon);
  expect(watch.listeners()).toBe(0);
  expect(ends).toHaveBeenCalledTimes(hangs === 0 ? 0 : 1);
  expectSameBits(stateOf(model), stateOf(rest), "weights and state");
  for (const run of [
    (signal: AbortSignal) => model.evaluate(hanging(hangs), { signal }),
    (signal: AbortSignal) => model.predict(hanging(hangs), { signal }) as unknown as Promise<unknown>,
    (signal: AbortSignal) => model.fit(x, y, { ...quiet, validationData: hanging(hangs), signal }),
  ]) {
    const again = watchedSignal();
    await expect(run(again.signal)).rejects.toBe(reason);
    expect(again.since()).toBeLessThan(soon);
    expect(again.listeners()).toBe(0);
  }
  await model.fit(x, y, quiet);
});

test("passes through map, batch, shuffle, zip and prefetch that hang", async () => {
  const model = classifier();
  const endless = (): Dataset<never> => hanging(2).prefetch(2) as Dataset<never>;
  for (const dataset of [endless(), endless().map(forever), endless().shuffle(2), endless().filter(forever)]) {
    const watch = watchedSignal();
    await expect(model.fit(dataset as never, { verbose: 0, signal: watch.signal })).rejects.toBe(reason);
    expect(watch.since()).toBeLessThan(soon);
  }
});

test.each(callbackEvents.filter((name) => name !== "onProgress" && name !== "onNonFinite"))(
  "a callback that hangs in %s",
  async (name) => {
    const watch = watchedSignal(150);
    const ends = vi.fn();
    const callbacks: Callback[] = [{ [name]: forever }, { onTrainEnd: ends }];
    const options = { ...quiet, callbacks, signal: watch.signal, validationData: [x, y] as const };
    const model = classifier();
    await expect(model.fit(x, y, options)).rejects.toBe(reason);
    expect(watch.since()).toBeLessThan(soon);
    expect(watch.listeners()).toBe(0);
    expect(ends).toHaveBeenCalledTimes(1);
    await model.fit(x, y, quiet);
  },
);

test("a callback that fails after the abortion, and one that ends its work in time", async () => {
  const watch = watchedSignal(0);
  let saved = false;
  const onEpochEnd = async (): Promise<void> => {
    watch.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    saved = true;
  };
  const late = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    throw new Error("too late");
  };
  const callbacks = [{ onEpochEnd }, { onTrainEnd: late }];
  await expect(classifier().fit(x, y, { ...quiet, callbacks, signal: watch.signal })).rejects.toBe(reason);
  expect(saved).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 500));
});

test("a source that does not close, or fails while it closes", async () => {
  const failing = async (): Promise<never> => {
    throw new Error("cannot close");
  };
  for (const close of [forever, failing]) {
    const watch = watchedSignal(0);
    const batches = (): AsyncIterator<unknown> => ({
      next: async () => ({ done: false, value: [x, y] }),
      return: close,
    });
    const dataset = new Dataset(() => ({ [Symbol.asyncIterator]: batches }), undefined) as Dataset<never>;
    const callbacks = [{ onBatchEnd: (batch: number) => (batch === 2 ? watch.abort() : undefined) }];
    await expect(classifier().fit(dataset, { verbose: 0, callbacks, signal: watch.signal })).rejects.toBe(reason);
    expect(watch.since()).toBeLessThan(soon);
  }
});

test("a source that can close is closed before fit rejects", async () => {
  const closed = vi.fn();
  const watch = watchedSignal(0);
  const callbacks = [{ onBatchEnd: () => watch.abort() }];
  await expect(classifier().fit(hanging(9, closed), { verbose: 0, callbacks, signal: watch.signal })).rejects.toBe(
    reason,
  );
  expect(closed).toHaveBeenCalledTimes(1);
});

test("a batch that comes after the abortion is not taken", async () => {
  const model = classifier();
  let give = (): void => {};
  const dataset = generator(async function* () {
    yield [x, y];
    await new Promise<void>((resolve) => {
      give = resolve;
    });
    yield [x, y];
  }) as Dataset<never>;
  const watch = watchedSignal();
  await expect(model.fit(dataset, { verbose: 0, signal: watch.signal })).rejects.toBe(reason);
  const [bits, { usedBytes }] = [stateOf(model), engine().usage];
  give();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expectSameBits(stateOf(model), bits, "state");
  expect(engine().usage.usedBytes).toBe(usedBytes);
});

test("an address that never answers, and one that stops in the middle", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/rows") response.write("a,b\n1,0\n2,1\n3,0\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    for (const path of ["silent", "rows"]) {
      const rows = csv(`http://127.0.0.1:${port}/${path}`);
      const watch = watchedSignal(100);
      const dataset = rows.map(() => [x.slice(0, 1), y.slice(0, 1)]) as unknown as Dataset<never>;
      await expect(classifier().fit(dataset, { verbose: 0, signal: watch.signal })).rejects.toBe(reason);
      expect(watch.since()).toBeLessThan(soon);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a measurement that is aborted while it waits for one that hangs lets no other pass", async () => {
  const model = classifier();
  const [first, second] = [watchedSignal(0), watchedSignal(30)];
  const hung = model.evaluate(hanging(1), { signal: first.signal });
  await new Promise((resolve) => setTimeout(resolve, 10));
  const waiting = model.evaluate(x, y, { signal: second.signal });
  await expect(waiting).rejects.toBe(reason);
  expect(second.since()).toBeLessThan(soon);
  const third = model.evaluate(x, y);
  expect(await Promise.race([third, new Promise((resolve) => setTimeout(resolve, 50, "waits"))])).toBe("waits");
  first.abort();
  await expect(hung).rejects.toBe(reason);
  expect((await third).loss).toBeGreaterThan(0);
});
