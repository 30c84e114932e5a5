// Which operations of linear algebra can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as squares from "./leastSquares.ts";
import * as algebra from "./linearAlgebra.ts";
import * as spectra from "./svd.ts";
import * as products from "./tensorProducts.ts";

/** a_i · b_j of all elements: [n], [m] → [n, m]; other shapes are flattened. */
export const outer: Lifted<typeof products.outer> = /* @__PURE__ */ lift("outer", products.outer, 2);
/** Σ over the last axis of a and the last but one of b (the only one of a vector): [..., k] · [..., k, n]. float32. */
export const dot: Lifted<typeof products.dot> = /* @__PURE__ */ lift("dot", products.dot, 2);
/**
 * Σ over pairs of axes: those of a, then those of b, what is left of a goes before what is left of b. A number n means
 * the last n axes of a and the first n of b. float32.
 * @throws {TensorError} `shape` when paired axes differ in size.
 */
export const tensordot: Lifted<typeof products.tensordot> = /* @__PURE__ */ lift("tensordot", products.tensordot, 2);
/** a × b of vectors of three along the last axis; the others broadcast. */
export const cross: Lifted<typeof products.cross> = /* @__PURE__ */ lift("cross", products.cross, 2);
/**
 * x with a·x = b: a [..., n, n], b [..., n, m] or [..., n]. By elimination, the largest pivot first.
 * Infinite or NaN where a is singular.
 * @throws {TensorError} `shape` when shapes do not fit.
 */
export const solve: Lifted<typeof algebra.solve> = /* @__PURE__ */ lift("solve", algebra.solve, 2);
/**
 * x with a·x = b for a triangular a [..., n, n], of which only that triangle is read: the upper one, or with `lower` the
 * lower one. b [..., n, m] or [..., n].
 * @throws {TensorError} `shape` when shapes do not fit.
 */
export const solveTriangular: Lifted<typeof algebra.solveTriangular> = /* @__PURE__ */ lift(
  "solveTriangular",
  algebra.solveTriangular,
  2,
);
/** a⁻¹ of matrices [..., n, n]; see {@link solve}, which is better where the inverse would only be multiplied by. */
export const inv: Lifted<typeof algebra.inv> = /* @__PURE__ */ lift("inv", algebra.inv, 1);
/** The determinant of matrices [..., n, n] → [...]. Its gradient holds for regular matrices. */
export const det: Lifted<typeof algebra.det> = /* @__PURE__ */ lift("det", algebra.det, 1);
/** Sign and logarithm of the absolute value of the determinant, which may be too large for a number: [...] each. */
export const slogdet: Lifted<typeof algebra.slogdet> = /* @__PURE__ */ lift("slogdet", algebra.slogdet, 1);
/**
 * The lower triangle L with L·Lᵀ = a, for symmetric positive definite a [..., n, n], of which only the lower triangle is
 * read and has a gradient. NaN where a is not positive definite.
 * @throws {TensorError} `shape` unless the matrices are square.
 */
export const cholesky: Lifted<typeof algebra.cholesky> = /* @__PURE__ */ lift("cholesky", algebra.cholesky, 1);
/**
 * Q with orthogonal columns of length 1 and an upper triangle R with Q·R = a: [..., m, n] → [..., m, k] and [..., k, n],
 * k being the smaller of m and n. The diagonal of R is positive, and about 0 where a column depends on those before it. By
 * Gram and Schmidt's method, each column twice (Giraud et al., 2005). The gradient holds where the first k columns are
 * linearly independent.
 * @throws {TensorError} `shape` for less than two axes, `unsupported` for k above 64.
 */
export const qr: Lifted<typeof algebra.qr> = /* @__PURE__ */ lift("qr", algebra.qr, 1);
/**
 * U, s and Vᵀ with U·diag(s)·Vᵀ = a: [..., m, n] → [..., m, k], [..., k], [..., k, n], k being the smaller of m and n; with
 * `fullMatrices` U [..., m, m] and Vᵀ [..., n, n], whose further vectors complete the bases. s is in descending order. The
 * gradients hold where singular values are different and not 0; what equal ones would add to them is left out. The further
 * vectors of full matrices have none. NaN where a is not finite.
 * @throws {TensorError} `shape` unless these are matrices.
 */
