// Are loops and branches part of a program, on values as well, and do they train?

import { describe, expect, it } from "vitest";
import { compiled, grad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import type { State } from "../../bindings/ops/control.ts";
import * as control from "../../bindings/ops/control.ts";
import * as ops from "../../bindings/ops/index.ts";
import { add, multiply, subtract, tanh } from "../../bindings/ops/map.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

type Node = SymbolicTensor;
/** h = tanh(h · w + x). */
const recurrence = (w: Node, xs: Node): readonly [Node, Node] =>
  control.scan(
    (h: Node, x: Node): readonly [Node, Node] => {
      const next = tanh(add(multiply(h, w), x));
      return [next, multiply(next, 2)];
    },
    multiply(w, 0),
    xs,
  );

describeOp(
  "control",
  [
    {
      title: "scan, the last",
      apply: (w, xs) => recurrence(w as Node, xs as Node)[0],
      inputs: [{ shape: [3] }, { shape: [5, 3] }],
      shape: [3],
    },
    {
      title: "scan, all",
      apply: (w, xs) => recurrence(w as Node, xs as Node)[1],
      inputs: [{ shape: [3] }, { shape: [4, 3] }],
      shape: [4, 3],
    },
    {
      title: "map",
      apply: (xs, w) => control.map((x: Node) => multiply(x, w as Node), xs as Node),
      inputs: [{ shape: [3, 2] }, { shape: [4, 1] }],
      shape: [3, 4, 2],
    },
    {
      title: "foriLoop",
      apply: (x) => control.foriLoop(1, 4, (i, y: Node) => multiply(add(y, i), x as Node), x as Node),
      inputs: [{ shape: [3] }],
      shape: [3],
    },
    {
      title: "associativeScan",
      apply: (x) => control.associativeScan((a: Node, b: Node) => multiply(a, b), x as Node),
      inputs: [{ shape: [5, 2] }],
      shape: [5, 2],
    },
    {
      title: "associativeScan from the end of another axis",
      apply: (x) => control.associativeScan((a: Node, b: Node) => add(a, b), x as Node, { axis: -1, reverse: true }),
      inputs: [{ shape: [2, 7] }],
      shape: [2, 7],
    },
    {
      title: "cond",
      apply: (x, y) =>
        control.cond(
          ops.less(ops.sum(x as Node), 100),
          () => multiply(x as Node, y as Node),
          () => subtract(x as Node, 1),
        ),
      inputs: [{ shape: [2, 3] }, { shape: [3] }],
      shape: [2, 3],
    },
  ] satisfies OpCase[],
  [
    {
      title: "sequences of different lengths",
      call: () => ops.map((x) => x, { a: tensor([1]), b: tensor([1, 2]) }),
      code: "shape",
      text: "equal size along axis 0",
    },
    {
      title: "a loop without an end",
      call: () => ops.scan((c) => [c, c], tensor([1]), null),
      code: "option",
      text: "scan.length: expected a whole number of steps",
    },
    {
      title: "a bound between numbers",
      call: () => ops.foriLoop(0, 1.5, (_, c) => c, 1),
      code: "option",
      text: "whole numbers as bounds",
    },
    {
      title: "branches that differ",
      call: () =>
        ops.cond(
          true,
          () => ({ a: tensor(1) }) as State,
          () => ({ b: tensor(1) }) as State,
        ),
      code: "shape",
      text: "one structure",
    },
    { title: "no branch", call: () => ops.switch(0, []), code: "option", text: "at least one branch" },
  ],
);

describe("control on values", () => {
  const fibonacci = (): readonly [{ a: Tensor; b: Tensor }, Tensor] =>
    ops.scan(
      ({ a, b }: { a: Tensor; b: Tensor }): readonly [{ a: Tensor; b: Tensor }, Tensor] => [
        { a: b, b: ops.add(a, b) },
        a,
      ],
      { a: tensor(0), b: tensor(1) },
      null,
      { length: 8 },
    );

  it("goes through records, without anything to go through, backwards", () => {
    expect(fibonacci()[1].array()).toEqual([0, 1, 1, 2, 3, 5, 8, 13]);
    expect(fibonacci()[0].b.item()).toBe(34);
    const [total, sums] = ops.scan(
      (sum: Tensor, x: Tensor): readonly [Tensor, Tensor] => [ops.add(sum, x), ops.add(sum, x)],
      tensor(0),
      tensor([1, 2, 3]),
      { reverse: true },
    );
    expect(total.item()).toBe(6);
    expect(sums.array()).toEqual([6, 5, 3]);
    // Not commutative: f(x) = a·x + b after one another.
    const lines = { a: tensor([2, 3, 4, 5]), b: tensor([1, 1, 1, 1]) };
    const after = (f: typeof lines, g: typeof lines): typeof lines => ({
      a: ops.multiply(f.a, g.a),
      b: ops.add(ops.multiply(g.a, f.b), g.b),
    });
    const composed = ops.associativeScan(after, lines);
    expect(composed.a.array()).toEqual([2, 6, 24, 120]);
    expect(composed.b.array()).toEqual([1, 4, 17, 86]);
  });

  it("takes one of several, the nearest when there is none", () => {
    const branches = [(x: Tensor) => ops.add(x, 1), (x: Tensor) => ops.multiply(x, 10), (x: Tensor) => ops.negate(x)];
    const taken = [-5, 0, 1, 2, 9].map((index) => ops.switch(tensor(index, undefined, "int32"), branches, tensor([3])));
    expect(taken.map((each) => each.array())).toEqual([[4], [4], [30], [-3], [-3]]);
    expect(
      ops
        .cond(
          tensor(false),
          () => tensor([1]),
          () => tensor([2]),
        )
        .array(),
    ).toEqual([2]);
  });

  it("is part of a program", () => {
    const chosen = compiled((index: Node, x: Node) =>
      control.switch(index, [(y: Node) => add(y, 1), (y: Node) => multiply(y, 2)], x),
    );
    expect(chosen(tensor(1, undefined, "int32"), [5, 6]).array()).toEqual([10, 12]);
    const slope = grad((x: Node) => ops.sum(control.foriLoop(0, 3, (_, y: Node) => multiply(y, x), x)));
    expect(slope([2, 3]).array()).toEqual([32, 108]);
  });
});
