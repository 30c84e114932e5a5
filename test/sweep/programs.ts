// Random small programs: a few ops that use each other's results, so that passes have something to fuse, merge, hoist,
// and memory to share.

import fc from "fast-check";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as ops from "../../bindings/ops/index.ts";
import type { Shape } from "../../bindings/tensor.ts";
import { at, broadcast, build, elementwise, type RealArray, reshape, sizeOf } from "./array.ts";
import { seeds, sizes, within } from "./draw.ts";
import { op } from "./op.ts";
import { curves } from "./ops/curves.ts";
import { product } from "./ops/matMul.ts";
import { alongAxis, mean, reduced, softmax } from "./ops/reductions.ts";
import { add, apply, type Curve, extremum, multiply, type Real, scale, subtract, sum } from "./real.ts";
import type { Subject } from "./subject.ts";

/** What a step may be: the same table for symbols and for the reference. */
interface Table<T> {
  readonly shape: (x: T) => Shape;
  readonly unary: (name: string, x: T) => T;
  readonly binary: (name: string, a: T, b: T) => T;
  readonly scale: (x: T, factor: number) => T;
  readonly reduce: (name: "sum" | "mean" | "max", x: T, axes: number[], keepDims: boolean) => T;
  readonly softmax: (x: T, axis: number) => T;
  readonly matMul: (a: T, b: T, transposeB: boolean) => T;
  readonly transpose: (x: T, axes: number[]) => T;
  readonly reshape: (x: T, shape: number[]) => T;
  readonly slice: (x: T, begin: number[], size: number[]) => T;
  readonly pad: (x: T, before: number[], after: number[]) => T;
  readonly concat: (xs: T[], axis: number) => T;
}

const smooth = ["tanh", "sigmoid", "softplus", "negate", "square", "sin", "atan", "relu", "abs"] as const;
const binaries = ["add", "subtract", "multiply", "maximum"] as const;

const symbols: Table<SymbolicTensor> = {
  shape: (x) => x.shape,
  unary: (name, x) =>
    (ops as unknown as Record<string, (x: SymbolicTensor) => SymbolicTensor>)[name]?.(x) as SymbolicTensor,
  binary: (name, a, b) =>
    (ops as unknown as Record<string, (a: SymbolicTensor, b: SymbolicTensor) => SymbolicTensor>)[name]?.(
      a,
      b,
    ) as SymbolicTensor,
  scale: (x, factor) => ops.multiply(x, factor),
  reduce: (name, x, axes, keepDims) =>
    name === "sum"
      ? ops.sum(x, axes, keepDims)
      : name === "mean"
        ? ops.mean(x, axes, keepDims)
        : ops.max(x, axes, keepDims),
  softmax: (x, axis) => ops.softmax(x, axis),
  matMul: (a, b, transposeB) => ops.matMul(a, b, { transposeB }),
  transpose: (x, axes) => ops.transpose(x, axes),
  reshape: (x, shape) => ops.reshape(x, shape),
  slice: (x, begin, size) => ops.slice(x, begin, size),
  pad: (x, before, after) =>
    ops.pad(
      x,
      before.map((count, axis) => [count, after[axis] as number] as const),
    ),
  concat: (xs, axis) => ops.concat(xs, axis),
};

const larger = (a: number, b: number): boolean => a > b;
const rules: Readonly<Record<(typeof binaries)[number], (a: Real, b: Real) => Real>> = {
  add,
  subtract,
  multiply,
  maximum: (a, b) => extremum([a, b], larger, "equal"),
};

const reals: Table<RealArray> = {
  shape: (x) => x.shape,
  unary: (name, x) => elementwise((each) => apply(curves[name] as Curve, each), [x]),
  binary: (name, a, b) => elementwise(rules[name as (typeof binaries)[number]] as (...of: Real[]) => Real, [a, b]),
  scale: (x, factor) => elementwise((each) => scale(each, factor), [x]),
  reduce: (name, x, axes, keepDims) =>
    reduced(x, { axes, keepDims }, (each) =>
      name === "sum" ? sum(each) : name === "mean" ? mean(each) : extremum(each, larger, "equal"),
    ),
  softmax: (x, axis) => alongAxis(x, axis, softmax),
  matMul: (a, b, transposeB) => product(a, b, false, transposeB),
  transpose: (x, axes) =>
    build(
      axes.map((axis) => x.shape[axis] as number),
      (position) =>
        at(
          x,
          x.shape.map((_, axis) => position[axes.indexOf(axis)] as number),
        ),
    ),
  reshape,
  slice: (x, begin, size) =>
    build(size, (position) =>
      at(
        x,
        position.map((each, axis) => each + (begin[axis] as number)),
      ),
    ),
  pad: (x, before, after) =>
    build(
      x.shape.map((length, axis) => length + (before[axis] as number) + (after[axis] as number)),
      (position) =>
        at(
          x,
          position.map((each, axis) => each - (before[axis] as number)),
        ),
    ),
  concat: (xs, axis) => {
    const [first] = xs as [RealArray];
    const total = xs.reduce((length, each) => length + (each.shape[axis] as number), 0);
    return build(
      first.shape.map((length, each) => (each === axis ? total : length)),
      (position) => {
        let offset = position[axis] as number;
        for (const each of xs) {
          const length = each.shape[axis] as number;
          if (offset < length)
            return at(
              each,
              position.map((one, index) => (index === axis ? offset : one)),
            );
          offset -= length;
        }
        throw new Error("outside");
      },
    );
  },
};

