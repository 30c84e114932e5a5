// Which convolutions are tested?

import type { ConvOptions } from "../../bindings/ops/conv.ts";
import { conv, convInputGradient, convKernelGradient } from "../../bindings/ops/conv.ts";
import type { OpCase } from "./describeOp.ts";

/** One geometry: spatial sizes of input and kernel, channels per group on both sides. */
export interface Geometry extends Partial<ConvOptions> {
  readonly title: string;
  readonly batch?: number;
  readonly input: readonly number[];
  readonly taps: readonly number[];
  readonly channels: readonly [cin: number, cout: number];
}

const optionsOf = ({ input, strides, dilations, padding, groups }: Geometry): ConvOptions => ({
  strides: strides ?? input.map(() => 1),
  dilations: dilations ?? input.map(() => 1),
  padding: padding ?? input.map(() => [0, 0]),
  groups: groups ?? 1,
});

function outputOf(geometry: Geometry): number[] {
  const { strides, dilations, padding } = optionsOf(geometry);
  return geometry.input.map((size, axis) => {
    const reach = ((geometry.taps[axis] as number) - 1) * (dilations[axis] as number) + 1;
    const [before, after] = padding[axis] as readonly [number, number];
    return Math.floor((size + before + after - reach) / (strides[axis] as number)) + 1;
  });
}

const shapesOf = (geometry: Geometry): Record<"x" | "kernel" | "dy", number[]> => {
  const { batch = 2, input, taps, channels, groups = 1 } = geometry;
  const [cin, cout] = channels;
  return {
    x: [batch, ...input, cin],
    kernel: [...taps, cin / groups, cout],
    dy: [batch, ...outputOf(geometry), cout],
  };
};

/** The three operations on one geometry. */
export function casesOf(geometry: Geometry): Record<"forward" | "input" | "kernel", OpCase> {
  const options = optionsOf(geometry);
  const { x, kernel, dy } = shapesOf(geometry);
  const { title, input, taps } = geometry;
  return {
    forward: { title, apply: (a, b) => conv(a, b, options), inputs: [{ shape: x }, { shape: kernel }], shape: dy },
    input: {
      title,
      apply: (a, b) => convInputGradient(a, b, input, options),
      inputs: [{ shape: dy }, { shape: kernel }],
      shape: x,
    },
    kernel: {
      title,
      apply: (a, b) => convKernelGradient(a, b, taps, options),
      inputs: [{ shape: x }, { shape: dy }],
      shape: kernel,
    },
  };
}

const geometry = (
  title: string,
  input: readonly number[],
  taps: readonly number[],
  channels: readonly [cin: number, cout: number],
  more: Partial<Geometry> = {},
): Geometry => ({ title, input, taps, channels, ...more });

/** Pairs of paddings. */
export function around(...counts: readonly number[]): (readonly [number, number])[] {
  return counts.flatMap((count, index) => (index % 2 === 0 ? [[count, counts[index + 1] as number] as const] : []));
}

