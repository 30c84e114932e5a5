// How does a test run a graph: with which passes, cut for how many threads?

import { type CompileOptions, compile, type Program } from "../../bindings/compiler/program.ts";
import { verifier } from "../../bindings/compiler/verify.ts";
import { setCutting } from "../../bindings/engine.ts";
import { inputNode, type SymbolicTensor, withTrace } from "../../bindings/graph.ts";
import type { DType, Shape, Tensor } from "../../bindings/tensor.ts";
import { verifyBounds } from "./verifyBounds.ts";

/** A traced computation. */
export interface Traced {
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly effects: readonly SymbolicTensor[];
}

/** Traces `body` on inputs of the given types. */
export function traceGraph(
  types: readonly { readonly shape: Shape; readonly dtype: DType }[],
  body: (...inputs: SymbolicTensor[]) => readonly SymbolicTensor[],
): Traced {
  return withTrace((trace) => {
    const inputs = types.map((type, index) => inputNode(`argument ${index}`, type));
    return { inputs, outputs: body(...inputs), effects: trace.effects };
  });
}

/** Compiles with all checks between the passes, and with the algorithms that operations are defined by. */
export function compileGraph({ inputs, outputs, effects }: Traced, options: CompileOptions = {}): Program {
  const program = compile({ outputs, effects }, inputs, {
    verify: verifier,
    algorithms: false,
    foldScales: false,
    ...options,
  });
  verifyBounds(program.code);
  return program;
}

/** Compiles, runs once and gives the memory back. */
export function runGraph(traced: Traced, values: readonly Tensor[], options: CompileOptions = {}): Tensor[] {
  const program = compileGraph(traced, options);
  try {
    return program.run(values);
  } finally {
    program.dispose();
  }
}

/** The same with every instruction cut for `threads` threads that take the smallest chunks there are. */
export function runCut(traced: Traced, values: readonly Tensor[], threads: number): Tensor[] {
  const program = compileGraph(traced);
  const [wordsPerInstruction, grain] = [32, 2];
  for (let index = 0; index < program.code.instructionCount; index++)
    program.code.words[index * wordsPerInstruction + grain] = 1;
  setCutting(threads);
  try {
    return program.run(values);
  } finally {
    setCutting(1);
    program.dispose();
  }
}
