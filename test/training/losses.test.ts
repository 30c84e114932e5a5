// Are logits found behind probabilities, labels checked against predictions, and weights and metrics applied?

import { expect, test } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as losses from "../../bindings/losses.ts";
import { meter, resolveMetric } from "../../bindings/metrics.ts";
import { transpose } from "../../bindings/ops/copy.ts";
import { abs, sigmoid, subtract } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { softmax } from "../../bindings/ops/softmax.ts";
import { reshape, stopGradient } from "../../bindings/ops/view.ts";
import { type Tensor, type TensorLike, tensor, zeros } from "../../bindings/tensor.ts";

/** Value and gradient with respect to z of a loss of predictions made of z. */
function measure(
  loss: losses.Loss,
  labels: TensorLike,
  z: TensorLike,
  predict: (z: SymbolicTensor) => SymbolicTensor,
): { value: Tensor; gradient: Tensor } {
  const values = (x: SymbolicTensor, y: SymbolicTensor): SymbolicTensor => loss.call(y, predict(x));
  const { gradients } = valueAndGrad((x: SymbolicTensor, y: SymbolicTensor) => sum(values(x, y)))(z, labels);
  const value = compiled(values)(z, labels);
  return { value, gradient: gradients[0] as Tensor };
}

const same = (x: SymbolicTensor): SymbolicTensor => x;
const extreme = [
  [40, -60, 3],
  [1, 2, 3],
];
const oneHot = [
  [0, 1, 0],
  [0, 0, 1],
];

test("the cross-entropy of a softmax is that of its logits, to the bit", () => {
  const plain = losses.categoricalCrossentropy({ labelSmoothing: 0.1 });
  const logits = losses.categoricalCrossentropy({ labelSmoothing: 0.1, fromLogits: true });
  const wanted = measure(logits, oneHot, extreme, same);
  expect(measure(plain, oneHot, extreme, (z) => softmax(z))).toEqual(wanted);
  expect(measure(plain, oneHot, extreme, (z) => reshape(softmax(reshape(z, [2, 1, 3])), [2, 3]))).toEqual(wanted);
  const sparse = measure(losses.sparseCategoricalCrossentropy(), tensor([1, 2], [2], "int32"), extreme, (z) =>
    softmax(z),
  );
  expect(sparse.value.item()).toBeCloseTo((100 + 0.40760597) / 2, 4);
  expect(sparse.gradient.data[0]).toBeCloseTo(0.5, 6);
});

test("the cross-entropy of a sigmoid is that of its logits, to the bit", () => {
  const wanted = measure(losses.binaryCrossentropy({ fromLogits: true }), oneHot, extreme, same);
  expect(measure(losses.binaryCrossentropy(), oneHot, extreme, (z) => sigmoid(z))).toEqual(wanted);
  expect(wanted.value.item()).toBeGreaterThan(16);
});

test("probabilities that came another way are clipped as in Keras", () => {
  const plain = losses.categoricalCrossentropy({ reduction: "sum" });
  const clipped = -Math.log(1e-7) + 0.40760597;
  const stopped = measure(plain, oneHot, extreme, (z) => stopGradient(softmax(z)));
  expect(stopped.value.item()).toBeCloseTo(clipped, 4);
  expect(Array.from(stopped.gradient.data)).toEqual([0, 0, 0, 0, 0, 0]);
  const turned = measure(plain, oneHot, extreme, (z) => transpose(softmax(transpose(z), 0)));
  expect(turned.value.item()).toBeCloseTo(clipped, 4);
  const otherAxis = measure(losses.categoricalCrossentropy({ axis: 0 }), oneHot, extreme, (z) => softmax(z));
  expect(otherAxis.value.shape).toEqual([]);
});

