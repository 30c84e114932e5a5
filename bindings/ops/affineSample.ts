// What does an image look like moved, turned or zoomed?

import * as code from "../../assembly/opcodes.ts";
import { float, type Lowering, reads, type Word, writes } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import { constant, defineOp, errorPlace, makeNode, type Operation, type SymbolicTensor } from "../graph.ts";
import { type Shape, sizeOf } from "../tensor.ts";
import { slice } from "./copy.ts";
import { gather, scatterAdd } from "./gather.ts";
import {
  add,
  asFloat,
  cast,
  divide,
  floor,
  greaterEqual,
  less,
  logicalAnd,
  maximum,
  minimum,
  multiply,
  subtract,
  where,
} from "./map.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;

/**
 * What lies beyond the edge of an image: one value (k k | a b c d | k k), the image mirrored (b a | a b c d | d c) or
 * again (c d | a b c d | a b), or the cell at the edge (a a | a b c d | d d).
 */
export type FillMode = "constant" | "reflect" | "wrap" | "nearest";

/** How images are sampled. */
export interface Sampling {
  /** Rows and columns of the result. */
  readonly height: number;
  readonly width: number;
  readonly fillMode: FillMode;
  /** Beyond the edge, with `"constant"`. */
  readonly fillValue: number;
  /** The nearest cell (halves go down and to the right), or the four cells around a place by their distance. */
  readonly interpolation: "nearest" | "bilinear";
}

const fillCodes: Readonly<Record<FillMode, number>> = {
  constant: code.FILL_CONSTANT,
  nearest: code.FILL_NEAREST,
  wrap: code.FILL_WRAP,
  reflect: code.FILL_REFLECT,
};

const affineSampleOp: Operation<Sampling> = defineOp({
  name: "affineSample",
  infer: ([x], { height, width }) => {
    const [batch = 0, , , channels = 0] = (x as Node).shape;
    return { shape: [batch, height, width, channels], dtype: "float32" };
  },
  gradient: ({ inputs: [x, matrices], attributes }, dy) => [
    makeNode(affineSampleGradientOp, [dy, matrices as Node], { ...attributes, shape: (x as Node).shape }),
    null,
  ],
  decompose: ([x, matrices], sampling) => {
    const { shape } = x as Node;
    const [batch = 0, rows = 0, columns = 0, channels = 0] = shape;
    const cells = reshape(x as Node, [batch * rows * columns, channels]);
    return cellsOf(shape, matrices as Node, sampling)
      .map(({ index, inside, weight }) => {
        const picked = gather(cells, index);
        const value = inside === undefined ? picked : where(expandDims(inside, -1), picked, sampling.fillValue);
        return weight === undefined ? value : multiply(value, expandDims(weight, -1));
      })
      .reduce((sum, each) => add(sum, each));
  },
  lower: (node) => {
    const [x, matrices] = node.inputs as [Node, Node];
    const { height, fillValue } = node.attributes;
    const { fillMode, bilinear, ...sizes } = geometry(x.shape, node.attributes);
    const flops = sizeOf(node.shape) * (bilinear === 1 ? 9 : 1);
    return [
      lowering(code.AFFINE_SAMPLE, node, (x.shape[0] as number) * height, flops, {
        input: reads(x),
        matrices: reads(matrices),
        out: writes(node),
        ...sizes,
        fillMode,
        fillValue: float(fillValue),
        bilinear,
      }),
    ];
  },
});

const affineSampleGradientOp: Operation<Sampling & { readonly shape: Shape }> = defineOp({
  name: "affineSampleGradient",
  infer: (_, { shape }) => ({ shape, dtype: "float32" }),
  gradient: ({ inputs: [, matrices], attributes: { shape: _, ...sampling } }, dy) => [
    makeNode(affineSampleOp, [dy, matrices as Node], { ...sampling, fillValue: 0 }),
    null,
  ],
  decompose: ([upstream, matrices], sampling) => {
    const [batch = 0, rows = 0, columns = 0, channels = 0] = sampling.shape;
    return cellsOf(sampling.shape, matrices as Node, sampling)
      .map(({ index, inside, weight }) => {
        const weighted = weight === undefined ? (upstream as Node) : multiply(upstream as Node, expandDims(weight, -1));
        const updates = inside === undefined ? weighted : where(expandDims(inside, -1), weighted, 0);
        return scatterAdd(reshape(updates, [index.size, channels]), reshape(index, [-1]), batch * rows * columns);
      })
      .map((each) => reshape(each, sampling.shape))
      .reduce((sum, each) => add(sum, each));
  },
  lower: (node) => {
    const [upstream, matrices] = node.inputs as [Node, Node];
    const { shape } = node.attributes;
    const sizes = geometry(shape, node.attributes);
    return [
      lowering(code.AFFINE_SAMPLE_GRADIENT, node, shape[0] as number, upstream.size * (sizes.bilinear === 1 ? 8 : 1), {
        upstream: reads(upstream),
        matrices: reads(matrices),
        out: writes(node),
        ...sizes,
      }),
    ];
  },
});

interface Geometry {
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly channels: number;
  readonly fillMode: number;
  readonly bilinear: number;
}

