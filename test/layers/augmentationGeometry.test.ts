// Do flips, crops, shifts, turns and zooms move images as they say, each image its own way, and only in training?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { reshape, transpose } from "../../bindings/ops/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

const shape = [4, 5, 6, 2];
const first = { dataFormat: "channelsFirst" } as const;
describeLayer("RandomFlip", [
  { title: "in both directions", make: () => layers.randomFlip(), inputs: [shape], output: shape },
  {
    title: "up and down, with a seed, the channels first",
    make: () => layers.randomFlip({ mode: "vertical", seed: 3, ...first }),
    inputs: [shape],
    output: shape,
  },
]);
describeLayer("RandomCrop", [
  {
    title: "smaller",
    make: () => layers.randomCrop({ height: 4, width: 3 }),
    inputs: [shape],
    output: [4, 4, 3, 2],
  },
  {
    title: "larger than the image, the channels first",
    make: () => layers.randomCrop({ height: 6, width: 4, ...first }),
    inputs: [[4, 2, 4, 5]],
    output: [4, 2, 6, 4],
  },
]);
describeLayer("RandomTranslation", [
  {
    title: "with other images beyond the edge",
    make: () => layers.randomTranslation({ heightFactor: 0.1, widthFactor: [-0.2, 0.1], fillMode: "wrap" }),
    inputs: [shape],
    output: shape,
  },
]);
describeLayer("RandomRotation", [
  {
    title: "to the nearest cell, the channels first",
    make: () => layers.randomRotation({ factor: 0.05, interpolation: "nearest", ...first }),
    inputs: [shape],
    output: shape,
  },
]);
describeLayer("RandomZoom", [
  { title: "in proportion", make: () => layers.randomZoom({ heightFactor: 0.2 }), inputs: [shape], output: shape },
  {
    title: "each side by itself, with a value beyond the edge",
    make: () =>
      layers.randomZoom({ heightFactor: [0, 0.2], widthFactor: 0.1, fillMode: "constant", fillValue: 0.5, seed: 1 }),
    inputs: [shape],
    output: shape,
  },
]);

/** The same image `times` over, its cells counted from 1: [times, height, width, 1]. */
function counted(times: number, height: number, width: number): Tensor {
  const cells = height * width;
  return tensor(
    Float32Array.from({ length: times * cells }, (_, index) => (index % cells) + 1),
    [times, height, width, 1],
  );
}
const trained = (layer: Layer, x: Tensor): Tensor => layer.apply(x, { training: true });
/** Each image as text. */
function texts(x: Tensor): string[] {
  const [batch = 1] = x.shape;
  const cells = x.size / batch;
  return Array.from({ length: batch }, (_, image) => x.data.slice(image * cells, (image + 1) * cells).join(" "));
}
function counts(x: Tensor): Record<string, number> {
  const found: Record<string, number> = {};
  for (const text of texts(x)) found[text] = (found[text] ?? 0) + 1;
  return found;
}
/** Whether `count` of `all` is a share that a probability of `share` may give: five standard deviations. */
const fits = (count: number, all: number, share: number): boolean =>
  Math.abs(count / all - share) < 5 * Math.sqrt((share * (1 - share)) / all);
/** Rows of a single image of one channel, without −0 and rounding. */
const rowsOf = (x: Tensor): number[][] => {
  const [, height = 1, width = 1] = x.shape;
  return Array.from({ length: height }, (_, row) =>
    Array.from(x.data.slice(row * width, (row + 1) * width), (each) => Math.round(each * 1e4) / 1e4 + 0),
  );
};

test.each([
  ["horizontal", ["1 2 3 4", "2 1 4 3"]],
  ["vertical", ["1 2 3 4", "3 4 1 2"]],
  ["horizontalAndVertical", ["1 2 3 4", "2 1 4 3", "3 4 1 2", "4 3 2 1"]],
] as const)("randomFlip, %s, flips half of the images", (mode, kinds) => {
  setSeed(1);
  const found = counts(trained(layers.randomFlip({ mode }), counted(400, 2, 2)));
  expect(Object.keys(found).sort()).toEqual(kinds);
  for (const kind of kinds) expect(fits(found[kind] as number, 400, 1 / kinds.length)).toBe(true);
});

