// What does a program do? One line an instruction, for people.

import { formatBytes } from "../errors.ts";
import { elementBytes } from "../tensor.ts";
import type { Code } from "./emit.ts";
import { addressesIn } from "./instruction.ts";
import type { ScheduledInstruction } from "./schedule.ts";

/** One instruction as `explain` shows it. */
export interface ExplainedInstruction {
  readonly index: number;
  readonly op: string;
  /** Path of the layer that asked for it. */
  readonly layer: string;
  readonly shape: readonly number[];
  /** Where it writes: `arena+128`, `variable dense/kernel`. */
  readonly writes: string;
  readonly reads: readonly string[];
  readonly flops: number;
  /** Bytes read and written, each operand once. */
  readonly bytes: number;
  /** Pieces that threads claim of what follows a sync; missing where one thread does all. */
  readonly chunks?: number;
  /** Only when profiled. */
  readonly microseconds?: number;
}

/** A program in words. `toString()` gives the table. */
export interface Explanation {
  readonly instructions: readonly ExplainedInstruction[];
  /** Bytes of arena as planned, and what all its buffers would take side by side. */
  readonly plannedBytes: number;
  readonly totalBytes: number;
  toString(): string;
}

/** @param microseconds measured time of each instruction, by index. */
export function explainProgram(code: Code, microseconds?: readonly number[]): Explanation {
  let phase = 0;
  const instructions = code.listing.map((instruction, index) =>
    instruction === undefined
      ? sync(index, code.phases[phase++]?.chunks ?? 1)
      : explained(code, instruction, index, microseconds?.[index]),
  );
  const { arenaBytes: plannedBytes, totalBytes } = code.plan;
  return { instructions, plannedBytes, totalBytes, toString: () => text(instructions, plannedBytes, totalBytes) };
}

function sync(index: number, chunks: number): ExplainedInstruction {
  const nothing = { layer: "", shape: [], writes: "", reads: [], flops: 0, bytes: 0 };
  return { index, op: "sync", ...nothing, ...(chunks > 1 ? { chunks } : {}) };
}

function explained(
  code: Code,
  instruction: ScheduledInstruction,
  index: number,
  microseconds: number | undefined,
): ExplainedInstruction {
  const addresses = addressesIn(Object.values(instruction.operands));
  const place = (address: (typeof addresses)[number]): string => {
    const buffer = code.buffers.get(address.tensor);
    if (buffer === undefined) return "?";
    if (buffer.place.kind === "arena" || buffer.place.kind === "input")
      return `arena+${(code.plan.offsets.get(buffer) ?? 0) + address.offset}`;
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
    flops: instruction.flops,
    bytes: addresses.reduce((sum, { tensor }) => sum + tensor.size * elementBytes[tensor.dtype], 0),
    ...(microseconds === undefined ? {} : { microseconds }),
  };
}

function text(instructions: readonly ExplainedInstruction[], plannedBytes: number, totalBytes: number): string {
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
  const summary = `arena ${formatBytes(plannedBytes)}, its buffers side by side ${formatBytes(totalBytes)}`;
  return [line(header), ...rows.map(line), summary].join("\n");
}

function timing({ microseconds, flops, bytes }: ExplainedInstruction): string[] {
  if (microseconds === undefined || microseconds === 0) return ["", "", ""];
  return [microseconds.toFixed(2), (flops / microseconds / 1e3).toFixed(1), (bytes / microseconds / 1e3).toFixed(1)];
}
