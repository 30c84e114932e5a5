// Convolutions as users call them beside `conv`: transposed, separable, and those that Winograd's algorithm computes.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { Shape } from "../../../bindings/tensor.ts";
import { unit } from "../../harness/estimate.ts";
import { at, build, indexAt, positionsOf, type RealArray, sizeOf } from "../array.ts";
import { seeds, sizes } from "../draw.ts";
import { op } from "../op.ts";
import { dot, Real } from "../real.ts";
import type { Subject } from "../subject.ts";
import { type Axis, convolve, valid } from "./conv.ts";

type Node = SymbolicTensor;

// Transposed ----------------------------------------------------------------------------------------------------------

interface Window {
  readonly size: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly extra: number;
}
interface TransposeCase {
  readonly batch: number;
  readonly windows: Window[];
  readonly channels: [number, number];
  readonly padding: "valid" | "same" | undefined;
  readonly outputPadding: boolean;
  readonly seed: number;
}
const window = (most: number, mostTaps: number): fc.Arbitrary<Window> =>
  fc.record({
    size: sizes(most),
    taps: fc.integer({ min: 1, max: mostTaps }),
    stride: fc.constantFrom(1, 1, 2, 2, 3, 4),
    dilation: fc.constantFrom(1, 1, 1, 2, 3),
    extra: fc.nat(3),
  });
const windows = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(window(9, 5)) as fc.Arbitrary<Window[]> },
  { weight: 5, arbitrary: fc.tuple(window(6, 4), window(6, 4)) as fc.Arbitrary<Window[]> },
  { weight: 1, arbitrary: fc.tuple(window(3, 3), window(3, 3), window(3, 3)) as fc.Arbitrary<Window[]> },
);
const channel = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(16, 17) },
);
const transposes: fc.Arbitrary<TransposeCase> = fc
  .record({
    batch: fc.constantFrom(1, 1, 2, 3, 0),
    windows,
    channels: fc.tuple(channel, channel),
    padding: fc.constantFrom<TransposeCase["padding"]>("valid", "same", undefined),
    outputPadding: fc.boolean(),
    seed: seeds,
  })
  .filter(
    ({ windows: all, batch, channels: [cin, cout] }) =>
      all.reduce((work, { size, taps }) => work * Math.max(1, size) * taps, Math.max(1, batch) * cin * cout) <=
        20_000 && all.reduce((work, { size, stride }) => work * (size * stride + 4), Math.max(1, batch) * cout) <= 4000,
  );

/**
 * Where the window of entry 0 begins and how many entries come out, as in Keras: size · stride for "same", with as many more
 * as the window reaches beyond the stride for "valid"; with outputPadding (size − 1) · stride + reach + outputPadding, less
 * ⌊reach / 2⌋ on either side for "same". The margins of "same" are those that the convolution of the result has. undefined
 * where no convolution of the result has the size of the input.
 */
function spreadOf(
  { size, taps, stride, dilation, extra }: Window,
  same: boolean,
  outputPadding: boolean,
): { before: number; output: number } | undefined {
  const reach = (taps - 1) * dilation + 1;
  const output = outputPadding
    ? (size - 1) * stride + reach - (same ? 2 * Math.floor(reach / 2) : 0) + extra
    : same
      ? size * stride
      : size * stride + Math.max(reach - stride, 0);
  const convolved = same ? Math.ceil(output / stride) : Math.floor((output - reach) / stride) + 1;
  if (outputPadding && convolved !== size) return undefined;
  // No window fits: what no entry is spread to is refused.
  if (!same && output > 0 && output < reach) return undefined;
  const total = same ? Math.max((Math.ceil(output / stride) - 1) * stride + reach - output, 0) : 0;
  return { before: Math.floor(total / 2), output };
}

