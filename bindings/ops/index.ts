// Which operations can users call, on values and on symbols?

import { type Lifted, lift, type Result } from "../compiled.ts";
import { check, show } from "../errors.ts";
import { isVariable, type Operand, tracing } from "../graph.ts";
import type { TensorLike } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import * as composed from "./composed.ts";
import * as moving from "./copy.ts";
import * as crossEntropies from "./crossEntropy.ts";
import * as einsums from "./einsum.ts";
import * as gathering from "./gather.ts";
import * as elements from "./map.ts";
import * as products from "./matMul.ts";
import * as updates from "./optimize.ts";
import * as pooling from "./pool.ts";
import * as reductions from "./reduce.ts";
import * as softmaxes from "./softmax.ts";
import * as sorting from "./sort.ts";
import * as views from "./view.ts";

export type { Axes } from "./axes.ts";
export type { NormOrder } from "./composedReductions.ts";
export * from "./control.ts";
export type { ConvOptions } from "./convOptions.ts";
export * from "./creation.ts";
export * from "./liftedActivations.ts";
export * from "./liftedAngles.ts";
export * from "./liftedElements.ts";
export * from "./liftedIndexing.ts";
export * from "./liftedLinearAlgebra.ts";
export * from "./liftedMoves.ts";
export * from "./liftedNetworks.ts";
export * from "./liftedPieces.ts";
export * from "./liftedReductions.ts";
export * from "./liftedSequences.ts";
export * from "./liftedStatistics.ts";
export type { MatMulOptions } from "./matMul.ts";
export type { PoolOptions } from "./poolWindows.ts";

/** −x. float32 or int32, like abs and sign. */
export const negate: Lifted<typeof elements.negate> = /* @__PURE__ */ lift("negate", elements.negate, 1);
/** |x|. Its gradient at 0 is 0. */
export const abs: Lifted<typeof elements.abs> = /* @__PURE__ */ lift("abs", elements.abs, 1);
/** −1, 0 or 1; its gradient is zero. */
export const sign: Lifted<typeof elements.sign> = /* @__PURE__ */ lift("sign", elements.sign, 1);
/** x². float32 or int32. */
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
/** max(x, 0). Its gradient at 0 is 0. */
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
/** The larger of a and b; NaN if either is. Where both are equal each gets half of the gradient. */
export const maximum: Lifted<typeof elements.maximum> = /* @__PURE__ */ lift("maximum", elements.maximum, 2);
/** The smaller of a and b; NaN if either is. Where both are equal each gets half of the gradient. */
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
/**
 * a where `condition` holds, b elsewhere; all three broadcast. Of uint8 and bool it is what they are, uint8 of both and of
 * uint8 and a number from 0 to 255; else float32 if either is, else int32.
 */
export const where: Lifted<typeof elements.where> = /* @__PURE__ */ lift("where", elements.where, 3);
/** Σ over `axes` (all when missing); the axes stay as size 1 with `keepDims`. float32 or int32. */
export const sum: Lifted<typeof reductions.sum> = /* @__PURE__ */ lift("sum", reductions.sum, 1);
/** Arithmetic mean over `axes`, float32; of integers from their exact sum, up to 2¹⁶ of them at least. */
export const mean: Lifted<typeof reductions.mean> = /* @__PURE__ */ lift("mean", reductions.mean, 1);
/** Largest value over `axes`; NaN if there is one. Equal maxima share the gradient. */
export const max: Lifted<typeof reductions.max> = /* @__PURE__ */ lift("max", reductions.max, 1);
/** Smallest value over `axes`; NaN if there is one. Equal minima share the gradient. */
export const min: Lifted<typeof reductions.min> = /* @__PURE__ */ lift("min", reductions.min, 1);
/** Product over `axes`. */
export const product: Lifted<typeof reductions.product> = /* @__PURE__ */ lift("product", reductions.product, 1);
/** Position of the first largest value along one axis, among all elements in a row when it is missing; int32, no gradient. */
export const argMax: Lifted<typeof reductions.argMax> = /* @__PURE__ */ lift("argMax", reductions.argMax, 1);
/** Position of the first smallest value along one axis, among all elements in a row when it is missing; int32. */
export const argMin: Lifted<typeof reductions.argMin> = /* @__PURE__ */ lift("argMin", reductions.argMin, 1);
/**
 * C = A·B. a [..., m, k] × b [..., k, n] → [..., m, n]; the leading axes broadcast. float32.
 * @throws {TensorError} `shape` when the inner sizes differ.
 */
export const matMul: Lifted<typeof products.matMul> = /* @__PURE__ */ lift("matMul", products.matMul, 2);
/**
 * Σ of products in Einstein's notation: `einsum("bij,bjk->bik", a, b)`. A letter that the result does not have is summed
 * over; `...` stands for any further axes, which broadcast.
 */
export const einsum: <const A extends readonly Operand[]>(equation: string, ...operands: A) => Result<A> =
  /* @__PURE__ */ inFront(/* @__PURE__ */ lift("einsum", einsums.einsum, 1));
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
/** The inputs one after the other along `axis`, by default the first; all other sizes equal. Dtypes are promoted to the widest. */
export const concat: Lifted<typeof moving.concat> = /* @__PURE__ */ lift("concat", moving.concat, 1, { lists: 1 });
/** The inputs, all of one shape, along a new axis. */
export const stack: Lifted<typeof moving.stack> = /* @__PURE__ */ lift("stack", moving.stack, 1, { lists: 1 });
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
export const gather: Lifted<typeof gathering.gather> = /* @__PURE__ */ lift("gather", gathering.gather, 2, {
  indices: 1,
});
/**
 * {@link gather} as Keras calls it: elements of all of x in one row when `axis` is missing, and indices below 0 count from
 * the end.
 * @throws {TensorError} `data` while running, when an index is outside the axis.
 */
