// Which operations only move elements: transposition, slices, concatenation, padding?

import * as code from "../../assembly/opcodes.ts";
import { type Address, type Bounds, type Lowering, reads, writes } from "../compiler/instruction.ts";
import { check, show } from "../errors.ts";
import {
  type Attributes,
  constant,
  constantScalar,
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { elementBytes, type Shape, sameShape, sizeOf } from "../tensor.ts";
import { checkIntegers, checkList, checkScalar } from "./arguments.ts";
import { resolveAxes } from "./axes.ts";
import { cast } from "./map.ts";
import { expandDims } from "./view.ts";

type Node = SymbolicTensor;

/** Row-major strides of `shape`, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides.unshift(stride);
    stride *= shape[axis] as number;
  }
  return strides;
}

/** The COPY instruction for up to six axes. A unit is one row of the innermost axis. */
function copyInstruction(
  node: Node,
  input: Address,
  out: Address,
  sizes: readonly number[],
  inputStrides: readonly number[],
  outStrides: readonly number[],
): Lowering {
  const merged = mergeAxes(sizes, inputStrides, outStrides);
  const rank = merged.length;
  check(rank <= 6, "unsupported", () => ({
    where: errorPlace(node.op.name),
    expected: "at most six axes that cannot be merged",
    received: `${rank}`,
    remedy: "Reshape to fewer axes first.",
  }));
  const field = (
    name: string,
    pick: (axis: { size: number; input: number; out: number }) => number,
  ): [string, number][] =>
    Array.from({ length: 6 }, (_, axis) => [`${name}${axis}`, merged[axis] === undefined ? 0 : pick(merged[axis])]);
  const inner = merged[rank - 1]?.size ?? 1;
  return {
    opcode: code.COPY,
    name: node.op.name,
    units: sizeOf(sizes) / inner,
    grain: Math.max(1, Math.floor(16384 / inner)),
    operands: {
      input,
      out,
      bytes: elementBytes[node.dtype],
      rank,
      ...Object.fromEntries(field("size", (axis) => axis.size)),
      ...Object.fromEntries(field("inputStride", (axis) => axis.input)),
      ...Object.fromEntries(field("outStride", (axis) => axis.out)),
    },
    flops: 0,
  };
}

/** Of COPY. Strides that lead backwards are not used. */
export const copyBounds: Bounds = (it) => {
  const [bytes, rank] = it.words(2, 2);
  it.needs((bytes === 1 || bytes === 4) && rank >= 1 && rank <= 6);
  let [count, from, to, gaps] = [1, 1, 1, false];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const [size, inputStride, outStride] = [4, 10, 16].map((first) => it.word(first + axis)) as [
      number,
      number,
      number,
    ];
    gaps ||= outStride !== count;
    count *= size;
    from += (size - 1) * inputStride;
    to += (size - 1) * outStride;
  }
  it.needs(count >= 1 && it.units * it.word(3 + rank) === count);
  it.reads(0, bytes * from);
  it.writes(1, bytes * to, gaps);
  return 16 * count;
};

/** Axes of size 1 dropped, neighbours joined where both sides step through them as through one. */
function mergeAxes(
  sizes: readonly number[],
  inputs: readonly number[],
  outs: readonly number[],
): { size: number; input: number; out: number }[] {
  const merged: { size: number; input: number; out: number }[] = [];
  sizes.forEach((size, axis) => {
    if (size === 1) return;
    const input = inputs[axis] ?? 0;
    const out = outs[axis] ?? 0;
    const last = merged[merged.length - 1];
    if (last !== undefined && last.input === input * size && last.out === out * size)
      merged[merged.length - 1] = { size: last.size * size, input, out };
    else merged.push({ size, input, out });
  });
  return merged.length === 0 ? [{ size: 1, input: 1, out: 1 }] : merged;
}

// Transposition -------------------------------------------------------------------------------------------------------

const transposeOp: Operation<{ readonly permutation: readonly number[] }> = /* @__PURE__ */ defineOp({
  name: "transpose",
  infer: ([x], { permutation }) => ({
    shape: permutation.map((axis) => (x as Node).shape[axis] as number),
    dtype: (x as Node).dtype,
  }),
  gradient: (node, dy) => {
    const inverse: number[] = [];
    node.attributes.permutation.forEach((axis, position) => {
      inverse[axis] = position;
    });
    return [transpose(dy, inverse)];
  },
  lower: (node) => {
    const input = node.inputs[0] as Node;
    const strides = stridesOf(input.shape);
    const inputStrides = node.attributes.permutation.map((axis) => strides[axis] as number);
    const self = node;
    return [copyInstruction(self, reads(input), writes(self), node.shape, inputStrides, stridesOf(node.shape))];
  },
});

