// Do flatten and reshape keep every value in its place?

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
  expect(() => square.apply(x)).toThrow(/^square \(reshape\): expected a shape of 12 elements/);
  expect(() => layers.reshape({ targetShape: [-1, -1] }).apply(x)).toThrow("with at most one -1");
  expect(() => layers.reshape({ targetShape: [0, 3] }).apply(x)).toThrow("expected a shape of 12 elements");
  expect(() => layers.reshape({ targetShape: [-2, 3] })).toThrow("reshape.targetShape: expected a list of integers");
});
