// Which optimizers divide a running mean of the gradient by a running measure of its size?

import { checkOptionsObject } from "../config.ts";
import { check } from "../errors.ts";
import type { SymbolicTensor } from "../graph.ts";
import { abs, add, divide, greater, logicalAnd, maximum, multiply, sqrt, square, subtract, where } from "../ops/map.ts";
import { adamStep } from "../ops/optimize.ts";
import { sum } from "../ops/reduce.ts";
import { flag } from "../optionRules.ts";
import type { Variable } from "../variable.ts";
import { approach, epsilonOption, oneMinusPower, powerOf, settled, share } from "./averages.ts";
import {
  defineOptimizer,
  makeOptimizer,
  type OptimizerBlock,
  type OptimizerDefinition,
  type OptimizerFactory,
  type OptimizerStep,
  type OwnOptions,
} from "./optimizer.ts";

type Node = SymbolicTensor;
type Moments = Readonly<Record<"momentum" | "velocity", Node>>;

/** Options of the optimizers with two running means. */
export interface MomentOptions {
  /** Share of the old mean gradient that stays in each step, in [0, 1). Default 0.9. */
  readonly beta1: number;
  /** The same for squared gradients. Default 0.999. */
  readonly beta2: number;
  /** Added to the root of the mean square, by which the step is divided; ≥ 0. Default 1e-7. */
  readonly epsilon: number;
}
/** Options of {@link adam} and {@link adamw}. */
export interface AdamOptions extends MomentOptions {
  /** Divide by the largest mean square so far (Reddi et al., 2018). Default false. */
  readonly amsgrad: boolean;
}

const momentOptions: OwnOptions<MomentOptions> = {
  beta1: /* @__PURE__ */ share(0.9),
  beta2: /* @__PURE__ */ share(0.999),
  epsilon: /* @__PURE__ */ epsilonOption(),
};

/** m ← β₁m + (1 − β₁)g and v ← β₂v + (1 − β₂)g². */
function movedMoments({ gradient, slots }: OptimizerStep, { beta1, beta2 }: MomentOptions): Moments {
  const { momentum, velocity } = slots as Moments;
  return { momentum: approach(momentum, gradient, beta1), velocity: approach(velocity, square(gradient), beta2) };
}

const adamDefinition: OptimizerDefinition<AdamOptions> = {
  name: "adam",
  className: "Adam",
  options: { ...momentOptions, amsgrad: /* @__PURE__ */ flag(false) },
  slots: ({ amsgrad }) => ({ momentum: {}, velocity: {}, ...(amsgrad ? { velocity_hat: {} } : {}) }),
  update: (step, options) => {
    const moments = movedMoments(step, options);
    const { velocity_hat: largest } = step.slots;
    if (largest === undefined) return { ...moments, parameter: adamMoved(step, moments, options) };
    const velocityHat = maximum(largest, moments.velocity);
    const parameter = adamMoved(step, { ...moments, velocity: velocityHat }, options);
    return { ...moments, velocity_hat: velocityHat, parameter };
  },
};

/** w − rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε). */
function adamMoved(
  { parameter, learningRate, iteration }: OptimizerStep,
  { momentum, velocity }: Moments,
  { beta1, beta2, epsilon }: MomentOptions,
): Node {
  const correction = divide(sqrt(oneMinusPower(beta2, iteration)), oneMinusPower(beta1, iteration));
  const alpha = multiply(learningRate, correction);
  return subtract(parameter, divide(multiply(momentum, alpha), add(sqrt(velocity), epsilon)));
}

function adamKernel(block: OptimizerBlock, { beta1, beta2, epsilon }: AdamOptions): void {
  const { slots, weightDecay, ...operands } = block;
  const {
    momentum,
    velocity,
    velocity_hat: maximum,
  } = slots as Readonly<Record<"momentum" | "velocity", Variable>> & Readonly<Record<string, Variable | undefined>>;
  const hat = maximum === undefined ? {} : { maximum };
  adamStep({ ...operands, momentum, velocity, ...hat }, { beta1, beta2, epsilon, weightDecay });
}

/**
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε) in step t.
 * Learning rate 0.001 by default (Kingma & Ba, 2015).
 */
export const adam: OptimizerFactory<AdamOptions> = (options = {}) => makeOptimizer(adamDefinition, options, adamKernel);

/**
 * {@link adam} with weights moved towards 0 apart from the gradient, by 0.004 by default (Loshchilov & Hutter, 2019).
 * @throws {TensorError} `option` for a weight decay of null.
 */
