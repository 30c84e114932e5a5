// Do batches of which nothing counts, by masks or by weights, leave a model as it is, and every number finite?

import { describe, expect, test } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import * as losses from "../../bindings/losses.ts";
import * as metrics from "../../bindings/metrics.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { sgd } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, type TensorLike, tensor, zeros } from "../../bindings/tensor.ts";

const finite = ({ data }: Tensor): boolean => Array.from(data).every(Number.isFinite);
const values = (each: Tensor): number[] => Array.from(each.data);

/** Two samples of three steps; no step counts. */
const nothing = zeros([2, 3], "bool");
const steps = tensor([
  [[1, 2], [3, 4], [5, 7]],
  [[5, 6], [1, 9], [8, 3]],
]); // biome-ignore format: rows

describe("steps that are all masked", () => {
  test.each([-1, 1])("leave the statistics of a batch normalization over axis %d alone; the result is beta", (axis) => {
    const layer = layers.batchNormalization({ axis, betaInitializer: "zeros" });
    layer.build([[2, 3, 2]]);
    const before = layer.getWeights();
    expect(values(layer.apply(steps, { training: true, mask: nothing }))).toEqual(new Array(12).fill(0));
    expect(layer.getWeights()).toEqual(before);
  });

  test("count by themselves where each feature has steps of its own", () => {
    const layer = layers.batchNormalization({ axis: 1, momentum: 0 });
    const mask = tensor(Uint8Array.of(1, 0, 0, 1, 0, 0), [2, 3], "bool");
    const result = layer.apply(steps, { training: true, mask });
    expect(finite(result)).toBe(true);
    const [, , mean, variance] = layer.getWeights();
    expect(values(mean as Tensor)).toEqual([3.5, 0, 0]);
    expect(values(variance as Tensor)).toEqual([4.25, 1, 1]);
  });

  test("have the average 0 and the gradient 0", () => {
    const layer = layers.globalAveragePooling1D();
    expect(values(layer.apply(steps, { mask: nothing }))).toEqual([0, 0, 0, 0]);
    const total = (x: SymbolicTensor, mask: SymbolicTensor): SymbolicTensor => sum(layer.apply(x, { mask }));
    const { gradients } = valueAndGrad(total)(steps, nothing);
    expect(values(gradients[0] as Tensor)).toEqual(new Array(12).fill(0));
  });

  test.each([
    layers.softmax(),
    layers.layerNormalization(),
    layers.groupNormalization({ groups: 1 }),
    layers.rmsNormalization(),
    layers.unitNormalization(),
    layers.spectralNormalization({ layer: layers.dense({ units: 2 }) }),
  ])("$name stays finite", (layer) => {
    expect(finite(layer.apply(steps, { training: true, mask: nothing }))).toBe(true);
    expect(finite(layer.apply(zeros([2, 3, 2]), { training: true, mask: nothing }))).toBe(true);
  });

  test("a softmax of which nothing counts has a finite gradient", () => {
    const mask = zeros([2, 3, 2], "bool");
    const run = valueAndGrad((x: SymbolicTensor, counts: SymbolicTensor) =>
      losses.meanSquaredError().call(layers.softmax().apply(x, { mask: counts }), x),
    );
    const { value, gradients } = run(steps, mask);
    expect(finite(value) && finite(gradients[0] as Tensor)).toBe(true);
  });

  test("leave a trained model as it is, statistics too", async () => {
    setSeed(3);
    const model = sequential([
      layers.masking({ inputShape: [3, 2] }),
      layers.batchNormalization(),
      layers.dense({ units: 2 }),
    ]).compile({ optimizer: sgd({ learningRate: 1 }), loss: "mse", metrics: ["mae"], weightedMetrics: ["mse"] });
    const before = model.getWeights();
    const history = await model.fit(zeros([2, 3, 2]), steps, { verbose: 0, validationData: [zeros([2, 3, 2]), steps] });
    expect(model.getWeights()).toEqual(before);
    expect(history).toEqual({ epoch: [0], loss: [0], mae: [0], mse: [0], valLoss: [0], valMae: [0], valMse: [0] });
  });
});

const labels = tensor([0, 2, 1], [3], "int32");
const oneHot = tensor([[1, 0, 0], [0, 0, 1], [0, 1, 0]]); // biome-ignore format: rows
const shares = tensor([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]]); // biome-ignore format: rows

/** Labels that each loss takes, and predictions. */
const batches: Readonly<Record<string, readonly [TensorLike, TensorLike]>> = {
  sparseCategoricalCrossentropy: [labels, shares],
  categoricalGeneralizedCrossEntropy: [labels, shares],
  circle: [labels, shares],
  ctc: [tensor([[1], [2], [1]], [3, 1], "int32"), tensor(new Float32Array(18).fill(0.5), [3, 2, 3])],
};
const made = Object.entries(losses as unknown as Readonly<Record<string, (options: object) => losses.Loss>>)
  .filter(([name, make]) => make.length === 0 && !/FromConfig|resolve|checked/.test(name))
  .map(([name, make]) => ({ name, make }));

