// How are windows of cells reduced to their maximum or average, and how do gradients find the way back?

import * as code from "../../assembly/opcodes.ts";
import { type Bounds, type Inspection, type Lowering, reads, type Word, writes } from "../compiler/instruction.ts";
import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import {
  defineOp,
  errorPlace,
  makeNode,
  type NodeOf,
  type Operand,
  type Operation,
  type SymbolicTensor,
} from "../graph.ts";
import { elementBytes, type Shape, sizeOf } from "../tensor.ts";
import { asFloat, divide, equal, full, isRelu, logicalAnd, logicalOr, notEqual, relu, where } from "./map.ts";
import {
  cellsOfWindows,
  collect,
  outShape,
  type PoolOptions,
  placesInWindow,
  realCells,
  valuesAt,
  type Windows,
} from "./poolWindows.ts";
import { max, min, sum } from "./reduce.ts";
import { expandDims } from "./view.ts";

export type { PoolOptions } from "./poolWindows.ts";

type Node = SymbolicTensor;
type Kind = "max" | "average";

type Gradient = Windows & { readonly shape: Shape };

const kinds: Readonly<Record<Kind, number>> = {
  max: code.POOL_MAX,
  average: code.POOL_AVERAGE,
};

/** Elements that a thread visits for one claim, about 5 µs. */
const elementsPerGrain = 32768;
/** The cell of a window is kept in a byte while it fits. */
const cellsOfByte = 256;

// What the machine does -----------------------------------------------------------------------------------------------

/** The operands of depth, height and width; axes that are missing have one cell. */
function geometry(input: Shape, out: Shape, { poolSize, strides, padding }: Windows): Record<string, Word> {
  const missing = 3 - poolSize.length;
  const named = (names: readonly string[], sizes: readonly number[], filler: number): [string, number][] =>
    names.map((name, axis) => [name, axis < missing ? filler : (sizes[axis - missing] as number)]);
  const axes = ["Depth", "Height", "Width"];
  const prefixed = (prefix: string): string[] => axes.map((axis) => `${prefix}${axis}`);
  return Object.fromEntries([
    ["channels", input[input.length - 1] as number],
    ...named(["depth", "height", "width"], input.slice(1, -1), 1),
    ...named(prefixed("out"), out.slice(1, -1), 1),
    ...named(prefixed("window"), poolSize, 1),
    ...named(prefixed("stride"), strides, 1),
    ...named(
      prefixed("before"),
      padding.map(([before]) => before),
      0,
    ),
  ]);
}

/** @param winnerBytes of the place of a maximum, which follow behind the maxima; 0 when nobody wants them. */
function lowerPool(kind: Kind, node: NodeOf<Windows>, winnerBytes: number): Lowering[] {
  const [input] = node.inputs as [Node];
  const channels = input.shape[input.shape.length - 1] as number;
  const cells = sizeOf(node.attributes.poolSize);
  return [
    {
      opcode: code.POOL,
      name: node.op.name,
      units: node.size / channels,
      grain: Math.max(1, Math.floor(elementsPerGrain / (cells * channels))),
      operands: {
        input: reads(input),
        out: writes(node as Node),
        winners: winnerBytes === 0 ? 0 : writes(node as Node, winnersOffset(node as Node)),
        kind: kinds[kind],
        bytes: winnerBytes,
        ...geometry(input.shape, node.shape, node.attributes),
      },
      flops: node.size * cells,
    },
  ];
}

/** Of POOL. Every window holds a cell of the input, and the kernel reads no other. */
export const poolBounds: Bounds = (it) => {
  const [kind, bytes, channels] = it.words(3, 3);
  it.needs(kind <= code.POOL_AVERAGE && channels >= 1);
  const windows = windowBounds(it, 6);
  const batch = it.units / windows.out;
  it.needs(Number.isInteger(batch));
  it.reads(0, 4 * batch * windows.input * channels);
  it.writes(1, 4 * it.units * channels);
  if (bytes === 0) it.needs(it.word(2) === 0);
  else {
    it.needs(kind === code.POOL_MAX && bytes === (windows.cells <= cellsOfByte ? 1 : 4));
    it.writes(2, bytes * it.units * channels);
  }
  return 32 * it.units * channels * windows.seen;
};

/** Of POOL where a program only predicts: places of maxima are for gradients, and that machine writes none. */
export const predictedPoolBounds: Bounds = (it) => {
  it.needs(it.word(4) === 0);
  return poolBounds(it);
};

