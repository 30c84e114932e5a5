// Which input positions does an output position of a convolution see, and how is that cut into units?

import * as code from "../../assembly/opcodes.ts";
import type { Bounds } from "../compiler/instruction.ts";
import type { Shape } from "../tensor.ts";
import { lastUnary } from "./expression.ts";

/**
 * One spatial axis. The output at o sees, through tap k, the input at (o · stride + k · dilation + offset) / quotient if
 * that is a whole number inside the input, else zero. One of stride and quotient is 1.
 */
export interface ConvAxis {
  readonly input: number;
  readonly output: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly offset: number;
  readonly quotient: number;
}

/** The same relation from the input's side: which outputs see an input. */
export function inverse(axis: ConvAxis): ConvAxis {
  return {
    input: axis.output,
    output: axis.input,
    taps: axis.taps,
    stride: axis.quotient,
    dilation: -axis.dilation,
    offset: -axis.offset,
    quotient: axis.stride,
  };
}

/** The input that output `at` sees through `tap`, or undefined. */
export function inputAt(axis: ConvAxis, at: number, tap: number): number | undefined {
  const position = (at * axis.stride + tap * axis.dilation + axis.offset) / axis.quotient;
  return Number.isInteger(position) && position >= 0 && position < axis.input ? position : undefined;
}

/** Every output sees one input, its own. */
export function isPointwise(axis: ConvAxis): boolean {
  return axis.taps === 1 && axis.stride === 1 && axis.quotient === 1 && axis.offset === 0 && axis.input === axis.output;
}

/** One output sees every input through a tap of its own. */
export function isWhole(axis: ConvAxis): boolean {
  return (
    axis.output === 1 && axis.quotient === 1 && axis.offset === 0 && axis.dilation === 1 && axis.taps === axis.input
  );
}

/** Three axes for the machine: those in which something happens come last. */
export function threeAxes(axes: readonly ConvAxis[]): readonly [ConvAxis, ConvAxis, ConvAxis] {
  const some = axes.filter((axis) => !(isPointwise(axis) && axis.input === 1));
  return [...Array.from({ length: 3 - some.length }, () => onlyOne), ...some] as unknown as [
    ConvAxis,
    ConvAxis,
    ConvAxis,
  ];
}

const onlyOne: ConvAxis = { input: 1, output: 1, taps: 1, stride: 1, dilation: 1, offset: 0, quotient: 1 };

/** The machine's words for three axes: assembly/kernels/convWindows.ts. */
export function wordsOf(axes: readonly ConvAxis[]): number[] {
  return axes.flatMap(({ input, output, taps, stride, dilation, offset, quotient }) => [
    input,
    output,
    taps,
    stride,
    dilation,
    offset,
    quotient,
  ]);
}

/** Sizes of the spatial axes on the two sides. */
export function spatial(axes: readonly ConvAxis[], side: "input" | "output" | "taps"): Shape {
  return axes.map((axis) => axis[side]);
}

/** Multiplications and additions over all taps, those that see padding included. */
export function convFlops(axes: readonly ConvAxis[], batch: number, inputs: number, cout: number): number {
  const seen = axes.reduce((product, { output, taps, quotient }) => product * ((output * taps) / quotient), 1);
  return 2 * batch * seen * inputs * cout;
}

// Cutting -------------------------------------------------------------------------------------------------------------

/** Multiply-adds of the smallest chunk: about 10 µs of one thread. */
const SMALLEST_CHUNK = 128 * 1024;
const CHUNKS = 32;
const PANEL = 16;
/** Steps of k in one part: a panel of 36 KB. */
const PART_ROWS = 576;
const PART_CHANNELS = 512;
/** Positions of a block, if their windows fit, and as many more as see so many floats, each its own. */
const POSITIONS = 32;
const PATCH_FLOATS = 4096;
/** The kernel's room for windows, in floats, with some left for rounding up. */
const WINDOW_FLOATS = 24 * 1024 - 1024;
/** Taps of a depthwise kernel, at most: each is a piece, twice where not all are seen. */
export const MOST_DEPTHWISE_TAPS = 8192;
/** The kernel's IN_PLACE_BYTES. */
const IN_PLACE_BYTES = 512 * 1024;

/** How a convolution is cut: the operands of the same names, with units and grain. */
export interface ConvTiling {
  readonly units: number;
  readonly grain: number;
  readonly positions: number;
  readonly tapPart: number;
  readonly channelPart: number;
  readonly byRows: boolean;
}

type Three = readonly [ConvAxis, ConvAxis, ConvAxis];

/** Blocks of at most `positions` outputs of one phase along the last axis. */
function blocksOf([outer, middle, inner]: Three, batch: number, positions: number): number {
  const phase = Math.ceil(inner.output / inner.quotient);
  return batch * outer.output * middle.output * inner.quotient * Math.ceil(phase / positions);
}

/** Positions of a block, each of which sees so many floats, at most. */
function mostPositions(floats: number): number {
  return POSITIONS + PATCH_FLOATS / floats;
}

