// What do normalization layers have in common: subtracting a mean, and scaling and shifting what they have normalised?

import type { Constraint, ConstraintLike } from "../constraints.ts";
import type { SymbolicTensor } from "../graph.ts";
import type { Initializer, InitializerLike } from "../initializers.ts";
import { add, multiply, negate } from "../ops/map.ts";
import { reshape } from "../ops/view.ts";
import type { Regularizer, RegularizerLike } from "../regularizers.ts";
import type { Shape } from "../tensor.ts";
import { constraint, type Field, flag, initializer, regularizer } from "./field.ts";
import type { LayerOptions, WeightSpec } from "./layer.ts";

/** Options of the factor gamma and the shift beta. */
export interface AffineOptions extends LayerOptions {
  /** Whether `beta` is added. Default true. */
  readonly center?: boolean;
  /** Whether results are multiplied by `gamma`. Default true. */
  readonly scale?: boolean;
  /** First values of the shift. Default `"zeros"`. */
  readonly betaInitializer?: InitializerLike;
  /** First values of the factor. Default `"ones"`. */
  readonly gammaInitializer?: InitializerLike;
  /** Penalty for the shift, added to the loss. Default null: none. */
  readonly betaRegularizer?: RegularizerLike | null;
  /** Penalty for the factor, added to the loss. Default null: none. */
  readonly gammaRegularizer?: RegularizerLike | null;
  /** What the shift is held to after each step. Default null: nothing. */
  readonly betaConstraint?: ConstraintLike | null;
  /** What the factor is held to after each step. Default null: nothing. */
  readonly gammaConstraint?: ConstraintLike | null;
}

/** The rules for {@link AffineOptions}. */
export type AffineFields = {
  readonly center: Field<boolean>;
  readonly scale: Field<boolean>;
  readonly betaInitializer: Field<Initializer>;
  readonly gammaInitializer: Field<Initializer>;
  readonly betaRegularizer: Field<Regularizer | null>;
  readonly gammaRegularizer: Field<Regularizer | null>;
  readonly betaConstraint: Field<Constraint | null>;
  readonly gammaConstraint: Field<Constraint | null>;
};

/** The rules for {@link AffineOptions}, after those of the layer's `own` options. */
/* @__NO_SIDE_EFFECTS__ */
export function affineFields<F extends object>(own: F): F & AffineFields {
  return {
    ...own,
    center: flag(true),
    scale: flag(true),
    betaInitializer: initializer("zeros"),
    gammaInitializer: initializer("ones"),
    betaRegularizer: regularizer(),
    gammaRegularizer: regularizer(),
    betaConstraint: constraint(),
    gammaConstraint: constraint(),
  };
}

/** The parsed options of factor and shift. */
export interface Affine {
  readonly center: boolean;
  readonly scale: boolean;
  readonly betaInitializer: Initializer;
  readonly gammaInitializer: Initializer;
  readonly betaRegularizer: Regularizer | null;
  readonly gammaRegularizer: Regularizer | null;
  readonly betaConstraint: Constraint | null;
  readonly gammaConstraint: Constraint | null;
}

/** gamma and beta of `shape`, those that are wanted. */
export function affineWeights(shape: Shape, options: Affine): Readonly<Record<string, WeightSpec>> {
  const gamma = {
    shape,
    initializer: options.gammaInitializer,
    regularizer: options.gammaRegularizer,
    constraint: options.gammaConstraint,
  };
  const beta = {
    shape,
    initializer: options.betaInitializer,
    regularizer: options.betaRegularizer,
    constraint: options.betaConstraint,
  };
  return { ...(options.scale ? { gamma } : {}), ...(options.center ? { beta } : {}) };
}

/** x − mean. Written as a sum, it needs no negative of a whole gradient when it is differentiated. */
export function centre(x: SymbolicTensor, mean: SymbolicTensor): SymbolicTensor {
  return add(x, negate(mean));
}

/** centred · factor · gamma + beta; gamma and beta, where there are any, stand along the axes of `shape` that are not 1. */
export function scaleAndShift(
  centred: SymbolicTensor,
  factor: SymbolicTensor,
  { gamma, beta }: Readonly<Record<string, SymbolicTensor | undefined>>,
  shape: Shape,
): SymbolicTensor {
  const scaled = multiply(centred, gamma === undefined ? factor : multiply(factor, reshape(gamma, shape)));
  return beta === undefined ? scaled : add(scaled, reshape(beta, shape));
}
