// Do the losses and their gradients agree with Keras?

import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { Config } from "../../bindings/config.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { lossFromConfig } from "../../bindings/losses.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { Tensor, tensor } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Config;
  readonly yTrue: GoldenTensor;
  readonly yPred: GoldenTensor;
  readonly sampleWeight: GoldenTensor | null;
  readonly mask?: GoldenTensor | null;
  readonly value: GoldenTensor;
  readonly upstream: GoldenTensor;
  readonly gradient: GoldenTensor;
}

/** Keras 3.8 has them the other way round: 3.16 weighs false positives by alpha. */
const swapped: Readonly<Record<string, Config>> = { "tversky_alpha0.3_beta0.7": { alpha: 0.7, beta: 0.3 } };

/** Options that Keras 3.8 does not write into the configuration of a loss. */
const forgotten: Readonly<Record<string, Config>> = {
  "huber_delta0.3": { delta: 0.3 },
  "huber_delta2.0": { delta: 2 },
  cosine_similarity_axis1: { axis: 1 },
};

runCases("losses", loadCases<Case>("losses"), (golden) => {
  const loss = lossFromConfig(golden.className, { ...golden.config, ...forgotten[golden.id], ...swapped[golden.id] });
  const optional = [golden.sampleWeight, golden.mask].map((each) => (each == null ? undefined : fromGolden(each)));
  const given = [
    fromGolden(golden.yPred),
    fromGolden(golden.yTrue),
    ...optional.filter((each) => each instanceof Tensor),
  ];
  const call = (yPred: SymbolicTensor, yTrue: SymbolicTensor, ...rest: SymbolicTensor[]): SymbolicTensor => {
    const weight = optional[0] === undefined ? undefined : rest[0];
    const mask = optional[1] === undefined ? undefined : rest[rest.length - 1];
    return loss.call(yTrue, yPred, weight, mask);
  };
  const tolerance = golden.id.includes("saturated") ? 1e-4 : 5e-6;
  expectClose(
    "value",
    compiled(call as (...args: SymbolicTensor[]) => SymbolicTensor)(...given),
    golden.value,
    tolerance,
  );
  const upstream = golden.upstream === null ? tensor(1) : fromGolden(golden.upstream);
  const total = (...args: SymbolicTensor[]): SymbolicTensor =>
    sum(multiply(call(...(args as [SymbolicTensor, SymbolicTensor])), upstream));
  const { gradients } = valueAndGrad(total)(...given);
  expectClose("gradient", gradients[0] as Tensor, golden.gradient, tolerance);
});
