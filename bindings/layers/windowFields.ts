// Which options do all convolution layers have?

import type { Activation } from "../activations.ts";
import type { Constraint } from "../constraints.ts";
import type { Initializer } from "../initializers.ts";
import type { Regularizer } from "../regularizers.ts";
import type { Padding } from "./convolutionGeometry.ts";
import {
  activation,
  choice,
  constraint,
  type Field,
  flag,
  initializer,
  positiveInteger,
  regularizer,
} from "./field.ts";
import type { LayerOptions, WeightSpec } from "./layer.ts";
import { type DataFormat, dataFormat, sizePerAxis } from "./spatialFields.ts";
import type { BiasOptions, ResultOptions } from "./weightOptions.ts";

/** Number of spatial axes. */
export type SpatialRank = 1 | 2 | 3;

/** One number for all spatial axes, or one for each. */
export type PerAxis<Rank extends SpatialRank> =
  | number
  | (Rank extends 1
      ? readonly [number]
      : Rank extends 2
        ? readonly [number, number]
        : readonly [number, number, number]);

/** Options of every layer that slides a window of weights over `Rank` spatial axes. */
export interface WindowOptions<Rank extends SpatialRank> extends LayerOptions, BiasOptions, ResultOptions {
  /** Size of the window. */
  readonly kernelSize: PerAxis<Rank>;
  /** Distance of neighbouring windows. Default 1. */
  readonly strides?: PerAxis<Rank>;
  /** Default `"valid"`: only whole windows. `"same"` gives ⌈size / stride⌉ results, padding with zeros. */
  readonly padding?: "valid" | "same";
  /** Where the channels are. `"channelsFirst"` costs two transpositions. Default `"channelsLast"`. */
  readonly dataFormat?: DataFormat;
  /** Distance of neighbouring taps of the window. Default 1. */
  readonly dilationRate?: PerAxis<Rank>;
  /** Whether `bias` is added. Default true. */
  readonly useBias?: boolean;
}

/** Makes `"causal"` padding, only past entries, possible in one spatial axis. */
export type WithCausal<Options> = Omit<Options, "padding"> & {
  /** As in other convolutions, or `"causal"`: zeros in front, so that no result depends on later entries. */
  readonly padding?: Padding;
};

/** The rules for {@link WindowOptions}. */
export type WindowFields = {
  readonly kernelSize: Field<readonly number[]>;
  readonly strides: Field<readonly number[]>;
  readonly padding: Field<Padding>;
  readonly dataFormat: Field<DataFormat>;
  readonly dilationRate: Field<readonly number[]>;
  readonly activation: Field<Activation>;
  readonly useBias: Field<boolean>;
  readonly biasInitializer: Field<Initializer>;
  readonly biasRegularizer: Field<Regularizer | null>;
  readonly activityRegularizer: Field<Regularizer | null>;
  readonly biasConstraint: Field<Constraint | null>;
};

/** The rules for {@link WindowOptions}; `causal` allows that padding. */
/* @__NO_SIDE_EFFECTS__ */
export function windowFields(rank: SpatialRank, causal: boolean): WindowFields {
  return {
    kernelSize: sizePerAxis(rank),
    strides: sizePerAxis(rank, 1),
    padding: choice<Padding>(causal ? ["valid", "same", "causal"] : ["valid", "same"], "valid"),
    dataFormat: dataFormat(),
    dilationRate: sizePerAxis(rank, 1),
    activation: activation(),
    useBias: flag(true),
    biasInitializer: initializer("zeros"),
    biasRegularizer: regularizer(),
    activityRegularizer: regularizer(),
    biasConstraint: constraint(),
  };
}

/** A whole number ≥ 1. Default 1. */
/* @__NO_SIDE_EFFECTS__ */
export function oneOrMore(): Field<number> {
  const rule = positiveInteger();
  return { parse: (value, where) => rule.parse(value === undefined ? 1 : value, where), write: rule.write };
}

/** The parsed options that a bias needs. */
export interface Bias {
  readonly useBias: boolean;
  readonly biasInitializer: Initializer;
  readonly biasRegularizer: Regularizer | null;
  readonly biasConstraint: Constraint | null;
}

/** The bias of `channels` results, if there is one. */
export function biasSpec(options: Bias, channels: number): Readonly<Record<string, WeightSpec>> {
  if (!options.useBias) return {};
  const { biasInitializer: initializer, biasRegularizer: regularizer, biasConstraint: constraint } = options;
  return { bias: { shape: [channels], initializer, regularizer, constraint } };
}
