// What do layers of images and sequences make of nothing: no samples, no channels, no cells?

import { describe, expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import * as ops from "../../bindings/ops/index.ts";

type Sizes = readonly number[];

/** The shape of the result for an input of that shape, after a step forward and back in training. */
function passed(layer: Layer, shape: Sizes): Sizes {
  const x = ops.zeros([...shape]);
  const step = valueAndGrad((v: SymbolicTensor) => ops.sum(layer.apply(v, { training: true })));
  expect(step(x).value.item()).toBeCloseTo(0, 6);
  for (const { gradient } of step(x).variableGradients as unknown as { gradient?: { data: Float32Array } }[])
    expect(gradient?.data.every((each) => each === 0) ?? true).toBe(true);
  return compiled((v: SymbolicTensor) => layer.apply(v))(x).shape;
}

const images: readonly (readonly [string, () => Layer, Sizes, Sizes])[] = [
  ["adaptive averages", () => layers.adaptiveAveragePooling2D({ outputSize: 2 }), [0, 5, 6, 3], [0, 2, 2, 3]],
  ["adaptive maxima", () => layers.adaptiveMaxPooling2D({ outputSize: 2 }), [2, 5, 6, 0], [2, 2, 2, 0]],
  ["bilinear resizing", () => layers.resizing({ height: 3, width: 2 }), [0, 5, 6, 3], [0, 3, 2, 3]],
  [
    "resizing with cropping",
    () => layers.resizing({ height: 3, width: 2, cropToAspectRatio: true }),
    [0, 0, 0, 3],
    [0, 3, 2, 3],
  ],
  ["cropping", () => layers.centerCrop({ height: 3, width: 2 }), [0, 0, 6, 3], [0, 3, 2, 3]],
  ["pooling", () => layers.maxPooling2D({ poolSize: 3, padding: "same" }), [2, 0, 6, 3], [2, 0, 2, 3]],
  ["convolution", () => layers.conv2D({ filters: 4, kernelSize: 3, padding: "same" }), [2, 0, 6, 3], [2, 0, 6, 4]],
  ["depthwise convolution", () => layers.depthwiseConv2D({ kernelSize: 3 }), [2, 5, 6, 0], [2, 3, 4, 0]],
  ["separable convolution", () => layers.separableConv2D({ filters: 4, kernelSize: 3 }), [0, 5, 6, 3], [0, 3, 4, 4]],
  ["batch normalization", () => layers.batchNormalization(), [0, 5, 6, 3], [0, 5, 6, 3]],
];

describe("nothing in, nothing out", () => {
  it.each(images)("%s", (_, layer, shape, result) => {
    expect(passed(layer(), shape)).toEqual(result);
  });

  it.each([
    () => layers.adaptiveAveragePooling2D({ outputSize: 2 }),
    () => layers.adaptiveMaxPooling2D({ outputSize: 2 }),
    () => layers.resizing({ height: 3, width: 2 }),
    () => layers.resizing({ height: 3, width: 2, interpolation: "nearest" }),
    () => layers.centerCrop({ height: 3, width: 2 }),
  ])("but cells are not made of none", (layer) => {
    expect(() => passed(layer(), [2, 0, 6, 3])).toThrow(
      "expected an input with at least one cell along each spatial axis, received shape [2, 0, 6, 3]",
    );
  });

  it("a batch of nothing leaves the moving averages of a batch normalization as they are", () => {
    const layer = layers.batchNormalization();
    passed(layer, [0, 4, 3]);
    const values = layer.getWeights().map(({ data }) => [...data]);
    expect(values).toEqual([
      [1, 1, 1],
      [0, 0, 0],
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });
});
