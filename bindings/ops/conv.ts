// How are tensors convolved, and how is a convolution differentiated?

import * as code from "../../assembly/opcodes.ts";
import { type Lowering, reads, table, updates, writes } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import {
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  viewRoot,
} from "../graph.ts";
import { sizeOf } from "../tensor.ts";
import {
  type ConvAxis,
  convFlops,
  convGradientTiling,
  convTiling,
  depthwiseGradientUnits,
  depthwiseTiling,
  inverse,
  isPointwise,
  isWhole,
  MOST_DEPTHWISE_TAPS,
  spatial,
  threeAxes,
  wordsOf,
} from "./convGeometry.ts";
import {
  axesOf,
  type ConvOptions,
  checkChannels,
  checkOptions,
  checkUpstream,
  isSpatial,
  joined,
} from "./convOptions.ts";
import { cellsAt, convByTaps, grouped, repeatChannels, sightOf, swapChannels, tapsOf } from "./convPrimitives.ts";
import { afterwards, convWinograd, convWinogradGradient, paysForGradient, paysForward } from "./convWinograd.ts";
import { concat, insideZeros } from "./copy.ts";
import { asFloat, full, multiply } from "./map.ts";
import { matMul, matMulOp } from "./matMul.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./view.ts";

export type { ConvOptions } from "./convOptions.ts";

type Node = SymbolicTensor;

/** What a convolution and its gradients know beside their inputs. */
export interface ConvAttributes extends Readonly<Record<string, unknown>> {
  readonly axes: readonly ConvAxis[];
  readonly groups: number;
  /** MAP code of a function applied to the result; set by the compiler. */
  readonly activation?: number;
}

/** x [n, …input, cin], kernel [...taps, cin / groups, cout] (+ bias [cout]) → [n, …output, cout]. */
export const convOp: Operation<ConvAttributes> = defineOp({
  name: "conv",
  epilogue: 2,
  infer: ([x, kernel], { axes }) => ({
    shape: [sizeAt(x as Node, 0), ...spatial(axes, "output"), sizeAt(kernel as Node, -1)],
    dtype: "float32",
  }),
  gradient: (node, dy) => {
    const [x, kernel] = node.inputs as [Node, Node];
    const { axes, groups } = node.attributes;
    return [convolve(dy, swapChannels(kernel, groups), axes.map(inverse), groups), products(x, dy, axes, groups)];
  },
  decompose: ([x, kernel], { axes, groups }) =>
    convByTaps(x as Node, kernel as Node, axes, (seen, matrix) =>
      areSingle(groups, seen, matrix) ? multiply(seen, matrix) : grouped(groups, [seen, matrix], matMul),
    ),
  faster: ({ attributes: { axes, groups } }, [x, kernel]) =>
    groups === 1 && paysForward(axes, x as Node, kernel as Node)
      ? convWinograd(x as Node, kernel as Node, axes)
      : undefined,
  lower: (node) => {
    const [x, kernel] = node.inputs as [Node, Node];
    return [areSingle(node.attributes.groups, x, kernel) ? lowerDepthwise(node) : lowerProduct(node)];
  },
});

/** x [n, …input, cin], dy [n, …output, cout] → [...taps, cin / groups, cout]. */
const convKernelGradientOp: Operation<ConvAttributes> = defineOp({
  name: "convKernelGradient",
  infer: ([x, dy], { axes, groups }) => ({
    shape: [...spatial(axes, "taps"), sizeAt(x as Node, -1) / groups, sizeAt(dy as Node, -1)],
    dtype: "float32",
  }),
  gradient: (node, upstream) => {
    const [x, dy] = node.inputs as [Node, Node];
    const { axes, groups } = node.attributes;
    return [
      convolve(dy, swapChannels(upstream, groups), axes.map(inverse), groups),
      convolve(x, upstream, axes, groups),
    ];
  },
  decompose: ([x, dy], { axes, groups }) => {
    const [cin, cout] = [sizeAt(x as Node, -1), sizeAt(dy as Node, -1)];
    const parts = tapsOf(axes).map((tap) => {
      const sight = sightOf(axes, tap);
      if (sight === undefined) return full([cin / groups, cout], 0);
      const seen = cellsAt(x as Node, sight.inputs);
      const left = reshape(seen, [seen.size / cin, cin]);
      const right = reshape(cellsAt(dy as Node, sight.outputs), [seen.size / cin, cout]);
      if (areSingle(groups, left, right)) return sum(multiply(left, right), 0, true);
      return grouped(groups, [left, right], (a, b) => matMul(a, b, { transposeA: true }));
    });
    return reshape(concat(parts, 0), [...spatial(axes, "taps"), cin / groups, cout]);
  },
  faster: ({ attributes }, [x, dy]) => {
    const { axes, groups } = attributes;
    if (groups > 1 || !paysForGradient(axes, x as Node, dy as Node)) return undefined;
    const { inputs } = viewRoot(convWinogradGradient(x as Node, dy as Node, axes));
    return makeNode(convMendedGradientOp, [x as Node, dy as Node, ...inputs], attributes);
  },
  lower: (node) => [lowerKernelGradient(node)],
});

