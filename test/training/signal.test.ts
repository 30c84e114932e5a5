// Does an AbortSignal stop fit and evaluate between two steps, with a model that is as the steps done have left it?

import { expect, test, vi } from "vitest";
import type { Callback } from "../../bindings/callbacks/callback.ts";
import { loadModel } from "../../bindings/models/loading.ts";
import * as optimizers from "../../bindings/optimizers.ts";
import { expectSameBits } from "../harness/compare.ts";
import { expectRefusal, stateOf, type Wrong } from "../models/refusal.ts";
import { classifier, samples } from "./problem.ts";

const { x, y } = samples(46);
const quiet = { verbose: 0, batchSize: 10, shuffle: false } as const;
const reason = new Error("that is enough");

/** A callback that aborts after `steps` batches. */
function stopAfter(steps: number, controller: AbortController): Callback {
  let seen = 0;
  return {
    onBatchEnd: () => {
      if (++seen === steps) controller.abort(reason);
    },
  };
}

test.each([1, 3, 5, 7])("%i steps and a stop are the same bits as a run of as many steps", async (steps) => {
  const [stopped, byHand] = [classifier(), classifier()];
  const controller = new AbortController();
  const fit = stopped.fit(x, y, {
    ...quiet,
    epochs: 3,
    callbacks: [stopAfter(steps, controller)],
    signal: controller.signal,
  });
  await expect(fit).rejects.toBe(reason);
  for (let step = 0; step < steps; step++) {
    const start = (step % 5) * 10;
    byHand.trainOnBatch(x.slice(start, start + 10), y.slice(start, start + 10));
  }
  expectSameBits(stateOf(stopped), stateOf(byHand), "weights and state");
  expectSameBits([stopped.predict(x)], [byHand.predict(x)], "predictions");
  expect(await stopped.evaluate(x, y)).toEqual(await byHand.evaluate(x, y));
});

test("after a stop, training goes on, and so it does from a file, with the same bits and a new order", async () => {
  const stopped = classifier();
  const controller = new AbortController();
  const options = { verbose: 0, batchSize: 10, epochs: 4 } as const;
  const stop = stopAfter(7, controller);
  await expect(stopped.fit(x, y, { ...options, callbacks: [stop], signal: controller.signal })).rejects.toBe(reason);
  expect(stopped.trainer.epochs, "epochs begun").toBe(2);
  const loaded = await loadModel(await stopped.save());
  const history = await stopped.fit(x, y, { ...options, initialEpoch: 2 });
  await loaded.fit(x, y, { ...options, initialEpoch: 2 });
  expect(history.epoch).toEqual([2, 3]);
  expectSameBits(stateOf(stopped), stateOf(loaded), "weights and state");
  expect(stopped.trainer.state.iteration.value.item()).toBe(17);
});

