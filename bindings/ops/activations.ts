// Which activations are a few lines of other operations?

import { check } from "../errors.ts";
import { checkFlag, constant, errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { checkScalar } from "./arguments.ts";
import { negativeAbs } from "./composed.ts";
import { slice } from "./copy.ts";
import { withRule } from "./customGradient.ts";
import {
  abs,
  add,
  asFloat,
  atLeast,
  atMost,
  cast,
  divide,
  exp,
  expm1,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log1p,
  maximum,
  minimum,
  multiply,
  negate,
  normalCdf,
  reciprocal,
  relu,
  relu6,
  sigmoid,
  sign,
  sqrt,
  square,
  subtract,
  tanh,
  where,
} from "./map.ts";
import { max, min, resolveAxes, sum } from "./reduce.ts";
import { cumsum, sort } from "./sort.ts";
import { reshape, stopGradient } from "./view.ts";

type Node = SymbolicTensor;

/** x for x > 0, alpha · (eˣ − 1) below (Clevert et al., 2016). */
export function elu(x: Operand, alpha = 1): Node {
  const node = asFloat(x);
  const positive = greater(node, 0);
  return where(positive, node, multiply(expm1(where(positive, 0, node)), alpha));
}

/** scale · elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017). */
export function selu(x: Operand): Node {
  return multiply(elu(x, 1.6732632423543772), 1.0507009873554805);
}

/** x for x > 0, slope · x below. */
export function leakyRelu(x: Operand, slope = 0.2): Node {
  const node = asFloat(x);
  // 0 · ∞ would be NaN.
  if (slope === 0) return relu(node);
  return where(greater(node, 0), node, multiply(node, slope));
}

/** ln(1 + eˣ), without overflow. */
export function softplus(x: Operand): Node {
  const node = asFloat(x);
  return add(relu(node), log1p(exp(negativeAbs(node))));
}

/** x / (1 + |x|). */
export function softsign(x: Operand): Node {
  return withRule(
    (node) => {
      // Beyond 10¹⁰ it is ±1.
      const limited = maximum(minimum(node, 1e10), -1e10);
      return [divide(limited, add(abs(limited), 1)), (dy) => multiply(dy, square(reciprocal(add(abs(node), 1))))];
    },
    [asFloat(x)],
  );
}

/** x · Φ(x); with `approximate` the tanh formula (Hendrycks & Gimpel, 2016). 0 at −Infinity. */
export function gelu(x: Operand, approximate = true): Node {
  checkFlag("gelu", "approximate", approximate);
  const node = asFloat(x);
  // Below −30 both are 0, and above 30 the second factor is 1.
  const above = atLeast(node, -30);
  const limited = atMost(above, 30);
  if (!approximate) return multiply(above, normalCdf(limited));
  const inner = multiply(add(limited, multiply(multiply(square(limited), limited), 0.044715)), Math.sqrt(8 / Math.PI));
  // (1 + tanh u) / 2 = σ(2u), without cancelling.
  return multiply(above, sigmoid(inner));
}

/** relu6(x + 3) / 6. */
export function hardSigmoid(x: Operand): Node {
  return divide(relu6(add(x, 3)), 6);
}

/** min(x, maxValue) for x > threshold, negativeSlope · (x − threshold) below; no limit when `maxValue` is null. */
export function rectify(x: Operand, negativeSlope = 0, maxValue: number | null = null, threshold = 0): Node {
  const node = asFloat(x);
  const limit = (y: Node): Node => (maxValue === null ? y : minimum(y, maxValue));
  if (negativeSlope === 0 && threshold === 0) return limit(relu(node));
  // 0 · ∞ would be NaN.
  const below = negativeSlope === 0 ? 0 : multiply(subtract(node, threshold), negativeSlope);
  return where(lessEqual(node, threshold), below, limit(node));
}

/** max(x, 0) + min(0, alpha · (e^(x/alpha) − 1)) (Barron, 2017). */
export function celu(x: Operand, alpha = 1): Node {
  const node = asFloat(x);
  const positive = greater(node, 0);
  return where(positive, node, multiply(expm1(divide(where(positive, 0, node), alpha)), alpha));
}

/** x · hardSigmoid(x) (Howard et al., 2019), also called hard swish. */
export function hardSilu(x: Operand): Node {
  const node = asFloat(x);
  return multiply(atLeast(node, -3), hardSigmoid(node));
}

/** −1 below −1, 1 above 1, x between. */
export function hardTanh(x: Operand): Node {
  const node = asFloat(x);
  return where(less(node, -1), -1, where(greater(node, 1), 1, node));
}

/** x where |x| > threshold, else 0; NaN stays, as in all of these. */
export function hardShrink(x: Operand, threshold = 0.5): Node {
  const node = asFloat(x);
  return where(lessEqual(abs(node), threshold), 0, node);
}

/** x moved towards 0 by threshold; 0 where |x| ≤ threshold. */
export function softShrink(x: Operand, threshold = 0.5): Node {
  const node = asFloat(x);
  return where(lessEqual(abs(node), threshold), 0, subtract(node, multiply(sign(node), threshold)));
}

/** x − tanh x, near 0 by its series. */
export function tanhShrink(x: Operand): Node {
  return withRule(
    (node) => {
      const t = minimum(square(node), 0.25);
      const series = tanhSeries.reduce((total, coefficient) => add(multiply(total, t), coefficient), asFloat(0));
      const near = multiply(node, multiply(t, series));
      return [where(less(abs(node), 0.5), near, subtract(node, tanh(node))), (dy) => multiply(dy, square(tanh(node)))];
    },
    [asFloat(x)],
  );
}

/** Coefficients of 1 − tanh(x) / x = x²/3 − 2x⁴/15 + …, the highest power first. */
const tanhSeries: readonly number[] = [
  -6404582 / 10854718875,
  929569 / 638512875,
  -21844 / 6081075,
  1382 / 155925,
  -62 / 2835,
  17 / 315,
  -2 / 15,
  1 / 3,
];

/** ln σ(x) = −ln(1 + e⁻ˣ), without overflow. */
export function logSigmoid(x: Operand): Node {
  return negate(softplus(negate(x)));
}

/** x · tanh(ln(1 + eˣ)) (Misra, 2019); 0 at −Infinity. */
export function mish(x: Operand): Node {
  return withRule(
    (node) => {
      // With n = eˣ the second factor is n (n + 2) / (n (n + 2) + 2): 1 above 20, 0 below −104.
      const n = exp(minimum(node, 20));
      const w = multiply(n, add(n, 2));
      const share = divide(w, add(w, 2));
      return [
        multiply(maximum(node, -200), share),
        (dy) => {
          const slope = divide(multiply(multiply(n, add(n, 1)), 4), square(add(w, 2)));
          const limited = maximum(minimum(node, 20), -200);
          return multiply(dy, add(share, multiply(limited, slope)));
        },
      ];
    },
    [asFloat(x)],
  );
}

/** First half of `axis` times the sigmoid of its second half: size 2n → n (Dauphin et al., 2017). */
export function glu(x: Operand, axis = -1): Node {
  const node = asFloat(x);
  const [position = 0] = resolveAxes("glu", node.shape.length, axis);
  const size = node.shape[position] as number;
  check(size % 2 === 0, "shape", () => ({
    where: errorPlace("glu"),
    expected: `an even size in axis ${axis}`,
    received: `${size}`,
  }));
  const half = (begin: number): Node =>
    slice(
      node,
      node.shape.map((_, each) => (each === position ? begin : 0)),
      node.shape.map((length, each) => (each === position ? size / 2 : length)),
    );
  return multiply(half(0), sigmoid(half(size / 2)));
}

/** x where x > threshold, else `defaultValue`; NaN stays. */
export function threshold(x: Operand, limit: number, defaultValue: number): Node {
  const node = asFloat(x);
  return where(lessEqual(node, limit), defaultValue, node);
}

/** 0 for x ≤ −1, (x + 1)²/4 up to 1, x above: the smooth counterpart of {@link sparseSigmoid}. */
export function sparsePlus(x: Operand): Node {
  const node = asFloat(x);
  // Limited, so that no slope is infinite outside.
  const between = multiply(square(add(atLeast(atMost(node, 1), -1), 1)), 0.25);
  return where(greater(node, 1), node, between);
}

/** 0 for x ≤ −1, (x + 1)/2 up to 1, 1 above. */
export function sparseSigmoid(x: Operand): Node {
  const node = asFloat(x);
  return where(greaterEqual(node, 1), 1, where(lessEqual(node, -1), 0, multiply(add(node, 1), 0.5)));
}

/** (x + √(x² + b)) / 2 (Barron, 2021). For x < 0 as b / (2(√(x² + b) − x)): the sum would cancel. */
export function squareplus(x: Operand, b = 4): Node {
  checkScalar("squareplus", "b", b);
  if (b === 0) return relu(asFloat(x));
  return withRule(
    (node) => {
      // With the slope of the branch that is taken at 0.
      const half = multiply(negativeAbs(node), -0.5);
      // Beyond 10¹⁸ the root is |x| itself, and soon x² is no float32 any more.
      const far = greater(half, 1e18);
      const root = where(far, half, sqrt(add(square(minimum(half, 1e18)), b / 4)));
      const total = add(half, root);
      const value = where(greater(node, 0), total, divide(b / 4, total));
      return [
        value,
        (dy) => multiply(dy, where(far, cast(greater(node, 0), "float32"), divide(value, multiply(root, 2)))),
      ];
    },
    [asFloat(x)],
  );
}

/**
 * The point of the probability simplex nearest to x along `axis`; many are exactly 0 (Martins & Astudillo, 2016, alg. 1).
 * max(x − τ, 0) where τ = (Σ_S x − 1)/|S| and S holds the largest k for which 1 + k·x_(k) > x_(1) + … + x_(k); the gradient
 * of what S holds is that less its mean. (Keras 3.8 sums all partial sums for τ: its rows do not sum to 1.)
 */
export function sparsemax(x: Operand, axis = -1): Node {
  const node = asFloat(x);
  const [position = 0] = resolveAxes("sparsemax", node.shape.length, axis);
  if (node.size === 0) return node;
  const largest = stopGradient(max(node, position, true));
  const ordered = sort(stopGradient(node), position, true);
  const below = subtract(ordered, largest);
  const length = node.shape[position] as number;
  const counts = Float32Array.from({ length }, (_, place) => place + 1);
  const along = reshape(constant(counts), [length, ...new Array<number>(node.shape.length - 1 - position).fill(1)]);
  const among = greater(add(multiply(along, below), constant(1)), cumsum(below, position));
  const supports = greaterEqual(node, min(where(among, ordered, largest), position, true));
  const shifted = subtract(node, largest);
  const excess = subtract(sum(where(supports, shifted, 0), position, true), 1);
  return relu(subtract(shifted, divide(excess, sum(cast(supports, "float32"), position, true))));
}
