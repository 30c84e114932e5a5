// Do flatten, reshape, permute and repeatVector keep every value in its place?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeLayer } from "./describeLayer.ts";

describeLayer("Flatten", [
  { title: "of images", make: () => layers.flatten(), inputs: [[3, 4, 5, 2]], output: [3, 40] },
  { title: "of numbers", make: () => layers.flatten(), inputs: [[4]], output: [4, 1], trains: false },
  {
    title: "of images with the channels first",
    make: () => layers.flatten({ dataFormat: "channelsFirst" }),
    inputs: [[3, 2, 4, 5]],
    output: [3, 40],
  },
]);

describeLayer("Reshape", [
  { title: "to a shape", make: () => layers.reshape({ targetShape: [5, 3] }), inputs: [[4, 15]], output: [4, 5, 3] },
  {
    title: "with an open size",
    make: () => layers.reshape({ targetShape: [-1, 2] }),
    inputs: [[3, 5, 4]],
    output: [3, 10, 2],
  },
]);

describeLayer("Permute", [
  { title: "of two axes", make: () => layers.permute({ dims: [2, 1] }), inputs: [[4, 3, 5]], output: [4, 5, 3] },
  {
    title: "of three axes",
    make: () => layers.permute({ dims: [3, 1, 2] }),
    inputs: [[4, 3, 5, 2]],
    output: [4, 2, 3, 5],
  },
]);

describeLayer("RepeatVector", [
  { title: "of rows", make: () => layers.repeatVector({ n: 3 }), inputs: [[4, 5]], output: [4, 3, 5] },
]);

test("flatten with the channels first moves them last: [channels, height, width] → height, width, channels", () => {
  const x = tensor(
    Float32Array.from({ length: 12 }, (_, index) => index),
    [1, 2, 3, 2],
  );
  expect(Array.from(layers.flatten({ dataFormat: "channelsFirst" }).apply(x).data)).toEqual([
    0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11,
  ]);
  expect(Array.from(layers.flatten().apply(x).data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test("a batch of any size goes through one reshape with an open size", () => {
  const model = sequential([layers.reshape({ targetShape: [2, -1], inputShape: [6] })]);
  expect(model.predict(tensor([1, 2, 3, 4, 5, 6], [1, 6])).shape).toEqual([1, 2, 3]);
  expect(model.predict(tensor(new Float32Array(42), [7, 6])).shape).toEqual([7, 2, 3]);
});

test("a shape that the values do not fill is refused, with the layer's name", () => {
  const x = tensor(new Float32Array(12), [2, 6]);
  const square = layers.reshape({ targetShape: [4], name: "square" });
  expect(() => square.apply(x)).toThrow(/^square \(reshape\): expected a shape of 6 elements/);
  expect(() => layers.reshape({ targetShape: [-1, -1] }).apply(x)).toThrow("with at most one -1");
  expect(() => layers.reshape({ targetShape: [0, 3] }).apply(x)).toThrow("expected a shape of 6 elements");
  expect(() => layers.reshape({ targetShape: [-2, 3] })).toThrow("reshape.targetShape: expected a list of integers");
});

test("permute moves axis dims[i] to place i", () => {
  const x = tensor([1, 2, 3, 4, 5, 6], [1, 2, 3]);
  expect(
    layers
      .permute({ dims: [2, 1] })
      .apply(x)
      .array(),
  ).toEqual([
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
  ]);
  expect(() => layers.permute({ dims: [1, 3] }).apply(x)).toThrow(
    "permute): expected dims that hold each of 1 to 2, received [1, 3]",
  );
  expect(() => layers.permute({ dims: [0, 1] })).toThrow("permute.dims: expected a list of integers ≥ 1");
});

test("repeatVector repeats rows", () => {
  expect(
    layers
      .repeatVector({ n: 2 })
      .apply([[1, 2]])
      .array(),
  ).toEqual([
    [
      [1, 2],
      [1, 2],
    ],
  ]);
  expect(() => layers.repeatVector({ n: 2 }).apply([[[1]]])).toThrow("expected an input [batch, features]");
  expect(() => layers.repeatVector({ n: 0 })).toThrow("repeatVector.n: expected an integer ≥ 1");
});
