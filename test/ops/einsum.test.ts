// Is Einstein's notation read as it is meant, and is what it means differentiated?

import { describe, expect, it } from "vitest";
import { einsum } from "../../bindings/ops/einsum.ts";
import * as ops from "../../bindings/ops/index.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

/** The definition: for every value of all letters, the product of the entries, added where the result's letters say. */
function naive(equation: string, operands: readonly Tensor[]): { shape: number[]; data: number[] } {
  const [left, right] = equation.split("->") as [string, string];
  const terms = left.split(",");
  const sizes = new Map(terms.flatMap((term, at) => [...term].map((axis, i) => [axis, operands[at]?.shape[i] ?? 1])));
  const axes = [...sizes.keys()];
  const shape = [...right].map((axis) => sizes.get(axis) ?? 1);
  const data = new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0);
  const at = (term: string, dims: readonly number[], position: ReadonlyMap<string, number>): number =>
    [...term].reduce((index, axis, i) => index * (dims[i] ?? 1) + (position.get(axis) ?? 0), 0);
  const visit = (depth: number, position: Map<string, number>): void => {
    if (depth < axes.length) {
      const axis = axes[depth] as string;
      for (let i = 0; i < (sizes.get(axis) ?? 1); i++) visit(depth + 1, position.set(axis, i));
      return;
    }
    const product = terms.reduce((value, term, i) => {
      const operand = operands[i] as Tensor;
      return value * (operand.data[at(term, operand.shape, position)] as number);
    }, 1);
    const place = at(right, shape, position);
    data[place] = (data[place] as number) + product;
  };
  visit(0, new Map());
  return { shape, data };
}

const counting = (shape: readonly number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => ((index * 7) % 11) - 5),
    shape,
  );

describe("einsum follows the definition", () => {
  const cases: readonly [string, readonly (readonly number[])[]][] = [
    ["ij,jk->ik", [[2, 3], [3, 5]]],
    ["ij,jk->ki", [[2, 3], [3, 5]]],
    ["bij,bjk->bik", [[2, 3, 2], [2, 2, 4]]],
    ["ij->ji", [[2, 3]]],
    ["ij->", [[2, 3]]],
    ["ij->j", [[2, 3]]],
    ["i,j->ij", [[3], [4]]],
    ["i,i->", [[5], [5]]],
    ["ij,ij->ij", [[2, 3], [2, 3]]],
    ["ij,j->ij", [[2, 3], [3]]],
    ["abcd,cde->abe", [[2, 3, 2, 3], [2, 3, 5]]],
    ["abc,bcd->abd", [[2, 3, 5], [3, 5, 4]]],
    ["bqhd,bkhd->bhqk", [[2, 3, 2, 4], [2, 5, 2, 4]]],
    ["ij,jk,kl->il", [[2, 3], [3, 4], [4, 2]]],
    ["i,ij,j->", [[3], [3, 2], [2]]],
    ["ij,kl->ik", [[2, 3], [4, 2]]],
  ]; // biome-ignore format: rows
  it.each(cases)("%s", (equation, shapes) => {
    const operands = shapes.map(counting);
    const wanted = naive(equation, operands);
    const found = ops.einsum(equation, ...operands);
    expect([found.shape, [...found.data]]).toEqual([wanted.shape, wanted.data]);
  });

  it("with ... for further axes, which broadcast", () => {
    const [a, b] = [counting([2, 1, 3, 2]), counting([4, 2, 5])];
    expect(ops.einsum("...ij,...jk->...ik", a, b)).toEqual(ops.matMul(a, b));
    expect(ops.einsum("...x,xy->...y", counting([2, 3, 4]), counting([4, 2]))).toEqual(
      ops.matMul(counting([2, 3, 4]), counting([4, 2])),
    );
    expect(ops.einsum("...i->...", counting([1, 3, 2])).shape).toEqual([1, 3]);
  });

  it("without -> for the letters that occur once, in order of the alphabet", () => {
    const [a, b] = [counting([3, 2]), counting([3, 4])];
    expect(ops.einsum("ib,ia", a, b)).toEqual(ops.einsum("ib,ia->ab", a, b));
  });
});

describeOp(
  "einsum",
  (
    [
      ["bij,bjk->bik", [[2, 3, 4], [2, 4, 2]], [2, 3, 2]],
      ["abc,cde->abde", [[2, 2, 3], [3, 2, 2]], [2, 2, 2, 2]],
      ["i,ij,j->", [[3], [3, 2], [2]], []],
    ] as const
  ).map(([equation, shapes, shape]): OpCase => ({
    title: equation,
    apply: (...operands) => einsum(operands, equation),
    inputs: shapes.map((each) => ({ shape: each })),
    shape,
  })), // biome-ignore format: rows
);

describe("einsum refuses", () => {
  it.each([
    ["ij,jk", "option", "i1->i"],
    ["two operands for one term", "shape", "ij->j"],
    ["a letter twice in an operand", "unsupported", "ii,ij->j"],
    ["a letter of the result that no operand has", "option", "ij,jk->iz"],
    ["sizes that differ", "shape", "ij,ik->jk"],
    ["another number of axes", "shape", "ijk,jk->i"],
  ])("%s", (_, code, equation) => {
    expect(() => ops.einsum(equation, counting([2, 3]), counting([3, 5]))).toThrow(
      expect.objectContaining({ code }) as never,
    );
  });
});