const convTranspose = op<TransposeCase>({
  name: "convTranspose",
  cases: transposes,
  inputs: ({ batch, windows: all, channels: [cin, cout] }) => [
    { shape: [batch, ...all.map(({ size }) => size), cin] },
    { shape: [...all.map(({ taps }) => taps), cout, cin] },
  ],
  call: ({ windows: all, padding, outputPadding }, x, kernel) =>
    ops.convTranspose(x as Node, kernel as Node, {
      strides: all.map(({ stride }) => stride),
      dilations: all.map(({ dilation }) => dilation),
      ...(padding === undefined ? {} : { padding }),
      ...(outputPadding ? { outputPadding: all.map(({ extra }) => extra) } : {}),
    }),
  reference: ({ batch, windows: all, channels: [cin, cout], padding, outputPadding }, x, kernel) => {
    const spreads = all.map((each) => spreadOf(each, padding === "same", outputPadding));
    if (spreads.some((each) => each === undefined)) return undefined;
    const found = spreads as { before: number; output: number }[];
    if (found.some(({ output }) => output < 0)) return undefined;
    const shape: Shape = [batch, ...found.map(({ output }) => output), cout];
    const terms: [Real[], Real[]][] = Array.from({ length: sizeOf(shape) }, () => [[], []]);
    // Every entry is scattered over its window.
    for (const place of positionsOf([batch, ...all.map(({ size }) => size)]))
      for (const tap of positionsOf(all.map(({ taps }) => taps))) {
        const to = all.map(
          ({ stride, dilation }, axis) =>
            (place[axis + 1] as number) * stride + (tap[axis] as number) * dilation - (found[axis]?.before as number),
        );
        for (let out = 0; out < cout; out++) {
          const index = indexAt(shape, [place[0] as number, ...to, out]);
          if (index === undefined) continue;
          const [seen, weights] = terms[index] as [Real[], Real[]];
          for (let channelIn = 0; channelIn < cin; channelIn++) {
            seen.push(at(x as RealArray, [...place, channelIn]));
            weights.push(at(kernel as RealArray, [...tap, out, channelIn]));
          }
        }
      }
    return build(shape, (_, index) => dot(...(terms[index] as [Real[], Real[]])));
  },
});

// Separable -----------------------------------------------------------------------------------------------------------

interface SeparableCase {
  readonly batch: number;
  readonly axes: Axis[];
  readonly channels: number;
  readonly multiplier: number;
  readonly outputs: number;
  readonly padding: "valid" | "same";
  readonly seed: number;
}
const plainAxis = fc.record({
  size: sizes(8),
  taps: fc.integer({ min: 1, max: 4 }),
  stride: fc.constantFrom(1, 1, 2),
  dilation: fc.constantFrom(1, 1, 2),
});
const separableConv = op<SeparableCase>({
  name: "separableConv",
  cases: fc
    .record({
      batch: fc.constantFrom(1, 1, 2, 0),
      axes: fc.array(plainAxis, { minLength: 1, maxLength: 2 }),
      channels: fc.integer({ min: 1, max: 5 }),
      multiplier: fc.constantFrom(1, 1, 2, 3),
      outputs: fc.integer({ min: 1, max: 6 }),
      padding: fc.constantFrom<SeparableCase["padding"]>("valid", "same"),
      seed: seeds,
    })
    .map(({ axes, padding, ...rest }) => ({
      ...rest,
      padding,
      axes: axes.map((given): Axis => {
        const reach = (given.taps - 1) * given.dilation + 1;
        const total =
          padding === "same"
            ? Math.max((Math.ceil(given.size / given.stride) - 1) * given.stride + reach - given.size, 0)
            : 0;
        return { ...given, padding: [Math.floor(total / 2), total - Math.floor(total / 2)] };
      }),
    }))
    .filter((given) => sizeOf(given.axes.map(({ size }) => size)) * given.channels * given.multiplier <= 300),
  inputs: ({ batch, axes, channels, multiplier, outputs }) => [
    { shape: [batch, ...axes.map(({ size }) => size), channels] },
    { shape: [...axes.map(({ taps }) => taps), channels, multiplier] },
    { shape: [...axes.map(() => 1), channels * multiplier, outputs] },
  ],
  call: ({ axes, padding }, x, depthwise, pointwise) =>
    ops.separableConv(x as Node, depthwise as Node, pointwise as Node, {
      strides: axes.map(({ stride }) => stride),
      dilations: axes.map(({ dilation }) => dilation),
      padding,
    }),
  reference: ({ axes, channels, multiplier }, x, depthwise, pointwise) => {
    if (!valid(axes)) return undefined;
    const grouped = { ...(depthwise as RealArray), shape: [...axes.map(({ taps }) => taps), 1, channels * multiplier] };
    const between = convolve(x as RealArray, grouped, axes, channels);
    const single = between.shape
      .slice(1, -1)
      .map((size): Axis => ({ size, taps: 1, stride: 1, dilation: 1, padding: [0, 0] }));
    return convolve(between, pointwise as RealArray, single, 1);
  },
});

