// Which ways of moving elements are a few lines of others?

import { check, show } from "../errors.ts";
import { constant, errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { checkRoom, sizeOf, Tensor } from "../tensor.ts";
import { checkInteger, checkIntegers, checkList } from "./arguments.ts";
import { concat, pad, slice, transpose } from "./copy.ts";
import { gather } from "./gather.ts";
import { broadcastTo, where } from "./map.ts";
import { type Axes, resolveAxes, sum } from "./reduce.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;

/** x with `axis` moved to position `to`, the others in their order. */
export function moveAxis(x: Operand, axis: number, to: number): Node {
  const node = toSymbolic(x);
  const rank = node.shape.length;
  const [from = 0] = resolveAxes("moveAxis", rank, axis);
  const [target = 0] = resolveAxes("moveAxis", rank, to);
  const order = [...node.shape.keys()].filter((each) => each !== from);
  order.splice(target, 0, from);
  return transpose(node, order);
}

/** x with two axes exchanged. */
export function swapAxes(x: Operand, first: number, second: number): Node {
  const node = toSymbolic(x);
  const rank = node.shape.length;
  const [a = 0] = resolveAxes("swapAxes", rank, first);
  const [b = 0] = resolveAxes("swapAxes", rank, second);
  return transpose(
    node,
    [...node.shape.keys()].map((each) => (each === a ? b : each === b ? a : each)),
  );
}

/** x backwards along `axes`, all of them when missing. */
export function flip(x: Operand, axes?: Axes): Node {
  const node = toSymbolic(x);
  return resolveAxes("flip", node.shape.length, axes).reduce((each, axis) => {
    const size = each.shape[axis] as number;
    return gather(each, constant(Int32Array.from({ length: size }, (_, place) => size - 1 - place)), axis);
  }, node);
}

/**
 * x shifted by `shift` along `axis`, where what leaves at one end comes in at the other. Without an axis the elements are
 * shifted in their order in memory.
 */
export function roll(x: Operand, shift: number, axis?: number): Node {
  const node = toSymbolic(x);
  if (axis === undefined) return reshape(roll(reshape(node, [node.size]), shift, 0), node.shape);
  whole("roll", [shift], Number.NEGATIVE_INFINITY);
  const [position = 0] = resolveAxes("roll", node.shape.length, axis);
  const size = node.shape[position] as number;
  const cut = size === 0 ? 0 : ((((-shift % size) + size) % size) as number);
  if (cut === 0) return node;
  return concat([part(node, position, cut, size), part(node, position, 0, cut)], position);
}

/**
 * Each entry of `axis` repeated `counts` times (or counts[i] times), next to each other. Without an axis x is flattened
 * first: repeat([1, 2], 2) is [1, 1, 2, 2].
 */
export function repeat(x: Operand, counts: number | readonly number[], axis?: number): Node {
  const given = toSymbolic(x);
  const node = axis === undefined ? reshape(given, [given.size]) : given;
  const [position = 0] = resolveAxes("repeat", node.shape.length, axis ?? 0);
  const size = node.shape[position] as number;
  const each = typeof counts === "number" ? new Array<number>(size).fill(counts) : counts;
  whole("repeat", each, 0);
  check(each.length === size, "shape", () => ({
    where: errorPlace("repeat"),
    expected: `one count, or ${size}`,
    received: `${each.length}`,
  }));
  const total = each.reduce((sum, count) => sum + count, 0);
  const shape = node.shape.map((length, axis) => (axis === position ? total : length));
  const here = (): string => errorPlace("repeat");
  checkRoom(here, shape, node.dtype);
  // The places lie in memory beside the result.
  checkRoom(here, [total, 2], "int32");
  const places = new Int32Array(total);
  let end = 0;
  for (const [place, count] of each.entries()) {
    places.fill(place, end, end + count);
    end += count;
  }
  return gather(node, constant(places), position);
}

/** x as a whole, `repeats[axis]` times along each axis; axes missing on either side count as 1. */
export function tile(x: Operand, repeats: readonly number[]): Node {
  const node = toSymbolic(x);
  whole("tile", repeats, 0);
  const rank = Math.max(node.shape.length, repeats.length);
  const sizes = [...new Array<number>(rank - node.shape.length).fill(1), ...node.shape];
  const times = [...new Array<number>(rank - repeats.length).fill(1), ...repeats];
  const pairs = sizes.map((size, axis) => [times[axis] as number, size] as const);
  const spread = reshape(
    node,
    pairs.flatMap(([, size]) => [1, size]),
  );
  return reshape(
    broadcastTo(spread, pairs.flat()),
    pairs.map(([count, size]) => count * size),
  );
}

/** Parts of x along `axis`: so many equal ones, or those before, between and behind the given positions. */
export function split(x: Operand, parts: number | readonly number[], axis = 0): readonly Node[] {
  const node = toSymbolic(x);
  const [position = 0] = resolveAxes("split", node.shape.length, axis);
  const size = node.shape[position] as number;
  if (typeof parts === "number") {
    checkInteger("split", "parts", parts, 1);
    checkParts("split", parts);
  } else checkIntegers("split", "parts", parts, 0);
  const cuts =
    typeof parts === "number" ? Array.from({ length: parts - 1 }, (_, cut) => ((cut + 1) * size) / parts) : parts;
  const edges = [0, ...cuts, size];
  check(
    edges.every((edge, index) => Number.isInteger(edge) && edge >= (edges[index - 1] ?? 0)),
    "shape",
    () => ({
      where: errorPlace("split"),
      expected: `a number of parts that divides ${size}, or positions in ascending order`,
      received: typeof parts === "number" ? String(parts) : `[${parts.join(", ")}]`,
    }),
  );
  return edges.slice(1).map((edge, index) => part(node, position, edges[index] as number, edge));
}

/** The entries of `axis`, each without it. */
export function unstack(x: Operand, axis = 0): readonly Node[] {
  const node = toSymbolic(x);
  const [position = 0] = resolveAxes("unstack", node.shape.length, axis);
  const shape = node.shape.filter((_, each) => each !== position);
  checkParts("unstack", node.shape[position] as number);
  return Array.from({ length: node.shape[position] as number }, (_, place) =>
    reshape(part(node, position, place, place + 1), shape),
  );
}

/**
 * The coordinates of a grid over vectors: each vector spread over all of them. With `"xy"`, as for images, the first two
 * change places: [n], [m] → [m, n] twice; with `"ij"` → [n, m].
 */
export function meshgrid(vectors: readonly Operand[], indexing: "xy" | "ij" = "xy"): readonly Node[] {
  checkList("meshgrid", "vectors", vectors);
  check(indexing === "xy" || indexing === "ij", "option", () => ({
    where: `${errorPlace("meshgrid")}.indexing`,
    expected: '"xy" or "ij"',
    received: show(indexing),
  }));
  const nodes = Array.from(vectors, (vector) => toSymbolic(vector));
  const axisOf = (index: number): number => (indexing === "xy" && nodes.length > 1 && index < 2 ? 1 - index : index);
  const shape = nodes.map((_, axis) => (nodes[axisOf(axis)] as Node).size);
  return nodes.map((node, index) =>
    broadcastTo(
      reshape(
        node,
        shape.map((_, axis) => (axis === axisOf(index) ? node.size : 1)),
      ),
      shape,
    ),
  );
}

// Matrices ------------------------------------------------------------------------------------------------------------

/** The lower triangle of matrices [..., m, n]: zero above the diagonal number `offset`. */
export function tril(x: Operand, offset = 0): Node {
  checkInteger("tril", "offset", offset);
  return masked("tril", x, (row, column) => column - row <= offset);
}

/** The upper triangle of matrices [..., m, n]: zero below the diagonal number `offset`. */
export function triu(x: Operand, offset = 0): Node {
  checkInteger("triu", "offset", offset);
  return masked("triu", x, (row, column) => column - row >= offset);
}

/**
 * A vector [n] as the diagonal number `offset` of a matrix of zeros, of n + |offset| rows and columns; of a matrix [m, n]
 * its {@link diagonal}.
 */
export function diag(x: Operand, offset = 0): Node {
  const node = toSymbolic(x);
  checkInteger("diag", "offset", offset);
  if (node.shape.length === 2) return diagonal(node, offset);
  check(node.shape.length === 1, "shape", () => ({
    where: errorPlace("diag"),
    expected: "a vector or a matrix",
    received: `[${node.shape.join(", ")}]`,
  }));
  const rows = pad(node, [[Math.max(0, -offset), Math.max(0, offset)]]);
  return masked(
    "diag",
    broadcastTo(expandDims(rows, 1), [rows.size, rows.size]),
    (row, column) => column - row === offset,
  );
}

/** The elements [i, i + offset] of two axes, along a new last axis. */
export function diagonal(x: Operand, offset = 0, first = 0, second = 1): Node {
  const node = toSymbolic(x);
  const rank = node.shape.length;
  const [a = 0, b] = [...resolveAxes("diagonal", rank, first), ...resolveAxes("diagonal", rank, second)];
  check(b !== undefined && a !== b, "shape", () => ({
    where: errorPlace("diagonal"),
    expected: "two different axes",
    received: `${first} and ${second}`,
  }));
  checkInteger("diagonal", "offset", offset);
  const others = [...node.shape.keys()].filter((axis) => axis !== a && axis !== b);
  const [rows, columns] = [node.shape[a] as number, node.shape[b] as number];
  const matrices = transpose(node, [...others, a, b]);
  const places = Array.from({ length: rows }, (_, row) => row)
    .filter((row) => row + offset >= 0 && row + offset < columns)
    .map((row) => row * columns + row + offset);
  const outer = others.map((axis) => node.shape[axis] as number);
  return gather(reshape(matrices, [...outer, rows * columns]), constant(Int32Array.from(places)), -1);
}

/** Σ of the diagonal number `offset` of two axes. */
export function trace(x: Operand, offset = 0, first = 0, second = 1): Node {
  return sum(diagonal(x, offset, first, second), -1);
}

// Parts ---------------------------------------------------------------------------------------------------------------

/** Each part is a node of the graph. @throws {TensorError} `memory` for more than a graph can have. */
export function checkParts(name: string, count: number): void {
  check(!(count > mostParts), "memory", () => ({
    where: errorPlace(name),
    expected: `at most ${mostParts} parts`,
    received: String(count),
  }));
}

const mostParts = 2 ** 20;

function part(x: Node, axis: number, begin: number, end: number): Node {
  const at = x.shape.map((_, each) => (each === axis ? begin : 0));
  return slice(
    x,
    at,
    x.shape.map((size, each) => (each === axis ? end - begin : size)),
  );
}

function masked(name: string, x: Operand, kept: (row: number, column: number) => boolean): Node {
  const node = toSymbolic(x);
  check(node.shape.length >= 2, "shape", () => ({
    where: errorPlace(name),
    expected: "matrices [..., m, n]",
    received: `[${node.shape.join(", ")}]`,
  }));
  const shape = node.shape.slice(-2);
  const columns = shape[1] as number;
  const mask = Uint8Array.from({ length: sizeOf(shape) }, (_, place) =>
    kept(Math.floor(place / columns), place % columns) ? 1 : 0,
  );
  return where(constant(Tensor.of(mask, shape, "bool")), node, constant(0, node.dtype));
}

function whole(name: string, counts: readonly number[], low: number): void {
  const fits = Array.isArray(counts) && Array.from(counts).every((count) => Number.isInteger(count) && count >= low);
  check(fits, "option", () => ({
    where: errorPlace(name),
    expected: low === 0 ? "whole numbers ≥ 0" : "a whole number",
    received: show(counts),
  }));
}