test("labels that do not fit are told what would", () => {
  const call = (loss: losses.Loss, labels: readonly number[], predictions: readonly number[]): unknown =>
    compiled((y: SymbolicTensor, p: SymbolicTensor) => loss.call(y, p))(zeros(labels), zeros(predictions));
  expect(() => call(losses.categoricalCrossentropy(), [4], [4, 3])).toThrow(
    /sparseCategoricalCrossentropy, or one-hot/,
  );
  expect(() => call(losses.categoricalCrossentropy(), [4, 1], [4, 3])).toThrow(/sparseCategoricalCrossentropy/);
  expect(() => call(losses.categoricalCrossentropy(), [4, 2], [4, 3])).toThrow(
    /labels of the shape .*\[4, 3\].*\[4, 2\]/,
  );
  expect(() => call(losses.sparseCategoricalCrossentropy(), [4, 3], [4, 3])).toThrow(/use categoricalCrossentropy/);
  expect(() => call(losses.sparseCategoricalCrossentropy(), [5], [4, 3])).toThrow(
    /one integer label a row, shape \[4\]/,
  );
  expect(() => call(losses.meanSquaredError(), [4, 2], [4, 1])).toThrow(/meanSquaredError: expected labels/);
  expect(() => call(losses.binaryCrossentropy(), [4, 2], [4, 1])).toThrow(/binaryCrossentropy/);
  const sparse = compiled((y: SymbolicTensor, p: SymbolicTensor) => losses.sparseCategoricalCrossentropy().call(y, p));
  expect(() =>
    sparse(tensor([0, 3], [2], "int32"), [
      [0.5, 0.3, 0.2],
      [1, 0, 0],
    ]),
  ).toThrow(/0 to 2.*3 at position 1/);
  expect(() =>
    sparse(tensor([-1, 0], [2], "int32"), [
      [0.5, 0.3, 0.2],
      [1, 0, 0],
    ]),
  ).toThrow(/0 to 2.*-1 at position 0/);
});

test("weights of samples spread over their values; masked values do not count", () => {
  const loss = losses.meanSquaredError();
  const run = compiled((y: SymbolicTensor, p: SymbolicTensor, w: SymbolicTensor) => loss.call(y, p, w));
  const three = [
    [[1], [2]],
    [[3], [4]],
    [[0], [0]],
  ];
  expect(run(zeros([3, 2, 1]), three, [1, 0, 5]).item()).toBeCloseTo((1 + 4) / 6, 6);
  expect(
    run(zeros([3, 2, 1]), three, [
      [1, 0],
      [0, 1],
      [1, 1],
    ]).item(),
  ).toBeCloseTo((1 + 16) / 6, 6);
  expect(() => run(zeros([3, 2, 1]), three, [1, 2, 3, 4])).toThrow(/sample weights for values of shape \[3, 2\]/);
  const masked = compiled((y: SymbolicTensor, p: SymbolicTensor, m: SymbolicTensor) => loss.call(y, p, undefined, m));
  expect(masked(zeros([2, 1]), [[1], [3]], [true, false]).item()).toBeCloseTo(1, 6);
});

test("a function is a loss and a metric", () => {
  const worst = (y: SymbolicTensor, p: SymbolicTensor): SymbolicTensor => abs(subtract(y, p));
  const loss = losses.resolveLoss(worst, "test");
  const metric = resolveMetric(worst, "test");
  expect([loss.name, metric.name]).toEqual(["worst", "worst"]);
  expect(compiled((y: SymbolicTensor, p: SymbolicTensor) => loss.call(y, p))([1, 2], [3, 5]).item()).toBe(2.5);
  const measured = meter(metric);
  measured.update([1, 2], [3, 5]);
  expect(measured.result()).toBe(2.5);
});

test("accuracy is chosen by shapes", () => {
  const share = (y: TensorLike, p: TensorLike): unknown => {
    const measured = meter(resolveMetric("accuracy", "test"));
    measured.update(y, p);
    return measured.result();
  };
  expect(share([[1], [0]], [[0.7], [0.6]])).toBe(0.5);
  expect(share([1, 0], [[0.7], [0.6]])).toBe(0.5);
  expect(
    share(tensor([1, 0], [2], "int32"), [
      [0.1, 0.9],
      [0.2, 0.8],
    ]),
  ).toBe(0.5);
  expect(
    share(
      [[1], [0]],
      [
        [0.1, 0.9],
        [0.2, 0.8],
      ],
    ),
  ).toBe(0.5);
  expect(
    share(
      [
        [0, 1],
        [1, 0],
      ],
      [
        [0.1, 0.9],
        [0.2, 0.8],
      ],
    ),
  ).toBe(0.5);
});

