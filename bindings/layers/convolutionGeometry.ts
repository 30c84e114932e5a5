// How does a window of weights lie over its input: layout, padding, sizes?

import type { Activation } from "../activations.ts";
import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { type ConvOptions, conv } from "../ops/conv.ts";
import { add, asFloat } from "../ops/map.ts";
import type { Shape } from "../tensor.ts";
import { fromChannelsLast, marginOf, toChannelsLast } from "./spatialAxes.ts";
import type { DataFormat, Margin } from "./spatialFields.ts";

/**
 * What happens at the edges: only whole windows, zeros around so that ⌈size / stride⌉ windows fit, or zeros in front
 * so that no result depends on later entries.
 */
export type Padding = "valid" | "same" | "causal";

/** The parsed options of all layers that slide a window. */
export interface Window {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
  readonly dataFormat: DataFormat;
  readonly dilationRate: readonly number[];
}

/** Entries from the first to the last that a window reads. */
function reachOf({ kernelSize, dilationRate }: Window, axis: number): number {
  return ((kernelSize[axis] as number) - 1) * (dilationRate[axis] as number) + 1;
}

/** Zeros before and after each spatial axis of these sizes. */
export function paddingOf(window: Window, spatial: Shape): Margin[] {
  const { padding } = window;
  return spatial.map((size, axis) => {
    const reach = reachOf(window, axis);
    return padding === "causal" ? [reach - 1, 0] : marginOf(padding, size, reach, window.strides[axis] as number);
  });
}

/** Sizes of the result of a transposed convolution: those whose convolution has the sizes `spatial`. */
export function transposedSizes(window: Window, outputPadding: readonly number[] | null, spatial: Shape): number[] {
  return spatial.map((size, axis) => {
    const stride = window.strides[axis] as number;
    const reach = reachOf(window, axis);
    const same = window.padding === "same";
    if (outputPadding === null) return same ? size * stride : size * stride + Math.max(reach - stride, 0);
    const cut = same ? 2 * Math.floor(reach / 2) : 0;
    const result = (size - 1) * stride + reach - cut + (outputPadding[axis] as number);
    const convolved = same ? Math.ceil(result / stride) : Math.floor((result - reach) / stride) + 1;
    check(convolved === size, "option", () => ({
      where: `${errorPlace("transposed convolution")}.outputPadding`,
      expected: `a size whose convolution has ${size} entries in spatial axis ${axis}`,
      received: `${outputPadding[axis]}, which makes it ${result}`,
      remedy: "Leave outputPadding out, or give a value from 0 to stride − 1 (from 1 for an even kernel).",
    }));
    return result;
  });
}

/** Number of channels of an input of this shape. @throws {TensorError} `shape` for another number of axes. */
export function channelsOf(className: string, shape: Shape, { kernelSize, dataFormat }: Window): number {
  const rank = kernelSize.length + 2;
  const axes = ["length", "height, width", "depth, height, width"][kernelSize.length - 1];
  const layout = dataFormat === "channelsLast" ? `${axes}, channels` : `channels, ${axes}`;
  check(shape.length === rank, "shape", () => ({
    where: errorPlace(className),
    expected: `input of rank ${rank}, [batch, ${layout}]`,
    received: `[${shape.join(", ")}]`,
  }));
  return shape[dataFormat === "channelsLast" ? rank - 1 : 1] as number;
}

/** x as float32 with its channels last, checked to have `channels` of them. */
export function withChannelsLast(
  className: string,
  x: SymbolicTensor,
  window: Window,
  channels: number,
): SymbolicTensor {
  const found = channelsOf(className, x.shape, window);
  check(found === channels, "shape", () => ({
    where: errorPlace(className),
    expected: `${channels} channels`,
    received: `${found}, shape [${x.shape.join(", ")}]`,
    remedy: "The layer was built for another input.",
  }));
  return toChannelsLast(asFloat(x), window.dataFormat);
}

/** activation(y + bias), with the channels where the data format has them. */
export function finish(
  y: SymbolicTensor,
  bias: SymbolicTensor | undefined,
  activation: Activation,
  { dataFormat }: Window,
): SymbolicTensor {
  return activation.call(fromChannelsLast(bias === undefined ? y : add(y, bias), dataFormat));
}

/** The convolution of x [n, ...spatial, channels] with a kernel of `groups` groups. @throws {TensorError} `shape`. */
export function convolve(
  className: string,
  x: SymbolicTensor,
  kernel: SymbolicTensor,
  window: Window,
  groups: number,
): SymbolicTensor {
  const spatial = x.shape.slice(1, -1);
  const options = convOptions(window, spatial, groups);
  spatial.forEach((size, axis) => {
    const [before, after] = options.padding[axis] as Margin;
    const reach = reachOf(window, axis);
    check(size + before + after >= reach, "shape", () => ({
      where: errorPlace(className),
      expected: `at least ${reach - before - after} entries in spatial axis ${axis}, as many as the kernel spans`,
      received: `${size}`,
      remedy: 'Use padding "same", a smaller kernel, or fewer pooling layers before.',
    }));
  });
  return conv(x, kernel, options);
}

/** How the operation is told of a window over an input of these sizes. */
export function convOptions(window: Window, spatial: Shape, groups: number): ConvOptions {
  return { strides: window.strides, dilations: window.dilationRate, padding: paddingOf(window, spatial), groups };
}
