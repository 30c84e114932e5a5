// How are variables changed: assignments, and one step of an optimizer over a whole block?

import * as code from "../../assembly/opcodes.ts";
import { double, float, reads, updates, type Word, writes } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import {
  type Attributes,
  defineOp,
  makeNode,
  type Operand,
  type Operation,
  read,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { sameShape } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import { broadcastTo, cast } from "./map.ts";

type Node = SymbolicTensor;
const elementsPerUnit = 1024;

/* @__NO_SIDE_EFFECTS__ */
function effectOp<A extends Attributes>(name: string, lower: NonNullable<Operation<A>["lower"]>): Operation<A> {
  return defineOp<A>({
    name,
    effect: true,
    infer: () => ({ shape: [], dtype: "float32" }),
    gradient: (node) => node.inputs.map(() => null),
    lower,
  });
}

/** Replaces the value of a variable. The compiler writes the value in place where nothing else reads the variable. */
export const assignOp: Operation = effectOp("assign", (node) => {
  const [target, value] = node.inputs as [Node, Node];
  const bytes = value.dtype === "float32" || value.dtype === "int32" ? 4 : 1;
  const strides = Object.fromEntries(Array.from({ length: 6 }, (_, axis) => [`outStride${axis}`, axis === 0 ? 1 : 0]));
  const inputStrides = Object.fromEntries(
    Array.from({ length: 6 }, (_, axis) => [`inputStride${axis}`, axis === 0 ? 1 : 0]),
  );
  const sizes = Object.fromEntries(
    Array.from({ length: 6 }, (_, axis) => [`size${axis}`, axis === 0 ? value.size : 0]),
  );
  return [
    {
      opcode: code.COPY,
      name: "assign",
      units: 1,
      grain: 1,
      operands: { input: reads(value), out: writes(target), bytes, rank: 1, ...sizes, ...inputStrides, ...strides },
      flops: 0,
    },
  ];
});

/** variable ← value, when the program runs. @throws {TensorError} `shape` when they differ. */
export function assign(variable: Variable, value: Operand): void {
  const node = cast(toSymbolic(value, variable.dtype), variable.dtype);
  const fitted = node.size === 1 ? broadcastTo(node, variable.shape) : node;
  check(sameShape(fitted.shape, variable.shape), "shape", () => ({
    where: `assign ${variable.name}`,
    expected: `shape [${variable.shape.join(", ")}]`,
    received: `[${fitted.shape.join(", ")}]`,
  }));
  makeNode(assignOp, [read(variable), fitted], {});
}

function lowerBlock(
  name: string,
  opcode: number,
  count: number,
  operands: Record<string, Word>,
  flopsEach: number,
): ReturnType<NonNullable<Operation["lower"]>> {
  return [{ opcode, name, units: Math.ceil(count / elementsPerUnit), grain: 8, operands, flops: count * flopsEach }];
}

const addressOf = (node: Node | undefined): Word => (node === undefined ? 0 : updates(node));

/** What a step works on; all float32 of one length. */
export interface SgdOperands {
  readonly parameter: Variable;
  readonly gradient: Variable;
  /** Only with momentum. */
  readonly velocity?: Variable;
  readonly learningRate: Operand;
}
/** The numbers of {@link sgdStep}. */
export interface SgdSettings extends Attributes {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

const sgdOp: Operation<SgdSettings> = effectOp("sgd", (node) => {
  const [parameter, gradient, learningRate, velocity] = node.inputs as [Node, Node, Node, Node?];
  const { momentum, nesterov, weightDecay } = node.attributes;
  const operands = {
    parameter: updates(parameter),
    gradient: reads(gradient),
    velocity: addressOf(velocity),
    learningRate: reads(learningRate),
    count: parameter.size,
    momentum: float(momentum),
    weightDecay: float(weightDecay),
    nesterov: nesterov ? 1 : 0,
  };
  return lowerBlock("sgd", code.SGD, parameter.size, operands, 6);
});

/** One step of stochastic gradient descent, with momentum and Nesterov's variant; formulas at kernels/optimize.ts. */
export function sgdStep({ parameter, gradient, velocity, learningRate }: SgdOperands, settings: SgdSettings): void {
  const slots = velocity === undefined ? [] : [read(velocity)];
  makeNode(sgdOp, [read(parameter), read(gradient), toSymbolic(learningRate), ...slots], settings);
}

/** What {@link adamStep} works on; all float32 of one length, but for the scalars. */
export interface AdamOperands {
  readonly parameter: Variable;
  readonly gradient: Variable;
  readonly momentum: Variable;
  readonly velocity: Variable;
  /** Only for AMSGrad. */
  readonly maximum?: Variable;
  readonly learningRate: Operand;
  /** int32 scalar, 1 in the first step. */
  readonly iteration: Operand;
}
/** The numbers of {@link adamStep}. */
export interface AdamSettings extends Attributes {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

const adamOp: Operation<AdamSettings> = effectOp("adam", (node) => {
  const [parameter, gradient, momentum, velocity, learningRate, iteration, maximum] = node.inputs as [
    Node,
    Node,
    Node,
    Node,
    Node,
    Node,
    Node?,
  ];
  const { beta1, beta2, epsilon, weightDecay } = node.attributes;
  const operands = {
    parameter: updates(parameter),
    gradient: reads(gradient),
    momentum: updates(momentum),
    velocity: updates(velocity),
    maximum: addressOf(maximum),
    learningRate: reads(learningRate),
    iteration: reads(iteration),
    count: parameter.size,
    beta1: double(beta1),
    beta2: double(beta2),
    epsilon: float(epsilon),
    weightDecay: float(weightDecay),
  };
  return lowerBlock("adam", code.ADAM, parameter.size, operands, 14);
});

/** One step of Adam (Kingma & Ba, 2015) or, with weight decay, AdamW (Loshchilov & Hutter, 2019). */
export function adamStep(operands: AdamOperands, settings: AdamSettings): void {
  const { parameter, gradient, momentum, velocity, maximum, learningRate, iteration } = operands;
  const slots = maximum === undefined ? [] : [read(maximum)];
  const inputs = [
    read(parameter),
    read(gradient),
    read(momentum),
    read(velocity),
    toSymbolic(learningRate),
    toSymbolic(iteration, "int32"),
  ];
  makeNode(adamOp, [...inputs, ...slots], settings);
}

/** What {@link rmspropStep} works on; all float32 of one length, but for the scalar. */
export interface RmspropOperands {
  readonly parameter: Variable;
  readonly gradient: Variable;
  readonly velocity: Variable;
  /** Only with momentum. */
  readonly momentumBuffer?: Variable;
  /** Only when centered. */
  readonly averageGradient?: Variable;
  readonly learningRate: Operand;
}
/** The numbers of {@link rmspropStep}. */
export interface RmspropSettings extends Attributes {
  readonly rho: number;
  readonly epsilon: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly centered: boolean;
}

const rmspropOp: Operation<RmspropSettings> = effectOp("rmsprop", (node) => {
  const [parameter, gradient, velocity, learningRate, ...rest] = node.inputs as [Node, Node, Node, Node, ...Node[]];
  const { rho, epsilon, momentum, weightDecay, centered } = node.attributes;
  const operands = {
    parameter: updates(parameter),
    gradient: reads(gradient),
    velocity: updates(velocity),
    momentumBuffer: addressOf(momentum > 0 ? rest[0] : undefined),
    averageGradient: addressOf(centered ? rest[momentum > 0 ? 1 : 0] : undefined),
    learningRate: reads(learningRate),
    count: parameter.size,
    padding: 0,
    rho: double(rho),
    epsilon: float(epsilon),
    momentum: float(momentum),
    weightDecay: float(weightDecay),
  };
  return lowerBlock("rmsprop", code.RMSPROP, parameter.size, operands, 10);
});

/** One step of RMSprop (Tieleman & Hinton, 2012), plain or centered, with or without momentum. */
export function rmspropStep(operands: RmspropOperands, settings: RmspropSettings): void {
  const { parameter, gradient, velocity, momentumBuffer, averageGradient, learningRate } = operands;
  const slots = [momentumBuffer, averageGradient].filter((slot) => slot !== undefined).map(read);
  makeNode(rmspropOp, [read(parameter), read(gradient), read(velocity), toSymbolic(learningRate), ...slots], settings);
}