/** Axis i of the result is axis `permutation[i]` of x; reversed order when missing. */
export function transpose(x: Operand, permutation?: readonly number[]): Node {
  const node = toSymbolic(x);
  const rank = node.shape.length;
  if (permutation !== undefined) checkIntegers("transpose", "permutation", permutation);
  const axes =
    permutation?.map((axis) => (axis < 0 ? axis + rank : axis)) ?? node.shape.map((_, axis) => rank - 1 - axis);
  check(
    axes.length === rank && [...axes].sort((a, b) => a - b).every((axis, index) => axis === index),
    "shape",
    () => ({
      where: errorPlace("transpose"),
      expected: `a permutation of the axes 0 to ${rank - 1}`,
      received: `[${axes.join(", ")}]`,
    }),
  );
  return axes.every((axis, index) => axis === index) ? node : makeNode(transposeOp, [node], { permutation: axes });
}

// Slices and padding --------------------------------------------------------------------------------------------------

const sliceOp: Operation<{ readonly begin: readonly number[]; readonly size: Shape }> = /* @__PURE__ */ defineOp({
  name: "slice",
  infer: ([x], { size }) => ({ shape: size, dtype: (x as Node).dtype }),
  gradient: (node, dy) => {
    const { begin, size } = node.attributes;
    const shape = (node.inputs[0] as Node).shape;
    return [
      pad(
        dy,
        shape.map((length, axis) => [begin[axis] as number, length - (begin[axis] as number) - (size[axis] as number)]),
      ),
    ];
  },
  lower: (node) => {
    const input = node.inputs[0] as Node;
    const self = node;
    const strides = stridesOf(input.shape);
    const start = strides.reduce(
      (offset, stride, axis) => offset + stride * (node.attributes.begin[axis] as number),
      0,
    );
    return [
      copyInstruction(
        self,
        reads(input, start * elementBytes[input.dtype]),
        writes(self),
        node.shape,
        strides,
        stridesOf(node.shape),
      ),
    ];
  },
});

/** The block of `size` elements from `begin` in each axis; -1 in `size` means up to the end. */
export function slice(x: Operand, begin: readonly number[], size: readonly number[]): Node {
  const node = toSymbolic(x);
  checkIntegers("slice", "begin", begin);
  checkIntegers("slice", "size", size, -1);
  const from = node.shape.map((length, axis) =>
    (begin[axis] ?? 0) < 0 ? length + (begin[axis] as number) : (begin[axis] ?? 0),
  );
  const counts = node.shape.map((length, axis) =>
    (size[axis] ?? -1) === -1 ? length - (from[axis] as number) : (size[axis] as number),
  );
  check(
    begin.length <= node.shape.length &&
      size.length <= node.shape.length &&
      counts.every((count, axis) => {
        const start = from[axis] as number;
        return (
          Number.isInteger(count) &&
          Number.isInteger(start) &&
          count >= 0 &&
          start >= 0 &&
          start + count <= (node.shape[axis] as number)
        );
      }),
    "shape",
    () => ({
      where: errorPlace("slice"),
      expected: `a block inside shape [${node.shape.join(", ")}]`,
      received: `begin [${begin.join(", ")}], size [${size.join(", ")}]`,
    }),
  );
  return sameShape(counts, node.shape) ? node : makeNode(sliceOp, [node], { begin: from, size: counts });
}

type Paddings = readonly (readonly [before: number, after: number])[];

const padOp: Operation<{ readonly paddings: Paddings; readonly shape: Shape }> = /* @__PURE__ */ defineOp({
  name: "pad",
  infer: ([x], { shape }) => ({ shape, dtype: (x as Node).dtype }),
  gradient: (node, dy) => [
    slice(
      dy,
      node.attributes.paddings.map(([before]) => before),
      (node.inputs[0] as Node).shape,
    ),
    null,
  ],
  lower: (node) => {
    const [input, value] = node.inputs as [Node, Node];
    const self = node;
    const outStrides = stridesOf(node.shape);
    const start = outStrides.reduce(
      (offset, stride, axis) => offset + stride * (node.attributes.paddings[axis]?.[0] ?? 0),
      0,
    );
    const bytes = elementBytes[node.dtype];
    const nothing = node.shape.map(() => 0);
    return [
      copyInstruction(self, reads(value), writes(self), node.shape, nothing, outStrides),
      copyInstruction(self, reads(input), writes(self, start * bytes), input.shape, stridesOf(input.shape), outStrides),
    ];
  },
});

