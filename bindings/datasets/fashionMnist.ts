// Where do the articles of clothing come from?
// Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms"
// (2017): 60,000 training and 10,000 test images, 28 × 28 pixels, MIT licence.

import { type ImageParts, type ImageSetOptions, readImageSet } from "./labelledImages.ts";

/** Options of {@link loadFashionMnist}. */
export interface FashionMnistOptions extends ImageSetOptions {
  /**
   * The folder with the four IDX files, raw or `.gz`. Default: that of Debian's package `dataset-fashion-mnist`,
   * /usr/share/datasets/fashion-mnist.
   */
  readonly directory?: string;
}

/** What the classes 0 … 9 of Fashion-MNIST are. */
export const fashionMnistClasses: readonly string[] = /* @__PURE__ */ Object.freeze([
  "T-shirt/top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
]);

const fashionMnist = {
  where: "loadFashionMnist",
  remedy:
    'Install the images with "apt install dataset-fashion-mnist", pass { directory } with the four IDX files, ' +
    "or fetch them and pass their bytes to loadIdxPair(images, labels).",
} as const;

/**
 * Fashion-MNIST as `train` and `test`, in the form of `loadMnist`: 60,000 and 10,000 images of clothes, x [n, 28, 28],
 * y [n, 10], labels [n]; {@link fashionMnistClasses} names the classes. Nothing is fetched over the network.
 * @throws TensorError `data` when the files are not found, `format` when one is damaged, `shape` when they hold something
 *   else, `unsupported` in a runtime without a file system (there, fetch the files and call `loadIdxPair`).
 */
export async function loadFashionMnist(options: FashionMnistOptions = {}): Promise<ImageParts> {
  return readImageSet(fashionMnist, options?.directory ?? "/usr/share/datasets/fashion-mnist", options);
}
