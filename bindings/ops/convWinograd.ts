// How is a 3 × 3 convolution, or the gradient of its kernel, written with fewer multiplications?
//
// The compiler puts these operations in the place of convolutions, after they have been differentiated; the algorithm
// is told in assembly/kernels/convWinogradTransforms.ts.

import * as code from "../../assembly/opcodes.ts";
import { reads, table, writes } from "../compiler/instruction.ts";
import { TensorError } from "../errors.ts";
import { defineOp, makeNode, type Operation, type SymbolicTensor } from "../graph.ts";
import { type ConvAxis, convFlops } from "./convGeometry.ts";
import { pad, slice, stack, transpose } from "./copy.ts";
import { matMul } from "./matMul.ts";
import { reshape } from "./view.ts";
import {
  inputTransform,
  kernelGradient,
  kernelTransform,
  outputGradient,
  outputTransform,
} from "./winogradMatrices.ts";

type Node = SymbolicTensor;

/** The two axes of a 3 × 3 convolution of stride 1. */
export type WinogradAxes = readonly [ConvAxis, ConvAxis];

/** What the parts of a convolution by Winograd know beside their inputs. */
export interface WinogradAttributes extends Readonly<Record<string, unknown>> {
  readonly axes: WinogradAxes;
  /** Output channels. */
  readonly columns: number;
  /** MAP code of a function applied to the result; set by the compiler. */
  readonly activation?: number;
}

/** Columns of a panel, outputs and inputs of a tile along an axis, and products of a tile. */
const PANEL = 16;
const OUTPUTS = 4;
const INPUTS = 6;
const PLANES = INPUTS * INPUTS;

// Geometry ------------------------------------------------------------------------------------------------------------

/** Whether Winograd's algorithm computes a convolution with these axes: two of them, three taps each, one by one. */
function isWinograd(axes: readonly ConvAxis[]): axes is WinogradAxes {
  return (
    axes.length === 2 &&
    axes.every(
      ({ taps, stride, quotient, dilation }) =>
        taps === 3 && stride === 1 && quotient === 1 && Math.abs(dilation) === 1,
    )
  );
}

/** Whether it is faster for x [n, h, w, cin] × kernel [3, 3, cin, cout]. */
export function paysForward(axes: readonly ConvAxis[], x: Node, kernel: Node): axes is WinogradAxes {
  const [cin, cout] = [x.shape[3] as number, kernel.shape[3] as number];
  return isWinograd(axes) && pays(axes, x, cout) && cin <= MOST_CHANNELS;
}

/** Whether it is faster for the gradient of the kernel, from x [n, h, w, cin] and dy [n, …output, cout]. */
export function paysForGradient(axes: readonly ConvAxis[], x: Node, dy: Node): axes is WinogradAxes {
  return isWinograd(axes) && pays(axes, x, dy.shape[3] as number);
}

/**
 * With few channels or tiles the transforms cost more than the products save; tiles that lie half outside the output save
 * nothing. Measured on a Zen 3, one thread, the kernel's transform included, as multiples of the direct algorithm's speed:
 *
 *   channels          16 × 28 × 28        1 × 14 × 14        8 × 7 × 7         4 × 5 × 5
 *                  forward  gradient   forward gradient   forward gradient   forward gradient
 *    16 →  16        1.6      1.6        1.1      1.0       1.3      1.0         –     0.6
 *    32 →  32        2.0      2.0        1.1      1.2       1.7      1.5        0.7    0.6
 *    64 →  64        2.6      2.7        1.1      1.5       1.4      1.8        0.5    0.8
 *   256 → 256        2.6      2.1        0.9      1.0       1.2      1.3        0.4    0.5
 */
function pays(axes: WinogradAxes, x: Node, cout: number): boolean {
  const tiles = tilesOf(axes[0]) * tilesOf(axes[1]);
  const outputs = axes[0].output * axes[1].output;
  const [batch, , , cin] = x.shape as [number, number, number, number];
  return (
    Math.min(cin, cout) >= FEWEST_CHANNELS &&
    batch * tiles >= FEWEST_TILES &&
    9 * tiles <= outputs &&
    axes.every(seesInput)
  );
}

