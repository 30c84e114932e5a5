// Does a chain of elementwise steps keep every value that it still needs, in as few registers as there are?

import { describe, expect, it } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import {
  allocateRegisters,
  broadcastLayout,
  type Expression,
  limits,
  registerCount,
  type Step,
} from "../../bindings/ops/expression.ts";
import * as map from "../../bindings/ops/map.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";
import { generator } from "../harness/random.ts";

/** Fails if a register is overwritten while its value is still to be read. */
function expectSound({ sources, steps }: Expression): void {
  const registers = allocateRegisters({ sources, steps });
  expect(registers).toHaveLength(sources.length + steps.length);
  const holder = new Map<number, number>(sources.map((_, index) => [registers[index] as number, index]));
  steps.forEach((step, index) => {
    for (const position of step.operands)
      expect(holder.get(registers[position] as number), `step ${index} reads value ${position}`).toBe(position);
    const target = registers[sources.length + index] as number;
    expect(target, "a source is never overwritten: it may be the data themselves").toBeGreaterThanOrEqual(
      sources.length,
    );
    holder.set(target, sources.length + index);
  });
}

const sourcesOf = (count: number): Expression["sources"] =>
  Array.from({ length: count }, (_, input) => ({ kind: "tensor", input }));

describe("registers", () => {
  it("of a chain are two beside its sources, and one of its result", () => {
    const steps: Step[] = Array.from({ length: 40 }, (_, index) => ({ code: 0, operands: [index === 0 ? 0 : index] }));
    expectSound({ sources: sourcesOf(1), steps });
    expect(registerCount({ sources: sourcesOf(1), steps })).toBe(4);
  });

  it("of random expressions are never overwritten too early", () => {
    const next = generator(3);
    for (let round = 0; round < 300; round++) {
      const sources = sourcesOf(1 + Math.floor(next() * limits.sources));
      const steps: Step[] = [];
      for (let index = 0; index < 1 + Math.floor(next() * limits.steps); index++) {
        const known = sources.length + index;
        steps.push({
          code: 0,
          operands: Array.from({ length: 1 + Math.floor(next() * 3) }, () => Math.floor(next() * known)),
        });
      }
      expectSound({ sources, steps });
    }
  });
});

describe("layouts", () => {
  it.each([
    [[3], [4, 3], { sizes: [4, 3], strides: [0, 1] }],
    [[4, 3], [4, 3], { sizes: [12], strides: [1] }],
    [[], [4, 3], { sizes: [12], strides: [0] }],
    [[4, 1], [4, 3], { sizes: [4, 3], strides: [1, 0] }],
    [[2, 1, 5], [2, 3, 5], { sizes: [2, 3, 5], strides: [5, 0, 1] }],
    [[2, 3, 1, 1], [2, 3, 4, 5], { sizes: [6, 20], strides: [1, 0] }],
    [[1, 1], [1, 1, 1], { sizes: [1], strides: [1] }],
  ])("[%s] read as [%s]", (from, to, layout) => {
    expect(broadcastLayout(from, to)).toEqual(layout);
  });
});

/** f(x₀) + (f(x₁) + (f(x₂) + …)): all leaves are alive before the first sum. */
function deepSum(xs: readonly SymbolicTensor[], leaf: (x: SymbolicTensor) => SymbolicTensor): SymbolicTensor {
  return xs.map(leaf).reduceRight((rest, each) => map.add(each, rest));
}

/** where(leaf > rest, leaf, leaf): three leaves wait for each rest. */
function deepSelect(xs: readonly SymbolicTensor[], depth: number): SymbolicTensor {
  let place = 0;
  const leaf = (): SymbolicTensor => map.multiply(xs[place++ % xs.length] as SymbolicTensor, 1 + place / 64);
  const level = (rest: number): SymbolicTensor => {
    const [a, b, c] = [leaf(), leaf(), leaf()];
    return rest === 0 ? map.add(a, map.add(b, c)) : map.where(map.greater(c, level(rest - 1)), a, b);
  };
  return level(depth);
}

const many = (count: number, size: number): OpCase["inputs"] =>
  Array.from({ length: count }, () => ({ shape: [size], range: { low: 0.1, high: 1 } }));
describeOp("expressions at their limits", [
  ...[1, 2, 15, 16, 17, 33].map(
    (count): OpCase => ({
      title: `${count} sources`,
      apply: (...xs) => deepSum(xs, (x) => x),
      inputs: many(count, 5),
      shape: [5],
    }),
  ),
  ...[8, 16].map(
    (count): OpCase => ({
      title: `${count} sources and as many values alive`,
      apply: (...xs) => deepSum(xs, (x) => map.square(x)),
      inputs: many(count, 515),
      shape: [515],
      gradient: false,
    }),
  ),
  {
    title: "16 sources and 24 values alive",
    apply: (...xs) => deepSum([...xs, ...xs.slice(0, 8).map((x) => map.negate(x))], (x) => map.square(x)),
    inputs: many(16, 515),
    shape: [515],
    gradient: false,
  },
  {
    title: "16 sources and their gradients",
    apply: (...xs) => deepSum(xs, (x) => map.square(x)),
    inputs: many(16, 3),
    shape: [3],
  },
  ...[3, 6, 9, 12].map(
    (depth): OpCase => ({
      title: `${depth} selections that wait for each other`,
      apply: (...xs) => deepSelect(xs, depth),
      inputs: many(13, 515),
      shape: [515],
      gradient: false,
    }),
  ),
  ...[47, 48, 49, 97, 150].map(
    (length): OpCase => ({
      title: `a chain of ${length} steps`,
      apply: (x) =>
        Array.from({ length }).reduce(
          (value: SymbolicTensor, _, index) =>
            index % 3 === 0 ? map.sin(value) : index % 3 === 1 ? map.add(value, x) : map.multiply(value, 0.5),
          x,
        ),
      inputs: [{ shape: [length === 49 ? 1025 : 17], range: { low: -1, high: 1 } }],
      shape: [length === 49 ? 1025 : 17],
    }),
  ),
  {
    title: "one value used forty times",
    apply: (x) =>
      Array.from({ length: 40 }).reduce((value: SymbolicTensor) => map.multiply(map.add(value, map.tanh(x)), 0.5), x),
    inputs: [{ shape: [9] }],
    shape: [9],
  },
]);
