// Which layers are there?

export { elu, type ELUOptions, leakyReLU, type LeakyReLUOptions, reLU, type ReLUOptions, softmax, type SoftmaxOptions } from "./activation.ts";
export { type ActivationOptions, activationLayer as activation, dense, type DenseOptions, type InputOptions, inputLayer } from "./core.ts";
export { add, average, concatenate, type ConcatenateOptions, maximum, minimum, multiply, subtract } from "./merging.ts";
export { normalization, type NormalizationOptions, rescaling, type RescalingOptions } from "./preprocessing.ts";
export { dropout, type DropoutOptions, gaussianNoise, type GaussianNoiseOptions } from "./regularization.ts";
export { flatten, type FlattenOptions, reshape, type ReshapeOptions } from "./reshaping.ts";