/** Whether all outputs see some input: the transforms would leave a rounding error where the sum is of nothing. */
function seesInput(axis: ConvAxis): boolean {
  const margin = marginOf(axis);
  return margin <= 2 && axis.output - margin <= axis.input;
}

/** Cells of zeros before the input; a kernel that runs backwards begins two cells earlier. */
function marginOf({ dilation, offset }: ConvAxis): number {
  return dilation > 0 ? -offset : 2 - offset;
}

const tilesOf = ({ output }: ConvAxis): number => Math.ceil(output / OUTPUTS);

/** The machine's words: assembly/kernels/convWinogradTiles.ts. */
function geometryWords([rows, columns]: WinogradAxes, batch: number, cin: number, cout: number): number[] {
  const sizes = [batch, rows.input, columns.input, cin, rows.output, columns.output, cout];
  return [...sizes, marginOf(rows), marginOf(columns), Number(rows.dilation < 0), Number(columns.dilation < 0)];
}

const backwards = ([rows, columns]: WinogradAxes) => [rows.dilation < 0, columns.dilation < 0] as const;

// Operations ----------------------------------------------------------------------------------------------------------

/**
 * x [n, h, w, cin], transformed kernel [panels, 36, cin, 16], the kernel itself [3, 3, cin, cout] (+ bias [cout]) →
 * [n, …output, cout]. The kernel serves outputs that are not finite by this algorithm.
 */
const convWinogradOp: Operation<WinogradAttributes> = defineOp({
  name: "convWinograd",
  epilogue: 3,
  gradient: afterwards,
  infer: ([x], { axes, columns }) => ({
    shape: [(x as Node).shape[0] as number, axes[0].output, axes[1].output, columns],
    dtype: "float32",
  }),
  // What the machine puts in the place of results that are not finite is `conv`.
  decompose: ([x, transformed], { axes, columns }) => {
    const [panels, , cin] = (transformed as Node).shape as [number, number, number, number];
    const all = reshape(transpose(transformed as Node, [1, 2, 0, 3]), [PLANES, cin, panels * PANEL]);
    const products = matMul(windows(x as Node, axes), slice(all, [0, 0, 0], [PLANES, cin, columns]));
    const tiles = products.shape[1] as number;
    const outputs = matMul(outputTransform(), reshape(products, [PLANES, tiles * columns]));
    const [n, down, across] = [(x as Node).shape[0] as number, tilesOf(axes[0]), tilesOf(axes[1])];
    const placed = transpose(reshape(outputs, [OUTPUTS, OUTPUTS, n, down, across, columns]), [2, 3, 0, 4, 1, 5]);
    const whole = reshape(placed, [n, OUTPUTS * down, OUTPUTS * across, columns]);
    return slice(whole, [0, 0, 0, 0], [n, axes[0].output, axes[1].output, columns]);
  },
  lower: (node) => {
    const [x, transformed, kernel, bias] = node.inputs as [Node, Node, Node, Node?];
    const { axes, columns, activation } = node.attributes;
    const [batch, , , cin] = x.shape as [number, number, number, number];
    const tiles = forwardTiles(cin);
    const units = Math.ceil((batch * tilesOf(axes[0]) * tilesOf(axes[1])) / tiles);
    return [
      {
        opcode: code.CONV_WINOGRAD,
        name: "conv winograd",
        units,
        grain: grainOf(units, tiles * PLANES * cin * columns),
        operands: {
          x: reads(x),
          transformed: reads(transformed),
          kernel: reads(kernel),
          out: writes(node),
          bias: bias === undefined ? 0 : reads(bias),
          geometry: table(geometryWords(axes, batch, cin, columns)),
          tiles,
          flags: (bias === undefined ? 0 : code.HAS_BIAS) | (activation === undefined ? 0 : code.HAS_ACTIVATION),
          activation: activation ?? 0,
        },
        flops: convFlops(axes, batch, cin, columns),
      },
    ];
  },
});

