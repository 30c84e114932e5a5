// How do callbacks get at the model that trains here?

import type { ModelInTraining } from "../callbacks/callback.ts";
import { check } from "../errors.ts";
import type { Control } from "./fit.ts";
import type { Model } from "./model.ts";
import { savedWhatCanBe } from "./savedState.ts";

/** `model` as its callbacks have it. @param steps steps of an epoch, where they are not those of a pass over the data. */
export function inTraining(
  model: Model<never, unknown, string>,
  control: Control,
  steps: number | undefined,
): ModelInTraining {
  const { name } = model;
  return {
    name,
    getWeights: async () => model.getWeights(),
    setWeights: async (values) => model.setWeights(values),
    save: (options) => model.save(undefined, options),
    restore: async (bytes) => {
      const { restoreModel } = await import("./restoring.ts");
      return restoreModel(model, savedWhatCanBe(model).metadata, bytes, `${name}.restore`);
    },
    useAverages: async (use) => model.trainer.state.useAverages(use),
    getLearningRate: async () => model.learningRate,
    setLearningRate: async (rate) => {
      model.learningRate = rate;
    },
    stopTraining: () => {
      control.stopped = true;
    },
    beginAt: (epoch) => {
      checkBeginning(name, steps, control.begun);
      control.initialEpoch = epoch;
    },
  };
}

/** @throws {TensorError} `state` after the beginning, `unsupported` for epochs that are no passes over the data. */
export function checkBeginning(name: string, steps: number | undefined, begun: boolean): void {
  check(!begun, "state", () => ({
    where: `${name}.beginAt`,
    expected: "training that has not begun",
    received: "one that has",
    remedy: "Call it in onTrainBegin.",
  }));
  check(steps === undefined, "unsupported", () => ({
    where: `${name}.fit.stepsPerEpoch`,
    expected: "epochs that are passes over the data, where training goes on after an interruption",
    received: `${steps} steps an epoch`,
    remedy: "Leave stepsPerEpoch out: give the dataset an end with take(n).",
  }));
}
