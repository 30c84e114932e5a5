// When are the averages of the weights used instead of the weights?

import { flag, settle } from "../optionRules.ts";
import type { Callback, ModelInTraining } from "./callback.ts";

/** Options of {@link swapEMAWeights}. */
export interface SwapEMAWeightsOptions {
  /**
   * Whether the averages also stay from the end of an epoch to the beginning of the next, so that callbacks after this one
   * save them. Default false: they are there only while validation data are measured.
   */
  readonly swapOnEpoch?: boolean;
}

/**
 * Measures, or saves, the running averages of the weights that an optimizer with `useEma` keeps.
 * @throws {TensorError} `state` for an optimizer without.
 */
export function swapEMAWeights(options: SwapEMAWeightsOptions = {}): Callback {
  const { swapOnEpoch } = settle<Required<SwapEMAWeightsOptions>>("swapEMAWeights", options, {
    swapOnEpoch: flag(false),
  });
  let model: ModelInTraining | undefined;
  const averages = (use: boolean) => () => model?.useAverages(use);
  const swapping: Callback = {
    onTrainBegin: (_, given) => {
      model = given;
    },
    onTestBegin: averages(true),
    onTestEnd: averages(false),
  };
  return swapOnEpoch ? { ...swapping, onEpochBegin: averages(false), onEpochEnd: averages(true) } : swapping;
}
