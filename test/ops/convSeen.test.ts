// Does an output of a convolution depend on all that it sees, and on nothing else?

import { describe, expect, it, test } from "vitest";
import { type ConvOptions, conv, convInputGradient, convKernelGradient } from "../../bindings/ops/conv.ts";
import * as ops from "../../bindings/ops/index.ts";
import { add, relu } from "../../bindings/ops/map.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { around } from "../harness/convGeometries.ts";
import { runGraph, traceGraph } from "../harness/runGraph.ts";

const { NaN: nan, POSITIVE_INFINITY: high } = Number;

/** Of two axes: [n, h, w, cin] and [kh, kw, cin / groups, cout], strides and padding for each axis. */
interface Geometry {
  readonly x: readonly [number, number, number, number];
  readonly kernel: readonly [number, number, number, number];
  readonly options: Partial<ConvOptions>;
}

const optionsOf = ({ options }: Geometry): ConvOptions => ({
  strides: [1, 1],
  dilations: [1, 1],
  padding: around(0, 0, 0, 0),
  groups: 1,
  ...options,
});

function outputOf(geometry: Geometry): [number, number, number, number] {
  const { strides, dilations, padding } = optionsOf(geometry);
  const along = (axis: 0 | 1): number => {
    const reach = ((geometry.kernel[axis] as number) - 1) * (dilations[axis] as number) + 1;
    const [before, after] = padding[axis] as readonly [number, number];
    return Math.floor(((geometry.x[axis + 1] as number) + before + after - reach) / (strides[axis] as number)) + 1;
  };
  return [geometry.x[0], along(0), along(1), geometry.kernel[3]];
}

/** Small whole numbers, whose sums float32 holds exactly. */
function integers(shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((product, each) => product * each, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, index) => ((index * 7919 + seed * 104_729) % 7) - 3),
    [...shape],
  );
}

