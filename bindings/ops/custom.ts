// How does an operation work whose kernel a user compiled apart?

import * as code from "../../assembly/opcodes.ts";
import { lift, type Result } from "../compiled.ts";
import { addressesIn, type Lowering, type Word } from "../compiler/instruction.ts";
import { checkOptionsObject } from "../config.ts";
import { engine } from "../engine.ts";
import { check, show, TensorError } from "../errors.ts";
import { gradients } from "../gradient.ts";
import {
  defineOp,
  errorPlace,
  makeNode,
  type NodeOf,
  type Operand,
  type Operation,
  type SymbolicTensor,
  type TensorType,
  toSymbolic,
} from "../graph.ts";
import { defineKernel, type KernelModule } from "../kernelModules.ts";
import type { UserKernel } from "../kernelTable.ts";
import { type DType, sameShape } from "../tensor.ts";
import { cast } from "./map.ts";
import { identity } from "./view.ts";

type Node = SymbolicTensor;

/** A tensor that an operation takes: its name, and its dtype if that is not float32. */
export type CustomInput =
  | string
  | {
      /** For errors. */
      readonly name: string;
      /** What the kernel reads: float32 takes every dtype, int32 integers and booleans, others only themselves. */
      readonly dtype: DType;
    };

/** One call of a kernel, before it is cut. */
export interface KernelCall {
  /** Amount of work, in whatever the kernel can cut: rows, columns, tiles. The kernel gets [begin, end) of them. */
  readonly units: number;
  /** Units that a thread takes at a time. Default: some 2048 elements of the result. Results must not depend on it. */
  readonly grain?: number;
  /** The kernel's own operands, in the order of its class, from byte 20 on: at most 27 words. */
  readonly operands: Readonly<Record<string, Word>>;
  /** Arithmetic operations, for `explain`. Default 0. */
  readonly flops?: number;
}

/** Everything that makes an operation with a kernel of one's own. */
export interface CustomOpDefinition<I extends readonly CustomInput[], A extends object> {
  /** For errors and `explain`. */
  readonly name: string;
  /** The compiled module, or its bytes. */
  readonly module: KernelModule;
  /** What the module exports the kernel as. Default: the name of the operation. */
  readonly export?: string;
  /** The tensors that the operation takes, in order. Integers and booleans are cast where float32 is asked for. */
  readonly inputs: I;
  /** Shape and dtype of the result. @throws {TensorError} when the inputs do not fit. */
  readonly infer: (inputs: readonly SymbolicTensor[], attributes: A) => TensorType;
  /** What the kernel is called with. It must write every element of the result. */
  readonly lower: (node: NodeOf<A>) => KernelCall;
  /**
   * The gradient of each input, given that of the result (float32, of its shape), in operations; null for inputs without
   * one. `"decompose"` differentiates the decomposition.
   */
  readonly gradient: ((node: NodeOf<A>, upstream: SymbolicTensor) => readonly (SymbolicTensor | null)[]) | "decompose";
  /** The same value in other operations: what the kernel is tested against. */
  readonly decompose?: (inputs: readonly SymbolicTensor[], attributes: A) => SymbolicTensor;
}

type CustomArguments<I extends readonly CustomInput[], A extends object> = [
  ...{ [K in keyof I]: Operand },
  ...(object extends A ? [attributes?: A] : [attributes: A]),
];

/** An operation as users call it: the tensors, then the attributes; a value of values, a symbol of symbols. */
export type CustomOp<I extends readonly CustomInput[], A extends object> = {
  <const T extends CustomArguments<I, A>>(...args: T): Result<T>;
  /** The same value by `decompose`, for comparing; missing where there is none. */
  readonly decomposed: <const T extends CustomArguments<I, A>>(...args: T) => Result<T>;
};

/** Operand words after the header and the place of the kernel. */
const ownWords = 27;
let count = 0;

/**
 * An operation whose kernel you compiled yourself; it works in layers, losses, `compiled`, `valueAndGrad` and on values, as
 * all operations do. docs/custom-kernels.md leads through it.
 * @throws {TensorError} `option`, `name`, `format` or `memory` when the module cannot be a kernel.
 */