test("randomCrop takes whole blocks, from every place alike, and from the middle in prediction", () => {
  setSeed(2);
  const layer = layers.randomCrop({ height: 2, width: 2 });
  const found = counts(trained(layer, counted(600, 3, 4)));
  const blocks = ["1 2 5 6", "2 3 6 7", "3 4 7 8", "5 6 9 10", "6 7 10 11", "7 8 11 12"];
  expect(Object.keys(found).sort()).toEqual(blocks.sort());
  for (const block of blocks) expect(fits(found[block] as number, 600, 1 / 6)).toBe(true);
  expect(texts(layer.apply(counted(1, 3, 4)))).toEqual(["2 3 6 7"]);
});

test("randomTranslation moves down and to the right, by shares of height and width", () => {
  const moved = (fillMode: "constant" | "reflect" | "wrap" | "nearest", down: number, right: number): number[][] => {
    const [heightFactor, widthFactor] = [
      [down, down],
      [right, right],
    ] as const;
    const layer = layers.randomTranslation({ heightFactor, widthFactor, fillMode, fillValue: 9 });
    return rowsOf(trained(layer, counted(1, 2, 4)));
  };
  expect(moved("constant", 0.5, 0.25)).toEqual([
    [9, 9, 9, 9],
    [9, 1, 2, 3],
  ]);
  expect(moved("constant", -0.5, -0.25)).toEqual([
    [6, 7, 8, 9],
    [9, 9, 9, 9],
  ]);
  expect(moved("reflect", 0, 0.5)[0]).toEqual([2, 1, 1, 2]);
  expect(moved("wrap", 0, 0.5)[0]).toEqual([3, 4, 1, 2]);
  expect(moved("nearest", 0, 0.5)[0]).toEqual([1, 1, 1, 2]);
  expect(moved("nearest", 0, 0.125)[0]).toEqual([1, 1.5, 2.5, 3.5]);
});

test("randomRotation turns counterclockwise about the middle", () => {
  const turned = (turns: number, height: number, width: number): number[][] =>
    rowsOf(trained(layers.randomRotation({ factor: [turns, turns], fillMode: "constant" }), counted(1, height, width)));
  expect(turned(0.25, 2, 2)).toEqual([
    [2, 4],
    [1, 3],
  ]);
  expect(turned(-0.25, 3, 3)).toEqual([
    [7, 4, 1],
    [8, 5, 2],
    [9, 6, 3],
  ]);
  expect(turned(0.5, 2, 3)).toEqual([
    [6, 5, 4],
    [3, 2, 1],
  ]);
  expect(turned(0.25, 1, 3)).toEqual([[0, 2, 0]]);
});

test("randomZoom shows more of an image for a positive factor, less for a negative one", () => {
  const zoomed = (factor: number, widthFactor: number | null): number[][] => {
    const options = { fillMode: "constant", fillValue: 0 } as const;
    const width = widthFactor === null ? null : ([widthFactor, widthFactor] as const);
    const layer = layers.randomZoom({ heightFactor: [factor, factor], widthFactor: width, ...options });
    return rowsOf(trained(layer, counted(1, 4, 4)));
  };
  expect(zoomed(1, null)).toEqual([
    [0, 0, 0, 0],
    [0, 3.5, 5.5, 0],
    [0, 11.5, 13.5, 0],
    [0, 0, 0, 0],
  ]);
  expect(zoomed(0, -0.5)[0]).toEqual([1.75, 2.25, 2.75, 3.25]);
  expect(zoomed(-0.5, 0).map(([left]) => left)).toEqual([4, 6, 8, 10]);
});

