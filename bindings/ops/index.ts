// Which operations can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as activations from "./activations.ts";
import * as composed from "./composed.ts";
import * as convolutions from "./conv.ts";
import * as moving from "./copy.ts";
import * as crossEntropies from "./crossEntropy.ts";
import * as gathering from "./gather.ts";
import * as elements from "./map.ts";
import * as products from "./matMul.ts";
import * as pooling from "./pool.ts";
import * as reductions from "./reduce.ts";
import * as softmaxes from "./softmax.ts";
import * as views from "./view.ts";

/** −x. float32 or int32, like abs and sign. */
export const negate: Lifted<typeof elements.negate> = /* @__PURE__ */ lift("negate", elements.negate, 1);
/** |x|. */
export const abs: Lifted<typeof elements.abs> = /* @__PURE__ */ lift("abs", elements.abs, 1);
/** −1, 0 or 1; its gradient is zero. */
export const sign: Lifted<typeof elements.sign> = /* @__PURE__ */ lift("sign", elements.sign, 1);
/** x². */
export const square: Lifted<typeof elements.square> = /* @__PURE__ */ lift("square", elements.square, 1);
/** √x; NaN for x < 0. */
export const sqrt: Lifted<typeof elements.sqrt> = /* @__PURE__ */ lift("sqrt", elements.sqrt, 1);
/** 1/√x. */
export const rsqrt: Lifted<typeof elements.rsqrt> = /* @__PURE__ */ lift("rsqrt", elements.rsqrt, 1);
/** 1/x. */
export const reciprocal: Lifted<typeof elements.reciprocal> = /* @__PURE__ */ lift(
  "reciprocal",
  elements.reciprocal,
  1,
);
/** eˣ. */
export const exp: Lifted<typeof elements.exp> = /* @__PURE__ */ lift("exp", elements.exp, 1);
/** eˣ − 1, exact near 0. */
export const expm1: Lifted<typeof elements.expm1> = /* @__PURE__ */ lift("expm1", elements.expm1, 1);
/** ln x; −Infinity at 0, NaN below. */
export const log: Lifted<typeof elements.log> = /* @__PURE__ */ lift("log", elements.log, 1);
/** ln(1 + x), exact near 0. */
export const log1p: Lifted<typeof elements.log1p> = /* @__PURE__ */ lift("log1p", elements.log1p, 1);
/** Hyperbolic tangent. */
export const tanh: Lifted<typeof elements.tanh> = /* @__PURE__ */ lift("tanh", elements.tanh, 1);
/** 1/(1 + e⁻ˣ). */
export const sigmoid: Lifted<typeof elements.sigmoid> = /* @__PURE__ */ lift("sigmoid", elements.sigmoid, 1);
/** Error function, 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf: Lifted<typeof elements.erf> = /* @__PURE__ */ lift("erf", elements.erf, 1);
/** Inverse of erf on (−1, 1). */
export const erfInverse: Lifted<typeof elements.erfInverse> = /* @__PURE__ */ lift(
  "erfInverse",
  elements.erfInverse,
  1,
);
/** Greatest integer ≤ x; its gradient is zero, like that of ceil and round. */
export const floor: Lifted<typeof elements.floor> = /* @__PURE__ */ lift("floor", elements.floor, 1);
/** Least integer ≥ x. */
export const ceil: Lifted<typeof elements.ceil> = /* @__PURE__ */ lift("ceil", elements.ceil, 1);
/** Nearest integer, halves to the even one. */
export const round: Lifted<typeof elements.round> = /* @__PURE__ */ lift("round", elements.round, 1);
/** max(x, 0). */
export const relu: Lifted<typeof elements.relu> = /* @__PURE__ */ lift("relu", elements.relu, 1);
/** Sine of radians. */
export const sin: Lifted<typeof elements.sin> = /* @__PURE__ */ lift("sin", elements.sin, 1);
/** Cosine of radians. */
export const cos: Lifted<typeof elements.cos> = /* @__PURE__ */ lift("cos", elements.cos, 1);
/** Not a. Operands of the logical operations are cast to bool. */
export const logicalNot: Lifted<typeof elements.logicalNot> = /* @__PURE__ */ lift(
  "logicalNot",
  elements.logicalNot,
  1,
);
/** The values in another dtype: float → integer rounds towards zero, anything → bool is ≠ 0. No gradient to integers. */
export const cast: Lifted<typeof elements.cast> = /* @__PURE__ */ lift("cast", elements.cast, 1);
/** x repeated along axes of size 1 and missing leading axes. @throws {TensorError} `shape` when it does not fit. */
export const broadcastTo: Lifted<typeof elements.broadcastTo> = /* @__PURE__ */ lift(
  "broadcastTo",
  elements.broadcastTo,
  1,
);
/** a + b. */
export const add: Lifted<typeof elements.add> = /* @__PURE__ */ lift("add", elements.add, 2);
/** a − b. */
export const subtract: Lifted<typeof elements.subtract> = /* @__PURE__ */ lift("subtract", elements.subtract, 2);
/** a · b. */
export const multiply: Lifted<typeof elements.multiply> = /* @__PURE__ */ lift("multiply", elements.multiply, 2);
/** a / b, in float32. */
export const divide: Lifted<typeof elements.divide> = /* @__PURE__ */ lift("divide", elements.divide, 2);
/** The larger of a and b; NaN if either is. */
export const maximum: Lifted<typeof elements.maximum> = /* @__PURE__ */ lift("maximum", elements.maximum, 2);
/** The smaller of a and b; NaN if either is. */
export const minimum: Lifted<typeof elements.minimum> = /* @__PURE__ */ lift("minimum", elements.minimum, 2);
/** a = b, as bool. */
export const equal: Lifted<typeof elements.equal> = /* @__PURE__ */ lift("equal", elements.equal, 2);
/** a ≠ b. */
export const notEqual: Lifted<typeof elements.notEqual> = /* @__PURE__ */ lift("notEqual", elements.notEqual, 2);
/** a < b. */
export const less: Lifted<typeof elements.less> = /* @__PURE__ */ lift("less", elements.less, 2);
/** a ≤ b. */
export const lessEqual: Lifted<typeof elements.lessEqual> = /* @__PURE__ */ lift("lessEqual", elements.lessEqual, 2);
/** a > b. */
export const greater: Lifted<typeof elements.greater> = /* @__PURE__ */ lift("greater", elements.greater, 2);
/** a ≥ b. */
export const greaterEqual: Lifted<typeof elements.greaterEqual> = /* @__PURE__ */ lift(
  "greaterEqual",
  elements.greaterEqual,
  2,
);
/** a and b. */
export const logicalAnd: Lifted<typeof elements.logicalAnd> = /* @__PURE__ */ lift(
  "logicalAnd",
  elements.logicalAnd,
  2,
);
/** a or b. */
export const logicalOr: Lifted<typeof elements.logicalOr> = /* @__PURE__ */ lift("logicalOr", elements.logicalOr, 2);
/** a where `condition` holds, b elsewhere; all three broadcast. */
export const where: Lifted<typeof elements.where> = /* @__PURE__ */ lift("where", elements.where, 3);
/** Σ over `axes` (all when missing); the axes stay as size 1 with `keepDims`. float32 or int32. */
export const sum: Lifted<typeof reductions.sum> = /* @__PURE__ */ lift("sum", reductions.sum, 1);
/** Arithmetic mean over `axes`, float32. */
export const mean: Lifted<typeof reductions.mean> = /* @__PURE__ */ lift("mean", reductions.mean, 1);
/** Largest value over `axes`; NaN if there is one. Equal maxima share the gradient. */
export const max: Lifted<typeof reductions.max> = /* @__PURE__ */ lift("max", reductions.max, 1);
/** Smallest value over `axes`. */
export const min: Lifted<typeof reductions.min> = /* @__PURE__ */ lift("min", reductions.min, 1);
/** Product over `axes`. */
export const product: Lifted<typeof reductions.product> = /* @__PURE__ */ lift("product", reductions.product, 1);
/** Position of the first largest value along one axis, int32; no gradient. */
export const argMax: Lifted<typeof reductions.argMax> = /* @__PURE__ */ lift("argMax", reductions.argMax, 1);
/** Position of the first smallest value along one axis, int32. */
export const argMin: Lifted<typeof reductions.argMin> = /* @__PURE__ */ lift("argMin", reductions.argMin, 1);
/**
 * C = A·B. a [..., m, k] × b [..., k, n] → [..., m, n]; the leading axes broadcast. float32.
 * @throws {TensorError} `shape` when the inner sizes differ.
 */