/** The convolution and its two gradients by their definition: every output with every tap that it sees something through. */
function byDefinition(geometry: Geometry, x: Tensor, kernel: Tensor, dy: Tensor): Record<"y" | "dx" | "dk", number[]> {
  const { strides, dilations, padding, groups } = optionsOf(geometry);
  const [n, rows, columns, cin] = geometry.x;
  const [down, across, inputs, cout] = geometry.kernel;
  const [, height, width] = outputOf(geometry);
  const y = new Array<number>(dy.size).fill(0);
  const dx = new Array<number>(x.size).fill(0);
  const dk = new Array<number>(kernel.size).fill(0);
  const at = (values: Tensor, index: number): number => values.data[index] as number;
  for (let image = 0; image < n; image++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        for (let i = 0; i < down; i++)
          for (let j = 0; j < across; j++) {
            const r = row * (strides[0] as number) + i * (dilations[0] as number) - (padding[0]?.[0] as number);
            const c = column * (strides[1] as number) + j * (dilations[1] as number) - (padding[1]?.[0] as number);
            if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
            for (let output = 0; output < cout; output++)
              for (let input = 0; input < inputs; input++) {
                const channel = Math.floor(output / (cout / groups)) * inputs + input;
                const xs = ((image * rows + r) * columns + c) * cin + channel;
                const ks = ((i * across + j) * inputs + input) * cout + output;
                const ys = ((image * height + row) * width + column) * cout + output;
                y[ys] = (y[ys] as number) + at(x, xs) * at(kernel, ks);
                dx[xs] = (dx[xs] as number) + at(dy, ys) * at(kernel, ks);
                dk[ks] = (dk[ks] as number) + at(x, xs) * at(dy, ys);
              }
          }
  return { y, dx, dk };
}

/** Fails unless the three are what they are by definition; sums of Winograd's algorithm may be rounded. */
function expectDefinition(
  geometry: Geometry,
  change: (x: Tensor, kernel: Tensor, dy: Tensor) => void = () => {},
): void {
  const [x, kernel, dy] = [integers(geometry.x, 1), integers(geometry.kernel, 2), integers(outputOf(geometry), 3)];
  change(x, kernel, dy);
  const expected = byDefinition(geometry, x, kernel, dy);
  const options = optionsOf(geometry);
  const traced = traceGraph(
    [x, kernel, dy].map(({ shape }) => ({ shape, dtype: "float32" })),
    (...[a, b, c]) => [
      conv(a as never, b as never, options),
      convInputGradient(c as never, b as never, geometry.x.slice(1, 3), options),
      convKernelGradient(a as never, c as never, geometry.kernel.slice(0, 2), options),
    ],
  );
  for (const algorithms of [false, true]) {
    const found = runGraph(traced, [x, kernel, dy], { algorithms });
    Object.entries(expected).forEach(([name, values], which) => {
      values.forEach((wanted, index) => {
        const value = found[which]?.data[index] as number;
        const near = Object.is(value, wanted) || value === wanted || Math.abs(value - wanted) < 0.01;
        if (!near) expect.fail(`${name}[${index}] is ${value}, by definition ${wanted} (algorithms: ${algorithms})`);
      });
    });
  }
}

const depthwise = (channels: number, more: Partial<ConvOptions>): Partial<ConvOptions> => ({
  groups: channels,
  ...more,
});

describe("depthwise convolutions with three taps in a row", () => {
  test("rows of taps that a position sees need not be neighbours", () => {
    const kernel = tensor(
      [1, 10, 100].flatMap((each) => new Array<number>(12).fill(each)),
      [3, 3, 1, 4],
    );
    const options = depthwise(4, { strides: [2, 1], dilations: [1, 1], padding: around(1, 1, 1, 1) }) as ConvOptions;
    const dx = ops.convInputGradient(ops.ones([1, 4, 7, 4]), kernel, [7, 7], options);
    const column = Array.from({ length: 7 }, (_, row) => dx.data[(row * 7 + 3) * 4]);
    expect(column).toEqual([30, 303, 30, 303, 30, 303, 30]);
    expectDefinition({ x: [2, 9, 10, 20], kernel: [3, 3, 1, 20], options: { ...options, groups: 20 } });
    expectDefinition({
      x: [1, 11, 9, 17],
      kernel: [3, 3, 1, 17],
      options: { ...options, groups: 17, strides: [3, 1] },
    });
  });

  test("rows of outputs may see nothing", () => {
    const y = ops.conv(ops.ones([1, 1, 6, 4]), ops.ones([1, 3, 1, 4]), {
      strides: [1, 1],
      dilations: [1, 1],
      padding: around(0, 2, 0, 0),
      groups: 4,
    });
    expect(Array.from(y.data)).toEqual([...new Array<number>(16).fill(3), ...new Array<number>(32).fill(0)]);
    expectDefinition({
      x: [1, 8, 8, 16],
      kernel: [3, 3, 1, 16],
      options: depthwise(16, { padding: around(3, 4, 3, 3) }),
    });
    expectDefinition({
      x: [2, 2, 9, 33],
      kernel: [3, 3, 1, 33],
      options: depthwise(33, { padding: around(4, 3, 0, 1), strides: [1, 2] }),
    });
  });

  test("kernels of three axes are copied whole", () => {
    const [x, kernel] = [integers([1, 3, 4, 7, 32], 1), integers([3, 1, 3, 1, 32], 2)];
    const options = { strides: [1, 1, 1], dilations: [1, 1, 1], padding: around(1, 1, 0, 0, 1, 1), groups: 32 };
    const y = ops.conv(x, kernel, options);
    // The same with the axis of one tap, whose sums are independent, last among samples.
    const flat = (each: Tensor): Tensor => ops.reshape(ops.transpose(each, [0, 2, 1, 3, 4]), [4, 3, 7, 32]);
    const two = ops.conv(flat(x), ops.reshape(kernel, [3, 3, 1, 32]), {
      strides: [1, 1],
      dilations: [1, 1],
      padding: around(1, 1, 1, 1),
      groups: 32,
    });
    expect(flat(y).data).toEqual(two.data);
    expect(two.data.some((each) => each !== 0)).toBe(true);
  });
});

/** Ways to compute a convolution, each with zeros around its input. */
const ways: readonly (readonly [string, Geometry])[] = [
  ["few channels, side by side", { x: [1, 5, 6, 2], kernel: [3, 3, 2, 17], options: { padding: around(1, 1, 1, 1) } }],
  ["many channels", { x: [1, 5, 6, 12], kernel: [3, 3, 12, 20], options: { padding: around(1, 2, 2, 1) } }],
  ["few columns", { x: [1, 5, 6, 9], kernel: [3, 3, 9, 2], options: { padding: around(1, 1, 1, 1) } }],
  ["one tap in a margin", { x: [1, 3, 4, 8], kernel: [1, 1, 8, 5], options: { padding: around(1, 0, 0, 2) } }],
  ["strides", { x: [2, 7, 8, 9], kernel: [3, 3, 9, 18], options: { strides: [2, 2], padding: around(1, 1, 0, 1) } }],
  ["dilations", { x: [1, 6, 7, 9], kernel: [3, 2, 9, 5], options: { dilations: [2, 3], padding: around(2, 2, 2, 2) } }],
  ["groups", { x: [1, 5, 6, 12], kernel: [3, 3, 6, 8], options: { groups: 2, padding: around(1, 1, 1, 1) } }],
  ["depthwise", { x: [1, 5, 7, 20], kernel: [3, 3, 1, 20], options: depthwise(20, { padding: around(1, 1, 1, 1) }) }],
  ["Winograd", { x: [2, 12, 13, 18], kernel: [3, 3, 18, 20], options: { padding: around(1, 1, 1, 1) } }],
  ["Winograd, no margins", { x: [2, 14, 10, 16], kernel: [3, 3, 16, 17], options: {} }],
];

describe.each(ways)("%s", (_, geometry) => {
  const put = (values: Tensor, index: number, value: number): void => {
    values.data[index < 0 ? values.size + index : index] = value;
  };

  it.each([nan, high, -high])("finite numbers, and %s at edges and in the middle of the input", (value) => {
    expectDefinition(geometry);
    expectDefinition(geometry, (x) => put(x, 0, value));
    expectDefinition(geometry, (x) => put(x, Math.floor(x.size / 2), value));
    expectDefinition(geometry, (x) => put(x, -1, value));
  });

  it.each([nan, high])("%s in the kernel: what lies outside contributes nothing", (value) => {
    expectDefinition(geometry, (_x, kernel) => put(kernel, 0, value));
    expectDefinition(geometry, (_x, kernel) => put(kernel, -1, value));
  });

  it.each([nan, -high])("%s in the gradient of the result", (value) => {
    expectDefinition(geometry, (_x, _kernel, dy) => put(dy, 1, value));
    expectDefinition(geometry, (_x, _kernel, dy) => put(dy, -2, value));
  });
});

test("one NaN in a picture reaches the nine outputs that see it, with a bias and relu as well", () => {
  const x = ops.ones([8, 12, 12, 16]);
  x.data[((12 + 3) * 16) | 0] = nan; // row 1, column 3 of the first image
  const [kernel, bias] = [integers([3, 3, 16, 16], 4), integers([16], 5)];
  const options = { strides: [1, 1], dilations: [1, 1], padding: around(1, 1, 1, 1), groups: 1 };
  const traced = traceGraph(
    [x, kernel, bias].map(({ shape }) => ({ shape, dtype: "float32" })),
    (...[a, b, c]) => [relu(add(conv(a as never, b as never, options), c as never))],
  );
  const [found] = runGraph(traced, [x, kernel, bias], { algorithms: true });
  const pixels = new Set<number>();
  found?.data.forEach((each, index) => {
    if (Number.isNaN(each)) pixels.add(Math.floor(index / 16));
  });
  expect([...pixels]).toEqual([2, 3, 4, 14, 15, 16, 26, 27, 28]);
});

test("relu hides no −Infinity that Winograd's algorithm brought where nothing infinite is seen", () => {
  const x = ops.ones([8, 12, 12, 16]);
  x.data[(12 + 3) * 16] = high;
  const kernel = ops.full([3, 3, 16, 16], 1);
  const options = { strides: [1, 1], dilations: [1, 1], padding: around(1, 1, 1, 1), groups: 1 };
  const traced = traceGraph(
    [x, kernel].map(({ shape }) => ({ shape, dtype: "float32" })),
    (...[a, b]) => [relu(conv(a as never, b as never, options))],
  );
  const [found] = runGraph(traced, [x, kernel], { algorithms: true });
  expect(new Set(found?.data.map(Math.round))).toEqual(new Set([64, 96, 144, high]));
});

test("large numbers that overflow on Winograd's way alone are summed directly", () => {
  const x = ops.full([8, 12, 12, 16], 1e37);
  const kernel = ops.full([3, 3, 16, 16], 0.125);
  const options = { strides: [1, 1], dilations: [1, 1], padding: around(0, 0, 0, 0), groups: 1 };
  const traced = traceGraph(
    [x, kernel].map(({ shape }) => ({ shape, dtype: "float32" })),
    (...[a, b]) => [conv(a as never, b as never, options)],
  );
  for (const algorithms of [false, true]) {
    const [found] = runGraph(traced, [x, kernel], { algorithms });
    for (const each of found?.data ?? []) expect(each / 1.8e38).toBeCloseTo(1, 4);
  }
});

describe("convolutions of nothing", () => {
  const sizes: readonly Geometry[] = [
    { x: [0, 5, 6, 3], kernel: [3, 3, 3, 4], options: { padding: around(1, 1, 1, 1) } },
    { x: [2, 5, 6, 0], kernel: [3, 3, 0, 4], options: {} },
    { x: [2, 5, 6, 3], kernel: [3, 3, 3, 0], options: {} },
    { x: [2, 0, 6, 3], kernel: [3, 3, 3, 4], options: { padding: around(2, 2, 1, 1) } },
    { x: [2, 0, 6, 3], kernel: [1, 1, 3, 4], options: {} },
    { x: [0, 0, 0, 8], kernel: [3, 3, 1, 8], options: depthwise(8, { padding: around(2, 2, 2, 2) }) },
    { x: [2, 0, 5, 16], kernel: [3, 3, 1, 16], options: depthwise(16, { padding: around(2, 2, 2, 2) }) },
  ];
  it.each(sizes)("have the shape that follows and gradients of zeros: %j", (geometry) => {
    expectDefinition(geometry);
    const y = ops.conv(integers(geometry.x, 1), integers(geometry.kernel, 2), optionsOf(geometry));
    expect(y.shape).toEqual(outputOf(geometry));
  });

  it("of an empty axis without room for a window are empty", () => {
    expect(ops.conv(ops.zeros([2, 0, 3]), ops.zeros([3, 3, 4])).shape).toEqual([2, 0, 4]);
    expect(ops.conv(ops.zeros([2, 0, 3]), ops.zeros([3, 3, 4]), { padding: "same" }).shape).toEqual([2, 0, 4]);
    expect(() => ops.conv(ops.zeros([2, 1, 3]), ops.zeros([3, 3, 4]))).toThrow("at least 3 positions");
  });

  it("of no channels, each by itself, have none", () => {
    expect(ops.depthwiseConv(ops.zeros([2, 5, 6, 0]), ops.zeros([3, 3, 0, 2])).shape).toEqual([2, 3, 4, 0]);
  });
});
