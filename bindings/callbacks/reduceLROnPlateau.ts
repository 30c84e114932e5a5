// When does a smaller learning rate help?

import { integer, number, settle } from "../optionRules.ts";
import { type AnnouncementOptions, announcer, verboseRule } from "./announcements.ts";
import type { Callback, ModelInTraining } from "./callback.ts";
import { type MonitorOptions, monitorOf, monitorRules } from "./monitor.ts";

/** Options of {@link reduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions extends MonitorOptions, AnnouncementOptions {
  /** What the rate is multiplied by; < 1. Default 0.1. */
  readonly factor?: number;
  /** Epochs without progress until then. Default 10. */
  readonly patience?: number;
  /** Epochs after a change that do not count as waiting. Default 0. */
  readonly cooldown?: number;
  /** The rate never falls below. Default 0. */
  readonly minLr?: number;
}

/**
 * Multiplies the learning rate by `factor` when `monitor` has not become better for `patience` epochs; minDelta is 0.0001
 * by default.
 * @throws {TensorError} `option`; `unsupported` where a schedule decides the rate.
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const where = "reduceLROnPlateau";
  const settings = settle<Required<ReduceLROnPlateauOptions>>(where, options, {
    ...monitorRules(1e-4),
    factor: number(0.1, 0, 1 - 2 ** -24),
    patience: integer(10, 0),
    cooldown: integer(0, 0),
    minLr: number(0, 0),
    verbose: verboseRule(),
  });
  const announce = announcer(settings.verbose);
  const { factor, patience, cooldown, minLr } = settings;
  const monitor = monitorOf(where, settings);
  let model: ModelInTraining | undefined;
  let [best, waited, resting] = [monitor.worst, 0, 0];
  return {
    onTrainBegin: (_, given) => {
      model = given;
      [best, waited, resting] = [monitor.worst, 0, 0];
    },
    onEpochEnd: async (epoch, logs) => {
      const value = monitor.read(logs);
      if (resting > 0) [resting, waited] = [resting - 1, 0];
      if (monitor.better(value, best)) {
        [best, waited] = [value, 0];
        return;
      }
      if (resting > 0 || ++waited < patience || model === undefined) return;
      const rate = await model.getLearningRate();
      // The rate is kept as float32.
      if (rate <= Math.fround(minLr)) return;
      const reduced = Math.max(rate * factor, minLr);
      await model.setLearningRate(reduced);
      announce(epoch, `learning rate reduced to ${reduced}`);
      [resting, waited] = [cooldown, 0];
    },
  };
}
