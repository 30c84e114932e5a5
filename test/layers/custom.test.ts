// Can users write layers of their own, and are those as good as ours?

import { expect, test } from "vitest";
import type { Json } from "../../bindings/config.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { glorotUniform, zeros } from "../../bindings/initializers.ts";
import { activation, positiveInteger } from "../../bindings/layers/field.ts";
import { layerFromConfig, registerLayer } from "../../bindings/layers/fromConfig.ts";
import * as layers from "../../bindings/layers/index.ts";
import { defineLayer, type Layer, type LayerOptions } from "../../bindings/layers/layer.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { add, multiply, sigmoid, subtract } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { expectSameBits } from "../harness/compare.ts";
import { describeLayer, random } from "./describeLayer.ts";

interface HighwayOptions extends LayerOptions {
  readonly units: number;
  readonly activation?: "tanh" | "relu";
}

/** t·h + (1 − t)·x where t and h are dense (Srivastava et al., 2015). */
const highway: (options: HighwayOptions) => Layer = defineLayer({
  className: "Highway",
  fields: { units: positiveInteger(), activation: activation("tanh") },
  inputs: "one",
  weights: (_, { units }) => ({
    transform: { shape: [units, units], initializer: glorotUniform() },
    gate: { shape: [units, units], initializer: glorotUniform() },
    gateBias: { shape: [units], initializer: zeros() },
  }),
  call: (x, { options, weights }) => {
    const gate = sigmoid(add(matMul(x, weights.gate as SymbolicTensor), weights.gateBias as SymbolicTensor));
    const changed = options.activation.call(matMul(x, weights.transform as SymbolicTensor));
    return add(multiply(gate, changed), multiply(subtract(1, gate), x));
  },
});
registerLayer("Highway", highway as (options: never) => Layer);

describeLayer("Highway", [
  { title: "plain", make: () => highway({ units: 6 }), inputs: [[4, 6]], output: [4, 6], parameters: 78 },
  {
    title: "with options",
    make: () => highway({ units: 3, activation: "relu", name: "mine" }),
    inputs: [[2, 5, 3]],
    output: [2, 5, 3],
    parameters: 21,
  },
]);

test("a layer of one's own may change its weights in training, and ask whether it is trainable", () => {
  const counting: (options?: LayerOptions) => Layer = defineLayer({
    className: "Counting",
    fields: {},
    inputs: "one",
    weights: () => ({ count: { shape: [], initializer: zeros(), trainable: false, dtype: "int32" } }),
    call: (x, { weights, context, trainable, update }) => {
      if (context.training && trainable) update("count", add(weights.count as SymbolicTensor, x.shape[0] as number));
      return x;
    },
  });
  const layer = counting();
  const model = sequential([layer, layers.dense({ units: 1 })]).compile({ optimizer: "sgd", loss: "mse" });
  model.trainOnBatch([[1], [2]], [[1], [2]]);
  model.trainOnBatch([[3]], [[3]]);
  model.testOnBatch([[3]], [[3]]);
  model.predict([[3]]);
  expect(layer.getWeights()[0]?.item()).toBe(3);
  layer.trainable = false;
  expect(layer.apply([[1]], { training: true }).item()).toBe(1);
  expect(layer.getWeights()[0]?.item()).toBe(3);
  const wrong: () => Layer = defineLayer({
    className: "Wrong",
    fields: {},
    inputs: "one",
    weights: () => ({ count: { shape: [], initializer: zeros() } }),
    call: (x, { update }) => {
      update("cuont", x);
      return x;
    },
  });
  expect(() => wrong().apply([[1]])).toThrow('wrong: expected the name of a weight (count), received "cuont". Did you');
});

test("a layer of one's own may add to the loss, and act in training only", () => {
  const doubled: (options?: LayerOptions) => Layer = defineLayer({
    className: "Doubled",
    fields: {},
    inputs: "one",
    call: (x, { context }) => {
      context.addLoss(sum(x));
      return context.training ? multiply(x, 2) : x;
    },
  });
  const model = sequential([doubled({ inputShape: [2] })]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  expect(model.trainOnBatch([[1, 2]], [[2, 4]]).loss).toBe(3);
  expect(model.testOnBatch([[1, 2]], [[1, 2]]).loss).toBe(3);
  expect(model.predict([[1, 2]]).array()).toEqual([[1, 2]]);
});

test("errors name the layer of one's own and what is wrong with it", () => {
  expect(() => highway({ units: 0 })).toThrow("highway.units: expected an integer ≥ 1, received 0");
  expect(() => highway({ unit: 3 } as never)).toThrow('Did you mean "units"?');
  expect(() => highway({ units: 3, name: "wrong" }).apply(random("x", [2, 4]))).toThrow(/^wrong \(matMul\): expected/);
});

test("definitions that lack something are refused where they are made", () => {
  const sound = { className: "Sound", fields: {}, inputs: "one", call: (x: SymbolicTensor) => x };
  const refused: readonly (readonly [definition: unknown, text: string])[] = [
    [null, "defineLayer: expected an object of options, received null"],
    [5, "defineLayer: expected an object of options, received 5"],
    [{ ...sound, className: "" }, 'defineLayer.className: expected the type string, received ""'],
    [{ ...sound, fields: null }, "defineLayer.fields: expected the type object, received null"],
    [{ ...sound, inputs: undefined }, "defineLayer.inputs: expected the type string, received undefined"],
    [{ ...sound, call: undefined }, "defineLayer.call: expected the type function, received undefined"],
  ];
  for (const [definition, text] of refused) expect(() => defineLayer(definition as never)).toThrow(text);
  const make = defineLayer(sound as never);
  for (const options of [null, 5, [1], new Map()])
    expect(() => make(options as never)).toThrow("sound: expected an object of options");
});

test("a model with a registered layer survives a file", async () => {
  const model = sequential([
    layers.dense({ units: 6, inputShape: [3] }),
    highway({ units: 6 }),
    layers.dense({ units: 1 }),
  ]);
  const loaded = decodeModel(await model.save(), "test");
  const x = random("x", [4, 3]);
  expectSameBits([loaded.predict(x)], [model.predict(x)], "prediction");
});

test("configurations that describe no layer are refused", () => {
  const config = { name: "d", units: 3 };
  expect(() => layerFromConfig("Dens", config)).toThrow("layerFromConfig: expected the name of a layer class");
  expect(() => layerFromConfig("Dens", config)).toThrow('received "Dens". Did you mean "Dense"?');
  expect(() => layerFromConfig("toString", {})).toThrow("expected the name of a layer class");
  expect(() => layerFromConfig("Dense", null as never)).toThrow('layerFromConfig("Dense"): expected a configuration');
  expect(() => layerFromConfig("Dense", { ...config, unit: 3 })).toThrow('Did you mean "units"?');
  expect(() => layerFromConfig("Dense", { ...config, dtype: "float16" })).toThrow("Dense.dtype: expected float32");
  expect(() => layerFromConfig("Dense", { ...config, lora_rank: 4 })).toThrow("d: expected the name of an option");
  expect(() => layerFromConfig("InputLayer", { batch_shape: "28" } as Record<string, Json>)).toThrow(
    "shape: expected a list",
  );
});