function geometry([, height = 0, width = 0, channels = 0]: Shape, sampling: Sampling): Geometry {
  const { height: outHeight, width: outWidth, fillMode, interpolation } = sampling;
  const bilinear = interpolation === "bilinear" ? 1 : 0;
  return { height, width, outHeight, outWidth, channels, fillMode: fillCodes[fillMode], bilinear };
}

/** Operations that a thread claims at once. */
const flopsPerGrain = 16384;

function lowering(
  opcode: number,
  node: Node,
  units: number,
  flops: number,
  operands: Readonly<Record<string, Word>>,
): Lowering {
  const grain = Math.max(1, Math.floor((flopsPerGrain * units) / Math.max(1, flops)));
  return { opcode, name: node.op.name, units, grain, operands, flops };
}

/** A cell that each pixel is made of. */
interface Cells {
  /** Its number in the batch, int32 [batch, height, width]. */
  readonly index: Node;
  /** Where it is a cell of the image; undefined where it always is. */
  readonly inside: Node | undefined;
  /** Its share of the pixel; undefined for all of it. */
  readonly weight: Node | undefined;
}

/** The cells of images of `shape` that the pixels of the result are made of: one of each pixel, or four. */
function cellsOf([batch = 0, rows = 0, columns = 0]: Shape, matrices: Node, sampling: Sampling): Cells[] {
  const { height, width, fillMode, interpolation } = sampling;
  const entry = (index: number): Node => reshape(slice(matrices, [0, index], [-1, 1]), [batch, 1, 1]);
  const across = reshape(constant(upTo(width)), [1, 1, width]);
  const down = reshape(constant(upTo(height)), [1, height, 1]);
  const along = (first: number): Node =>
    add(add(multiply(entry(first), across), multiply(entry(first + 1), down)), entry(first + 2));
  const images = reshape(constant(Int32Array.from(upTo(batch)), "int32"), [batch, 1, 1]);
  const cell = (row: Node, column: Node, weight: Node | undefined): Cells => {
    const line = add(multiply(images, rows), placeOf(row, rows, fillMode));
    const index = add(multiply(line, columns), placeOf(column, columns, fillMode));
    const inside = fillMode === "constant" ? logicalAnd(within(row, rows), within(column, columns)) : undefined;
    return { index, inside, weight };
  };
  const whole = (place: Node): Node => cast(floor(place), "int32");
  const [x, y] = [along(0), along(3)];
  if (interpolation === "nearest") return [cell(whole(add(y, 0.5)), whole(add(x, 0.5)), undefined)];
  const [left, top] = [whole(x), whole(y)];
  const [right, bottom] = [add(left, 1), add(top, 1)];
  const [toRight, toBottom] = [subtract(x, floor(x)), subtract(y, floor(y))];
  const [toLeft, toTop] = [subtract(1, toRight), subtract(1, toBottom)];
  return [
    cell(top, left, multiply(toLeft, toTop)),
    cell(top, right, multiply(toRight, toTop)),
    cell(bottom, left, multiply(toLeft, toBottom)),
    cell(bottom, right, multiply(toRight, toBottom)),
  ];
}

function upTo(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => index);
}

function within(index: Node, size: number): Node {
  return logicalAnd(greaterEqual(index, 0), less(index, size));
}

/** The cell of an axis of `size` cells that stands for the cell `index`, int32. */
function placeOf(index: Node, size: number, fillMode: FillMode): Node {
  if (fillMode === "constant" || fillMode === "nearest") return minimum(maximum(index, 0), size - 1);
  const period = fillMode === "wrap" ? size : 2 * size;
  const rest = subtract(index, multiply(cast(floor(divide(index, period)), "int32"), period));
  return fillMode === "wrap" ? rest : minimum(rest, subtract(period - 1, rest));
}

/**
 * Images under affine maps: the pixel (row, column) of image n is what x holds at the place a0 · column + a1 · row + a2 from
 * the left and b0 · column + b1 · row + b2 from the top, in cells, whose centres are whole numbers.
 * x [n, h, w, c], matrices [n, 6] of a0 a1 a2 b0 b1 b2 → [n, height, width, c]. The maps are data: no gradient reaches them.
 * @throws {TensorError} `shape`, also for images without any cell where there is something to look up.
 */
export function affineSample(x: Node, matrices: Node, sampling: Sampling): Node {
  const [batch = 0, rows = 0, columns = 0, channels = 0] = x.shape;
  const nothing = batch * sampling.height * sampling.width * channels === 0;
  check(x.shape.length === 4 && (nothing || rows * columns > 0), "shape", () => ({
    where: errorPlace("affineSample"),
    expected: "images [batch, height, width, channels]",
    received: `shape [${x.shape.join(", ")}]`,
  }));
  check(matrices.shape.join() === `${x.shape[0]},6`, "shape", () => ({
    where: errorPlace("affineSample"),
    expected: `maps of shape [${x.shape[0]}, 6]`,
    received: `[${matrices.shape.join(", ")}]`,
  }));
  return makeNode(affineSampleOp, [asFloat(x), asFloat(matrices)], sampling);
}
