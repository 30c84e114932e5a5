// How does a program run? Fetch an instruction, call its kernel, go on.

import {
  FAULT_NONE,
  ACCUMULATE,
  ADAM,
  COPY,
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRADIENT,
  CUSTOM,
  GATHER,
  GATHER_BATCH,
  MAP,
  MATMUL,
  REDUCE,
  RMSPROP,
  SCATTER_ADD,
  SGD,
  SOFTMAX,
  SYNC,
} from "./opcodes";
import { INSTRUCTION_BYTES, Instruction } from "./instruction";
import { accumulate } from "./kernels/accumulate";
import { copy } from "./kernels/copy";
import { crossEntropy, crossEntropyGradient } from "./kernels/crossEntropy";
import { custom } from "./kernels/custom";
import { gather, gatherBatch, scatterAdd } from "./kernels/gather";
import { map } from "./kernels/map";
import { matMul } from "./kernels/matMul";
import { adam, rmsProp, sgd } from "./kernels/optimize";
import { reduce } from "./kernels/reduce";
import { softmax } from "./kernels/softmax";
import { faultRecord } from "./memory";

/** Does units [begin, end) of one instruction. */
function execute(instruction: usize, begin: u32, end: u32): void {
  switch (changetype<Instruction>(instruction).opcode) {
    // All threads wait here; one thread has nothing to wait for.
    case SYNC:
      break;
    case MAP:
      map(instruction, begin, end);
      break;
    case MATMUL:
      matMul(instruction, begin, end);
      break;
    case REDUCE:
      reduce(instruction, begin, end);
      break;
    case COPY:
      copy(instruction, begin, end);
      break;
    case GATHER:
      gather(instruction, begin, end);
      break;
    case SCATTER_ADD:
      scatterAdd(instruction, begin, end);
      break;
    case GATHER_BATCH:
      gatherBatch(instruction, begin, end);
      break;
    case SOFTMAX:
      softmax(instruction, begin, end);
      break;
    case CROSS_ENTROPY:
      crossEntropy(instruction, begin, end);
      break;
    case CROSS_ENTROPY_GRADIENT:
      crossEntropyGradient(instruction, begin, end);
      break;
    case ACCUMULATE:
      accumulate(instruction, begin, end);
      break;
    case SGD:
      sgd(instruction, begin, end);
      break;
    case ADAM:
      adam(instruction, begin, end);
      break;
    case RMSPROP:
      rmsProp(instruction, begin, end);
      break;
    case CUSTOM:
      custom(instruction, begin, end);
      break;
  }
}

/**
 * Runs `count` instructions from `program`, `repeats` times over. Stops after an instruction that records a fault.
 * @returns 0, or 1 after a fault.
 */
export function run(program: usize, count: u32, repeats: u32): i32 {
  const end = program + count * INSTRUCTION_BYTES;
  for (let repeat: u32 = 0; repeat < repeats; ++repeat) {
    for (let instruction = program; instruction < end; instruction += INSTRUCTION_BYTES) {
      execute(instruction, 0, changetype<Instruction>(instruction).units);
      if (load<i32>(faultRecord) != FAULT_NONE) return stopped(program, instruction);
    }
  }
  return 0;
}

/**
 * The same, every instruction cut into the chunks that `threads` threads would claim, in another order than one thread
 * would take: shows that results do not depend on the cut.
 */
export function runCut(program: usize, count: u32, repeats: u32, threads: u32): i32 {
  const end = program + count * INSTRUCTION_BYTES;
  for (let repeat: u32 = 0; repeat < repeats; ++repeat) {
    for (let instruction = program; instruction < end; instruction += INSTRUCTION_BYTES) {
      const header = changetype<Instruction>(instruction);
      const units = header.units;
      const grain = header.grain;
      for (let thread: u32 = threads; thread > 0 && units > 0; --thread) {
        for (let begin: u32 = (thread - 1) * grain; begin < units; begin += threads * grain) {
          execute(instruction, begin, min(units, begin + grain));
        }
      }
      if (load<i32>(faultRecord) != FAULT_NONE) return stopped(program, instruction);
    }
  }
  return 0;
}

function stopped(program: usize, instruction: usize): i32 {
  store<u32>(faultRecord, <u32>((instruction - program) / INSTRUCTION_BYTES), 4);
  return 1;
}