export const matMul: Lifted<typeof products.matMul> = /* @__PURE__ */ lift("matMul", products.matMul, 2);
/**
 * y[n, ...o, c] = Σ x[n, ...o · stride + k · dilation − padding, i] · kernel[...k, i, c]. x [n, ...s, cin] × kernel
 * [...k, cin / groups, cout] → [n, ...o, cout]; channels last; 1 to 3 spatial axes.
 * @throws {TensorError} `shape` when sizes or options do not fit, or no output is left.
 */
export const conv: Lifted<typeof convolutions.conv> = /* @__PURE__ */ lift("conv", convolutions.conv, 2);
/**
 * The gradient of `conv` with respect to x: what transposed convolutions compute. dy [n, ...o, cout], kernel
 * [...k, cin / groups, cout] → [n, ...inputSpatial, cin].
 * @throws {TensorError} `shape` when dy is not what conv makes of such an input.
 */
export const convInputGradient: Lifted<typeof convolutions.convInputGradient> = /* @__PURE__ */ lift(
  "convInputGradient",
  convolutions.convInputGradient,
  2,
);
/**
 * The gradient of `conv` with respect to the kernel. x [n, ...s, cin], dy [n, ...o, cout] →
 * [...kernelSpatial, cin / groups, cout].
 * @throws {TensorError} `shape` when dy is not what conv makes of x with such a kernel.
 */