/**
 * The same as the product of two matrices, the third and the fourth input, which make it of the sums of
 * {@link convWinogradGradient}. There a single infinity or NaN reaches taps that do not see it: what is not finite is summed
 * anew.
 */
const convMendedGradientOp: Operation<ConvAttributes> = defineOp({
  name: "convMendedGradient",
  infer: (inputs, attributes) => convKernelGradientOp.infer(inputs, attributes),
  gradient: afterwards,
  decompose: ([x, dy, transform, sums], { axes }) =>
    reshape(matMul(transform as Node, sums as Node), [
      ...spatial(axes, "taps"),
      sizeAt(x as Node, -1),
      sizeAt(dy as Node, -1),
    ]),
  lower: (node) => {
    const product = makeNode(matMulOp, node.inputs.slice(2), { transposeA: false, transposeB: false });
    const [made] = (product.op.lower as NonNullable<typeof matMulOp.lower>)(product as never, []) as readonly [
      Lowering,
    ];
    return [
      { ...made, operands: { ...made.operands, out: writes(node as unknown as Node) } },
      lowerKernelGradient(node, true),
    ];
  },
});

const sizeAt = (x: Node, axis: number): number => x.shape.at(axis) as number;

// Building graphs -----------------------------------------------------------------------------------------------------

/** The convolution of any geometry; as a matrix product where it is one. */
function convolve(x: Node, kernel: Node, axes: readonly ConvAxis[], groups: number): Node {
  const [cin, cout] = [sizeAt(x, -1), sizeAt(kernel, -1)];
  const shape = [sizeAt(x, 0), ...spatial(axes, "output"), cout];
  if (sizeOf(shape) * x.size * kernel.size === 0) return full(shape, 0); // the machine wants something to multiply
  if (groups === 1 && axes.every(isPointwise))
    return reshape(matMul(reshape(x, [x.size / cin, cin]), reshape(kernel, [cin, cout])), shape);
  if (groups === 1 && axes.every(isWhole)) {
    const rows = kernel.size / cout;
    return reshape(matMul(reshape(x, [sizeAt(x, 0), rows]), reshape(kernel, [rows, cout])), shape);
  }
  return makeNode(convOp, [x, kernel], { axes, groups });
}

/** The gradient of {@link convolve} with respect to its kernel. */
function products(x: Node, dy: Node, axes: readonly ConvAxis[], groups: number): Node {
  const [cin, cout] = [sizeAt(x, -1), sizeAt(dy, -1)];
  const shape = [...spatial(axes, "taps"), cin / groups, cout];
  if (sizeOf(shape) * x.size * dy.size === 0) return full(shape, 0);
  if (groups === 1 && axes.every(isPointwise))
    return reshape(
      matMul(reshape(x, [x.size / cin, cin]), reshape(dy, [dy.size / cout, cout]), { transposeA: true }),
      shape,
    );
  // The kernel of the machine sums over the side on which every position counts, and wants many columns.
  const narrow = cout / groups < 4 && cin > cout && axes.every(({ stride }) => stride === 1);
  if (narrow || axes.some(({ quotient }) => quotient > 1))
    return swapChannels(products(dy, x, axes.map(inverse), groups), groups);
  return makeNode(convKernelGradientOp, [x, dy], { axes, groups });
}

// Lowering ------------------------------------------------------------------------------------------------------------

