// Do the metrics agree with Keras over several batches, and after they were reset?

import type { Config } from "../../bindings/config.ts";
import { meter, metricFromConfig } from "../../bindings/metrics.ts";
import { tensor } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Config;
  readonly batches: readonly {
    readonly yTrue?: GoldenTensor;
    readonly yPred?: GoldenTensor;
    readonly values?: GoldenTensor;
    readonly sampleWeight?: GoldenTensor | null;
  }[];
  readonly results: readonly GoldenTensor[];
  readonly afterReset: GoldenTensor;
}

const looser = /Crossentropy|Correlation|R2Score|AUC/;

/** Keras 3.8 counts pairs of classes as integers, so it cuts off the fractions of their weights. */
function wholeWeights(golden: GoldenTensor): GoldenTensor {
  return { ...golden, data: golden.data.map((each) => Math.trunc(Number(each))) };
}

runCases("metrics", loadCases<Case>("metrics"), (golden) => {
  const metric = metricFromConfig(golden.className, golden.config);
  const measured = meter(metric);
  const value = (): ReturnType<typeof tensor> => tensor(measured.result() as number);
  const tolerance = looser.test(golden.className) ? 1e-5 : 1e-6;
  golden.batches.forEach(({ yTrue, yPred, values, sampleWeight }, index) => {
    const weights =
      sampleWeight != null && golden.className.endsWith("IoU") ? wholeWeights(sampleWeight) : sampleWeight;
    const given = [yTrue, yPred, values, weights].filter((each) => each != null);
    measured.update(...given.map(fromGolden));
    expectClose(`after batch ${index + 1}`, value(), golden.results[index] as GoldenTensor, tolerance);
  });
  measured.reset();
  expectClose("after reset", value(), golden.afterReset, tolerance);
});
