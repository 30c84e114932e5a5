// Which products of tensors are a few lines of others?

import { check } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { sameShape, sizeOf } from "../tensor.ts";
import { roll } from "./composedMoves.ts";
import { transpose } from "./copy.ts";
import { asFloat, multiply, subtract } from "./map.ts";
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
  const given =
    typeof axes === "number"
      ? [
          Array.from({ length: axes }, (_, axis) => rankA - axes + axis),
          Array.from({ length: axes }, (_, axis) => axis),
        ]
      : axes;
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