export const convKernelGradient: Lifted<typeof convolutions.convKernelGradient> = /* @__PURE__ */ lift(
  "convKernelGradient",
  convolutions.convKernelGradient,
  2,
);
/** The same elements under another shape; one size may be -1. Costs nothing. */
export const reshape: Lifted<typeof views.reshape> = /* @__PURE__ */ lift("reshape", views.reshape, 1);
/** x with a new axis of size 1 at `axis`. */
export const expandDims: Lifted<typeof views.expandDims> = /* @__PURE__ */ lift("expandDims", views.expandDims, 1);
/** x without the given axes of size 1, or without all of them. */
export const squeeze: Lifted<typeof views.squeeze> = /* @__PURE__ */ lift("squeeze", views.squeeze, 1);
/** x, treated as a constant by differentiation. */
export const stopGradient: Lifted<typeof views.stopGradient> = /* @__PURE__ */ lift(
  "stopGradient",
  views.stopGradient,
  1,
);
/** Axis i of the result is axis `permutation[i]` of x; reversed order when missing. */
export const transpose: Lifted<typeof moving.transpose> = /* @__PURE__ */ lift("transpose", moving.transpose, 1);
/** The block of `size` elements from `begin` in each axis; -1 in `size` means up to the end. */
export const slice: Lifted<typeof moving.slice> = /* @__PURE__ */ lift("slice", moving.slice, 1);
/** x with `paddings[axis] = [before, after]` elements of `value` around it. */
export const pad: Lifted<typeof moving.pad> = /* @__PURE__ */ lift("pad", moving.pad, 1);
/** The inputs one after the other along `axis`; all other sizes equal. Dtypes are promoted to the widest. */
export const concat: Lifted<typeof moving.concat> = /* @__PURE__ */ lift("concat", moving.concat, 1);
/** The inputs, all of one shape, along a new axis. */
export const stack: Lifted<typeof moving.stack> = /* @__PURE__ */ lift("stack", moving.stack, 1);
/**
 * The maximum of each window: x [batch, ...spatial, channels] → [batch, ...windows, channels], with one to three spatial
 * axes. Margins never win; NaN does; the gradient goes to the first of equal maxima.
 */
export const maxPool: Lifted<typeof pooling.maxPool> = /* @__PURE__ */ lift("maxPool", pooling.maxPool, 1);
/** The average of the real cells of each window, shapes as for maxPool. */
export const averagePool: Lifted<typeof pooling.averagePool> = /* @__PURE__ */ lift(
  "averagePool",
  pooling.averagePool,
  1,
);
/**
 * Entries of x along `axis` picked by integer `indices`: shape of x with that axis replaced by the shape of `indices`.
 * @throws {TensorError} `data` while running, when an index is outside the axis.
 */