export const svd: Lifted<typeof spectra.svd> = /* @__PURE__ */ lift("svd", spectra.svd, 1);
/** The singular values of matrices [..., m, n], in descending order: [..., k] with the smaller k of m and n. */
export const singularValues: Lifted<typeof spectra.singularValues> = /* @__PURE__ */ lift(
  "singularValues",
  spectra.singularValues,
  1,
);
/**
 * Eigenvalues in ascending order and, as columns, the eigenvectors of symmetric a [..., n, n], of which only the lower
 * triangle is read and has a gradient: [..., n] and [..., n, n]. The largest entry of each vector is positive. The
 * gradients hold where eigenvalues are different; what equal ones would add is left out.
 * @throws {TensorError} `shape` unless the matrices are square.
 */
export const eigh: Lifted<typeof spectra.eigh> = /* @__PURE__ */ lift("eigh", spectra.eigh, 1);
/** The logarithm of the determinant of symmetric positive definite matrices, 2 · Σ ln L_ii: [..., n, n] → [...]. */
export const logdet: Lifted<typeof algebra.logdet> = /* @__PURE__ */ lift("logdet", algebra.logdet, 1);
/** (L·Lᵀ)⁻¹ for lower triangles L [..., n, n]; with `upper` (Uᵀ·U)⁻¹ for upper ones. */
export const choleskyInverse: Lifted<typeof algebra.choleskyInverse> = /* @__PURE__ */ lift(
  "choleskyInverse",
  algebra.choleskyInverse,
  1,
);
/**
 * The inverse in the sense of least squares (Moore and Penrose): [..., m, n] → [..., n, m]. Singular values up to `rcond`
 * times the largest count as 0; default 2⁻²³ · max(m, n). The gradient holds where a small change does not change the rank
 * (Golub & Pereyra, 1973), for equal singular values too.
 * @throws {TensorError} `shape` unless these are matrices, `option` for a negative rcond.
 */
export const pinv: Lifted<typeof squares.pinv> = /* @__PURE__ */ lift("pinv", squares.pinv, 1);
/**
 * The shortest x of those with the smallest ‖a·x − b‖: a [..., m, n], b [..., m, k] or, for a single matrix, [m]. Singular
 * values up to `rcond` times the largest count as 0; default 2⁻²³ · max(m, n). Its gradient is that of {@link pinv}.
 * @throws {TensorError} `shape` when the rows of a and b differ in number.
 */
export const lstsq: Lifted<typeof squares.lstsq> = /* @__PURE__ */ lift("lstsq", squares.lstsq, 2);
/**
 * How many singular values are greater than `tolerance`: [..., m, n] → int32 [...]. Default 2⁻²³ · max(m, n) times the
 * largest.
 */
export const matrixRank: Lifted<typeof squares.matrixRank> = /* @__PURE__ */ lift("matrixRank", squares.matrixRank, 1);
/** Σ over the last axis of both: [..., k] · [..., k] → the other axes of a, then those of b. float32. */
export const inner: Lifted<typeof products.inner> = /* @__PURE__ */ lift("inner", products.inner, 2);
/** Σ of the products of all elements, in their order: a scalar. float32. */
export const vdot: Lifted<typeof products.vdot> = /* @__PURE__ */ lift("vdot", products.vdot, 2);
/**
 * Kronecker's product: b repeated for each element of a and multiplied by it. Shapes of one rank multiply, a shorter one
 * is filled up with 1 in front.
 */
export const kron: Lifted<typeof products.kron> = /* @__PURE__ */ lift("kron", products.kron, 2);
/** Powers of a vector as columns, the highest first, or with `increasing` the lowest: [n] → [n, columns]. float32. */
export const vander: Lifted<typeof products.vander> = /* @__PURE__ */ lift("vander", products.vander, 1);
/** a · a · … of matrices [..., n, n], `exponent` times by squaring; the unit matrix for 0, powers of a⁻¹ below. */
export const matrixPower: Lifted<typeof products.matrixPower> = /* @__PURE__ */ lift(
  "matrixPower",
  products.matrixPower,
  1,
);
/**
 * L·U = P·a by elimination, the largest pivot of each column first: L without its diagonal of ones below U, [..., n, n], and
 * for each row of P·a its number in a, int32 [..., n]. The gradient holds for regular matrices.
 * @throws {TensorError} `shape` unless the matrices are square.
 */
export const luFactor: Lifted<typeof algebra.luFactor> = /* @__PURE__ */ lift("luFactor", algebra.luFactor, 1);