// Winograd ------------------------------------------------------------------------------------------------------------

type Matrix = readonly (readonly number[])[];

/** Aᵀ, G and Bᵀ of F(4 × 4, 3 × 3) at 0, ∞, ±¾ and ±1½ (docs/decisions/0008), in absolute values. */
const points = [3 / 4, -3 / 4, 3 / 2, -3 / 2];
const [p2, q2] = [9 / 16, 9 / 4];
const outputMatrix: Matrix = [0, 1, 2, 3].map((power) => [
  power === 0 ? 1 : 0,
  power === 3 ? 1 : 0,
  ...points.map((point) => Math.abs(point) ** power),
]);
const kernelMatrix: Matrix = [
  [1 / (p2 * q2), 0, 0],
  [0, 0, 1],
  ...points.map((point) => {
    const [own, other] = Math.abs(point) < 1 ? [p2, q2] : [q2, p2];
    return [0, 1, 2].map((power) => Math.abs(point) ** power / (2 * own * Math.abs(own - other)));
  }),
];
const inputMatrix: Matrix = [
  [p2 * q2, 0, p2 + q2, 0, 1, 0],
  [0, p2 * q2, 0, p2 + q2, 0, 1],
  ...points.map((point) => {
    const [own, other] = Math.abs(point) < 1 ? [Math.sqrt(p2), q2] : [Math.sqrt(q2), p2];
    return [0, own * other, other, own, 1, 0];
  }),
];

/** m · x · mᵀ. */
function transformed(m: Matrix, x: (i: number, j: number) => number): number[][] {
  const width = (m[0] as readonly number[]).length;
  const cells = Array.from({ length: width }, (_, i) => Array.from({ length: width }, (__, j) => x(i, j)));
  const half = m.map((row) =>
    Array.from({ length: width }, (_, j) =>
      row.reduce((total, each, i) => total + each * (cells[i]?.[j] as number), 0),
    ),
  );
  return half.map((row) => m.map((other) => other.reduce((total, each, j) => total + each * (row[j] as number), 0)));
}
const flipped = (m: Matrix): Matrix => (m[0] as readonly number[]).map((_, i) => m.map((row) => row[i] as number));

interface WinogradCase {
  readonly batch: number;
  readonly size: [number, number];
  readonly margins: [[number, number], [number, number]];
  readonly channels: [number, number];
  readonly part: "forward" | "input" | "kernel";
  readonly seed: number;
}
const outputsOf = ({ size, margins }: WinogradCase): [number, number] =>
  size.map((each, axis) => each + (margins[axis]?.[0] as number) + (margins[axis]?.[1] as number) - 2) as [
    number,
    number,
  ];
