// What is a traced computation? An immutable graph of symbolic tensors, each made by one operation.

import { hasTag, variableTag } from "./brands.ts";
import type { Lowering } from "./compiler/instruction.ts";
import { check, show } from "./errors.ts";
import {
  checkRoom,
  type DType,
  type NestedArray,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorLike,
  tensor,
} from "./tensor.ts";
import type { Variable } from "./variable.ts";

/** What an operation knows beside its inputs; printable, and equal values mean equal operations. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Shape and dtype of a result. */
export interface TensorType {
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Of the elements. */
  readonly dtype: DType;
}

/** A node of the graph: the result of `op` on `inputs`. Its values exist only while a program runs. */
export class SymbolicTensor implements TensorType {
  private static count = 0;
  /** Number of the node, growing in the order in which nodes are made. */
  readonly id: number = SymbolicTensor.count++;
  /** What makes the value. */
  readonly op: Operation;
  /** What the operation is applied to, in order. */
  readonly inputs: readonly SymbolicTensor[];
  /** What the operation knows beside its inputs. */
  readonly attributes: Attributes;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Path of the layers being traced when the node was made: `sequential/dense_1`. */
  readonly scope: string;

  constructor(
    op: Operation,
    inputs: readonly SymbolicTensor[],
    attributes: Attributes,
    type: TensorType,
    scope: string,
  ) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.shape = type.shape;
    this.dtype = type.dtype;
    this.scope = scope;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** `%7 = relu(%6) float32[32, 10]`. */
  toString(): string {
    return `%${this.id} = ${this.op.name}(${this.inputs.map((input) => `%${input.id}`).join(", ")}) ${this.dtype}[${this.shape.join(", ")}]`;
  }
}

/** A node whose attributes are known to be those of its operation. */
export type NodeOf<A extends object> = SymbolicTensor & {
  /** What the operation knows beside its inputs. */
  readonly attributes: A;
};

/** One operation: how its result looks, how it is differentiated, and what the machine does for it. */
export interface Operation<A extends object = Attributes> {
  readonly name: string;
  /** Shape and dtype of the result. @throws {TensorError} when the inputs do not fit. */
  infer(inputs: readonly SymbolicTensor[], attributes: A): TensorType;
  /**
   * The gradient of each input, given that of the result; null where there is none. That of an elementwise operation has
   * the shape of the result: differentiating sums it over the axes along which an input was repeated.
   */
  gradient(node: NodeOf<A>, upstream: SymbolicTensor): readonly (SymbolicTensor | null)[];
  /** The same value in primitives: documentation, oracle and fallback of a fused operation. */
  decompose?(inputs: readonly SymbolicTensor[], attributes: A): SymbolicTensor;
  /**
   * The same by an algorithm that takes less arithmetic, other in its last bits; undefined where it would not be faster.
   * Asked once the graph has been differentiated.
   */
  faster?(node: NodeOf<A>, inputs: readonly SymbolicTensor[]): SymbolicTensor | undefined;
  /** The instructions that compute the result for those who use it. Missing for views and for what holds data. */
  lower?(node: NodeOf<A>, users: readonly SymbolicTensor[]): readonly Lowering[];
  /** Bytes behind the result for something else that its instructions find out, and that `users` read there. Default 0. */
  trailing?(node: NodeOf<A>, users: readonly SymbolicTensor[]): number;
  /** The MAP codes of an elementwise operation: the first takes all inputs, each further one the result before. */
  elementwise?(node: NodeOf<A>): readonly number[];
  /**
   * The machine can apply `attributes.activation` and, behind so many inputs, add one more: a number for each entry of the last
   * axis. 0: the activation alone.
   */
  readonly epilogue?: number;
  /** The result is the memory of the first input under another shape. */
  readonly view?: boolean;
  /** Changes variables instead of having a result; never removed, kept in the order of tracing. */
  readonly effect?: boolean;
}

/** What operations accept: symbolic tensors, variables, and any ordinary data as constants. */
export type Operand = SymbolicTensor | Variable | TensorLike;

/** Defines an operation. The object is its only registration. */
/* @__NO_SIDE_EFFECTS__ */
export function defineOp<A extends object>(operation: Operation<A>): Operation<A> {
  return Object.freeze(operation);
}

/** The node of `op` on `inputs`, shape-checked now, under the current scope. */
export function makeNode<A extends object>(
  op: Operation<A>,
  inputs: readonly SymbolicTensor[],
  attributes: A,
): SymbolicTensor {
  const erased = op as unknown as Operation;
  const type = op.infer(inputs, attributes);
  checkRoom(() => errorPlace(op.name), type.shape, type.dtype);
  const node = new SymbolicTensor(
    erased,
    Object.freeze([...inputs]),
    Object.freeze(attributes) as Attributes,
    type,
    scopePath(),
  );
  if (op.effect === true) currentTrace("an update of a variable").effects.push(node);
  return node;
}

// What holds data -----------------------------------------------------------------------------------------------------

const noGradient = (): readonly null[] => [];

/** Values given when the program runs. `bound` ones live in a block of their own, others are copied in for each run. */
export const inputOp: Operation<{ readonly name: string; readonly bound: boolean } & TensorType> = defineOp({
  name: "input",
  infer: (_, attributes) => attributes,
  gradient: noGradient,
});

/** Values known while tracing. */
export const constantOp: Operation<{ readonly value: Tensor }> = defineOp({
  name: "constant",
  infer: (_, { value }) => ({ shape: value.shape, dtype: value.dtype }),
  gradient: noGradient,
});

