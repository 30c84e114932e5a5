// Do images of all sizes come out as one size, from the right cells?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer } from "./describeLayer.ts";

describeLayer("Resizing", [
  {
    title: "bilinear",
    make: () => layers.resizing({ height: 3, width: 8 }),
    inputs: [[4, 5, 6, 2]],
    output: [4, 3, 8, 2],
  },
  {
    title: "nearest, the channels first",
    make: () => layers.resizing({ height: 7, width: 4, interpolation: "nearest", dataFormat: "channelsFirst" }),
    inputs: [[4, 2, 5, 6]],
    output: [4, 2, 7, 4],
  },
  {
    title: "cropped to the proportions",
    make: () => layers.resizing({ height: 4, width: 4, cropToAspectRatio: true }),
    inputs: [[4, 5, 8, 2]],
    output: [4, 4, 4, 2],
  },
  {
    title: "padded to the proportions",
    make: () => layers.resizing({ height: 4, width: 4, padToAspectRatio: true, fillValue: 0.5 }),
    inputs: [[4, 5, 8, 2]],
    output: [4, 4, 4, 2],
  },
]);
describeLayer("CenterCrop", [
  {
    title: "smaller",
    make: () => layers.centerCrop({ height: 3, width: 4 }),
    inputs: [[4, 6, 6, 2]],
    output: [4, 3, 4, 2],
  },
  {
    title: "larger than the image, the channels first",
    make: () => layers.centerCrop({ height: 6, width: 4, dataFormat: "channelsFirst" }),
    inputs: [[4, 2, 4, 5]],
    output: [4, 2, 6, 4],
  },
]);

const counted = (shape: readonly number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => index + 1),
    shape,
  );
const numbers = (x: Tensor): number[] => Array.from(x.data);

test("the nearest cell is the one that the centre lies in", () => {
  const to = (width: number): number[] =>
    numbers(layers.resizing({ height: 1, width, interpolation: "nearest" }).apply(counted([1, 1, 5, 1])));
  expect(to(5)).toEqual([1, 2, 3, 4, 5]);
  expect(to(3)).toEqual([1, 3, 5]);
  expect(to(2)).toEqual([2, 4]);
  expect(to(8)).toEqual([1, 1, 2, 3, 3, 4, 5, 5]);
});

test("bilinear weights come from the distance of centres", () => {
  const to = (width: number): number[] => numbers(layers.resizing({ height: 1, width }).apply(counted([1, 1, 4, 1])));
  expect(to(4)).toEqual([1, 2, 3, 4]);
  expect(to(2)).toEqual([1.5, 3.5]);
  expect(to(1)).toEqual([2.5]);
  expect(to(8)).toEqual([1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4]);
});

test("proportions are reached by cropping in the middle, or by padding on both sides", () => {
  const wide = counted([1, 2, 6, 1]);
  const crop = layers.resizing({ height: 2, width: 2, cropToAspectRatio: true });
  expect(numbers(crop.apply(wide))).toEqual([3, 4, 9, 10]);
  const pad = layers.resizing({ height: 6, width: 6, padToAspectRatio: true, fillValue: -1 });
  const border = new Array<number>(12).fill(-1);
  expect(numbers(pad.apply(wide))).toEqual([...border, ...numbers(wide), ...border]);
});

test("an image needs no batch axis, and its integers become numbers", () => {
  const image = tensor([1, 2, 3, 4], [2, 2, 1], "uint8");
  const once = layers.resizing({ height: 1, width: 2, interpolation: "bilinear" }).apply(image);
  expect([once.shape, once.dtype, numbers(once)]).toEqual([[1, 2, 1], "float32", [2, 3]]);
  expect(
    layers
      .centerCrop({ height: 1, width: 1 })
      .apply(counted([3, 3, 1]))
      .array(),
  ).toEqual([[[5]]]);
});

test("of an odd rest the centre crop leaves the smaller half before it", () => {
  const crop = layers.centerCrop({ height: 1, width: 2 });
  expect(numbers(crop.apply(counted([1, 1, 5, 1])))).toEqual([2, 3]);
});

test("options that make no sense are refused, with the layer's name", () => {
  expect(() => layers.resizing({ height: 0, width: 2 })).toThrow("resizing.height: expected an integer ≥ 1");
  expect(() => layers.resizing({ height: 2, width: 2, interpolation: "lanczos3" as "nearest" })).toThrow(
    'resizing.interpolation: expected "bilinear" or "nearest", received "lanczos3"',
  );
  expect(() => layers.resizing({ height: 2, width: 2, fillMode: "reflect" as "constant" })).toThrow(
    'resizing.fillMode: expected "constant"',
  );
  const both = layers.resizing({ height: 2, width: 2, cropToAspectRatio: true, padToAspectRatio: true });
  expect(() => both.apply(counted([1, 3, 3, 1]))).toThrow("expected cropToAspectRatio or padToAspectRatio");
  expect(() => layers.centerCrop({ height: 2, width: 2 }).apply(counted([4, 4]))).toThrow(
    "expected an input [batch, height, width, channels], received shape [4, 4]",
  );
});

test("a cell that is infinite or NaN reaches only those that are made of it", () => {
  const row = tensor([1, 2, Number.NaN, 4, Number.POSITIVE_INFINITY, 6, 7, 8], [1, 1, 8, 1]);
  const to = (width: number): number[] => numbers(layers.resizing({ height: 1, width }).apply(row));
  // The places 0.5, 2.5, 4.5 and 6.5: every new cell is the mean of two.
  expect(to(4)).toEqual([1.5, Number.NaN, Number.POSITIVE_INFINITY, 7.5]);
  // Between old cells alone; those that lie on one are that one.
  expect(to(16).map(Number.isFinite)).toEqual(
    [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1].map((finite) => finite === 1),
  );
});
