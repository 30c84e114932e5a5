// What does a program do? One line an instruction, for people.

import { formatBytes } from "../errors.ts";
import { elementBytes } from "../tensor.ts";
import type { Code } from "./emit.ts";
import { addressesIn } from "./instruction.ts";
import type { ScheduledInstruction } from "./schedule.ts";

/** One instruction as `explain` shows it. */
export interface ExplainedInstruction {
  /** Place in the program, from 0. */
  readonly index: number;
  /** Name of the operation; `"sync"` where threads wait for each other. */
  readonly op: string;
  /** Path of the layer that asked for it. */
  readonly layer: string;
  /** Shape of the result; `[]` for a sync. */
  readonly shape: readonly number[];
  /** Where it writes: `arena+128`, `variable dense/kernel`. */
  readonly writes: string;
  /** Where it reads, in the same form, in the order of its operands. */
  readonly reads: readonly string[];
  /** About how many arithmetic operations, additions and multiplications counted apart; 0 where it only moves data. */
  readonly flops: number;
  /** Bytes read and written, each operand once. */
  readonly bytes: number;
  /** Whether it runs only when weights have changed since the last time. */
  readonly prepares: boolean;
  /** Pieces that threads claim of what follows a sync; missing where one thread does all. */
  readonly chunks?: number;
  /** Only when profiled. */
  readonly microseconds?: number;
}

/** A program in words. `toString()` gives the table. */
export interface Explanation {
  /** All instructions in the order in which they run; those that prepare weights first. */
  readonly instructions: readonly ExplainedInstruction[];
  /** Bytes of arena as planned. */
  readonly plannedBytes: number;
  /** Bytes of its buffers that are needed at once, where they are most: the least that any plan could take. */
  readonly liveBytes: number;
  /** Bytes that its buffers would take side by side. */
  readonly totalBytes: number;
  /** Bytes of the variables that are read or changed: weights, optimizer slots, counters. */
  readonly variableBytes: number;
  /** Bytes of what is computed once from the weights, and again when they have changed. */
  readonly preparedBytes: number;
  /** The table: a line for each instruction, then the bytes. */
  toString(): string;
}

/**
 * @param preparation what runs before `code` when weights have changed.
 * @param microseconds measured time of each instruction, by index.
 */
export function explainProgram(
  code: Code,
  preparation: Code | undefined,
  microseconds?: readonly number[],
): Explanation {
  const instructions: ExplainedInstruction[] = [];
  for (const part of preparation === undefined ? [code] : [preparation, code]) {
    const prepares = part === preparation;
    let phase = 0;
    for (const instruction of part.listing) {
      const index = instructions.length;
      instructions.push(
        instruction === undefined
          ? sync(index, prepares, part.phases[phase++]?.chunks ?? 1)
          : explained(part, instruction, index, prepares, microseconds?.[index]),
      );
    }
  }
  const { arenaBytes: plannedBytes, liveBytes, totalBytes, preparedBytes } = code.plan;
  const variableBytes = bytesOfVariables(code);
  const explanation = { instructions, plannedBytes, liveBytes, totalBytes, preparedBytes, variableBytes };
  return { ...explanation, toString: () => text(explanation) };
}

/** Bytes of all variables, each byte once though several of them may lie over it. */
function bytesOfVariables({ buffers }: Code): number {
  const ranges = [...new Set(buffers.values())]
    .flatMap(({ place }) => (place.kind === "variable" ? [place.variable] : []))
    .map(({ storage: { block, offset }, bytes }) => ({
      begin: block.address + offset,
      end: block.address + offset + bytes,
    }))
    .sort((a, b) => a.begin - b.begin);
  let [total, covered] = [0, 0];
  for (const { begin, end } of ranges) {
    total += Math.max(0, end - Math.max(begin, covered));
    covered = Math.max(covered, end);
  }
  return total;
}

function sync(index: number, prepares: boolean, chunks: number): ExplainedInstruction {
  const nothing = { layer: "", shape: [], writes: "", reads: [], flops: 0, bytes: 0 };
  return { index, op: "sync", ...nothing, prepares, ...(chunks > 1 ? { chunks } : {}) };
}

function explained(
  code: Code,
  instruction: ScheduledInstruction,
  index: number,
  prepares: boolean,
  microseconds: number | undefined,
): ExplainedInstruction {
  const addresses = addressesIn(Object.values(instruction.operands));
  const place = (address: (typeof addresses)[number]): string => {
    const buffer = code.buffers.get(address.tensor);
    if (buffer === undefined) return "?";
    if (buffer.place.kind === "arena" || buffer.place.kind === "input")
      return `arena+${(code.plan.offsets.get(buffer) ?? 0) + address.offset}`;
    if (buffer.place.kind === "prepared") return `prepared+${code.plan.offsets.get(buffer) ?? 0}`;
    if (buffer.place.kind === "variable") return buffer.place.variable.name;
    return buffer.place.kind === "constant" ? "constant" : buffer.place.name;
  };
  const written = addresses.filter((address) => address.access !== "read");
  return {
    index,
    op: instruction.name,
    layer: instruction.node.scope,
    shape: (written[0]?.tensor ?? instruction.node).shape,
    writes: written.map(place).join(", "),
    reads: addresses.filter((address) => address.access !== "write").map(place),
    prepares,
    flops: instruction.flops,
    bytes: addresses.reduce((sum, { tensor }) => sum + tensor.size * elementBytes[tensor.dtype], 0),
    ...(microseconds === undefined ? {} : { microseconds }),
  };
}

function text({ instructions, ...bytes }: Omit<Explanation, "toString">): string {
  const profiled = instructions.some((each) => each.microseconds !== undefined);
  const header = [
    "#",
    "op",
    "shape",
    "writes",
    "reads",
    "kflop",
    "KiB",
    ...(profiled ? ["µs", "GFLOP/s", "GB/s"] : []),
    "layer",
  ];
  const rows = instructions.map((each) => [
    String(each.index),
    each.op,
    each.op === "sync" ? (each.chunks === undefined ? "" : `${each.chunks} chunks`) : `[${each.shape.join(", ")}]`,
    each.writes,
    each.reads.join(" "),
    each.flops === 0 ? "" : (each.flops / 1e3).toFixed(1),
    each.bytes === 0 ? "" : (each.bytes / 1024).toFixed(1),
    ...(profiled ? timing(each) : []),
    each.layer,
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const summary = [
    `arena ${formatBytes(bytes.plannedBytes)} (needed at once ${formatBytes(bytes.liveBytes)}, side by side ${formatBytes(bytes.totalBytes)})`,
    `variables ${formatBytes(bytes.variableBytes)}`,
    ...(bytes.preparedBytes === 0 ? [] : [`prepared ${formatBytes(bytes.preparedBytes)}`]),
  ].join(", ");
  const prepared = instructions.filter(({ prepares }) => prepares).length;
  if (prepared === 0) return [line(header), ...rows.map(line), summary].join("\n");
  return [
    line(header),
    ...rows.slice(0, prepared).map(line),
    "-- the above only when weights have changed, the rest at every run --",
    ...rows.slice(prepared).map(line),
    summary,
  ].join("\n");
}

function timing({ microseconds, flops, bytes }: ExplainedInstruction): string[] {
  if (microseconds === undefined || microseconds === 0) return ["", "", ""];
  return [microseconds.toFixed(2), (flops / microseconds / 1e3).toFixed(1), (bytes / microseconds / 1e3).toFixed(1)];
}
