// Do padding, cropping and upsampling put every cell where it belongs, whatever the axes and their order?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { transpose } from "../../bindings/ops/index.ts";
import { type DType, type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

const channelsFirst = { dataFormat: "channelsFirst" } as const;

describeLayer("ZeroPadding1D", [
  { title: "by default", make: () => layers.zeroPadding1D(), inputs: [[4, 3, 2]], output: [4, 5, 2] },
  {
    title: "by two numbers, the channels first",
    make: () => layers.zeroPadding1D({ padding: [2, 0], ...channelsFirst }),
    inputs: [[4, 2, 3]],
    output: [4, 2, 5],
  },
]);
describeLayer("ZeroPadding2D", [
  {
    title: "by pairs",
    make: () =>
      layers.zeroPadding2D({
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
    inputs: [[4, 3, 2, 3]],
    output: [4, 4, 7, 3],
  },
  {
    title: "by one number an axis, the channels first",
    make: () => layers.zeroPadding2D({ padding: [1, 2], ...channelsFirst }),
    inputs: [[4, 3, 2, 5]],
    output: [4, 3, 4, 9],
  },
]);
describeLayer("ZeroPadding3D", [
  {
    title: "by pairs and numbers",
    make: () => layers.zeroPadding3D({ padding: [[1, 0], 2, [0, 1]] }),
    inputs: [[3, 2, 3, 2, 2]],
    output: [3, 3, 7, 3, 2],
  },
]);
describeLayer("Cropping1D", [
  { title: "by default", make: () => layers.cropping1D(), inputs: [[4, 6, 3]], output: [4, 4, 3] },
  {
    title: "at the end",
    make: () => layers.cropping1D({ cropping: [0, 2] }),
    inputs: [[4, 6, 3]],
    output: [4, 4, 3],
  },
]);
describeLayer("Cropping2D", [
  {
    title: "by pairs, the channels first",
    make: () => layers.cropping2D({ cropping: [[1, 0], 2], ...channelsFirst }),
    inputs: [[4, 3, 5, 7]],
    output: [4, 3, 4, 3],
  },
  { title: "of nothing", make: () => layers.cropping2D(), inputs: [[4, 3, 5, 2]], output: [4, 3, 5, 2] },
]);
describeLayer("Cropping3D", [
  { title: "by default", make: () => layers.cropping3D(), inputs: [[4, 3, 4, 5, 2]], output: [4, 1, 2, 3, 2] },
]);
describeLayer("UpSampling1D", [
  { title: "by three", make: () => layers.upSampling1D({ size: 3 }), inputs: [[4, 5, 2]], output: [4, 15, 2] },
]);
describeLayer("UpSampling2D", [
  { title: "by default", make: () => layers.upSampling2D(), inputs: [[4, 3, 5, 2]], output: [4, 6, 10, 2] },
  {
    title: "bilinear, the channels first",
    make: () => layers.upSampling2D({ size: [3, 2], interpolation: "bilinear", ...channelsFirst }),
    inputs: [[4, 2, 3, 5]],
    output: [4, 2, 9, 10],
  },
]);
describeLayer("UpSampling3D", [
  {
    title: "by its own number along each axis, the channels first",
    make: () => layers.upSampling3D({ size: [2, 1, 3], ...channelsFirst }),
    inputs: [[3, 2, 2, 3, 2]],
    output: [3, 2, 4, 3, 6],
  },
]);

const counted = (shape: readonly number[], dtype: DType = "float32"): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => index + 1),
    shape,
    dtype,
  );

test("zeros stand around the cells", () => {
  const x = counted([1, 2, 2, 1]);
  expect(
    layers
      .zeroPadding2D({ padding: [[1, 0], 1] })
      .apply(x)
      .array(),
  ).toEqual([
    [
      [[0], [0], [0], [0]],
      [[0], [1], [2], [0]],
      [[0], [3], [4], [0]],
    ],
  ]);
  expect(layers.zeroPadding1D({ padding: 0 }).apply(counted([1, 2, 2])).data).toEqual(counted([1, 2, 2]).data);
});

test("cropping undoes padding", () => {
  const x = random("padded", [2, 3, 4, 2]);
  const margins = [
    [1, 2],
    [0, 3],
  ] as const;
  const padded = layers.zeroPadding2D({ padding: margins }).apply(x);
  expect(layers.cropping2D({ cropping: margins }).apply(padded).array()).toEqual(x.array());
});

test("nearest cells are repeated, of any dtype", () => {
  const twice = layers.upSampling2D({ size: [1, 2] });
  expect(twice.apply(counted([1, 1, 2, 2])).array()).toEqual([
    [
      [
        [1, 2],
        [1, 2],
        [3, 4],
        [3, 4],
      ],
    ],
  ]);
  const bytes = layers.upSampling1D().apply(counted([1, 2, 1], "uint8"));
  expect([bytes.dtype, bytes.array()]).toEqual(["uint8", [[[1], [1], [2], [2]]]]);
});

test("bilinear cells lie between their neighbours, those at the edges go on", () => {
  const twice = layers.upSampling2D({ size: [1, 2], interpolation: "bilinear" });
  expect(Array.from(twice.apply(counted([1, 1, 3, 1])).data)).toEqual([1, 1.25, 1.75, 2.25, 2.75, 3]);
});

test("channels first gives what channels last gives, moved", () => {
  const x = random("moved", [2, 5, 7, 3]);
  const makers: readonly ((dataFormat: layers.DataFormat) => Layer)[] = [
    (dataFormat) => layers.zeroPadding2D({ padding: [[1, 2], 3], dataFormat }),
    (dataFormat) => layers.cropping2D({ cropping: [[1, 2], 1], dataFormat }),
    (dataFormat) => layers.upSampling2D({ size: [2, 3], dataFormat }),
    (dataFormat) => layers.upSampling2D({ size: [2, 3], interpolation: "bilinear", dataFormat }),
    (dataFormat) => layers.resizing({ height: 3, width: 9, dataFormat }),
    (dataFormat) => layers.resizing({ height: 6, width: 6, cropToAspectRatio: true, dataFormat }),
    (dataFormat) => layers.resizing({ height: 6, width: 6, padToAspectRatio: true, fillValue: 2, dataFormat }),
    (dataFormat) => layers.centerCrop({ height: 2, width: 4, dataFormat }),
  ];
  for (const make of makers) {
    const expected = transpose(make("channelsLast").apply(x), [0, 3, 1, 2]);
    const found = make("channelsFirst").apply(transpose(x, [0, 3, 1, 2]));
    expect(found.shape).toEqual(expected.shape);
    found.data.forEach((each, index) => {
      expect(each).toBeCloseTo(expected.data[index] as number, 5);
    });
  }
});

test("options that make no sense are refused, with the layer's name", () => {
  expect(() => layers.zeroPadding2D({ padding: -1 })).toThrow(
    "zeroPadding2D.padding: expected an integer ≥ 0, 2 of them, or 2 pairs [before, after], received -1",
  );
  expect(() => layers.zeroPadding1D({ padding: [1, 2, 3] })).toThrow("zeroPadding1D.padding: expected an integer ≥ 0");
  expect(() => layers.zeroPadding3D({ padding: [1, 2] })).toThrow("zeroPadding3D.padding: expected an integer ≥ 0");
  expect(() => layers.upSampling1D({ size: 0 })).toThrow("upSampling1D.size: expected an integer ≥ 1, received 0");
  expect(() => layers.upSampling2D({ interpolation: "bicubic" as "nearest" })).toThrow(
    'upSampling2D.interpolation: expected "nearest" or "bilinear", received "bicubic"',
  );
  expect(() => layers.cropping1D({ cropping: 3, name: "cut" }).apply(random("short", [1, 6, 2]))).toThrow(
    "cut (cropping): expected an input with cells left after cropping, received shape [1, 6, 2]",
  );
  expect(() => layers.zeroPadding2D().apply(random("flat", [1, 6, 2]))).toThrow(
    "expected an input [batch, height, width, channels], received shape [1, 6, 2]",
  );
});
