// How is a 3 × 3 convolution, or the gradient of its kernel, written with fewer multiplications?
//
// The compiler puts these operations in the place of convolutions, after they have been differentiated; the algorithm
// is told in assembly/kernels/convWinogradTiles.ts.

import * as code from "../../assembly/opcodes.ts";
import { reads, table, writes } from "../compiler/instruction.ts";
import { TensorError } from "../errors.ts";
import { constant, defineOp, makeNode, type Operation, type SymbolicTensor } from "../graph.ts";
import { Tensor } from "../tensor.ts";
import { type ConvAxis, convFlops } from "./convGeometry.ts";
import { pad, slice, stack, transpose } from "./copy.ts";
import { matMul } from "./matMul.ts";
import { reshape } from "./view.ts";

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

const PANEL = 16;

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

/**
 * Whether it is faster for x [n, h, w, cin] × kernel [3, 3, cin, cout]. Measured on a Zen 4, as multiples of the direct
 * convolution's speed, channels → channels: 16 → 16 0.98, 16 → 32 1.32, 32 → 32 1.59, 128 → 128 1.87.
 */
export function paysForward(axes: readonly ConvAxis[], x: Node, kernel: Node): axes is WinogradAxes {
  const [cin, cout] = [x.shape[3] as number, kernel.shape[3] as number];
  return isWinograd(axes) && pays(axes, x, cout) && cin * cout >= 512 && cin <= MOST_CHANNELS;
}

/** Whether it is faster for the gradient of the kernel, from x [n, h, w, cin] and dy [n, …output, cout]: 16 → 16 1.35. */
export function paysForGradient(axes: readonly ConvAxis[], x: Node, dy: Node): axes is WinogradAxes {
  return isWinograd(axes) && pays(axes, x, dy.shape[3] as number);
}

/**
 * With few channels or tiles the transforms cost more than the products save; tiles that lie half outside the output save
 * nothing.
 */
function pays(axes: WinogradAxes, x: Node, cout: number): boolean {
  const tiles = tilesOf(axes[0]) * tilesOf(axes[1]);
  const outputs = axes[0].output * axes[1].output;
  const [batch, , , cin] = x.shape as [number, number, number, number];
  return Math.min(cin, cout) >= FEWEST_CHANNELS && batch * tiles >= FEWEST_TILES && 20 * tiles <= 9 * outputs;
}

/** Cells of zeros before the input; a kernel that runs backwards begins two cells earlier. */
function marginOf({ dilation, offset }: ConvAxis): number {
  return dilation > 0 ? -offset : 2 - offset;
}

const tilesOf = ({ output }: ConvAxis): number => Math.ceil(output / 2);

/** The machine's words: assembly/kernels/convWinogradTiles.ts. */
function geometryWords([rows, columns]: WinogradAxes, batch: number, cin: number, cout: number): number[] {
  const sizes = [batch, rows.input, columns.input, cin, rows.output, columns.output, cout];
  return [...sizes, marginOf(rows), marginOf(columns)];
}

// The transforms as matrices ------------------------------------------------------------------------------------------

type Matrix = readonly (readonly number[])[];

const inputMatrix: Matrix = [
  [1, 0, -1, 0],
  [0, 1, 1, 0],
  [0, -1, 1, 0],
  [0, 1, 0, -1],
];
const kernelMatrix: Matrix = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
];
const outputMatrix: Matrix = [
  [1, 1, 1, 0],
  [0, 1, -1, -1],
];

/** What applies `a` to the rows and `b` to the columns of a matrix written as one vector: a ⊗ b. */
function kronecker(a: Matrix, b: Matrix): Matrix {
  return a.flatMap((left) => b.map((right) => left.flatMap((x) => right.map((y) => x * y))));
}

/** G ⊗ G [16, 9], with taps turned round along axes whose kernel runs backwards. */
function kernelTransform(axes: WinogradAxes): Matrix {
  const [rows, columns] = axes.map(({ dilation }) =>
    dilation > 0 ? kernelMatrix : kernelMatrix.map((row) => row.toReversed()),
  ) as [Matrix, Matrix];
  return kronecker(rows, columns);
}

function matrix(rows: Matrix): Node {
  return constant(
    Tensor.of(Float32Array.from(rows.flat()), [rows.length, (rows[0] as readonly number[]).length], "float32"),
  );
}

function transposed(rows: Matrix): Matrix {
  return (rows[0] as readonly number[]).map((_, column) => rows.map((row) => row[column] as number));
}

// Operations ----------------------------------------------------------------------------------------------------------

