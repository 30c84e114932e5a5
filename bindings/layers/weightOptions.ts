// Which options do layers with a kernel and a bias have: how these begin, what is paid for them, what they are held to?

import type { ConstraintLike } from "../constraints.ts";
import type { InitializerLike } from "../initializers.ts";
import type { RegularizerLike } from "../regularizers.ts";
import type { ActivationLike } from "./field.ts";

/** Options of the kernel, by which inputs are multiplied. */
export interface KernelOptions {
  /** First values of the kernel. Default `"glorotUniform"`. */
  readonly kernelInitializer?: InitializerLike;
  /** Penalty for the kernel, added to the loss. Default null: none. */
  readonly kernelRegularizer?: RegularizerLike | null;
  /** What the kernel is held to after each step. Default null: nothing. */
  readonly kernelConstraint?: ConstraintLike | null;
}

/** Options of the bias, which is added to results. */
export interface BiasOptions {
  /** First values of the bias. Default `"zeros"`. */
  readonly biasInitializer?: InitializerLike;
  /** Penalty for the bias, added to the loss. Default null: none. */
  readonly biasRegularizer?: RegularizerLike | null;
  /** What the bias is held to after each step. Default null: nothing. */
  readonly biasConstraint?: ConstraintLike | null;
}

/** Options of what comes out of the layer. */
export interface ResultOptions {
  /** Applied to the result. Default none. */
  readonly activation?: ActivationLike;
  /** Penalty for the result, after its activation; over the batch size, added to the loss. Default null: none. */
  readonly activityRegularizer?: RegularizerLike | null;
}
