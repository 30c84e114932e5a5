// Do models of connected layers compute what was drawn: several ports, shared layers, models inside models?

import { expect, expectTypeOf, test } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { Json } from "../../bindings/config.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { modelFromConfig } from "../../bindings/models/fromConfig.ts";
import { model } from "../../bindings/models/functional.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { serializeLayer } from "../../bindings/models/serialize.ts";
import { square } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { sgd } from "../../bindings/optimizers.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { random } from "../layers/describeLayer.ts";

const left = random("left", [5, 4]);
const right = random("right", [5, 4]);

/** Two inputs, one tower for both, two outputs. */
function siamese() {
  const inputs = { left: input({ shape: [4] }), right: input({ shape: [4], name: "second" }) };
  const tower = sequential([layers.dense({ units: 3, activation: "tanh" }), layers.dense({ units: 2 })], {
    name: "tower",
  });
  const difference = layers.subtract().apply([tower.apply(inputs.left), tower.apply(inputs.right)]);
  const same = layers.dense({ units: 1, activation: "sigmoid", name: "same" }).apply(difference);
  return { tower, network: model({ inputs, outputs: { same, difference }, name: "siamese" }) };
}

test("named inputs and outputs are records, in data and in types", () => {
  const { network } = siamese();
  const result = network.predict({ left, right });
  expectTypeOf(result).toEqualTypeOf<{ readonly same: Tensor; readonly difference: Tensor }>();
  expect(Object.keys(result)).toEqual(["same", "difference"]);
  expect(result.same.shape).toEqual([5, 1]);
  expect(result.difference.shape).toEqual([5, 2]);
  const swapped = network.predict({ right: left, left: right });
  expect(Array.from(swapped.difference.data)).toEqual(Array.from(result.difference.data, (each) => -each + 0));
});

test("a shared model has its weights once, and gets the gradients of all its uses", () => {
  const { tower, network } = siamese();
  expect(network.weights.map(({ name }) => name)).toEqual([
    "tower/dense/kernel",
    "tower/dense/bias",
    "tower/dense_1/kernel",
    "tower/dense_1/bias",
    "same/kernel",
    "same/bias",
  ]);
  expect(network.countParams()).toBe(4 * 3 + 3 + 3 * 2 + 2 + 2 + 1);
  network.compile({
    optimizer: sgd({ learningRate: 1 }),
    loss: { same: "mse", difference: "mse" },
    lossWeights: { same: 0 },
  });
  const before = tower.getWeights()[2] as Tensor;
  const zero = { same: random("same", [5, 1]), difference: random("zero", [5, 2]) };
  const wanted = valueAndGrad(
    (a: SymbolicTensor, b: SymbolicTensor, target: SymbolicTensor) => {
      const difference = layers.subtract().apply([tower.apply(a), tower.apply(b)]);
      return meanSquare(layers.subtract().apply([difference, target]));
    },
    { variables: tower.trainableWeights },
  )(left, right, zero.difference).variableGradients[2] as Tensor;
  network.trainOnBatch({ left, right }, zero);
  tower.getWeights()[2]?.data.forEach((after, index) => {
    expect(after).toBeCloseTo((before.data[index] as number) - (wanted.data[index] as number), 5);
  });
});

function meanSquare(x: SymbolicTensor): SymbolicTensor {
  return layers.rescaling({ scale: 1 / x.size }).apply(sum(square(x)));
}

test("losses of named outputs are weighted, reported one by one, and metrics carry the output's name", () => {
  const { network } = siamese();
  network.compile({
    optimizer: "sgd",
    loss: { same: "binaryCrossentropy", difference: "mae" },
    lossWeights: { difference: 0.25 },
    metrics: { same: ["accuracy"], difference: ["mse", "mae"] },
  });
  const y = { same: [[1], [0], [1], [0], [1]], difference: random("y", [5, 2]) };
  const logs = network.testOnBatch({ left, right }, y) as Readonly<Record<string, number>>;
  expect(Object.keys(logs)).toEqual([
    "loss",
    "sameLoss",
    "differenceLoss",
    "sameAccuracy",
    "differenceMse",
    "differenceMae",
  ]);
  expect(logs.loss).toBeCloseTo((logs.sameLoss as number) + 0.25 * (logs.differenceLoss as number), 5);
  expect(logs.differenceMae).toBeCloseTo(logs.differenceLoss as number, 5);
});