/** Whether the compiler chooses it, as docs/decisions/0008 says. */
function isChosen({ batch, channels: [cin, cout] }: WinogradCase, outputs: readonly [number, number]): boolean {
  const tiles = Math.ceil(outputs[0] / 4) * Math.ceil(outputs[1] / 4);
  return Math.min(cin, cout) >= 16 && batch * tiles >= 8 && 9 * tiles <= outputs[0] * outputs[1];
}
/** Beyond 2 there are outputs that see nothing: the compiler must not choose it then. */
const margin = fc.oneof({ weight: 7, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.constantFrom(3, 4) });
const winogradCases: fc.Arbitrary<WinogradCase> = fc
  .record({
    batch: fc.integer({ min: 1, max: 8 }),
    size: fc.tuple(fc.integer({ min: 4, max: 14 }), fc.integer({ min: 4, max: 14 })),
    margins: fc.tuple(fc.tuple(margin, margin), fc.tuple(margin, margin)),
    channels: fc.tuple(fc.constantFrom(16, 16, 17, 20, 32), fc.constantFrom(16, 16, 17, 18, 33)),
    part: fc.constantFrom<WinogradCase["part"]>("forward", "input", "kernel"),
    seed: seeds,
  })
  .filter((given) => {
    const outputs = outputsOf(given);
    const sizeOfOutput = given.part === "input" ? given.size : outputs;
    const work = given.batch * outputs[0] * outputs[1] * given.channels[0] * given.channels[1];
    return isChosen(given, sizeOfOutput) && work <= 45_000;
  });

type Values = { readonly shape: Shape; readonly data: readonly number[] };
const valuesOf = ({ shape, data }: RealArray): Values => ({ shape, data: data.map(({ value }) => value) });
function isInside({ shape: [, rows = 0, columns = 0] }: Values, row: number, column: number): boolean {
  return row >= 0 && row < rows && column >= 0 && column < columns;
}
/** An element of four axes; 0 outside of the middle two. */
function read(x: Values, i: number, j: number, k: number, l: number): number {
  const [, rows = 0, columns = 0, channels = 0] = x.shape;
  return isInside(x, j, k) ? (x.data[((i * rows + j) * columns + k) * channels + l] as number) : 0;
}

/**
 * x [n, h, w, cin] convolved with kernel(i, j, in, out), with the bound (cin + 30) · u · (|Aᵀ| [(|G| |g| |Gᵀ|) ⊙ (|Bᵀ| |d| |B|)] |A|).
 */
function forward(
  x: Values,
  kernel: (i: number, j: number, channelIn: number, out: number) => number,
  outputs: readonly [number, number],
  before: readonly [number, number],
  cout: number,
): RealArray {
  const [batch = 0, , , cin = 0] = x.shape;
  const shape = [batch, ...outputs, cout];
  const data: Real[] = new Array(sizeOf(shape));
  const kernels = Array.from({ length: cin }, (_, channelIn) =>
    Array.from({ length: cout }, (__, out) =>
      transformed(kernelMatrix, (i, j) => Math.abs(kernel(i, j, channelIn, out))).flat(),
    ),
  );
  for (let sample = 0; sample < batch; sample++)
    for (let row = 0; row < outputs[0]; row += 4)
      for (let column = 0; column < outputs[1]; column += 4) {
        const inputs = Array.from({ length: cin }, (_, channelIn) =>
          transformed(inputMatrix, (i, j) =>
            Math.abs(read(x, sample, row + i - before[0], column + j - before[1], channelIn)),
          ).flat(),
        );
        for (let out = 0; out < cout; out++) {
          const products = new Array<number>(36).fill(0);
          for (let channelIn = 0; channelIn < cin; channelIn++)
            for (let cell = 0; cell < 36; cell++)
              products[cell] =
                (products[cell] as number) +
                (inputs[channelIn]?.[cell] as number) * (kernels[channelIn]?.[out]?.[cell] as number);
          const magnified = transformed(outputMatrix, (i, j) => products[6 * i + j] as number);
          for (let i = 0; i < 4; i++)
            for (let j = 0; j < 4; j++) {
              if (row + i >= outputs[0] || column + j >= outputs[1]) continue;
              const index = ((sample * outputs[0] + row + i) * outputs[1] + column + j) * cout + out;
              let value = 0;
              let sees = false;
              for (let tap = 0; tap < 9; tap++) {
                const [p, q] = [Math.floor(tap / 3), tap % 3];
                sees ||= isInside(x, row + i + p - before[0], column + j + q - before[1]);
                for (let channelIn = 0; channelIn < cin; channelIn++)
                  value +=
                    read(x, sample, row + i + p - before[0], column + j + q - before[1], channelIn) *
                    kernel(p, q, channelIn, out);
              }
              data[index] = new Real(value, sees ? (cin + 30) * unit * (magnified[i]?.[j] as number) : 0);
            }
        }
      }
  return { shape, dtype: "float32", data };
}

