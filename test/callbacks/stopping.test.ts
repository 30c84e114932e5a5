// Do callbacks that watch a number stop, restore and slow down when they should?

import { expect, test } from "vitest";
import type { Callback, Logs, ModelInTraining, TrainingInfo } from "../../bindings/callbacks/callback.ts";
import {
  earlyStopping,
  lambdaCallback,
  learningRateScheduler,
  reduceLROnPlateau,
} from "../../bindings/callbacks/index.ts";
import { sgd } from "../../bindings/optimizers.ts";
import { exponentialDecay } from "../../bindings/schedules.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { classifier, samples } from "../training/problem.ts";

const { x, y } = samples(60);
const quiet = { verbose: 0 } as const;

/** Lets a callback see these values of a number; stops when it asks for that. @returns the epochs it has seen. */
async function feedValues(
  callback: Callback,
  name: string,
  values: readonly number[],
  model: Partial<ModelInTraining> = {},
) {
  let stopped = false;
  const given = {
    getWeights: async (): Promise<Tensor[]> => [],
    setWeights: async () => {},
    stopTraining: () => {
      stopped = true;
    },
    ...model,
  } as ModelInTraining;
  await callback.onTrainBegin?.({} as TrainingInfo, given);
  let epoch = 0;
  for (; epoch < values.length && !stopped; epoch++)
    await callback.onEpochEnd?.(epoch, { [name]: values[epoch] } as Logs);
  await callback.onTrainEnd?.();
  return epoch;
}

test.each<[string, Parameters<typeof earlyStopping>[0], readonly number[], number, number]>([
  // options, values, epochs run, best epoch
  ["without patience the first worse epoch ends it", {}, [3, 2, 2.5, 1], 3, 1],
  ["patience waits", { patience: 2 }, [3, 2, 2.5, 2.5, 1], 4, 1],
  ["progress begins the waiting anew", { patience: 2 }, [3, 2, 2.5, 1, 1.5, 1.5, 0], 6, 3],
  ["small changes are no progress", { minDelta: 0.5, patience: 2 }, [3, 2.8, 2.6, 1], 3, 0],
  ["more may be better", { mode: "max" }, [1, 2, 1.5], 3, 1],
  [
    "the best epoch so far does not end it, whatever the baseline",
    { baseline: 1, patience: 2 },
    [3, 2, 0.5, 0.4],
    4,
    3,
  ],
  ["a baseline that is not beaten keeps it waiting", { baseline: 1, patience: 2 }, [3, 2, 1.5, 1.6, 1.7], 4, 2],
  ["a baseline that is beaten begins the waiting anew", { baseline: 1, patience: 2 }, [3, 0.5, 0.6, 0.7, 0], 4, 1],
  ["the least change counts for the baseline too", { baseline: 1, minDelta: 0.5, patience: 2 }, [3, 0.6, 0.7], 3, 1],
  ["the beginning may be left out", { startFromEpoch: 2 }, [1, 2, 3, 2.5, 2.6], 5, 3],
  ["NaN is no progress", { patience: 2 }, [2, Number.NaN, Number.NaN, 1], 3, 0],
])("%s", async (_, options, values, epochs, best) => {
  const callback = earlyStopping({ monitor: "valLoss", ...options });
  expect(await feedValues(callback, "valLoss", values)).toBe(epochs);
  expect(callback.bestEpoch).toBe(best);
  expect(callback.best).toBe(values[best]);
  expect(callback.stoppedEpoch).toBe(epochs < values.length || best < epochs - 1 ? epochs - 1 : undefined);
  // It can be used again.
  expect(await feedValues(callback, "valLoss", values)).toBe(epochs);
});

test("the name says whether more is better, or mode must", async () => {
  expect(await feedValues(earlyStopping({ monitor: "valAccuracy" }), "valAccuracy", [0.5, 0.6, 0.55])).toBe(3);
  expect(await feedValues(earlyStopping({ monitor: "falsePositives" }), "falsePositives", [3, 2, 4])).toBe(3);
  expect(() => earlyStopping({ monitor: "money" })).toThrow('earlyStopping.mode: expected "min" or "max"');
  expect(() => earlyStopping({ patience: -1 })).toThrow("earlyStopping.patience");
  expect(() => earlyStopping({ monitr: "loss" } as never)).toThrow("monitor");
});

