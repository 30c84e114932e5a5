// Is one box of an image erased, anywhere and of the sizes that were asked for, and only in training?

import { expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { transpose } from "../../bindings/ops/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeLayer, random } from "./describeLayer.ts";

const shape = [4, 5, 6, 2];
describeLayer("RandomErasing", [
  {
    title: "with noise",
    make: () => layers.randomErasing({ scale: [0.01, 0.1], valueRange: [-1, 1] }),
    inputs: [shape],
    output: shape,
  },
  {
    title: "with a value for each channel, which come first",
    make: () =>
      layers.randomErasing({
        factor: [0.2, 0.4],
        scale: 0.2,
        fillValue: [0.5, 0, 1, 2, 3],
        seed: 2,
        dataFormat: "channelsFirst",
      }),
    inputs: [shape],
    output: shape,
  },
]);

const trained = (layer: Layer, x: Tensor): Tensor => layer.apply(x, { training: true });
const filled = (value: number, ...sizes: number[]): Tensor =>
  tensor(new Float32Array(sizes.reduce((a, b) => a * b)).fill(value), sizes);

/** Rows and columns of what is 0 in each image of one channel; undefined for nothing. Fails unless it is one box. */
function boxes(x: Tensor): (undefined | { readonly rows: number; readonly columns: number })[] {
  const [images = 0, height = 0, width = 0] = x.shape;
  return Array.from({ length: images }, (_, image) => {
    const cells = x.data.slice(image * height * width, (image + 1) * height * width);
    const places = Array.from(cells.keys()).filter((cell) => cells[cell] === 0);
    if (places.length === 0) return undefined;
    const rows = new Set(places.map((cell) => Math.floor(cell / width)));
    const columns = new Set(places.map((cell) => cell % width));
    const extent = (set: Set<number>): number => Math.max(...set) - Math.min(...set) + 1;
    expect([extent(rows), extent(columns)]).toEqual([rows.size, columns.size]);
    expect(places.length).toBe(rows.size * columns.size);
    return { rows: rows.size, columns: columns.size };
  });
}

test("boxes have sides whose squares are shares from the scale, and erase no more images than asked for", () => {
  setSeed(1);
  const count = 300;
  const x = filled(7, count, 40, 20, 1);
  const erase = (factor: number | readonly [number, number]) =>
    boxes(trained(layers.randomErasing({ factor, scale: [0.04, 0.36], fillValue: 0 }), x));
  const all = erase([1, 1]);
  for (const box of all) {
    // From 0.2 to 0.6 of the side, to the next cell.
    expect(box?.rows).toBeGreaterThanOrEqual(8);
    expect(box?.rows).toBeLessThanOrEqual(24);
    expect(box?.columns).toBeGreaterThanOrEqual(4);
    expect(box?.columns).toBeLessThanOrEqual(12);
  }
  expect(new Set(all.map((box) => box?.rows)).size).toBeGreaterThan(12);
  for (const [factor, share] of [
    [0, 0],
    [[0.2, 0.4], 0.3],
    [1, 0.5],
  ] as const) {
    const found = erase(factor).filter((box) => box !== undefined).length;
    expect(Math.abs(found / count - share)).toBeLessThanOrEqual(5 * Math.sqrt((share * (1 - share)) / count));
  }
});

test("boxes reach every edge alike", () => {
  setSeed(2);
  const images = 2000;
  const { data } = trained(
    layers.randomErasing({ factor: [1, 1], scale: [0.25, 0.25], fillValue: 0 }),
    filled(1, images, 4, 4, 1),
  );
  const erased = (cell: number): number => {
    let count = 0;
    for (let at = cell; at < data.length; at += 16) count += data[at] === 0 ? 1 : 0;
    return count / images;
  };
  // A side of 2 begins from 0 to 2: a quarter of all reach the first cell and the last, three quarters those between.
  for (const [cell, share] of [
    [0, 1 / 16],
    [3, 1 / 16],
    [12, 1 / 16],
    [15, 1 / 16],
    [1, 3 / 16],
    [8, 3 / 16],
    [10, 9 / 16],
  ] as const)
    expect(Math.abs(erased(cell) - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / images));
});

test("boxes are filled with values for each channel, or with noise, within the value range", () => {
  setSeed(3);
  const x = filled(7, 1, 3, 4, 2);
  const everything = { factor: [1, 1], scale: [1, 1] } as const;
  const two = trained(layers.randomErasing({ ...everything, fillValue: [5, 300] }), x).data;
  expect(Array.from(two)).toEqual(Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? 5 : 255)));
  const first = layers.randomErasing({ ...everything, fillValue: [5, 300], dataFormat: "channelsFirst" });
  expect(transpose(trained(first, transpose(x, [0, 3, 1, 2])), [0, 2, 3, 1]).data).toEqual(two);

  const noise = trained(layers.randomErasing({ ...everything, valueRange: [-0.5, 2] }), filled(7, 10, 30, 30, 1)).data;
  const inside = noise.filter((each) => each > -0.5 && each < 2);
  // Normal numbers times 2: a quarter of a deviation below 0 to one above it.
  expect(inside.length / noise.length).toBeCloseTo(0.44, 1);
  expect(Math.min(...noise)).toBe(-0.5);
  expect(Math.max(...noise)).toBe(2);
  expect(new Set(inside).size).toBeGreaterThan(inside.length / 2);
});

test("nothing is erased in predict; each step draws anew", () => {
  const x = random("x", [6, 9, 9, 2]);
  const run = (): number[] => {
    const model = sequential([layers.randomErasing({ seed: 5 })]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    expect(model.predict(x).data).toEqual(x.data);
    return [1, 2, 3].map(() => model.trainOnBatch(x, x).loss);
  };
  const losses = run();
  expect(new Set(losses).size).toBe(3);
  expect(run()).toEqual(losses);
});

test("what cannot be is refused", () => {
  expect(() => layers.randomErasing({ scale: [0, 2] })).toThrow(
    "randomErasing.scale: expected a number from 0 to 1, or [lower, upper], received [0, 2]",
  );
  expect(() => layers.randomErasing({ fillValue: [1, 2, 3] }).apply(filled(1, 1, 2, 2, 2))).toThrow(
    "fillValue: expected a number, or 2 of them, one for each channel, received [1, 2, 3]",
  );
});
