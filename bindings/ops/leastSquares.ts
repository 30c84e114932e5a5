// What do singular values tell of a matrix: its inverse in the sense of least squares, its rank?

import { check, show } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { swapAxes } from "./composedMoves.ts";
import { withRule } from "./customGradient.ts";
import { add, asFloat, cast, divide, greater, multiply, negate, subtract, where } from "./map.ts";
import { matMul } from "./matMul.ts";
import { max, sum } from "./reduce.ts";
import { singularValues, svd } from "./svd.ts";
import { expandDims, squeeze } from "./view.ts";

type Node = SymbolicTensor;

/**
 * The inverse in the sense of least squares (Moore and Penrose): [..., m, n] → [..., n, m]. Singular values up to `rcond`
 * times the largest count as 0; default 2⁻²³ · max(m, n). The gradient holds where a small change does not change the rank
 * (Golub & Pereyra, 1973), for equal singular values too.
 * @throws {TensorError} `shape` unless these are matrices, `option` for a negative rcond.
 */
export function pinv(a: Operand, rcond?: number): Node {
  return withRule((node) => inverted(node, rcond), [asFloat(a)]);
}

function inverted(a: Node, rcond?: number): readonly [Node, (dp: Node) => Node] {
  if (a.size === 0 && a.shape.length >= 2) return [swapAxes(a, -1, -2), (dp) => swapAxes(dp, -1, -2)];
  const [u, s, vh] = svd(a);
  const kept = greater(s, thresholdOf("pinv", a, s, rcond));
  const inverse = where(kept, divide(1, where(kept, s, 1)), 0);
  const p = matMul(multiply(swapAxes(vh, -1, -2), expandDims(inverse, -2)), u, { transposeB: true });
  return [
    p,
    (dp) => {
      const given = withRule((each) => inverted(each, rcond), [a]);
      const turned = swapAxes(given, -1, -2);
      const dpT = swapAxes(dp, -1, -2);
      const through = matMul(matMul(turned, dp), turned);
      // What the range and the kernel of a add where a has no inverse.
      const left = matMul(matMul(dpT, given), turned);
      const right = matMul(matMul(turned, given), dpT);
      const outside = subtract(left, matMul(a, matMul(given, left)));
      const beside = subtract(right, matMul(matMul(right, given), a));
      return add(negate(through), add(outside, beside));
    },
  ];
}

/**
 * The shortest x of those with the smallest ‖a·x − b‖: a [..., m, n], b [..., m, k] or, for a single matrix, [m]. Singular
 * values up to `rcond` times the largest count as 0; default 2⁻²³ · max(m, n). Its gradient is that of {@link pinv}.
 * @throws {TensorError} `shape` when the rows of a and b differ in number.
 */
export function lstsq(a: Operand, b: Operand, rcond?: number): Node {
  const right = asFloat(b);
  const inverse = pinv(a, rcond);
  return right.shape.length === 1 ? squeeze(matMul(inverse, expandDims(right, 1)), -1) : matMul(inverse, right);
}

/**
 * How many singular values are greater than `tolerance`: [..., m, n] → int32 [...]. Default 2⁻²³ · max(m, n) times the
 * largest.
 */
export function matrixRank(a: Operand, tolerance?: number): Node {
  const s = singularValues(a);
  if (s.size === 0) return sum(cast(s, "int32"), -1);
  const least = tolerance ?? thresholdOf("matrixRank", asFloat(a), s, undefined);
  return sum(cast(greater(s, least), "int32"), -1);
}

/** `rcond` times the largest of singular values s [..., k]: [..., 1]. */
function thresholdOf(name: string, a: Node, s: Node, rcond: number | undefined): Node {
  check(rcond === undefined || (typeof rcond === "number" && rcond >= 0), "option", () => ({
    where: `${errorPlace(name)}.rcond`,
    expected: "a share of the largest singular value, ≥ 0",
    received: show(rcond),
  }));
  return multiply(max(s, -1, true), rcond ?? 2 ** -23 * Math.max(...a.shape.slice(-2)));
}