/** Whether every channel is a group of its own, with one output. */
function areSingle(groups: number, x: Node, y: Node): boolean {
  return groups > 1 && groups === sizeAt(x, -1) && groups === sizeAt(y, -1);
}

function convInstruction(node: Node, cut: Omit<ReturnType<typeof convTiling>, "byRows">, flags: number): Lowering {
  const [x, kernel, bias] = node.inputs as [Node, Node, Node?];
  const { axes, groups, activation } = node.attributes as unknown as ConvAttributes;
  return {
    opcode: code.CONV,
    name: "conv",
    units: cut.units,
    grain: cut.grain,
    operands: {
      x: reads(x),
      kernel: reads(kernel),
      out: writes(node),
      bias: bias === undefined ? 0 : reads(bias),
      geometry: table(wordsOf(threeAxes(axes))),
      batch: sizeAt(x, 0),
      channels: sizeAt(x, -1),
      columns: sizeAt(node, -1),
      groups,
      positions: cut.positions,
      tapPart: cut.tapPart,
      channelPart: cut.channelPart,
      flags: flags | (bias === undefined ? 0 : code.HAS_BIAS) | (activation === undefined ? 0 : code.HAS_ACTIVATION),
      activation: activation ?? 0,
    },
    flops: convFlops(axes, sizeAt(x, 0), sizeAt(x, -1) / groups, sizeAt(node, -1)),
  };
}

function lowerProduct(node: Node): Lowering {
  const x = node.inputs[0] as Node;
  const { axes, groups } = node.attributes as unknown as ConvAttributes;
  const cut = convTiling(threeAxes(axes), sizeAt(x, 0), sizeAt(x, -1) / groups, sizeAt(node, -1) / groups, groups);
  return convInstruction(node, cut, cut.byRows ? code.BY_ROWS : 0);
}

function lowerDepthwise(node: Node): Lowering {
  const [x] = node.inputs as [Node];
  const { axes } = node.attributes as unknown as ConvAttributes;
  const three = threeAxes(axes);
  const taps = three[0].taps * three[1].taps * three[2].taps;
  check(taps <= MOST_DEPTHWISE_TAPS, "unsupported", () => ({
    where: errorPlace("conv"),
    expected: `a depthwise kernel of at most ${MOST_DEPTHWISE_TAPS} taps`,
    received: `${taps}`,
  }));
  const cut = depthwiseTiling(three, sizeAt(x, 0), sizeAt(x, -1));
  return convInstruction(node, { ...cut, tapPart: 0, channelPart: 0 }, code.DEPTHWISE);
}

/** @param mends whether the result is there, and only what is not finite of it is wanted. */
function lowerKernelGradient(node: Node, mends = false): Lowering {
  const [x, dy] = node.inputs as [Node, Node];
  const { axes, groups } = node.attributes as unknown as ConvAttributes;
  const three = threeAxes(axes);
  const [cin, cout] = [sizeAt(x, -1), sizeAt(dy, -1)];
  const depthwise = areSingle(groups, x, dy);
  const cut = convGradientTiling(three, sizeAt(x, 0), cin / groups, cout / groups, groups);
  const [units, grain] = depthwise ? depthwiseGradientUnits(three, cin) : [cut.units, cut.grain];
  return {
    opcode: code.CONV_KERNEL_GRADIENT,
    name: mends ? "convKernelGradient mended" : "convKernelGradient",
    units,
    grain,
    operands: {
      x: reads(x),
      dy: reads(dy),
      out: mends ? updates(node) : writes(node),
      geometry: table(wordsOf(three)),
      batch: sizeAt(x, 0),
      channels: cin,
      columns: cout,
      groups,
      positions: cut.positions,
      blocks: cut.blocks,
      tapPart: cut.tapPart,
      channelPart: cut.channelPart,
      flags: (depthwise ? code.DEPTHWISE : 0) | (mends ? code.MENDS : 0),
    },
    flops: mends ? node.size : convFlops(axes, sizeAt(x, 0), cin / groups, cout),
  };
}

// What users call -----------------------------------------------------------------------------------------------------