/** x with `paddings[axis] = [before, after]` elements of `value` around it. */
export function pad(x: Operand, paddings: Paddings, value = 0): Node {
  const node = toSymbolic(x);
  const isPair = (pair: unknown): boolean =>
    Array.isArray(pair) &&
    pair.length === 2 &&
    Array.from(pair).every((count) => Number.isInteger(count) && count >= 0);
  const fits = Array.isArray(paddings) && paddings.length === node.shape.length && Array.from(paddings).every(isPair);
  check(fits, "shape", () => ({
    where: errorPlace("pad"),
    expected: `${node.shape.length} pairs of counts ≥ 0`,
    received: Array.isArray(paddings) ? paddings.map(show).join(", ") : show(paddings),
  }));
  checkScalar("pad", "value", value);
  const shape = node.shape.map((size, axis) => size + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0));
  if (sameShape(shape, node.shape)) return node;
  return makeNode(padOp, [node, constant(value, node.dtype)], { paddings, shape });
}

/** What was put into zeros, and how many there are on each axis; undefined for anything else than a padding with zeros. */
export function insideZeros(node: Node): { readonly inside: Node; readonly paddings: Paddings } | undefined {
  const [inside, value] = node.inputs;
  if ((node.op as unknown) !== padOp || constantScalar(value as Node) !== 0) return undefined;
  return { inside: inside as Node, paddings: node.attributes.paddings as Paddings };
}

// Concatenation -------------------------------------------------------------------------------------------------------

const concatOp: Operation<{ readonly axis: number }> = /* @__PURE__ */ defineOp({
  name: "concat",
  infer: (inputs, { axis }) => {
    const first = inputs[0] as Node;
    const total = inputs.reduce((length, input) => length + (input.shape[axis] ?? 0), 0);
    return { shape: first.shape.map((size, position) => (position === axis ? total : size)), dtype: first.dtype };
  },
  gradient: (node, dy) => {
    const { axis } = node.attributes;
    let begin = 0;
    return node.inputs.map((input) => {
      const start = input.shape.map((_, position) => (position === axis ? begin : 0));
      begin += input.shape[axis] as number;
      return slice(dy, start, input.shape);
    });
  },
  lower: (node) => {
    const self = node;
    const outStrides = stridesOf(node.shape);
    let begin = 0;
    return node.inputs.map((input) => {
      const start = begin * (outStrides[node.attributes.axis] as number) * elementBytes[node.dtype];
      begin += input.shape[node.attributes.axis] as number;
      return copyInstruction(self, reads(input), writes(self, start), input.shape, stridesOf(input.shape), outStrides);
    });
  },
});

/** The inputs one after the other along `axis`, by default the first; all other sizes equal. Dtypes are promoted to the widest. */
export function concat(xs: readonly Operand[], axis = 0): Node {
  checkList("concat", "tensors", xs);
  const nodes = Array.from(xs, (x) => toSymbolic(x));
  const first = nodes[0];
  check(first !== undefined, "shape", () => ({
    where: errorPlace("concat"),
    expected: "at least one tensor",
    received: "none",
  }));
  const [position = 0] = resolveAxes("concat", first.shape.length, axis);
  for (const node of nodes)
    check(
      node.shape.length === first.shape.length &&
        node.shape.every((size, each) => each === position || size === first.shape[each]),
      "shape",
      () => ({
        where: errorPlace("concat"),
        expected: `equal sizes in all axes but ${position}`,
        received: nodes.map((each) => `[${each.shape.join(", ")}]`).join(" and "),
      }),
    );
  const order = ["bool", "uint8", "int32", "float32"] as const;
  const dtype = order[Math.max(...nodes.map((node) => order.indexOf(node.dtype)))] ?? "float32";
  if (nodes.length === 1) return first;
  return makeNode(
    concatOp,
    nodes.map((node) => cast(node, dtype)),
    { axis: position } as Attributes as { axis: number },
  );
}

/** The inputs, all of one shape, along a new axis. */
export function stack(xs: readonly Operand[], axis = 0): Node {
  checkList("stack", "tensors", xs);
  return concat(
    Array.from(xs, (x) => expandDims(x, axis)),
    axis,
  );
}
