// Are whole channels dropped, each sample its own, and only in training?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { transpose } from "../../bindings/ops/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeLayer } from "./describeLayer.ts";

const rate = 0.25;
describeLayer("SpatialDropout1D", [
  { title: "of a quarter", make: () => layers.spatialDropout1D({ rate }), inputs: [[8, 5, 3]], output: [8, 5, 3] },
]);
describeLayer("SpatialDropout2D", [
  {
    title: "with a seed",
    make: () => layers.spatialDropout2D({ rate, seed: 3 }),
    inputs: [[8, 5, 3, 4]],
    output: [8, 5, 3, 4],
  },
  {
    title: "with the channels first",
    make: () => layers.spatialDropout2D({ rate, dataFormat: "channelsFirst" }),
    inputs: [[8, 4, 5, 3]],
    output: [8, 4, 5, 3],
  },
]);
describeLayer("SpatialDropout3D", [
  {
    title: "of a quarter",
    make: () => layers.spatialDropout3D({ rate }),
    inputs: [[8, 2, 3, 2, 3]],
    output: [8, 2, 3, 2, 3],
  },
]);

const samples = 60;
const channels = 50;
const makers: readonly (readonly [Layer, number, boolean])[] = [
  [layers.spatialDropout1D({ rate }), 1, false],
  [layers.spatialDropout2D({ rate }), 2, false],
  [layers.spatialDropout3D({ rate }), 3, false],
  [layers.spatialDropout2D({ rate, dataFormat: "channelsFirst" }), 2, true],
  [layers.spatialDropout3D({ rate, dataFormat: "channelsFirst" }), 3, true],
];

test.each(makers)("%o drops a quarter of the channels, whole", (layer, axes, first) => {
  setSeed(1);
  const sizes = [2, 3, 2].slice(0, axes);
  const shape = first ? [samples, channels, ...sizes] : [samples, ...sizes, channels];
  const ones = tensor(new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);
  expect(layer.apply(ones).data).toEqual(ones.data);

  const dropped = layer.apply(ones, { training: true });
  const moved = first ? dropped : transpose(dropped, [0, axes + 1, ...sizes.map((_, axis) => axis + 1)]);
  const cells = sizes.reduce((a, b) => a * b);
  const masks = Array.from({ length: samples * channels }, (_, index) => {
    const values = new Set(moved.data.slice(index * cells, (index + 1) * cells));
    expect(values.size).toBe(1);
    return [...values][0] as number;
  });
  expect(new Set(masks)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
  // Five standard deviations of the share among 3,000.
  const share = masks.filter((each) => each === 0).length / masks.length;
  expect(Math.abs(share - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / masks.length));
  expect(masks.slice(0, channels)).not.toEqual(masks.slice(channels, 2 * channels));
});

test("shapes and rates that make no sense are refused", () => {
  const ones = tensor(new Float32Array(12).fill(1), [2, 2, 3]);
  expect(() => layers.spatialDropout2D({ rate }).apply(ones, { training: true })).toThrow(
    "expected an input [batch, height, width, channels], received shape [2, 2, 3]",
  );
  expect(() => layers.spatialDropout1D({ rate: 2 })).toThrow("spatialDropout1D.rate: expected a number from 0 to 1");
});
