// Which layers say what the steps of a sequence are?

import type { ConstraintLike } from "../constraints.ts";
import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import type { InitializerLike } from "../initializers.ts";
import { gather } from "../ops/gather.ts";
import { asFloat, cast, greater, multiply, notEqual } from "../ops/map.ts";
import { sum } from "../ops/reduce.ts";
import { expandDims } from "../ops/view.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { constraint, flag, initializer, number, positiveInteger, regularizer } from "./field.ts";
import { defineLayer, type Layer, type LayerOptions } from "./layer.ts";
import type { ResultOptions } from "./weightOptions.ts";

/** Options of {@link masking}. */
export interface MaskingOptions extends LayerOptions {
  /** Steps all of whose features are this do not count. Default 0. */
  readonly maskValue?: number;
}

const maskingFields = { maskValue: number(0) };

/**
 * x [batch, steps, features] with steps set to 0 whose features all are `maskValue`, and a mask that says so: layers
 * after it, and the loss, leave these steps out.
 */
export const masking: (options?: MaskingOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Masking",
  fields: maskingFields,
  inputs: "one",
  masking: ([x], _, { maskValue }) => counted(x as SymbolicTensor, maskValue),
  call: (x, { options }) => {
    check(x.shape.length >= 3, "shape", () => ({
      where: errorPlace("masking"),
      expected: "input of rank 3 or more, [batch, steps, features]",
      received: `[${x.shape.join(", ")}]`,
    }));
    return multiply(asFloat(x), expandDims(asFloat(counted(x, options.maskValue)), -1));
  },
});

/** Options of {@link embedding}. */
export interface EmbeddingOptions extends LayerOptions, Pick<ResultOptions, "activityRegularizer"> {
  /** Number of different tokens: they are 0 to inputDim − 1. */
  readonly inputDim: number;
  /** Size of the vector of a token. */
  readonly outputDim: number;
  /** First values of the vectors. Default `"randomUniform"`. */
  readonly embeddingsInitializer?: InitializerLike;
  /** Penalty for the vectors, added to the loss. Default null: none. */
  readonly embeddingsRegularizer?: RegularizerLike | null;
  /** What the vectors are held to after each step. Default null: nothing. */
  readonly embeddingsConstraint?: ConstraintLike | null;
  /** Whether steps with token 0 do not count. Default false. */
  readonly maskZero?: boolean;
}

const embeddingFields = {
  inputDim: positiveInteger(),
  outputDim: positiveInteger(),
  embeddingsInitializer: initializer("randomUniform"),
  embeddingsRegularizer: regularizer(),
  embeddingsConstraint: constraint(),
  activityRegularizer: regularizer(),
  maskZero: flag(false),
};

/**
 * The vector of each token: integers [batch, ...] → [batch, ..., outputDim], rows of embeddings [inputDim, outputDim].
 * @throws {TensorError} `data` while running, for a token outside 0 to inputDim − 1.
 */
export const embedding: (options: EmbeddingOptions) => Layer = /* @__PURE__ */ defineLayer({
  className: "Embedding",
  fields: embeddingFields,
  inputs: "one",
  masking: ([x], _, { maskZero }) => (maskZero ? notEqual(x as SymbolicTensor, 0) : undefined),
  weights: (_, options) => ({
    embeddings: {
      shape: [options.inputDim, options.outputDim],
      initializer: options.embeddingsInitializer,
      regularizer: options.embeddingsRegularizer,
      constraint: options.embeddingsConstraint,
    },
  }),
  call: (x, { weights }) => gather(weights.embeddings as SymbolicTensor, cast(x, "int32")),
});

/** Whether any feature differs from `value`, none where there are no features: bool, without the last axis. */
function counted(x: SymbolicTensor, value: number): SymbolicTensor {
  return greater(sum(cast(notEqual(x, value), "int32"), -1), 0);
}
