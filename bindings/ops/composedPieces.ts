// How are tensors put together, and cut into pieces, in a few lines of others?

import { check, show } from "../errors.ts";
import { constant, errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { checkIntegers, checkList } from "./arguments.ts";
import { resolveAxes } from "./axes.ts";
import { diag, flip, swapAxes } from "./composedMoves.ts";
import { concat, pad, transpose } from "./copy.ts";
import { gather } from "./gather.ts";
import { asFloat } from "./map.ts";
import { matMul } from "./matMul.ts";
import { expandDims, reshape, squeeze } from "./view.ts";

type Node = SymbolicTensor;

// Together ------------------------------------------------------------------------------------------------------------

/** Beside each other: along the second axis, vectors along their only one. */
export function hstack(tensors: readonly Operand[]): Node {
  checkList("hstack", "tensors", tensors);
  const nodes = Array.from(tensors, (each) => atLeast(1, each));
  return concat(nodes, nodes[0]?.shape.length === 1 ? 0 : 1);
}

/** Below each other: along the first axis, vectors as rows. */
export function vstack(tensors: readonly Operand[]): Node {
  checkList("vstack", "tensors", tensors);
  return concat(
    Array.from(tensors, (each) => atLeast(2, each)),
    0,
  );
}

/** Behind each other: along the third axis; vectors [n] become [1, n, 1], matrices [m, n, 1]. */
export function dstack(tensors: readonly Operand[]): Node {
  checkList("dstack", "tensors", tensors);
  return concat(
    Array.from(tensors, (each) => atLeast(3, each)),
    2,
  );
}

/** x with axes of size 1, as rows and slices want them. */
function atLeast(rank: 1 | 2 | 3, x: Operand): Node {
  const node = toSymbolic(x);
  const filled = node.shape.length === 0 ? reshape(node, [1]) : node;
  const rows = rank > 1 && filled.shape.length === 1 ? expandDims(filled, 0) : filled;
  return rank === 3 && rows.shape.length === 2 ? expandDims(rows, 2) : rows;
}

/** `values` behind x along `axis`; without one both are flattened first. */
export function append(x: Operand, values: Operand, axis?: number): Node {
  const pair = [toSymbolic(x), toSymbolic(values)];
  return axis === undefined
    ? concat(
        pair.map((each) => reshape(each, [each.size])),
        0,
      )
    : concat(pair, axis);
}

/** All elements of x, in their order, as the diagonal number `offset` of a matrix of zeros. */
export function diagFlat(x: Operand, offset = 0): Node {
  const node = toSymbolic(x);
  return diag(reshape(node, [node.size]), offset);
}

/** x turned `times` quarters from the first of `axes` towards the second. */
export function rot90(x: Operand, times = 1, axes: readonly [number, number] = [0, 1]): Node {
  const node = toSymbolic(x);
  checkIntegers("rot90", "axes", axes);
  const [first = 0, second = 0] = axes.flatMap((axis) => resolveAxes("rot90", node.shape.length, axis));
  check(axes.length === 2 && first !== second, "shape", () => ({
    where: errorPlace("rot90"),
    expected: "two different axes",
    received: show(axes),
  }));
  whole("rot90", "times", times, Number.NEGATIVE_INFINITY);
  switch (((times % 4) + 4) % 4) {
    case 1:
      return swapAxes(flip(node, second), first, second);
    case 2:
      return flip(flip(node, first), second);
    case 3:
      return flip(swapAxes(node, first, second), second);
    default:
      return node;
  }
}

// Windows -------------------------------------------------------------------------------------------------------------

/** Windows of the last axis, `length` entries each, one every `stride`: [..., n] → [..., windows, length]. */
export function extractSequences(x: Operand, length: number, stride: number): Node {
  const node = toSymbolic(x);
  const size = node.shape[node.shape.length - 1] ?? 0;
  whole("extractSequences", "stride", stride, 1);
  check(Number.isInteger(length) && length >= 1 && length <= size, "shape", () => ({
    where: errorPlace("extractSequences"),
    expected: `a length from 1 to ${size}, the last axis`,
    received: show(length),
  }));
  const windows = Math.floor((size - length) / stride) + 1;
  const places = Int32Array.from(
    { length: windows * length },
    (_, place) => Math.floor(place / length) * stride + (place % length),
  );
  return reshape(gather(node, constant(places), -1), [...node.shape.slice(0, -1), windows, length]);
}

/**
 * Σ_j a[i + j] · v[j] of vectors: for i where v lies inside a (`"valid"`), as many as the longer one has (`"same"`), or
 * wherever they meet (`"full"`).
 */
export function correlate(a: Operand, v: Operand, mode: "valid" | "same" | "full" = "valid"): Node {
  const [first, second] = [asFloat(a), asFloat(v)];
  check(first.shape.length === 1 && second.shape.length === 1 && first.size > 0 && second.size > 0, "shape", () => ({
    where: errorPlace("correlate"),
    expected: "two vectors with at least one element",
    received: `[${first.shape.join(", ")}] and [${second.shape.join(", ")}]`,
  }));
  if (first.size < second.size) return flip(correlate(second, first, mode));
  const size = second.size;
  const before = mode === "valid" ? 0 : mode === "full" ? size - 1 : Math.floor(size / 2);
  const after = mode === "valid" ? 0 : mode === "full" ? size - 1 : size - 1 - before;
  const windows = extractSequences(pad(first, [[before, after]]), size, 1);
  return squeeze(matMul(windows, expandDims(second, 1)), -1);
}

// Space and depth -----------------------------------------------------------------------------------------------------

/** Squares of `block` × `block` places as channels: [n, h, w, c] → [n, h / block, w / block, block² · c]. */
export function spaceToDepth(x: Operand, block: number): Node {
  const node = imageOf("spaceToDepth", x, block);
  const [batch = 0, height = 0, width = 0, channels = 0] = node.shape;
  check(height % block === 0 && width % block === 0, "shape", () => ({
    where: errorPlace("spaceToDepth"),
    expected: `height and width that ${block} divides`,
    received: `[${node.shape.join(", ")}]`,
  }));
  const cut = reshape(node, [batch, height / block, block, width / block, block, channels]);
  return reshape(transpose(cut, [0, 1, 3, 2, 4, 5]), [batch, height / block, width / block, block * block * channels]);
}

/** Channels as squares of `block` × `block` places: [n, h, w, block² · c] → [n, h · block, w · block, c]. */
export function depthToSpace(x: Operand, block: number): Node {
  const node = imageOf("depthToSpace", x, block);
  const [batch = 0, height = 0, width = 0, channels = 0] = node.shape;
  const left = channels / (block * block);
  check(Number.isInteger(left), "shape", () => ({
    where: errorPlace("depthToSpace"),
    expected: `channels that ${block * block} divides`,
    received: `[${node.shape.join(", ")}]`,
  }));
  const cut = reshape(node, [batch, height, width, block, block, left]);
  return reshape(transpose(cut, [0, 1, 3, 2, 4, 5]), [batch, height * block, width * block, left]);
}

function imageOf(name: string, x: Operand, block: number): Node {
  const node = toSymbolic(x);
  whole(name, "block", block, 1);
  check(node.shape.length === 4, "shape", () => ({
    where: errorPlace(name),
    expected: "images [n, height, width, channels]",
    received: `[${node.shape.join(", ")}]`,
  }));
  return node;
}

function whole(name: string, option: string, value: number, low: number): void {
  check(Number.isInteger(value) && value >= low, "option", () => ({
    where: `${errorPlace(name)}.${option}`,
    expected: low === 1 ? "a whole number ≥ 1" : "a whole number",
    received: show(value),
  }));
}
