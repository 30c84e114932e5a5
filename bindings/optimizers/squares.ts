// Which optimizers divide the gradient by what its squares add up to?

import type { SymbolicTensor } from "../graph.ts";
import { clip, power } from "../ops/composed.ts";
import {
  abs,
  add,
  cast,
  divide,
  exp,
  greater,
  log,
  maximum,
  minimum,
  multiply,
  rsqrt,
  sqrt,
  square,
  subtract,
  where,
} from "../ops/map.ts";
import { rmspropStep } from "../ops/optimize.ts";
import { mean } from "../ops/reduce.ts";
import { expandDims } from "../ops/view.ts";
import { flag, number } from "../optionRules.ts";
import type { Variable } from "../variable.ts";
import { approach, epsilonOption, settled, share } from "./averages.ts";
import { defineOptimizer, makeOptimizer, type OptimizerDefinition, type OptimizerFactory } from "./optimizer.ts";

type Node = SymbolicTensor;

/** Options of {@link rmsprop}. */
export interface RmspropOptions {
  /** Share of the old mean squared gradient that stays in each step, in [0, 1). Default 0.9. */
  readonly rho: number;
  /** Share of the steps before that goes on, in [0, 1]. Default 0: none. */
  readonly momentum: number;
  /** Added to what the gradient is divided by, under the root; ≥ 0. Default 1e-7. */
  readonly epsilon: number;
  /** Divide by the deviation instead of the root mean square (Graves, 2013). Default false. */
  readonly centered: boolean;
}

const rmspropDefinition: OptimizerDefinition<RmspropOptions> = {
  name: "rmsprop",
  className: "RMSprop",
  options: { rho: number(0.9, 0, 1), momentum: number(0, 0, 1), epsilon: epsilonOption(), centered: flag(false) },
  slots: ({ momentum, centered }) => ({
    velocity: {},
    ...(momentum > 0 ? { momentum: {} } : {}),
    ...(centered ? { average_gradient: {} } : {}),
  }),
  update: ({ parameter, gradient, slots, learningRate }, { rho, momentum, epsilon }) => {
    const velocity = approach(slots.velocity as Node, square(gradient), rho);
    const average = slots.average_gradient && approach(slots.average_gradient, gradient, rho);
    const variance = average === undefined ? velocity : subtract(velocity, square(average));
    const step = divide(multiply(gradient, learningRate), sqrt(add(variance, epsilon)));
    const sum = slots.momentum && settled(add(multiply(slots.momentum, momentum), step));
    return {
      velocity,
      ...(average === undefined ? {} : { average_gradient: average }),
      ...(sum === undefined ? {} : { momentum: sum }),
      parameter: subtract(parameter, sum ?? step),
    };
  },
};

/**
 * v ← ρv + (1 − ρ)g², w ← w − rate·g/√(v + ε); centered subtracts the squared mean gradient from v; with momentum the
 * steps add up: b ← momentum·b + step, w ← w − b. Learning rate 0.001 by default (Tieleman & Hinton, 2012).
 */
export const rmsprop: OptimizerFactory<RmspropOptions> = (options = {}) =>
  makeOptimizer(rmspropDefinition, options, (block, own) => {
    const { parameter, gradient, slots, learningRate, weightDecay } = block;
    const { velocity, momentum: momentumBuffer, average_gradient: averageGradient } = slots;
    const buffers = {
      velocity: velocity as Variable,
      ...(momentumBuffer === undefined ? {} : { momentumBuffer }),
      ...(averageGradient === undefined ? {} : { averageGradient }),
    };
    rmspropStep({ parameter, gradient, learningRate, ...buffers }, { ...own, weightDecay });
  });

/** Options of {@link adagrad}. */
export interface AdagradOptions {
  /** Where the sums of squares begin. Default 0.1. */
  readonly initialAccumulatorValue: number;
  /** Added to what the gradient is divided by, under the root; ≥ 0. Default 1e-7. */
  readonly epsilon: number;
}