/** x [n, h, w, cin], transformed kernel [panels, 16, cin, 16] (+ bias [cout]) → [n, …output, cout]. */
const convWinogradOp: Operation<WinogradAttributes> = defineOp({
  name: "convWinograd",
  epilogue: true,
  gradient: afterwards,
  infer: ([x], { axes, columns }) => ({
    shape: [(x as Node).shape[0] as number, axes[0].output, axes[1].output, columns],
    dtype: "float32",
  }),
  decompose: ([x, kernel], { axes, columns }) => {
    const [panels, , cin] = (kernel as Node).shape as [number, number, number, number];
    const all = reshape(transpose(kernel as Node, [1, 2, 0, 3]), [16, cin, panels * PANEL]);
    const products = matMul(windows(x as Node, axes), slice(all, [0, 0, 0], [16, cin, columns]));
    const tiles = products.shape[1] as number;
    const outputs = matMul(matrix(kronecker(outputMatrix, outputMatrix)), reshape(products, [16, tiles * columns]));
    const [n, down, across] = [(x as Node).shape[0] as number, tilesOf(axes[0]), tilesOf(axes[1])];
    const placed = transpose(reshape(outputs, [2, 2, n, down, across, columns]), [2, 3, 0, 4, 1, 5]);
    const whole = reshape(placed, [n, 2 * down, 2 * across, columns]);
    return slice(whole, [0, 0, 0, 0], [n, axes[0].output, axes[1].output, columns]);
  },
  lower: (node) => {
    const [x, kernel, bias] = node.inputs as [Node, Node, Node?];
    const { axes, columns, activation } = node.attributes;
    const [batch, , , cin] = x.shape as [number, number, number, number];
    const tiles = forwardTiles(cin);
    const units = Math.ceil((batch * tilesOf(axes[0]) * tilesOf(axes[1])) / tiles);
    return [
      {
        opcode: code.CONV_WINOGRAD,
        name: "conv winograd",
        units,
        grain: grainOf(units, tiles * 16 * cin * columns),
        operands: {
          x: reads(x),
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

/** x [n, h, w, cin], dy [n, …output, cout] → sums [16, cin, cout]. */
const convWinogradGradientOp: Operation<WinogradAttributes> = defineOp({
  name: "convWinogradGradient",
  gradient: afterwards,
  infer: ([x], { columns }) => ({ shape: [16, (x as Node).shape[3] as number, columns], dtype: "float32" }),
  decompose: ([x, dy], { axes, columns }) => {
    const [n = 0, rows = 0, across = 0] = (dy as Node).shape;
    const [down, right] = axes.map(tilesOf) as [number, number];
    const whole = pad(dy as Node, [
      [0, 0],
      [0, 2 * down - rows],
      [0, 2 * right - across],
      [0, 0],
    ]);
    const cells = transpose(reshape(whole, [n, down, 2, right, 2, columns]), [2, 4, 0, 1, 3, 5]);
    const tiles = n * down * right;
    const spread = matrix(transposed(kronecker(outputMatrix, outputMatrix)));
    const transformed = reshape(matMul(spread, reshape(cells, [4, tiles * columns])), [16, tiles, columns]);
    return matMul(windows(x as Node, axes), transformed, { transposeA: true });
  },
  lower: (node) => {
    const [x, dy] = node.inputs as [Node, Node];
    const { axes, columns } = node.attributes;
    const [batch, , , cin] = x.shape as [number, number, number, number];
    const channelPart = Math.min(cin, GRADIENT_CHANNELS);
    const panels = Math.ceil(columns / PANEL);
    const rows = 4 * Math.ceil(cin / channelPart);
    const tiles = batch * tilesOf(axes[0]) * tilesOf(axes[1]);
    const grain = grainOf(rows, panels * PANEL * 4 * channelPart * tiles) * panels;
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
function afterwards(): never {
  throw new TensorError("internal", {
    where: "convWinograd",
    expected: "a graph that is differentiated before algorithms are chosen",
    received: "the gradient of one that was not",
  });
}

/** Bᵀ d B for the inputs d of every tile: [16, tiles, cin]. */
function windows(x: Node, axes: WinogradAxes): Node {
  const [n = 0, , , cin = 0] = x.shape;
  const [down, across] = axes.map(tilesOf) as [number, number];
  const margins = axes.map((axis) => {
    const before = marginOf(axis);
    return [before, 2 * tilesOf(axis) + 2 - axis.input - before] as const;
  });
  // A margin below 0 leaves cells out.
  const [first, second] = margins as [readonly [number, number], readonly [number, number]];
  const padded = pad(x, [
    [0, 0],
    ...margins.map(([before, after]) => [Math.max(0, before), Math.max(0, after)] as const),
    [0, 0],
  ]);
  const skipped = [Math.max(0, -first[0]), Math.max(0, -second[0])] as const;
  const cells = Array.from({ length: 16 }, (_, cell) => {
    const [i, j] = [(cell >> 2) + skipped[0], (cell & 3) + skipped[1]];
    const from = slice(padded, [0, i, j, 0], [n, 2 * down - 1, 2 * across - 1, cin]);
    return reshape(everySecond(from), [n * down * across * cin]);
  });
  const transform = matrix(kronecker(inputMatrix, inputMatrix));
  return reshape(matMul(transform, stack(cells)), [16, n * down * across, cin]);
}

/** Every second row and column, the first and last of them included. */
function everySecond(x: Node): Node {
  const [n = 0, rows = 0, columns = 0, channels = 0] = x.shape;
  const even = pad(x, [
    [0, 0],
    [0, 1],
    [0, 1],
    [0, 0],
  ]);
  const split = reshape(even, [n, (rows + 1) / 2, 2, (columns + 1) / 2, 2, channels]);
  return reshape(slice(split, [0, 0, 0, 0, 0, 0], [n, (rows + 1) / 2, 1, (columns + 1) / 2, 1, channels]), [
    n,
    (rows + 1) / 2,
    (columns + 1) / 2,
    channels,
  ]);
}

// Cutting -------------------------------------------------------------------------------------------------------------

/** Channels of the input that the machine's scratch has room for. */
const MOST_CHANNELS = 256;
const FEWEST_CHANNELS = 16;
const FEWEST_TILES = 32;
const GRADIENT_CHANNELS = 64;
/** Bytes for the transformed inputs of a block, and for its transformed gradients of 64 columns. */
const GRADIENT_BYTES = 104 * 1024;
/** Bytes for the transformed inputs of a block, and tiles whose products have room. */
const INPUT_BYTES = 159 * 1024;
const MOST_TILES = 64;
/** Multiply-adds of the smallest chunk: about 10 µs of one thread. */
const SMALLEST_CHUNK = 128 * 1024;
const CHUNKS = 32;

/** Tiles of a block, two by two for the register tile. */
function forwardTiles(channels: number): number {
  const bytes = 16 * 4 * Math.ceil(channels / 4) * 4;
  return Math.min(MOST_TILES, 2 * Math.floor(INPUT_BYTES / bytes / 2));
}

/** Tiles in one running sum of the gradient. */
function gradientTiles(channels: number): number {
  const bytes = 4 * Math.ceil(channels / 4) * 4;
  const row = bytes % 64 === 0 ? bytes + 64 : bytes;
  return Math.min(100, Math.floor(GRADIENT_BYTES / (4 * row)));
}

function grainOf(units: number, unitWork: number): number {
  const wanted = Math.ceil(Math.max(SMALLEST_CHUNK, (units * unitWork) / CHUNKS) / unitWork);
  return Math.max(1, Math.ceil(units / Math.ceil(units / wanted)));
}

// What the compiler calls ---------------------------------------------------------------------------------------------

/**
 * The convolution of x [n, h, w, cin] with kernel [3, 3, cin, cout] → [n, …output, cout]. With u = 2⁻²⁴ an element is off
 * by at most (cin + 17) · u · (|Aᵀ| [(|G| |g| |Gᵀ|) ⊙ (|Bᵀ| |d| |B|)] |A|), to first order in u: as many roundings as the longest path has.
 */
export function convWinograd(x: Node, kernel: Node, axes: WinogradAxes): Node {
  const [, , cin = 0, columns = 0] = kernel.shape;
  const panels = Math.ceil(columns / PANEL);
  const flat = matMul(matrix(kernelTransform(axes)), reshape(kernel, [9, cin * columns]));
  const whole = pad(reshape(flat, [16, cin, columns]), [
    [0, 0],
    [0, 0],
    [0, panels * PANEL - columns],
  ]);
  const transformed = transpose(reshape(whole, [16, cin, panels, PANEL]), [2, 0, 1, 3]);
  return makeNode(convWinogradOp, [x, transformed], { axes, columns });
}

/** The gradient of {@link convWinograd} with respect to the kernel: x [n, h, w, cin], dy [n, …output, cout] → [3, 3, cin, cout]. */
export function convWinogradGradient(x: Node, dy: Node, axes: WinogradAxes): Node {
  const cin = x.shape[3] as number;
  const columns = dy.shape[3] as number;
  const sums = makeNode(convWinogradGradientOp, [x, dy], { axes, columns });
  const back = matrix(transposed(kernelTransform(axes)));
  return reshape(matMul(back, reshape(sums, [16, cin * columns])), [3, 3, cin, columns]);
}