describe("weights that sum to 0", () => {
  test("all losses are there", () => {
    expect(made.length).toBe(22);
  });

  test.each(made)("$name gives 0 and no gradient, whatever the reduction", ({ name, make }) => {
    const [y, p] = batches[name] ?? [oneHot, shares];
    for (const reduction of ["sumOverBatchSize", "mean", "sum", "meanWithSampleWeight", "none"] as const)
      for (const by of ["weights", "mask"] as const) {
        const loss = make({ reduction, ...(/dice|tversky/.test(name) ? { axis: [1] } : {}) });
        const run = valueAndGrad((each: SymbolicTensor, given: SymbolicTensor, none: SymbolicTensor) => {
          const value = by === "weights" ? loss.call(given, each, none) : loss.call(given, each, undefined, none);
          return sum(value);
        });
        const { value, gradients } = run(p, y, by === "mask" ? zeros([3], "bool") : zeros([3]));
        expect(value.item()).toBe(0);
        expect(values(gradients[0] as Tensor).every((each) => each === 0)).toBe(true);
      }
  });

  test("opposite weights have the weighted mean 0, not infinity", () => {
    const loss = losses.meanAbsoluteError({ reduction: "meanWithSampleWeight" });
    const run = compiled((p: SymbolicTensor, w: SymbolicTensor) => loss.call(multiply(p, 0), p, w));
    expect(run([[1], [2]], [1, -1]).item()).toBe(0);
    expect(run([[1], [2]], [1, 3]).item()).toBe(7 / 4);
  });

  test("labels that are all of the class to ignore give 0", () => {
    for (const reduction of ["sumOverBatchSize", "meanWithSampleWeight", "sum"] as const) {
      const loss = losses.sparseCategoricalCrossentropy({ ignoreClass: -1, reduction });
      const run = valueAndGrad((p: SymbolicTensor, y: SymbolicTensor) => loss.call(y, p));
      const { value, gradients } = run(shares, tensor([-1, -1, -1], [3], "int32"));
      expect(value.item()).toBe(0);
      expect(values(gradients[0] as Tensor)).toEqual(new Array(9).fill(0));
    }
  });

  test("a model trained with class weights of 0, or on labels to ignore, stays as it is", async () => {
    for (const reduction of ["sumOverBatchSize", "meanWithSampleWeight"] as const)
      for (const way of ["classWeight", "sampleWeight", "ignoreClass"] as const) {
        setSeed(5);
        const loss = losses.sparseCategoricalCrossentropy({
          reduction,
          ignoreClass: way === "ignoreClass" ? -1 : null,
        });
        const model = sequential([layers.dense({ units: 3, activation: "softmax", inputShape: [3] })]).compile({
          optimizer: sgd({ learningRate: 1, momentum: 0.9 }),
          loss,
          weightedMetrics: way === "ignoreClass" ? [] : ["accuracy", "sparseCategoricalCrossentropy"],
        });
        const before = model.getWeights();
        const y = way === "ignoreClass" ? tensor([-1, -1, -1], [3], "int32") : labels;
        const history = await model.fit(shares, y, {
          verbose: 0,
          ...(way === "classWeight" ? { classWeight: { 0: 0, 1: 0, 2: 0 } } : {}),
          ...(way === "sampleWeight" ? { sampleWeight: [0, 0, 0] } : {}),
        });
        expect(model.getWeights()).toEqual(before);
        for (const [name, each] of Object.entries(history)) expect([name, each]).toEqual([name, [0]]);
      }
  });

  test("metrics of weights that are all 0 are 0", () => {
    const counting = [
      metrics.auc(),
      metrics.auc({ curve: "PR" }),
      metrics.auc({ multiLabel: true }),
      metrics.precision(),
      metrics.recall(),
      metrics.f1Score({ average: "macro" }),
      metrics.f1Score({ average: "weighted" }),
      metrics.binaryIoU(),
      metrics.oneHotMeanIoU({ numClasses: 3 }),
      metrics.recallAtPrecision({ precision: 0.5 }),
      metrics.specificityAtSensitivity({ sensitivity: 0.5 }),
      metrics.rootMeanSquaredError(),
      metrics.categoricalAccuracy(),
      metrics.pearsonCorrelation(),
      metrics.concordanceCorrelation(),
    ];
    for (const metric of counting) {
      const meter = metrics.meter(metric);
      meter.update(oneHot, shares, [0, 0, 0]);
      expect([metric.className, meter.result()]).toEqual([metric.className, 0]);
    }
  });
});
