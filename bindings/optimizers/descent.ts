// Which optimizers follow the direction of the gradient, or of those before, and not its size over time?

import { add, multiply, sign, subtract } from "../ops/map.ts";
import { sgdStep } from "../ops/optimize.ts";
import { flag, number } from "../optionRules.ts";
import type { Variable } from "../variable.ts";
import { approach, settled, share } from "./averages.ts";
import { defineOptimizer, makeOptimizer, type OptimizerDefinition, type OptimizerFactory } from "./optimizer.ts";

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Share of the velocity that stays in each step, in [0, 1]. Default 0: no velocity. */
  readonly momentum: number;
  /** Look ahead along the velocity (Sutskever et al., 2013). Default false. */
  readonly nesterov: boolean;
}

const sgdDefinition: OptimizerDefinition<SgdOptions> = {
  name: "SGD",
  learningRate: 0.01,
  options: { momentum: number(0, 0, 1), nesterov: flag(false) },
  slots: ({ momentum }) => (momentum > 0 ? { momentum: {} } : {}),
  update: ({ parameter, gradient, slots, learningRate }, { momentum, nesterov }) => {
    const step = multiply(gradient, learningRate);
    if (slots.momentum === undefined) return { parameter: subtract(parameter, step) };
    const velocity = settled(subtract(multiply(slots.momentum, momentum), step));
    const move = nesterov ? subtract(multiply(velocity, momentum), step) : velocity;
    return { parameter: add(parameter, move), momentum: velocity };
  },
};

/**
 * w ← w − rate·g; with momentum v ← momentum·v − rate·g, w ← w + v (nesterov: w + momentum·v − rate·g).
 * Learning rate 0.01 by default (Robbins & Monro, 1951; Polyak, 1964).
 */
export const sgd: OptimizerFactory<SgdOptions> = (options = {}) =>
  makeOptimizer(sgdDefinition, options, ({ slots, ...block }, { momentum, nesterov }) => {
    const { parameter, gradient, learningRate, weightDecay } = block;
    const velocity = slots.momentum as Variable | undefined;
    sgdStep(
      { parameter, gradient, learningRate, ...(velocity === undefined ? {} : { velocity }) },
      { momentum, nesterov, weightDecay },
    );
  });

/** Options of {@link lion}. */
export interface LionOptions {
  /** Share of the old momentum in the direction of the step. Default 0.9. */
  readonly beta1: number;
  /** Share of the old momentum that stays. Default 0.99. */
  readonly beta2: number;
}

/**
 * w ← w − rate · sign(β₁m + (1 − β₁)g), m ← β₂m + (1 − β₂)g. Takes a learning rate 3 to 10 times smaller than adam, and a
 * weight decay as much larger (Chen et al., 2023).
 */
export const lion: OptimizerFactory<LionOptions> = /* @__PURE__ */ defineOptimizer<LionOptions>({
  className: "Lion",
  name: "lion",
  options: { beta1: /* @__PURE__ */ share(0.9), beta2: /* @__PURE__ */ share(0.99) },
  slots: { momentum: {} },
  update: ({ parameter, gradient, slots, learningRate }, { beta1, beta2 }) => {
    const momentum = slots.momentum as typeof gradient;
    const direction = add(multiply(momentum, beta1), multiply(gradient, 1 - beta1));
    return {
      parameter: subtract(parameter, multiply(sign(direction), learningRate)),
      momentum: approach(momentum, gradient, beta2),
    };
  },
});