test("distances are drawn for each image, evenly from the range", () => {
  setSeed(3);
  const images = 500;
  const ramp = tensor(
    Float32Array.from({ length: images * 9 }, (_, index) => index % 9),
    [images, 1, 9, 1],
  );
  // The middle of a ramp falls by what the image moves.
  const shares = (widthFactor: number | readonly [number, number], channels: object): number[] => {
    const layer = layers.randomTranslation({ heightFactor: 0, widthFactor, ...channels });
    const x = "dataFormat" in channels ? transpose(ramp, [0, 3, 1, 2]) : ramp;
    const { data } = trained(layer, x);
    return Array.from({ length: images }, (_, image) => (4 - (data[image * 9 + 4] as number)) / 9);
  };
  const cases = [
    [0.4, -0.4, 0.4, {}],
    [[-0.1, 0.3], -0.1, 0.3, first],
  ] as const;
  for (const [factor, low, high, channels] of cases) {
    const found = shares(factor, channels);
    const mean = found.reduce((sum, each) => sum + each, 0) / images;
    expect(Math.min(...found)).toBeGreaterThanOrEqual(low - 1e-6);
    expect(Math.max(...found)).toBeLessThanOrEqual(high + 1e-6);
    expect(Math.abs(mean - (low + high) / 2)).toBeLessThan((5 * (high - low)) / Math.sqrt(12 * images));
    expect(new Set(found).size).toBeGreaterThan(images / 2);
  }
});

test("all channels of an image move alike, also when they come first", () => {
  setSeed(4);
  const { data } = random("x", [1, 4, 5]);
  const x = tensor(
    Float32Array.from({ length: 6 * 3 * 20 }, (_, index) => data[index % 20] as number),
    [6, 3, 4, 5],
  );
  const found = texts(reshape(trained(layers.randomRotation({ factor: 0.2, ...first }), x), [18, 4, 5]));
  for (let channel = 0; channel < 18; channel += 3)
    expect(found.slice(channel, channel + 3)).toEqual(new Array(3).fill(found[channel]));
  expect(new Set(found).size).toBe(6);
});

const makers: readonly (readonly [string, () => Layer])[] = [
  ["randomFlip", () => layers.randomFlip({ seed: 5 })],
  ["randomTranslation", () => layers.randomTranslation({ heightFactor: 0.2, widthFactor: 0.2, seed: 5 })],
  ["randomRotation", () => layers.randomRotation({ factor: 0.1, seed: 5 })],
  ["randomZoom", () => layers.randomZoom({ heightFactor: 0.2, seed: 5 })],
];
test.each(makers)("%s leaves images as they are in predict and evaluate", async (_, make) => {
  const x = random("x", [3, 4, 5, 2]);
  const model = sequential([make()]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  expect(model.predict(x).data).toEqual(x.data);
  expect(await model.evaluate(x, x)).toEqual({ loss: 0 });
  expect(model.trainOnBatch(x, x).loss).toBeGreaterThan(0);
});

test.each(makers)("%s draws anew in each step, and the same again with the same seed", (_, make) => {
  const x = random("x", [8, 4, 5, 2]);
  const losses = (): number[] => {
    const model = sequential([make()]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    return [1, 2, 3].map(() => model.trainOnBatch(x, x).loss);
  };
  setSeed(1);
  const found = losses();
  setSeed(2);
  expect(losses()).toEqual(found);
  expect(new Set(found).size).toBe(3);
});

test("what cannot be is refused", () => {
  expect(() => layers.randomRotation({ factor: 1.5 })).toThrow(
    "randomRotation.factor: expected a number from -1 to 1, or [lower, upper], received 1.5",
  );
  expect(() => layers.randomZoom({} as never)).toThrow("randomZoom.heightFactor: expected a number from -1 to 1");
  expect(() => layers.randomTranslation({ heightFactor: [0, Number.NaN], widthFactor: 0 })).toThrow(
    "randomTranslation.heightFactor: expected a number from -1 to 1",
  );
  expect(() => layers.randomFlip({ mode: "diagonal" as never })).toThrow("randomFlip.mode");
  // Rows of a batch without channels are not taken for an image.
  expect(() => sequential([layers.randomFlip({ inputShape: [28, 28] })])).toThrow(
    "expected an input [batch, height, width, channels], received shape [1, 28, 28]",
  );
});