/**
 * y[n, ...o, c] = Σ x[n, ...o · stride + k · dilation − padding, i] · kernel[...k, i, c], without turning the kernel
 * round. x [n, ...s, cin] × kernel [...k, cin / groups, cout] → [n, ...o, cout]; channels last; 1 to 3 spatial axes. Group
 * g takes cin / groups input channels to cout / groups outputs. float32. Zeros put around x by `pad` are not written down.
 * What lies outside x contributes nothing, an infinite or NaN kernel included; an axis of x that is empty and has no room for
 * a window gives an empty result.
 * @throws {TensorError} `shape` when sizes or options do not fit, or no output is left.
 */
export function conv(x: Operand, kernel: Operand, options: ConvOptions): Node {
  const [input, weights] = [asFloat(x), asFloat(kernel)];
  const rank = checkOptions("conv", input, weights, options);
  const axes = axesOf("conv", input.shape.slice(1, -1), weights.shape.slice(0, rank), options);
  const [cin, inputs, cout] = [sizeAt(input, -1), sizeAt(weights, -2), sizeAt(weights, -1)];
  checkChannels("conv", cin, inputs, cout, options.groups);
  const padded = axes.some(({ taps }) => taps > 1) ? insideZeros(input) : undefined;
  if (padded !== undefined && isSpatial(padded.paddings))
    return conv(padded.inside, weights, { ...options, padding: joined(options.padding, padded.paddings.slice(1, -1)) });
  const { groups } = options;
  if (groups > 1 && groups === cin) return convolve(repeatChannels(input, cout / cin), weights, axes, cout);
  return convolve(input, weights, axes, groups);
}

/**
 * The gradient of {@link conv} with respect to x: what transposed convolutions compute. dy [n, ...o, cout], kernel
 * [...k, cin / groups, cout] → [n, ...inputSpatial, cin].
 * @throws {TensorError} `shape` when dy is not what conv makes of such an input.
 */
export function convInputGradient(
  dy: Operand,
  kernel: Operand,
  inputSpatial: readonly number[],
  options: ConvOptions,
): Node {
  return inputGradient("convInputGradient", dy, kernel, inputSpatial, options);
}

/** The same for an operation of another name. */
export function inputGradient(
  name: string,
  dy: Operand,
  kernel: Operand,
  inputSpatial: readonly number[],
  options: ConvOptions,
): Node {
  const [upstream, weights] = [asFloat(dy), asFloat(kernel)];
  const rank = checkOptions(name, upstream, weights, options);
  const [cout, inputs] = [sizeAt(weights, -1), sizeAt(weights, -2)];
  const { groups } = options;
  checkChannels(name, inputs * groups, inputs, cout, groups);
  const axes = axesOf(name, inputSpatial, weights.shape.slice(0, rank), options);
  checkUpstream(name, upstream, axes, cout);
  if (groups === 1 || inputs > 1) return convolve(upstream, swapChannels(weights, groups), axes.map(inverse), groups);
  const each = convolve(upstream, weights, axes.map(inverse), cout);
  return cout === groups ? each : sum(reshape(each, [...each.shape.slice(0, -1), groups, cout / groups]), -1);
}

/**
 * The gradient of {@link conv} with respect to the kernel. x [n, ...s, cin], dy [n, ...o, cout] →
 * [...kernelSpatial, cin / groups, cout].
 * @throws {TensorError} `shape` when dy is not what conv makes of x with such a kernel.
 */
export function convKernelGradient(
  x: Operand,
  dy: Operand,
  kernelSpatial: readonly number[],
  options: ConvOptions,
): Node {
  const name = "convKernelGradient";
  const [input, upstream] = [asFloat(x), asFloat(dy)];
  checkOptions(name, input, undefined, options);
  const [cin, cout] = [sizeAt(input, -1), sizeAt(upstream, -1)];
  const { groups } = options;
  checkChannels(name, cin, cin / groups, cout, groups);
  const axes = axesOf(name, input.shape.slice(1, -1), kernelSpatial, options);
  checkUpstream(name, upstream, axes, cout);
  check(upstream.shape[0] === input.shape[0], "shape", () => ({
    where: errorPlace(name),
    expected: `dy for ${input.shape[0]} samples`,
    received: `[${upstream.shape.join(", ")}]`,
  }));
  if (groups > 1 && groups === cin) return products(repeatChannels(input, cout / cin), upstream, axes, cout);
  return products(input, upstream, axes, groups);
}
