// How do callbacks get at the model that trains here?

import type { ModelInTraining } from "../callbacks/callback.ts";
import { check } from "../errors.ts";
import type { Cut } from "./backup.ts";
import type { Control } from "./fit.ts";
import type { Model } from "./model.ts";
import { builtState, savedWhatCanBe, withTraining } from "./savedState.ts";

/** `model` as its callbacks have it. */
export function inTraining(model: Model<never, unknown, string>, control: Control, cut: Cut): ModelInTraining {
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
    backUp: async () => {
      const { backUp } = await import("./backup.ts");
      return backUp(model.trainer, withTraining(builtState(model), model.trainer), control.now ?? control.start, cut);
    },
    resume: async (bytes) => {
      check(control.now === undefined, "state", () => ({
        where: `${name}.resume`,
        expected: "training that has not begun",
        received: "one that has",
        remedy: "Call it in onTrainBegin.",
      }));
      const { resume } = await import("./backup.ts");
      control.start = resume(model, builtState(model).metadata, bytes, cut);
      return control.start.epoch;
    },
  };
}
