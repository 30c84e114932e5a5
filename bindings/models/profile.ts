// What does one step of a model cost, instruction by instruction?

import type { Explanation } from "../compiler/explain.ts";
import type { Program } from "../compiler/program.ts";
import { sized } from "../layers/layer.ts";
import { type Tensor, zeros } from "../tensor.ts";
import { columnsOf } from "./data.ts";
import { type Column, Feed } from "./feed.ts";
import type { Topology } from "./topology.ts";

/** What {@link Model.explain} shows. */
export interface ExplainOptions {
  /** Default `"predict"`; the others need a compiled model. */
  readonly mode?: "predict" | "train" | "test";
  /** Default 32. */
  readonly batchSize?: number;
  /** Measure the time of each instruction on zeros. The weights are put back afterwards. Default false. */
  readonly profile?: boolean;
  /** How often each instruction is measured; the median counts. Default 100. */
  readonly repeats?: number;
}

/** Explains the program that `train` or `predict` gives, after measuring it if asked to. */
export function profile(
  topology: Topology,
  options: ExplainOptions,
  batchSize: number,
  train: (columns: readonly Column[]) => Program,
  predict: (inputs: readonly Tensor[]) => Program,
): Explanation {
  const inputs = topology.inputs.map((input) => zeros(sized(input.shape, batchSize), input.dtype));
  if ((options.mode ?? "predict") === "predict") {
    const program = predict(inputs);
    if (options.profile !== true) return program.explain();
    program.run(inputs);
    return program.explain(measure(program, options.repeats ?? 100));
  }
  const targets = topology.outputs.map((output) => zeros(sized(output.shape, batchSize)));
  const columns = columnsOf(inputs, targets, undefined);
  const program = train(columns);
  if (options.profile !== true) return program.explain();
  const feed = new Feed("explain", columns, batchSize, batchSize);
  const saved = topology.weights.map((weight) => weight.value);
  try {
    feed.moveTo(0);
    for (const [name, block] of feed.blocks) program.bind(name, block);
    return program.explain(measure(program, options.repeats ?? 100));
  } finally {
    program.unbind();
    feed.release();
    topology.weights.forEach((weight, index) => {
      weight.assign(saved[index] as Tensor);
    });
  }
}

/** Median time of each instruction in microseconds, over whole runs of the program. */
function measure(program: Program, repeats: number): number[] {
  const count = program.code.instructionCount;
  const times = Array.from({ length: count }, (): number[] => []);
  for (let repeat = 0; repeat < repeats; repeat++)
    for (let index = 0; index < count; index++) {
      const started = performance.now();
      program.runPart(index, index + 1);
      times[index]?.push((performance.now() - started) * 1000);
    }
  return times.map((each) => each.sort((a, b) => a - b)[Math.floor(each.length / 2)] ?? 0);
}

