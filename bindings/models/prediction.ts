// How are outputs computed, for any number of samples and with little between the call and the kernels?

import { BoundedCache } from "../boundedCache.ts";
import { type CompileOptions, compile, type Program } from "../compiler/program.ts";
import { inputNode, withScope, withTrace } from "../graph.ts";
import { ambientContext } from "../layers/apply.ts";
import { arrayType, type DType, isWhole, type Shape, sameShape, Tensor } from "../tensor.ts";
import type { Topology } from "./topology.ts";

/** One tensor, or several under the names of the outputs. */
export type Outputs = Tensor | Readonly<Record<string, Tensor>>;

const programsKept = 16;

/** The programs that predict, one for each number of samples and dtype; the last used ones are kept. */
export class Predictor {
  private readonly programs: BoundedCache<string, Program> = new BoundedCache(programsKept, (program) =>
    this.forget(program),
  );
  /** What was predicted last: the same shape again takes no checks. */
  private last: { readonly shape: Shape; readonly dtype: DType; readonly program: Program } | undefined;

  /** The output for `x` if it is a tensor like the one before, for a model with one input and one output. */
  repeat(x: unknown): Tensor | undefined {
    const { last } = this;
    if (last === undefined || !(x instanceof Tensor) || x.dtype !== last.dtype || !isWhole(x)) return undefined;
    if (!sameShape(x.shape, last.shape)) return undefined;
    return last.program.run([x])[0];
  }

  /** The outputs for checked inputs of `rows` samples, `batchSize` at a time. */
  predict(topology: Topology, inputs: readonly Tensor[], rows: number, batchSize: number): Outputs {
    const { outputNames } = topology;
    if (rows > batchSize) return named(outputNames, this.inBatches(topology, inputs, rows, batchSize));
    const program = this.program(topology, inputs);
    const [only] = inputs as [Tensor];
    if (inputs.length === 1 && outputNames === undefined) this.last = { shape: only.shape, dtype: only.dtype, program };
    return named(outputNames, program.run(inputs));
  }

  /** The program for inputs of these shapes and dtypes. */
  program(topology: Topology, inputs: readonly Tensor[]): Program {
    const key = inputs.map((input) => `${input.dtype}[${input.shape.join()}]`).join(" ");
    return this.programs.get(key, () => tracePrediction(topology, inputs));
  }

  /** Gives the memory of all programs back. */
  clear(): void {
    this.programs.clear();
  }

  private inBatches(topology: Topology, inputs: readonly Tensor[], rows: number, batchSize: number): Tensor[] {
    const parts: Tensor[][] = [];
    for (let start = 0; start < rows; start += batchSize) {
      const part = inputs.map((input) => input.slice(start, start + batchSize));
      parts.push(this.program(topology, part).run(part));
    }
    return (parts[0] as Tensor[]).map((_, output) => joined(parts.map((part) => part[output] as Tensor)));
  }

  private forget(program: Program): void {
    if (this.last?.program === program) this.last = undefined;
    program.dispose();
  }
}

/** The program that predicts for inputs of these shapes and dtypes. */
export function tracePrediction(topology: Topology, inputs: readonly Tensor[], options: CompileOptions = {}): Program {
  topology.place();
  return withTrace(() => {
    const symbols = inputs.map((value, index) => inputNode(`x${index}`, value));
    const outputs = withScope(topology.name, () => topology.invoke(symbols, ambientContext(false)));
    return compile({ outputs, effects: [] }, symbols, options);
  });
}

/** The parts one after the other along the first axis. */
export function joined(parts: readonly Tensor[]): Tensor {
  const [first] = parts as [Tensor];
  const data = new (arrayType(first.dtype))(parts.reduce((size, part) => size + part.size, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.size;
  }
  const rows = parts.reduce((count, part) => count + (part.shape[0] as number), 0);
  return Tensor.of(data, [rows, ...first.shape.slice(1)], first.dtype);
}

function named(names: readonly string[] | undefined, outputs: readonly Tensor[]): Outputs {
  if (names === undefined) return outputs[0] as Tensor;
  return Object.fromEntries(names.map((name, index) => [name, outputs[index] as Tensor]));
}
