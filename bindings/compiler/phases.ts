// Which phases of a program are shared out among threads?

import { elementBytes } from "../tensor.ts";
import { addressesIn } from "./instruction.ts";
import type { Schedule, ScheduledInstruction } from "./schedule.ts";

/** The instructions between two SYNCs. */
export interface Phase {
  readonly instructions: readonly ScheduledInstruction[];
  /** Pieces that threads claim; 1 where one thread is faster alone. */
  readonly chunks: number;
}

/** What one thread computes and moves in a microsecond: 30 GFLOP/s, 10 GB/s. */
const flopsPerMicrosecond = 30_000;
const bytesPerMicrosecond = 10_000;
/** Work, in microseconds, that pays for telling others of it. */
const sharingPays = 4;
/** Most chunks of a phase: assembly/parallel.ts counts them in 16 bits. */
const mostChunks = 65_535;

/** The phases of a schedule, in order. */
export function phasesOf({ instructions, phases }: Schedule): Phase[] {
  const groups = Array.from({ length: phases }, (): ScheduledInstruction[] => []);
  for (const instruction of instructions) groups[instruction.phase]?.push(instruction);
  return groups.filter((group) => group.length > 0).map(phaseOf);
}

function phaseOf(group: readonly ScheduledInstruction[]): Phase {
  const work = group.reduce((sum, instruction) => sum + microseconds(instruction), 0);
  if (work < sharingPays) return { instructions: group, chunks: 1 };
  for (let factor = 1; ; factor *= 2) {
    const instructions = factor === 1 ? group : group.map((each) => ({ ...each, grain: each.grain * factor }));
    const chunks = instructions.reduce((sum, { units, grain }) => sum + Math.ceil(units / grain), 0);
    if (chunks <= mostChunks) return { instructions, chunks };
  }
}

/** About how long one thread takes. */
function microseconds({ flops, operands }: ScheduledInstruction): number {
  const bytes = addressesIn(Object.values(operands)).reduce(
    (sum, { tensor }) => sum + tensor.size * elementBytes[tensor.dtype],
    0,
  );
  return Math.max(flops / flopsPerMicrosecond, bytes / bytesPerMicrosecond);
}
