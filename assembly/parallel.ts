// How do several threads run one program?
//
// All of them go through the same phases. A phase is cut into chunks; a thread claims one, does it, claims the next. Who
// finishes the last chunk of a phase opens the next one, and does phases of a single chunk on the way by itself. So
// nobody waits for a thread, only for work: one that sleeps, or has not started yet, or was sent to the end of the
// queue by its operating system holds nobody up unless it has a chunk in its hands.
//
//   byte   0      4         8                     16         20      24     28    32   36       40       44       48      52
//          front  sleepers  claim                 remaining  chunks  begin  next  end  program  repeats  running  broken  looks
//                           claimed from below u16, from above u16, phase i32
//
// Every other thread claims from above, so that mostly the same thread does the same chunks of a phase each time: what it
// wrote then it still has in its own cache.
//
// `front` is the number of the open phase: it grows by one with each, and threads sleep on it. All of it is one cache
// line: a thread that sees the front change then has the rest as well, where words with lines of their own cost one
// transfer between processors each (a phase of two chunks of 7 µs took 12 µs with five lines, 8 with one).

import { INSTRUCTION_BYTES, Instruction } from "./instruction";
import { enter, fault, faulted } from "./fault";
import { running } from "./kernels/custom";
import { execute, runPhase } from "./machine";
import { maySleep, meeting } from "./memory";
import { FAULT_TRAP, SYNC } from "./opcodes";

const SLEEPERS: usize = 4;
const CLAIM: usize = 8;
const REMAINING: usize = 16;
const RUN: usize = 20;
/** How often a thread looks at the front before it goes to sleep; JavaScript sets it. */
const LOOKS: usize = 52;

/** What the open phase and the run are; written only while no thread has a chunk. */
@unmanaged
class Run {
  chunks: u32;
  /** First instruction of the open phase. */
  begin: usize;
  /** The SYNC after the open phase, or `end`. */
  next: usize;
  end: usize;
  program: usize;
  repeats: u32;
  /** Not 0 while a program runs. */
  running: u32;
  /** Not 0 after a thread has failed in the middle of a chunk: the run cannot end. */
  broken: u32;
}
/** The claim while no phase is open: no front has this number. */
const NO_PHASE: u64 = 0xffff_ffff_ffff_ffff;

/** SYNC opens a phase; it says what follows. */
@unmanaged
class Sync extends Instruction {
  /** Instructions up to the next SYNC. */
  instructions: u32;
  /** Chunks that they are cut into; 1 where one thread should do all. */
  chunks: u32;
}

/** How long one sleep lasts at the most, in nanoseconds. */
const NAP: i64 = 500_000_000;
/** Sleeps without any progress after which a run is given up: two minutes. */
const PATIENCE: u32 = 240;
/** Looks at the front that stand for a nap where sleeping is not allowed. */
const WAKEFUL_NAP: u32 = 500_000_000;

/** What {@link runShared} returns. */
const FINISHED: i32 = 0;
const FAULTED: i32 = 1;
const BROKEN: i32 = 2;

/**
 * Runs `count` instructions from `program`, `repeats` times over, together with the threads that are in {@link work}.
 * @returns 0; 1 after a fault; 2 when another thread failed or stopped moving: nothing can be said of the results then.
 */
export function runShared(program: usize, count: u32, repeats: u32): i32 {
  const run = changetype<Run>(meeting + RUN);
  run.program = program;
  run.end = program + count * INSTRUCTION_BYTES;
  run.next = program;
  run.repeats = repeats;
  atomic.store<u32>(meeting + RUN, 1, offsetof<Run>("running"));
  advance();
  let naps: u32 = 0;
  let progress: u64 = 0;
  while (true) {
    const front = atomic.load<i32>(meeting);
    if (atomic.load<u32>(meeting + RUN, offsetof<Run>("running")) == 0) break;
    if (atomic.load<u32>(meeting + RUN, offsetof<Run>("broken")) != 0) break;
    share(front, false);
    if (linger(front)) continue;
    const now = atomic.load<u64>(meeting + CLAIM) ^ <u64>atomic.load<u32>(meeting + REMAINING);
    naps = now == progress ? naps + 1 : 0;
    progress = now;
    if (naps == PATIENCE) {
      atomic.store<u32>(meeting + RUN, 1, offsetof<Run>("broken"));
      break;
    }
  }
  if (atomic.load<u32>(meeting + RUN, offsetof<Run>("broken")) != 0) {
    atomic.store<u64>(meeting + CLAIM, NO_PHASE);
    return BROKEN;
  }
  return faulted() ? FAULTED : FINISHED;
}

/** Takes part in all runs until {@link dismiss}. @param above which end of a phase this thread claims chunks from. */
export function work(above: bool): void {
  while (true) {
    const front = atomic.load<i32>(meeting);
    if (front < 0) return;
    if (atomic.load<u32>(meeting + RUN, offsetof<Run>("running")) != 0) share(front, above);
    linger(front);
  }
}

/** Sends all threads home that are in {@link work}: the front becomes negative. */
export function dismiss(): void {
  atomic.store<i32>(meeting, i32.MIN_VALUE);
  atomic.notify(meeting, -1);
}

/** Makes the meeting block fit for {@link work}, while no thread is there: none has ever come, or all have gone home. */
export function assemble(looks: u32): void {
  memory.fill(meeting, 0, 64);
  store<u32>(meeting, looks, LOOKS);
}