/** The value of a variable after the first `version` effects of the trace. */
export const readOp: Operation<{ readonly variable: Variable; readonly version: number }> = defineOp({
  name: "read",
  infer: (_, { variable }) => ({ shape: variable.shape, dtype: variable.dtype }),
  gradient: noGradient,
});

/** A placeholder for a value given at each run. */
export function inputNode(name: string, type: TensorType, bound = false): SymbolicTensor {
  return makeNode(inputOp, [], { name, bound, shape: type.shape, dtype: type.dtype });
}

/** A node that holds `value`. */
export function constant(value: TensorLike, dtype?: DType): SymbolicTensor {
  return makeNode(constantOp, [], { value: tensor(value, undefined, dtype) });
}

/** A node that reads `variable` as it stands at this point of the trace. */
export function read(variable: Variable): SymbolicTensor {
  return makeNode(readOp, [], { variable, version: trace?.effects.length ?? 0 });
}

/** The variable that `node` reads, through views; undefined when it is something else. */
export function readVariable(
  node: SymbolicTensor,
): { readonly variable: Variable; readonly version: number } | undefined {
  const root = viewRoot(node);
  return (root.op as unknown) === readOp ? (root.attributes as { variable: Variable; version: number }) : undefined;
}

/** The node whose memory `node` shares: itself unless it is a view. */
export function viewRoot(node: SymbolicTensor): SymbolicTensor {
  let root = node;
  while (root.op.view === true) root = root.inputs[0] as SymbolicTensor;
  return root;
}

/** Whether `value` is a number that int32 holds. */
export function isInt32(value: unknown): value is number {
  return typeof value === "number" && value === (value | 0);
}

/** Whether `value` is a list of whole numbers, nested in at most `axes` lists, which serve as indices. */
export function isIndices(value: unknown, axes = 64): value is NestedArray {
  return (
    Array.isArray(value) && value.every((each) => Number.isInteger(each) || (axes > 1 && isIndices(each, axes - 1)))
  );
}

/** Turns what operations accept into a node. A bare number takes the dtype `like` has, if it fits; so do lists of int32. */
export function toSymbolic(operand: Operand, like?: DType): SymbolicTensor {
  if (operand instanceof SymbolicTensor) return operand;
  if (isVariable(operand)) return read(operand);
  if (like === "int32" && (isInt32(operand) || isIndices(operand))) return constant(operand, "int32");
  return constant(operand);
}

/** Whether `value` is a {@link Variable}. */
export function isVariable(value: unknown): value is Variable {
  return hasTag(value, variableTag);
}

/** The value of a constant scalar node, or undefined. */
export function constantScalar(node: SymbolicTensor): number | undefined {
  if ((node.op as unknown) !== constantOp || node.size !== 1) return undefined;
  return (node.attributes as { value: Tensor }).value.data[0];
}

// Tracing -------------------------------------------------------------------------------------------------------------

/** What is collected while a function is traced. */
export interface Trace {
  /** Updates of variables, in order. */
  readonly effects: SymbolicTensor[];
  /** How many random streams were drawn. */
  randomStreams: number;
}

let trace: Trace | undefined;
const scopes: string[] = [];

/** Runs `body` while collecting its effects. Traces nest; each has its own effects. */
export function withTrace<T>(body: (trace: Trace) => T): T {
  const outer = trace;
  trace = { effects: [], randomStreams: 0 };
  try {
    return body(trace);
  } finally {
    trace = outer;
  }
}

/** The trace under way. @throws {TensorError} `state` when nothing is being traced. */
export function currentTrace(what: string): Trace {
  check(trace !== undefined, "state", () => ({
    where: what,
    expected: "to be called while a program is traced",
    received: "a call outside",
    remedy: "Call it inside compiled(), valueAndGrad() or a layer.",
  }));
  return trace;
}

/** Whether a function is being traced. */
export function tracing(): boolean {
  return trace !== undefined;
}

/** Runs `body` with `name` added to the path that nodes and errors carry. */
export function withScope<T>(name: string, body: () => T): T {
  scopes.push(name);
  try {
    return body();
  } finally {
    scopes.pop();
  }
}

/** Runs `body` under `path` instead of the layers around: for what a pass puts in the place of a node. */
export function underScope<T>(path: string, body: () => T): T {
  const around = scopes.splice(0, scopes.length, ...(path === "" ? [] : [path]));
  try {
    return body();
  } finally {
    scopes.splice(0, scopes.length, ...around);
  }
}

/** The path of the layers being traced, `/` between them; empty outside. */
export function scopePath(): string {
  return scopes.join("/");
}

/** Where an error happened: the path of layers, else the name of the operation. */
export function errorPlace(operation: string): string {
  const path = scopePath();
  return path === "" ? operation : `${path} (${operation})`;
}

/** @throws {TensorError} `option` unless `value`, an option of `operation`, is true or false: "false" is neither. */
export function checkFlag(operation: string, option: string, value: unknown): asserts value is boolean {
  check(typeof value === "boolean", "option", () => ({
    where: `${errorPlace(operation)}.${option}`,
    expected: "true or false",
    received: show(value),
  }));
}

// Order ---------------------------------------------------------------------------------------------------------------

/** All nodes that `roots` need, inputs before users, in a fixed order. Iterative: depth is not limited by the stack. */
export function topologicalOrder(roots: readonly SymbolicTensor[]): SymbolicTensor[] {
  const order: SymbolicTensor[] = [];
  const seen = new Set<SymbolicTensor>();
  const stack: { node: SymbolicTensor; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: SymbolicTensor; next: number };
      const input = top.node.inputs[top.next++];
      if (input === undefined) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ node: input, next: 0 });
      }
    }
  }
  return order;
}