export const adamw: OptimizerFactory<AdamOptions> = (options = {}) => {
  checkOptionsObject("adamw", options);
  check(options.weightDecay !== null, "option", () => ({
    where: "adamw.weightDecay",
    expected: "a number ≥ 0",
    received: "null",
    remedy: "Use adam without weight decay.",
  }));
  return makeOptimizer(
    { ...adamDefinition, name: "adamw", className: "AdamW", weightDecay: 0.004 },
    options,
    adamKernel,
  );
};

/** One step of {@link adam} in ops, for weights that another optimizer leaves to it. */
export function adamUpdate(step: OptimizerStep, options: MomentOptions): Moments & { readonly parameter: Node } {
  const moments = movedMoments(step, options);
  return { ...moments, parameter: adamMoved(step, moments, options) };
}

/**
 * m ← β₁m + (1 − β₁)g, u ← max(β₂u, |g|), w ← w − rate/(1 − β₁ᵗ) · m / (u + ε): adam with the largest gradient in place
 * of the mean square (Kingma & Ba, 2015, section 7.1).
 */
export const adamax: OptimizerFactory<MomentOptions> = /* @__PURE__ */ defineOptimizer<MomentOptions>({
  name: "adamax",
  className: "Adamax",
  options: momentOptions,
  slots: { momentum: {}, norm: {} },
  update: ({ parameter, gradient, slots, learningRate, iteration }, { beta1, beta2, epsilon }) => {
    const momentum = approach(slots.momentum as Node, gradient, beta1);
    const norm = settled(maximum(multiply(slots.norm as Node, beta2), abs(gradient)));
    const alpha = divide(learningRate, oneMinusPower(beta1, iteration));
    return { momentum, norm, parameter: subtract(parameter, divide(multiply(momentum, alpha), add(norm, epsilon))) };
  },
});

/**
 * Adam that looks one step ahead, with β₁ growing as uₜ = β₁(1 − ½ · 0.96ᵗ) (Dozat, 2016):
 * w ← w − rate · (uₜ₊₁ m/(1 − Πᵢ₌₁ᵗ⁺¹ uᵢ) + (1 − uₜ) g/(1 − Πᵢ₌₁ᵗ uᵢ)) / (√(v/(1 − β₂ᵗ)) + ε).
 */
export const nadam: OptimizerFactory<MomentOptions> = /* @__PURE__ */ defineOptimizer<MomentOptions>({
  name: "nadam",
  className: "Nadam",
  options: momentOptions,
  slots: { momentum: {}, velocity: {} },
  shared: { product: 1 },
  update: (step, options) => {
    const { parameter, gradient, shared, learningRate, iteration } = step;
    const { momentum, velocity } = movedMoments(step, options);
    const weightOf = (t: Node): Node => multiply(subtract(1, multiply(powerOf(0.96, t), 0.5)), options.beta1);
    const [now, next] = [weightOf(iteration), weightOf(add(iteration, 1))];
    const product = multiply(shared.product as Node, now);
    // Scalars first: what is left for each weight are few operations.
    const ofMomentum = multiply(learningRate, divide(next, subtract(1, multiply(product, next))));
    const ofGradient = multiply(learningRate, divide(subtract(1, now), subtract(1, product)));
    const towards = add(multiply(momentum, ofMomentum), multiply(gradient, ofGradient));
    const size = sqrt(divide(velocity, oneMinusPower(options.beta2, iteration)));
    return {
      momentum,
      velocity,
      product,
      parameter: subtract(parameter, divide(towards, add(size, options.epsilon))),
    };
  },
});

/**
 * The step s of {@link adam}, made as long as the weight it belongs to: w ← w − rate · ‖w‖/‖s‖ · s, for large batches
 * (You et al., 2020).
 */
export const lamb: OptimizerFactory<MomentOptions> = /* @__PURE__ */ defineOptimizer<MomentOptions>({
  name: "lamb",
  className: "Lamb",
  options: momentOptions,
  slots: { momentum: {}, velocity: {} },
  perWeight: true,
  update: (step, options) => {
    const { parameter, learningRate, iteration } = step;
    const { momentum, velocity } = movedMoments(step, options);
    const mean = divide(momentum, oneMinusPower(options.beta1, iteration));
    const size = sqrt(divide(velocity, oneMinusPower(options.beta2, iteration)));
    const move = divide(mean, add(size, options.epsilon));
    const [ofWeight, ofMove] = [sqrt(sum(square(parameter))), sqrt(sum(square(move)))];
    const ratio = where(logicalAnd(greater(ofWeight, 0), greater(ofMove, 0)), divide(ofWeight, ofMove), 1);
    return { momentum, velocity, parameter: subtract(parameter, multiply(move, multiply(ratio, learningRate))) };
  },
});
