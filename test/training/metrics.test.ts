// Are metrics exact over an epoch, weighted where asked for, saved with the model, and open to users?

import { describe, expect, test } from "vitest";
import { input, layers, losses, metrics, model, ops, sequential, tensor, zeros } from "../../bindings/index.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import { seeded } from "./metricsData.ts";

const { x, labels, truths } = seeded(101);
const quiet = { verbose: 0, batchSize: 16 } as const;

function classifier() {
  return sequential([layers.dense({ units: 1, activation: "sigmoid", inputShape: [3] })]);
}

/** True and false positives and negatives of predictions above 0.5, counted plainly. */
function counted(predictions: ArrayLike<number>): { tp: number; fp: number; fn: number } {
  const all = Array.from(predictions, (p, index) => ({ positive: p > 0.5, label: truths[index] === 1 }));
  const count = (positive: boolean, label: boolean): number =>
    all.filter((each) => each.positive === positive && each.label === label).length;
  return { tp: count(true, true), fp: count(true, false), fn: count(false, true) };
}

test("precision, recall and counts are those of the whole epoch, not means of batches (tfjs averages batches)", async () => {
  const network = classifier().compile({
    optimizer: "sgd",
    loss: "binaryCrossentropy",
    metrics: ["precision", "recall", "truePositives", metrics.auc({ name: "area" })],
  });
  const { tp, fp, fn } = counted(network.predict(x).data);
  const logs = await network.evaluate(x, labels, { batchSize: 7 });
  expect(logs.truePositives).toBe(tp);
  expect(logs.precision).toBe(tp / (tp + fp));
  expect(logs.recall).toBe(tp / (tp + fn));
  expect(await network.evaluate(x, labels, { batchSize: 101 })).toMatchObject({
    precision: logs.precision,
    area: logs.area,
  });
  const history = await network.fit(x, labels, { ...quiet, validationData: [x, labels] });
  expect(history.valArea[0]).toBeGreaterThan(0);
});

test("classWeight is sampleWeight by class; weightedMetrics count by it, metrics do not", async () => {
  const compile = () =>
    classifier().compile({
      optimizer: "sgd",
      loss: "binaryCrossentropy",
      metrics: ["accuracy"],
      weightedMetrics: [metrics.binaryAccuracy({ name: "weighted" })],
    });
  const [byClass, bySample] = [compile(), compile()];
  bySample.setWeights(byClass.getWeights());
  const weights = truths.map((label) => (label === 1 ? 3 : 1));
  const first = await byClass.fit(x, labels, { ...quiet, shuffle: false, classWeight: { 1: 3 } });
  const second = await bySample.fit(x, labels, {
    ...quiet,
    shuffle: false,
    sampleWeight: weights.map((each) => [each]),
  });
  expect(second).toEqual(first);
  expect(bySample.getWeights()).toEqual(byClass.getWeights());
  expect(first.weighted[0]).not.toBe(first.accuracy[0]);
  await expect(byClass.fit(x, labels, { ...quiet, classWeight: { 1: -1 } })).rejects.toThrow(
    "classWeight: expected a number ≥ 0 for each class, received 1: -1",
  );
});

test("weights for each step, and for each output", async () => {
  const steps = sequential([layers.dense({ units: 1, inputShape: [2, 3] })]).compile({ optimizer: "sgd", loss: "mse" });
  const pair = [
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
  ];
  const [own] = [steps.predict(pair).data];
  const logs = await steps.evaluate(pair, [[[0], [0]]], { sampleWeight: [[0, 2]] });
  expect(logs.loss).toBeCloseTo(((own[1] as number) ** 2 * 2) / 2, 3);
  const source = input({ shape: [3] });
  const outputs = { a: layers.dense({ units: 1 }).apply(source), b: layers.dense({ units: 1 }).apply(source) };
  const both = model({ inputs: source, outputs }).compile({ optimizer: "sgd", loss: "mse" });
  const targets = { a: [[1], [2]], b: [[1], [2]] };
  const two = [
    [1, 2, 3],
    [3, 2, 1],
  ];
  const found = (await both.evaluate(two, targets, { sampleWeight: { b: [0, 0] } })) as Record<string, number>;
  expect(found.bLoss).toBe(0);
  expect(found.aLoss).toBeGreaterThan(0);
  await expect(both.evaluate(two, targets, { sampleWeight: { c: [0, 0] } })).rejects.toThrow("(a, b)");
});

