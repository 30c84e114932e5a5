// Is what a pass hands on still right? Checks between the passes, for tests.

import { TensorError } from "../errors.ts";
import { sameShape } from "../tensor.ts";
import { overlaps } from "./effects.ts";
import { type Graph, nodesOf } from "./graphPass.ts";
import { addressesIn } from "./instruction.ts";
import { alignment, lifetimesOf, type Plan } from "./plan.ts";
import type { Buffer, Schedule } from "./schedule.ts";

function fail(pass: string, expected: string, received: string): never {
  throw new TensorError("internal", { where: `verifier after ${pass}`, expected, received });
}

/** Every node's shape and dtype are what its operation infers from its inputs; effects are known to the graph. */
export function verifyGraph(graph: Graph): Graph {
  for (const node of nodesOf(graph)) {
    const { shape, dtype } = node.op.infer(node.inputs, node.attributes);
    if (!sameShape(shape, node.shape) || dtype !== node.dtype)
      fail("a graph pass", `${dtype}[${shape.join()}]`, String(node));
    if (node.op.effect === true && !graph.effects.includes(node))
      fail("a graph pass", "every effect in the list", String(node));
  }
  return graph;
}

/** Where a program puts what it computes. */
const ownPlaces: readonly string[] = ["arena", "prepared"];

/** Everything read was written before, in an earlier phase; nothing written is touched by another in the same phase. */
export function verifySchedule(schedule: Schedule): void {
  const writtenIn = new Map<Buffer, number>();
  let phase = 0;
  let earlier: Touch[] = [];
  for (const instruction of schedule.instructions) {
    if (instruction.phase < phase) fail("schedule", "phases that only grow", `${instruction.phase} after ${phase}`);
    if (instruction.phase > phase) earlier = [];
    phase = instruction.phase;
    const own: Touch[] = [];
    for (const { tensor, access } of addressesIn(Object.values(instruction.operands))) {
      const buffer = schedule.buffers.get(tensor);
      if (buffer === undefined) fail("schedule", "a buffer for every operand", String(tensor));
      const written = writtenIn.get(buffer);
      if (access !== "write" && ownPlaces.includes(buffer.place.kind) && (written === undefined || written >= phase))
        fail(
          "schedule",
          `${tensor} written in a phase before ${phase}`,
          written === undefined ? "never written" : `written in ${written}`,
        );
      if (access !== "read" && buffer.place.kind === "prepared" && phase >= schedule.preparing)
        fail("schedule", "what is prepared to stay", `${instruction.name} in phase ${phase} writes it`);
      if (
        access === "read" &&
        buffer.place.kind === "arena" &&
        phase >= schedule.preparing &&
        (written ?? phase) < schedule.preparing
      )
        fail("schedule", "what was prepared in a place where it stays", `${tensor} in the arena`);
      if (access !== "read") writtenIn.set(buffer, phase);
      own.push({ buffer, writes: access !== "read" });
    }
    for (const a of own)
      for (const b of earlier)
        if ((a.writes || b.writes) && shareBytes(a.buffer, b.buffer))
          fail("schedule", "a SYNC between dependent instructions", `${instruction.name} in phase ${phase}`);
    earlier.push(...own);
  }
}

interface Touch {
  readonly buffer: Buffer;
  readonly writes: boolean;
}

function shareBytes(a: Buffer, b: Buffer): boolean {
  if (a === b) return true;
  return a.place.kind === "variable" && b.place.kind === "variable" && overlaps(a.place.variable, b.place.variable);
}

/** Buffers that are needed at the same time do not overlap; all are aligned and inside the arena. */
export function verifyPlan(schedule: Schedule, plan: Plan): void {
  const lifetimes = lifetimesOf(schedule);
  for (const [index, a] of lifetimes.entries()) {
    const start = plan.offsets.get(a.buffer);
    if (start === undefined) fail("plan", "an offset for every buffer", `none for buffer ${a.buffer.id}`);
    if (start % alignment !== 0 || start + a.buffer.bytes > plan.arenaBytes)
      fail("plan", "an aligned place inside the arena", `${start}`);
    for (const b of lifetimes.slice(index + 1)) {
      const other = plan.offsets.get(b.buffer) ?? 0;
      const together = a.first <= b.last && b.first <= a.last;
      if (together && start < other + b.buffer.bytes && other < start + a.buffer.bytes)
        fail("plan", "separate places for buffers needed together", `buffers ${a.buffer.id} and ${b.buffer.id}`);
    }
  }
  if (plan.liveBytes > plan.arenaBytes)
    fail("plan", `at least the ${plan.liveBytes} bytes needed at once`, `${plan.arenaBytes}`);
}

/** All checks, for the option `verify` of a compilation. */
export interface Verifier {
  graph(graph: Graph): Graph;
  schedule(schedule: Schedule): void;
  plan(schedule: Schedule, plan: Plan): void;
}

/** The checks above. */
export const verifier: Verifier = { graph: verifyGraph, schedule: verifySchedule, plan: verifyPlan };
