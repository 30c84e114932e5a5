// Are the clothes found in a folder, and is it said what to install where there are none? Without the package: by hand.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzip } from "pako";
import { expect, it } from "vitest";
import { fashionMnistClasses, loadFashionMnist } from "../../bindings/datasets/index.ts";

it("reads four compressed files from a folder, and says what to install when they are missing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "wasmgrad-fashion-"));
  try {
    await expect(loadFashionMnist({ directory })).rejects.toThrow(
      /^loadFashionMnist: expected the file train-images-idx3-ubyte or .*received no such file\. Install the images with "apt install dataset-fashion-mnist", pass \{ directory \}/,
    );
    for (const [part, pixel, label] of [
      ["train", 255, 9],
      ["t10k", 51, 0],
    ] as const) {
      const image = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28, ...Array(784).fill(pixel)]);
      await writeFile(join(directory, `${part}-images-idx3-ubyte.gz`), gzip(image));
      await writeFile(
        join(directory, `${part}-labels-idx1-ubyte.gz`),
        gzip(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, label)),
      );
    }
    const { train, test } = await loadFashionMnist({ directory, oneHot: false });
    expect(train.x).toMatchObject({ shape: [1, 28, 28], dtype: "float32" });
    expect([train.x.data[0], test.x.data[0]]).toEqual([1, Math.fround(51 / 255)]);
    expect(fashionMnistClasses[train.y.item()]).toBe("ankle boot");
    expect(test.labels.item()).toBe(0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

const installed = existsSync("/usr/share/datasets/fashion-mnist");

it.skipIf(!installed)("finds the published images where Debian's package dataset-fashion-mnist put them", async () => {
  const { train, test } = await loadFashionMnist({ normalize: false, oneHot: false });
  expect(train.x).toMatchObject({ shape: [60000, 28, 28], dtype: "uint8" });
  expect(test.x.shape).toEqual([10000, 28, 28]);
  for (const [part, images] of [
    [train, 6000],
    [test, 1000],
  ] as const)
    for (let label = 0; label < 10; label++)
      expect(part.labels.data.filter((each) => each === label)).toHaveLength(images);
});
