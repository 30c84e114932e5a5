// Which products of tensors are a few lines of others?

import { check, show } from "../errors.ts";
import { checkFlag, constant, errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { checkRoom, sameShape, sizeOf } from "../tensor.ts";
import { checkInteger, checkIntegers, checkList } from "./arguments.ts";
import { power } from "./composed.ts";
import { checkParts, roll } from "./composedMoves.ts";
import { stack, transpose } from "./copy.ts";
import { eye } from "./creation.ts";
import { inv } from "./linearAlgebra.ts";
import { asFloat, broadcastTo, full, multiply, subtract } from "./map.ts";
import { matMul } from "./matMul.ts";
import { resolveAxes } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/** a_i · b_j of all elements: [n], [m] → [n, m]; other shapes are flattened. */
export function outer(a: Operand, b: Operand): Node {
  const [first, second] = [toSymbolic(a), toSymbolic(b)];
  return multiply(reshape(first, [first.size, 1]), reshape(second, [1, second.size]));
}

/** Σ over the last axis of a and the last but one of b (the only one of a vector): [..., k] · [..., k, n]. float32. */
export function dot(a: Operand, b: Operand): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  const [rankA, rankB] = [first.shape.length, second.shape.length];
  if (rankA === 0 || rankB === 0) return multiply(first, second);
  return tensordot(first, second, [[rankA - 1], [Math.max(0, rankB - 2)]]);
}

/**
 * Σ over pairs of axes: those of a, then those of b, what is left of a goes before what is left of b. A number n means
 * the last n axes of a and the first n of b. float32.
 * @throws {TensorError} `shape` when paired axes differ in size.
 */
export function tensordot(
  a: Operand,
  b: Operand,
  axes: number | readonly [readonly number[], readonly number[]] = 2,
): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  const [rankA, rankB] = [first.shape.length, second.shape.length];
  if (typeof axes === "number") checkInteger("tensordot", "axes", axes, 0);
  else checkList("tensordot", "axes", axes);
  const given =
    typeof axes === "number"
      ? [
          Array.from({ length: axes }, (_, axis) => rankA - axes + axis),
          Array.from({ length: axes }, (_, axis) => axis),
        ]
      : axes;
  for (const side of [0, 1]) checkIntegers("tensordot", `axes[${side}]`, given[side]);
  const summedA = (given[0] as readonly number[]).flatMap((axis) => resolveAxes("tensordot", rankA, axis));
  const summedB = (given[1] as readonly number[]).flatMap((axis) => resolveAxes("tensordot", rankB, axis));
  const sizes = summedA.map((axis) => first.shape[axis] as number);
  check(
    sameShape(
      sizes,
      summedB.map((axis) => second.shape[axis] as number),
    ),
    "shape",
    () => ({
      where: errorPlace("tensordot"),
      expected: "pairs of axes of equal size",
      received: `axes [${summedA.join(", ")}] of [${first.shape.join(", ")}] and [${summedB.join(", ")}] of [${second.shape.join(", ")}]`,
    }),
  );
  const keptA = [...first.shape.keys()].filter((axis) => !summedA.includes(axis));
  const keptB = [...second.shape.keys()].filter((axis) => !summedB.includes(axis));
  const [outA, outB] = [
    keptA.map((axis) => first.shape[axis] as number),
    keptB.map((axis) => second.shape[axis] as number),
  ];
  const left = reshape(transpose(first, [...keptA, ...summedA]), [sizeOf(outA), sizeOf(sizes)]);
  const right = reshape(transpose(second, [...summedB, ...keptB]), [sizeOf(sizes), sizeOf(outB)]);
  return reshape(matMul(left, right), [...outA, ...outB]);
}

/** a × b of vectors of three along the last axis; the others broadcast. */
export function cross(a: Operand, b: Operand): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  for (const { shape } of [first, second])
    check(shape[shape.length - 1] === 3, "shape", () => ({
      where: errorPlace("cross"),
      expected: "vectors of three along the last axis",
      received: `[${shape.join(", ")}]`,
    }));
  const turned = (x: Node, by: number): Node => roll(x, by, -1);
  return subtract(multiply(turned(first, -1), turned(second, -2)), multiply(turned(first, -2), turned(second, -1)));
}

/** Σ over the last axis of both: [..., k] · [..., k] → the other axes of a, then those of b. float32. */
export function inner(a: Operand, b: Operand): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  if (first.shape.length === 0 || second.shape.length === 0) return multiply(first, second);
  return tensordot(first, second, [[-1], [-1]]);
}

/** Σ of the products of all elements, in their order: a scalar. float32. */
export function vdot(a: Operand, b: Operand): Node {
  const [first, second] = [asFloat(a), asFloat(b)];
  return tensordot(reshape(first, [first.size]), reshape(second, [second.size]), 1);
}

/**
 * Kronecker's product: b repeated for each element of a and multiplied by it. Shapes of one rank multiply, a shorter one
 * is filled up with 1 in front.
 */
export function kron(a: Operand, b: Operand): Node {
  const [first, second] = [toSymbolic(a), toSymbolic(b)];
  const rank = Math.max(first.shape.length, second.shape.length);
  const filled = ({ shape }: Node): number[] => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [left, right] = [filled(first), filled(second)];
  const product = multiply(
    reshape(
      first,
      left.flatMap((size) => [size, 1]),
    ),
    reshape(
      second,
      right.flatMap((size) => [1, size]),
    ),
  );
  return reshape(
    product,
    left.map((size, axis) => size * (right[axis] as number)),
  );
}

/** Powers of a vector as columns, the highest first, or with `increasing` the lowest: [n] → [n, columns]. float32. */
export function vander(x: Operand, columns?: number, increasing = false): Node {
  checkFlag("vander", "increasing", increasing);
  const node = asFloat(x);
  check(node.shape.length === 1, "shape", () => ({
    where: errorPlace("vander"),
    expected: "a vector",
    received: `[${node.shape.join(", ")}]`,
  }));
  const count = columns ?? node.size;
  whole("vander", count, 0);
  checkRoom(() => errorPlace("vander"), [node.size, count], "float32");
  checkParts("vander", count);
  if (count === 0) return full([node.size, 0], 0);
  const powers = Array.from({ length: count }, (_, exponent) => power(node, exponent));
  return stack(increasing ? powers : powers.reverse(), 1);
}

/** a · a · … of matrices [..., n, n], `exponent` times by squaring; the unit matrix for 0, powers of a⁻¹ below. */
export function matrixPower(a: Operand, exponent: number): Node {
  const node = asFloat(a);
  whole("matrixPower", exponent, Number.NEGATIVE_INFINITY);
  if (exponent < 0) return matrixPower(inv(node), -exponent);
  const [rows = 0, columns = 0] = node.shape.slice(-2);
  check(node.shape.length >= 2 && rows === columns, "shape", () => ({
    where: errorPlace("matrixPower"),
    expected: "square matrices [..., n, n]",
    received: `[${node.shape.join(", ")}]`,
  }));
  if (exponent === 0) return broadcastTo(constant(eye(rows)), node.shape);
  if (exponent === 1) return node;
  const half = matrixPower(node, Math.floor(exponent / 2));
  const squared = matMul(half, half);
  return exponent % 2 === 0 ? squared : matMul(squared, node);
}

function whole(name: string, count: number, low: number): void {
  check(Number.isInteger(count) && count >= low, "option", () => ({
    where: errorPlace(name),
    expected: low === 0 ? "a whole number ≥ 0" : "a whole number",
    received: show(count),
  }));
}
