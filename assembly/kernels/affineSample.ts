// What does an image look like under an affine map, and how does a gradient find the way back?
//
// Every pixel of the result looks up its place in the image, x = a0·column + a1·row + a2, y = b0·column + b1·row + b2. A
// place beyond the edge is one inside, by the fill mode, or holds the fill value. Places are mapped cell by cell, so that
// what lies between two cells is the same on both sides of an edge.
//
// Up to 12 bytes behind the last element of the images are read, in any value, and never written.
//
// The same by gathers takes 3 to 9 times as long (bilinear; 128 × 32 × 32 × 3 and 16 × 224 × 224 × 3).

import { Instruction } from "../instruction";
import { FILL_CONSTANT, FILL_NEAREST, FILL_WRAP } from "../opcodes";

@unmanaged
export class AffineSample extends Instruction {
  input: usize;
  /** a0 a1 a2 b0 b1 b2 of each image. */
  matrices: usize;
  out: usize;
  height: i32;
  width: i32;
  outHeight: i32;
  outWidth: i32;
  channels: u32;
  /** FILL_CONSTANT … */
  fillMode: u32;
  fillValue: f32;
  /** 1: the four cells around a place by their distance; 0: the nearest one. */
  bilinear: u32;
}

@unmanaged
export class AffineSampleGradient extends Instruction {
  /** Gradient of the result [batch, outHeight, outWidth, channels]. */
  upstream: usize;
  matrices: usize;
  /** [batch, height, width, channels] */
  out: usize;
  height: i32;
  width: i32;
  outHeight: i32;
  outWidth: i32;
  channels: u32;
  fillMode: u32;
  bilinear: u32;
}

/** input [batch, height, width, channels] → out [batch, outHeight, outWidth, channels]. Unit: one row of out. */
export function affineSample(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<AffineSample>(instruction);
  const height = overlay.height;
  const width = overlay.width;
  const outHeight = overlay.outHeight;
  const outWidth = overlay.outWidth;
  const channels = overlay.channels;
  const fillMode = overlay.fillMode;
  const bilinear = overlay.bilinear != 0;
  const fill = f32x4.splat(overlay.fillValue);
  const pixel = (<usize>channels) << 2;
  const image = <usize>height * width * pixel;
  let out = overlay.out + <usize>begin * outWidth * pixel;

  for (let unit = begin; unit < end; ++unit) {
    const batch = unit / outHeight;
    const input = overlay.input + <usize>batch * image;
    const matrix = overlay.matrices + <usize>batch * 24;
    const row = <f32>(unit - batch * outHeight);
    const a0 = load<f32>(matrix);
    const a1 = load<f32>(matrix, 4) * row;
    const a2 = load<f32>(matrix, 8);
    const b0 = load<f32>(matrix, 12);
    const b1 = load<f32>(matrix, 16) * row;
    const b2 = load<f32>(matrix, 20);
    for (let column = 0; column < outWidth; ++column, out += pixel) {
      const x = a0 * <f32>column + a1 + a2;
      const y = b0 * <f32>column + b1 + b2;
      if (bilinear) {
        const left = floor(x);
        const top = floor(y);
        const toRight = f32x4.splat(x - left);
        const toBottom = f32x4.splat(y - top);
        const toLeft = f32x4.splat(1 - (x - left));
        const toTop = f32x4.splat(1 - (y - top));
        let column0 = <i32>left;
        let row0 = <i32>top;
        let leftTop: usize;
        let rightTop: usize;
        let leftBottom: usize;
        let rightBottom: usize;
        // Most places are between four cells of the image, which lie side by side: 5 ns a pixel of three
        // channels instead of 7.
        if (<u32>column0 < <u32>(width - 1) && <u32>row0 < <u32>(height - 1)) {
          leftTop = input + <usize>(row0 * width + column0) * pixel;
          rightTop = leftTop + pixel;
          leftBottom = leftTop + <usize>width * pixel;
          rightBottom = leftBottom + pixel;
        } else {
          const column1 = placeOf(column0 + 1, width, fillMode);
          const row1 = placeOf(row0 + 1, height, fillMode);
          column0 = placeOf(column0, width, fillMode);
          row0 = placeOf(row0, height, fillMode);
          leftTop = cellOf(input, row0, column0, width, pixel);
          rightTop = cellOf(input, row0, column1, width, pixel);
          leftBottom = cellOf(input, row1, column0, width, pixel);
          rightBottom = cellOf(input, row1, column1, width, pixel);
        }
        for (let at: usize = 0; at < pixel; at += 16) {
          const above = f32x4.add(
            f32x4.mul(valueAt(leftTop, at, fill), toLeft),
            f32x4.mul(valueAt(rightTop, at, fill), toRight),
          );
          const below = f32x4.add(
            f32x4.mul(valueAt(leftBottom, at, fill), toLeft),
            f32x4.mul(valueAt(rightBottom, at, fill), toRight),
          );
          storeFirst(out + at, f32x4.add(f32x4.mul(above, toTop), f32x4.mul(below, toBottom)), pixel - at);
        }
      } else {
        const nearestColumn = placeOf(<i32>floor(x + 0.5), width, fillMode);
        const nearestRow = placeOf(<i32>floor(y + 0.5), height, fillMode);
        const cell = cellOf(input, nearestRow, nearestColumn, width, pixel);
        for (let at: usize = 0; at < pixel; at += 16) storeFirst(out + at, valueAt(cell, at, fill), pixel - at);
      }
    }
  }
}