/** Small ones, each with something of its own. */
export const geometries: readonly Geometry[] = [
  geometry("size 1 everything", [1], [1], [1, 1], { batch: 1 }),
  geometry("one tap in a larger input", [5], [1], [3, 5]),
  geometry("one tap at stride 2", [5, 6], [1, 1], [3, 5], { strides: [2, 2] }),
  geometry("one tap and padding", [4], [1], [3, 2], { padding: around(2, 1) }),
  geometry("a kernel as large as the input", [3, 4], [3, 4], [2, 5]),
  geometry("a kernel larger than the input", [2, 3], [5, 6], [3, 4], { padding: around(2, 3, 1, 4) }),
  geometry("1 axis", [9], [3], [1, 1]),
  geometry("1 axis, many positions", [80], [4], [3, 17], { batch: 1, padding: around(2, 1) }),
  geometry("1 axis, causal", [7], [3], [3, 5], { dilations: [2], padding: around(4, 0) }),
  geometry("1 axis, stride 3", [11], [4], [5, 16], { strides: [3], padding: around(1, 2) }),
  geometry("1 axis, stride larger than the kernel", [11], [2], [3, 3], { strides: [4] }),
  geometry("1 axis, stride and dilation", [13], [3], [3, 5], { strides: [2], dilations: [3], padding: around(3, 2) }),
  geometry("1 axis, dilation beyond the input", [5], [3], [2, 3], { dilations: [7], padding: around(7, 7) }),
  geometry("2 axes, 1 channel to 16", [6, 7], [3, 3], [1, 16], { padding: around(1, 1, 1, 1) }),
  geometry("2 axes, 3 channels to 33", [5, 5], [3, 3], [3, 33], { batch: 1 }),
  geometry("2 axes, 16 channels to 16", [5, 6], [3, 3], [16, 16], { batch: 1, padding: around(1, 1, 1, 1) }),
  geometry("2 axes, 17 channels to 3", [5, 4], [3, 2], [17, 3], { batch: 1, padding: around(0, 1, 1, 0) }),
  geometry("2 axes, 33 channels to 17", [4, 5], [2, 3], [33, 17], { batch: 1 }),
  geometry("2 axes, 5 × 5 at stride 2, asymmetric", [7, 8], [5, 5], [3, 5], {
    strides: [2, 2],
    padding: around(1, 2, 2, 1),
  }),
  geometry("2 axes, unequal everything", [7, 9], [2, 3], [2, 5], {
    strides: [2, 3],
    dilations: [3, 2],
    padding: around(2, 0, 1, 3),
  }),
  geometry("2 axes, one of size 1", [1, 6], [1, 3], [3, 5], { padding: around(0, 0, 1, 1) }),
  geometry("2 axes, one of size 1 at the end", [6, 1], [3, 1], [3, 5], { padding: around(1, 1, 0, 0) }),
  geometry("2 axes, more padding than kernel", [3, 2], [2, 2], [2, 3], { padding: around(3, 4, 4, 3) }),
  geometry("3 axes", [3, 4, 5], [2, 3, 2], [2, 3], { batch: 1 }),
  geometry("3 axes, strides", [4, 5, 4], [2, 2, 3], [2, 5], {
    batch: 1,
    strides: [2, 1, 2],
    padding: around(1, 0, 0, 1, 1, 1),
  }),
  geometry("3 axes, dilations", [4, 5, 6], [2, 2, 2], [3, 2], {
    batch: 1,
    dilations: [2, 1, 3],
    padding: around(0, 1, 0, 0, 1, 1),
  }),
  geometry("2 groups", [4, 5], [3, 3], [6, 4], { groups: 2, padding: around(1, 1, 1, 1) }),
  geometry("3 groups with remainders", [5, 4], [2, 3], [9, 51], { batch: 1, groups: 3, strides: [2, 1] }),
  geometry("depthwise", [5, 6], [3, 3], [5, 5], { groups: 5, padding: around(1, 1, 1, 1) }),
  geometry("depthwise, 17 channels, stride 2", [7, 6], [3, 3], [17, 17], {
    batch: 1,
    groups: 17,
    strides: [2, 2],
    padding: around(0, 1, 1, 1),
  }),
  geometry("depthwise, 33 channels, dilated", [6, 7], [2, 3], [33, 33], {
    batch: 1,
    groups: 33,
    dilations: [2, 2],
    padding: around(1, 1, 2, 2),
  }),
  geometry("depthwise, 3 outputs a channel", [4, 5], [2, 3], [3, 9], {
    groups: 3,
    strides: [1, 2],
    padding: around(0, 1, 1, 1),
  }),
  geometry("depthwise, 1 axis", [40], [3], [8, 8], { groups: 8, padding: around(1, 1) }),
  geometry("depthwise, 3 axes", [3, 4, 3], [2, 2, 2], [4, 4], {
    batch: 1,
    groups: 4,
    padding: around(1, 0, 0, 1, 1, 1),
  }),
  // tfjs-core 4.22 gives wrong or no gradients for these.
  geometry("same padding in 3 axes", [4, 5, 4], [3, 3, 3], [2, 2], { batch: 1, padding: around(1, 1, 1, 1, 1, 1) }),
  geometry("same padding in 3 axes at stride 2", [4, 5, 5], [3, 3, 3], [2, 2], {
    batch: 1,
    strides: [2, 2, 2],
    padding: around(0, 1, 1, 1, 1, 1),
  }),
  geometry("groups and dilation", [7, 8], [3, 3], [4, 6], {
    groups: 2,
    dilations: [2, 2],
    padding: around(2, 2, 2, 2),
  }),
];

/** Large enough for parts of k, packed kernels and several sums of positions. */
export const large: readonly Geometry[] = [
  geometry("700 channels: parts of k by channels", [4], [2], [700, 4], { batch: 1 }),
  geometry("70 channels × 9 taps: parts of k by taps", [3, 3], [3, 3], [70, 18], {
    batch: 1,
    padding: around(1, 1, 1, 1),
  }),
  geometry("a kernel that is packed", [2, 3], [3, 3], [130, 130], { batch: 1, padding: around(1, 1, 1, 1) }),
  geometry("600 positions", [2, 300], [1, 3], [2, 16], { batch: 1, padding: around(0, 0, 1, 1) }),
  geometry("depthwise, tiles and edges of 132 channels", [3, 11], [3, 3], [132, 132], {
    batch: 1,
    groups: 132,
    padding: around(1, 1, 1, 1),
  }),
  // Tiles of neighbours: rows without their first or last column, or without both; positions that see one column, or none.
  geometry("depthwise, 18 channels, stride 2, padding on both sides", [5, 13], [3, 3], [18, 18], {
    batch: 1,
    groups: 18,
    strides: [2, 2],
    padding: around(1, 1, 1, 1),
  }),
  geometry("depthwise, 20 channels, stride 2, padding behind", [6, 14], [3, 3], [20, 20], {
    batch: 1,
    groups: 20,
    strides: [2, 2],
    padding: around(0, 1, 0, 1),
  }),
  geometry("depthwise, 16 channels, more padding than taps", [2, 6], [3, 3], [16, 16], {
    groups: 16,
    padding: around(1, 2, 4, 3),
  }),
  geometry("depthwise, 16 channels, one column", [3, 1], [3, 3], [16, 16], { groups: 16, padding: around(1, 1, 1, 1) }),
  geometry("depthwise, 16 channels, 1 axis, stride 2", [11], [3], [16, 16], {
    groups: 16,
    strides: [2],
    padding: around(1, 0),
  }),
  geometry("depthwise, 16 channels, rows of three in 3 axes", [2, 3, 6], [2, 2, 3], [16, 16], {
    batch: 1,
    groups: 16,
    padding: around(0, 0, 1, 0, 1, 1),
  }),
  geometry("windows that must be narrow", [2, 40], [2, 3], [64, 2], { batch: 1, dilations: [1, 15] }),
];
