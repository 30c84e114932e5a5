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
export { type BatchNormalizationOptions, batchNormalization } from "./batchNormalization.ts";
export {
  type Conv1DOptions,
  type Conv1DTransposeOptions,
  type Conv2DOptions,
  type Conv2DTransposeOptions,
  type Conv3DOptions,
  type Conv3DTransposeOptions,
  conv1D,
  conv1DTranspose,
  conv2D,
  conv2DTranspose,
  conv3D,
  conv3DTranspose,
} from "./convolutional.ts";
export {
  type ActivationOptions,
  activationLayer as activation,
  type DenseOptions,
  dense,
  type InputOptions,
  inputLayer,
} from "./core.ts";
export {
  type DepthwiseConv1DOptions,
  type DepthwiseConv2DOptions,
  depthwiseConv1D,
  depthwiseConv2D,
  type SeparableConv1DOptions,
  type SeparableConv2DOptions,
  separableConv1D,
  separableConv2D,
} from "./depthwise.ts";
export { add, average, type ConcatenateOptions, concatenate, maximum, minimum, multiply, subtract } from "./merging.ts";
export {
  type GroupNormalizationOptions,
  groupNormalization,
  type LayerNormalizationOptions,
  layerNormalization,
  type UnitNormalizationOptions,
  unitNormalization,
} from "./normalization.ts";
export { type NormalizationOptions, normalization, type RescalingOptions, rescaling } from "./preprocessing.ts";
export { type DropoutOptions, dropout, type GaussianNoiseOptions, gaussianNoise } from "./regularization.ts";
export { type FlattenOptions, flatten, type ReshapeOptions, reshape } from "./reshaping.ts";