export function customOp<const I extends readonly CustomInput[], A extends object = object>(
  definition: CustomOpDefinition<I, A>,
): CustomOp<I, A> {
  checkDefinition(definition as unknown as AnyDefinition);
  const { name, inputs } = definition;
  const kernel = defineKernel(name, definition.module, definition.export ?? name);
  const op = operationOf(definition, kernel);
  const apply =
    (make: (nodes: readonly Node[], attributes: A) => Node) =>
    (...args: unknown[]): Node =>
      make(
        inputs.map((input, index) => asInput(name, input, args[index] as Operand)),
        (args[inputs.length] ?? {}) as A,
      );
  const lifted = lift(
    op.name,
    apply((nodes, attributes) => makeNode(op, nodes, attributes)),
    inputs.length,
  );
  const { decompose } = definition;
  const decomposed = lift(
    `${op.name} decomposed`,
    apply((nodes, attributes) => (decompose as NonNullable<typeof decompose>)(nodes, attributes)),
    inputs.length,
  );
  const checked =
    (call: unknown) =>
    (...args: unknown[]): unknown => {
      checkArguments(name, inputs, args);
      return (call as (...args: unknown[]) => unknown)(...args);
    };
  return Object.assign(
    checked(lifted),
    decompose === undefined ? {} : { decomposed: checked(decomposed) },
  ) as unknown as CustomOp<I, A>;
}

type AnyDefinition = CustomOpDefinition<readonly CustomInput[], object>;

function operationOf<A extends object>(
  definition: CustomOpDefinition<readonly CustomInput[], A>,
  kernel: UserKernel,
): Operation<A> {
  const { name, infer, lower, gradient, decompose } = definition;
  return defineOp<A>({
    name: `${name} (custom ${count++})`,
    infer: (nodes, attributes) => {
      const type = placed(name, () => infer(nodes, attributes));
      checkType(name, type);
      return type;
    },
    gradient: (node, dy) => {
      const found =
        gradient === "decompose"
          ? gradientOfDecomposition(node, dy, decompose as NonNullable<typeof decompose>)
          : placed(name, () => gradient(node, dy));
      checkGradients(name, node, found);
      return found;
    },
    ...(decompose === undefined ? {} : { decompose }),
    lower: (node) => [lowering(name, kernel, node, lower(node))],
  });
}

/** d Σ upstream·decompose(inputs) / d inputs. Identities stand for the inputs, which may depend on each other. */
function gradientOfDecomposition<A extends object>(
  node: NodeOf<A>,
  upstream: Node,
  decompose: (inputs: readonly Node[], attributes: A) => Node,
): readonly (Node | null)[] {
  const inputs = node.inputs.map(identity);
  return gradients(decompose(inputs, node.attributes), inputs, upstream);
}

function lowering<A extends object>(name: string, kernel: UserKernel, node: NodeOf<A>, call: KernelCall): Lowering {
  const { units, operands, flops = 0 } = call;
  const grain = call.grain ?? Math.max(1, Math.floor((2048 * units) / Math.max(1, node.size)));
  checkCall(name, node, { units, grain, operands, flops });
  return {
    opcode: code.CUSTOM,
    name,
    units,
    grain,
    operands: { kernel: engine().placeOf(kernel), ...operands },
    flops,
  };
}

function nameOf(input: CustomInput): string {
  return typeof input === "string" ? input : input.name;
}

function asInput(name: string, input: CustomInput, operand: Operand): Node {
  const dtype = typeof input === "string" ? "float32" : input.dtype;
  const node = toSymbolic(operand, dtype);
  check(
    node.dtype === dtype || dtype === "float32" || (dtype === "int32" && node.dtype !== "float32"),
    "dtype",
    () => ({
      where: `${errorPlace(name)}.${nameOf(input)}`,
      expected: dtype,
      received: node.dtype,
      remedy: `Use ops.cast(x, "${dtype}").`,
    }),
  );
  return cast(node, dtype);
}

/** The result of `body`; its errors say in which layer. */
function placed<T>(name: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof TensorError) || !cause.where.startsWith(name)) throw cause;
    const { code, where, expected, received, remedy } = cause;
    const parts = { where: errorPlace(where), expected, received, ...(remedy === undefined ? {} : { remedy }) };
    throw new TensorError(code, parts, { cause });
  }
}

// Checks --------------------------------------------------------------------------------------------------------------

const dtypes: readonly unknown[] = ["float32", "int32", "uint8", "bool"] satisfies DType[];

function checkDefinition(definition: AnyDefinition): void {
  checkOptionsObject("customOp", definition);
  const { name, inputs, infer, lower, gradient, decompose } = definition;
  const option = (key: string, fits: boolean, expected: string, received: unknown): void =>
    check(fits, "option", () => ({ where: `customOp.${key}`, expected, received: show(received) }));
  option("name", typeof name === "string" && name.length > 0, "the name of the operation", name);
  const fits = (input: CustomInput): boolean =>
    typeof input === "string" || (typeof input?.name === "string" && dtypes.includes(input.dtype));
  option("inputs", Array.isArray(inputs) && inputs.every(fits), "a list of names, or of { name, dtype }", inputs);
  option("infer", typeof infer === "function", "a function that gives shape and dtype", infer);
  option("lower", typeof lower === "function", "a function that gives units and operands", lower);
  const rule = typeof gradient === "function" || (gradient === "decompose" && decompose !== undefined);
  option("gradient", rule, 'a rule, or "decompose" beside a decomposition: every operation trains', gradient);
}

