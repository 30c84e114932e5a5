// Which parts of networks can users call as functions, on values and on symbols?

import { type Lifted, lift, type Result } from "../compiled.ts";
import type { Operand } from "../graph.ts";
import * as entropies from "./classEntropies.ts";
import * as gradients from "./conv.ts";
import * as convolutions from "./convolutions.ts";
import * as normalizations from "./normalizations.ts";

/**
 * y[n, ...o, c] = Σ x[n, ...o · stride + k · dilation − padding, i] · kernel[...k, i, c]. x [n, ...s, cin] × kernel
 * [...k, cin / groups, cout] → [n, ...o, cout]; channels last; 1 to 3 spatial axes.
 * @throws {TensorError} `shape` when sizes or options do not fit, or no output is left.
 */
export const conv: Lifted<typeof convolutions.convolution> = /* @__PURE__ */ lift("conv", convolutions.convolution, 2);
/**
 * The gradient of `conv` with respect to x: what transposed convolutions compute. dy [n, ...o, cout], kernel
 * [...k, cin / groups, cout] → [n, ...inputSpatial, cin].
 * @throws {TensorError} `shape` when dy is not what conv makes of such an input.
 */
export const convInputGradient: Lifted<typeof gradients.convInputGradient> = /* @__PURE__ */ lift(
  "convInputGradient",
  gradients.convInputGradient,
  2,
);
/**
 * The gradient of `conv` with respect to the kernel. x [n, ...s, cin], dy [n, ...o, cout] →
 * [...kernelSpatial, cin / groups, cout].
 * @throws {TensorError} `shape` when dy is not what conv makes of x with such a kernel.
 */
export const convKernelGradient: Lifted<typeof gradients.convKernelGradient> = /* @__PURE__ */ lift(
  "convKernelGradient",
  gradients.convKernelGradient,
  2,
);
const normalized = /* @__PURE__ */ lift("batchNormalization", normalizations.batchNormalization, 5);
/**
 * (x − mean) / √(variance + epsilon) · scale + offset, each of them one number for each entry of `axis`. Mean and variance
 * are given; those of x are {@link moments}.
 * @throws {TensorError} `shape` when one of them has another size.
 */
export function batchNormalization<
  const X extends Operand,
  const M extends Operand,
  const V extends Operand,
  const O extends Operand = number,
  const S extends Operand = number,
>(x: X, mean: M, variance: V, axis?: number, offset?: O, scale?: S, epsilon?: number): Result<[X, M, V, O, S]> {
  return normalized(x, mean, variance, offset, scale, axis, epsilon) as unknown as Result<[X, M, V, O, S]>;
}
/**
 * Each channel convolved with kernels of its own: x [n, ...s, channels] × kernel [...k, channels, multiplier] → [n, ...o,
 * channels · multiplier].
 * @throws {TensorError} `shape` when sizes or options do not fit.
 */
export const depthwiseConv: Lifted<typeof convolutions.depthwiseConv> = /* @__PURE__ */ lift(
  "depthwiseConv",
  convolutions.depthwiseConv,
  2,
);
/**
 * A {@link depthwiseConv}, then a mixing of its channels in each place: pointwiseKernel [...1, channels · multiplier, cout]
 * → [n, ...o, cout].
 * @throws {TensorError} `shape` when sizes or options do not fit.
 */
export const separableConv: Lifted<typeof convolutions.separableConv> = /* @__PURE__ */ lift(
  "separableConv",
  convolutions.separableConv,
  3,
);
/**
 * The transpose of {@link conv}, as a matrix, applied to x: each entry is spread over a window, so that sizes grow by
 * the strides. x [n, ...s, cin] × kernel [...k, cout, cin] → [n, ...o, cout].
 * @throws {TensorError} `shape` when sizes do not fit, `option` for an outputPadding that no convolution explains.
 */
export const convTranspose: Lifted<typeof convolutions.convTranspose> = /* @__PURE__ */ lift(
  "convTranspose",
  convolutions.convTranspose,
  2,
);
/**
 * (x − mean) / √(variance + epsilon) · gamma + beta with mean and variance over `axes` of each sample; gamma and beta have
 * these axes (Ba et al., 2016).
 * @throws {TensorError} `shape` when gamma or beta have other sizes.
 */
export const layerNormalization: Lifted<typeof normalizations.layerNormalization> = /* @__PURE__ */ lift(
  "layerNormalization",
  normalizations.layerNormalization,
  3,
);
/** x / √(mean x² + epsilon) · scale over `axes`, which scale has (Zhang & Sennrich, 2019). */
export const rmsNormalization: Lifted<typeof normalizations.rmsNormalization> = /* @__PURE__ */ lift(
  "rmsNormalization",
  normalizations.rmsNormalization,
  2,
);
/** 20 · log₁₀(largest) − 10 · log₁₀(mean (a − b)²), the ratio of signal and noise in decibels; Infinity for equal ones. */
export const psnr: Lifted<typeof normalizations.psnr> = /* @__PURE__ */ lift("psnr", normalizations.psnr, 2);
/** Integers [..., n] as rows with a one for each of them: [..., classes] float32; positions outside do not count. */
export const multiHot: Lifted<typeof normalizations.multiHot> = /* @__PURE__ */ lift(
  "multiHot",
  normalizations.multiHot,
  1,
  { indices: 0 },
);
/**
 * −y·ln p − (1 − y)·ln(1 − p) for each element: targets y and p of one shape. With `fromLogits` p is the sigmoid of the
 * output; of a sigmoid in the same program the logits are taken anyway.
 * @throws {TensorError} `shape` when the shapes differ.
 */
export const binaryCrossentropy: Lifted<typeof entropies.binaryCrossentropy> = /* @__PURE__ */ lift(
  "binaryCrossentropy",
  entropies.binaryCrossentropy,
  2,
);
/**
 * −Σ y·ln p along `axis`, p made to sum to 1: targets y and p of one shape [..., classes] → [...]. With `fromLogits` p is
 * the softmax of the output; of a softmax in the same program the logits are taken anyway.
 * @throws {TensorError} `shape` when the shapes differ.
 */
export const categoricalCrossentropy: Lifted<typeof entropies.categoricalCrossentropy> = /* @__PURE__ */ lift(
  "categoricalCrossentropy",
  entropies.categoricalCrossentropy,
  2,
);
/**
 * −ln p_label along `axis`, p made to sum to 1: integer targets [...], p [..., classes] → [...]. `fromLogits` as for
 * {@link categoricalCrossentropy}.
 * @throws {TensorError} `shape` unless there is one label a row, `data` while running, when one is outside 0 … classes − 1.
 */
export const sparseCategoricalCrossentropy: Lifted<typeof entropies.sparseCategoricalCrossentropy> =
  /* @__PURE__ */ lift("sparseCategoricalCrossentropy", entropies.sparseCategoricalCrossentropy, 2, { indices: 0 });
