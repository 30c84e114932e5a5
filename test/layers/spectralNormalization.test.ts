// Does spectral normalization bring the largest singular value of a kernel to 1, and leave all else to the layer inside?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { tensor, zeros } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { describeLayer, random } from "./describeLayer.ts";

describeLayer("SpectralNormalization", [
  {
    title: "of a dense layer",
    make: () => layers.spectralNormalization({ layer: layers.dense({ units: 3, activation: "tanh" }) }),
    inputs: [[5, 4]],
    output: [5, 3],
    parameters: 18,
  },
  {
    title: "of a convolution, with all options",
    make: () =>
      layers.spectralNormalization({
        name: "bounded",
        powerIterations: 3,
        layer: layers.conv2D({ filters: 2, kernelSize: 3, kernelConstraint: "maxNorm", kernelRegularizer: "l2" }),
      }),
    inputs: [[2, 5, 5, 2]],
    output: [2, 3, 3, 2],
    parameters: 40,
  },
]);

const x = random("spectral normalization", [4, 2]);
/** A dense layer whose kernel has the singular values 3 and 1, wrapped. */
function wrapped(powerIterations: number): Layer {
  const layer = layers.spectralNormalization({ layer: layers.dense({ units: 2 }), powerIterations });
  layer.build([[null, 2]]);
  layer.setWeights([
    [
      [0, 3],
      [-1, 0],
    ],
    [[0.6, 0.8]],
    [0, 0],
  ]);
  return layer;
}

test("a training step divides the kernel by its largest singular value, so that it becomes 1", () => {
  const layer = wrapped(12);
  layer.apply(x, { training: true });
  const [kernel, u] = layer.getWeights();
  expect(Array.from(kernel?.data ?? []).map((each) => Math.abs(each))).toEqual([0, 1, expect.closeTo(1 / 3, 6), 0]);
  expect(Math.abs(u?.data[1] ?? 0)).toBeCloseTo(1, 6);
});

test("predicting leaves it alone", () => {
  const layer = wrapped(1);
  const before = layer.getWeights();
  layer.apply(x);
  expectSameBits(layer.getWeights(), before, "weights");
});

test("a kernel of zeros stays one of zeros", () => {
  const layer = wrapped(1);
  layer.setWeights([zeros([2, 2]), tensor([[0.6, 0.8]]), [0, 0]]);
  layer.apply(x, { training: true });
  expect(layer.getWeights().map((weight) => weight.array())).toEqual([
    [
      [0, 0],
      [0, 0],
    ],
    [[Math.fround(0.6), Math.fround(0.8)]],
    [0, 0],
  ]);
});

test("optimizers change the weights of the layer inside, not u, and none when it is not trainable", () => {
  const layer = wrapped(1);
  expect(layer.trainableWeights.map(({ name }) => name)).toEqual([
    "spectral_normalization/kernel",
    "spectral_normalization/bias",
  ]);
  const net = sequential([layer]).compile({ optimizer: "sgd", loss: "mse" });
  const [, , bias] = layer.getWeights();
  net.trainOnBatch(x as never, zeros([4, 2]) as never);
  expect(layer.getWeights()[2]?.data).not.toEqual(bias?.data);
  layer.trainable = false;
  expect(layer.trainableWeights).toEqual([]);
});

test("a layer without a kernel, and what is no layer, are errors", () => {
  const without = layers.spectralNormalization({ layer: layers.batchNormalization() });
  expect(() => without.apply(x)).toThrow(/expected a layer with a weight kernel or embeddings, received BatchNorm/);
  expect(() => layers.spectralNormalization({ layer: "dense" } as never)).toThrow(/layer: expected a layer, received/);
  const options = { layer: layers.dense({ units: 1 }), powerIterations: 0 };
  expect(() => layers.spectralNormalization(options)).toThrow(/powerIterations: expected an integer ≥ 1, received 0/);
});
