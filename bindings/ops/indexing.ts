// How are elements picked and placed by coordinates?

import { check, show } from "../errors.ts";
import { constant, errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { checkShape, type Shape, sizeOf } from "../tensor.ts";
import { checkInteger, checkIntegers } from "./arguments.ts";
import { floorDivide, mod } from "./composedElements.ts";
import { concat, pad, slice, stridesOf, transpose } from "./copy.ts";
import { withRule } from "./customGradient.ts";
import { gather, integers, pickAlongLast, scatterAdd } from "./gather.ts";
import {
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
  logicalOr,
  maximum,
  multiply,
  negate,
  notEqual,
  where,
} from "./map.ts";
import { inOneRow, resolveAxes, sum } from "./reduce.ts";
import { argSort } from "./sort.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;

/** An index that no tensor has: it stops the program, and the error says where. */
const outside = -1;

/**
 * For each position of `indices` the element of x there along `axis`: y[i, j] = x[i, indices[i, j]] for the last axis of
 * matrices. x and indices have one rank; their other axes broadcast. When `axis` is missing, those of all elements in one
 * row. What `argSort` and `argTopK` find along an axis is picked by it along that one.
 * @throws {TensorError} `data` while running, when an index is outside the axis.
 */
export function takeAlongAxis(x: Operand, indices: Operand, axis?: number | null): Node {
  const picks = integers("takeAlongAxis", indices);
  if (axis == null) return takeAlongAxis(inOneRow(x), inOneRow(picks), 0);
  const node = toSymbolic(x);
  const rank = node.shape.length;
  const fits = (a: number | undefined, b: number | undefined): boolean => a === b || a === 1 || b === 1;
  const [position = 0] = resolveAxes("takeAlongAxis", rank, axis);
  check(
    picks.shape.length === rank && node.shape.every((size, each) => each === position || fits(size, picks.shape[each])),
    "shape",
    () => ({
      where: errorPlace("takeAlongAxis"),
      expected: `indices that broadcast to [${node.shape.join(", ")}] in all axes but ${position}`,
      received: `[${picks.shape.join(", ")}]`,
    }),
  );
  const spread = (each: Node, other: Node): Node =>
    broadcastTo(
      each,
      each.shape.map((size, at) => (at === position || size !== 1 ? size : (other.shape[at] as number))),
    );
  const swap = [...node.shape.keys()].map((each) =>
    each === position ? rank - 1 : each === rank - 1 ? position : each,
  );
  const columns = node.shape[position] as number;
  const inside = logicalAnd(greaterEqual(picks, 0), less(picks, columns));
  const checked = spread(where(inside, picks, -sizeOf(node.shape) - 1), node);
  return transpose(pickAlongLast(transpose(spread(node, picks), swap), transpose(checked, swap)), swap);
}

/**
 * The blocks of x at coordinates `indices` [..., k] of its first k axes: [..., ...x.shape.slice(k)].
 * @throws {TensorError} `data` while running, when coordinates are outside.
 */
export function gatherNd(x: Operand, indices: Operand): Node {
  const node = toSymbolic(x);
  const { flat, outer, depth } = positionsOf("gatherNd", indices, node.shape);
  const inner = node.shape.slice(depth);
  const rows = reshape(node, [sizeOf(node.shape.slice(0, depth)), sizeOf(inner)]);
  return reshape(gather(rows, flat), [...outer, ...inner]);
}

/**
 * Zeros of `shape` with `values` added at coordinates `indices` [..., k] of its first k axes; values
 * [..., ...shape.slice(k)] or what broadcasts to that. Values for the same coordinates add up. float32.
 * @throws {TensorError} `data` while running, when coordinates are outside.
 */
export function scatter(indices: Operand, values: Operand, shape: Shape): Node {
  const { flat, outer, depth } = positionsOf("scatter", indices, shape);
  const inner = shape.slice(depth);
  const rows = reshape(broadcastTo(asFloat(values), [...outer, ...inner]), [flat.size, sizeOf(inner)]);
  return reshape(scatterAdd(rows, flat, sizeOf(shape.slice(0, depth))), shape);
}

/**
 * x with `updates` in place of the blocks at coordinates `indices` [..., k] of its first k axes. Of several updates of
 * one block the last one stays, and it alone has a gradient. float32.
 * @throws {TensorError} `data` while running, when coordinates are outside.
 */
export function scatterUpdate(x: Operand, indices: Operand, updates: Operand): Node {
  const node = asFloat(x);
  const { flat, outer, depth } = positionsOf("scatterUpdate", indices, node.shape);
  const [rows, inner] = [sizeOf(node.shape.slice(0, depth)), node.shape.slice(depth)];
  if (flat.size === 0) return node;
  // Sorting keeps equal positions in their order: the last of each run is the last update of its block.
  const order = argSort(flat);
  const sorted = gather(flat, order);
  const next = concat([slice(sorted, [1], [-1]), constant(Int32Array.of(outside))], 0);
  const last = expandDims(notEqual(sorted, next), 1);
  const given = reshape(broadcastTo(asFloat(updates), [...outer, ...inner]), [flat.size, sizeOf(inner)]);
  const placed = scatterAdd(where(last, gather(given, order), 0), sorted, rows);
  const changed = greater(scatterAdd(full([flat.size, 1], 1), sorted, rows), 0);
  return reshape(where(changed, placed, reshape(node, [rows, sizeOf(inner)])), node.shape);
}

/** x with `updates` in place of the block that begins at `start`. */
export function sliceUpdate(x: Operand, updates: Operand, start: readonly number[]): Node {
  const node = toSymbolic(x);
  const block = toSymbolic(updates);
  checkIntegers("sliceUpdate", "start", start, 0);
  const paddings = node.shape.map((size, axis) => {
    const before = start[axis] ?? 0;
    return [before, size - before - (block.shape[axis] ?? 0)] as const;
  });
  check(
    block.shape.length === node.shape.length && paddings.flat().every((count) => Number.isInteger(count) && count >= 0),
    "shape",
    () => ({
      where: errorPlace("sliceUpdate"),
      expected: `a block inside shape [${node.shape.join(", ")}]`,
      received: `[${block.shape.join(", ")}] at [${start.join(", ")}]`,
    }),
  );
  return where(pad(full(block.shape, 1), paddings), pad(block, paddings), node);
}

/**
 * Sums of the entries of x [n, ...] with the same number in `segments` [n]: [count, ...], zero where there are none.
 * @throws {TensorError} `data` while running, when a number is outside 0 … count − 1.
 */
export function segmentSum(x: Operand, segments: Operand, count: number): Node {
  const node = asFloat(x);
  checkInteger("segmentSum", "count", count, 0);
  return scatter(expandDims(integers("segmentSum", segments), -1), node, [count, ...node.shape.slice(1)]);
}

/**
 * The largest of the entries of x [n, ...] with the same number in `segments` [n] → [count, ...], −Infinity where there are
 * none. In log₂ n passes over the entries, sorted by segment; equal maxima share the gradient.
 * @throws {TensorError} `data` while running, when a number is outside 0 … count − 1.
 */
export function segmentMax(x: Operand, segments: Operand, count: number): Node {
  const node = asFloat(x);
  checkInteger("segmentMax", "count", count, 0);
  const given = integers("segmentMax", segments);
  const inner = node.shape.slice(1);
  const rows = given.size;
  check(node.shape.length >= 1 && given.shape.length === 1 && node.shape[0] === rows, "shape", () => ({
    where: errorPlace("segmentMax"),
    expected: "entries [n, ...] and segments [n]",
    received: `[${node.shape.join(", ")}] and [${given.shape.join(", ")}]`,
  }));
  if (rows === 0) return full([count, ...inner], Number.NEGATIVE_INFINITY);
  return withRule(
    (entries) => {
      const largest = largestOf(entries, given, count);
      return [
        largest,
        (dy) => {
          const chosen = cast(equal(entries, gather(largest, given)), "float32");
          return multiply(chosen, gather(divide(dy, segmentSum(chosen, given, count)), given));
        },
      ];
    },
    [node],
  );
}

function largestOf(node: Node, given: Node, count: number): Node {
  const [rows = 0, ...inner] = node.shape;
  const order = argSort(given);
  const sorted = gather(given, order);
  let largest = gather(reshape(node, [rows, sizeOf(inner)]), order);
  for (let step = 1; step < rows; step *= 2) {
    const earlier = concat([slice(largest, [0, 0], [step, -1]), slice(largest, [0, 0], [rows - step, -1])], 0);
    const owner = concat([constant(new Int32Array(step).fill(outside)), slice(sorted, [0], [rows - step])], 0);
    largest = where(expandDims(equal(owner, sorted), 1), maximum(largest, earlier), largest);
  }
  // The last of each segment has seen all others.
  const next = concat([slice(sorted, [1], [-1]), constant(Int32Array.of(outside))], 0);
  const last = expandDims(notEqual(sorted, next), 1);
  const placed = scatterAdd(where(last, largest, 0), sorted, count);
  const present = greater(scatterAdd(full([rows, 1], 1), sorted, count), 0);
  return reshape(where(present, placed, Number.NEGATIVE_INFINITY), [count, ...inner]);
}

/** The smallest of such entries: see {@link segmentMax}. Infinity where there are none. */
export function segmentMin(x: Operand, segments: Operand, count: number): Node {
  return negate(segmentMax(negate(asFloat(x)), segments, count));
}

/**
 * Positions in the order of memory as coordinates of `shape`: int32, one tensor for each axis.
 * @throws {TensorError} `unsupported` for 2³¹ elements or more, whose positions int32 does not hold.
 */
export function unravelIndex(indices: Operand, shape: Shape): readonly Node[] {
  const node = integers("unravelIndex", indices);
  checkShape(errorPlace("unravelIndex"), shape);
  check(sizeOf(shape) < 2 ** 31, "unsupported", () => ({
    where: errorPlace("unravelIndex"),
    expected: "a shape of less than 2³¹ elements",
    received: `[${shape.join(", ")}]`,
  }));
  return stridesOf(shape).map((stride, axis) => {
    const whole = floorDivide(node, stride);
    return axis === 0 ? whole : mod(whole, shape[axis] as number);
  });
}

/** For each value the position in the ascending vector `sorted` [n] where it belongs: before its equals, or behind. */
export function searchSorted(sorted: Operand, values: Operand, side: "left" | "right" = "left"): Node {
  const edges = toSymbolic(sorted);
  check(side === "left" || side === "right", "option", () => ({
    where: `${errorPlace("searchSorted")}.side`,
    expected: '"left" or "right"',
    received: show(side),
  }));
  check(edges.shape.length === 1, "shape", () => ({
    where: errorPlace("searchSorted"),
    expected: "a vector in ascending order",
    received: `[${edges.shape.join(", ")}]`,
  }));
  const each = expandDims(toSymbolic(values), -1);
  return sum(cast(side === "left" ? less(edges, each) : lessEqual(edges, each), "int32"), -1);
}

/** Coordinates [..., k] of the first k axes of `shape` as row numbers, −1 for those outside. */
function positionsOf(
  name: string,
  indices: Operand,
  shape: Shape,
): { readonly flat: Node; readonly outer: Shape; readonly depth: number } {
  const picks = integers(name, indices);
  checkShape(errorPlace(name), shape);
  const depth = picks.shape[picks.shape.length - 1] ?? 0;
  check(depth >= 1 && depth <= shape.length, "shape", () => ({
    where: errorPlace(name),
    expected: `coordinates [..., k] with k from 1 to ${shape.length}`,
    received: `[${picks.shape.join(", ")}]`,
  }));
  const sizes = shape.slice(0, depth);
  const beyond = sum(cast(logicalOr(less(picks, 0), greaterEqual(picks, Int32Array.from(sizes))), "int32"), -1);
  const places = sum(multiply(picks, Int32Array.from(stridesOf(sizes))), -1);
  const flat = where(greater(beyond, 0), outside, places);
  return { flat: reshape(flat, [flat.size]), outer: picks.shape.slice(0, -1), depth };
}
