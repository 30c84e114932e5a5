// How are convolutions called as functions: with one number for all axes, "same" padding, kernels by channel, transposed?

import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import type { Shape } from "../tensor.ts";
import { checkIntegers } from "./arguments.ts";
import { conv, inputGradient } from "./conv.ts";
import type { ConvOptions } from "./convOptions.ts";
import { convOptions, type Padding, type SlidingWindow, transposedSizes } from "./convWindows.ts";
import { asFloat } from "./map.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/** How a kernel slides; a number holds for all spatial axes. */
export interface ConvolutionOptions {
  /** Entries from one place of the kernel to the next. Default 1. */
  readonly strides?: number | readonly number[];
  /** Distance of the entries that a kernel reads. Default 1. */
  readonly dilations?: number | readonly number[];
  /** Zeros around the input: by name, or before and after each spatial axis. Default `"valid"`. */
  readonly padding?: Padding | ConvOptions["padding"];
  /** Parts of the channels that are convolved apart. Default 1. */
  readonly groups?: number;
}

/** Of a convolution whose groups are given. */
export type UngroupedOptions = Omit<ConvolutionOptions, "groups">;

/** Options of {@link convTranspose}. */
export interface TransposeOptions extends Omit<UngroupedOptions, "padding"> {
  /** Default `"valid"`. */
  readonly padding?: "valid" | "same";
  /** Chooses among the sizes whose convolution has the size of the input: from 0 to stride − 1. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * y[n, ...o, c] = Σ x[n, ...o · stride + k · dilation − padding, i] · kernel[...k, i, c]. x [n, ...s, cin] × kernel
 * [...k, cin / groups, cout] → [n, ...o, cout]; channels last; 1 to 3 spatial axes.
 * @throws {TensorError} `shape` when sizes or options do not fit, or no output is left.
 */
export function convolution(x: Operand, kernel: Operand, options: ConvolutionOptions = {}): Node {
  const [input, weights] = [asFloat(x), asFloat(kernel)];
  return conv(input, weights, optionsOf("conv", input, weights, options));
}

/**
 * Each channel convolved with kernels of its own: x [n, ...s, channels] × kernel [...k, channels, multiplier] → [n, ...o,
 * channels · multiplier].
 * @throws {TensorError} `shape` when sizes or options do not fit.
 */
export function depthwiseConv(x: Operand, kernel: Operand, options: UngroupedOptions = {}): Node {
  const [input, weights] = [asFloat(x), asFloat(kernel)];
  checkOptionNames("depthwiseConv", options, ["strides", "dilations", "padding"]);
  const [channels = 1, multiplier = 1] = weights.shape.slice(-2);
  // No channels make no groups.
  const groups = Math.max(1, channels);
  const grouped = reshape(weights, [...weights.shape.slice(0, -2), channels / groups, channels * multiplier]);
  return conv(input, grouped, optionsOf("depthwiseConv", input, grouped, { ...options, groups }));
}

/**
 * A {@link depthwiseConv}, then a mixing of its channels in each place: pointwiseKernel [...1, channels · multiplier, cout]
 * → [n, ...o, cout].
 * @throws {TensorError} `shape` when sizes or options do not fit.
 */
export function separableConv(
  x: Operand,
  depthwiseKernel: Operand,
  pointwiseKernel: Operand,
  options: UngroupedOptions = {},
): Node {
  return convolution(depthwiseConv(x, depthwiseKernel, options), pointwiseKernel);
}

/**
 * The transpose of {@link convolution}, as a matrix, applied to x: each entry is spread over a window, so that sizes grow by
 * the strides. x [n, ...s, cin] × kernel [...k, cout, cin] → [n, ...o, cout].
 * @throws {TensorError} `shape` when sizes do not fit, `option` for an outputPadding that no convolution explains.
 */
export function convTranspose(x: Operand, kernel: Operand, options: TransposeOptions = {}): Node {
  checkOptionNames("convTranspose", options, ["strides", "dilations", "padding", "outputPadding"]);
  const [input, weights] = [asFloat(x), asFloat(kernel)];
  const window = windowOf("convTranspose", input, weights, options, options.padding ?? "valid");
  const extra =
    options.outputPadding === undefined
      ? null
      : perAxis("convTranspose", "outputPadding", options.outputPadding, window.strides.length);
  const sizes = transposedSizes(window, extra, input.shape.slice(1, -1));
  return inputGradient("convTranspose", input, weights, sizes, convOptions(window, sizes, 1));
}

function optionsOf(name: string, x: Node, kernel: Node, options: ConvolutionOptions): ConvOptions {
  checkOptionNames(name, options, ["strides", "dilations", "padding", "groups"]);
  const { padding = "valid", groups = 1 } = options;
  const named = typeof padding === "string" ? padding : "valid";
  const found = convOptions(windowOf(name, x, kernel, options, named), x.shape.slice(1, -1), groups);
  return typeof padding === "string" ? found : { ...found, padding };
}

function windowOf(
  name: string,
  x: Node,
  kernel: Node,
  { strides = 1, dilations = 1 }: UngroupedOptions,
  padding: Padding,
): SlidingWindow {
  const rank = x.shape.length - 2;
  check(rank >= 1 && rank <= 3 && kernel.shape.length === rank + 2, "shape", () => ({
    where: errorPlace(name),
    expected: "x [batch, …1 to 3 spatial axes, channels] and a kernel of as many axes",
    received: `[${x.shape.join(", ")}] and [${kernel.shape.join(", ")}]`,
  }));
  check(["valid", "same", "causal"].includes(padding), "option", () => ({
    where: `${errorPlace(name)}.padding`,
    expected: '"valid", "same" or "causal"',
    received: show(padding),
  }));
  const kernelSize = kernel.shape.slice(0, rank);
  return {
    kernelSize,
    strides: perAxis(name, "strides", strides, rank),
    dilationRate: perAxis(name, "dilations", dilations, rank),
    padding,
  };
}

function perAxis(name: string, option: string, given: number | readonly number[], rank: number): Shape {
  if (typeof given === "number") return new Array<number>(rank).fill(given);
  checkIntegers(name, option, given, 0);
  return given;
}
