// How does a chain of elementwise operations become one MAP instruction?

import * as code from "../../assembly/opcodes.ts";
import {
  type Bounds,
  type Inspection,
  type Lowering,
  reads,
  table,
  type Word,
  writes,
} from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { type DType, type Shape, sizeOf } from "../tensor.ts";

/** Where a value of the expression comes from. Positions count into the inputs of the node that holds the expression. */
export type Source =
  | { readonly kind: "tensor"; readonly input: number }
  /** Uniform numbers; `seed` and `step` are int32 scalars among the inputs. */
  | { readonly kind: "random"; readonly seed: number; readonly step: number; readonly stream: number };

/** One MAP code on earlier values: position p < sources.length is a source, later ones are steps. */
export interface Step {
  readonly code: number;
  readonly operands: readonly number[];
}

/** A chain of elementwise steps over tiles. Its last step is its value. */
export interface Expression {
  readonly sources: readonly Source[];
  readonly steps: readonly Step[];
}

/** Most sources, steps and registers of one instruction; the tiles of all registers must fit a thread's scratch. */
export const limits: { readonly sources: number; readonly steps: number; readonly registers: number } = Object.freeze({
  sources: 16,
  steps: 48,
  registers: 48,
});

/** Elements of one tile. */
const tileElements = 512;
/** Additions over a tile, at some 0.1 µs each, that a thread claims at once. */
const stepsPerGrain = 40;

const typeCodes: Readonly<Record<DType, number>> = {
  float32: code.FLOAT32,
  int32: code.INT32,
  uint8: code.UINT8,
  bool: code.BOOL,
};

/** Number that the machine gives to a dtype. */
export function typeCode(dtype: DType): number {
  return typeCodes[dtype];
}

/** The MAP instruction that computes `expression` over the shape of `node`. A unit is one tile of 512 elements. */
export function lowerExpression(node: SymbolicTensor, expression: Expression): Lowering {
  const registers = allocateRegisters(expression);
  check(Math.max(0, ...registers) < limits.registers, "internal", () => ({
    where: "map",
    expected: `at most ${limits.registers} registers`,
    received: String(registerCount(expression)),
  }));
  const steps: number[] = [];
  expression.steps.forEach((step, index) => {
    const [a, b, c] = step.operands.map((position) => registers[position] ?? 0);
    const target = registers[expression.sources.length + index] ?? 0;
    steps.push(step.code | (target << 8) | ((a ?? 0) << 16) | ((b ?? 0) << 24), c ?? 0);
  });
  const count = node.size;
  const work = Math.max(1, workOf(expression));
  return {
    opcode: code.MAP,
    name: "map",
    units: Math.ceil(count / tileElements),
    grain: Math.max(1, Math.min(16, Math.round(stepsPerGrain / work))),
    operands: {
      out: writes(node),
      type: typeCode(node.dtype),
      count,
      sources: table(expression.sources.flatMap((source) => describeSource(node, source))),
      sourceCount: expression.sources.length,
      steps: table(steps),
      stepCount: expression.steps.length,
      result: registers[registers.length - 1] ?? 0,
    },
    flops: count * work,
  };
}

/** What a step takes, in additions: measured over a tile in the first-level cache. Those not named take 1. */
const stepWork: Readonly<Record<number, number>> = {
  [code.DIVIDE]: 3,
  [code.RECIPROCAL]: 3,
  [code.SQRT]: 3,
  [code.RSQRT]: 4,
  [code.EXP]: 8,
  [code.LOG]: 10,
  [code.SIGMOID]: 10,
  [code.EXPM1]: 12,
  [code.SILU]: 12,
  [code.LOG1P]: 12,
  [code.TANH]: 16,
  [code.ERF]: 16,
  [code.ERF_INVERSE]: 16,
  [code.NORMAL_CDF]: 16,
  [code.SIN]: 16,
  [code.COS]: 16,
  [code.POWER]: 40,
  [code.MODULO]: 24,
  [code.FLOOR_DIVIDE]: 24,
  [code.INT_POWER]: 24,
  [code.INT_MODULO]: 24,
  [code.INT_FLOOR_DIVIDE]: 24,
};
const randomWork = 12;

/** What an element of the result takes, in additions. */
function workOf({ sources, steps }: Expression): number {
  const random = sources.filter(({ kind }) => kind === "random").length;
  return steps.reduce((sum, step) => sum + (stepWork[step.code] ?? 1), random * randomWork);
}

/**
 * Registers for all sources and steps: a step may reuse the register of a step that is read for the last time. That of the
 * last one is its own, as it may be the memory of a source.
 */
export function allocateRegisters(expression: Expression): number[] {
  const first = expression.sources.length;
  const lastUse = new Map<number, number>();
  expression.steps.forEach((step, index) => {
    for (const position of step.operands) lastUse.set(position, index);
  });
  const registers = Array.from({ length: first }, (_, index) => index);
  const free: number[] = [];
  let next = first;
  expression.steps.forEach((step, index) => {
    const reused = index === expression.steps.length - 1 ? undefined : free.pop();
    registers.push(reused ?? next++);
    for (const position of new Set(step.operands))
      if (position >= first && lastUse.get(position) === index) free.push(registers[position] as number);
  });
  return registers;
}

/** How many registers the expression takes. */
export function registerCount(expression: Expression): number {
  return Math.max(0, ...allocateRegisters(expression)) + 1;
}

