// How are activations kept at mean 0 and variance 1 over the batch?

import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor, toSymbolic } from "../graph.ts";
import type { Initializer, InitializerLike } from "../initializers.ts";
import { batchNormalization as normalized } from "../ops/batchNormalization.ts";
import {
  add,
  asFloat,
  broadcastTo,
  divide,
  greater,
  maximum,
  multiply,
  negate,
  rsqrt,
  square,
  subtract,
  where,
} from "../ops/map.ts";
import { mean, resolveAxes, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import type { Shape } from "../tensor.ts";
import {
  type AffineFields,
  type AffineOptions,
  affineFields,
  affineWeights,
  centre,
  scaleAndShift,
} from "./affineFields.ts";
import { type Field, initializer, number } from "./field.ts";
import { defineLayer, type Layer } from "./layer.ts";

/** Options of {@link batchNormalization}. */
export interface BatchNormalizationOptions extends AffineOptions {
  /** The axis of the features, which have a mean and a variance each. Default -1. */
  readonly axis?: number;
  /** What moving averages keep of themselves in a step, from 0 to 1. Default 0.99. */
  readonly momentum?: number;
  /** Added to variances. Default 0.001. */
  readonly epsilon?: number;
  /** Default `"zeros"`. */
  readonly movingMeanInitializer?: InitializerLike;
  /** Default `"ones"`. */
  readonly movingVarianceInitializer?: InitializerLike;
}

type BatchNormalizationFields = AffineFields & {
  readonly axis: Field<number>;
  readonly momentum: Field<number>;
  readonly epsilon: Field<number>;
  readonly movingMeanInitializer: Field<Initializer>;
  readonly movingVarianceInitializer: Field<Initializer>;
};

const fields: BatchNormalizationFields = /* @__PURE__ */ affineFields({
  axis: axisField(),
  momentum: number(0.99, 0, 1),
  epsilon: number(1e-3, 0),
  movingMeanInitializer: initializer("zeros"),
  movingVarianceInitializer: initializer("ones"),
});

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta for each feature, any rank ≥ 2, same shape (Ioffe & Szegedy, 2015). In
 * training mean and variance are those of the batch, and the moving ones, weights that optimizers leave alone, become
 * moving · momentum + batch · (1 − momentum); elsewhere, and while the layer is not trainable, the moving ones are used.
 * Steps that a mask leaves out do not count in the mean and variance of a batch; where none counts, the moving ones stay.
 * @throws {TensorError} `option` for the batch axis.
 */
export const batchNormalization: (options?: BatchNormalizationOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "BatchNormalization",
  fields,
  inputs: "one",
  masking: "pass",
  weights: ([shape = []], options) => {
    const features = [shape[featureAxis(shape, options.axis)] as number];
    const moving = { shape: features, trainable: false };
    return {
      ...affineWeights(features, options),
      moving_mean: { ...moving, initializer: options.movingMeanInitializer },
      moving_variance: { ...moving, initializer: options.movingVarianceInitializer },
    };
  },
  call: (x, { options, weights, context, trainable, masks: [mask], update }) => {
    const axis = featureAxis(x.shape, options.axis);
    const features = weights.moving_mean?.shape[0];
    check(x.shape[axis] === features, "shape", () => ({
      where: errorPlace("batchNormalization"),
      expected: `${features} features in axis ${axis}`,
      received: `shape [${x.shape.join(", ")}]`,
      remedy: "The layer was built for another input.",
    }));
    const float = asFloat(x);
    const shape = x.shape.map((size, each) => (each === axis ? size : 1));
    const movingMean = weights.moving_mean as SymbolicTensor;
    const movingVariance = weights.moving_variance as SymbolicTensor;
    // A batch of nothing has no mean: it leaves the moving ones as they are.
    if (!context.training || !trainable || x.size === 0) {
      // As one factor and one shift for each feature, which the layer before can take over.
      const deviation = rsqrt(add(movingVariance, options.epsilon));
      const factor = weights.gamma === undefined ? deviation : multiply(deviation, weights.gamma);
      const away = multiply(movingMean, factor);
      const shift = weights.beta === undefined ? negate(away) : subtract(weights.beta, away);
      return add(multiply(float, reshape(factor, shape)), reshape(shift, shape));
    }
    const moved = (moving: SymbolicTensor, batch: SymbolicTensor): SymbolicTensor =>
      add(multiply(moving, options.momentum), multiply(reshape(batch, moving.shape), 1 - options.momentum));
    if (axis === x.shape.length - 1 && mask === undefined) {
      const constant = (value: number): SymbolicTensor => toSymbolic(new Float32Array(features as number).fill(value));
      const { gamma = constant(1), beta = constant(0) } = weights;
      const { values, mean, variance } = normalized(float, gamma, beta, options.epsilon);
      update("moving_mean", moved(movingMean, mean));
      update("moving_variance", moved(movingVariance, variance));
      return values;
    }
    // Two passes: a variance from sums of squares loses its digits where the mean is large.
    const others = [...shape.keys()].filter((each) => each !== axis);
    const { averaged, any } = averagesOf(x, mask, others);
    const average = averaged(float);
    const centred = centre(float, average);
    const variance = averaged(square(centred));
    const kept = (moving: SymbolicTensor, batch: SymbolicTensor): SymbolicTensor =>
      any === undefined ? moved(moving, batch) : where(reshape(any, moving.shape), moved(moving, batch), moving);
    update("moving_mean", kept(movingMean, average));
    update("moving_variance", kept(movingVariance, variance));
    return scaleAndShift(centred, rsqrt(add(variance, options.epsilon)), weights, shape);
  },
});

interface Averages {
  readonly averaged: (values: SymbolicTensor) => SymbolicTensor;
  /** Of which features any step counts; undefined: of all. */
  readonly any: SymbolicTensor | undefined;
}

/** Means over `axes`, of the steps that count; 0 where none does. */
function averagesOf(x: SymbolicTensor, mask: SymbolicTensor | undefined, axes: readonly number[]): Averages {
  if (mask === undefined) return { averaged: (values) => mean(values, axes, true), any: undefined };
  const ones = [...mask.shape, ...new Array<number>(x.shape.length - mask.shape.length).fill(1)];
  const counts = broadcastTo(reshape(asFloat(mask), ones), x.shape);
  const total = sum(counts, axes, true);
  return {
    averaged: (values) => divide(sum(multiply(values, counts), axes, true), maximum(total, 1)),
    any: greater(total, 0),
  };
}

function featureAxis(shape: Shape, given: number): number {
  const [axis = 0] = resolveAxes("batchNormalization", shape.length, given);
  check(axis !== 0, "option", () => ({
    where: `${errorPlace("batchNormalization")}.axis`,
    expected: "an axis other than the batch axis",
    received: `${given}`,
  }));
  return axis;
}

/** One axis; a list of one is accepted, as configurations may have it. */
/* @__NO_SIDE_EFFECTS__ */
function axisField(): Field<number> {
  const rule = number(-1);
  return {
    parse: (value, where) => rule.parse(Array.isArray(value) && value.length === 1 ? value[0] : value, where),
    write: rule.write,
  };
}
