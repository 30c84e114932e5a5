// Are depthwise convolutions the same where memory decides how they are read: with large inputs, and with many channels?

import { expect, test } from "vitest";
import { type ConvAxis, convTiling, depthwiseTiling } from "../../bindings/ops/convGeometry.ts";
import * as ops from "../../bindings/ops/index.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { around } from "../harness/convGeometries.ts";
import { generator, randomTensor } from "../harness/random.ts";

const next = generator(11);
const random = (...shape: number[]): Tensor => randomTensor(next, shape);
const options = (channels: number, stride = 1) => ({
  strides: [stride, stride],
  dilations: [1, 1],
  padding: around(1, 1, 1, 1),
  groups: channels,
});

/** Σ over the taps of one output, in float64. */
function naive(x: Tensor, kernel: Tensor, [image, row, column, channel]: readonly [number, number, number, number]) {
  const [, rows, columns, channels] = x.shape as [number, number, number, number];
  let sum = 0;
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) {
      const [r, c] = [row + i - 1, column + j - 1];
      if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
      const seen = x.data[((image * rows + r) * columns + c) * channels + channel] as number;
      sum += seen * (kernel.data[(3 * i + j) * channels + channel] as number);
    }
  return sum;
}

test("a batch of more than two megabytes has the bits of its images, forward and backward", () => {
  const [batch, size, channels] = [6, 28, 128];
  const x = random(batch, size, size, channels);
  const kernel = random(3, 3, 1, channels);
  const both = (images: Tensor): Tensor[] => [
    ops.conv(images, kernel, options(channels)),
    ops.convInputGradient(images, kernel, [size, size], options(channels)),
  ];
  const whole = both(x);
  for (let image = 0; image < batch; image++) {
    const one = (y: Tensor): Tensor => ops.slice(y, [image, 0, 0, 0], [1, -1, -1, -1]);
    expectSameBits(both(one(x)), whole.map(one), `image ${image}`);
  }
  const at = [5, 0, 27, 77] as const;
  const found = whole[0]?.data[((5 * size + 0) * size + 27) * channels + 77] as number;
  expect(found).toBeCloseTo(naive(x, kernel, at), 5);
});

test.each([
  [1, 9],
  [2, 14],
])("1,024 channels have the bits of their halves: stride %i, %i columns", (stride, columns) => {
  const [rows, channels] = [3, 1024];
  const x = random(2, rows, columns, channels);
  const kernel = random(3, 3, 1, channels);
  const results = (image: Tensor, taps: Tensor): Tensor[] => {
    const dy = ops.conv(image, taps, options(taps.shape[3] as number, stride));
    return [dy, ops.convInputGradient(dy, taps, [rows, columns], options(taps.shape[3] as number, stride))];
  };
  const whole = results(x, kernel);
  for (const first of [0, 512]) {
    const half = (y: Tensor): Tensor => ops.slice(y, [0, 0, 0, first], [-1, -1, -1, 512]);
    expectSameBits(results(half(x), half(kernel)), whole.map(half), `channels from ${first} on`);
  }
});

test("no samples make no units, in chunks that threads can count", () => {
  const along = (taps: number): ConvAxis => {
    return { input: 5, output: 5, taps, stride: 1, dilation: 1, offset: (1 - taps) / 2, quotient: 1 };
  };
  const axes = [along(1), along(3), along(3)] as const;
  for (const { units, grain } of [depthwiseTiling([...axes], 0, 16), convTiling([...axes], 0, 16, 16, 1)])
    expect([units, grain]).toEqual([0, 1]);
});

test("more channels than there are panels for have the bits of a few of them", () => {
  const [rows, columns, channels] = [3, 6, 16_400];
  const x = random(1, rows, columns, channels);
  const kernel = random(3, 3, 1, channels);
  for (const first of [0, channels - 16]) {
    const few = (y: Tensor): Tensor => ops.slice(y, [0, 0, 0, first], [-1, -1, -1, 16]);
    const whole = ops.conv(x, kernel, options(channels));
    expectSameBits([ops.conv(few(x), few(kernel), options(16))], [few(whole)], `channels from ${first} on`);
  }
});

// Positions of 128 channels are 512 bytes apart and copied, those of 96 or 32 read in place.
test.each([
  [1, [9, 28]],
  [2, [31, 30]],
  [2, [8, 7]],
] as const)(
  "the kernel's gradient of 128 channels has the bits of 96 and 32: stride %i, %j",
  (stride, [rows, columns]) => {
    const channels = 128;
    const x = random(2, rows, columns, channels);
    const dy = random(2, Math.ceil(rows / stride), Math.ceil(columns / stride), channels);
    const gradient = (image: Tensor, upstream: Tensor): Tensor =>
      ops.convKernelGradient(image, upstream, [3, 3], options(image.shape[3] as number, stride));
    const whole = gradient(x, dy);
    for (const [first, count] of [
      [0, 96],
      [96, 32],
    ] as const) {
      const part = (y: Tensor): Tensor => ops.slice(y, [0, 0, 0, first], [-1, -1, -1, count]);
      expectSameBits([gradient(part(x), part(dy))], [part(whole)], `channels from ${first} on`);
    }
    let sum = 0;
    let terms = 0;
    const [down, across] = dy.shape.slice(1, 3) as [number, number];
    for (let image = 0; image < 2; image++)
      for (let row = 0; row < down; row++)
        for (let column = 0; column < across; column++) {
          const [r, c] = [stride * row - 1, stride * column + 1]; // of tap [0, 2]
          if (r < 0 || c >= columns) continue;
          const seen = x.data[((image * rows + r) * columns + c) * channels + 77] as number;
          const term = seen * (dy.data[((image * down + row) * across + column) * channels + 77] as number);
          sum += term;
          terms += Math.abs(term);
        }
    expect(Math.abs((whole.data[2 * channels + 77] as number) - sum)).toBeLessThan(terms * 1e-5);
  },
);
