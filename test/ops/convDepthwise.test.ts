// Are depthwise convolutions the same where memory decides how they are read: with large inputs, and with many channels?

import { expect, test } from "vitest";
import * as ops from "../../bindings/ops/index.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { around } from "../harness/convGeometries.ts";
import { floats, generator } from "../harness/random.ts";

const next = generator(11);
const random = (...shape: number[]): Tensor =>
  tensor(
    floats(
      next,
      shape.reduce((size, each) => size * each, 1),
      { low: -1, high: 1 },
    ),
    shape,
  );
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