/** x [n, h, w, cin], dy [n, …output, cout] → sums [36, cin, cout]. */
const convWinogradGradientOp: Operation<WinogradAttributes> = defineOp({
  name: "convWinogradGradient",
  gradient: afterwards,
  infer: ([x], { columns }) => ({ shape: [PLANES, (x as Node).shape[3] as number, columns], dtype: "float32" }),
  decompose: ([x, dy], { axes, columns }) => {
    const [n = 0, rows = 0, across = 0] = (dy as Node).shape;
    const [down, right] = axes.map(tilesOf) as [number, number];
    const whole = pad(dy as Node, [
      [0, 0],
      [0, OUTPUTS * down - rows],
      [0, OUTPUTS * right - across],
      [0, 0],
    ]);
    const cells = transpose(reshape(whole, [n, down, OUTPUTS, right, OUTPUTS, columns]), [2, 4, 0, 1, 3, 5]);
    const tiles = n * down * right;
    const transformed = reshape(matMul(outputGradient(), reshape(cells, [OUTPUTS * OUTPUTS, tiles * columns])), [
      PLANES,
      tiles,
      columns,
    ]);
    return matMul(windows(x as Node, axes), transformed, { transposeA: true });
  },
  lower: (node) => {
    const [x, dy] = node.inputs as [Node, Node];
    const { axes, columns } = node.attributes;
    const [batch, , , cin] = x.shape as [number, number, number, number];
    const channelPart = Math.min(cin, GRADIENT_CHANNELS);
    const panels = Math.ceil(columns / PANEL);
    const rows = PAIRS * Math.ceil(cin / channelPart);
    const tiles = batch * tilesOf(axes[0]) * tilesOf(axes[1]);
    const grain = grainOf(rows, panels * PANEL * (PLANES / PAIRS) * channelPart * tiles) * panels;
    return [
      {
        opcode: code.CONV_WINOGRAD_GRADIENT,
        name: "convKernelGradient winograd",
        units: rows * panels,
        grain,
        operands: {
          x: reads(x),
          dy: reads(dy),
          out: writes(node),
          geometry: table(geometryWords(axes, batch, cin, columns)),
          tiles: gradientTiles(channelPart),
          channelPart,
        },
        flops: convFlops(axes, batch, cin, columns),
      },
    ];
  },
});

/** What the compiler puts into a graph is not differentiated. */
export function afterwards(): never {
  throw new TensorError("internal", {
    where: "convWinograd",
    expected: "a graph that is differentiated before algorithms are chosen",
    received: "the gradient of one that was not",
  });
}

/** Bᵀ d B for the inputs d of every tile: [36, tiles, cin]. */
function windows(x: Node, axes: WinogradAxes): Node {
  const [n = 0, , , cin = 0] = x.shape;
  const [down, across] = axes.map(tilesOf) as [number, number];
  const margins = axes.map((axis) => {
    const before = marginOf(axis);
    return [before, OUTPUTS * tilesOf(axis) + 2 - axis.input - before] as const;
  });
  // A margin below 0 leaves cells out.
  const [first, second] = margins as [readonly [number, number], readonly [number, number]];
  const padded = pad(x, [
    [0, 0],
    ...margins.map(([before, after]) => [Math.max(0, before), Math.max(0, after)] as const),
    [0, 0],
  ]);
  const skipped = [Math.max(0, -first[0]), Math.max(0, -second[0])] as const;
  const cells = Array.from({ length: PLANES }, (_, cell) => {
    const [i, j] = [Math.floor(cell / INPUTS) + skipped[0], (cell % INPUTS) + skipped[1]];
    return reshape(everyTile(slice(padded, [0, i, j, 0], [n, span(down), span(across), cin])), [
      n * down * across * cin,
    ]);
  });
  return reshape(matMul(inputTransform(), stack(cells)), [PLANES, n * down * across, cin]);
}

/** Cells from the first one of the first tile to that of the last one. */
const span = (tiles: number): number => OUTPUTS * (tiles - 1) + 1;

