// How does a program run? Fetch an instruction, call its kernel, go on.

import {
  ACCUMULATE,
  ADAM,
  AFFINE_SAMPLE,
  AFFINE_SAMPLE_GRADIENT,
  ARG_SORT,
  BATCH_MOMENTS,
  BATCH_NORMALIZATION,
  BATCH_NORMALIZATION_GRADIENT,
  BATCH_NORMALIZATION_SUMS,
  CONV,
  CONV_KERNEL_GRADIENT,
  CONV_WINOGRAD,
  CONV_WINOGRAD_GRADIENT,
  COPY,
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRADIENT,
  CTC,
  CTC_GRADIENT,
  CUSTOM,
  FACTOR,
  GATHER,
  GATHER_BATCH,
  MAP,
  MATMUL,
  MERGE_MOMENTS,
  POOL,
  POOL_GRADIENT,
  REDUCE,
  RMSPROP,
  SCATTER_ADD,
  SGD,
  SOFTMAX,
  SUBSTITUTE,
  SVD,
  SYNC,
} from "./opcodes";
import { enter, faulted } from "./fault";
import { INSTRUCTION_BYTES, Instruction } from "./instruction";
import { accumulate } from "./kernels/accumulate";
import { affineSample, affineSampleGradient } from "./kernels/affineSample";
import { batchMoments, mergeMoments } from "./kernels/batchMoments";
import { batchNormalization, batchNormalizationGradient, batchNormalizationSums } from "./kernels/batchNormalization";
import { conv, convKernelGradient } from "./kernels/conv";
import { convWinograd, convWinogradGradient } from "./kernels/convWinograd";
import { copy } from "./kernels/copy";
import { crossEntropy, crossEntropyGradient } from "./kernels/crossEntropy";
import { ctc, ctcGradient } from "./kernels/ctc";
import { custom } from "./kernels/custom";
import { factor, substitute } from "./kernels/factor";
import { gather, gatherBatch, scatterAdd } from "./kernels/gather";
import { map } from "./kernels/map";
import { matMul } from "./kernels/matMul";
import { adam, rmsProp, sgd } from "./kernels/optimize";
import { pool, poolGradient } from "./kernels/pool";
import { reduce } from "./kernels/reduce";
import { softmax } from "./kernels/softmax";
import { argSort } from "./kernels/sort";
import { svd } from "./kernels/svd";

/**
 * Does units [begin, end) of one instruction. TRAINS is a constant of the build (asconfig.json): the machine that only
 * predicts, half as large, has no kernels for the rest.
 */