/** a ← a + g², w ← w − rate·g/√(a + ε): each weight has a rate of its own, which only falls (Duchi et al., 2011). */
export const adagrad: OptimizerFactory<AdagradOptions> = /* @__PURE__ */ defineOptimizer<AdagradOptions>({
  name: "adagrad",
  className: "Adagrad",
  options: { initialAccumulatorValue: /* @__PURE__ */ number(0.1, 0), epsilon: /* @__PURE__ */ epsilonOption() },
  slots: ({ initialAccumulatorValue: initial }) => ({ accumulator: { initial } }),
  update: ({ parameter, gradient, slots, learningRate }, { epsilon }) => {
    const accumulator = add(slots.accumulator as Node, square(gradient));
    const step = divide(multiply(gradient, learningRate), sqrt(add(accumulator, epsilon)));
    return { accumulator, parameter: subtract(parameter, step) };
  },
});

/** Options of {@link adadelta}. */
export interface AdadeltaOptions {
  /** Share of the old means that stays in each step, in [0, 1). Default 0.95. */
  readonly rho: number;
  /** Added to what the gradient is divided by, under the root; ≥ 0. Default 1e-7. */
  readonly epsilon: number;
}

/**
 * a ← ρa + (1 − ρ)g², s = g·√(d + ε)/√(a + ε), d ← ρd + (1 − ρ)s², w ← w − rate·s. The original rule has a learning rate
 * of 1; the default is Keras' 0.001 (Zeiler, 2012).
 */
export const adadelta: OptimizerFactory<AdadeltaOptions> = /* @__PURE__ */ defineOptimizer<AdadeltaOptions>({
  name: "adadelta",
  className: "Adadelta",
  options: { rho: /* @__PURE__ */ share(0.95), epsilon: /* @__PURE__ */ epsilonOption() },
  slots: { accumulated_grad: {}, accumulated_delta_var: {} },
  update: ({ parameter, gradient, slots, learningRate }, { rho, epsilon }) => {
    const { accumulated_grad: ofGradient, accumulated_delta_var: ofSteps } = slots as Record<string, Node>;
    const squares = approach(ofGradient as Node, square(gradient), rho);
    const step = divide(multiply(sqrt(add(ofSteps as Node, epsilon)), gradient), sqrt(add(squares, epsilon)));
    return {
      accumulated_grad: squares,
      accumulated_delta_var: approach(ofSteps as Node, square(step), rho),
      parameter: subtract(parameter, multiply(step, learningRate)),
    };
  },
});

/** Options of {@link adafactor}. */
export interface AdafactorOptions {
  /** Exponent by which the share of old means tends to 1: β₂ = 1 − t^beta2Decay. < 0. Default −0.8. */
  readonly beta2Decay: number;
  /** Added to squared gradients. Default 1e-30. */
  readonly epsilon1: number;
  /** Least root mean square of a weight that the step is measured by. Default 0.001. */
  readonly epsilon2: number;
  /** Largest root mean square of a step before it is scaled. Default 1. */
  readonly clipThreshold: number;
  /** Kept for configurations of Keras, where the rate is limited to 1/√t in step t whatever it says. Default true. */
  readonly relativeStep: boolean;
}

/**
 * Adam without a mean gradient, and of squared gradients only the means of rows r and columns c, in [..., rows, columns]:
 * v = r·cᵀ/mean(r), u = g/√v, w ← w − ρₜ·max(ε₂, rms(w)) · u/max(1, rms(u)/threshold), where ρₜ is the rate, or 1/√t if
 * that is less. What it remembers is small: rows + columns instead of 2 · rows · columns (Shazeer & Stern, 2018).
 */
