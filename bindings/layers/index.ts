// Which layers are there?

export {
  type ELUOptions,
  elu,
  type LeakyReLUOptions,
  leakyReLU,
  type ReLUOptions,
  reLU,
  type SoftmaxOptions,
  softmax,
} from "./activation.ts";
export {
  type ActivationOptions,
  activationLayer as activation,
  type DenseOptions,
  dense,
  type InputOptions,
  inputLayer,
} from "./core.ts";
export { add, average, type ConcatenateOptions, concatenate, maximum, minimum, multiply, subtract } from "./merging.ts";
export { type NormalizationOptions, normalization, type RescalingOptions, rescaling } from "./preprocessing.ts";
export { type DropoutOptions, dropout, type GaussianNoiseOptions, gaussianNoise } from "./regularization.ts";
export { type FlattenOptions, flatten, type ReshapeOptions, reshape } from "./reshaping.ts";
