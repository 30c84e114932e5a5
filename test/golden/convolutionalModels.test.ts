// Do whole convolutional networks train as in Keras, step by step?
//
// Each file is that of the golden data with the architecture, from the .keras file, as `model`.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Json } from "../../bindings/config.ts";
import { type LossLike, lossFromConfig } from "../../bindings/losses.ts";
import { modelFromConfig } from "../../bindings/models/fromConfig.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import type { Model } from "../../bindings/models/model.ts";
import { optimizerFromConfig } from "../../bindings/optimizers.ts";
import type { Tensor, TensorLike } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor } from "./fixture.ts";

type JsonRecord = { readonly [key: string]: Json };

interface Configured {
  readonly class_name: string;
  readonly config: JsonRecord;
}

interface Named extends GoldenTensor {
  readonly name: string;
}

interface Summary {
  readonly path: string;
  readonly shape: readonly number[];
  readonly sum: number;
  readonly l2: number;
}

interface Step {
  readonly batch: number;
  readonly loss: number;
  readonly accuracy?: number;
}

interface Trajectory {
  readonly model: Configured;
  readonly compile: {
    readonly optimizer: Configured;
    readonly loss: string | Configured;
    readonly metrics: readonly "accuracy"[];
  };
  readonly initialWeights: readonly Named[];
  readonly finalWeights: readonly Named[];
  readonly batches: readonly { readonly x: readonly [GoldenTensor]; readonly y: readonly [GoldenTensor] | "x" }[];
  readonly steps: readonly Step[];
  readonly lossesFloat64: readonly number[];
  readonly predictInputs: readonly [GoldenTensor];
  readonly predictOutputs: readonly [GoldenTensor];
  readonly predictOutputsInitial: readonly [GoldenTensor];
  readonly resume: {
    readonly steps: readonly Step[];
    readonly lossesFloat64: readonly number[];
    readonly finalWeightsSummary: readonly Summary[];
  };
}

type Network = Model<TensorLike, Tensor, "accuracy">;

/** What the README allows: losses of ten steps, and weights after an optimizer that makes much of rounding errors. */
const lossTolerance = 2e-5;
const weightTolerance = 1e-4;

function load(name: string): Trajectory {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), "utf8")) as Trajectory;
}

function networkWith({ model: { class_name, config } }: Trajectory, weights: readonly Named[]): Network {
  const network = modelFromConfig(class_name, config) as unknown as Network;
  const prefix = class_name === "Sequential" ? `${network.name}/` : "";
  expect(network.weights.map((weight) => `${prefix}${weight.name}`)).toEqual(weights.map(({ name }) => name));
  network.setWeights(weights.map(fromGolden));
  return network;
}

function compiledNetwork(golden: Trajectory): Network {
  const network = networkWith(golden, golden.initialWeights);
  const { loss, metrics } = golden.compile;
  const resolved = typeof loss === "string" ? loss : lossFromConfig(loss.class_name, loss.config);
  const { class_name, config } = golden.compile.optimizer;
  network.compile({ optimizer: optimizerFromConfig(class_name, config), loss: resolved as LossLike, metrics });
  return network;
}

function runSteps(
  network: Network,
  golden: Trajectory,
  steps: readonly Step[],
  losses: readonly number[],
  first: number,
): void {
  steps.forEach((step, index) => {
    const { x, y } = golden.batches[step.batch] as Trajectory["batches"][number];
    const logs = network.trainOnBatch(fromGolden(x[0]), fromGolden(y === "x" ? x[0] : y[0]));
    const wanted = losses[index] as number;
    expect(Math.abs(logs.loss - wanted), `loss of step ${first + index}: ${logs.loss}, ${wanted}`).toBeLessThan(
      lossTolerance * (1 + wanted),
    );
    if (step.accuracy !== undefined) expect(logs.accuracy).toBeCloseTo(step.accuracy, 6);
  });
}

function expectWeights(network: Network, wanted: readonly Named[]): void {
  network.getWeights().forEach((weight, index) => {
    expectClose((wanted[index] as Named).name, weight, wanted[index] as Named, weightTolerance);
  });
}

/** Length and sum of each weight, to which each of its numbers adds its own error. */
function expectSummaries(network: Network, summaries: readonly Summary[]): void {
  network.getWeights().forEach((weight, index) => {
    const { shape, sum, l2, path } = summaries[index] as Summary;
    expect(weight.shape, path).toEqual(shape);
    const numbers = Array.from(weight.data);
    const allowed = weightTolerance * (l2 + Math.abs(sum) + numbers.length);
    expect(Math.abs(Math.hypot(...numbers) - l2), `length of ${path}`).toBeLessThan(allowed);
    expect(Math.abs(numbers.reduce((total, each) => total + each, 0) - sum), `sum of ${path}`).toBeLessThan(allowed);
  });
}

const predict = (network: Network, golden: Trajectory): Tensor => network.predict(fromGolden(golden.predictInputs[0]));

for (const name of ["cnn", "separable_residual", "conv_autoencoder"]) {
  const golden = load(name);

  test(`${name}: predictions with the first weights and with those after ten steps`, () => {
    expectClose(
      "initial",
      predict(networkWith(golden, golden.initialWeights), golden),
      golden.predictOutputsInitial[0],
      1e-5,
    );
    expectClose("final", predict(networkWith(golden, golden.finalWeights), golden), golden.predictOutputs[0], 1e-5);
  });

  test(`${name}: ten steps, and three more after saving and loading`, async () => {
    const network = compiledNetwork(golden);
    runSteps(network, golden, golden.steps, golden.lossesFloat64, 0);
    expectClose("predictions", predict(network, golden), golden.predictOutputs[0], 1e-4);
    expectWeights(network, golden.finalWeights);
    const resumed = decodeModel(await network.save(), name) as unknown as Network;
    runSteps(resumed, golden, golden.resume.steps, golden.resume.lossesFloat64, golden.steps.length);
    expectSummaries(resumed, golden.resume.finalWeightsSummary);
  });
}
