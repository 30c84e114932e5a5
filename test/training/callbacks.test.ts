// What do callbacks see, and does the rest of the program get its turn while a model trains?

import { expect, test } from "vitest";
import type { Callback } from "../../bindings/callbacks/callback.ts";
import { TensorError } from "../../bindings/errors.ts";
import { expectSameBits } from "../harness/compare.ts";
import { classifier, samples } from "./problem.ts";

const { x, y } = samples(23);
const quiet = { verbose: 0, batchSize: 10 } as const;

/** Writes down every call. */
function recorder(calls: string[], name = ""): Callback {
  return {
    onTrainBegin: ({ epochs, initialEpoch, steps, batchSize, samples: rows }) => {
      calls.push(`${name}begin ${epochs} ${initialEpoch} ${steps} ${batchSize} ${rows}`);
    },
    onEpochBegin: (epoch) => {
      calls.push(`${name}epoch ${epoch}`);
    },
    onBatchEnd: async (batch, logs) => {
      await Promise.resolve();
      calls.push(`${name}batch ${batch} ${Object.keys(logs).join()}`);
    },
    onEpochEnd: (epoch, logs) => {
      calls.push(`${name}end ${epoch} ${Object.keys(logs).join()}`);
    },
    onTrainEnd: () => {
      calls.push(`${name}done`);
    },
  };
}

test("callbacks come in order, each with the logs so far, one after the other", async () => {
  const calls: string[] = [];
  const model = classifier();
  await model.fit(x, y, { ...quiet, epochs: 2, initialEpoch: 1, validationData: [x, y], callbacks: [recorder(calls)] });
  expect(calls).toEqual([
    "begin 2 1 3 10 23",
    "epoch 1",
    "batch 0 loss,accuracy",
    "batch 1 loss,accuracy",
    "batch 2 loss,accuracy",
    "end 1 loss,accuracy,valLoss,valAccuracy",
    "done",
  ]);
  calls.length = 0;
  await model.fit(x, y, { ...quiet, callbacks: [recorder(calls, "a "), recorder(calls, "b ")] });
  expect(calls.slice(0, 4)).toEqual(["a begin 1 0 3 10 23", "b begin 1 0 3 10 23", "a epoch 0", "b epoch 0"]);
});

test("the logs of a batch are the averages of the epoch so far, and watching each step changes nothing", async () => {
  const [watched, plain, byHand] = [classifier(), classifier(), classifier()];
  const seen: number[] = [];
  const onBatchEnd = (_: number, { loss = 0 }: Readonly<Record<string, number>>): void => {
    seen.push(loss);
  };
  const history = await watched.fit(x, y, { ...quiet, shuffle: false, callbacks: [{ onBatchEnd }] });
  await plain.fit(x, y, { ...quiet, shuffle: false });
  expectSameBits(watched.getWeights(), plain.getWeights(), "weights");
  const first = byHand.trainOnBatch(x.slice(0, 10), y.slice(0, 10)).loss;
  const second = byHand.trainOnBatch(x.slice(10, 20), y.slice(10, 20)).loss;
  expect(seen[0]).toBeCloseTo(first, 6);
  expect(seen[1]).toBeCloseTo((first + second) / 2, 6);
  expect(seen[2]).toBe(history.loss[0]);
});

test("progress tells how far an epoch is, training and validation apart", async () => {
  const seen: string[] = [];
  const onProgress: Callback["onProgress"] = ({ mode, done, total, logs }) => {
    seen.push(`${mode} ${done}/${total} ${Object.keys(logs()).join()}`);
  };
  await classifier().fit(x, y, {
    ...quiet,
    validationData: [x.slice(0, 5), y.slice(0, 5)],
    callbacks: [{ onProgress }],
  });
  expect(seen.at(-2)).toBe("train 3/3 loss,accuracy");
  expect(seen.at(-1)).toBe("test 1/1 loss,accuracy");
});

test("timers and other events have their turn while a model trains", async () => {
  const large = samples(20_000);
  const model = classifier();
  let [ticks, turns, running] = [0, 0, true];
  const timer = setInterval(() => ticks++, 5);
  const turn = (): void => {
    turns++;
    if (running) setImmediate(turn);
  };
  const started = performance.now();
  turn();
  await model.fit(large.x, large.y, { verbose: 0, batchSize: 4, epochs: 4 });
  const elapsed = performance.now() - started;
  running = false;
  clearInterval(timer);
  // Slices are of 12 ms; a machine that is busy otherwise may stretch them.
  expect(turns).toBeGreaterThan(Math.max(10, elapsed / 100));
  expect(ticks).toBeGreaterThan(2);
});

test("a callback that throws ends the fit with its error; the model and its memory are fine", async () => {
  const model = classifier();
  const failing: Callback = {
    onEpochEnd: () => {
      throw new Error("enough");
    },
  };
  await expect(model.fit(x, y, { ...quiet, epochs: 5, callbacks: [failing] })).rejects.toThrow("enough");
  expect(model.trainer.epochs).toBe(1);
  await model.fit(x, y, quiet);
  expect(model.trainer.epochs).toBe(2);
});

test("a callback may evaluate, predict and save in the middle of training", async () => {
  const [busy, plain] = [classifier(), classifier()];
  const losses: number[] = [];
  const onEpochEnd = async (): Promise<void> => {
    losses.push((await busy.evaluate(x, y)).loss, busy.testOnBatch(x, y).loss);
    busy.predict(x);
    await busy.save();
  };
  const onBatchEnd = (): void => {
    losses.push(busy.testOnBatch(x, y).loss);
  };
  const history = await busy.fit(x, y, {
    ...quiet,
    epochs: 2,
    validationData: [x, y],
    callbacks: [{ onEpochEnd, onBatchEnd }],
  });
  const wanted = await plain.fit(x, y, { ...quiet, epochs: 2, validationData: [x, y] });
  expectSameBits(busy.getWeights(), plain.getWeights(), "weights");
  expect(history).toEqual(wanted);
  expect(losses.length).toBe(2 * 5);
});

test("two evaluations at the same time, and one during a fit, do not mix their numbers", async () => {
  const model = classifier();
  const other = samples(57, 9);
  const alone = [
    await model.evaluate(x, y, { batchSize: 2 }),
    await model.evaluate(other.x, other.y, { batchSize: 3 }),
  ];
  const together = await Promise.all([
    model.evaluate(x, y, { batchSize: 2 }),
    model.evaluate(other.x, other.y, { batchSize: 3 }),
  ]);
  expect(together).toEqual(alone);
  const fit = model.fit(x, y, { ...quiet, epochs: 3, validationData: [other.x, other.y] });
  const during = model.evaluate(x, y, { batchSize: 1 });
  const error = await refusal(() => model.trainOnBatch(x, y));
  expect(error.message).toBe(
    "sequential.trainOnBatch: expected no fit or evaluate under way, received one that runs. Await it first.",
  );
  expect((await refusal(() => model.compile({ optimizer: "sgd", loss: "mse" }))).code).toBe("state");
  expect((await refusal(() => model.testOnBatch(x, y))).code).toBe("state");
  expect((await refusal(() => model.dispose())).code).toBe("state");
  await Promise.all([fit, during]);
  model.testOnBatch(x, y);
});

async function refusal(action: () => unknown): Promise<TensorError> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(TensorError);
    return error as TensorError;
  }
  throw new Error("nothing was refused");
}
