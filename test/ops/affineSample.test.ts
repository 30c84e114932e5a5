// Do images under affine maps hold the right cells, beyond the edge too, and do gradients find the way back?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { gradients } from "../../bindings/gradient.ts";
import { constant, type SymbolicTensor } from "../../bindings/graph.ts";
import { affineSample, type FillMode, type Sampling } from "../../bindings/ops/affineSample.ts";
import { type Shape, tensor } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

/** Maps whose places are never near the middle or the edge of a cell, so that rounding does not choose another cell. */
const maps: readonly (readonly number[])[] = [
  [0.75, -0.5, 1.28125, 0.5, 0.75, -2.71875],
  [-1, 0, 4.03125, 0, 1, 0.40625],
  [1.5, 0, -7.21875, 0.25, -2, 9.15625],
];
const modes: readonly FillMode[] = ["constant", "reflect", "wrap", "nearest"];
const kinds = ["nearest", "bilinear"] as const;

interface Case extends Sampling {
  readonly x: Shape;
}

const cases: readonly Case[] = [
  ...modes.flatMap((fillMode) =>
    kinds.map((interpolation) => {
      const sizes = { x: [3, 5, 4, 3], height: 6, width: 5 };
      return { ...sizes, fillMode, fillValue: 0.5, interpolation };
    }),
  ),
  ...[1, 2, 4, 7].map((channels) => {
    const sizes = { x: [2, 3, 4, channels], height: 3, width: 4 };
    return { ...sizes, fillMode: "reflect" as const, fillValue: 0, interpolation: kinds[channels % 2] as "nearest" };
  }),
  { x: [1, 1, 1, 1], height: 1, width: 3, fillMode: "wrap", fillValue: 0, interpolation: "bilinear" },
];

const title = ({ x, fillMode, interpolation }: Case): string => `${fillMode}, ${interpolation}, of [${x.join(", ")}]`;
const mapsOf = ({ x }: Case): SymbolicTensor => constant(tensor(maps.slice(0, x[0])));

describeOp(
  "affineSample",
  cases.map((each): OpCase => {
    const shape = [each.x[0] as number, each.height, each.width, each.x[3] as number];
    return {
      title: title(each),
      apply: (x) => affineSample(x, mapsOf(each), each),
      inputs: [{ shape: each.x }],
      shape,
    };
  }),
  [
    {
      title: "what is no batch of images",
      call: () => affineSample(constant([[1]]), constant([[1]]), cases[0] as Case),
      code: "shape",
      text: "affineSample: expected images [batch, height, width, channels], received shape [1, 1]",
    },
    {
      title: "too few maps",
      call: () => affineSample(constant([[[[1]]]]), constant([[1]]), cases[0] as Case),
      code: "shape",
      text: "affineSample: expected maps of shape [1, 6], received [1, 1]",
    },
  ].map((each) => ({ ...each, code: "shape" as const, text: new RegExp(each.text.replace(/[[\]]/g, "\\$&")) })),
);

/** The gradient as a function of what comes from above, which is itself differentiated by the checks. */
describeOp(
  "the gradient of affineSample",
  cases.slice(0, 10).map((each): OpCase => {
    const apply = (dy: SymbolicTensor): SymbolicTensor => {
      const x = constant(tensor(new Float32Array(each.x.reduce((a, b) => a * b)), each.x));
      return gradients(affineSample(x, mapsOf(each), each), [x], dy)[0] as SymbolicTensor;
    };
    const shape = [each.x[0] as number, each.height, each.width, each.x[3] as number];
    return { title: title(each), apply, inputs: [{ shape }], shape: each.x };
  }),
);

it.each([
  ["constant", [9, 9, 9, 9, 1, 2, 3, 9, 9, 9, 9, 9]],
  ["reflect", [3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1, 2]],
  ["wrap", [3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2]],
  ["nearest", [1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3]],
] as const)("beyond the edge, %s", (fillMode, expected) => {
  const row = constant(tensor([1, 2, 3], [1, 1, 3, 1]));
  const shifted = (interpolation: "nearest" | "bilinear"): number[] =>
    Array.from(
      compiled(() =>
        affineSample(row, constant([[1, 0, -4, 0, 1, 0]]), {
          height: 1,
          width: 12,
          fillMode,
          fillValue: 9,
          interpolation,
        }),
      )().data,
    );
  expect(shifted("nearest")).toEqual(expected);
  expect(shifted("bilinear")).toEqual(expected);
});

it("places that are no numbers, or far away, read no memory but the image's", () => {
  const image = tensor([5], [1, 1, 1, 1]);
  for (const fillMode of modes)
    for (const interpolation of kinds)
      for (const place of [Number.NaN, Number.POSITIVE_INFINITY, -3e38, 2 ** 31, -(2 ** 31)]) {
        const sampling = { height: 1, width: 1, fillMode, fillValue: 5, interpolation };
        const maps = tensor([[1, 0, place, 0, 1, place]]);
        const [value] = compiled((x: SymbolicTensor) => affineSample(x, constant(maps), sampling))(image).data;
        expect(value === 5 || Number.isNaN(value), `${fillMode}, ${interpolation}, at ${place}: ${value}`).toBe(true);
      }
});
