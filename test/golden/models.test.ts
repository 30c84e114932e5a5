// Does a whole model train as in Keras, step by step?
//
// mlp.json and mlp.init.keras are those of the golden data; the initial weights were moved to mlp.init.safetensors.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Json } from "../../bindings/config.ts";
import { decodeSafetensors } from "../../bindings/formats/readSafetensors.ts";
import type { LossName } from "../../bindings/losses.ts";
import { modelFromConfig } from "../../bindings/models/fromConfig.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import type { Model } from "../../bindings/models/model.ts";
import { type Optimizer, optimizerFromConfig } from "../../bindings/optimizers.ts";
import { Tensor, type TensorData, type TensorLike } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor } from "./fixture.ts";

interface Summary {
  readonly path: string;
  readonly shape: readonly number[];
  readonly sum: number;
  readonly l2: number;
  readonly first?: readonly number[];
}

interface Step {
  readonly batch: number;
  readonly loss: number;
  readonly accuracy: number;
}

interface Trajectory {
  readonly model: { readonly class_name: string; readonly config: { readonly [key: string]: Json } };
  readonly compile: {
    readonly optimizer: { readonly class_name: string; readonly config: Readonly<Record<string, Json>> };
    readonly loss: LossName;
    readonly metrics: readonly ["accuracy"];
  };
  readonly batches: readonly { readonly x: readonly [GoldenTensor]; readonly y: readonly [GoldenTensor] }[];
  readonly steps: readonly Step[];
  readonly lossesFloat64: readonly number[];
  readonly finalWeightsSummary: readonly Summary[];
  readonly optimizerVariables: readonly Summary[];
  readonly predictInputs: readonly [GoldenTensor];
  readonly predictOutputs: readonly [GoldenTensor];
  readonly predictOutputsInitial: readonly [GoldenTensor];
  readonly resume: {
    readonly steps: readonly Step[];
    readonly lossesFloat64: readonly number[];
    readonly finalWeightsSummary: readonly Summary[];
  };
}

type Mlp = Model<TensorLike, Tensor, "accuracy">;

const golden = JSON.parse(readFileSync(new URL("./mlp.json", import.meta.url), "utf8")) as Trajectory;

/** What the README allows: losses, and weights after Adam, which makes much of rounding errors in small gradients. */
const lossTolerance = 1e-4;
const weightTolerance = 1e-4;

function initialModel(): Mlp {
  const model = modelFromConfig(golden.model.class_name, golden.model.config) as unknown as Mlp;
  const { tensors } = decodeSafetensors(readFileSync(new URL("./mlp.init.safetensors", import.meta.url)));
  model.setWeights(
    model.weights.map((weight) => {
      const stored = tensors.get(`sequential/${weight.name}`);
      return Tensor.of(stored?.data.slice() as TensorData, stored?.shape ?? [], "float32");
    }),
  );
  const { class_name, config } = golden.compile.optimizer;
  const optimizer: Optimizer = optimizerFromConfig(class_name, config);
  return model.compile({ optimizer, loss: golden.compile.loss, metrics: golden.compile.metrics }) as unknown as Mlp;
}

function runSteps(model: Mlp, steps: readonly Step[], losses: readonly number[]): void {
  steps.forEach((step, index) => {
    const { x, y } = golden.batches[step.batch] as Trajectory["batches"][number];
    const logs = model.trainOnBatch(fromGolden(x[0]), fromGolden(y[0]));
    const wanted = losses[index] as number;
    expect(Math.abs(logs.loss - wanted), `loss of step ${index}: ${logs.loss} instead of ${wanted}`).toBeLessThan(
      lossTolerance * (1 + wanted),
    );
    expect(logs.accuracy, `accuracy of step ${index}`).toBeCloseTo(step.accuracy, 6);
  });
}

/** The first numbers one by one; of all together their length and their sum, to which each adds its own error. */
function expectSummary(what: string, value: Tensor, wanted: Summary, tolerance: number): void {
  expect(value.shape, what).toEqual(wanted.shape);
  const numbers = Array.from(value.data);
  const sum = numbers.reduce((total, each) => total + each, 0);
  const l2 = Math.sqrt(numbers.reduce((total, each) => total + each * each, 0));
  wanted.first?.forEach((each, index) => {
    expect(Math.abs((numbers[index] as number) - each), `${what}[${index}]`).toBeLessThan(
      tolerance * (1 + Math.abs(each)),
    );
  });
  expect(Math.abs(l2 - wanted.l2), `${what}: length ${l2}, ${wanted.l2}`).toBeLessThan(tolerance * wanted.l2);
  const allowed = tolerance * (Math.abs(wanted.sum) + wanted.l2 * Math.sqrt(numbers.length));
  expect(Math.abs(sum - wanted.sum), `${what}: sum ${sum}, ${wanted.sum}`).toBeLessThan(allowed);
}

function expectWeights(model: Mlp, summaries: readonly Summary[]): void {
  model.getWeights().forEach((weight, index) => {
    const wanted = summaries[index] as Summary;
    expect(`sequential/${model.weights[index]?.name}`).toBe(wanted.path);
    expectSummary(wanted.path, weight, wanted, weightTolerance);
  });
}

test("mlp: the first predictions, ten steps of Adam, the predictions, weights and slots after them", () => {
  const model = initialModel();
  const predict = (): Tensor => model.predict(fromGolden(golden.predictInputs[0]));
  expectClose("initial predictions", predict(), golden.predictOutputsInitial[0], 1e-5);
  runSteps(model, golden.steps, golden.lossesFloat64);
  expectClose("predictions", predict(), golden.predictOutputs[0], 1e-4);
  expectWeights(model, golden.finalWeightsSummary);
  const { state } = model.trainer;
  expect(state.iteration.value.item()).toBe(10);
  expect(state.learningRate.value.item()).toBe(Math.fround(0.002));
  const slots = new Map(state.readSlots().map(({ name, value }) => [name, value]));
  for (const wanted of golden.optimizerVariables.slice(2)) {
    const [, layer, weight, role] = /^adam\/(.*)_(kernel|bias)_(.*)$/.exec(wanted.path) as unknown as string[];
    expectSummary(wanted.path, slots.get(`${role}/${layer}/${weight}`) as Tensor, wanted, 1e-3);
  }
});

test("mlp: three further steps after saving and loading", async () => {
  const model = initialModel();
  runSteps(model, golden.steps, golden.lossesFloat64);
  const resumed = decodeModel(await model.save(), "mlp") as unknown as Mlp;
  runSteps(resumed, golden.resume.steps, golden.resume.lossesFloat64);
  expectWeights(resumed, golden.resume.finalWeightsSummary);
});
