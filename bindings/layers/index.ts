// Which layers are there?

export type { FillMode } from "../ops/affineSample.ts";
export {
  type ELUOptions,
  elu,
  type LeakyReLUOptions,
  leakyReLU,
  type PReLUOptions,
  pReLU,
  type ReLUOptions,
  reLU,
  type SoftmaxOptions,
  softmax,
  type ThresholdedReLUOptions,
  thresholdedReLU,
} from "./activation.ts";
export type { Factor, Range } from "./augmentation.ts";
export { type BatchNormalizationOptions, batchNormalization } from "./batchNormalization.ts";
export {
  type CategoryEncodingOptions,
  type CategoryOutput,
  categoryEncoding,
  type DiscretizationLayer,
  type DiscretizationOptions,
  discretization,
} from "./categories.ts";
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
export type { Padding } from "./convolutionGeometry.ts";
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
export { type EinsumDenseOptions, einsumDense } from "./einsumDense.ts";
export { identity, type LambdaOptions, lambda } from "./functions.ts";
export type { Interpolation } from "./interpolation.ts";
export {
  add,
  average,
  type ConcatenateOptions,
  concatenate,
  type DotOptions,
  dot,
  maximum,
  minimum,
  multiply,
  subtract,
} from "./merging.ts";
export { type CutMixOptions, cutMix, type MixUpOptions, mixUp } from "./mixing.ts";
export {
  type GroupNormalizationOptions,
  groupNormalization,
  type LayerNormalizationOptions,
  layerNormalization,
  type RMSNormalizationOptions,
  rmsNormalization,
  type UnitNormalizationOptions,
  unitNormalization,
} from "./normalization.ts";
export {
  type AdaptivePoolingOptions,
  adaptiveAveragePooling1D,
  adaptiveAveragePooling2D,
  adaptiveAveragePooling3D,
  adaptiveMaxPooling1D,
  adaptiveMaxPooling2D,
  adaptiveMaxPooling3D,
  averagePooling1D,
  averagePooling2D,
  averagePooling3D,
  type GlobalPoolingOptions,
  globalAveragePooling1D,
  globalAveragePooling2D,
  globalAveragePooling3D,
  globalMaxPooling1D,
  globalMaxPooling2D,
  globalMaxPooling3D,
  maxPooling1D,
  maxPooling2D,
  maxPooling3D,
  type PoolingOptions,
} from "./pooling.ts";
export {
  type NormalizationLayer,
  type NormalizationOptions,
  normalization,
  type RescalingOptions,
  rescaling,
} from "./preprocessing.ts";
export {
  type RandomBrightnessOptions,
  type RandomContrastOptions,
  randomBrightness,
  randomContrast,
} from "./randomColor.ts";
export { type RandomErasingOptions, randomErasing } from "./randomErasing.ts";
export {
  type RandomCropOptions,
  type RandomFlipOptions,
  type RandomRotationOptions,
  type RandomTranslationOptions,
  type RandomZoomOptions,
  randomCrop,
  randomFlip,
  randomRotation,
  randomTranslation,
  randomZoom,
} from "./randomGeometry.ts";
export {
  type ActivityRegularizationOptions,
  type AlphaDropoutOptions,
  activityRegularization,
  alphaDropout,
  type DropoutOptions,
  dropout,
  type GaussianDropoutOptions,
  type GaussianNoiseOptions,
  gaussianDropout,
  gaussianNoise,
} from "./regularization.ts";
export {
  type FlattenOptions,
  flatten,
  type PermuteOptions,
  permute,
  type RepeatVectorOptions,
  type ReshapeOptions,
  repeatVector,
  reshape,
} from "./reshaping.ts";
export { type CenterCropOptions, centerCrop, type ResizingOptions, resizing } from "./resizing.ts";
export { type EmbeddingOptions, embedding, type MaskingOptions, masking } from "./sequence.ts";
export {
  type Cropping1DOptions,
  type CroppingOptions,
  cropping1D,
  cropping2D,
  cropping3D,
  type Margins,
  type UpSampling1DOptions,
  type UpSampling2DOptions,
  type UpSampling3DOptions,
  upSampling1D,
  upSampling2D,
  upSampling3D,
  type ZeroPaddingOptions,
  zeroPadding1D,
  zeroPadding2D,
  zeroPadding3D,
} from "./spatial.ts";
export {
  type SpatialDropout1DOptions,
  type SpatialDropoutOptions,
  spatialDropout1D,
  spatialDropout2D,
  spatialDropout3D,
} from "./spatialDropout.ts";
export type { DataFormat, Margin } from "./spatialFields.ts";
export { type SpectralNormalizationOptions, spectralNormalization } from "./spectralNormalization.ts";
export type { PerAxis } from "./windowFields.ts";
