// How do layers hold what slides over their input: layout, channels, errors?

import type { Activation } from "../activations.ts";
import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { conv } from "../ops/conv.ts";
import { convOptions, reachOf, type SlidingWindow } from "../ops/convWindows.ts";
import { add, asFloat } from "../ops/map.ts";
import type { Shape } from "../tensor.ts";
import { fromChannelsLast, toChannelsLast } from "./spatialAxes.ts";
import type { DataFormat, Margin } from "./spatialFields.ts";

export type { Padding } from "../ops/convWindows.ts";

/** The parsed options of all layers that slide a window. */
export interface Window extends SlidingWindow {
  readonly dataFormat: DataFormat;
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
    check(size + before + after >= reach || size === 0, "shape", () => ({
      where: errorPlace(className),
      expected: `at least ${reach - before - after} entries in spatial axis ${axis}, as many as the kernel spans`,
      received: `${size}`,
      remedy: 'Use padding "same", a smaller kernel, or fewer pooling layers before.',
    }));
  });
  return conv(x, kernel, options);
}