export function execute(instruction: usize, begin: u32, end: u32): void {
  switch (changetype<Instruction>(instruction).opcode) {
    // Between phases, which parallel.ts takes care of.
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
      if (TRAINS) scatterAdd(instruction, begin, end);
      else unreachable();
      break;
    case GATHER_BATCH:
      if (TRAINS) gatherBatch(instruction, begin, end);
      else unreachable();
      break;
    case SOFTMAX:
      softmax(instruction, begin, end);
      break;
    case CROSS_ENTROPY:
      if (TRAINS) crossEntropy(instruction, begin, end);
      else unreachable();
      break;
    case CROSS_ENTROPY_GRADIENT:
      if (TRAINS) crossEntropyGradient(instruction, begin, end);
      else unreachable();
      break;
    case CTC:
      if (TRAINS) ctc(instruction, begin, end);
      else unreachable();
      break;
    case CTC_GRADIENT:
      if (TRAINS) ctcGradient(instruction, begin, end);
      else unreachable();
      break;
    case ACCUMULATE:
      if (TRAINS) accumulate(instruction, begin, end);
      else unreachable();
      break;
    case ARG_SORT:
      argSort(instruction, begin, end);
      break;
    case FACTOR:
      if (TRAINS) factor(instruction, begin, end);
      else unreachable();
      break;
    case SUBSTITUTE:
      if (TRAINS) substitute(instruction, begin, end);
      else unreachable();
      break;
    case SVD:
      if (TRAINS) svd(instruction, begin, end);
      else unreachable();
      break;
    case SGD:
      if (TRAINS) sgd(instruction, begin, end);
      else unreachable();
      break;
    case ADAM:
      if (TRAINS) adam(instruction, begin, end);
      else unreachable();
      break;
    case RMSPROP:
      if (TRAINS) rmsProp(instruction, begin, end);
      else unreachable();
      break;
    case POOL:
      pool(instruction, begin, end);
      break;
    case POOL_GRADIENT:
      if (TRAINS) poolGradient(instruction, begin, end);
      else unreachable();
      break;
    case CONV:
      conv(instruction, begin, end);
      break;
    case CONV_KERNEL_GRADIENT:
      if (TRAINS) convKernelGradient(instruction, begin, end);
      else unreachable();
      break;
    case CONV_WINOGRAD:
      if (TRAINS) convWinograd(instruction, begin, end);
      else unreachable();
      break;
    case CONV_WINOGRAD_GRADIENT:
      if (TRAINS) convWinogradGradient(instruction, begin, end);
      else unreachable();
      break;
    case BATCH_MOMENTS:
      if (TRAINS) batchMoments(instruction, begin, end);
      else unreachable();
      break;
    case MERGE_MOMENTS:
      if (TRAINS) mergeMoments(instruction, begin, end);
      else unreachable();
      break;
    case BATCH_NORMALIZATION:
      if (TRAINS) batchNormalization(instruction, begin, end);
      else unreachable();
      break;
    case BATCH_NORMALIZATION_SUMS:
      if (TRAINS) batchNormalizationSums(instruction, begin, end);
      else unreachable();
      break;
    case BATCH_NORMALIZATION_GRADIENT:
      if (TRAINS) batchNormalizationGradient(instruction, begin, end);
      else unreachable();
      break;
    case AFFINE_SAMPLE:
      if (TRAINS) affineSample(instruction, begin, end);
      else unreachable();
      break;
    case AFFINE_SAMPLE_GRADIENT:
      if (TRAINS) affineSampleGradient(instruction, begin, end);
      else unreachable();
      break;
    case CUSTOM:
      if (TRAINS) custom(instruction, begin, end);
      else unreachable();
      break;
  }
}

/** Does the instructions [begin, end) whole, one after the other. What has no units touches nothing. */
export function runPhase(begin: usize, end: usize): void {
  for (let instruction = begin; instruction < end; instruction += INSTRUCTION_BYTES) {
    const units = changetype<Instruction>(instruction).units;
    enter(instruction);
    if (units > 0) execute(instruction, 0, units);
  }
}

/**
 * Runs `count` instructions from `program`, `repeats` times over, in this thread alone. Stops after a phase in which a
 * fault was recorded.
 * @returns 0, or 1 after a fault.
 */
export function run(program: usize, count: u32, repeats: u32): i32 {
  const end = program + count * INSTRUCTION_BYTES;
  for (let repeat: u32 = 0; repeat < repeats; ++repeat) {
    let begin = program;
    while (begin < end) {
      const next = endOfPhase(begin, end);
      runPhase(begin, next);
      if (faulted()) return 1;
      begin = next;
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
    let begin = program;
    while (begin < end) {
      const next = endOfPhase(begin, end);
      for (let instruction = begin; instruction < next; instruction += INSTRUCTION_BYTES) {
        enter(instruction);
        const units = changetype<Instruction>(instruction).units;
        const grain = changetype<Instruction>(instruction).grain;
        for (let thread: u32 = threads; thread > 0 && units > 0; --thread) {
          for (let start: u32 = (thread - 1) * grain; start < units; start += threads * grain) {
            execute(instruction, start, min(units, start + grain));
          }
        }
      }
      if (faulted()) return 1;
      begin = next;
    }
  }
  return 0;
}

/** Address of the first SYNC behind `begin`, or `end`. */
function endOfPhase(begin: usize, end: usize): usize {
  let next = begin + INSTRUCTION_BYTES;
  while (next < end && changetype<Instruction>(next).opcode != SYNC) next += INSTRUCTION_BYTES;
  return next;
}