export const gather: Lifted<typeof gathering.gather> = /* @__PURE__ */ lift("gather", gathering.gather, 2);
/** Rows [rows, inner] with the rows of `updates` [count, inner] added at `indices` [count]; zero elsewhere. */
export const scatterAdd: Lifted<typeof gathering.scatterAdd> = /* @__PURE__ */ lift(
  "scatterAdd",
  gathering.scatterAdd,
  2,
);
/** eˣ / Σ eˣ along `axis`, computed from x − max x; sums to 1. */
export const softmax: Lifted<typeof softmaxes.softmax> = /* @__PURE__ */ lift("softmax", softmaxes.softmax, 1);
/** ln softmax(x) along `axis`, exact where softmax is tiny. */
export const logSoftmax: Lifted<typeof softmaxes.logSoftmax> = /* @__PURE__ */ lift(
  "logSoftmax",
  softmaxes.logSoftmax,
  1,
);
/**
 * −Σ_c labels_c · ln softmax(logits)_c over the last axis: labels and logits [..., classes] → [...]. Labels need not
 * sum to 1.
 */
export const softmaxCrossEntropy: Lifted<typeof crossEntropies.softmaxCrossEntropy> = /* @__PURE__ */ lift(
  "softmaxCrossEntropy",
  crossEntropies.softmaxCrossEntropy,
  2,
);
/**
 * −ln softmax(logits)_label over the last axis: integer labels [...], logits [..., classes] → [...].
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export const sparseSoftmaxCrossEntropy: Lifted<typeof crossEntropies.sparseSoftmaxCrossEntropy> = /* @__PURE__ */ lift(
  "sparseSoftmaxCrossEntropy",
  crossEntropies.sparseSoftmaxCrossEntropy,
  2,
);
/** −y·ln σ(x) − (1 − y)·ln(1 − σ(x)) for each element, stable for large |x|; σ is the sigmoid. */
export const sigmoidCrossEntropy: Lifted<typeof crossEntropies.sigmoidCrossEntropy> = /* @__PURE__ */ lift(
  "sigmoidCrossEntropy",
  crossEntropies.sigmoidCrossEntropy,
  2,
);
/** Integer positions [...] as rows of zeros with a one: [..., depth] float32; a position outside gives zeros. */
export const oneHot: Lifted<typeof crossEntropies.oneHot> = /* @__PURE__ */ lift("oneHot", crossEntropies.oneHot, 1);
/** x^exponent. Whole exponents up to 64 by multiplication; others as e^(exponent · ln x), for x ≥ 0. */
export const power: Lifted<typeof composed.power> = /* @__PURE__ */ lift("power", composed.power, 1);
/** The values limited to [low, high]; the gradient is zero outside. */
export const clip: Lifted<typeof composed.clip> = /* @__PURE__ */ lift("clip", composed.clip, 1);
/** All elements in one row for each entry of the first axis: [batch, ...] → [batch, elements]. */
export const flatten: Lifted<typeof composed.flatten> = /* @__PURE__ */ lift("flatten", composed.flatten, 1);
/** Σ (x − mean)² / n over `axes`. */
export const variance: Lifted<typeof composed.variance> = /* @__PURE__ */ lift("variance", composed.variance, 1);
/** x for x > 0, alpha · (eˣ − 1) below (Clevert et al., 2016). */
export const elu: Lifted<typeof activations.elu> = /* @__PURE__ */ lift("elu", activations.elu, 1);
/** scale · elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017). */
export const selu: Lifted<typeof activations.selu> = /* @__PURE__ */ lift("selu", activations.selu, 1);
/** x for x > 0, slope · x below. */
export const leakyRelu: Lifted<typeof activations.leakyRelu> = /* @__PURE__ */ lift(
  "leakyRelu",
  activations.leakyRelu,
  1,
);
/** min(max(x, 0), 6). */
export const relu6: Lifted<typeof activations.relu6> = /* @__PURE__ */ lift("relu6", activations.relu6, 1);
/** ln(1 + eˣ), without overflow. */
export const softplus: Lifted<typeof activations.softplus> = /* @__PURE__ */ lift("softplus", activations.softplus, 1);
/** x / (1 + |x|). */
export const softsign: Lifted<typeof activations.softsign> = /* @__PURE__ */ lift("softsign", activations.softsign, 1);
/** x · sigmoid(x), also called swish (Ramachandran et al., 2017). */
export const silu: Lifted<typeof activations.silu> = /* @__PURE__ */ lift("silu", activations.silu, 1);
/** x · Φ(x); with `approximate` the tanh formula (Hendrycks & Gimpel, 2016). */
export const gelu: Lifted<typeof activations.gelu> = /* @__PURE__ */ lift("gelu", activations.gelu, 1);
/** relu6(x + 3) / 6. */
export const hardSigmoid: Lifted<typeof activations.hardSigmoid> = /* @__PURE__ */ lift(
  "hardSigmoid",
  activations.hardSigmoid,
  1,
);
/** min(x, maxValue) for x > threshold, negativeSlope · (x − threshold) below; no limit when `maxValue` is null. */
export const rectify: Lifted<typeof activations.rectify> = /* @__PURE__ */ lift("rectify", activations.rectify, 1);
/** max(x, 0) + min(0, alpha · (e^(x/alpha) − 1)) (Barron, 2017). */
export const celu: Lifted<typeof activations.celu> = /* @__PURE__ */ lift("celu", activations.celu, 1);
/** x · hardSigmoid(x) (Howard et al., 2019), also called hard swish. */
export const hardSilu: Lifted<typeof activations.hardSilu> = /* @__PURE__ */ lift("hardSilu", activations.hardSilu, 1);
/** −1 below −1, 1 above 1, x between. */
export const hardTanh: Lifted<typeof activations.hardTanh> = /* @__PURE__ */ lift("hardTanh", activations.hardTanh, 1);
/** x where |x| > threshold, else 0. */
export const hardShrink: Lifted<typeof activations.hardShrink> = /* @__PURE__ */ lift(
  "hardShrink",
  activations.hardShrink,
  1,
);
/** x moved towards 0 by threshold; 0 where |x| ≤ threshold. */
export const softShrink: Lifted<typeof activations.softShrink> = /* @__PURE__ */ lift(
  "softShrink",
  activations.softShrink,
  1,
);
/** x − tanh x. */
export const tanhShrink: Lifted<typeof activations.tanhShrink> = /* @__PURE__ */ lift(
  "tanhShrink",
  activations.tanhShrink,
  1,
);
/** ln σ(x) = −ln(1 + e⁻ˣ), without overflow. */
export const logSigmoid: Lifted<typeof activations.logSigmoid> = /* @__PURE__ */ lift(
  "logSigmoid",
  activations.logSigmoid,
  1,
);
/** x · tanh(ln(1 + eˣ)) (Misra, 2019). */
export const mish: Lifted<typeof activations.mish> = /* @__PURE__ */ lift("mish", activations.mish, 1);
/** First half of `axis` times the sigmoid of its second half: size 2n → n (Dauphin et al., 2017). */
export const glu: Lifted<typeof activations.glu> = /* @__PURE__ */ lift("glu", activations.glu, 1);
/** x where x > threshold, else `defaultValue`. */
export const threshold: Lifted<typeof activations.threshold> = /* @__PURE__ */ lift(
  "threshold",
  activations.threshold,
  1,
);
/** 0 for x ≤ −1, (x + 1)²/4 up to 1, x above: the smooth counterpart of `sparseSigmoid`. */
export const sparsePlus: Lifted<typeof activations.sparsePlus> = /* @__PURE__ */ lift(
  "sparsePlus",
  activations.sparsePlus,
  1,
);
/** 0 for x ≤ −1, (x + 1)/2 up to 1, 1 above. */
export const sparseSigmoid: Lifted<typeof activations.sparseSigmoid> = /* @__PURE__ */ lift(
  "sparseSigmoid",
  activations.sparseSigmoid,
  1,
);
/** (x + √(x² + b)) / 2 (Barron, 2021). For x < 0 as b / (2(√(x² + b) − x)): the sum would cancel. */
export const squareplus: Lifted<typeof activations.squareplus> = /* @__PURE__ */ lift(
  "squareplus",
  activations.squareplus,
  1,
);
/**
 * The point of the probability simplex nearest to x along `axis`; many are exactly 0 (Martins & Astudillo, 2016).
 * max(x − τ, 0) where τ = (Σ_S x − 1)/|S| and S holds the i with 1 + k·x_i > Σ of the k values ≥ x_i. Compares all
 * pairs, so it takes memory for n² numbers a row. (Keras 3.8 sums all partial sums for τ: its rows do not sum to 1.)
 */
export const sparsemax: Lifted<typeof activations.sparsemax> = /* @__PURE__ */ lift(
  "sparsemax",
  activations.sparsemax,
  1,
);