/**
 * The gradient of the kernel: Gᵀ [Σ (Bᵀ d B) ⊙ (A dy Aᵀ)] G over the tiles. The same roundings as forward with the sum over
 * tiles in the place of that over channels: (tiles + 30) · u of the magnified terms.
 */
function kernelGradient(x: Values, dy: Values, before: readonly [number, number]): RealArray {
  const [batch = 0, rows = 0, columns = 0, cout = 0] = dy.shape;
  const cin = x.shape[3] as number;
  const sums = Array.from({ length: cin * cout }, () => new Float64Array(36));
  const toTile = flipped(outputMatrix);
  let tiles = 0;
  for (let sample = 0; sample < batch; sample++)
    for (let row = 0; row < rows; row += 4)
      for (let column = 0; column < columns; column += 4) {
        tiles++;
        const upstream = Array.from({ length: cout }, (_, out) =>
          transformed(toTile, (i, j) => Math.abs(read(dy, sample, row + i, column + j, out))).flat(),
        );
        for (let channelIn = 0; channelIn < cin; channelIn++) {
          const inputs = transformed(inputMatrix, (i, j) =>
            Math.abs(read(x, sample, row + i - before[0], column + j - before[1], channelIn)),
          ).flat();
          upstream.forEach((each, out) => {
            const sum = sums[channelIn * cout + out] as Float64Array;
            for (let cell = 0; cell < 36; cell++)
              sum[cell] = (sum[cell] as number) + (inputs[cell] as number) * (each[cell] as number);
          });
        }
      }
  const back = flipped(kernelMatrix);
  const magnified = sums.map((sum) => transformed(back, (i, j) => sum[6 * i + j] as number));
  return build([3, 3, cin, cout], ([p = 0, q = 0, channelIn = 0, out = 0]) => {
    let value = 0;
    for (let sample = 0; sample < batch; sample++)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++)
          value +=
            read(x, sample, row + p - before[0], column + q - before[1], channelIn) *
            read(dy, sample, row, column, out);
    return new Real(value, (tiles + 30) * unit * (magnified[channelIn * cout + out]?.[p]?.[q] as number));
  });
}

const winograd = op<WinogradCase>({
  name: "conv, Winograd",
  cases: winogradCases,
  inputs: (given) => {
    const { batch, size, channels, part } = given;
    const x = { shape: [batch, ...size, channels[0]] };
    const kernel = { shape: [3, 3, ...channels] };
    const dy = { shape: [batch, ...outputsOf(given), channels[1]] };
    return part === "forward" ? [x, kernel] : part === "input" ? [dy, kernel] : [x, dy];
  },
  call: ({ size, margins, part }, first, second) => {
    const options = { strides: [1, 1], dilations: [1, 1], padding: margins, groups: 1 };
    if (part === "forward") return ops.conv(first as Node, second as Node, options);
    if (part === "input") return ops.convInputGradient(first as Node, second as Node, size, options);
    return ops.convKernelGradient(first as Node, second as Node, [3, 3], options);
  },
  reference: (given, first, second) => {
    const { margins, size, part, channels } = given;
    const [a, b] = [valuesOf(first as RealArray), valuesOf(second as RealArray)];
    const before = margins.map(([each]) => each) as [number, number];
    if (part === "kernel") return kernelGradient(a, b, before);
    if (part === "forward")
      return forward(a, (i, j, c, o) => read(b, i, j, c, o), outputsOf(given), before, channels[1]);
    // The gradient of the input is a convolution with the kernel turned round, with 2 − margin zeros before.
    return forward(
      a,
      (i, j, c, o) => read(b, 2 - i, 2 - j, o, c),
      size,
      before.map((each) => 2 - each) as [number, number],
      channels[0],
    );
  },
  gradient: () => false,
});

export const convolutionSubjects: readonly Subject[] = [convTranspose, separableConv, winograd];