test("functions of users that return no tensor are refused, with their name", () => {
  const three = (() => 3) as unknown as losses.LossFunction;
  const use = (fn: (yTrue: SymbolicTensor, yPred: SymbolicTensor) => SymbolicTensor) => () =>
    compiled((y: SymbolicTensor) => fn(y, y))([1, 2]);
  expect(use(losses.resolveLoss(three, "here").call)).toThrow("three: expected a loss function that returns a tensor");
  expect(() => meter(resolveMetric(three, "here")).update([1], [1])).toThrow(
    "three (three): expected a metric function that returns a tensor",
  );
});

test("a loss of one number a batch takes sample weights: the mean of loss times weight, as in Keras", () => {
  const loss = losses.meanSquaredError();
  const run = compiled((y: SymbolicTensor, p: SymbolicTensor, w: SymbolicTensor) => loss.call(y, p, w));
  expect(run([1, 2], [2, 4], [1, 3]).array()).toBeCloseTo(((1 + 4) / 2) * ((1 + 3) / 2), 6);
});

test("a tensor that no memory holds is a memory error", () => {
  expect(() => zeros([2 ** 20, 2 ** 20])).toThrow("zeros: expected room for 4100 GiB");
});

test("labels are smoothed by the number of classes along the axis", () => {
  const shares = [[0.7, 0.1, 0.4], [0.3, 0.9, 0.6]]; // biome-ignore format: rows
  const labels = [[1, 0, 0], [0, 1, 1]]; // biome-ignore format: rows
  for (const make of [losses.categoricalCrossentropy, losses.categoricalFocalCrossentropy]) {
    const run = (axis: number, p: TensorLike, y: TensorLike): number[] =>
      Array.from(measure(make({ axis, labelSmoothing: 0.2, reduction: "none" }), y, p, same).value.data);
    const turned = (rows: number[][]): number[][] =>
      (rows[0] as number[]).map((_, at) => rows.map((row) => row[at] as number));
    expect(run(0, shares, labels)).toEqual(run(-1, turned(shares), turned(labels)));
  }
  const loss = losses.categoricalCrossentropy({ axis: 0, labelSmoothing: 0.2, reduction: "none" });
  expect(measure(loss, labels, shares, same).value.data[0]).toBeCloseTo(-0.9 * Math.log(0.7) - 0.1 * Math.log(0.3), 6);
});

test("tversky weighs false positives by alpha, false negatives by beta; nothing and nothing is 1, as of dice", () => {
  const of = (options: losses.TverskyOptions): number =>
    measure(losses.tversky(options), [[1, 0, 0, 1]], [[0.75, 0.5, 0, 0.25]], same).value.item();
  expect(of({ alpha: 0.3, beta: 0.7 })).toBeCloseTo(1 - 1 / (1 + 0.3 * 0.5 + 0.7 * 1), 6);
  expect(of({ alpha: 1, beta: 0 })).toBeCloseTo(1 - 1 / 1.5, 6);
  for (const loss of [losses.tversky(), losses.dice()]) {
    const { value, gradient } = measure(loss, [[0, 0]], [[0, 0]], same);
    expect([value.item(), ...gradient.data]).toEqual([1, 0, 0]);
  }
});

test("the generalized cross-entropy takes integer labels, and shares too", () => {
  const p = [[0.25, 0.75, 0], [0.1, 0.4, 0.5]]; // biome-ignore format: rows
  const loss = losses.categoricalGeneralizedCrossEntropy({ q: 0.5, reduction: "none" });
  const wanted = [(1 - Math.sqrt(0.25)) / 0.5, (1 - Math.sqrt(0.5)) / 0.5];
  const forms = [tensor([0, 2], [2], "int32"), tensor([0, 2], [2, 1], "int32"), [0, 2], [[1, 0, 0], [0, 0, 1]]]; // biome-ignore format: rows
  for (const labels of forms) {
    const { value, gradient } = measure(loss, labels as TensorLike, p, same);
    value.data.forEach((each, row) => {
      expect(each).toBeCloseTo(wanted[row] as number, 6);
    });
    expect(gradient.data[0]).toBeCloseTo(-1 / Math.sqrt(0.25), 5);
    expect(gradient.data[1]).toBeCloseTo(0, 12);
  }
  const { value, gradient } = measure(loss, [2, 0], p, same);
  expect(value.data[0]).toBe(2);
  expect(Array.from(gradient.data).every(Number.isFinite)).toBe(true);
  expect(() => measure(loss, [3, 0], p, same)).toThrow("received 3");
});
