// How does a window of weights lie over its input: padding, reach, sizes?

import { check } from "../errors.ts";
import { errorPlace } from "../graph.ts";
import type { Shape } from "../tensor.ts";
import type { ConvOptions } from "./convOptions.ts";

type Margin = readonly [before: number, after: number];

/**
 * What happens at the edges: only whole windows, zeros around so that ⌈size / stride⌉ windows fit, or zeros in front
 * so that no result depends on later entries.
 */
export type Padding = "valid" | "same" | "causal";

/** A window that slides over the spatial axes; one entry for each of them. */
export interface SlidingWindow {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
  readonly dilationRate: readonly number[];
}

/**
 * What `padding` adds around an axis of `size` cells, for windows of `window` cells, `dilation` apart, every `stride`.
 * "same": total = max((⌈size / stride⌉ − 1) · stride + (window − 1) · dilation + 1 − size, 0), the smaller half in front.
 */
export function marginOf(
  padding: "valid" | "same",
  size: number,
  window: number,
  stride: number,
  dilation = 1,
): Margin {
  if (padding === "valid") return [0, 0];
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** Entries from the first to the last that a window reads. */
export function reachOf({ kernelSize, dilationRate }: SlidingWindow, axis: number): number {
  return ((kernelSize[axis] as number) - 1) * (dilationRate[axis] as number) + 1;
}

/** Zeros before and after each spatial axis of these sizes. */
export function paddingOf(window: SlidingWindow, spatial: Shape): Margin[] {
  const { padding } = window;
  return spatial.map((size, axis) => {
    const reach = reachOf(window, axis);
    return padding === "causal" ? [reach - 1, 0] : marginOf(padding, size, reach, window.strides[axis] as number);
  });
}

/** Sizes of the result of a transposed convolution: those whose convolution has the sizes `spatial`. */
export function transposedSizes(
  window: SlidingWindow,
  outputPadding: readonly number[] | null,
  spatial: Shape,
): number[] {
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

/** How the operation is told of a window over an input of these sizes. */
export function convOptions(window: SlidingWindow, spatial: Shape, groups: number): ConvOptions {
  return { strides: window.strides, dilations: window.dilationRate, padding: paddingOf(window, spatial), groups };
}
