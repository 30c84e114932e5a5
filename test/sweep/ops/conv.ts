// Convolutions of one to three axes in every geometry: strides, dilations, margins larger than the kernel, groups,
// depthwise multipliers, no samples, no channels.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { at, build, positionsOf, type RealArray } from "../array.ts";
import { seeds, sizes, sometimes, within } from "../draw.ts";
import { op } from "../op.ts";
import { add, apply, type Curve, dot, type Real } from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";

type Node = SymbolicTensor;

/** One spatial axis. */
export interface Axis {
  readonly size: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: [number, number];
}

interface ConvCase {
  readonly batch: number;
  readonly axes: Axis[];
  readonly groups: number;
  /** Of one group. */
  readonly channels: [number, number];
  readonly seed: number;
}

const reachOf = ({ taps, dilation }: Axis): number => (taps - 1) * dilation + 1;

/** How many windows there are: none on an axis without entries that margins do not make long enough. */
export function outputOf(axis: Axis): number {
  const { size, stride, padding } = axis;
  return Math.max(0, Math.floor((size + padding[0] + padding[1] - reachOf(axis)) / stride) + 1);
}

/** Geometries of an axis: mostly with an output, margins up to more than the kernel. */
export function axis(most: number, mostTaps: number): fc.Arbitrary<Axis> {
  return fc
    .record({
      size: sizes(most),
      taps: fc.integer({ min: 1, max: mostTaps }),
      stride: fc.constantFrom(1, 1, 1, 2, 2, 3, 4),
      dilation: fc.constantFrom(1, 1, 1, 2, 3),
    })
    .chain((given) =>
      fc.tuple(fc.nat(given.taps + 2), fc.nat(given.taps + 2), fc.boolean()).map(([before, after, padded]) => ({
        ...given,
        padding: (padded ? [before, after] : [0, 0]) as [number, number],
      })),
    );
}

const axes = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(axis(14, 5)) as fc.Arbitrary<Axis[]> },
  { weight: 6, arbitrary: fc.tuple(axis(10, 4), axis(12, 4)) as fc.Arbitrary<Axis[]> },
  { weight: 1, arbitrary: fc.tuple(axis(4, 3), axis(4, 3), axis(5, 3)) as fc.Arbitrary<Axis[]> },
);
const channel = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 2, arbitrary: fc.constantFrom(8, 15, 16, 17, 20, 33) },
);
const batch = fc.constantFrom(1, 1, 2, 2, 3, 0);

/** Multiplications of the naive loop. */
function work({ batch: n, axes: all, groups, channels: [cin, cout] }: ConvCase): number {
  return all.reduce((product, each) => product * Math.max(1, outputOf(each)) * each.taps, n * groups * cin * cout);
}
const small = (given: ConvCase): boolean =>
  work(given) <= 60_000 &&
  given.axes.reduce((product, { size }) => product * size, given.batch * given.groups * given.channels[0]) <= 4000;
/** Windows fit, or there is nothing that they could miss. */
export const valid = (all: readonly Axis[]): boolean => all.every((each) => outputOf(each) >= 1 || each.size === 0);
/** One case in sixteen of those that do not fit. */
const mostlyValid = (given: ConvCase): boolean => valid(given.axes) || given.seed % 16 === 0;

const plain: fc.Arbitrary<ConvCase> = fc
  .record({ batch, axes, groups: fc.constantFrom(1, 1, 1, 2, 3), channels: fc.tuple(channel, channel), seed: seeds })
  .filter((given) => small(given) && mostlyValid(given));
const depthwise: fc.Arbitrary<ConvCase> = fc
  .record({
    batch,
    axes,
    groups: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17, 32, 36)),
    channels: fc.tuple(fc.constant(1), fc.constantFrom(1, 1, 1, 2, 3)),
    seed: seeds,
  })
  .filter((given) => small(given) && mostlyValid(given));

