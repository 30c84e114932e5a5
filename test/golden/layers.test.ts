// Do the layers, their gradients and their penalties agree with Keras?

import { expect } from "vitest";
import { compiled, type ValueAndGradients, valueAndGrad } from "../../bindings/compiled.ts";
import type { Json } from "../../bindings/config.ts";
import { type SymbolicTensor, toSymbolic } from "../../bindings/graph.ts";
import { layerFromConfig } from "../../bindings/layers/fromConfig.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { setMask } from "../../bindings/layers/masks.ts";
import type { NormalizationLayer } from "../../bindings/layers/preprocessing.ts";
import { asFloat, multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { type Exceptions, expectClose, fromGolden, type GoldenTensor, loadCases, runCases } from "./fixture.ts";

interface Named extends GoldenTensor {
  readonly name: string;
}

/** A tensor among the arguments of a call. */
interface Held {
  readonly __tensor__: GoldenTensor;
}

interface Case {
  readonly id: string;
  readonly className: string;
  readonly config: Readonly<Record<string, Json>>;
  readonly inputMode: "single" | "list" | "args";
  readonly inputs: readonly GoldenTensor[];
  readonly callKwargs: { readonly training?: boolean; readonly mask?: Held; readonly count_weights?: Held };
  readonly adaptData?: GoldenTensor | null;
  readonly weights: readonly Named[];
  readonly outputs: readonly GoldenTensor[];
  readonly losses?: readonly number[];
  /** Missing where nothing has a gradient. */
  readonly upstream?: readonly (GoldenTensor | null)[];
  readonly inputGradients: readonly (GoldenTensor | null)[];
  readonly weightGradients: readonly (GoldenTensor | null)[];
  /** The weights that the call changed. */
  readonly weightsAfter?: readonly Named[];
}

type Gradients = Pick<ValueAndGradients<Tensor>, "gradients" | "variableGradients">;

/** The README's tolerance of each file, with what it allows more for. */
const families: Readonly<Record<string, number>> = {
  core: 2e-6,
  activation: 2e-6,
  merging: 2e-6,
  regularization: 2e-6,
  reshaping: 2e-6,
  pooling: 2e-6,
  preprocessing: 1e-5,
  convolutional: 5e-6,
  normalization: 1e-5,
};

const keras38 = "Keras 3.8 adds up all partial sums for the threshold, so its rows do not sum to 1";

const keras38Torch =
  "Keras 3.8 on torch pads by the size of the image as well, so that it lands in a corner; later versions centre it";
const keras38Crop =
  "Keras 3.8 leaves images as large as they are when it predicts, at odds with the shape that it foretells";

/** What cannot agree: values of Keras that are not right. */
const exceptions: Readonly<Record<string, Exceptions>> = {
  activation: { notFollowed: { activation_sparsemax: keras38 } },
  preprocessing: {
    notFollowed: {
      resizing_bilinear_pad_aspect: keras38Torch,
      random_crop_larger_infer: keras38Crop,
      random_crop_aspect_infer: keras38Crop,
    },
  },
};

for (const [family, tolerance] of Object.entries(families))
  runCases(
    `layers ${family}`,
    loadCases<Case>(`layers_${family}`),
    (golden) => runCase(golden, golden.id === "activation_squareplus" ? 2e-5 : tolerance),
    exceptions[family] ?? {},
  );

function runCase(golden: Case, tolerance: number): void {
  const layer = layerFromConfig(golden.className, golden.config);
  const inputs = golden.inputs.map(fromGolden);
  prepare(layer, golden, inputs);
  const training = golden.callKwargs.training ?? false;
  const mask = golden.callKwargs.mask === undefined ? undefined : fromGolden(golden.callKwargs.mask.__tensor__);
  const counted = golden.callKwargs.count_weights;
  const given =
    counted !== undefined
      ? [...inputs, fromGolden(counted.__tensor__)]
      : golden.inputMode === "list"
        ? inputs
        : (inputs[0] as Tensor);
  const output = layer.apply(given as Tensor, mask === undefined ? { training } : { training, mask });
  expectClose("output", output, golden.outputs[0] as GoldenTensor, tolerance);
  expect(output.dtype).toBe((golden.outputs[0] as GoldenTensor).dtype ?? "float32");
  expectWeightsAfter(layer, golden, tolerance);

  expectClose("penalties", penalties(layer, inputs, training), sorted(penaltiesOf(golden)), 1e-6);

  if (golden.upstream === undefined) {
    // Keras computed no gradients for this case.
    expect(golden.inputGradients ?? []).toEqual([]);
    expect(golden.weightGradients ?? []).toEqual([]);
    return;
  }
  if (golden.weightsAfter !== undefined) layer.setWeights(golden.weights.map(fromGolden));
  const { gradients, variableGradients } = differentiate(layer, golden, inputs, { training, mask });
  golden.inputGradients.forEach((wanted, index) => {
    const input = golden.inputs[index] as GoldenTensor;
    if (wanted !== null) expectClose(`gradient of input ${index}`, gradients[index] as Tensor, wanted, tolerance);
    else if (gradients[index] !== null)
      expectClose(`no gradient of input ${index}`, gradients[index] as Tensor, zerosLike(input), 0);
  });
  const trained = layer.weights.flatMap((weight, index) => (layer.trainableWeights.includes(weight) ? [index] : []));
  expect(variableGradients.length).toBe(trained.length);
  trained.forEach((position, index) => {
    const weight = golden.weights[position] as Named;
    const each = golden.weightGradients[position];
    expectClose(`gradient of ${weight.name}`, variableGradients[index] as Tensor, each ?? zerosLike(weight), tolerance);
  });
}

/** Builds the layer, and gives it the golden weights: learnt from data where Keras learnt them. */
function prepare(layer: Layer, golden: Case, inputs: readonly Tensor[]): void {
  layer.build(inputs.map((input) => input.shape));
  expect(layer.weights.map((weight) => weight.name.split("/").pop())).toEqual(
    golden.weights.map(({ name }) => name.split("/").pop()),
  );
  if (golden.adaptData == null) {
    layer.setWeights(golden.weights.map(fromGolden));
    return;
  }
  (layer as NormalizationLayer).adapt(fromGolden(golden.adaptData));
  layer.getWeights().forEach((weight, index) => {
    expectClose(`adapted ${golden.weights[index]?.name}`, weight, golden.weights[index] as Named, 1e-5);
  });
}

/** Those that the call changed have their new values, all others keep their bits. */
function expectWeightsAfter(layer: Layer, golden: Case, tolerance: number): void {
  if (golden.adaptData != null) {
    // What was learnt from data is compared in `prepare`.
    expect(golden.weightsAfter ?? []).toEqual([]);
    return;
  }
  const changed = new Map((golden.weightsAfter ?? []).map((weight) => [weight.name, weight]));
  layer.getWeights().forEach((weight, index) => {
    const before = golden.weights[index] as Named;
    const after = changed.get(before.name);
    if (after === undefined) expect(weight.data, `${before.name} is as before`).toEqual(fromGolden(before).data);
    else expectClose(`${before.name} afterwards`, weight, after, tolerance);
  });
}

/** Which of the penalties, ascending, is that of the result: Keras divides it by the batch size since 3.14. */
const ofResult: Readonly<Record<string, number>> = {
  activation_regularization_l1l2: 0,
  activity_regularization_l2: 0,
  dense_l1l2_regularized: 2,
};

function penaltiesOf({ id, inputs, losses = [] }: Case): number[] {
  const batch = inputs[0]?.shape[0] as number;
  return [...losses].sort((a, b) => a - b).map((loss, index) => (index === ofResult[id] ? loss / batch : loss));
}

/** What the layer adds to the loss of a model. */
function penalties(layer: Layer, inputs: readonly Tensor[], training: boolean): Tensor {
  const added = (...symbols: SymbolicTensor[]): SymbolicTensor[] => {
    const found: SymbolicTensor[] = [];
    layer.invoke(symbols, { training, seed: 1, step: 1, addLoss: (loss) => void found.push(loss) });
    return found;
  };
  const values = compiled(added)(...inputs).map((value) => value.item());
  return tensor(Float32Array.from(values.sort((a, b) => a - b)));
}

/** The gradients of Σ output · upstream; penalties do not belong to it. */
function differentiate(
  layer: Layer,
  golden: Case,
  inputs: readonly Tensor[],
  { training, mask }: { readonly training: boolean; readonly mask: Tensor | undefined },
): Gradients {
  const upstream = golden.upstream?.[0] == null ? tensor(0) : fromGolden(golden.upstream[0]);
  const total = (...symbols: SymbolicTensor[]): SymbolicTensor => {
    if (mask !== undefined) setMask(symbols[0] as SymbolicTensor, toSymbolic(mask));
    const output = layer.invoke(symbols, { training, seed: 1, step: 1, addLoss: () => {} });
    return sum(multiply(asFloat(output), upstream));
  };
  return valueAndGrad(total, { variables: layer.trainableWeights })(...inputs);
}

function sorted(values: readonly number[]): GoldenTensor {
  return { shape: [values.length], data: [...values].sort((a, b) => a - b) };
}

function zerosLike({ shape, data }: GoldenTensor): GoldenTensor {
  return { shape, data: data.map(() => 0) };
}
