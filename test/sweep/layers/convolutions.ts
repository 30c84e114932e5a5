// Convolution layers of all kinds: plain, transposed, depthwise, separable.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import type { Layer } from "../../../bindings/layers/layer.ts";
import { at, build, elementwise, type RealArray } from "../array.ts";
import { seeds, sizes } from "../draw.ts";
import { layer, type Weights } from "../layer.ts";
import { type Axis, convolve, outputOf, spread, valid } from "../ops/conv.ts";
import { curves } from "../ops/curves.ts";
import { add, apply, type Curve, type Real } from "../real.ts";
import type { Subject } from "../subject.ts";
import { brief, type Format, formats, inLayout, shapeIn } from "./layout.ts";

type Place = Omit<Axis, "padding">;
type Activation = "linear" | "relu" | "tanh" | "sigmoid";

interface ConvCase {
  readonly batch: number;
  readonly axes: Place[];
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  readonly multiplier: number;
  readonly padding: "valid" | "same" | "causal";
  /** Of transposed convolutions; may be as large as the stride, which is refused. */
  readonly outputPadding: number[] | null;
  readonly useBias: boolean;
  readonly activation: Activation;
  readonly format: Format;
  readonly seed: number;
}

interface Kind {
  readonly factory: string;
  readonly rank: 1 | 2 | 3;
  readonly causal?: boolean;
  readonly groups?: boolean;
  readonly multiplier?: boolean;
  readonly transposed?: boolean;
  readonly filters?: boolean;
  /** The shapes of the kernels, after the taps. */
  readonly kernels: (given: ConvCase) => Readonly<Record<string, readonly [number, number]>>;
  readonly convolve: (given: ConvCase, x: RealArray, weights: Weights) => RealArray;
  readonly refuses: (given: ConvCase) => boolean;
}

const reachOf = ({ taps, dilation }: Place): number => (taps - 1) * dilation + 1;

/** What Keras adds around an axis. */
function margins(each: Place, padding: ConvCase["padding"]): Axis {
  const { size, stride } = each;
  const reach = reachOf(each);
  if (padding === "valid") return { ...each, padding: [0, 0] };
  if (padding === "causal") return { ...each, padding: [reach - 1, 0] };
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
  return { ...each, padding: [Math.floor(total / 2), total - Math.floor(total / 2)] };
}
const marginsOf = ({ axes, padding }: ConvCase): Axis[] => axes.map((each) => margins(each, padding));

/** The axis that a transposed convolution makes: the one whose convolution has the entries of the input. */
function transposedAxis(each: Place, padding: ConvCase["padding"], more: number | undefined): Axis {
  const { size, stride } = each;
  const reach = reachOf(each);
  const made =
    padding === "same"
      ? more === undefined
        ? size * stride
        : (size - 1) * stride + (reach % 2) + more
      : (size - 1) * stride + reach + (more ?? Math.max(stride - reach, 0));
  return margins({ ...each, size: made }, padding);
}
const transposedAxes = ({ axes, padding, outputPadding }: ConvCase): Axis[] =>
  axes.map((each, index) => transposedAxis(each, padding, outputPadding?.[index]));

/** [...k, channels, multiplier] as a kernel of `channels` groups. */
function grouped(kernel: RealArray): RealArray {
  const [channels, multiplier] = kernel.shape.slice(-2) as [number, number];
  return { ...kernel, shape: [...kernel.shape.slice(0, -2), 1, channels * multiplier] };
}

const noFit = (given: ConvCase): boolean => !valid(marginsOf(given));

const kinds = {
  plain: {
    kernels: ({ channels, groups, filters }) => ({ kernel: [channels / groups, filters] }),
    groups: true,
    filters: true,
    convolve: (given, x, { kernel }) => convolve(x, kernel as RealArray, marginsOf(given), given.groups),
    refuses: (given) => given.channels % given.groups > 0 || given.filters % given.groups > 0 || noFit(given),
  },
  transposed: {
    transposed: true,
    kernels: ({ channels, filters }) => ({ kernel: [filters, channels] }),
    filters: true,
    convolve: (given, x, { kernel }) => spread(x, kernel as RealArray, transposedAxes(given), 1),
    refuses: (given) =>
      (given.outputPadding ?? []).some((each, index) => each >= (given.axes[index] as Place).stride) ||
      transposedAxes(given).some(
        (each, index) => each.size < 0 || !valid([each]) || outputOf(each) !== (given.axes[index] as Place).size,
      ),
  },
  depthwise: {
    kernels: ({ channels, multiplier }) => ({ kernel: [channels, multiplier] }),
    multiplier: true,
    convolve: (given, x, { kernel }) => convolve(x, grouped(kernel as RealArray), marginsOf(given), given.channels),
    refuses: noFit,
  },
  separable: {
    kernels: ({ channels, multiplier, filters }) => ({
      depthwise_kernel: [channels, multiplier],
      pointwise_kernel: [channels * multiplier, filters],
    }),
    multiplier: true,
    filters: true,
    convolve: (given, x, { depthwise_kernel: kernel, pointwise_kernel: mixing }) => {
      const between = convolve(x, grouped(kernel as RealArray), marginsOf(given), given.channels);
      const points = between.shape
        .slice(1, -1)
        .map((size): Axis => ({ size, taps: 1, stride: 1, dilation: 1, padding: [0, 0] }));
      return convolve(between, mixing as RealArray, points, 1);
    },
    refuses: noFit,
  },
} satisfies Record<string, Omit<Kind, "factory" | "rank">>;