export const take: Lifted<typeof gathering.take> = /* @__PURE__ */ lift("take", gathering.take, 2, { indices: 1 });
/** Rows [rows, inner] with the rows of `updates` [count, inner] added at `indices` [count]; zero elsewhere. */
export const scatterAdd: Lifted<typeof gathering.scatterAdd> = /* @__PURE__ */ lift(
  "scatterAdd",
  gathering.scatterAdd,
  2,
  { indices: 1 },
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
/**
 * −y·ln σ(x) − (1 − y)·ln(1 − σ(x)) for each element, stable for large |x|; σ is the sigmoid. 0 where x is infinite and y
 * is what it says.
 */
export const sigmoidCrossEntropy: Lifted<typeof crossEntropies.sigmoidCrossEntropy> = /* @__PURE__ */ lift(
  "sigmoidCrossEntropy",
  crossEntropies.sigmoidCrossEntropy,
  2,
);
/** Integer positions [...] as rows of zeros with a one: [..., depth] float32; a position outside gives zeros. */
export const oneHot: Lifted<typeof crossEntropies.oneHot> = /* @__PURE__ */ lift("oneHot", crossEntropies.oneHot, 1, {
  indices: 0,
});
/**
 * x^exponent as IEEE 754 has it: 1 for an exponent of 0, also of NaN; NaN where a negative x has an exponent that is not an
 * integer. Correct to 0.51 ULP, exponents −1 and 3 to 1. The gradient of x is 0 for an exponent of 0, that of the exponent
 * where x = 0. Integers to integers wrap in int32; to a negative number they are float32.
 */
export const power: Lifted<typeof composed.power> = /* @__PURE__ */ lift("power", composed.power, 2);
/**
 * The values limited to [low, high], NaN left as it is. The gradient is 1 from low to high, both included, and 0 outside.
 */
export const clip: Lifted<typeof composed.clip> = /* @__PURE__ */ lift("clip", composed.clip, 1);
/** All elements in one row for each entry of the first axis: [batch, ...] → [batch, elements]. */
export const flatten: Lifted<typeof composed.flatten> = /* @__PURE__ */ lift("flatten", composed.flatten, 1);
/** Σ (x − mean)² / n over `axes`. */
export const variance: Lifted<typeof composed.variance> = /* @__PURE__ */ lift("variance", composed.variance, 1);
/** The equation goes before the operands, as everywhere else. */
/* @__NO_SIDE_EFFECTS__ */
function inFront(
  product: Lifted<typeof einsums.einsum>,
): <const A extends readonly Operand[]>(equation: string, ...operands: A) => Result<A> {
  return (equation, ...operands) => product(operands, equation) as never;
}
/**
 * ln Σ eˣ over `axes` (all when missing), computed from x − max x; −Infinity where all x are, Infinity where one is. The
 * gradient is the softmax; of −Infinity it is 0, of Infinity shared among the x that are.
 */
export const logSumExp: Lifted<typeof composed.logSumExp> = /* @__PURE__ */ lift("logSumExp", composed.logSumExp, 1);
/** x in ascending (or descending) order along `axis`; NaN come last. The gradient goes back to where each came from. */
export const sort: Lifted<typeof sorting.sort> = /* @__PURE__ */ lift("sort", sorting.sort, 1);
/** Positions that put x into order along `axis`, int32; equal numbers keep their order. */
export const argSort: Lifted<typeof sorting.argSort> = /* @__PURE__ */ lift("argSort", sorting.argSort, 1);
/** The k largest numbers of the last axis, the largest first and NaN last: [..., n] → [..., k]. */
export const topK: Lifted<typeof sorting.topK> = /* @__PURE__ */ lift("topK", sorting.topK, 1);
/** Where the k largest numbers of the last axis stand, int32: [..., n] → [..., k]. */
export const argTopK: Lifted<typeof sorting.argTopK> = /* @__PURE__ */ lift("argTopK", sorting.argTopK, 1);
/** Sums of the elements up to each one along `axis`, y_i = x_0 + … + x_i; of all in one row when it is missing. */
export const cumsum: Lifted<typeof sorting.cumsum> = /* @__PURE__ */ lift("cumsum", sorting.cumsum, 1);

/**
 * variable ← value, cast to its dtype; one number goes to all elements. In a traced function it happens whenever the
 * program runs: what is traced after it reads the new value, and the variable keeps it from run to run. Elsewhere it
 * happens at once.
 * @throws {TensorError} `shape` when the shapes differ.
 */
export function assign(variable: Variable, value: Operand): void {
  check(isVariable(variable), "dtype", () => ({
    where: "assign",
    expected: "a variable to change",
    received: show(variable),
  }));
  if (tracing()) {
    updates.assign(variable, value);
    return;
  }
  const given = cast((isVariable(value) ? value.value : value) as TensorLike, variable.dtype);
  variable.assign(given.size === 1 ? broadcastTo(given, variable.shape) : given);
}