interface Step {
  readonly kind:
    | "unary"
    | "binary"
    | "scale"
    | "reduce"
    | "softmax"
    | "matMul"
    | "transpose"
    | "reshape"
    | "slice"
    | "pad"
    | "concat";
  /** Which earlier results it uses, counted from the last. */
  readonly from: [number, number];
  /** Choices, each modulo what there is. */
  readonly choice: [number, number, number];
}

interface ProgramCase {
  readonly shapes: number[][];
  readonly steps: Step[];
  readonly seed: number;
}

const mostElements = 300;

/** The result of a step; undefined where its operands do not fit: it is left out then. */
function take<T>(table: Table<T>, { kind, from, choice }: Step, known: readonly T[]): T | undefined {
  const operand = (which: number): T => known[known.length - 1 - (which % known.length)] as T;
  const [x, other] = [operand(from[0]), operand(from[1])];
  const shape = table.shape(x);
  const rank = shape.length;
  const [first, second, third] = choice;
  const axis = rank === 0 ? 0 : first % rank;
  switch (kind) {
    case "unary":
      return table.unary(smooth[first % smooth.length] as string, x);
    case "scale":
      return table.scale(x, [0.5, -1, 0.25, 2][first % 4] as number);
    case "binary": {
      const result = broadcast(shape, table.shape(other));
      if (result === undefined || sizeOf(result) > mostElements) return undefined;
      return table.binary(binaries[first % binaries.length] as string, x, other);
    }
    case "reduce": {
      const name = (["sum", "mean", "max"] as const)[first % 3] as "sum" | "mean" | "max";
      const axes = shape.flatMap((_, each) => ((second >> each) % 2 === 1 ? [each] : []));
      if (name !== "sum" && axes.some((each) => shape[each] === 0)) return undefined;
      return table.reduce(name, x, axes, third % 2 === 1);
    }
    case "softmax":
      return rank === 0 || shape[axis] === 0 ? undefined : table.softmax(x, axis);
    case "matMul": {
      const right = table.shape(other);
      if (rank < 2 || right.length < 2) return undefined;
      const transposeB = second % 2 === 1;
      if (shape.at(-1) !== right.at(transposeB ? -1 : -2)) return undefined;
      if (broadcast(shape.slice(0, -2), right.slice(0, -2)) === undefined) return undefined;
      return table.matMul(x, other, transposeB);
    }
    case "transpose": {
      const axes = shape.map((_, each) => each);
      if (rank > 1) axes.push(...axes.splice(0, 1 + (first % (rank - 1))));
      return table.transpose(x, axes);
    }
    case "reshape": {
      const size = sizeOf(shape);
      const part = 1 + (first % 6);
      return size % part === 0
        ? table.reshape(x, second % 2 === 0 ? [part, size / part] : [size / part, part])
        : undefined;
    }
    case "slice": {
      const begin = shape.map((length, each) => (each === axis ? second % (length + 1) : 0));
      return table.slice(
        x,
        begin,
        shape.map((length, each) => (each === axis ? third % (length - (begin[each] as number) + 1) : length)),
      );
    }
    case "pad":
      if (sizeOf(shape) * 3 > mostElements) return undefined;
      return table.pad(
        x,
        shape.map((_, each) => (each === axis ? second % 3 : 0)),
        shape.map((_, each) => (each === axis ? third % 3 : 0)),
      );
    case "concat": {
      const right = table.shape(other);
      if (rank === 0 || right.length !== rank || sizeOf(shape) + sizeOf(right) > mostElements) return undefined;
      return shape.every((length, each) => each === axis || length === right[each])
        ? table.concat([x, other], axis)
        : undefined;
    }
  }
}

/** Everything that no step has used, and one result that one has: so that it is both kept and used. */
function interpret<T>(table: Table<T>, { steps }: ProgramCase, inputs: readonly T[]): T[] {
  const known = [...inputs];
  const used = new Set<number>();
  for (const step of steps) {
    const result = take(table, step, known);
    if (result === undefined) continue;
    for (const which of step.from) used.add(known.length - 1 - (which % known.length));
    known.push(result);
  }
  const results = known.filter(
    (_, index) => index >= inputs.length && (!used.has(index) || index === known.length - 3),
  );
  return results.length > 0 ? results : [table.scale(known[0] as T, 2)];
}

const kinds: readonly Step["kind"][] = [
  "unary",
  "binary",
  "scale",
  "reduce",
  "softmax",
  "matMul",
  "transpose",
  "reshape",
  "slice",
  "pad",
  "concat",
];

export const programSubjects: readonly Subject[] = [
  op<ProgramCase>({
    name: "program",
    kind: "program",
    cases: fc.record({
      shapes: fc.tuple(sizes(6), sizes(6), sizes(6)).map(([m, n, k]) => [[m, k], [k, n], [m, n], [n], [2, m, k]]),
      steps: fc.array(
        fc.record({
          kind: fc.constantFrom(...kinds, "unary" as const, "binary" as const, "binary" as const),
          from: fc.tuple(fc.nat(6), fc.nat(9)),
          choice: fc.tuple(fc.nat(11), fc.nat(11), fc.nat(11)),
        }),
        { minLength: 1, maxLength: 14, size: "max" },
      ),
      seed: seeds,
    }),
    inputs: ({ shapes }) => shapes.map((shape) => ({ shape, draw: within(-1.2, 1.2) })),
    call: (given, ...inputs) => interpret(symbols, given, inputs),
    reference: (given, ...inputs) => interpret(reals, given, inputs),
  }),
];