/**
 * out[cell] = Σ of upstream, by the weight that the cell has in each pixel, pixel by pixel. Unit: one image, so that every
 * sum has the order of the pixels.
 */
export function affineSampleGradient(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<AffineSampleGradient>(instruction);
  const height = overlay.height;
  const width = overlay.width;
  const outHeight = overlay.outHeight;
  const outWidth = overlay.outWidth;
  const channels = overlay.channels;
  const fillMode = overlay.fillMode;
  const bilinear = overlay.bilinear != 0;
  const pixel = (<usize>channels) << 2;
  const image = <usize>height * width * pixel;
  let from = overlay.upstream + <usize>begin * outHeight * outWidth * pixel;

  for (let batch = begin; batch < end; ++batch) {
    const out = overlay.out + <usize>batch * image;
    const matrix = overlay.matrices + <usize>batch * 24;
    memory.fill(out, 0, image);
    for (let row = 0; row < outHeight; ++row) {
      const a0 = load<f32>(matrix);
      const a1 = load<f32>(matrix, 4) * <f32>row;
      const a2 = load<f32>(matrix, 8);
      const b0 = load<f32>(matrix, 12);
      const b1 = load<f32>(matrix, 16) * <f32>row;
      const b2 = load<f32>(matrix, 20);
      for (let column = 0; column < outWidth; ++column, from += pixel) {
        const x = a0 * <f32>column + a1 + a2;
        const y = b0 * <f32>column + b1 + b2;
        if (bilinear) {
          const left = floor(x);
          const top = floor(y);
          const toRight = x - left;
          const toBottom = y - top;
          const column0 = placeOf(<i32>left, width, fillMode);
          const column1 = placeOf(<i32>left + 1, width, fillMode);
          const row0 = placeOf(<i32>top, height, fillMode);
          const row1 = placeOf(<i32>top + 1, height, fillMode);
          addTo(cellOf(out, row0, column0, width, pixel), from, (1 - toRight) * (1 - toBottom), pixel);
          addTo(cellOf(out, row0, column1, width, pixel), from, toRight * (1 - toBottom), pixel);
          addTo(cellOf(out, row1, column0, width, pixel), from, (1 - toRight) * toBottom, pixel);
          addTo(cellOf(out, row1, column1, width, pixel), from, toRight * toBottom, pixel);
        } else {
          const nearestColumn = placeOf(<i32>floor(x + 0.5), width, fillMode);
          const nearestRow = placeOf(<i32>floor(y + 0.5), height, fillMode);
          addTo(cellOf(out, nearestRow, nearestColumn, width, pixel), from, 1, pixel);
        }
      }
    }
  }
}

/** Where on an axis of `size` cells the cell `index` is found, or -1 for the fill value. */
function placeOf(index: i32, size: i32, fillMode: u32): i32 {
  if (<u32>index < <u32>size) return index;
  if (fillMode == FILL_CONSTANT) return -1;
  if (fillMode == FILL_NEAREST) return index < 0 ? 0 : size - 1;
  const period = fillMode == FILL_WRAP ? size : 2 * size;
  index %= period;
  if (index < 0) index += period;
  return index < size ? index : period - 1 - index;
}

/** Address of a cell; 0 where a place is -1. */
function cellOf(image: usize, row: i32, column: i32, width: i32, pixel: usize): usize {
  return (row | column) < 0 ? 0 : image + <usize>(row * width + column) * pixel;
}

/** Four channels of a cell. */
function valueAt(cell: usize, at: usize, fill: v128): v128 {
  return cell == 0 ? fill : v128.load(cell + at);
}

/** Stores as many of the four lanes as there is room for in `bytes`. */
function storeFirst(to: usize, value: v128, bytes: usize): void {
  if (bytes >= 16) {
    v128.store(to, value);
  } else if (bytes == 4) {
    v128.store_lane<u32>(to, value, 0);
  } else {
    v128.store_lane<u64>(to, value, 0);
    if (bytes == 12) v128.store_lane<u32>(to, value, 2, 8);
  }
}

/** to += from · weight; nothing where `to` is 0. */
function addTo(to: usize, from: usize, weight: f32, bytes: usize): void {
  if (to == 0) return;
  const end = to + bytes;
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(to) + load<f32>(from) * weight);
}
