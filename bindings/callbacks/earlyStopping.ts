// When has training stopped to get better?

import { flag, integer, nullOr, number, settle } from "../optionRules.ts";
import type { Tensor } from "../tensor.ts";
import { type AnnouncementOptions, announcer, verboseRule } from "./announcements.ts";
import type { Callback, ModelInTraining } from "./callback.ts";
import { type MonitorOptions, monitorOf, monitorRules } from "./monitor.ts";

/** Options of {@link earlyStopping}. */
export interface EarlyStoppingOptions extends MonitorOptions, AnnouncementOptions {
  /** Epochs in a row without progress after which training ends. Default 0: the first one ends it. */
  readonly patience?: number;
  /**
   * An epoch that is the best so far, but not better than this, does not begin the waiting anew; nor does it end training,
   * as no epoch does that is the best so far. Default null: no such bound.
   */
  readonly baseline?: number | null;
  /** At the end, put the weights of the best epoch back. Default false. */
  readonly restoreBestWeights?: boolean;
  /** Epochs at the beginning that are not looked at. Default 0. */
  readonly startFromEpoch?: number;
}

/** A callback that tells afterwards what it has seen. */
export interface EarlyStopping extends Callback {
  /** The epoch after which training was ended; undefined when it was not. */
  readonly stoppedEpoch: number | undefined;
  /** The epoch of the best number; undefined while none was looked at. */
  readonly bestEpoch: number | undefined;
  /** The best number of `monitor`; infinite, on the bad side, while none was looked at. */
  readonly best: number;
}

/**
 * Ends training when `monitor` has not become better for `patience` epochs (Prechelt, 1998).
 * `fit(x, y, { callbacks: [earlyStopping({ patience: 3, restoreBestWeights: true })], validationSplit: 0.1 })`.
 * @throws {TensorError} `option`, also when the logs have no such number.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  const where = "earlyStopping";
  const settings = settle<Required<EarlyStoppingOptions>>(where, options, {
    ...monitorRules(),
    patience: integer(0, 0),
    baseline: nullOr(number(0)),
    restoreBestWeights: flag(false),
    startFromEpoch: integer(0, 0),
    verbose: verboseRule(),
  });
  const announce = announcer(settings.verbose);
  const { patience, baseline, restoreBestWeights, startFromEpoch } = settings;
  const monitor = monitorOf(where, settings);
  let model: ModelInTraining | undefined;
  let weights: readonly Tensor[] | undefined;
  let [best, waited] = [monitor.worst, 0];
  let bestEpoch: number | undefined;
  let stoppedEpoch: number | undefined;
  return {
    get stoppedEpoch() {
      return stoppedEpoch;
    },
    get bestEpoch() {
      return bestEpoch;
    },
    get best() {
      return best;
    },
    onTrainBegin: (_, given) => {
      model = given;
      [best, waited, bestEpoch, stoppedEpoch, weights] = [monitor.worst, 0, undefined, undefined, undefined];
    },
    onEpochEnd: async (epoch, logs) => {
      const value = monitor.read(logs);
      if (epoch < startFromEpoch) return;
      waited++;
      if (bestEpoch === undefined || monitor.better(value, best)) {
        [best, bestEpoch] = [value, epoch];
        if (restoreBestWeights) weights = await model?.getWeights();
        if (baseline === null || monitor.better(value, baseline)) waited = 0;
        return;
      }
      if (waited < patience) return;
      stoppedEpoch = epoch;
      model?.stopTraining();
    },
    onTrainEnd: async () => {
      if (stoppedEpoch !== undefined) announce(stoppedEpoch, "training stopped early");
      if (weights !== undefined) {
        announce(bestEpoch ?? 0, "the best one, its weights are put back");
        await model?.setWeights(weights);
      }
      weights = undefined;
    },
  };
}