/** Cells of a sample, windows of it, cells of a window and those of them that can be real, from fifteen operands. */
function windowBounds(it: Inspection, first: number): Record<"input" | "out" | "cells" | "seen", number> {
  const counts = { input: 1, out: 1, cells: 1, seen: 1 };
  for (let axis = first; axis < first + 3; axis++) {
    const [input, out, window, stride, before] = [0, 3, 6, 9, 12].map((each) => it.word(axis + each)) as Five;
    it.needs(Math.min(input, out, window, stride) >= 1 && Math.max(input, window) < 2 ** 30 && before < window);
    it.needs((out - 1) * stride - before < input);
    counts.input *= input;
    counts.out *= out;
    counts.cells *= window;
    counts.seen *= Math.min(window, input);
  }
  return counts;
}
type Five = [number, number, number, number, number];

/** @param maxima behind which the winners are. */
function lowerGradient(kind: Kind, node: NodeOf<Gradient>, dy: Node, maxima?: Node): Lowering[] {
  const { poolSize, strides } = node.attributes;
  const channels = node.shape[node.shape.length - 1] as number;
  const overlap = poolSize.reduce((count, size, axis) => count * Math.ceil(size / (strides[axis] as number)), 1);
  return [
    {
      opcode: code.POOL_GRADIENT,
      name: node.op.name,
      units: node.size / channels,
      grain: Math.max(1, Math.floor(elementsPerGrain / (overlap * channels))),
      operands: {
        upstream: reads(dy),
        winners: maxima === undefined ? 0 : reads(maxima, winnersOffset(maxima)),
        out: writes(node as Node),
        kind: kinds[kind],
        bytes: maxima === undefined ? 0 : bytesOfPlace(node.attributes),
        ...geometry(node.shape, dy.shape, node.attributes),
      },
      flops: node.size * overlap,
    },
  ];
}

// The operations ------------------------------------------------------------------------------------------------------

const maxPoolOp: Operation<Windows> = /* @__PURE__ */ defineOp({
  name: "maxPool",
  infer: ([x], options) => ({ shape: outShape((x as Node).shape, options), dtype: "float32" }),
  gradient: (node, dy) => {
    const [x] = node.inputs as [Node];
    return [makeNode(maxPoolGradientOp, [node, dy, x], { ...node.attributes, shape: x.shape })];
  },
  decompose: ([x], options) => {
    const { real } = realCells((x as Node).shape, options);
    return max(where(real, cellsOfWindows(x as Node, options), Number.NEGATIVE_INFINITY), -2);
  },
  // For gradients the places of the maxima are kept as well, behind them.
  trailing: (node, users) => (wantWinners(users) ? node.size * bytesOfPlace(node.attributes) : 0),
  lower: (node, users) => lowerPool("max", node, wantWinners(users) ? bytesOfPlace(node.attributes) : 0),
});

function wantWinners(users: readonly Node[]): boolean {
  return users.some(({ op }) => (op as unknown) === maxPoolGradientOp);
}

function bytesOfPlace({ poolSize }: PoolOptions): 1 | 4 {
  return sizeOf(poolSize) <= cellsOfByte ? 1 : 4;
}

/** Where the winners begin, in bytes. */
function winnersOffset(maxima: Node): number {
  return maxima.size * elementBytes.float32;
}

/** The places in their windows, margins counted, of the maxima of x: of the first NaN, or else of the first maximum. */
function winnersOf(x: Node, maxima: Node, options: Windows): Node {
  const cells = cellsOfWindows(x, options);
  const { real } = realCells(x.shape, options);
  const wins = logicalAnd(real, logicalOr(equal(cells, expandDims(maxima, -2)), notEqual(cells, cells)));
  return min(where(wins, placesInWindow(options), sizeOf(options.poolSize)), -2);
}

/**
 * Upstream [batch, ...windows, channels] where the maxima are: → [batch, ...spatial, channels]. The third input is what
 * they are the maxima of; the machine reads their places behind them instead.
 */
const maxPoolGradientOp: Operation<Gradient> = /* @__PURE__ */ defineOp({
  name: "maxPoolGradient",
  infer: (_, { shape }) => ({ shape, dtype: "float32" }),
  gradient: ({ inputs: [maxima, , x], attributes }, upstream) => [
    null,
    valuesAt(upstream, winnersOf(x as Node, maxima as Node, attributes), attributes),
    null,
  ],
  decompose: ([maxima, dy, x], { shape, ...options }) => {
    const winners = winnersOf(x as Node, maxima as Node, options as Windows);
    const wins = equal(expandDims(winners, -2), placesInWindow(options as Windows));
    return collect(where(wins, expandDims(dy as Node, -2), 0), shape, options as Windows);
  },
  lower: (node) => lowerGradient("max", node, node.inputs[1] as Node, node.inputs[0] as Node),
});