/** One operand for each input; attributes tell one call from another, so they must be plain values. */
function checkArguments(name: string, inputs: readonly CustomInput[], args: readonly unknown[]): void {
  check(args.length === inputs.length || args.length === inputs.length + 1, "option", () => ({
    where: errorPlace(name),
    expected: `${inputs.map(nameOf).join(", ")} and at most an object of attributes`,
    received: `${args.length} arguments`,
  }));
  const attributes = args[inputs.length] ?? {};
  check(typeof attributes === "object" && !Array.isArray(attributes) && isPlain(attributes), "option", () => ({
    where: errorPlace(name),
    expected: "attributes that are plain values: numbers, strings, lists and records of them",
    received: show(attributes),
    remedy: "Pass tensors as inputs.",
  }));
}

function isPlain(value: unknown): boolean {
  if (value === null || ["number", "string", "boolean"].includes(typeof value)) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  return (
    typeof value === "object" &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value)) &&
    Object.values(value).every(isPlain)
  );
}

function checkType(name: string, type: TensorType): void {
  const { shape, dtype } = type ?? {};
  const fits =
    dtypes.includes(dtype) && Array.isArray(shape) && shape.every((size) => Number.isInteger(size) && size >= 0);
  check(fits, "shape", () => ({
    where: errorPlace(`${name}.infer`),
    expected: "{ shape, dtype } of the result",
    received: type === undefined ? "undefined" : `shape ${show(shape)} and dtype ${show(dtype)}`,
  }));
}

function checkGradients(name: string, { inputs }: Node, found: readonly (Node | null)[]): void {
  const where = `${name}.gradient`;
  check(Array.isArray(found) && found.length === inputs.length, "option", () => ({
    where: errorPlace(where),
    expected: `a list of ${inputs.length}, one gradient or null for each input`,
    received: show(found),
  }));
  found.forEach((gradient, index) => {
    const { shape } = inputs[index] as Node;
    check(gradient === null || (gradient.dtype === "float32" && sameShape(gradient.shape, shape)), "shape", () => ({
      where: errorPlace(where),
      expected: `float32 of shape [${shape.join(", ")}] for input ${index}`,
      received: gradient?.shape === undefined ? show(gradient) : `${gradient.dtype}[${gradient.shape.join(", ")}]`,
    }));
  });
}

function checkCall(name: string, node: Node, { units, grain, operands }: Required<KernelCall>): void {
  const where = `${name}.lower`;
  const whole = (value: number, low: number): boolean => Number.isInteger(value) && value >= low && value < 2 ** 32;
  check(whole(units, 0) && whole(grain, 1), "option", () => ({
    where,
    expected: "whole numbers of units ≥ 0 and grain ≥ 1",
    received: `${show(units)} and ${show(grain)}`,
  }));
  let words = 0;
  for (const [key, word] of Object.entries(operands)) {
    const double = typeof word === "object" && word.kind === "double";
    check(!double || words % 2 === 1, "option", () => ({
      where: `${where}.${key}`,
      expected: "a float64 at a multiple of 8 bytes",
      received: `byte ${20 + 4 * words}`,
      remedy: "Put a 0 before it, and a field of 4 bytes into the class.",
    }));
    check(typeof word === "object" || (Number.isInteger(word) && Math.abs(word) < 2 ** 32), "option", () => ({
      where: `${where}.${key}`,
      expected: "a whole number, float(x), double(x), reads(tensor), writes(node) or table([…])",
      received: show(word),
    }));
    words += double ? 2 : 1;
  }
  check(words <= ownWords, "option", () => ({
    where,
    expected: `at most ${ownWords} words of operands`,
    received: String(words),
    remedy: "Put what is left into a table([…]).",
  }));
  const addresses = addressesIn(Object.values(operands));
  for (const { tensor, access } of addresses)
    check(access === "read" ? node.inputs.includes(tensor) : tensor === node, "option", () => ({
      where,
      expected: access === "read" ? "to read inputs" : "to write the node itself",
      received: String(tensor),
    }));
  check(addresses.some(({ access }) => access === "write") === true, "option", () => ({
    where,
    expected: "an operand writes(node)",
    received: `the operands ${Object.keys(operands).join(", ")}`,
  }));
}