export const adafactor: OptimizerFactory<AdafactorOptions> = /* @__PURE__ */ defineOptimizer<AdafactorOptions>({
  name: "adafactor",
  className: "Adafactor",
  options: {
    beta2Decay: /* @__PURE__ */ number(-0.8, Number.NEGATIVE_INFINITY, 0),
    epsilon1: /* @__PURE__ */ epsilonOption(1e-30),
    epsilon2: /* @__PURE__ */ epsilonOption(0.001),
    clipThreshold: /* @__PURE__ */ number(1, Number.MIN_VALUE),
    relativeStep: /* @__PURE__ */ flag(true),
  },
  perWeight: true,
  slots: {
    row: { shape: (shape) => (shape.length < 2 ? null : shape.slice(0, -1)) },
    column: { shape: (shape) => (shape.length < 2 ? null : [...shape.slice(0, -2), shape.at(-1) as number]) },
    velocity: { shape: (shape) => (shape.length < 2 ? shape : null) },
  },
  update: (step, { beta2Decay, epsilon1, epsilon2, clipThreshold }) => {
    const { parameter, gradient, slots, learningRate, iteration } = step;
    const t = cast(iteration, "float32");
    // t^beta2Decay: the share of the new square, all of it in the first step.
    const renewed = exp(multiply(log(t), beta2Decay));
    const mixed = (old: Node, x: Node): Node => add(old, multiply(subtract(x, old), renewed));
    const squares = add(square(gradient), epsilon1);
    const moved: Record<string, Node> = {};
    let size: Node;
    if (slots.velocity !== undefined) {
      moved.velocity = mixed(slots.velocity, squares);
      size = sqrt(moved.velocity);
    } else {
      const row = mixed(slots.row as Node, mean(squares, -1));
      const column = mixed(slots.column as Node, mean(squares, -2));
      Object.assign(moved, { row, column });
      // Roots first: where neither a row nor a column ever had a gradient, their product would be below all numbers.
      const shares = sqrt(divide(row, mean(row, -1, true)));
      size = multiply(expandDims(shares, -1), expandDims(sqrt(column), -2));
    }
    const raw = divide(gradient, size);
    const limited = divide(raw, maximum(divide(rootMeanSquare(raw), clipThreshold), 1));
    const scale = multiply(maximum(rootMeanSquare(parameter), epsilon2), minimum(learningRate, rsqrt(t)));
    return { ...moved, parameter: subtract(parameter, multiply(limited, scale)) };
  },
});

function rootMeanSquare(x: Node): Node {
  return sqrt(mean(square(x)));
}

/** Options of {@link ftrl}. */
export interface FtrlOptions {
  /** Exponent of the sums of squares in the rate; ≤ 0. Default −0.5. */
  readonly learningRatePower: number;
  /** Where the sums of squares begin. Default 0.1. */
  readonly initialAccumulatorValue: number;
  /** Weights that it cannot keep away from become exactly 0. Default 0. */
  readonly l1RegularizationStrength: number;
  /** Pulls weights towards 0; ≥ 0. Default 0. */
  readonly l2RegularizationStrength: number;
  /** Added to the gradient as 2 · strength · w. Default 0. */
  readonly l2ShrinkageRegularizationStrength: number;
  /** Makes first steps smaller, as a part of l2. Default 0. */
  readonly beta: number;
}

/**
 * Follow the regularised leader: a⁺ = a + g², z ← z + g − (a⁺^−p − a^−p)/rate · w, w ← (clip(z, ±l1) − z) / (a⁺^−p/rate +
 * 2·l2 + beta/rate), with p the power of the rate: weights become sparse (McMahan et al., 2013).
 */
export const ftrl: OptimizerFactory<FtrlOptions> = /* @__PURE__ */ defineOptimizer<FtrlOptions>({
  name: "ftrl",
  className: "Ftrl",
  options: {
    learningRatePower: /* @__PURE__ */ number(-0.5, Number.NEGATIVE_INFINITY, 0),
    initialAccumulatorValue: /* @__PURE__ */ number(0.1, 0),
    l1RegularizationStrength: /* @__PURE__ */ number(0, 0),
    l2RegularizationStrength: /* @__PURE__ */ number(0, 0),
    l2ShrinkageRegularizationStrength: /* @__PURE__ */ number(0, 0),
    beta: /* @__PURE__ */ number(0, 0),
  },
  slots: ({ initialAccumulatorValue: initial }) => ({ accumulator: { initial }, linear: {} }),
  update: ({ parameter, gradient, slots, learningRate }, options) => {
    const { learningRatePower, l1RegularizationStrength: l1, l2RegularizationStrength: l2, beta } = options;
    const { accumulator: before, linear: old } = slots as Record<"accumulator" | "linear", Node>;
    const shrinkage = 2 * options.l2ShrinkageRegularizationStrength;
    const pulled = shrinkage === 0 ? gradient : add(gradient, multiply(parameter, shrinkage));
    const accumulator = add(before, square(gradient));
    const scaled = (x: Node): Node => divide(power(x, -learningRatePower), learningRate);
    const scale = scaled(accumulator);
    const linear = add(old, subtract(pulled, multiply(subtract(scale, scaled(before)), parameter)));
    const quadratic = add(scale, add(divide(beta, learningRate), 2 * l2));
    // Where the difference is 0 the divisor may be 0 too.
    const moved = divide(subtract(clip(linear, -l1, l1), linear), quadratic);
    return { accumulator, linear, parameter: where(greater(abs(linear), l1), moved, 0) };
  },
});
