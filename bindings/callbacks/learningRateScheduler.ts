// Which learning rate does each epoch have?

import { check, show } from "../errors.ts";
import { settle } from "../optionRules.ts";
import { type AnnouncementOptions, announcer, verboseRule } from "./announcements.ts";
import type { Callback, ModelInTraining } from "./callback.ts";

/**
 * Sets the learning rate before each epoch. For a rate of each step give the optimizer a schedule.
 * @param schedule the rate for the epoch (from 0), from the rate so far.
 * @throws {TensorError} `option` unless it returns a number ≥ 0; `unsupported` where a schedule decides the rate.
 */
export function learningRateScheduler(
  schedule: (epoch: number, rate: number) => number,
  options: AnnouncementOptions = {},
): Callback {
  check(typeof schedule === "function", "option", () => ({
    where: "learningRateScheduler",
    expected: "a function of the epoch and the rate",
    received: show(schedule),
  }));
  const { verbose } = settle<Required<AnnouncementOptions>>("learningRateScheduler", options, {
    verbose: verboseRule(),
  });
  const announce = announcer(verbose);
  let model: ModelInTraining | undefined;
  return {
    onTrainBegin: (_, given) => {
      model = given;
    },
    onEpochBegin: async (epoch) => {
      if (model === undefined) return;
      const rate = schedule(epoch, await model.getLearningRate());
      await model.setLearningRate(rate);
      announce(epoch, `learning rate set to ${rate}`);
    },
  };
}
