// Loops and branches against plain JavaScript loops over Reals.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { type RealArray, sizeOf } from "../array.ts";
import { type Drawn, seeds, sizes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { add, apply, type Curve, choose, exact, multiply, product, type Real, scale, subtract, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";

type Node = SymbolicTensor;

/** A step with a memory, for symbols and for Reals. */
interface Step {
  readonly onNodes: (carry: Node, x: Node) => Node;
  readonly onReals: (carry: Real, x: Real) => Real;
}
const tanh = curves.tanh as Curve;
const steps = {
  decay: {
    onNodes: (carry, x) => ops.add(ops.multiply(carry, 0.5), x),
    onReals: (carry, x) => add(scale(carry, 0.5), x),
  },
  product: { onNodes: (carry, x) => ops.multiply(carry, x), onReals: multiply },
  recurrent: {
    onNodes: (carry, x) => ops.tanh(ops.subtract(x, carry)),
    onReals: (carry, x) => apply(tanh, subtract(x, carry)),
  },
  forgets: { onNodes: (_, x) => ops.multiply(x, x), onReals: (_, x) => multiply(x, x) },
} satisfies Record<string, Step>;
type StepName = keyof typeof steps;
const stepNames = fc.constantFrom<StepName>("decay", "product", "recurrent", "forgets");

const rowsOf = (x: RealArray): Real[][] => {
  const [count = 0, ...rest] = x.shape;
  const size = sizeOf(rest);
  return Array.from({ length: count }, (_, row) => x.data.slice(row * size, (row + 1) * size));
};
const arrayOf = (shape: readonly number[], data: readonly Real[]): RealArray => ({ shape, dtype: "float32", data });

interface LoopCase {
  readonly count: number;
  readonly inner: number[];
  readonly step: StepName;
  readonly reverse: boolean;
  readonly length: "none" | "same" | "other";
  readonly seed: number;
}
const inner = fc.array(sizes(3), { maxLength: 2 });
const loops: fc.Arbitrary<LoopCase> = fc.record({
  count: sizes(6),
  inner,
  step: stepNames,
  reverse: fc.boolean(),
  length: fc.constantFrom<LoopCase["length"]>("none", "none", "none", "same", "other"),
  seed: seeds,
});

/** The carries of all steps, in the order of the steps. */
function carries(initial: readonly Real[], rows: readonly Real[][], step: Step): Real[][] {
  let carry = [...initial];
  return rows.map((row) => {
    carry = carry.map((each, place) => step.onReals(each, row[place] as Real));
    return carry;
  });
}

const scan = op<LoopCase>({
  name: "scan",
  cases: loops,
  inputs: ({ count, inner: shape }) => [{ shape }, { shape: [count, ...shape] }],
  call: ({ step, reverse, length, count }, initial, xs) => {
    const { onNodes }: Step = steps[step];
    // What comes out differs from what is carried.
    const [last, { y }] = ops.scan(
      (carry: Node, x: Node) => {
        const next = onNodes(carry, x);
        return [next, { y: ops.multiply(next, x) }] as never;
      },
      initial as Node,
      xs as Node,
      { reverse, ...(length === "none" ? {} : { length: length === "same" ? count : count + 1 }) },
    ) as unknown as [Node, { y: Node }];
    return [last, y];
  },
  reference: ({ count, inner: shape, step, reverse, length }, initial, xs) => {
    if (count === 0 || length === "other") return undefined;
    const rows = rowsOf(xs as RealArray);
    if (reverse) rows.reverse();
    const all = carries((initial as RealArray).data, rows, steps[step]);
    const ys = all.map((carry, index) => carry.map((each, place) => multiply(each, rows[index]?.[place] as Real)));
    if (reverse) ys.reverse();
    return [arrayOf(shape, all.at(-1) as Real[]), arrayOf([count, ...shape], ys.flat())];
  },
});

const map = op<LoopCase>({
  name: "map",
  cases: loops,
  inputs: ({ count, inner: shape }) => [{ shape: [count, ...shape] }, { shape: [count, ...shape] }],
  call: ({ step }, a, b) => {
    const { onNodes }: Step = steps[step];
    const { y } = ops.map(({ a: x, b: z }: { a: Node; b: Node }) => ({ y: onNodes(x, z) }), {
      a: a as Node,
      b: b as Node,
    }) as { y: Node };
    return y;
  },
  reference: ({ count, step }, a, b) => {
    if (count === 0) return undefined;
    const { onReals }: Step = steps[step];
    return arrayOf(
      (a as RealArray).shape,
      (a as RealArray).data.map((x, place) => onReals(x, (b as RealArray).data[place] as Real)),
    );
  },
});

interface ForCase {
  readonly lower: number;
  readonly upper: number;
  readonly shape: number[];
  readonly step: StepName;
  readonly seed: number;
}
const foriLoop = op<ForCase>({
  name: "foriLoop",
  cases: fc.record({
    lower: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(0.5)),
    upper: fc.integer({ min: -3, max: 7 }),
    shape: inner,
    step: stepNames,
    seed: seeds,
  }),
  inputs: ({ shape }) => [{ shape }, { shape }],
  call: ({ lower, upper, step }, initial, x) => {
    const { onNodes }: Step = steps[step];
    const loop = ops.foriLoop(
      lower,
      upper,
      (index: number, carry: Node) => ops.add(onNodes(carry, x as Node), index) as Node,
      ops.multiply(initial as Node, 1) as Node,
    );
    return loop;
  },
  reference: ({ lower, upper, step }, initial, x) => {
    if (!Number.isInteger(lower)) return undefined;
    const { onReals }: Step = steps[step];
    let carry = [...(initial as RealArray).data];
    for (let index = lower; index < upper; index++)
      carry = carry.map((each, place) => add(onReals(each, (x as RealArray).data[place] as Real), exact(index)));
    return arrayOf((initial as RealArray).shape, carry);
  },
});

interface AssociativeCase {
  readonly shape: number[];
  readonly axis: number;
  readonly combination: "sum" | "product" | "affine";
  readonly reverse: boolean;
  readonly seed: number;
}
const associativeScan = op<AssociativeCase>({
  name: "associativeScan",
  cases: fc
    .array(sizes(9, 1), { minLength: 1, maxLength: 3 })
    .filter((shape) => sizeOf(shape) <= 120)
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
        combination: fc.constantFrom<AssociativeCase["combination"]>("sum", "product", "affine"),
        reverse: fc.boolean(),
        seed: seeds,
      }),
    ),
  inputs: ({ shape }) => [{ shape }, { shape }],
  call: ({ axis, combination, reverse }, a, b) => {
    type Pair = { a: Node; b: Node };
    const combine = (first: Pair, second: Pair): Pair => {
      if (combination === "sum") return { a: ops.add(first.a, second.a), b: ops.add(first.b, second.b) } as Pair;
      if (combination === "product")
        return { a: ops.multiply(first.a, second.a), b: ops.multiply(first.b, second.b) } as Pair;
      // x ↦ a·x + b, the earlier one applied first.
      return {
        a: ops.multiply(first.a, second.a),
        b: ops.add(ops.multiply(second.a, first.b), second.b),
      } as Pair;
    };
    const found = ops.associativeScan(combine, { a: a as Node, b: b as Node }, { axis, reverse });
    return [found.a, found.b];
  },
  reference: ({ shape, axis, combination, reverse }, a, b) => {
    const [x, y] = [a as RealArray, b as RealArray];
    const place = (axis + shape.length) % shape.length;
    const length = shape[place] as number;
    const stride = sizeOf(shape.slice(place + 1));
    const found: [Real[], Real[]] = [new Array(x.data.length), new Array(x.data.length)];
    for (let index = 0; index < x.data.length; index++) {
      const step = Math.floor(index / stride) % length;
      if (step !== 0) continue;
      const line = Array.from({ length }, (_, at) => index + (reverse ? length - 1 - at : at) * stride);
      const [ofX, ofY] = [line.map((at) => x.data[at] as Real), line.map((at) => y.data[at] as Real)];
      // In any order of combination: every term of a sum, every factor of a product goes through as many roundings at most.
      line.forEach((at, end) => {
        const [first, second] = [ofX.slice(0, end + 1), ofY.slice(0, end + 1)];
        found[0][at] = combination === "sum" ? sum(first) : product(first);
        found[1][at] =
          combination === "sum"
            ? sum(second)
            : combination === "product"
              ? product(second)
              : sum(second.map((each, place) => product([each, ...first.slice(place + 1)])));
      });
    }
    return [arrayOf(shape, found[0]), arrayOf(shape, found[1])];
  },
});