const averagePoolOp: Operation<Windows> = /* @__PURE__ */ defineOp({
  name: "averagePool",
  infer: ([x], options) => ({ shape: outShape((x as Node).shape, options), dtype: "float32" }),
  gradient: ({ inputs: [x], attributes }, dy) => [
    makeNode(averagePoolGradientOp, [dy], { ...attributes, shape: (x as Node).shape }),
  ],
  decompose: ([x], options) => {
    const { real, count } = realCells((x as Node).shape, options);
    return divide(sum(where(real, cellsOfWindows(x as Node, options), 0), -2), count);
  },
  lower: (node) => lowerPool("average", node, 0),
});

/** Upstream [batch, ...windows, channels], a share for each cell of a window: → [batch, ...spatial, channels]. */
const averagePoolGradientOp: Operation<Gradient> = /* @__PURE__ */ defineOp({
  name: "averagePoolGradient",
  infer: (_, { shape }) => ({ shape, dtype: "float32" }),
  gradient: ({ attributes: { shape: _, ...options } }, upstream) => [
    makeNode(averagePoolOp, [upstream], options as Windows),
  ],
  decompose: ([dy], { shape, ...options }) => {
    const { count } = realCells(shape, options as Windows);
    return collect(expandDims(divide(dy as Node, count), -2), shape, options as Windows);
  },
  lower: (node) => lowerGradient("average", node, node.inputs[0] as Node),
});

/**
 * The maximum of each window: x [batch, ...spatial, channels] → [batch, ...windows, channels], float32, with one to three
 * spatial axes and ⌊(size + before + after − poolSize) / stride⌋ + 1 windows along each. Margins never win; NaN does. The
 * gradient goes to the first of equal maxima. Of an axis without cells, windows that lie in margins have the maximum −∞.
 * @throws {TensorError} `shape`, `option`.
 */
export function maxPool(x: Operand, options: PoolOptions): Node {
  const node = asFloat(x);
  // relu keeps the order: after the maximum it has fewer values to pass, and its gradient fewer to stop.
  if (isRelu(node)) return relu(maxPool(node.inputs[0] as Node, options));
  return pool(maxPoolOp, node, options);
}

/** The average of the real cells of each window, NaN where there are none; shapes and errors as for {@link maxPool}. */
export function averagePool(x: Operand, options: PoolOptions): Node {
  return pool(averagePoolOp, x, options);
}

function pool(op: Operation<Windows>, operand: Operand, options: PoolOptions): Node {
  checkOptionNames(op.name, options, ["poolSize", "strides", "padding"]);
  const { poolSize, strides, padding } = options;
  const x = asFloat(operand);
  const axes = x.shape.length - 2;
  check(axes >= 1 && axes <= 3, "shape", () => ({
    where: errorPlace(op.name),
    expected: "[batch, ...spatial, channels] with one to three spatial axes",
    received: `shape [${x.shape.join(", ")}]`,
  }));
  const whole = (list: unknown, low: number): boolean =>
    Array.isArray(list) && list.length === axes && list.every((each) => Number.isInteger(each) && each >= low);
  for (const [name, list] of Object.entries({ poolSize, strides }))
    check(whole(list, 1), "option", () => ({
      where: `${errorPlace(op.name)}.${name}`,
      expected: `${axes} integers ≥ 1, one for each spatial axis`,
      received: show(list),
    }));
  check(
    [0, 1].every(
      (side) =>
        Array.isArray(padding) &&
        whole(
          padding.map((pair) => pair?.[side]),
          0,
        ),
    ) && padding.every(([before, after], axis) => Math.max(before, after) < (poolSize[axis] as number)),
    "option",
    () => ({
      where: `${errorPlace(op.name)}.padding`,
      expected: `${axes} pairs of integers ≥ 0, smaller than the window`,
      received: show(padding),
    }),
  );
  const shape = outShape(x.shape, { poolSize, strides, padding });
  check(
    shape.every((size, axis) => size >= 1 || x.shape[axis] === 0),
    "shape",
    () => ({
      where: errorPlace(op.name),
      expected: `spatial sizes that hold a window of [${poolSize.join(", ")}]`,
      received: `shape [${x.shape.join(", ")}]`,
      remedy: "Pad the input, or use a smaller window.",
    }),
  );
  // The machine wants a cell in each window.
  if (x.size === 0) return full(shape, op === maxPoolOp ? Number.NEGATIVE_INFINITY : Number.NaN);
  return makeNode(op, [x], {
    poolSize: [...poolSize],
    strides: [...strides],
    padding: padding.map(([before, after]) => [before, after] as const),
  });
}
