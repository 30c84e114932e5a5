// Do shapes and values hold for whatever shapes there are? Random ones, against the float64 reference.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TensorError } from "../../bindings/errors.ts";
import { gradients } from "../../bindings/gradient.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { logAddExp } from "../../bindings/ops/composedElements.ts";
import { flip, roll, tile } from "../../bindings/ops/composedMoves.ts";
import { concat, slice, transpose } from "../../bindings/ops/copy.ts";
import { takeAlongAxis } from "../../bindings/ops/indexing.ts";
import { add, divide, maximum, multiply, subtract, where } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { max, mean, sum } from "../../bindings/ops/reduce.ts";
import { argSort } from "../../bindings/ops/sort.ts";
import { reshape } from "../../bindings/ops/view.ts";
import { type Shape, sizeOf, Tensor } from "../../bindings/tensor.ts";
import { expectWithin } from "../harness/compare.ts";
import type { Estimate } from "../harness/estimate.ts";
import { distinct, generator } from "../harness/random.ts";
import { evaluate } from "../harness/reference.ts";
import { runGraph, traceGraph } from "../harness/runGraph.ts";

type Node = SymbolicTensor;
const runs = { numRuns: 25, seed: 20_240_607 };

const size = fc.integer({ min: 1, max: 4 });
const shape = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(size, { minLength, maxLength });
/** A shape and which of its axes each of two operands has as 1, or, in front, not at all. */
const broadcasting = shape(0, 4).chain((whole) =>
  fc.tuple(part(whole), part(whole)).map(([a, b]) => ({ a, b, together: together(a, b) })),
);

function part(whole: readonly number[]): fc.Arbitrary<number[]> {
  return fc
    .tuple(
      fc.array(fc.boolean(), { minLength: whole.length, maxLength: whole.length }),
      fc.integer({ min: 0, max: whole.length }),
    )
    .map(([ones, missing]) => whole.map((each, axis) => (ones[axis] ? 1 : each)).slice(missing));
}

/** The shape that two have together, by the rule of NumPy, written without the library. */
function together(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1),
  );
}

function value(of: Shape, seed: number): Tensor {
  return Tensor.of(distinct(generator(seed), sizeOf(of)), of, "float32");
}

/** Fails unless result and gradients are those of the reference. Returns the shape of the result. */
function check(values: readonly Tensor[], apply: (...inputs: Node[]) => Node): Shape {
  const traced = traceGraph(values, (...inputs) => {
    const y = apply(...inputs);
    const found = gradients(sum(multiply(y, y)), inputs);
    found.forEach((gradient, index) => {
      expect(gradient?.shape).toEqual(values[index]?.shape);
    });
    return [y, ...(found as Node[])];
  });
  const expected = evaluate(
    traced.outputs,
    new Map(traced.inputs.map((input, index) => [input, (values[index] as Tensor).data])),
  );
  runGraph(traced, values).forEach((found, index) => {
    expectWithin(found, expected[index] as Estimate, `result ${index}`);
  });
  return (traced.outputs[0] as Node).shape;
}

describe("for all shapes that broadcast", () => {
  const operations = { add, subtract, multiply, divide, maximum, logAddExp };
  it.each(Object.entries(operations))("%s has their shape together, the value and the gradients", (_, apply) => {
    fc.assert(
      fc.property(broadcasting, fc.nat(), (shapes, seed) => {
        const [a, b] = [value(shapes.a, seed), value(shapes.b, seed + 1)];
        expect(check([a, b], (x, y) => apply(x, y))).toEqual(shapes.together);
      }),
      runs,
    );
  });

  it("where has the shape of all three", () => {
    fc.assert(
      fc.property(broadcasting, fc.nat(), ({ a, b, together: whole }, seed) => {
        const condition = Uint8Array.from({ length: sizeOf(a) }, (_, place) => (place + seed) % 2);
        const flags = Tensor.of(condition, a, "bool");
        expect(check([value(a, seed), value(b, seed + 1)], (x, y) => where(flags, x, y))).toEqual(whole);
      }),
      runs,
    );
  });

  it("matMul broadcasts the leading axes", () => {
    fc.assert(
      fc.property(broadcasting, size, size, size, fc.nat(), ({ a, b, together: whole }, m, k, n, seed) => {
        const values = [value([...a, m, k], seed), value([...b, k, n], seed + 1)];
        expect(check(values, (x, y) => matMul(x, y))).toEqual([...whole, m, n]);
      }),
      runs,
    );
  });
});

it("shapes that do not broadcast are refused, whatever they are", () => {
  fc.assert(
    fc.property(shape(1, 4), fc.nat(), (whole, at) => {
      const axis = at % whole.length;
      const other = whole.map((each, place) => (place === axis ? each + 2 : each));
      const first = whole.map((each, place) => (place === axis ? each + 1 : each));
      expect(() => check([value(first, 1), value(other, 2)], (x, y) => add(x, y))).toThrow(TensorError);
    }),
    runs,
  );
});

describe("for all shapes", () => {
  const axisOf = (whole: Shape, at: number): number => (at % (2 * whole.length)) - whole.length;

  it("reductions over any axis leave the others", () => {
    fc.assert(
      fc.property(shape(1, 4), fc.nat(), fc.boolean(), (whole, at, keepDims) => {
        const axis = axisOf(whole, at);
        const place = axis < 0 ? axis + whole.length : axis;
        const left = keepDims ? whole.with(place, 1) : whole.toSpliced(place, 1);
        for (const reduce of [sum, mean, max])
          expect(check([value(whole, at)], (x) => reduce(x, axis, keepDims))).toEqual(left);
      }),
      runs,
    );
  });

  it("what is moved comes back", () => {
    fc.assert(
      fc.property(shape(1, 4), fc.nat(), fc.integer({ min: -9, max: 9 }), (whole, at, shift) => {
        const axis = axisOf(whole, at);
        const x = value(whole, at);
        const back = traceGraph([x], (node) => [
          roll(roll(node, shift, axis), -shift, axis),
          flip(flip(node, axis), axis),
          transpose(transpose(node)),
          reshape(reshape(node, [-1]), whole),
          slice(
            tile(node, [2, ...whole.slice(1).map(() => 1)]),
            whole.map(() => 0),
            whole,
          ),
          slice(
            concat([node, node], axis),
            whole.map(() => 0),
            whole,
          ),
        ]);
        for (const result of runGraph(back, [x])) expect(result.data).toEqual(x.data);
        check([x], (node) => takeAlongAxis(roll(flip(node, axis), shift, axis), argSort(node, axis), axis));
      }),
      runs,
    );
  });
});
