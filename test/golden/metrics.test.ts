// Do the metrics agree with Keras over several batches?

import { compiled } from "../../bindings/compiled.ts";
import { type Json, toCamelCase } from "../../bindings/config.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { lossFromConfig } from "../../bindings/losses.ts";
import { binaryAccuracy, type Metric, resolveMetric } from "../../bindings/metrics.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Readonly<Record<string, Json>>;
  readonly batches: readonly {
    readonly yTrue: GoldenTensor;
    readonly yPred: GoldenTensor;
    readonly sampleWeight?: GoldenTensor | null;
  }[];
  readonly results: readonly GoldenTensor[];
}

runCases("metrics", loadCases<Case>("metrics"), (golden) => {
  const metric = metricOf(golden);
  const run = compiled((yTrue: SymbolicTensor, yPred: SymbolicTensor) => metric.values(yTrue, yPred));
  let total = 0;
  let weight = 0;
  golden.batches.forEach(({ yTrue, yPred, sampleWeight }, index) => {
    const values = run(fromGolden(yTrue), fromGolden(yPred));
    const weights = sampleWeight == null ? undefined : fromGolden(sampleWeight).data;
    sampleMeans(values).forEach((value, row) => {
      total += value * (weights?.[row] ?? 1);
      weight += weights?.[row] ?? 1;
    });
    const tolerance = golden.className.endsWith("Crossentropy") ? 1e-5 : 1e-6;
    expectClose(`after batch ${index + 1}`, tensor(total / weight), golden.results[index] as GoldenTensor, tolerance);
  });
});

/** The metric; crossentropies with options are losses. */
function metricOf({ className, config: { dtype: _, name, ...options } }: Case): Metric {
  if (className === "BinaryAccuracy") return binaryAccuracy({ threshold: options.threshold as number });
  if (Object.keys(options).length === 0) return resolveMetric(toCamelCase(name as string), "test");
  return { name: name as string, values: lossFromConfig(className, options).values };
}

/** The mean of the values of each sample. */
function sampleMeans(values: Tensor): number[] {
  const rows = values.shape[0] as number;
  const each = values.size / rows;
  const data = Array.from(values.data);
  return Array.from(
    { length: rows },
    (_, row) => data.slice(row * each, (row + 1) * each).reduce((a, b) => a + b) / each,
  );
}