/** Eighteen words: mode, type, address, stream, step, rank, six sizes, six strides. */
function describeSource(node: SymbolicTensor, source: Source): Word[] {
  if (source.kind === "random") {
    const seed = node.inputs[source.seed] as SymbolicTensor;
    const step = node.inputs[source.step] as SymbolicTensor;
    return [code.MODE_RANDOM, code.FLOAT32, reads(seed), source.stream, reads(step), 0, ...zerosOf(12)];
  }
  const input = node.inputs[source.input] as SymbolicTensor;
  const wide = input.dtype === "float32" || input.dtype === "int32";
  const layout = broadcastLayout(input.shape, node.shape);
  check(layout.sizes.length <= 6, "unsupported", () => ({
    where: errorPlace(node.op.name),
    expected: "at most six axes that cannot be merged",
    received: `[${input.shape.join(", ")}] read as [${node.shape.join(", ")}]`,
    remedy: "Reshape to fewer axes first.",
  }));
  const direct = wide && layout.strides.length === 1 && layout.strides[0] === 1;
  const scalar = wide && layout.strides.every((stride) => stride === 0);
  const mode = scalar ? code.MODE_SCALAR : direct ? code.MODE_DIRECT : code.MODE_STRIDED;
  const padding = zerosOf(6 - layout.sizes.length);
  const type = typeCode(input.dtype);
  return [
    mode,
    type,
    reads(input),
    0,
    0,
    layout.sizes.length,
    ...layout.sizes,
    ...padding,
    ...layout.strides,
    ...padding,
  ];
}

/** Sizes and element strides by which `from` is read as if it had shape `to`, neighbouring axes merged; rank ≥ 1. */
export function broadcastLayout(from: Shape, to: Shape): { sizes: number[]; strides: number[] } {
  const sizes: number[] = [];
  const strides: number[] = [];
  let stride = sizeOf(from);
  to.forEach((size, axis) => {
    const own = from[axis - (to.length - from.length)] ?? 1;
    stride /= own;
    if (size === 1) return;
    const step = own === 1 ? 0 : stride;
    const last = sizes.length - 1;
    const merges = last >= 0 && (strides[last] as number) === step * size;
    if (merges) {
      sizes[last] = (sizes[last] as number) * size;
      strides[last] = step;
    } else {
      sizes.push(size);
      strides.push(step);
    }
  });
  return sizes.length === 0 ? { sizes: [1], strides: [1] } : { sizes, strides };
}

/** The last of the MAP codes of one float32, which begin with 0: those that other kernels may apply to their results. */
export const lastUnary: number = code.SILU;

/** The first and the last of neighbouring MAP codes. */
export const codeRanges: readonly (readonly [number, number])[] = [
  [code.NEGATE, lastUnary],
  [code.ADD, code.FLOOR_DIVIDE],
  [code.EQUAL, code.GREATER_EQUAL],
  [code.INT_NEGATE, code.INT_SIGN],
  [code.INT_ADD, code.INT_FLOOR_DIVIDE],
  [code.INT_EQUAL, code.INT_GREATER_EQUAL],
  [code.LOGICAL_NOT, code.LOGICAL_OR],
  [code.SELECT, code.INT_TO_UINT8],
];

/** Of MAP. A step reads registers that hold something by then, and writes none of a source. */
export const mapBounds: Bounds = (it) => {
  const [type, count] = it.words(1, 2);
  const [sourceCount, stepCount, result] = [4, 6, 7].map((at) => it.word(at)) as [number, number, number];
  it.needs(it.units === Math.ceil(count / tileElements) && type <= code.BOOL);
  it.needs(sourceCount >= 1 && sourceCount <= limits.sources && stepCount >= 1 && stepCount <= limits.steps);
  it.writes(0, count * (type <= code.INT32 ? 4 : 1));
  for (let source = 0; source < sourceCount; source++) sourceBounds(it, source * 18, count);
  const steps = it.table(5, 2 * stepCount);
  const filled = new Array<boolean>(sourceCount).fill(true);
  let target = 0;
  for (let step = 0; step < stepCount; step++) {
    const [word, c] = steps.words(2 * step, 2);
    target = (word >>> 8) & 255;
    it.needs(codeRanges.some(([first, last]) => (word & 255) >= first && (word & 255) <= last));
    it.needs([(word >>> 16) & 255, word >>> 24, c].every((register) => filled[register] === true));
    it.needs(target >= sourceCount && target < limits.registers);
    filled[target] = true;
  }
  it.needs(target === result);
  return 32 * count * (sourceCount + stepCount);
};

/** Of the eighteen words of a source, `first` words behind the others. */
function sourceBounds(it: Inspection, first: number, count: number): void {
  const source = it.table(3, first + 18);
  const [mode, type] = source.words(first, 2);
  if (mode === code.MODE_DIRECT) source.reads(first + 2, 4 * count);
  else if (mode !== code.MODE_STRIDED) {
    it.needs(mode <= code.MODE_RANDOM);
    source.reads(first + 2, 4);
    if (mode === code.MODE_RANDOM) source.reads(first + 4, 4);
  } else {
    const rank = source.word(first + 5);
    it.needs(type <= code.BOOL && rank >= 1 && rank <= 6);
    let [elements, last] = [1, 0];
    for (let axis = 0; axis < rank; axis++) {
      const size = source.word(first + 6 + axis);
      elements *= size;
      last += (size - 1) * source.word(first + 12 + axis);
    }
    it.needs(elements === count);
    source.reads(first + 2, (last + 1) * (type <= code.INT32 ? 4 : 1));
  }
}

function zerosOf(count: number): number[] {
  return new Array<number>(count).fill(0);
}
