// What does one step of a model cost, instruction by instruction?

import type { Explanation } from "../compiler/explain.ts";
import type { Program } from "../compiler/program.ts";
import { sized } from "../layers/apply.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { type Tensor, zeros } from "../tensor.ts";
import { columnsOf } from "./data.ts";
import { ArrayFeed, type Portion } from "./feed.ts";
import type { Topology } from "./topology.ts";
import type { Mode, Trainer } from "./trainer.ts";

/** What {@link Model.explain} shows. */
export interface ExplainOptions {
  /** Default `"predict"`; the others need a compiled model. */
  readonly mode?: "predict" | "train" | "test";
  /** Default 32. */
  readonly batchSize?: number;
  /** Measure the time of each instruction, on zeros. Weights and optimizer are put back afterwards. Default false. */
  readonly profile?: boolean;
  /** How often each instruction is measured; the median counts. Default 100. */
  readonly repeats?: number;
}

/** Explains what `predict` runs for a batch, after measuring it if asked to. */
export function explainPrediction(program: Program, inputs: readonly Tensor[], options: ExplainOptions): Explanation {
  if (options.profile !== true) return program.explain();
  program.run(inputs);
  return program.explain(measure(program, options.repeats ?? defaultRepeats, () => {}));
}

/** Explains one training or measuring step; weights and optimizer are as before afterwards. */
export function explainStep(
  topology: Topology,
  trainer: Trainer,
  mode: Mode,
  batchSize: number,
  options: ExplainOptions,
): Explanation {
  const inputs = zerosFor(topology.inputs, batchSize);
  const targets = topology.outputs.map((output, index) => {
    const shape = sized(output.shape, batchSize);
    const labels = trainer.objective.losses[index]?.labels?.(shape);
    return labels === undefined ? zeros(shape, output.dtype) : zeros(labels.shape, labels.dtype);
  });
  const columns = columnsOf(inputs, targets, undefined);
  const program = trainer.program(mode, columns, batchSize, batchSize);
  if (options.profile !== true) return program.explain();
  const feed = new ArrayFeed("explain", columns, batchSize);
  const touched = [...topology.weights, ...trainer.state.variables];
  const before = touched.map((variable) => variable.value);
  try {
    trainer.run(mode, feed, feed.next() as Portion);
    return program.explain(measure(program, options.repeats ?? defaultRepeats, () => trainer.rewind(mode)));
  } finally {
    trainer.unbind();
    feed.release();
    touched.forEach((variable, index) => {
      variable.assign(before[index] as Tensor);
    });
  }
}

const defaultRepeats = 100;

function zerosFor(placeholders: readonly Placeholder[], batchSize: number): Tensor[] {
  return placeholders.map((placeholder) => zeros(sized(placeholder.shape, batchSize), placeholder.dtype));
}

/** Median time of each instruction in microseconds, over whole runs of the program. */
function measure(program: Program, repeats: number, prepare: () => void): number[] {
  const count = program.instructionCount;
  const times = Array.from({ length: count }, (): number[] => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    prepare();
    for (let index = 0; index < count; index++) {
      const started = performance.now();
      program.runOne(index);
      times[index]?.push((performance.now() - started) * 1000);
    }
  }
  return times.map((each) => each.sort((a, b) => a - b)[Math.floor(each.length / 2)] ?? 0);
}