/** x [n, ...s, g·cin] and kernel [...k, cin, g·cout] → [n, ...o, g·cout]. */
export function convolve(x: RealArray, kernel: RealArray, all: readonly Axis[], groups: number): RealArray {
  const [cin, outputs] = kernel.shape.slice(-2) as [number, number];
  const cout = outputs / groups;
  const taps = positionsOf(all.map((each) => each.taps));
  return build([x.shape[0] as number, ...all.map(outputOf), outputs], (position) => {
    const [sample, out] = [position[0] as number, position.at(-1) as number];
    const group = Math.floor(out / cout);
    const seen: Real[] = [];
    const weights: Real[] = [];
    for (const tap of taps) {
      const place = all.map(
        ({ stride, dilation, padding }, index) =>
          (position[index + 1] as number) * stride + (tap[index] as number) * dilation - padding[0],
      );
      if (place.some((each, index) => each < 0 || each >= (all[index] as Axis).size)) continue;
      for (let channelIn = 0; channelIn < cin; channelIn++) {
        seen.push(at(x, [sample, ...place, group * cin + channelIn]));
        weights.push(at(kernel, [...tap, channelIn, out]));
      }
    }
    return dot(seen, weights);
  });
}

const optionsOf = (all: readonly Axis[]): { strides: number[]; dilations: number[]; padding: [number, number][] } => ({
  strides: all.map(({ stride }) => stride),
  dilations: all.map(({ dilation }) => dilation),
  padding: all.map(({ padding }) => padding),
});

/** dy [n, ...o, g·cout] spread over what each output saw: [n, ...s, g·cin]. */
export function spread(dy: RealArray, kernel: RealArray, all: readonly Axis[], groups: number): RealArray {
  const [cin, outputs] = kernel.shape.slice(-2) as [number, number];
  const cout = outputs / groups;
  const taps = positionsOf(all.map((each) => each.taps));
  return build([dy.shape[0] as number, ...all.map(({ size }) => size), cin * groups], (position) => {
    const channelIn = position.at(-1) as number;
    const group = Math.floor(channelIn / cin);
    const seen: Real[] = [];
    const weights: Real[] = [];
    for (const tap of taps) {
      const places = all.map(({ stride, dilation, padding }, index) => {
        const offset = (position[index + 1] as number) + padding[0] - (tap[index] as number) * dilation;
        return offset % stride === 0 ? offset / stride : -1;
      });
      if (places.some((each, index) => each < 0 || each >= outputOf(all[index] as Axis))) continue;
      for (let out = 0; out < cout; out++) {
        seen.push(at(dy, [position[0] as number, ...places, group * cout + out]));
        weights.push(at(kernel, [...tap, channelIn % cin, group * cout + out]));
      }
    }
    return dot(seen, weights);
  });
}

/** Σ over samples and places of what each tap saw, times dy: [...k, cin, g·cout]. */
function correlate(x: RealArray, dy: RealArray, all: readonly Axis[], groups: number): RealArray {
  const cin = (x.shape.at(-1) as number) / groups;
  const outputs = dy.shape.at(-1) as number;
  const cout = outputs / groups;
  const places = positionsOf(all.map(outputOf));
  return build([...all.map(({ taps }) => taps), cin, outputs], (position) => {
    const [channelIn, out] = position.slice(-2) as [number, number];
    const group = Math.floor(out / cout);
    const seen: Real[] = [];
    const upstream: Real[] = [];
    for (let sample = 0; sample < (x.shape[0] as number); sample++)
      for (const place of places) {
        const source = all.map(
          ({ stride, dilation, padding }, index) =>
            (place[index] as number) * stride + (position[index] as number) * dilation - padding[0],
        );
        if (source.some((each, index) => each < 0 || each >= (all[index] as Axis).size)) continue;
        seen.push(at(x, [sample, ...source, group * cin + channelIn]));
        upstream.push(at(dy, [sample, ...place, out]));
      }
    return dot(seen, upstream);
  });
}

const rectified = (x: Real): Real => apply(curves.relu as Curve, x);

const kernelShape = ({ axes: all, groups, channels: [cin, cout] }: ConvCase): number[] => [
  ...all.map(({ taps }) => taps),
  cin,
  groups * cout,
];
const inputShape = ({ batch: n, axes: all, groups, channels: [cin] }: ConvCase): number[] => [
  n,
  ...all.map(({ size }) => size),
  groups * cin,
];
const outputShape = ({ batch: n, axes: all, groups, channels: [, cout] }: ConvCase): number[] => [
  n,
  ...all.map(outputOf),
  groups * cout,
];
/** Winograd's algorithm has bounds of its own: test/ops/convWinograd.test.ts. */
const direct = { algorithms: false } as const;