test("a layer applied several times, a residual and a diamond compute what they say", () => {
  const x = input({ shape: [3] });
  const double = layers.dense({ units: 3, useBias: false, kernelInitializer: "identity", name: "double" });
  const once = double.apply(x);
  const twice = double.apply(once);
  const y = layers.concatenate().apply([layers.add().apply([x, once, twice]), twice]);
  const network = model({ inputs: x, outputs: y });
  double.setWeights([
    [
      [2, 0, 0],
      [0, 2, 0],
      [0, 0, 2],
    ],
  ]);
  expect(network.predict([[1, 2, 3]]).array()).toEqual([[7, 14, 21, 4, 8, 12]]);
  expect(network.layers.map(({ name }) => name)).toEqual(["input_layer", "double", "add", "concatenate"]);
  expect(network.countParams()).toBe(9);
});

test("a model is a layer: on values, on symbols and with training", () => {
  const inner = sequential([layers.dense({ units: 2 }), layers.dropout({ rate: 0.5 })]);
  inner.build([[null, 4]]);
  expectSameBits([inner.apply(left)], [inner.predict(left)], "on values");
  expectSameBits([compiled((x: SymbolicTensor) => inner.apply(x))(left)], [inner.predict(left)], "on symbols");
  const dropped = inner.apply(left, { training: true });
  expect(dropped.data.some((each) => each === 0)).toBe(true);
  const outer = sequential([inner, layers.dense({ units: 1 })]);
  outer.compile({ optimizer: "sgd", loss: "mse" });
  outer.trainOnBatch(left, random("y", [5, 1]));
  expect(outer.weights.map(({ name }) => name)).toEqual([
    "sequential/dense/kernel",
    "sequential/dense/bias",
    "dense/kernel",
    "dense/bias",
  ]);
});

test("the configuration of a model makes the same model", () => {
  for (const original of [
    siamese().network,
    sequential([siamese().tower, layers.dense({ units: 1, inputShape: [2] })]),
  ]) {
    if (!original.built) original.build([[null, 4]]);
    const written = JSON.parse(JSON.stringify(serializeLayer(original))) as {
      class_name: string;
      config: Record<string, never>;
    };
    const copy = modelFromConfig(written.class_name, written.config);
    expect(JSON.parse(JSON.stringify(serializeLayer(copy)))).toEqual(written);
    expect(copy.weights.map(({ name }) => name)).toEqual(original.weights.map(({ name }) => name));
    copy.setWeights(original.getWeights());
    expectSameBits(copy.getWeights(), original.getWeights(), "weights");
  }
});

test("ports that a configuration lists without names have those of their layers", () => {
  const [a, b] = [input({ shape: [4], name: "a" }), input({ shape: [4], name: "b" })];
  const network = model({ inputs: { a, b }, outputs: layers.subtract({ name: "gap" }).apply([a, b]), name: "listed" });
  const written = JSON.parse(JSON.stringify(serializeLayer(network))) as {
    class_name: string;
    config: Record<string, Json>;
  };
  const listed = {
    input_layers: [
      ["a", 0, 0],
      ["b", 0, 0],
    ],
    output_layers: [["gap", 0, 0]],
  };
  const copy = modelFromConfig(written.class_name, { ...written.config, ...listed });
  const predicted = copy.predict({ b: right, a: left } as never) as Tensor;
  expectSameBits([predicted], [network.predict({ a: left, b: right })], "prediction");
});

test("models that cannot be put together are refused", () => {
  const [a, b] = [input({ shape: [3], name: "a" }), input({ shape: [3], name: "b" })];
  const both = layers.add().apply([a, b]);
  expect(() => model({ inputs: { a }, outputs: both })).toThrow(
    'functional: expected outputs that depend on the given inputs only, received an output that needs the input "b". Add it to `inputs`.',
  );
  const twin = (): ReturnType<typeof a.call.layer.getConfig> | unknown =>
    layers.dense({ units: 1, name: "twin" }).apply(a);
  expect(() => model({ inputs: a, outputs: layers.add().apply([twin() as typeof a, twin() as typeof a]) })).toThrow(
    'expected a different name for each layer, received two layers named "twin"',
  );
  expect(() => model({ inputs: {}, outputs: both })).toThrow("functional.inputs: expected a placeholder");
  expect(() => model({ inputs: { a, b }, outputs: 3 as never })).toThrow("functional.outputs: expected a placeholder");
  expect(() => model({ inputs: { a: left as never, b }, outputs: both })).toThrow(
    "functional.inputs.a: expected a placeholder",
  );
  expect(() => layers.add().apply([a, left] as never)).toThrow("add: expected inputs of one kind");
});
