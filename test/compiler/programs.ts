// Which small programs do the compiler's tests look at, and how?

import type { CompileOptions } from "../../bindings/compiler/program.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { less, multiply, where } from "../../bindings/ops/map.ts";
import { randomUniform } from "../../bindings/ops/random.ts";
import type { DType, Shape } from "../../bindings/tensor.ts";
import { compileGraph, type Traced } from "../harness/runGraph.ts";

/** The type of a float32 matrix. */
export function matrix(rows: number, columns: number): { readonly shape: Shape; readonly dtype: DType } {
  return { shape: [rows, columns], dtype: "float32" };
}

/** Names of the instructions that a graph becomes, after the SYNC that every program begins with. */
export function instructionsOf(traced: Traced, options: CompileOptions = {}): string[] {
  return compileGraph(traced, options)
    .explain()
    .instructions.slice(1)
    .map(({ op }) => op);
}

/** x with a fifth of its elements set to 0 and the others enlarged. */
export function dropoutLike(x: SymbolicTensor): SymbolicTensor {
  return where(less(randomUniform(1, 2, x.shape), 0.8), multiply(x, 1.25), 0);
}
