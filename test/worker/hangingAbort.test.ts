// Does an aborted signal end the calls of a model in a worker soon while data or a callback on this side never end?

import { expect, test, vi } from "vitest";
import { classifier, data, samples, sent, worker } from "./library.ts";

const { x, y } = samples(40);
const reason = new Error("that is enough");
const forever = (): Promise<never> => new Promise(() => {});
/** Longest time from the abortion to the end, in milliseconds. */
const soon = 2500;

/** What `run` takes after its signal is aborted, in milliseconds. */
async function timeToEnd(run: (signal: AbortSignal) => Promise<unknown>): Promise<number> {
  const controller = new AbortController();
  let aborted = Number.NaN;
  setTimeout(() => {
    aborted = performance.now();
    controller.abort(reason);
  }, 300);
  await expect(run(controller.signal)).rejects.toBe(reason);
  return performance.now() - aborted;
}

test("batches that never come, and callbacks that hang", async () => {
  const remote = await sent();
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  for (const hangs of [0, 3]) {
    const dataset = (): never =>
      data.generator(async function* () {
        for (let batch = 0; ; batch++) {
          if (batch === hangs) await forever();
          yield [x, y];
        }
      }) as never;
    for (const run of [
      (signal: AbortSignal) => remote.fit(dataset(), { verbose: 0, signal }),
      (signal: AbortSignal) => remote.evaluate(dataset(), { signal }),
      (signal: AbortSignal) => remote.predict(dataset(), { signal }),
      (signal: AbortSignal) => remote.fit(x, y, { verbose: 0, validationData: dataset(), signal }),
    ])
      expect(await timeToEnd(run)).toBeLessThan(soon);
  }
  for (const name of ["onTrainBegin", "onBatchEnd", "onEpochEnd", "onTrainEnd"]) {
    const callbacks = [{ [name]: forever }];
    expect(await timeToEnd((signal) => remote.fit(x, y, { verbose: 0, callbacks, signal })), name).toBeLessThan(soon);
  }
  const history = await remote.fit(x, y, { verbose: 0 });
  expect(history.loss).toHaveLength(1);
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

test("a signal that is aborted while a call is being sent, one moment or the other, leaves no rejection behind", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  for (let moments = 0; moments < 40; moments++) {
    let hear = (_: { readonly data: unknown }): void => {};
    const fake = {
      set onmessage(given: typeof hear) {
        hear = given;
        setTimeout(() => hear({ data: { kind: "ready" } }));
      },
      postMessage: ({ kind, id, call }: { kind: string; id: number; call: { name: string } }): void => {
        const answer = kind === "abort" ? { kind: "failure", id, cause: "aborted" } : undefined;
        const loaded = kind === "call" && call.name === "load" ? { kind: "result", id, value: "fake" } : answer;
        if (loaded !== undefined) setTimeout(() => hear({ data: loaded }));
      },
      terminate: (): void => {},
    };
    const remote = await worker.modelInWorker(classifier(), { worker: () => fake as never });
    const controller = new AbortController();
    const fit = remote.fit(x, y, { verbose: 0, signal: controller.signal });
    for (let moment = 0; moment < moments; moment++) await null;
    controller.abort(reason);
    await expect(fit).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 5));
    remote.stop();
  }
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