const place = (rank: number): fc.Arbitrary<Place> =>
  fc.record({
    size: sizes([11, 7, 4][rank - 1] as number),
    taps: fc.integer({ min: 1, max: [5, 4, 3][rank - 1] as number }),
    stride: fc.constantFrom(1, 1, 1, 2, 2, 3),
    dilation: fc.constantFrom(1, 1, 1, 1, 2, 3),
  });
const few = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(8, 16, 17) },
);

function work({ batch, axes, channels, filters, multiplier }: ConvCase, transposed: boolean): number {
  const each = axes.map(({ size, taps, stride }) => (transposed ? (size + 1) * stride : size + 1) * taps);
  return each.reduce((total, one) => total * one, batch * Math.max(1, channels) * Math.max(filters, multiplier));
}

function casesOf({
  rank,
  causal = false,
  groups = false,
  multiplier = false,
  transposed = false,
  filters = false,
}: Kind): fc.Arbitrary<ConvCase> {
  return fc
    .record({
      batch: fc.constantFrom(1, 1, 2, 3, 0),
      axes: fc.array(place(rank), { minLength: rank, maxLength: rank }),
      channels:
        groups || transposed ? fc.oneof({ weight: 20, arbitrary: few }, { weight: 1, arbitrary: fc.constant(0) }) : few,
      filters: filters ? few : fc.constant(1),
      groups: groups ? fc.constantFrom(1, 1, 1, 2, 3) : fc.constant(1),
      multiplier: multiplier ? fc.constantFrom(1, 1, 2, 3) : fc.constant(1),
      padding: fc.constantFrom<ConvCase["padding"]>("valid", "same", "same", causal ? "causal" : "valid"),
      outputPadding: transposed
        ? fc.option(fc.array(fc.nat(2), { minLength: rank, maxLength: rank }), { nil: null })
        : fc.constant(null),
      useBias: fc.boolean(),
      activation: fc.constantFrom<Activation>("linear", "linear", "relu", "tanh", "sigmoid"),
      format: formats,
      seed: seeds,
    })
    .filter((given) => work(given, transposed) <= 12_000);
}

function convolution(kind: Kind): Subject {
  const { factory, groups = false, multiplier = false, transposed = false, filters = false } = kind;
  const makers = layers as unknown as Readonly<Record<string, (options: object) => Layer>>;
  return layer<ConvCase>({
    name: factory,
    // Of those that are refused one in eight.
    cases: casesOf(kind).filter((given) => !kind.refuses(given) || given.seed % 8 === 0),
    make: (given) => {
      const { axes, seed, padding, useBias, activation, format } = given;
      return (makers[factory] as (options: object) => Layer)({
        kernelSize: brief(
          axes.map(({ taps }) => taps),
          seed,
        ),
        strides: brief(
          axes.map(({ stride }) => stride),
          seed,
        ),
        dilationRate: brief(
          axes.map(({ dilation }) => dilation),
          seed,
        ),
        padding,
        useBias,
        activation,
        dataFormat: format,
        ...(filters ? { filters: given.filters } : {}),
        ...(groups ? { groups: given.groups } : {}),
        ...(multiplier ? { depthMultiplier: given.multiplier } : {}),
        ...(transposed ? { outputPadding: given.outputPadding && brief(given.outputPadding, seed) } : {}),
      });
    },
    inputs: ({ batch, axes, channels, format }) => [
      {
        shape: shapeIn(
          format,
          batch,
          axes.map(({ size }) => size),
          channels,
        ),
      },
    ],
    shapes: (given) => ({
      ...Object.fromEntries(
        Object.entries(kind.kernels(given)).map(([key, shape]) => [
          key,
          [...given.axes.map(({ taps }) => (key === "pointwise_kernel" ? 1 : taps)), ...shape],
        ]),
      ),
      ...(given.useBias ? { bias: [filters ? given.filters : given.channels * given.multiplier] } : {}),
    }),
    refuses: kind.refuses,
    reference: (given, [x], weights) =>
      inLayout(x as RealArray, given.format, (cells) => {
        const y = kind.convolve(given, cells, weights);
        const shifted =
          weights.bias === undefined
            ? y
            : build(y.shape, (position, index) =>
                add(y.data[index] as Real, at(weights.bias as RealArray, [position.at(-1) as number])),
              );
        return given.activation === "linear"
          ? shifted
          : elementwise((each) => apply(curves[given.activation] as Curve, each), [shifted]);
      }),
  });
}

export const convolutionSubjects: readonly Subject[] = [
  convolution({ factory: "conv1D", rank: 1, causal: true, ...kinds.plain }),
  convolution({ factory: "conv2D", rank: 2, ...kinds.plain }),
  convolution({ factory: "conv3D", rank: 3, ...kinds.plain }),
  convolution({ factory: "conv1DTranspose", rank: 1, ...kinds.transposed }),
  convolution({ factory: "conv2DTranspose", rank: 2, ...kinds.transposed }),
  convolution({ factory: "conv3DTranspose", rank: 3, ...kinds.transposed }),
  convolution({ factory: "depthwiseConv1D", rank: 1, causal: true, ...kinds.depthwise }),
  convolution({ factory: "depthwiseConv2D", rank: 2, ...kinds.depthwise }),
  convolution({ factory: "separableConv1D", rank: 1, causal: true, ...kinds.separable }),
  convolution({ factory: "separableConv2D", rank: 2, ...kinds.separable }),
];
