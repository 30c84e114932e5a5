// In which order do instructions run, on which buffers, and where must threads wait for each other?

import * as code from "../../assembly/opcodes.ts";
import { constantOp, inputOp, readOp, type SymbolicTensor, viewRoot } from "../graph.ts";
import { assignOp } from "../ops/optimize.ts";
import { elementBytes, type Shape, type Tensor } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import { assignedVariable, placeAssignments } from "./direct.ts";
import { type Graph, nodesOf, usersOf } from "./graphPass.ts";
import { hoist, nothingPrepared } from "./hoist.ts";
import { addressesIn, type Lowering } from "./instruction.ts";

/** A piece of memory that instructions name. */
export interface Buffer {
  readonly id: number;
  readonly bytes: number;
  readonly shape: Shape;
  readonly place: Place;
}

/** Where a buffer is: planned by the compiler, or fixed by what it holds. */
export type Place =
  | { readonly kind: "arena" }
  /** In a block of the program's own: computed once, and again when weights have changed. */
  | { readonly kind: "prepared" }
  /** Copied into the arena before each run. */
  | { readonly kind: "input"; readonly name: string }
  /** In a block of its own, named when the program is loaded. */
  | { readonly kind: "bound"; readonly name: string }
  | { readonly kind: "constant"; readonly value: Tensor }
  | { readonly kind: "variable"; readonly variable: Variable };

/** An instruction in its place. `phase` counts the SYNCs before it. */
export interface ScheduledInstruction extends Lowering {
  readonly phase: number;
  readonly node: SymbolicTensor;
}

/** The instructions of a program in order, cut into phases, and their buffers. */
export interface Schedule {
  readonly instructions: readonly ScheduledInstruction[];
  /** Buffer of each node that has memory, views included. */
  readonly buffers: ReadonlyMap<SymbolicTensor, Buffer>;
  readonly outputs: readonly Buffer[];
  readonly phases: number;
  /** How many of the phases, the first ones, only prepare: what they write stays. */
  readonly preparing: number;
}

/**
 * Orders and lowers the nodes of `graph`; a SYNC goes wherever an instruction needs what was written since the last.
 * @param hoisting whether what no run changes comes first, to be run only when weights have changed.
 */
export function schedule(graph: Graph, hoisting = true): Schedule {
  const nodes = nodesOf(graph);
  const { order, direct } = placeAssignments(nodes, graph);
  const prepared = hoisting ? hoist(graph, (node) => direct.has(node)) : nothingPrepared;
  const users = usersOf(graph);
  const buffers = assignBuffers(nodes, direct, prepared.kept, users);
  const instructions: ScheduledInstruction[] = [];
  let phase = 0;
  let touched = new Touched();
  const barrier = (): void => {
    phase++;
    touched = new Touched();
  };
  const [first, rest] = [true, false].map((early) => order.filter((node) => prepared.nodes.has(node) === early));
  const lower = (node: SymbolicTensor): void => {
    if (node.op.lower === undefined || isDirectAssign(node, buffers)) return;
    for (const lowering of node.op.lower(node, users.get(node) ?? [])) {
      const addresses = addressesIn(Object.values(lowering.operands)).map(
        ({ tensor, access }) => [buffers.get(tensor) as Buffer, access] as const,
      );
      if (addresses.some(([buffer, access]) => touched.conflicts(buffer, access))) barrier();
      for (const [buffer, access] of addresses) touched.add(buffer, access);
      instructions.push({ ...lowering, ...countable(lowering), phase, node });
    }
  };
  first?.forEach(lower);
  if (instructions.length > 0) barrier();
  const preparing = phase;
  rest?.forEach(lower);
  return {
    instructions,
    buffers,
    outputs: graph.outputs.map((output) => buffers.get(output) as Buffer),
    phases: phase + 1,
    preparing,
  };
}

/** Units and grain together stay below 2³¹. */
const largestGrain = 2 ** 30;

/** Of axes without elements the quotients that units and grain are may be 0 / 0 and 1 / 0, which the machine cannot count. */
function countable({ units, grain }: Lowering): Pick<Lowering, "units" | "grain"> {
  return { units: units || 0, grain: Math.min(grain || 1, largestGrain) };
}

