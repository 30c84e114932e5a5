// Do the constraints agree with Keras?

import { compiled } from "../../bindings/compiled.ts";
import type { Config } from "../../bindings/config.ts";
import { constraintFromConfig } from "../../bindings/constraints.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Config;
  readonly input: GoldenTensor;
  readonly output: GoldenTensor;
}

runCases("constraints", loadCases<Case>("constraints"), (golden) => {
  const constraint = constraintFromConfig(golden.className, golden.config);
  const output = compiled((x: SymbolicTensor) => constraint.call(x))(fromGolden(golden.input));
  expectClose("output", output, golden.output, 1e-6);
});