test("fit ends, and the best weights come back", async () => {
  const model = classifier({ optimizer: sgd({ learningRate: 0.1 }) });
  const kept: Tensor[][] = [];
  // The rate grows until training gets worse.
  const stopping = earlyStopping({ monitor: "loss", patience: 2, restoreBestWeights: true });
  const history = await model.fit(x, y, {
    ...quiet,
    epochs: 40,
    callbacks: [
      learningRateScheduler((epoch, rate) => (epoch > 3 ? rate * 4 : rate)),
      { onEpochEnd: () => void kept.push(model.getWeights()) },
      stopping,
    ],
  });
  expect(history.epoch.length).toBeLessThan(40);
  expect(stopping.stoppedEpoch).toBe(history.epoch.length - 1);
  expect(history.loss.indexOf(Math.min(...history.loss))).toBe(stopping.bestEpoch);
  expect(model.getWeights()).toEqual(kept[stopping.bestEpoch as number]);
});

test("a number that is not in the logs is an error that names those that are", async () => {
  const fit = classifier().fit(x, y, { ...quiet, callbacks: [earlyStopping()] });
  await expect(fit).rejects.toThrow(
    'earlyStopping.monitor: expected one of loss, accuracy, received "valLoss". Give fit validationData',
  );
});

test.each<[string, Parameters<typeof reduceLROnPlateau>[0], readonly number[], readonly number[]]>([
  ["waits, reduces, waits again", { patience: 2, factor: 0.5 }, [1, 1, 1, 1, 1], [8, 8, 4, 4, 2]],
  ["rests after a change", { patience: 1, factor: 0.5, cooldown: 2 }, [1, 1, 1, 1, 1], [8, 4, 4, 2, 2]],
  ["stops at the least rate", { patience: 1, factor: 0.5, minLr: 3 }, [1, 1, 1, 1], [8, 4, 3, 3]],
  ["small changes are no progress", { patience: 1, factor: 0.5, minDelta: 0.1 }, [1, 0.95, 0.8], [8, 4, 4]],
])("reduceLROnPlateau %s", async (_, options, values, wanted) => {
  let rate = 8;
  const rates: number[] = [];
  const callback = reduceLROnPlateau({ monitor: "loss", ...options });
  const model = {
    getLearningRate: async () => rate,
    setLearningRate: async (value: number) => {
      rate = value;
    },
  };
  await callback.onTrainBegin?.({} as TrainingInfo, model as never);
  for (const [epoch, loss] of values.entries()) {
    await callback.onEpochEnd?.(epoch, { loss });
    rates.push(rate);
  }
  expect(rates).toEqual(wanted);
});

test("a scheduler sets the rate of each epoch, and cannot where a schedule does", async () => {
  const model = classifier({ optimizer: sgd({ learningRate: 0.5 }) });
  const rates: number[] = [];
  const halving = learningRateScheduler((epoch, rate) => (epoch === 0 ? rate : rate / 2));
  await model.fit(x, y, {
    ...quiet,
    epochs: 3,
    callbacks: [halving, { onEpochEnd: () => void rates.push(model.learningRate) }],
  });
  expect(rates).toEqual([0.5, 0.25, 0.125]);
  const learningRate = exponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 0.5 });
  const decaying = classifier({ optimizer: sgd({ learningRate }) });
  await expect(decaying.fit(x, y, { ...quiet, callbacks: [halving] })).rejects.toThrow("a schedule, which decides");
  await expect(model.fit(x, y, { ...quiet, callbacks: [learningRateScheduler(() => Number.NaN)] })).rejects.toThrow(
    "learningRate",
  );
});

test("lambdaCallback finds names that no event has", async () => {
  const seen: number[] = [];
  const callback = lambdaCallback({ onEpochEnd: (epoch) => void seen.push(epoch) });
  await classifier().fit(x, y, { ...quiet, epochs: 2, callbacks: [callback] });
  expect(seen).toEqual([0, 1]);
  expect(() => lambdaCallback({ onEpochEnds: () => {} } as never)).toThrow("onEpochEnd");
  expect(() => lambdaCallback({ onEpochEnd: 3 } as never)).toThrow("lambdaCallback.onEpochEnd: expected a function");
});

test("validation has a beginning and an end", async () => {
  const calls: string[] = [];
  const callback = {
    onTestBegin: () => void calls.push("begin"),
    onTestEnd: () => void calls.push("end"),
    onEpochEnd: () => void calls.push("epoch"),
  };
  await classifier().fit(x, y, { ...quiet, validationData: [x, y], callbacks: [callback] });
  expect(calls).toEqual(["begin", "end", "epoch"]);
});
