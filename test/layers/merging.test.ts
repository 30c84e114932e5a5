// Do the layers that make one tensor of several broadcast as Keras does?

import { describe, expect, test } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Layer } from "../../bindings/layers/layer.ts";
import { tensor } from "../../bindings/tensor.ts";
import { describeLayer, type LayerCase, random } from "./describeLayer.ts";

const mergers: Readonly<Record<string, { make: () => Layer; of: (...values: number[]) => number; two?: boolean }>> = {
  Add: { make: layers.add, of: (...values) => values.reduce((a, b) => a + b) },
  Subtract: { make: layers.subtract, of: (a = 0, b = 0) => a - b, two: true },
  Multiply: { make: layers.multiply, of: (...values) => values.reduce((a, b) => a * b) },
  Average: { make: layers.average, of: (...values) => values.reduce((a, b) => a + b) / values.length },
  Maximum: { make: layers.maximum, of: (...values) => Math.max(...values) },
  Minimum: { make: layers.minimum, of: (...values) => Math.min(...values) },
};

for (const [name, { make, of, two }] of Object.entries(mergers)) {
  const same = [3, 2, 5];
  const cases: LayerCase[] = [
    { title: "two alike", make: () => make(), inputs: [same, same], output: same },
    {
      title: "broadcasting both ways",
      make: () => make(),
      inputs: [
        [3, 1, 5],
        [3, 2, 1],
      ],
      output: same,
    },
    { title: "of different ranks", make: () => make(), inputs: [same, [3, 5]], output: same },
  ];
  const three = { title: "three alike", make: () => make(), inputs: [same, same, same], output: same };
  describeLayer(name, two ? cases : [...cases, three]);

  describe(`${name}, the values`, () => {
    test("are those of the numbers one by one", () => {
      const [a, b] = [random(`${name} a`, same), random(`${name} b`, same)];
      const wanted = Array.from(a.data, (value, index) => Math.fround(of(value, b.data[index] as number)));
      expect(Array.from(make().apply([a, b]).data)).toEqual(wanted);
    });

    test("of a lower rank stand after the batch axis, not before it", () => {
      const a = random(`${name} a`, same);
      const b = tensor([0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24], [3, 5]);
      const merged = make().apply([a, b]);
      for (const [batch, row, column] of [
        [0, 0, 0],
        [1, 1, 3],
        [2, 0, 4],
        [2, 1, 1],
      ] as const) {
        const at = (batch * 2 + row) * 5 + column;
        expect(merged.data[at]).toBe(Math.fround(of(a.data[at] as number, b.data[batch * 5 + column] as number)));
      }
    });
  });
}

describeLayer("Concatenate", [
  {
    title: "last axis",
    make: () => layers.concatenate(),
    inputs: [
      [3, 2, 5],
      [3, 2, 1],
      [3, 2, 2],
    ],
    output: [3, 2, 8],
  },
  {
    title: "axis 1",
    make: () => layers.concatenate({ axis: 1 }),
    inputs: [
      [3, 2, 5],
      [3, 4, 5],
    ],
    output: [3, 6, 5],
  },
]);

test("concatenate keeps the order of its inputs", () => {
  const joined = layers.concatenate({ axis: 1 }).apply([tensor([1, 2, 3, 4], [2, 2]), tensor([9, 8], [2, 1])]);
  expect(joined.array()).toEqual([
    [1, 2, 9],
    [3, 4, 8],
  ]);
});

test("inputs that cannot be merged are refused, with the layer's name", () => {
  const [a, b] = [tensor([1, 2, 3, 4, 5, 6], [2, 3]), tensor([1, 2, 3, 4], [2, 2])];
  expect(() => layers.add({ name: "both" }).apply([a, b])).toThrow(/^both \(add\): expected .*\[2, 3\] and \[2, 2\]/);
  expect(() => layers.subtract().apply([a, a, a])).toThrow("expected exactly two tensors, received 3");
  expect(() => layers.add({ name: "sole" }).apply([a])).toThrow(
    /^sole \(Add\): expected a list of at least two tensors/,
  );
  expect(() => layers.concatenate({ axis: 0 }).apply([a, a])).toThrow("expected an axis other than the batch axis");
  expect(() => layers.concatenate({ axis: -2 }).apply([a, a])).toThrow("expected an axis other than the batch axis");
  expect(() => layers.concatenate({ axis: 5 }).apply([a, a])).toThrow("expected an axis from -2 to 1, received 5");
});

describeLayer("Dot", [
  { title: "of two vectors", make: () => layers.dot({ axes: 1 }), inputs: [[3, 5], [3, 5]], output: [3, 1] },
  {
    title: "of the rows of two matrices, as cosines",
    make: () => layers.dot({ axes: -1, normalize: true }),
    inputs: [[2, 3, 5], [2, 4, 5]],
    output: [2, 3, 4],
  },
  { title: "along other axes", make: () => layers.dot({ axes: [1, 2] }), inputs: [[2, 5, 3], [2, 4, 5]], output: [2, 3, 4] },
]); // biome-ignore format: shapes

test("dot refuses axes that differ in size, the batch, and three inputs", () => {
  const [a, b] = [tensor([1, 2, 3, 4, 5, 6], [2, 3]), tensor([1, 2, 3, 4], [2, 2])];
  expect(() => layers.dot({ axes: 1 }).apply([a, b])).toThrow("one size in axis 1");
  expect(() => layers.dot({ axes: 0 }).apply([a, a])).toThrow("axes other than the batch axis");
  expect(() => layers.dot({ axes: 1 }).apply([a, a, a])).toThrow("a list of two tensors");
  expect(() => layers.dot({ axes: [1, 2, 3] as never })).toThrow("one axis, or two");
});