interface BranchCase {
  readonly shape: number[];
  readonly scalar: boolean;
  readonly branches: StepName[];
  readonly seed: number;
}
const condition = (shape: readonly number[], scalar: boolean, draw: Drawn): Drawn => ({
  ...draw,
  shape: scalar ? [] : shape,
});
const cond = op<BranchCase>({
  name: "cond",
  cases: fc.record({
    shape: inner,
    scalar: fc.boolean(),
    branches: fc.array(stepNames, { minLength: 2, maxLength: 2 }),
    seed: seeds,
  }),
  inputs: ({ shape, scalar }) => [condition(shape, scalar, { shape, dtype: "bool" }), { shape }, { shape }],
  call: ({ branches: [yes = "decay", no = "decay"] }, predicate, a, b) =>
    ops.cond(
      predicate as Node,
      () => (steps[yes] as Step).onNodes(a as Node, b as Node),
      () => (steps[no] as Step).onNodes(b as Node, a as Node),
    ),
  reference: ({ shape, scalar, branches: [yes = "decay", no = "decay"] }, predicate, a, b) =>
    arrayOf(
      shape,
      (a as RealArray).data.map((x, place) => {
        const y = (b as RealArray).data[place] as Real;
        const holds = ((predicate as RealArray).data[scalar ? 0 : place] as Real).value !== 0;
        return choose(holds, (steps[yes] as Step).onReals(x, y), (steps[no] as Step).onReals(y, x));
      }),
    ),
});

const switchCase = op<BranchCase>({
  name: "switch",
  cases: fc.record({
    shape: inner,
    scalar: fc.boolean(),
    branches: fc.array(stepNames, { maxLength: 4 }),
    seed: seeds,
  }),
  inputs: ({ shape, scalar }) => [
    condition(shape, scalar, { shape, dtype: "int32", draw: whole(-2, 5) }),
    { shape },
    { shape, draw: within(-1, 1) },
  ],
  call: ({ branches }, index, a, b) =>
    ops.switch(
      index as Node,
      branches.map((name) => (x: Node, y: Node) => (steps[name] as Step).onNodes(x, y)),
      a as Node,
      b as Node,
    ),
  reference: ({ shape, scalar, branches }, index, a, b) => {
    if (branches.length === 0) return undefined;
    return arrayOf(
      shape,
      (a as RealArray).data.map((x, place) => {
        const wanted = ((index as RealArray).data[scalar ? 0 : place] as Real).value;
        const taken = branches[Math.min(Math.max(wanted, 0), branches.length - 1)] as StepName;
        return (steps[taken] as Step).onReals(x, (b as RealArray).data[place] as Real);
      }),
    );
  },
});

export const controlSubjects: readonly Subject[] = [scan, map, foriLoop, associativeScan, cond, switchCase];
