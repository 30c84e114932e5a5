// Which counts and statistics are a few lines of others?

import { check, show } from "../errors.ts";
import { checkFlag, constant, errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { checkRoom, integersBelow, sameShape, sizeOf } from "../tensor.ts";
import { checkScalar } from "./arguments.ts";
import { checkElements } from "./axes.ts";
import { isNan } from "./composedElements.ts";
import { moveAxis } from "./composedMoves.ts";
import { between, countNonzero } from "./composedReductions.ts";
import { concat, slice } from "./copy.ts";
import { integers, scatterAdd } from "./gather.ts";
import { searchSorted } from "./indexing.ts";
import {
  add,
  asFloat,
  broadcastTo,
  cast,
  divide,
  equal,
  full,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  multiply,
  numeric,
  sqrt,
  subtract,
  where,
} from "./map.ts";
import { matMul } from "./matMul.ts";
import { type Axes, max, mean, min, product, resolveAxes, sum } from "./reduce.ts";
import { rankOf } from "./sort.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;

// Reductions ----------------------------------------------------------------------------------------------------------

/** Σ w·x / Σ w over `axes`, all when missing; weights of the shape of x, or one for each entry of a single axis. */
export function average(x: Operand, weights?: Operand, axes?: Axes): Node {
  const node = asFloat(x);
  if (weights === undefined) return mean(node, axes);
  const given = asFloat(weights);
  const chosen = resolveAxes("average", node.shape.length, axes);
  const along = chosen.length === 1 && sameShape(given.shape, [node.shape[chosen[0] as number] as number]);
  check(along || sameShape(given.shape, node.shape), "shape", () => ({
    where: errorPlace("average"),
    expected: `weights of shape [${node.shape.join(", ")}], or a vector along the one axis`,
    received: `[${given.shape.join(", ")}]`,
  }));
  const placed = along
    ? reshape(
        given,
        node.shape.map((size, axis) => (axis === chosen[0] ? size : 1)),
      )
    : given;
  const all = broadcastTo(placed, node.shape);
  return divide(sum(multiply(node, all), chosen), sum(all, chosen));
}

/** The largest minus the smallest element over `axes`. */
export function ptp(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("ptp", "keepDims", keepDims);
  const node = toSymbolic(x);
  checkElements("ptp", node.shape, resolveAxes("ptp", node.shape.length, axes));
  return subtract(max(node, axes, keepDims), min(node, axes, keepDims));
}

/** The value below which `q` percent (0 to 100) of the elements along `axis` lie: the quantile of q / 100. */
export function percentile(x: Operand, q: number, axis?: number, keepDims = false): Node {
  checkFlag("percentile", "keepDims", keepDims);
  checkScalar("percentile", "q", q);
  return between("percentile", x, q / 100, axis, keepDims);
}

/** Σ over `axes` of what is not NaN. */
export function nanSum(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("nanSum", "keepDims", keepDims);
  return sum(instead("nanSum", x, 0), axes, keepDims);
}

/** The mean over `axes` of what is not NaN; NaN where there is nothing else. */
export function nanMean(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("nanMean", "keepDims", keepDims);
  const node = asFloat(x);
  return divide(nanSum(node, axes, keepDims), countNonzero(logicalNot(isNan(node)), axes, keepDims));
}

/** Product over `axes` of what is not NaN. */
export function nanProduct(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("nanProduct", "keepDims", keepDims);
  return product(instead("nanProduct", x, 1), axes, keepDims);
}

/** The largest element over `axes` that is not NaN; −Infinity where there is none. */
export function nanMax(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("nanMax", "keepDims", keepDims);
  return max(instead("nanMax", x, Number.NEGATIVE_INFINITY, axes), axes, keepDims);
}

/** The smallest element over `axes` that is not NaN; Infinity where there is none. */
export function nanMin(x: Operand, axes?: Axes, keepDims = false): Node {
  checkFlag("nanMin", "keepDims", keepDims);
  return min(instead("nanMin", x, Number.POSITIVE_INFINITY, axes), axes, keepDims);
}

/**
 * x with `value` in place of NaN.
 * @throws {TensorError} `shape` where one of `axes` is empty and `value` is infinite: of nothing there is no extreme.
 */
function instead(name: string, x: Operand, value: number, axes?: Axes): Node {
  const node = numeric(x);
  if (Math.abs(value) > 1) checkElements(name, node.shape, resolveAxes(name, node.shape.length, axes));
  if (node.dtype !== "float32") return node;
  return where(isNan(node), value, node);
}

/** The correlations of the rows of x [variables, samples], or with `rows` false of its columns: from −1 to 1. */
export function corrcoef(x: Operand, rows = true): Node {
  checkFlag("corrcoef", "rows", rows);
  const given = asFloat(x);
  check(given.shape.length === 2, "shape", () => ({
    where: errorPlace("corrcoef"),
    expected: "a matrix [variables, samples]",
    received: `[${given.shape.join(", ")}]`,
  }));
  const node = rows ? given : moveAxis(given, 0, 1);
  const centred = subtract(node, mean(node, 1, true));
  const unit = divide(centred, sqrt(sum(multiply(centred, centred), 1, true)));
  return matMul(unit, unit, { transposeB: true });
}

/** Differences of neighbours along `axis`, `order` times over: each time one entry less. */
export function diff(x: Operand, order = 1, axis = -1): Node {
  const node = toSymbolic(x);
  const [position = 0] = resolveAxes("diff", node.shape.length, axis);
  check(Number.isInteger(order) && order >= 0, "option", () => ({
    where: `${errorPlace("diff")}.order`,
    expected: "a whole number ≥ 0",
    received: show(order),
  }));
  if (order === 0) return node;
  const size = node.shape.map((each, at) => (at === position ? Math.max(0, each - 1) : each));
  const from = (begin: number): Node =>
    slice(
      node,
      size.map((_, at) => (at === position ? Math.min(begin, node.shape[at] as number) : 0)),
      size,
    );
  // There are no differences of fewer.
  const times = Math.min(order, Math.max(1, node.shape[position] as number));
  return diff(subtract(from(1), from(0)), times - 1, position);
}

/** The integral along `axis` by trapezoids between neighbours that are `dx` apart, or at positions `x` [n]. */
export function trapezoid(y: Operand, x?: Operand, dx = 1, axis = -1): Node {
  const node = moveAxis(asFloat(y), axis, -1);
  const size = node.shape[node.shape.length - 1] as number;
  const lead = node.shape.slice(0, -1);
  const from = (begin: number): Node =>
    slice(node, [...lead.map(() => 0), Math.min(begin, size)], [...lead, Math.max(0, size - 1)]);
  const widths = x === undefined ? dx : diff(asFloat(x), 1, -1);
  return sum(multiply(multiply(add(from(0), from(1)), 0.5), widths), -1);
}

// Counts --------------------------------------------------------------------------------------------------------------

/**
 * How often each of 0 … length − 1 occurs in the last axis of integers: [..., n] → int32 [..., length]; with `weights` of
 * the shape of x their sums, float32.
 * @throws {TensorError} `data` while running, when a number is outside.
 */
export function bincount(x: Operand, weights?: Operand, length = 1): Node {
  const node = integers("bincount", x);
  check(node.shape.length >= 1 && Number.isInteger(length) && length >= 1, "option", () => ({
    where: errorPlace("bincount"),
    expected: "integers [..., n] and a length ≥ 1",
    received: `[${node.shape.join(", ")}] and ${show(length)}`,
  }));
  check(weights === undefined || sameShape(toSymbolic(weights).shape, node.shape), "shape", () => ({
    where: errorPlace("bincount"),
    expected: `weights of shape [${node.shape.join(", ")}]`,
    received: `[${toSymbolic(weights as Operand).shape.join(", ")}]`,
  }));
  const lead = node.shape.slice(0, -1);
  const count = node.shape[node.shape.length - 1] as number;
  const rows = sizeOf(lead);
  checkRoom(() => errorPlace("bincount"), [rows, length], "int32");
  const firsts = constant(Int32Array.from({ length: rows }, (_, row) => row * length));
  const inside = logicalAnd(greaterEqual(node, 0), less(node, length));
  const places = where(
    reshape(inside, [rows, count]),
    add(reshape(node, [rows, count]), expandDims(firsts, 1)),
    constant(-1, "int32"),
  );
  // float32 counts no further than 2²⁴.
  if (weights === undefined && count > 2 ** 24) {
    const part = (begin: number, size: number): Node =>
      bincount(slice(node, [...lead.map(() => 0), begin], [...lead, size]), undefined, length);
    return add(part(0, 2 ** 24), part(2 ** 24, count - 2 ** 24));
  }
  const given = weights === undefined ? full([node.size, 1], 1) : reshape(asFloat(weights), [node.size, 1]);
  const sums = reshape(scatterAdd(given, reshape(places, [node.size]), rows * length), [...lead, length]);
  return weights === undefined ? cast(sums, "int32") : sums;
}

/**
 * How many elements of x lie in each of `bins` intervals of one width from low to high, both included, and the bins + 1
 * edges: int32 [bins], float32 [bins + 1]. Without a range from the smallest to the largest element, of nothing from 0 to
 * 1; what is outside one does not count.
 */
export function histogram(
  x: Operand,
  bins = 10,
  range?: readonly [low: number, high: number],
): readonly [counts: Node, edges: Node] {
  const inOrder = Array.isArray(range) && range.every(Number.isFinite) && (range[0] as number) <= range[1];
  check(Number.isInteger(bins) && bins >= 1 && (range === undefined || inOrder), "option", () => ({
    where: errorPlace("histogram"),
    expected: "a whole number of bins ≥ 1, and low ≤ high, both finite",
    received: `${show(bins)} and ${show(range)}`,
  }));
  const given = asFloat(x);
  const node = reshape(given, [given.size]);
  const [from, to] = range ?? [0, 1];
  const [least, most] = range === undefined && node.size > 0 ? [min(node), max(node)] : [asFloat(from), asFloat(to)];
  const margin = where(equal(least, most), 0.5, 0);
  const [low, high] = [subtract(least, margin), add(most, margin)];
  const shares = constant(
    Float32Array.from(
      integersBelow(() => errorPlace("histogram"), bins),
      (bin) => bin / bins,
    ),
  );
  const edges = concat([add(low, multiply(subtract(high, low), shares)), reshape(high, [1])], 0);
  // The last interval has its upper edge as well.
  const inside = logicalAnd(greaterEqual(node, low), lessEqual(node, high));
  const bin = subtract(searchSorted(slice(edges, [0], [bins]), node, "right"), 1);
  // Between infinite edges there are no bins.
  const counted = logicalAnd(inside, less(subtract(high, low), Number.POSITIVE_INFINITY));
  return [slice(bincount(where(counted, bin, bins), undefined, bins + 1), [0], [bins]), edges];
}

/** For each value the number of ascending edges [n] that are ≤ it, int32: the interval it lies in. */
export function digitize(x: Operand, edges: Operand): Node {
  return searchSorted(edges, x, "right");
}

/** Whether the score of each target is among the k largest of its row: int32 [n], scores [n, classes] → bool [n]. */
export function inTopK(targets: Operand, scores: Operand, k: number): Node {
  const given = asFloat(scores);
  const places = integers("inTopK", targets);
  check(given.shape.length === 2 && sameShape(places.shape, [given.shape[0] as number]), "shape", () => ({
    where: errorPlace("inTopK"),
    expected: "targets [n] and scores [n, classes]",
    received: `[${places.shape.join(", ")}] and [${given.shape.join(", ")}]`,
  }));
  const classes = constant(Int32Array.from({ length: given.shape[1] as number }, (_, place) => place));
  const chosen = logicalAnd(equal(classes, expandDims(places, 1)), less(rankOf(given), k));
  return greater(countNonzero(chosen, 1), 0);
}

/** Whether each element of x is equal to any of `elements`, as bool. */
export function isIn(x: Operand, elements: Operand): Node {
  const set = toSymbolic(elements);
  return greater(countNonzero(equal(expandDims(toSymbolic(x), -1), reshape(set, [set.size])), -1), 0);
}