/** Floats that the windows of a block take for one part of k. */
function windowFloats([outer, middle, inner]: Three, positions: number, tapPart: number, channelPart: number): number {
  const across = Math.ceil(((Math.min(tapPart, inner.taps) - 1) * Math.abs(inner.dilation)) / inner.quotient);
  const rows = Math.min(outer.taps * middle.taps, Math.ceil((tapPart - 1) / inner.taps) + 1);
  return rows * (((positions - 1) * inner.stride + across + 1) * channelPart + 7);
}

/** Of CONV. The kernel reads only inputs from 0 to size − 1 of each axis; pieces and windows must fit into scratch. */
export const convBounds: Bounds = (it) => {
  const [batch, channels, columns, groups, positions, tapPart, channelPart, flags, activation] = it.words(5, 9);
  const words = it.table(4, 21);
  const axes = [0, 7, 14].map((first): ConvAxis => {
    const [input, output, taps, stride, dilation, offset, quotient] = words.words(first, 7);
    const axis = { input, output, taps, stride, dilation: dilation | 0, offset: offset | 0, quotient };
    const reach = output * stride + taps * Math.abs(axis.dilation) + Math.abs(axis.offset) + (input + 1) * quotient;
    it.needs(Math.min(output, taps, stride, quotient) >= 1 && reach < 2 ** 30);
    return axis;
  }) as unknown as Three;
  const taps = axes[0].taps * axes[1].taps * axes[2].taps;
  const [cin, cout] = [channels / groups, columns / groups];
  const sees = it.units * positions * taps;
  it.needs(channels >= 1 && Number.isInteger(cin) && Number.isInteger(cout));
  const depthwise = (flags & code.DEPTHWISE) !== 0;
  it.needs(positions >= 1 && positions <= mostPositions(depthwise ? Number.POSITIVE_INFINITY : taps * cin));
  it.needs(positions <= axes[2].output && activation <= lastUnary);
  const known = code.HAS_BIAS | code.HAS_ACTIVATION | code.BY_ROWS | code.DEPTHWISE;
  it.needs((flags & ~known) === 0);
  const blocks = blocksOf(axes, batch, positions);
  let work = 8 * sees * columns;
  if (depthwise) it.needs(it.units === blocks && cin * cout === 1 && taps <= MOST_DEPTHWISE_TAPS);
  else {
    it.needs(it.units === groups * Math.ceil(cout / PANEL) * blocks);
    it.needs(tapPart >= 1 && tapPart <= taps && channelPart >= 1 && channelPart <= cin);
    it.needs((tapPart === 1 || channelPart === cin) && tapPart * channelPart <= PART_ROWS);
    const floats = windowFloats(axes, positions, tapPart, channelPart);
    it.needs(floats <= WINDOW_FLOATS);
    const parts = Math.ceil(taps / tapPart) * Math.ceil(cin / channelPart);
    work = 2 * PANEL * sees * cin + 2 * it.units * parts * (floats + 64 * tapPart);
  }
  it.reads(0, 4 * batch * axes[0].input * axes[1].input * axes[2].input * channels);
  it.reads(1, 4 * taps * cin * columns);
  it.writes(2, 4 * batch * axes[0].output * axes[1].output * axes[2].output * columns);
  if (flags & code.HAS_BIAS) it.reads(3, 4 * columns);
  return work;
};

/** [batch, …input, channels · groups] → [batch, …output, columns · groups]. */
export function convTiling(
  axes: readonly [ConvAxis, ConvAxis, ConvAxis],
  batch: number,
  channels: number,
  columns: number,
  groups: number,
): ConvTiling {
  const [outer, middle, inner] = axes;
  const taps = outer.taps * middle.taps * inner.taps;
  const channelPart = Math.min(channels, PART_CHANNELS);
  let tapPart = channels > PART_CHANNELS ? 1 : inEqualParts(taps, Math.max(1, Math.floor(PART_ROWS / channels)));
  const floats = (positions: number): number => windowFloats(axes, positions, tapPart, channelPart);
  const phase = Math.ceil(inner.output / inner.quotient);
  let positions = evenParts(phase, mostPositions(taps * channels));
  while (tapPart > 1 && floats(Math.min(positions, 8)) > WINDOW_FLOATS) tapPart = Math.ceil(tapPart / 2);
  while (positions > 1 && floats(positions) > WINDOW_FLOATS) positions = evenParts(phase, positions / 2);

  const blocks = blocksOf(axes, batch, positions);
  const panels = Math.ceil(columns / PANEL);
  const units = groups * panels * blocks;
  const unitWork = positions * Math.min(columns, PANEL) * taps * channels;
  const wanted = Math.ceil(Math.max(SMALLEST_CHUNK, (units * unitWork) / CHUNKS) / unitWork);
  const byRows = 4 * taps * channels * columns * groups <= IN_PLACE_BYTES;
  const [fast, slow] = byRows ? [panels, blocks] : [blocks, panels];
  const grain = wanted < fast ? inEqualParts(fast, wanted) : inEqualParts(slow, Math.round(wanted / fast)) * fast;
  return { units, grain: Math.max(1, grain), positions, tapPart, channelPart, byRows };
}