/** The first row and column of every tile. */
function everyTile(x: Node): Node {
  const [n = 0, rows = 0, columns = 0, channels = 0] = x.shape;
  const [down, across] = [Math.ceil(rows / OUTPUTS), Math.ceil(columns / OUTPUTS)];
  const whole = pad(x, [
    [0, 0],
    [0, OUTPUTS * down - rows],
    [0, OUTPUTS * across - columns],
    [0, 0],
  ]);
  const split = reshape(whole, [n, down, OUTPUTS, across, OUTPUTS, channels]);
  return reshape(slice(split, [0, 0, 0, 0, 0, 0], [n, down, 1, across, 1, channels]), [n, down, across, channels]);
}

// Cutting -------------------------------------------------------------------------------------------------------------

/** Channels of the input that the machine's scratch has room for. */
const MOST_CHANNELS = 256;
const FEWEST_CHANNELS = 16;
const FEWEST_TILES = 8;
const GRADIENT_CHANNELS = 64;
/** Pairs of points, whose sums are units of the gradient. */
const PAIRS = 3;
/** Bytes for the transformed inputs and products of a block. */
const FORWARD_BYTES = 475 * 1024 - 512;
/** Bytes for the transformed inputs of a block, and for its transformed gradients of 64 columns. */
const GRADIENT_BYTES = 200 * 1024;
const GRADIENT_TILES = 64;
/** Bytes between planes, in which they fall into different sets of the cache. */
const GAP = 64;
/** Multiply-adds of the smallest chunk: about 10 µs of one thread. */
const SMALLEST_CHUNK = 128 * 1024;
const CHUNKS = 32;

const rowBytes = (channels: number): number => 4 * Math.ceil(channels / 4) * 4;

/** Tiles of a block, two by two for the register tile. */
function forwardTiles(channels: number): number {
  const tile = PLANES * (rowBytes(channels) + PANEL * 4);
  return 2 * Math.floor((FORWARD_BYTES - 2 * PLANES * GAP) / tile / 2);
}

/** Tiles in one running sum of the gradient. */
function gradientTiles(channels: number): number {
  const bytes = rowBytes(channels);
  const row = bytes % 64 === 0 ? bytes + GAP : bytes;
  return Math.min(GRADIENT_TILES, Math.floor(GRADIENT_BYTES / ((PLANES / PAIRS) * row)));
}

function grainOf(units: number, unitWork: number): number {
  const wanted = Math.ceil(Math.max(SMALLEST_CHUNK, (units * unitWork) / CHUNKS) / unitWork);
  return Math.max(1, Math.ceil(units / Math.ceil(units / wanted)));
}

// What the compiler calls ---------------------------------------------------------------------------------------------

/**
 * The convolution of x [n, h, w, cin] with kernel [3, 3, cin, cout] → [n, …output, cout]. With u = 2⁻²⁴ an element is off
 * by at most (cin + 30) · u · (|Aᵀ| [(|G| |g| |Gᵀ|) ⊙ (|Bᵀ| |d| |B|)] |A|), to first order in u: as many roundings as the longest path has.
 */
export function convWinograd(x: Node, kernel: Node, axes: WinogradAxes): Node {
  const [, , cin = 0, columns = 0] = kernel.shape;
  const panels = Math.ceil(columns / PANEL);
  const whole = pad(reshape(kernel, [9, cin, columns]), [
    [0, 0],
    [0, 0],
    [0, panels * PANEL - columns],
  ]);
  const inPanels = transpose(reshape(whole, [9, cin, panels, PANEL]), [2, 0, 1, 3]);
  const transformed = matMul(kernelTransform(backwards(axes)), reshape(inPanels, [panels, 9, cin * PANEL]));
  const inputs = [x, reshape(transformed, [panels, PLANES, cin, PANEL]), kernel];
  return makeNode(convWinogradOp, inputs, { axes, columns });
}

/** The gradient of {@link convWinograd} with respect to the kernel: x [n, h, w, cin], dy [n, …output, cout] → [3, 3, cin, cout]. */
export function convWinogradGradient(x: Node, dy: Node, axes: WinogradAxes): Node {
  const cin = x.shape[3] as number;
  const columns = dy.shape[3] as number;
  const sums = makeNode(convWinogradGradientOp, [x, dy], { axes, columns });
  return reshape(matMul(kernelGradient(backwards(axes)), reshape(sums, [PLANES, cin * columns])), [3, 3, cin, columns]);
}