test("metric objects are saved with the model and restored; own ones are refused", async () => {
  const network = classifier().compile({
    optimizer: "sgd",
    loss: losses.binaryFocalCrossentropy({ gamma: 3 }),
    metrics: ["acc", metrics.precision({ thresholds: 0.3 }), metrics.meanIoU({ numClasses: 2, name: "overlap" })],
    weightedMetrics: [metrics.auc({ curve: "PR", numThresholds: 20 })],
  });
  const logs = await network.evaluate(x, labels);
  const again = decodeModel(await network.save(), "test");
  expect(await again.evaluate(x, labels)).toEqual(logs);
});

describe("a metric of one's own", () => {
  const worst = metrics.defineMetric({
    name: "worst",
    state: { worst: "max", seen: "sum" },
    update: (yTrue, yPred) => ({ worst: ops.abs(ops.subtract(yTrue, yPred)), seen: yTrue.shape[0] ?? 1 }),
    result: ({ worst: largest, seen }) => (seen > 0 ? largest : Number.NaN),
  });

  test("keeps what it declares", async () => {
    const network = classifier().compile({ optimizer: "sgd", loss: "mse", metrics: [worst] });
    const found = await network.evaluate(x, labels, { batchSize: 8 });
    const largest = Math.max(...Array.from(network.predict(x).data, (p, at) => Math.abs(p - (truths[at] as number))));
    expect(found.worst).toBeCloseTo(largest, 6);
  });

  test("measures without a model, and starts again", () => {
    const measured = metrics.meter(worst);
    measured.update([1, 2], [1, 5]);
    measured.update([0], [1]);
    expect(measured.result()).toBe(3);
    measured.reset();
    measured.update([0], [1]);
    expect(measured.result()).toBe(1);
    expect(() => measured.update([1])).toThrow("(yTrue, yPred, weights?)");
  });
});

test("what cannot be one number in a log, or takes no labels, is refused", async () => {
  const network = classifier().compile({
    optimizer: "sgd",
    loss: "mse",
    metrics: [metrics.f1Score({ threshold: 0.5 })],
  });
  expect(
    (
      await classifier()
        .compile({ optimizer: "sgd", loss: "mse", metrics: [metrics.f1Score({ average: "macro" })] })
        .evaluate(x, labels)
    ).f1Score,
  ).toBeGreaterThan(0);
  await expect(network.evaluate(x, labels)).rejects.toThrow("f1Score: expected a metric of one number");
  expect(() => classifier().compile({ optimizer: "sgd", loss: "mse", metrics: [metrics.mean()] })).toThrow(
    "metrics of labels and predictions",
  );
  expect(() => metrics.meanIoU({} as never)).toThrow("meanIoU.numClasses");
  const outside = metrics.meter(metrics.meanIoU({ numClasses: 2 }));
  expect(() => outside.update(tensor([0, 2], [2], "int32"), tensor([0, 1], [2], "int32"))).toThrow("-1");
});

