// Which tiles has a 3 × 3 convolution by Winograd's algorithm, and what does a tile see?
//
// A tile is 4 × 4 outputs, which see 6 × 6 inputs; what is computed from them is told in convWinogradTransforms.ts. Tiles are
// numbered sample by sample, row by row.

import { scratch } from "../memory";

/** Outputs and inputs of a tile along an axis. */
const OUTPUTS: i32 = 4;
const INPUTS: i32 = 6;
/** Bytes at the start of scratch for the 6 × 6 inputs of a tile at an edge: up to 256 channels. */
export const WINDOW_BYTES: usize = 36 * 1024;

@unmanaged
export class TileGeometry {
  batch: u32;
  inputRows: i32;
  inputColumns: i32;
  channels: u32;
  outputRows: i32;
  outputColumns: i32;
  columns: u32;
  /** Rows and columns of zeros before the input. */
  top: i32;
  left: i32;
  /** Whether the kernel runs backwards, 1 or 0, along rows and columns. */
  upwards: u32;
  leftwards: u32;
}

/** Tiles of all samples. */
export function tileCount(geometry: TileGeometry): u32 {
  return geometry.batch * ((geometry.outputRows + 3) >> 2) * ((geometry.outputColumns + 3) >> 2);
}

/** The tile that {@link locateTile} found: its sample, and its first output. */
export let sample: u32 = 0;
export let outputRow: i32 = 0;
export let outputColumn: i32 = 0;

/** Sets {@link sample}, {@link outputRow} and {@link outputColumn}. */
export function locateTile(geometry: TileGeometry, tile: u32): void {
  const across: u32 = (geometry.outputColumns + 3) >> 2;
  const down: u32 = (geometry.outputRows + 3) >> 2;
  outputColumn = (tile % across) << 2;
  tile /= across;
  outputRow = (tile % down) << 2;
  sample = tile / down;
}

/** The tile after the one that was located. */
export function nextTile(geometry: TileGeometry): void {
  outputColumn += OUTPUTS;
  if (outputColumn < geometry.outputColumns) return;
  outputColumn = 0;
  outputRow += OUTPUTS;
  if (outputRow < geometry.outputRows) return;
  outputRow = 0;
  sample++;
}

/** Elements of the output before the tile's first one. */
export function firstOutput(geometry: TileGeometry): usize {
  const row = <i32>sample * geometry.outputRows + outputRow;
  return <usize>(row * geometry.outputColumns + outputColumn) * geometry.columns;
}

/** The pixels that {@link findWindow} or {@link findOutputs} found, and the bytes from one row or pixel to the next. */
export let window: usize = 0;
export let windowRow: usize = 0;
export let windowPixel: usize = 0;

/**
 * Finds the tile's 6 × 6 inputs in channels [channel, channel + depth): in place, or copied where they lie at an edge. Up
 * to 12 bytes behind a pixel are read.
 */
export function findWindow(geometry: TileGeometry, x: usize, channel: u32, depth: u32): void {
  findSquare(
    INPUTS,
    x + ((<usize>channel) << 2),
    geometry.inputRows,
    geometry.inputColumns,
    geometry.channels,
    outputRow - geometry.top,
    outputColumn - geometry.left,
    depth,
  );
}

/** The same for the tile's 4 × 4 outputs in columns [column, column + width) of y. */
export function findOutputs(geometry: TileGeometry, y: usize, column: u32, width: u32): void {
  findSquare(
    OUTPUTS,
    y + ((<usize>column) << 2),
    geometry.outputRows,
    geometry.outputColumns,
    geometry.columns,
    outputRow,
    outputColumn,
    width,
  );
}

/** `size` × `size` pixels from (row, column) of the sample's image [rows, columns, channels], zeros outside. */
function findSquare(
  size: i32,
  image: usize,
  rows: i32,
  columns: i32,
  channels: u32,
  row: i32,
  column: i32,
  depth: u32,
): void {
  const pixel = (<usize>channels) << 2;
  const first = image + (<isize>(<i32>sample * rows + row) * columns + column) * pixel;
  if (row >= 0 && column >= 0 && row + size <= rows && column + size <= columns) {
    window = first;
    windowRow = <usize>columns * pixel;
    windowPixel = pixel;
    return;
  }
  const bytes = (<usize>((depth + 3) & ~3)) << 2;
  window = scratch;
  windowPixel = bytes;
  windowRow = <usize>size * bytes;
  let to = scratch;
  for (let i = row; i < row + size; i++) {
    for (let j = column; j < column + size; j++) {
      const end = to + bytes;
      if (i >= 0 && i < rows && j >= 0 && j < columns) {
        let from = first + (<isize>(i - row) * columns + (j - column)) * pixel;
        for (; to < end; to += 16) {
          v128.store(to, v128.load(from));
          from += 16;
        }
      } else {
        for (; to < end; to += 16) v128.store(to, f32x4.splat(0));
      }
    }
  }
}