/** What only prepares, if there is such, and what every run does. They share buffers and plan. */
export function parts({ instructions, preparing, phases, ...shared }: Schedule): [Schedule | undefined, Schedule] {
  const early = instructions.filter(({ phase }) => phase < preparing);
  const late = instructions.filter(({ phase }) => phase >= preparing);
  const part = (of: readonly ScheduledInstruction[]): Schedule => ({ ...shared, instructions: of, phases, preparing });
  return [early.length === 0 ? undefined : part(early), part(late)];
}

/** The instruction that makes all threads wait. */
export const syncOpcode: number = code.SYNC;

/** Bytes that an instruction touches: of a variable those in its block, of anything else all. */
interface Touch {
  readonly begin: number;
  readonly end: number;
  readonly writes: boolean;
}

/** What the instructions of one phase touch. */
class Touched {
  private readonly touches = new Map<unknown, Touch[]>();

  /** Whether one more access must wait for an earlier one: they share bytes, and one of them writes. */
  conflicts(buffer: Buffer, access: Access): boolean {
    const { key, begin, end } = rangeOf(buffer);
    return (this.touches.get(key) ?? []).some(
      (other) => begin < other.end && other.begin < end && (other.writes || access !== "read"),
    );
  }

  add(buffer: Buffer, access: Access): void {
    const { key, begin, end } = rangeOf(buffer);
    const known = this.touches.get(key) ?? [];
    known.push({ begin, end, writes: access !== "read" });
    this.touches.set(key, known);
  }
}

type Access = "read" | "write" | "update";

/** Variables of one block may share bytes, other buffers only with themselves. */
function rangeOf(buffer: Buffer): { readonly key: unknown; readonly begin: number; readonly end: number } {
  if (buffer.place.kind !== "variable") return { key: buffer, begin: 0, end: 1 };
  const { block, offset } = buffer.place.variable.storage;
  return { key: block, begin: offset, end: offset + Math.max(1, buffer.place.variable.bytes) };
}

// Buffers -------------------------------------------------------------------------------------------------------------

function assignBuffers(
  nodes: readonly SymbolicTensor[],
  direct: ReadonlyMap<SymbolicTensor, Variable>,
  kept: ReadonlySet<SymbolicTensor>,
  users: ReadonlyMap<SymbolicTensor, readonly SymbolicTensor[]>,
): Map<SymbolicTensor, Buffer> {
  const buffers = new Map<SymbolicTensor, Buffer>();
  for (const node of nodes) {
    if (node.op.effect === true) continue;
    const root = viewRoot(node);
    const shared = buffers.get(root);
    buffers.set(
      node,
      shared ?? {
        id: buffers.size,
        bytes: node.size * elementBytes[node.dtype] + (node.op.trailing?.(node, users.get(node) ?? []) ?? 0),
        shape: node.shape,
        place: kept.has(node) ? { kind: "prepared" } : placeOf(node, direct),
      },
    );
  }
  return buffers;
}

function placeOf(node: SymbolicTensor, direct: ReadonlyMap<SymbolicTensor, Variable>): Place {
  const op = node.op as unknown;
  if (op === constantOp) return { kind: "constant", value: (node.attributes as { value: Tensor }).value };
  if (op === readOp) return { kind: "variable", variable: (node.attributes as { variable: Variable }).variable };
  if (op === inputOp) {
    const { name, bound } = node.attributes as { name: string; bound: boolean };
    return { kind: bound ? "bound" : "input", name };
  }
  const variable = direct.get(node);
  return variable === undefined ? { kind: "arena" } : { kind: "variable", variable };
}

/** Whether an assignment needs no copy because its value is computed in place. */
function isDirectAssign(node: SymbolicTensor, buffers: ReadonlyMap<SymbolicTensor, Buffer>): boolean {
  if ((node.op as unknown) !== assignOp) return false;
  const place = buffers.get(node.inputs[1] as SymbolicTensor)?.place;
  return place?.kind === "variable" && place.variable === assignedVariable(node);
}
