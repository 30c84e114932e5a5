// Which cells are in which window, and how are windows taken apart and put together again from primitives?

import { constant, type SymbolicTensor } from "../graph.ts";
import { type Shape, sizeOf, Tensor } from "../tensor.ts";
import { slice, stridesOf } from "./copy.ts";
import { gather, scatterAdd } from "./gather.ts";
import { add, broadcastTo, cast, multiply } from "./map.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/** The windows, with one entry for each spatial axis. */
export interface PoolOptions {
  /** Cells of a window, ≥ 1. */
  readonly poolSize: readonly number[];
  /** Cells from one window to the next, ≥ 1. */
  readonly strides: readonly number[];
  /** Margins, each smaller than the window; they hold no values. */
  readonly padding: readonly (readonly [before: number, after: number])[];
}

/** Checked options, as attributes of an operation. */
export type Windows = PoolOptions & Readonly<Record<string, unknown>>;

/** [batch, ...spatial, channels] → [batch, ...windows, channels]. */
export function outShape(shape: Shape, { poolSize, strides, padding }: PoolOptions): Shape {
  return shape.map((size, axis) => {
    if (axis === 0 || axis === shape.length - 1) return size;
    const [before, after] = padding[axis - 1] as readonly [number, number];
    const room = size + before + after - (poolSize[axis - 1] as number);
    return Math.max(0, Math.floor(room / (strides[axis - 1] as number)) + 1);
  });
}

function integers(length: number, shape: Shape, value: (index: number) => number): Node {
  return constant(
    Tensor.of(
      Int32Array.from({ length }, (_, index) => value(index)),
      shape,
      "int32",
    ),
  );
}

/**
 * For each window and each of its cells, in order, the row that the cell is in x seen as [rows, channels], −1 in the
 * margins: [batch · windows · cells].
 */
function rowsOfWindows(shape: Shape, options: Windows): Int32Array {
  const { poolSize, strides, padding } = options;
  const counts = outShape(shape, options).slice(0, -1);
  const cells = sizeOf(poolSize);
  const rows = new Int32Array(sizeOf(counts) * cells).fill(-1);
  const rowStrides = stridesOf(shape.slice(0, -1));
  const countStrides = stridesOf(counts);
  const cellStrides = stridesOf(poolSize);
  for (let index = 0; index < rows.length; index++) {
    const window = Math.floor(index / cells);
    let row = Math.floor(window / (countStrides[0] as number)) * (rowStrides[0] as number);
    const inside = poolSize.every((size, axis) => {
      const at = Math.floor(window / (countStrides[axis + 1] as number)) % (counts[axis + 1] as number);
      const cell = Math.floor((index % cells) / (cellStrides[axis] as number)) % size;
      const place = at * (strides[axis] as number) + cell - (padding[axis]?.[0] as number);
      row += place * (rowStrides[axis + 1] as number);
      return place >= 0 && place < (shape[axis + 1] as number);
    });
    if (inside) rows[index] = row;
  }
  return rows;
}

/** The cells of every window, anything in the margins: [batch, ...spatial, channels] → [batch, ...windows, cells, channels]. */
export function cellsOfWindows(x: Node, options: Windows): Node {
  const channels = x.shape[x.shape.length - 1] as number;
  const rows = rowsOfWindows(x.shape, options);
  const picked = gather(
    reshape(x, [-1, channels]),
    integers(rows.length, [rows.length], (index) => Math.max(0, rows[index] as number)),
  );
  return reshape(picked, [...outShape(x.shape, options).slice(0, -1), sizeOf(options.poolSize), channels]);
}

/** Whether a cell is real, bool [batch, ...windows, cells, 1], and how many are, float32 [batch, ...windows, 1]. */
export function realCells(shape: Shape, options: Windows): { readonly real: Node; readonly count: Node } {
  const flags = Uint8Array.from(rowsOfWindows(shape, options), (row) => (row < 0 ? 0 : 1));
  const windows = outShape(shape, options).slice(0, -1);
  const real = constant(Tensor.of(flags, [...windows, sizeOf(options.poolSize), 1], "bool"));
  return { real, count: cast(sum(real, -2), "float32") };
}

/** The places 0, 1 … of the cells of a window, int32 [cells, 1]. */
export function placesInWindow({ poolSize }: Windows): Node {
  const cells = sizeOf(poolSize);
  return integers(cells, [cells, 1], (cell) => cell);
}

/** Shares that broadcast to [batch, ...windows, cells, channels], added up where the cells are: → `shape` of x. */
export function collect(shares: Node, shape: Shape, options: Windows): Node {
  const channels = shape[shape.length - 1] as number;
  const rows = sizeOf(shape.slice(0, -1));
  const targets = rowsOfWindows(shape, options);
  const all = [...outShape(shape, options).slice(0, -1), sizeOf(options.poolSize), channels];
  // What falls into the margins is collected in one row more.
  const sums = scatterAdd(
    reshape(broadcastTo(shares, all), [targets.length, channels]),
    integers(targets.length, [targets.length], (index) =>
      (targets[index] as number) < 0 ? rows : (targets[index] as number),
    ),
    rows + 1,
  );
  return reshape(slice(sums, [0, 0], [rows, channels]), shape);
}

/** x at given places of its windows: [batch, ...spatial, channels], places [batch, ...windows, channels] → the same. */
export function valuesAt(x: Node, places: Node, options: Windows): Node {
  const channels = x.shape[x.shape.length - 1] as number;
  const cells = sizeOf(options.poolSize);
  const rows = rowsOfWindows(x.shape, options);
  const windows = integers(rows.length / cells, [...places.shape.slice(0, -1), 1], (window) => window * cells);
  const row = gather(
    integers(rows.length, [rows.length], (index) => rows[index] as number),
    add(cast(places, "int32"), windows),
  );
  const column = integers(channels, [channels], (channel) => channel);
  return gather(reshape(x, [x.size]), add(multiply(row, channels), column));
}