/** Reports that this thread has failed and will not come back. */
export function abandon(): void {
  if (running != 0) fault(FAULT_TRAP, 0, 0);
  atomic.store<u32>(meeting + RUN, 1, offsetof<Run>("broken"));
  atomic.add<i32>(meeting, 1);
  atomic.notify(meeting, -1);
}

/** Does chunks of phase number `front` until there are none left, or another phase is open. */
function share(front: i32, above: bool): void {
  const run = changetype<Run>(meeting + RUN);
  const claim = meeting + CLAIM;
  while (true) {
    let done: i32 = 0;
    let instruction: usize = 0;
    let units: u32 = 0;
    let grain: u32 = 1;
    /** The chunks [first, last) of the phase are those of `instruction`. */
    let first: u32 = 0;
    let last: u32 = 0;
    while (true) {
      const seen = atomic.load<u64>(claim);
      if (<i32>(seen >> 32) != front) break;
      const below = <u32>seen & 0xffff;
      const taken = (<u32>seen >>> 16) + below;
      const begin = run.begin;
      const chunks = run.chunks;
      if (taken >= chunks) break;
      // What was read of the run belongs to this phase if its number still stands here: see open().
      if (atomic.cmpxchg<u64>(claim, seen, seen + (above ? 0x1_0000 : 1)) != seen) continue;
      const chunk = above ? chunks - 1 - (taken - below) : below;
      if (instruction == 0) instruction = begin - INSTRUCTION_BYTES;
      if (chunk < first) {
        instruction = begin - INSTRUCTION_BYTES;
        last = 0;
      }
      while (chunk >= last) {
        instruction += INSTRUCTION_BYTES;
        units = changetype<Instruction>(instruction).units;
        grain = changetype<Instruction>(instruction).grain;
        first = last;
        last += (units + grain - 1) / grain;
        enter(instruction);
      }
      const start = (chunk - first) * grain;
      execute(instruction, start, min(units, start + grain));
      ++done;
    }
    if (done == 0 || atomic.sub<i32>(meeting + REMAINING, done) != done) return;
    advance();
    front = atomic.load<i32>(meeting);
    if (atomic.load<u32>(meeting + RUN, offsetof<Run>("running")) == 0) return;
  }
}

/** Goes on after a finished phase: does phases of one chunk, opens the next of several, or ends the run. */
function advance(): void {
  const run = changetype<Run>(meeting + RUN);
  const end = run.end;
  let next = run.next;
  while (true) {
    if (faulted() || atomic.load<u32>(meeting + RUN, offsetof<Run>("broken")) != 0) break;
    if (next == end) {
      if (--run.repeats == 0) break;
      next = run.program;
    }
    const sync = changetype<Sync>(next);
    const begin = next + INSTRUCTION_BYTES;
    next = begin + sync.instructions * INSTRUCTION_BYTES;
    if (sync.chunks > 1) {
      open(begin, next, sync.chunks);
      return;
    }
    runPhase(begin, next);
  }
  atomic.store<u64>(meeting + CLAIM, NO_PHASE);
  atomic.store<u32>(meeting + RUN, 0, offsetof<Run>("running"));
  atomic.store<i32>(meeting, following(atomic.load<i32>(meeting)));
  if (atomic.load<i32>(meeting + SLEEPERS) > 0) atomic.notify(meeting, -1);
}

/** The number after `front`; never negative. */
function following(front: i32): i32 {
  return (front + 1) & i32.MAX_VALUE;
}

/**
 * Opens the phase [begin, next). The claim gets the new number before the run is described, with no chunk left, and again
 * afterwards with all of them: whoever reads the description of one phase cannot claim a chunk of another.
 */
function open(begin: usize, next: usize, chunks: u32): void {
  const run = changetype<Run>(meeting + RUN);
  const front = following(atomic.load<i32>(meeting));
  const number = (<u64>front) << 32;
  atomic.store<u64>(meeting + CLAIM, number | 0xffff_ffff);
  run.begin = begin;
  run.next = next;
  run.chunks = chunks;
  atomic.store<i32>(meeting + REMAINING, chunks);
  atomic.store<u64>(meeting + CLAIM, number);
  atomic.store<i32>(meeting, front);
  if (atomic.load<i32>(meeting + SLEEPERS) > 0) atomic.notify(meeting, chunks - 1);
}

/** Waits until the front is another than `front`: looks for a while, then sleeps. False when it has not changed. */
function linger(front: i32): bool {
  const looks = maySleep ? load<u32>(meeting, LOOKS) : WAKEFUL_NAP;
  for (let look: u32 = 0; look < looks; ++look) if (atomic.load<i32>(meeting) != front) return true;
  if (!maySleep) return false;
  atomic.add<i32>(meeting + SLEEPERS, 1);
  const changed = call_indirect<i32>(load<u32>(changetype<usize>(park)), meeting, front) != 2;
  atomic.sub<i32>(meeting + SLEEPERS, 1);
  return changed;
}

/**
 * Sleeps until the word at `address` is notified, unless it is not `value` any more. In a function of its own, and called
 * through the table so that it stays one: inlined into a loop, the first tier of Node 20 did not wake up (5 of 5).
 */
function park(address: usize, value: i32): i32 {
  return atomic.wait<i32>(address, value, NAP);
}