export const convSubjects: readonly Subject[] = [
  op<ConvCase>({
    name: "conv",
    cases: plain,
    inputs: (given) => [{ shape: inputShape(given) }, { shape: kernelShape(given) }],
    call: ({ axes: all, groups }, x, kernel) => ops.conv(x as Node, kernel as Node, { ...optionsOf(all), groups }),
    reference: ({ axes: all, groups }, x, kernel) =>
      valid(all) ? convolve(x as RealArray, kernel as RealArray, all, groups) : undefined,
    passes: direct,
    slackOnValues: 16,
  }),
  op<ConvCase>({
    name: "depthwiseConv",
    cases: depthwise,
    inputs: (given) => [
      { shape: inputShape(given) },
      { shape: [...given.axes.map(({ taps }) => taps), given.groups, given.channels[1]] },
    ],
    call: ({ axes: all }, x, kernel) => ops.depthwiseConv(x as Node, kernel as Node, optionsOf(all)),
    reference: ({ axes: all, groups }, x, kernel) => {
      if (!valid(all)) return undefined;
      const { shape, data, dtype } = kernel as RealArray;
      const grouped = {
        shape: [...shape.slice(0, -2), 1, (shape.at(-1) as number) * (shape.at(-2) as number)],
        data,
        dtype,
      };
      return convolve(x as RealArray, grouped, all, groups);
    },
  }),
  op<ConvCase>({
    name: "conv, bias and relu",
    cases: fc.oneof(plain, depthwise),
    inputs: (given) => [
      { shape: inputShape(given) },
      { shape: kernelShape(given) },
      { shape: [given.groups * given.channels[1]] },
    ],
    call: ({ axes: all, groups }, x, kernel, offset) =>
      ops.relu(ops.add(ops.conv(x as Node, kernel as Node, { ...optionsOf(all), groups }), offset as Node)),
    reference: ({ axes: all, groups }, x, kernel, offset) => {
      if (!valid(all)) return undefined;
      const y = convolve(x as RealArray, kernel as RealArray, all, groups);
      return build(y.shape, (position, index) =>
        rectified(add(y.data[index] as Real, at(offset as RealArray, [position.at(-1) as number]))),
      );
    },
    passes: direct,
    slackOnValues: 16,
  }),
  op<ConvCase>({
    // Weights that are infinite meet nothing outside the input.
    name: "conv, infinite weights",
    cases: fc.oneof(plain, depthwise),
    inputs: (given) => [
      { shape: inputShape(given), draw: within(0.5, 2) },
      {
        shape: kernelShape(given),
        draw: sometimes([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 0.2, within(-1, 1)),
      },
    ],
    call: ({ axes: all, groups }, x, kernel) => ops.conv(x as Node, kernel as Node, { ...optionsOf(all), groups }),
    reference: ({ axes: all, groups }, x, kernel) =>
      valid(all) ? convolve(x as RealArray, kernel as RealArray, all, groups) : undefined,
    gradient: () => false,
    passes: direct,
    slackOnValues: 16,
  }),
  op<ConvCase>({
    name: "convInputGradient",
    cases: fc.oneof(plain, depthwise).filter(({ axes: all }) => valid(all)),
    inputs: (given) => [{ shape: outputShape(given) }, { shape: kernelShape(given) }],
    call: ({ axes: all, groups }, dy, kernel) =>
      ops.convInputGradient(
        dy as Node,
        kernel as Node,
        all.map(({ size }) => size),
        { ...optionsOf(all), groups },
      ),
    reference: ({ axes: all, groups }, dy, kernel) => spread(dy as RealArray, kernel as RealArray, all, groups),
    passes: direct,
    slackOnValues: 16,
  }),
  op<ConvCase>({
    name: "convKernelGradient",
    cases: fc.oneof(plain, depthwise).filter(({ axes: all }) => valid(all)),
    inputs: (given) => [{ shape: inputShape(given) }, { shape: outputShape(given) }],
    call: ({ axes: all, groups }, x, dy) =>
      ops.convKernelGradient(
        x as Node,
        dy as Node,
        all.map(({ taps }) => taps),
        { ...optionsOf(all), groups },
      ),
    reference: ({ axes: all, groups }, x, dy) => correlate(x as RealArray, dy as RealArray, all, groups),
    passes: direct,
    slackOnValues: 16,
  }),
];
