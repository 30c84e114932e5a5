// What does a tile of a 3 × 3 convolution see, and how is that transformed?
//
// Winograd's minimal filtering F(2×2, 3×3) (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): a tile
// of 2 × 2 outputs sees 4 × 4 inputs d, and
//
//   y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A        16 multiplications for each pair of channels instead of 36
//
//   Bᵀ = 1  0 −1  0      G = 1    0    0      Aᵀ = 1  1  1  0
//        0  1  1  0          ½    ½    ½           0  1 −1 −1
//        0 −1  1  0          ½   −½    ½
//        0  1  0 −1          0    0    1
//
// Tiles are numbered sample by sample, row by row.

import { scratch } from "../memory";

/** Bytes at the start of scratch for the 4 × 4 inputs of a tile at an edge: up to 256 channels. */
export const WINDOW_BYTES: usize = 16 * 1024;

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
}

/** Tiles of all samples. */
export function tileCount(geometry: TileGeometry): u32 {
  return geometry.batch * ((geometry.outputRows + 1) >> 1) * ((geometry.outputColumns + 1) >> 1);
}

/** The tile that {@link locateTile} found: its sample, and its first output. */
export let sample: u32 = 0;
export let outputRow: i32 = 0;
export let outputColumn: i32 = 0;

/** Sets {@link sample}, {@link outputRow} and {@link outputColumn}. */
export function locateTile(geometry: TileGeometry, tile: u32): void {
  const across: u32 = (geometry.outputColumns + 1) >> 1;
  const down: u32 = (geometry.outputRows + 1) >> 1;
  outputColumn = (tile % across) << 1;
  tile /= across;
  outputRow = (tile % down) << 1;
  sample = tile / down;
}

/** The tile after the one that was located. */
export function nextTile(geometry: TileGeometry): void {
  outputColumn += 2;
  if (outputColumn < geometry.outputColumns) return;
  outputColumn = 0;
  outputRow += 2;
  if (outputRow < geometry.outputRows) return;
  outputRow = 0;
  sample++;
}

/** Elements of the output before the tile's first one. */
export function firstOutput(geometry: TileGeometry): usize {
  const row = <i32>sample * geometry.outputRows + outputRow;
  return <usize>(row * geometry.outputColumns + outputColumn) * geometry.columns;
}

let window: usize = 0;
let windowRow: usize = 0;
let windowPixel: usize = 0;

/** Finds the tile's 4 × 4 inputs in channels [channel, channel + depth): in place, or copied where they lie at an edge. */
export function findWindow(geometry: TileGeometry, x: usize, channel: u32, depth: u32): void {
  const pixel = (<usize>geometry.channels) << 2;
  const inputRows = geometry.inputRows;
  const inputColumns = geometry.inputColumns;
  const row = outputRow - geometry.top;
  const column = outputColumn - geometry.left;
  const first = x + (<isize>(<i32>sample * inputRows + row) * inputColumns + column) * pixel + ((<usize>channel) << 2);
  if (row >= 0 && column >= 0 && row + 4 <= inputRows && column + 4 <= inputColumns) {
    window = first;
    windowRow = <usize>inputColumns * pixel;
    windowPixel = pixel;
    return;
  }
  const bytes = (<usize>depth) << 2;
  window = scratch;
  windowPixel = bytes;
  windowRow = 4 * bytes;
  let to = scratch;
  for (let i = row; i < row + 4; i++) {
    for (let j = column; j < column + 4; j++) {
      if (i >= 0 && i < inputRows && j >= 0 && j < inputColumns) {
        memory.copy(to, first + (<isize>(i - row) * inputColumns + (j - column)) * pixel, bytes);
      } else {
        memory.fill(to, 0, bytes);
      }
      to += bytes;
    }
  }
}

/**
 * Row r of Bᵀ d B: its four vectors of `bytes` bytes, `plane` apart. A row of Bᵀ takes two of the four rows of d. Up to 12
 * bytes behind the inputs are read.
 */
export function transformWindow(r: u32, out: usize, plane: usize, bytes: usize): void {
  const pixel = windowPixel;
  const p = window + (r == 0 ? 0 : r == 2 ? 2 * windowRow : windowRow);
  const q = window + (r < 2 ? 2 * windowRow : r == 2 ? windowRow : 3 * windowRow);
  const out1 = out + plane;
  const out2 = out1 + plane;
  const out3 = out2 + plane;
  const adds = r == 1;
  for (let offset: usize = 0; offset < bytes; offset += 16) {
    let a = p + offset;
    let b = q + offset;
    let t0: v128, t1: v128, t2: v128, t3: v128;
    if (adds) {
      t0 = f32x4.add(v128.load(a), v128.load(b));
      t1 = f32x4.add(v128.load(a + pixel), v128.load(b + pixel));
      a += 2 * pixel;
      b += 2 * pixel;
      t2 = f32x4.add(v128.load(a), v128.load(b));
      t3 = f32x4.add(v128.load(a + pixel), v128.load(b + pixel));
    } else {
      t0 = f32x4.sub(v128.load(a), v128.load(b));
      t1 = f32x4.sub(v128.load(a + pixel), v128.load(b + pixel));
      a += 2 * pixel;
      b += 2 * pixel;
      t2 = f32x4.sub(v128.load(a), v128.load(b));
      t3 = f32x4.sub(v128.load(a + pixel), v128.load(b + pixel));
    }
    v128.store(out + offset, f32x4.sub(t0, t2));
    v128.store(out1 + offset, f32x4.add(t1, t2));
    v128.store(out2 + offset, f32x4.sub(t2, t1));
    v128.store(out3 + offset, f32x4.sub(t1, t3));
  }
}
