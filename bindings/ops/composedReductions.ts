// Which reductions are a few lines of others?

import { check, show } from "../errors.ts";
import { checkFlag, errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { type Axes, checkElements } from "./axes.ts";
import { power, variance } from "./composed.ts";
import { isNan } from "./composedElements.ts";
import { moveAxis } from "./composedMoves.ts";
import { pad, slice } from "./copy.ts";
import {
  abs,
  add,
  asFloat,
  cast,
  divide,
  equal,
  greater,
  logicalNot,
  maximum,
  multiply,
  notEqual,
  sqrt,
  square,
  where,
} from "./map.ts";
import { inOneRow, max, mean, min, resolveAxes, sum } from "./reduce.ts";
import { sort } from "./sort.ts";
import { singularValues } from "./svd.ts";
import { expandDims, reshape, squeeze } from "./view.ts";

type Node = SymbolicTensor;

/** Whether any element over `axes` is not 0, as bool. */
export function any(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("any", "keepDims", keepDims);
  return greater(countNonzero(x, axes, keepDims), 0);
}

/** Whether all elements over `axes` are not 0, as bool. */
export function all(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("all", "keepDims", keepDims);
  return equal(sum(cast(logicalNot(cast(toSymbolic(x), "bool")), "int32"), axes, keepDims), 0);
}

/** How many elements over `axes` are not 0, int32. */
export function countNonzero(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("countNonzero", "keepDims", keepDims);
  return sum(cast(notEqual(x, 0), "int32"), axes, keepDims);
}

/** √(Σ (x − mean)² / n) over `axes`; where all are equal it is 0, with gradient 0. */
export function std(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("std", "keepDims", keepDims);
  return rootOrZero(variance(x, axes, keepDims));
}

/** Mean and variance over `axes`. */
export function moments(x: Operand, axes?: Axes, keepDims = false): readonly [mean: Node, variance: Node] {
  checkFlag("moments", "keepDims", keepDims);
  return [mean(x, axes, keepDims), variance(x, axes, keepDims)];
}

/** Products of the elements up to each one along `axis`, y_i = x_0 · … · x_i; of all in one row when it is missing. */
export function cumprod(x: Operand, axis?: number | null): Node {
  let products = asFloat(axis == null ? inOneRow(x) : x);
  const { shape } = products;
  const [position = 0] = resolveAxes("cumprod", shape.length, axis ?? 0);
  for (let step = 1; step < (shape[position] as number); step *= 2) {
    const front = slice(
      products,
      shape.map(() => 0),
      shape.map((size, each) => (each === position ? size - step : size)),
    );
    products = multiply(
      products,
      pad(
        front,
        shape.map((_, each) => [each === position ? step : 0, 0] as const),
        1,
      ),
    );
  }
  return products;
}

/**
 * The value below which the share `q` (0 to 1) of the elements along `axis` lies, between two neighbours in proportion;
 * over all elements when `axis` is missing. NaN where an element is.
 * @throws {TensorError} `shape` where there is no element.
 */
export function quantile(x: Operand, q: number, axis?: number, keepDims = false): Node {
  checkFlag("quantile", "keepDims", keepDims);
  return between("quantile", x, q, axis, keepDims);
}

/** {@link quantile} under the name of what it is part of. */
export function between(name: string, x: Operand, q: number, axis: number | undefined, keepDims: boolean): Node {
  const node = asFloat(x);
  check(typeof q === "number" && q >= 0 && q <= 1, "option", () => ({
    where: errorPlace(name),
    expected: "a share from 0 to 1",
    received: show(q),
  }));
  const rank = node.shape.length;
  checkElements(name, node.shape, resolveAxes(name, rank, axis));
  const sorted = axis === undefined ? sort(reshape(node, [node.size])) : sort(moveAxis(node, axis, rank - 1));
  const size = sorted.shape[sorted.shape.length - 1] as number;
  const place = q * (size - 1);
  const below = Math.floor(place);
  const at = (index: number): Node => {
    const column = slice(
      sorted,
      sorted.shape.map((_, each) => (each === sorted.shape.length - 1 ? index : 0)),
      sorted.shape.map((length, each) => (each === sorted.shape.length - 1 ? 1 : length)),
    );
    return reshape(column, sorted.shape.slice(0, -1));
  };
  const share = place - below;
  const inside = share === 0 ? at(below) : add(multiply(at(below), 1 - share), multiply(at(below + 1), share));
  // NaN come last.
  const largest = at(size - 1);
  const value = where(isNan(largest), largest, inside);
  if (!keepDims) return value;
  if (axis === undefined) return reshape(value, new Array<number>(rank).fill(1));
  return expandDims(value, resolveAxes(name, rank, axis)[0] as number);
}

/** The value in the middle, or the mean of the two there: {@link quantile} of ½. */
export function median(x: Operand, axis?: number, keepDims = false): Node {
  checkFlag("median", "keepDims", keepDims);
  return between("median", x, 0.5, axis, keepDims);
}

/**
 * Which norm: that of Euclid or Frobenius, or Σ|x|ᵖ to the power 1/p; 1 and ±Infinity have limits of their own. Of
 * matrices also the sum of their singular values, `"nuc"`.
 */
export type NormOrder = "euclidean" | "nuc" | number;

/**
 * The length of vectors along `axes`, all axes when missing: √(Σ x²) by default, (Σ|x|ᵖ)^(1/p) for p > 0, max |x| for
 * Infinity, min |x| for −Infinity. With two axes p = 1 and ±Infinity are the norms of matrices: the largest (smallest)
 * sum of a column, of a row, 2 and −2 the largest and smallest singular value, `"nuc"` their sum; other p are refused there.
 * Of zeros it is 0, with gradient 0.
 */
export function norm(x: Operand, order: NormOrder = "euclidean", axes?: Axes, keepDims = false): Node {
  checkFlag("norm", "keepDims", keepDims);
  const node = asFloat(x);
  const chosen = resolveAxes("norm", node.shape.length, axes);
  if (order === "euclidean" || (order === 2 && chosen.length === 1))
    return rootOrZero(sum(square(node), chosen, keepDims));
  if (chosen.length === 2 && (order === "nuc" || order === 2 || order === -2)) {
    const [rows = 0, columns = 0] = chosen;
    if (order !== "nuc") checkElements("norm", node.shape, chosen);
    const s = singularValues(moveAxis(moveAxis(node, rows, -1), columns - 1, -1));
    const places = s.shape.map((size, axis) => (axis === s.shape.length - 1 && order === -2 ? size - 1 : 0));
    const one = s.shape.map((size, axis) => (axis === s.shape.length - 1 ? 1 : size));
    const folded = order === "nuc" ? sum(s, -1) : squeeze(slice(s, places, one), -1);
    return keepDims ? expandDims(expandDims(folded, rows), columns) : folded;
  }
  const infinite = typeof order === "number" && Math.abs(order) === Number.POSITIVE_INFINITY;
  check(
    typeof order === "number" && (order > 0 || infinite) && chosen.length <= (order === 1 || infinite ? 2 : 1),
    "unsupported",
    () => ({
      where: errorPlace("norm"),
      expected: '"euclidean", p > 0 or ±Infinity along one axis; "euclidean", "nuc", 1, ±2 or ±Infinity along two',
      received: `${show(order)} along ${chosen.length}`,
    }),
  );
  const extreme = order < 0 ? min : max;
  if (infinite || chosen.length === 2) checkElements("norm", node.shape, chosen);
  const dropped = (value: Node): Node => (keepDims ? value : squeeze(value, chosen));
  if (chosen.length === 2) {
    const [rows, columns] = (typeof axes === "object" ? axes : chosen).flatMap((axis) =>
      resolveAxes("norm", node.shape.length, axis),
    ) as [number, number];
    const [summed, left] = infinite ? [columns, rows] : [rows, columns];
    return dropped(extreme(sum(abs(node), summed, true), left, true));
  }
  if (infinite) return extreme(abs(node), chosen, keepDims);
  if (order === 1) return sum(abs(node), chosen, keepDims);
  // The slope of |x|ᵖ at 0 would be 0 · ∞.
  const nothing = equal(node, 0);
  const powers = where(nothing, 0, power(where(nothing, 1, abs(node)), order));
  const total = sum(powers, chosen, keepDims);
  const zero = equal(total, 0);
  return where(zero, 0, power(where(zero, 1, total), 1 / order));
}

/** x / max(‖x‖, epsilon) along `axis`, ‖x‖ being its {@link norm} of the order. */
export function normalize(x: Operand, axis = -1, order: NormOrder = "euclidean", epsilon = 1e-12): Node {
  return divide(x, maximum(norm(x, order, axis, true), epsilon));
}

/** √x of a sum of squares; at 0 its slope is 1 instead of ∞, so that of the sum comes through as 0. */
function rootOrZero(x: Node): Node {
  const some = greater(x, 0);
  return where(some, sqrt(where(some, x, 1)), x);
}
