// Do the regularizers and their gradients agree with Keras?

import { valueAndGrad } from "../../bindings/compiled.ts";
import type { Config } from "../../bindings/config.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { regularizerFromConfig } from "../../bindings/regularizers.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Config;
  readonly input: GoldenTensor;
  readonly value: number;
  readonly gradient: GoldenTensor;
}

runCases("regularizers", loadCases<Case>("regularizers"), (golden) => {
  const regularizer = regularizerFromConfig(golden.className, golden.config);
  const { value, gradients } = valueAndGrad((x: SymbolicTensor) => regularizer.call(x))(fromGolden(golden.input));
  expectClose("value", value, golden.value, 1e-6);
  expectClose("gradient", gradients[0] as Tensor, golden.gradient, 1e-6);
});