test("a signal that is aborted before fit begins stops it before anything changes", async () => {
  const model = classifier();
  const before = stateOf(model);
  const calls: string[] = [];
  const signal = AbortSignal.abort(reason);
  const callbacks: Callback[] = [
    { onTrainBegin: () => void calls.push("begin"), onTrainEnd: () => void calls.push("end") },
  ];
  await expect(model.fit(x, y, { ...quiet, signal, callbacks })).rejects.toBe(reason);
  await expect(model.evaluate(x, y, { signal })).rejects.toBe(reason);
  expect(calls).toEqual([]);
  expectSameBits(stateOf(model), before, "state");
  await expect(model.fit(x, y, { ...quiet, signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: "AbortError",
  });
});

test("any callback may stop, and onTrainEnd comes all the same, once", async () => {
  for (const name of ["onTrainBegin", "onEpochBegin", "onProgress", "onEpochEnd"] as const) {
    const model = classifier();
    const controller = new AbortController();
    const ends = vi.fn();
    const callbacks: Callback[] = [{ [name]: () => controller.abort(reason), onTrainEnd: ends }];
    const fit = model.fit(x, y, { ...quiet, epochs: 50, callbacks, signal: controller.signal });
    await expect(fit, name).rejects.toBe(reason);
    expect(ends, name).toHaveBeenCalledTimes(1);
    expect(model.trainer.epochs, name).toBe(name === "onTrainBegin" || name === "onEpochBegin" ? 0 : 1);
  }
});

test("a stop in the last callback of the last epoch still rejects, like every stop before the end", async () => {
  const controller = new AbortController();
  const onEpochEnd = (): void => controller.abort(reason);
  await expect(
    classifier().fit(x, y, { ...quiet, callbacks: [{ onEpochEnd }], signal: controller.signal }),
  ).rejects.toBe(reason);
});

test("validation and evaluation stop between two steps as well", async () => {
  const model = classifier();
  const many = samples(4000);
  let [measured, total] = [0, 0];
  const controller = new AbortController();
  const onProgress: Callback["onProgress"] = (progress) => {
    if (progress.mode !== "test") return;
    [measured, total] = [progress.done, progress.total as number];
    controller.abort(reason);
  };
  const options = { ...quiet, batchSize: 2, callbacks: [{ onProgress }], signal: controller.signal };
  await expect(model.fit(x, y, { ...options, validationData: [many.x, many.y] })).rejects.toBe(reason);
  expect(measured).toBeLessThan(total);
  expect(model.trainer.epochs).toBe(1);

  const second = new AbortController();
  const evaluation = model.evaluate(many.x, many.y, { batchSize: 1, signal: second.signal });
  setImmediate(() => second.abort(reason));
  await expect(evaluation).rejects.toBe(reason);
  expect((await model.evaluate(x, y)).loss).toBeGreaterThan(0);
});

test("an error of a callback wins over a stop, and is no stop", async () => {
  const controller = new AbortController();
  const ends = vi.fn();
  const onBatchEnd = (): void => {
    controller.abort(reason);
    throw new Error("worse");
  };
  const callbacks: Callback[] = [{ onBatchEnd, onTrainEnd: ends }];
  await expect(classifier().fit(x, y, { ...quiet, callbacks, signal: controller.signal })).rejects.toThrow("worse");
  expect(ends).not.toHaveBeenCalled();
});

test("a stop ends training as its end would: averaged weights take their place, but only after a step", async () => {
  const optimizer = optimizers.sgd({ learningRate: 0.1, useEma: true });
  const [stopped, whole, untouched] = [classifier({ optimizer }), classifier({ optimizer }), classifier({ optimizer })];
  const controller = new AbortController();
  const stop = stopAfter(5, controller);
  await expect(stopped.fit(x, y, { ...quiet, callbacks: [stop], signal: controller.signal })).rejects.toBe(reason);
  await whole.fit(x, y, quiet);
  expectSameBits(stateOf(stopped), stateOf(whole), "weights and state");
  const before = stateOf(untouched);
  const early = new AbortController();
  const onTrainBegin = (): void => early.abort(reason);
  await expect(untouched.fit(x, y, { ...quiet, callbacks: [{ onTrainBegin }], signal: early.signal })).rejects.toBe(
    reason,
  );
  expectSameBits(stateOf(untouched), before, "state");
});

test("nothing stays on the signal, and what is no signal is refused", async () => {
  const { signal } = new AbortController();
  const added = vi.spyOn(signal, "addEventListener");
  const removed = vi.spyOn(signal, "removeEventListener");
  const model = classifier();
  await model.fit(x, y, { ...quiet, signal });
  await model.evaluate(x, y, { signal });
  expect(added.mock.calls.length).toBe(removed.mock.calls.length);
  for (const wrong of [{}, "stop", null, new AbortController()] as Wrong[]) {
    await expectRefusal(() => model.fit(x, y, { ...quiet, signal: wrong }), "option", "expected an AbortSignal");
    await expectRefusal(() => model.evaluate(x, y, { signal: wrong }), "option", "expected an AbortSignal");
  }
});
