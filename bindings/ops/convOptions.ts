// Do the options of a convolution fit its operands, and which axes do they describe?

import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import type { Shape } from "../tensor.ts";
import type { ConvAxis } from "./convGeometry.ts";

type Node = SymbolicTensor;

/** Options of a convolution; one entry for each of the 1 to 3 spatial axes. */
export interface ConvOptions {
  /** Distance of neighbouring windows; ≥ 1. */
  readonly strides: readonly number[];
  /** Distance of neighbouring taps of the kernel; ≥ 1. */
  readonly dilations: readonly number[];
  /** Zeros in front of the input and behind it; ≥ 0. */
  readonly padding: readonly (readonly [before: number, after: number])[];
  /** Group g takes channels / groups inputs to the g-th part of the outputs. */
  readonly groups: number;
}

/** The number of spatial axes, once x, kernel and options agree on it. */
export function checkOptions(name: string, x: Node, kernel: Node | undefined, options: ConvOptions): number {
  const rank = x.shape.length - 2;
  check(rank >= 1 && rank <= 3, "shape", () => ({
    where: errorPlace(name),
    expected: "a tensor [batch, …1 to 3 spatial axes, channels]",
    received: `[${x.shape.join(", ")}]`,
  }));
  check(kernel === undefined || kernel.shape.length === rank + 2, "shape", () => ({
    where: errorPlace(name),
    expected: `a kernel of rank ${rank + 2}: [${rank === 1 ? "size" : `${rank} sizes`}, channels / groups, outputs]`,
    received: `[${kernel?.shape.join(", ")}]`,
  }));
  checkOptionNames(name, options, ["strides", "dilations", "padding", "groups"]);
  const whole = (values: readonly number[]): boolean =>
    Array.isArray(values) && Array.from(values).every((each) => Number.isInteger(each) && each >= 1);
  for (const key of ["strides", "dilations"] as const)
    check(whole(options[key]) && options[key].length === rank, "shape", () => ({
      where: errorPlace(name),
      expected: `${rank} whole ${key} of at least 1`,
      received: show(options[key]),
    }));
  check(
    Array.isArray(options.padding) &&
      options.padding.length === rank &&
      Array.from(options.padding as ConvOptions["padding"]).every(
        (pair) => pair?.length === 2 && pair.every((each) => Number.isInteger(each) && each >= 0),
      ),
    "shape",
    () => ({
      where: errorPlace(name),
      expected: `${rank} pairs of whole paddings [before, after] of at least 0`,
      received: show(options.padding),
    }),
  );
  check(whole([options.groups]), "shape", () => ({
    where: errorPlace(name),
    expected: "a whole number of groups of at least 1",
    received: show(options.groups),
  }));
  return rank;
}

/** Fails unless groups divide the channels and the outputs. */
export function checkChannels(name: string, cin: number, inputs: number, cout: number, groups: number): void {
  check(inputs * groups === cin && Number.isInteger(inputs) && cout % groups === 0, "shape", () => ({
    where: errorPlace(name),
    expected: `${cin} input channels = groups · the kernel's ${inputs}, and outputs that ${groups} groups divide`,
    received: `${groups} groups and ${cout} outputs`,
  }));
}

/** What the options make of the spatial sizes of input and kernel. */
export function axesOf(
  name: string,
  input: Shape,
  taps: Shape,
  { strides, dilations, padding }: ConvOptions,
): ConvAxis[] {
  check(
    input.length === padding.length && taps.length === padding.length && taps.every((each) => each >= 1),
    "shape",
    () => ({
      where: errorPlace(name),
      expected: `${padding.length} spatial sizes of at least 1`,
      received: `input [${input.join(", ")}], kernel [${taps.join(", ")}]`,
    }),
  );
  return input.map((size, axis) => {
    const [stride, dilation, k] = [strides[axis], dilations[axis], taps[axis]] as [number, number, number];
    const [before, after] = padding[axis] as readonly [number, number];
    const reach = (k - 1) * dilation + 1;
    const room = size + before + after - reach;
    check(room >= 0 || size === 0, "shape", () => ({
      where: errorPlace(name),
      expected: `at least ${reach} positions in spatial axis ${axis}, which the kernel spans`,
      received: `${size} with a padding of ${before} + ${after}`,
      remedy: "Use a smaller kernel or dilation, or padding.",
    }));
    const output = Math.max(0, Math.floor(room / stride) + 1); // nothing, of an axis that is empty
    return { input: size, output, taps: k, stride, dilation, offset: -before, quotient: 1 };
  });
}

/** Fails unless dy looks like what such a convolution gives. */
export function checkUpstream(name: string, dy: Node, axes: readonly ConvAxis[], cout: number): void {
  const wanted = axes.map(({ output }) => output);
  check(
    dy.shape.length === axes.length + 2 &&
      dy.shape.slice(1, -1).every((size, axis) => size === wanted[axis]) &&
      dy.shape.at(-1) === cout,
    "shape",
    () => ({
      where: errorPlace(name),
      expected: `${name === "convTranspose" ? "x" : "dy"} of shape [batch, ${[...wanted, cout].join(", ")}]`,
      received: `[${dy.shape.join(", ")}]`,
    }),
  );
}

type Paddings = ConvOptions["padding"];

/** Whether samples and channels stay as they are. */
export function isSpatial(paddings: Paddings): boolean {
  return [paddings.at(0), paddings.at(-1)].every((pair) => pair?.every((count) => count === 0));
}

/** Both, one around the other. */
export function joined(outer: Paddings, inner: Paddings): Paddings {
  return outer.map(([before, after], axis) => {
    const [first, last] = inner[axis] as readonly [number, number];
    return [before + first, after + last] as const;
  });
}
