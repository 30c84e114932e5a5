// Do the layers, their gradients and their penalties agree with Keras?

import { expect } from "vitest";
import { valueAndGrad } from "../../bindings/compiled.ts";
import type { Json } from "../../bindings/config.ts";
import { TensorError } from "../../bindings/errors.ts";
import { read, SymbolicTensor } from "../../bindings/graph.ts";
import { layerFromConfig } from "../../bindings/layers/fromConfig.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { NormalizationLayer } from "../../bindings/layers/preprocessing.ts";
import { asFloat, multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { Tensor, tensor } from "../../bindings/tensor.ts";
import { expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Named extends GoldenTensor {
  readonly name: string;
}

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Readonly<Record<string, Json>>;
  readonly inputMode: "single" | "list" | "args";
  readonly inputs: readonly GoldenTensor[];
  readonly callKwargs: { readonly training?: boolean; readonly mask?: unknown };
  readonly adaptData?: GoldenTensor | null;
  readonly weights: readonly Named[];
  readonly outputs: readonly GoldenTensor[];
  readonly losses?: readonly number[];
  readonly upstream: readonly (GoldenTensor | null)[];
  readonly inputGradients: readonly (GoldenTensor | null)[];
  readonly weightGradients: readonly (GoldenTensor | null)[];
}

/** The README's tolerance of each file, with what it allows more for. */
const families: Readonly<Record<string, number>> = {
  core: 2e-6,
  activation: 2e-6,
  merging: 2e-6,
  regularization: 2e-6,
  reshaping: 2e-6,
  preprocessing: 1e-5,
};

for (const [family, tolerance] of Object.entries(families))
  runCases(
    `layers ${family}`,
    loadCases<Case>(`layers_${family}`),
    (golden) => runCase(golden, golden.id === "activation_squareplus" ? 2e-5 : tolerance),
    { unsupported: family === "activation" ? 1 : 0 },
  );

function runCase(golden: Case, tolerance: number): void {
  const layer = layerFromConfig(golden.className, golden.config);
  const inputs = golden.inputs.map(fromGolden);
  if (golden.callKwargs.mask !== undefined)
    throw new TensorError("unsupported", {
      where: golden.id,
      expected: "a call without a mask",
      received: "one with a mask",
      remedy: "Masks come with the layers that make them.",
    });
  prepare(layer, golden, inputs);
  const training = golden.callKwargs.training ?? false;
  const given = golden.inputMode === "list" ? inputs : (inputs[0] as Tensor);
  const output = layer.apply(given as Tensor, { training });
  expectClose("output", output, golden.outputs[0] as GoldenTensor, tolerance);
  expect(output.dtype).toBe((golden.outputs[0] as GoldenTensor).dtype ?? "float32");

  const { value, gradients, variableGradients } = differentiate(layer, golden, inputs, training);
  expectClose("losses", value, sorted(golden.losses ?? []), 1e-6);
  golden.inputGradients.forEach((wanted, index) => {
    const input = golden.inputs[index] as GoldenTensor;
    if (wanted !== null) expectClose(`gradient of input ${index}`, gradients[index] as Tensor, wanted, tolerance);
    else if (gradients[index] !== null) expectClose(`no gradient of input ${index}`, gradients[index] as Tensor, zerosLike(input), 0);
  });
  const wanted = golden.weightGradients.filter((_, index) => layer.weights[index]?.trainable === true);
  expect(variableGradients.length).toBe(wanted.length);
  wanted.forEach((each, index) => {
    const weight = golden.weights[index] as Named;
    expectClose(`gradient of ${weight.name}`, variableGradients[index] as Tensor, each ?? zerosLike(weight), tolerance);
  });
}

/** Builds the layer, and gives it the golden weights: learnt from data where Keras learnt them. */
function prepare(layer: Layer, golden: Case, inputs: readonly Tensor[]): void {
  layer.build(inputs.map((input) => input.shape));
  expect(layer.weights.map((weight) => weight.name.split("/").pop())).toEqual(golden.weights.map(({ name }) => name));
  if (golden.adaptData == null) return layer.setWeights(golden.weights.map(fromGolden));
  (layer as NormalizationLayer).adapt(fromGolden(golden.adaptData));
  layer.getWeights().forEach((weight, index) => {
    expectClose(`adapted ${golden.weights[index]?.name}`, weight, golden.weights[index] as Named, 1e-5);
  });
}

/** Penalties, sorted, and the gradients of Σ output · upstream, to which penalties do not belong. */
function differentiate(
  layer: Layer,
  golden: Case,
  inputs: readonly Tensor[],
  training: boolean,
): { value: Tensor; gradients: readonly unknown[]; variableGradients: readonly Tensor[] } {
  const upstream = golden.upstream[0];
  const penalties: SymbolicTensor[] = [];
  const context = { training, seed: 1, step: 1, addLoss: (loss: SymbolicTensor) => penalties.push(loss) };
  const total = (...symbols: SymbolicTensor[]): SymbolicTensor => {
    const output = layer.invoke(symbols, { ...context, addLoss: () => {} });
    return sum(multiply(asFloat(output), upstream == null ? tensor(0) : fromGolden(upstream)));
  };
  const found = valueAndGrad(total, { variables: [...layer.trainableWeights] })(...inputs);
  const each = (golden.losses ?? []).map((_, index) =>
    valueAndGrad((...symbols: SymbolicTensor[]) => {
      penalties.length = 0;
      layer.invoke(symbols, context as never);
      return penalties[index] as SymbolicTensor;
    })(...inputs).value.item(),
  );
  layer.invoke; // the penalties of a layer without any stay empty
  return { ...found, value: Tensor.of(Float32Array.from(each.sort((a, b) => a - b)), [each.length], "float32") };
}

function sorted(values: readonly number[]): GoldenTensor {
  return { shape: [values.length], data: [...values].sort((a, b) => a - b) };
}

function zerosLike({ shape, data }: GoldenTensor): GoldenTensor {
  return { shape, data: data.map(() => 0) };
}
