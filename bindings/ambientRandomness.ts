// Which seed and which step are the random numbers of a program keyed by?

import { read, type SymbolicTensor } from "./graph.ts";
import { add } from "./ops/map.ts";
import { assign } from "./ops/optimize.ts";
import { followSeed } from "./seed.ts";
import { tensor, zeros } from "./tensor.ts";
import { Variable } from "./variable.ts";

type Node = SymbolicTensor;
let seed: Variable | undefined;
let step: Variable | undefined;

/** The seed, and a step that counts on with each run of the program that is being traced. */
export function ambientRandomness(): { readonly seed: Node; readonly step: Node } {
  if (seed === undefined || step === undefined) {
    const [ofSeed, ofStep] = [new Variable("seed", zeros([], "int32")), new Variable("step", zeros([], "int32"))];
    [seed, step] = [ofSeed, ofStep];
    followSeed((value) => {
      ofSeed.assign(tensor(value, [], "int32"));
      ofStep.assign(zeros([], "int32"));
    });
  }
  const now = read(step);
  assign(step, add(now, 1));
  return { seed: read(seed), step: now };
}
