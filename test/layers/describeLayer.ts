// What must every layer do? Build, count, survive its own configuration, train, and survive a file.

import { beforeAll, describe, expect, test } from "vitest";
import { input } from "../../bindings/layers/core.ts";
import { layerFromConfig } from "../../bindings/layers/fromConfig.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import type { Placeholder } from "../../bindings/layers/placeholder.ts";
import { model } from "../../bindings/models/functional.ts";
import { decodeModel } from "../../bindings/models/loading.ts";
import { adam } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type DType, type Shape, sizeOf, type Tensor, tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { floats, generator, integers, seedOf } from "../harness/random.ts";

/** One way to use a layer. */
export interface LayerCase {
  /** What is special about it; unique within the layer. */
  readonly title: string;
  /** A new layer; the same options each time. */
  readonly make: () => Layer;
  /** Shapes of the inputs, batch first. */
  readonly inputs: readonly Shape[];
  /** Default float32. */
  readonly dtype?: DType;
  readonly output: Shape;
  /** Number of weights' elements. */
  readonly parameters?: number;
  /** Called before the layer is used, such as `adapt`. */
  readonly prepare?: (layer: Layer, inputs: readonly Tensor[]) => void;
  /** False when the layer passes no gradient on, or none that is worth following. Default true. */
  readonly trains?: boolean;
}

/** Describes a layer by the cases in which it is used. */
export function describeLayer(name: string, cases: readonly LayerCase[]): void {
  for (const each of cases) describe(`${name}, ${each.title}`, () => describeCase(name, each));
}

function describeCase(name: string, given: LayerCase): void {
  const { make, output, parameters = 0 } = given;
  const inputs = given.inputs.map((shape, index) => random(`${name} ${given.title} ${index}`, shape, given.dtype));
  const x = argument(inputs);
  const prepared = (): Layer => {
    const layer = make();
    layer.build(inputs.map(({ shape }) => shape));
    given.prepare?.(layer, inputs);
    return layer;
  };
  beforeAll(() => setSeed(seedOf(name)));

  test("builds, counts its weights, and gives the shape it says", () => {
    const layer = prepared();
    expect(layer.className).toBe(name);
    expect(layer.built).toBe(true);
    expect(layer.countParams()).toBe(parameters);
    expect(layer.getWeights().reduce((count, weight) => count + weight.size, 0)).toBe(parameters);
    expect(layer.apply(x).shape).toEqual(output);
    expect(layer.apply(argument(Object.values(placeholders(given)))).shape).toEqual([null, ...output.slice(1)]);
  });

  test("comes back from its configuration, with the same bits", () => {
    const layer = prepared();
    const config = layer.getConfig();
    const copy = layerFromConfig(layer.className, JSON.parse(JSON.stringify(config)) as typeof config);
    expect(copy.getConfig()).toEqual(config);
    copy.build(inputs.map(({ shape }) => shape));
    copy.setWeights(layer.getWeights());
    expectSameBits([copy.apply(x)], [layer.apply(x)], "output");
  });

  test("ten steps reduce a loss", { skip: given.trains === false }, () => {
    const network = networkOf(prepared(), given);
    network.compile({ optimizer: adam({ learningRate: 0.02 }), loss: "meanSquaredError" });
    const y = random(`${name} target`, [output[0] as number, 2], "float32");
    const data = named(inputs);
    const before = network.testOnBatch(data, y).loss;
    for (let step = 0; step < 10; step++) network.trainOnBatch(data, y);
    const after = network.testOnBatch(data, y).loss;
    expect(after).toBeLessThan(before * 0.95);
  });

  test("saved and loaded, it gives the same bits", async () => {
    const layer = prepared();
    const ports = placeholders(given);
    const single = model({ inputs: ports, outputs: layer.apply(argument(Object.values(ports))) });
    const loaded = decodeModel(await single.save(), "test");
    expectSameBits([loaded.predict(named(inputs) as never)], [single.predict(named(inputs))], "prediction");
    expect(loaded.countParams()).toBe(parameters);
  });
}

/** A network that the layer is in the middle of, so that gradients must pass through it. */
function networkOf(layer: Layer, given: LayerCase): ReturnType<typeof model<Record<string, Placeholder>, Placeholder>> {
  const inputs = placeholders(given);
  const before = Object.values(inputs).map((each) => {
    const units = each.shape[each.shape.length - 1] as number;
    return each.shape.length > 1 && each.dtype === "float32" ? layers.dense({ units }).apply(each) : each;
  });
  const middle = layer.apply(argument(before));
  const after = layers.dense({ units: 2 }).apply(layers.flatten().apply(middle));
  return model({ inputs, outputs: after });
}

/** The inputs of a model that takes what the case takes. */
function placeholders({ inputs, dtype = "float32" }: LayerCase): Record<string, Placeholder> {
  return Object.fromEntries(inputs.map(([, ...shape], index) => [`x${index}`, input({ shape, dtype })]));
}

/** One value as it is, several as a list: what `apply` takes. */
function argument<T>(each: readonly T[]): T {
  return (each.length === 1 ? each[0] : each) as T;
}

function named(inputs: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(inputs.map((value, index) => [`x${index}`, value]));
}

/** Seeded data of `shape`: numbers in [-2, 2), or small integers. */
export function random(seed: string, shape: Shape, dtype: DType = "float32"): Tensor {
  const next = generator(seedOf(seed));
  const count = sizeOf(shape);
  if (dtype === "float32") return tensor(floats(next, count, { low: -2, high: 2 }), shape);
  return tensor(integers(next, count, { low: 0, high: dtype === "bool" ? 1 : 9 }), shape, dtype);
}