/** Rows of a unit of the kernel's gradient, at most. */
const GRADIENT_ROWS = 128;
/** Positions in one running sum, at most. */
const SUMMED_POSITIONS = 196;
const GRADIENT_CHUNKS = 16;
/** The kernel's room for the windows of one block, in floats, with some left for rounding up. */
const GRADIENT_WINDOW_FLOATS = 12 * 1024 - 512;

/** How the gradient of a kernel is cut. */
export interface ConvGradientTiling {
  readonly units: number;
  readonly grain: number;
  readonly positions: number;
  readonly blocks: number;
  readonly tapPart: number;
  readonly channelPart: number;
}

/** x [batch, …input, channels · groups], dy [batch, …output, columns · groups] → [taps, channels, columns · groups]. */
export function convGradientTiling(
  axes: readonly [ConvAxis, ConvAxis, ConvAxis],
  batch: number,
  channels: number,
  columns: number,
  groups: number,
): ConvGradientTiling {
  const [outer, middle, inner] = axes;
  const taps = outer.taps * middle.taps * inner.taps;
  const channelPart = inEqualParts(channels, GRADIENT_ROWS);
  const floats = (tapPart: number, positions: number): number => windowFloats(axes, positions, tapPart, channelPart);
  let tapPart = inEqualParts(taps, Math.max(1, Math.floor(GRADIENT_ROWS / channels)));
  let positions = inEqualParts(inner.output, SUMMED_POSITIONS);
  while (tapPart > 1 && floats(tapPart, Math.min(positions, 8)) > GRADIENT_WINDOW_FLOATS)
    tapPart = Math.ceil(tapPart / 2);
  while (positions > 1 && floats(tapPart, positions) > GRADIENT_WINDOW_FLOATS)
    positions = inEqualParts(inner.output, Math.ceil(positions / 2));
  const blocks = Math.floor(SUMMED_POSITIONS / positions);

  const panels = Math.ceil(columns / PANEL);
  const parts = Math.ceil(taps / tapPart) * Math.ceil(channels / channelPart);
  const units = groups * parts * panels;
  const outputs = batch * outer.output * middle.output * inner.output;
  const unitWork = Math.max(1, outputs) * channelPart * tapPart * Math.min(columns, PANEL);
  const wanted = Math.ceil(Math.max(SMALLEST_CHUNK, (units * unitWork) / GRADIENT_CHUNKS) / unitWork);
  const grain =
    wanted < panels ? inEqualParts(panels, wanted) : inEqualParts(groups * parts, Math.round(wanted / panels)) * panels;
  return { units, grain: Math.max(1, grain), positions, blocks, tapPart, channelPart };
}

/** Chunks of the gradient of a depthwise kernel, at least, if there are as many panels of channels. */
const DEPTHWISE_CHUNKS = 4;

/** Positions of a chunk of a depthwise convolution, at least: then copying the kernel costs a fiftieth. */
const DEPTHWISE_POSITIONS = 32;

/** Units and grain of depthwise convolutions: blocks of positions over all channels. */
export function depthwiseTiling(
  axes: readonly [ConvAxis, ConvAxis, ConvAxis],
  batch: number,
  channels: number,
): { readonly units: number; readonly grain: number; readonly positions: number } {
  const [outer, middle, inner] = axes;
  const phase = Math.ceil(inner.output / inner.quotient);
  const positions = evenParts(phase, POSITIONS);
  const units = blocksOf(axes, batch, positions);
  const work = channels * outer.taps * middle.taps * inner.taps;
  const wanted = Math.max(DEPTHWISE_POSITIONS, SMALLEST_CHUNK / 4 / work) / positions;
  return { units, grain: Math.max(1, inEqualParts(units, Math.ceil(wanted))), positions };
}

/** Units and grain of the gradient of a depthwise kernel: all places of 16 channels go together where there are enough. */
export function depthwiseGradientUnits(
  [outer, middle]: readonly [ConvAxis, ConvAxis, ConvAxis],
  channels: number,
): readonly [units: number, grain: number] {
  const places = outer.taps * middle.taps;
  const panels = Math.ceil(channels / PANEL);
  const together = Math.floor(panels / DEPTHWISE_CHUNKS);
  return [panels * places, together === 0 ? 1 : inEqualParts(panels, together) * places];
}

/** The size of the parts when `total` is cut into parts of at most `size`, as equal as can be. */
function inEqualParts(total: number, size: number): number {
  return Math.ceil(total / Math.max(1, Math.ceil(total / Math.max(1, size))));
}

/** The same, of even size where there are several: tiles take two rows. */
function evenParts(total: number, size: number): number {
  const part = inEqualParts(total, size);
  return part === total || part === 1 ? part : Math.min(Math.max(1, Math.floor(size)), part + (part % 2));
}
