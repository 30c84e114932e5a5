// Where in the arena does each buffer go?

import { addressesIn } from "./instruction.ts";
import type { Buffer, Schedule } from "./schedule.ts";

/** The phases in which a buffer holds something that is still needed. */
export interface Lifetime {
  readonly buffer: Buffer;
  readonly first: number;
  readonly last: number;
}

/** Where the buffers of a program lie, and how much memory they take. */
export interface Plan {
  /** Byte offset of every buffer that lives in the arena, or in the block for what is prepared. */
  readonly offsets: ReadonlyMap<Buffer, number>;
  /** Bytes of arena that a run takes. */
  readonly arenaBytes: number;
  /** Bytes that all these buffers would take side by side. */
  readonly totalBytes: number;
  /** Bytes of those that are needed at once, where they are most: no plan takes less for this order of instructions. */
  readonly liveBytes: number;
  /** Bytes of the block for what is prepared; the offsets of its buffers are in it. */
  readonly preparedBytes: number;
}

/** Every buffer starts at a multiple of this: a cache line, four vectors. */
export const alignment = 64;

/**
 * Offsets such that two buffers share bytes only if a SYNC lies between the last use of one and the first of the other.
 * Largest first, each at the lowest free place (greedy by size: Pisarchyk & Lee, 2020).
 * @param reuse false puts all buffers side by side.
 */
export function plan(schedule: Schedule, reuse = true): Plan {
  const lifetimes = lifetimesOf(schedule).sort((a, b) => b.buffer.bytes - a.buffer.bytes || a.buffer.id - b.buffer.id);
  const offsets = new Map<Buffer, number>();
  const placed = new Placed(lifetimes.length);
  let arenaBytes = 0;
  for (const { buffer, first, last } of lifetimes) {
    const bytes = aligned(buffer.bytes);
    const offset = placed.lowest(bytes, reuse ? first : 0, reuse ? last : schedule.phases);
    placed.add(offset, bytes, first, last);
    offsets.set(buffer, offset);
    arenaBytes = Math.max(arenaBytes, offset + bytes);
  }
  let preparedBytes = 0;
  for (const buffer of new Set(schedule.buffers.values())) {
    if (buffer.place.kind !== "prepared") continue;
    offsets.set(buffer, preparedBytes);
    preparedBytes += aligned(buffer.bytes);
  }
  const totalBytes = lifetimes.reduce((sum, { buffer }) => sum + aligned(buffer.bytes), 0);
  return { offsets, arenaBytes, preparedBytes, totalBytes, liveBytes: mostAtOnce(lifetimes) };
}

/** The buffers that have their place, by offset, in columns: every new one is compared with all before it. */
class Placed {
  private readonly begins: Float64Array;
  private readonly ends: Float64Array;
  private readonly firsts: Int32Array;
  private readonly lasts: Int32Array;
  private count = 0;

  constructor(most: number) {
    [this.begins, this.ends] = [new Float64Array(most), new Float64Array(most)];
    [this.firsts, this.lasts] = [new Int32Array(most), new Int32Array(most)];
  }

  /** The lowest offset of free bytes in the phases from `first` to `last`. */
  lowest(bytes: number, first: number, last: number): number {
    const { begins, ends, firsts, lasts, count } = this;
    let offset = 0;
    for (let at = 0; at < count && (begins[at] as number) < offset + bytes; at++)
      if ((firsts[at] as number) <= last && first <= (lasts[at] as number))
        offset = Math.max(offset, ends[at] as number);
    return offset;
  }

  add(offset: number, bytes: number, first: number, last: number): void {
    let at = this.count++;
    while (at > 0 && (this.begins[at - 1] as number) > offset) at--;
    const columns = [this.begins, this.ends, this.firsts, this.lasts] as const;
    for (const [index, column] of columns.entries()) {
      column.copyWithin(at + 1, at, this.count - 1);
      column[at] = [offset, offset + bytes, first, last][index] as number;
    }
  }
}

/** Bytes of the buffers that are needed in one phase, at most. */
function mostAtOnce(lifetimes: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const change = (phase: number, bytes: number): void => {
    changes.set(phase, (changes.get(phase) ?? 0) + bytes);
  };
  for (const { buffer, first, last } of lifetimes) {
    change(first, aligned(buffer.bytes));
    change(last + 1, -aligned(buffer.bytes));
  }
  let [now, most] = [0, 0];
  for (const phase of [...changes.keys()].sort((a, b) => a - b)) {
    now += changes.get(phase) as number;
    most = Math.max(most, now);
  }
  return most;
}

/** From when to when each buffer of the arena is needed. Inputs stay, as a run may repeat; so do outputs. */
export function lifetimesOf(schedule: Schedule): Lifetime[] {
  const spans = new Map<Buffer, { first: number; last: number }>();
  const extend = (buffer: Buffer | undefined, phase: number): void => {
    if (buffer === undefined || (buffer.place.kind !== "arena" && buffer.place.kind !== "input")) return;
    const span = spans.get(buffer);
    if (span === undefined) spans.set(buffer, { first: buffer.place.kind === "input" ? 0 : phase, last: phase });
    else span.last = Math.max(span.last, phase);
  };
  for (const instruction of schedule.instructions)
    for (const address of addressesIn(Object.values(instruction.operands)))
      extend(schedule.buffers.get(address.tensor), instruction.phase);
  for (const buffer of schedule.buffers.values()) if (buffer.place.kind === "input") extend(buffer, schedule.phases);
  for (const output of schedule.outputs) extend(output, schedule.phases);
  return [...spans].map(([buffer, span]) => ({ buffer, ...span }));
}

function aligned(bytes: number): number {
  return Math.ceil(Math.max(bytes, 1) / alignment) * alignment;
}