test("ctc: fewer frames than labels need have the value Infinity and no gradient", async () => {
  const { valueAndGrad } = await import("../../bindings/compiled.ts");
  const loss = losses.ctc({ reduction: "none" });
  const run = valueAndGrad((p) =>
    ops.sum(
      ops.where(
        [true, false],
        loss.call(
          ops.cast(
            [
              [1, 0],
              [1, 1],
            ],
            "int32",
          ) as never,
          p,
        ),
        0,
      ),
    ),
  );
  const logits = [
    [
      [0, 0],
      [0, 0],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ];
  const { value, gradients } = run(logits);
  expect(value.item()).toBeCloseTo(-Math.log(3 / 4), 6);
  expect(Array.from((gradients[0] as { data: Float32Array }).data).every(Number.isFinite)).toBe(true);
});

test("R² of targets that do not vary is 0, and is adjusted for each output", () => {
  const score = (options: object, y: number[][], p: number[][], w?: number[]): number | readonly number[] => {
    const meter = metrics.meter(metrics.r2Score(options));
    const half = Math.ceil(y.length / 2);
    for (const [from, to] of [[0, half], [half, y.length]] as const) // biome-ignore format: pairs
      meter.update(y.slice(from, to), p.slice(from, to), ...(w === undefined ? [] : [w.slice(from, to)]));
    return meter.result();
  };
  const constant = Array.from({ length: 7 }, () => [0.1]);
  const near = constant.map((_, row) => [0.1 + row / 100]);
  expect(score({}, constant, near)).toBe(0);
  expect(score({}, constant, near, [1, 2, 0.3, 0.7, 1, 1, 1])).toBe(0);
  expect(score({}, [...constant, [5]], [...near, [5]], [1, 1, 1, 1, 1, 1, 1, 0])).toBe(0);
  expect(score({ classAggregation: "varianceWeightedAverage" }, constant, near)).toBe(0);
  const y = [[1, 4], [2, 4], [4, 4], [5, 4], [8, 4]]; // biome-ignore format: rows
  const p = [[1, 3], [3, 4], [4, 4], [5, 4], [7, 4]]; // biome-ignore format: rows
  const plain = 1 - 2 / 30;
  expect(score({ classAggregation: null }, y, p)).toEqual([expect.closeTo(plain, 9), 0]);
  const adjusted = (r2: number): number => 1 - ((1 - r2) * 4) / 3;
  const listed = score({ classAggregation: null, numRegressors: 1 }, y, p);
  expect(listed).toEqual([expect.closeTo(adjusted(plain), 9), expect.closeTo(adjusted(0), 9)]);
  // Weights count samples for the adjustment, not their sum.
  const heavy = score({ classAggregation: null, numRegressors: 1 }, y, p, [2, 2, 2, 2, 2]);
  expect(heavy).toEqual([expect.closeTo(adjusted(plain), 9), expect.closeTo(adjusted(0), 9)]);
});

test("R² of no samples is NaN, and they change nothing", () => {
  const meter = metrics.meter(metrics.r2Score());
  for (const shape of [[0], [0, 1]]) meter.update(zeros(shape), zeros(shape));
  expect(meter.result()).toBeNaN();
  meter.update([[1], [3]], [[1], [2]]);
  meter.update(zeros([0, 1]), zeros([0, 1]));
  expect(meter.result()).toBe(0.5);
});

test("R² bears targets with a large mean", () => {
  const y = Array.from({ length: 40 }, (_, row) => [4096 + row / 1024]);
  const p = y.map(([value], row) => [(value as number) + (row % 2 === 0 ? 1 : -1) / 2048]);
  const mean = y.reduce((sum, [value]) => sum + (value as number), 0) / 40;
  const total = y.reduce((sum, [value]) => sum + ((value as number) - mean) ** 2, 0);
  const meter = metrics.meter(metrics.r2Score());
  meter.update(y, p);
  expect(meter.result()).toBeCloseTo(1 - 40 / 2048 ** 2 / total, 6);
});

test("a prediction of exactly 0 is not positive, except for the area under a curve", () => {
  const of = (metric: metrics.Metric): number | readonly number[] => {
    const meter = metrics.meter(metric);
    meter.update([[1], [0], [1], [0]], [[0.9], [0], [0], [0.4]]);
    return meter.result();
  };
  // Above 0 are 0.9 and 0.4: one of the two labels is found, half of the positive ones are right.
  expect(of(metrics.recallAtPrecision({ precision: 0.5 }))).toBe(0.5);
  expect(of(metrics.precisionAtRecall({ recall: 0.9 }))).toBe(0);
  expect(of(metrics.sensitivityAtSpecificity({ specificity: 0 }))).toBe(0.5);
  expect(of(metrics.specificityAtSensitivity({ sensitivity: 0 }))).toBe(1);
  expect(of(metrics.recall({ thresholds: 0 }))).toBe(0.5);
  expect(of(metrics.auc({ numThresholds: 3 }))).toBeCloseTo(0.75, 6);
});

test("thresholds may be as many as one likes", () => {
  const numThresholds = 1_000_000;
  for (const metric of [
    metrics.sensitivityAtSpecificity({ specificity: 0.5, numThresholds }),
    metrics.precisionAtRecall({ recall: 0.5, numThresholds }),
    metrics.auc({ numThresholds }),
  ]) {
    const meter = metrics.meter(metric);
    meter.update([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8]);
    expect(meter.result()).toBe(1);
  }
});

test("classWeight of one-hot labels goes by the largest of each row, however many classes there are", async () => {
  const classes = 1_000_000;
  const network = sequential([layers.flatten({ inputShape: [classes] })]).compile({ optimizer: "sgd", loss: "mse" });
  const labels = tensor(new Float32Array(2 * classes), [2, classes]);
  for (const place of [7, 2 * classes - 1]) labels.data[place] = 1;
  const zeros = tensor(new Float32Array(2 * classes), [2, classes]);
  const { loss } = await network.fit(zeros, labels, { ...quiet, classWeight: { [classes - 1]: 3, 7: 5 } });
  expect(loss[0]).toBeCloseTo((3 + 5) / 2 / classes, 10);
});
