// How do the four IDX files of MNIST, and of data sets of its form, become tensors that a model can be trained with?
// 0 is background and 255 is ink.

import { checkOptionNames } from "../config.ts";
import { check, show, TensorError } from "../errors.ts";
import { findFile, readFile } from "../platform/files.ts";
import { Tensor } from "../tensor.ts";
import { type IdxArray, readIdx } from "./idx.ts";

/** How pixels and labels become tensors. */
export interface IdxPairOptions {
  /** Whether pixels become `float32` in [0, 1], which is pixel / 255; else they stay `uint8`. Default `true`. */
  readonly normalize?: boolean;
  /** Whether `y` is one-hot `float32`, for `categoricalCrossentropy`; else `int32` classes. Default `true`. */
  readonly oneHot?: boolean;
  /** Number of classes: labels are 0 … classes - 1. Default 10. */
  readonly classes?: number;
}

/** Images with their classes. */
export interface LabelledImages {
  /** [n, height, width]: `float32` in [0, 1], or `uint8` when not normalized. */
  readonly x: Tensor;
  /** [n, classes] one-hot `float32`, or [n] `int32` when not one-hot. */
  readonly y: Tensor;
  /** [n] `int32`: the class of each image. */
  readonly labels: Tensor;
}

/** The two parts of a data set. */
export interface ImageParts {
  /** What to train on. */
  readonly train: LabelledImages;
  /** What to measure with: images that training must not see. */
  readonly test: LabelledImages;
}

/** Options of a data set that consists of four files. */
export interface ImageSetOptions extends Pick<IdxPairOptions, "normalize" | "oneHot"> {
  /** The folder with the four IDX files, raw or `.gz`, under the names that those of MNIST have. */
  readonly directory?: string;
}

/** A data set of the form of MNIST. */
export interface ImageSet {
  /** Name of the function that loads it. */
  readonly where: string;
  /** What to do when its files are not found. */
  readonly remedy: string;
}

const FILES = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

/** The images [n, 28, 28] of the four files in `folder`, with their labels. */
export async function readImageSet(set: ImageSet, folder: string, options: ImageSetOptions): Promise<ImageParts> {
  checkOptionNames(set.where, options, ["directory", "normalize", "oneHot"]);
  const [trainImages, trainLabels, testImages, testLabels] = await inOrder([
    readPart(set, folder, FILES.trainImages),
    readPart(set, folder, FILES.trainLabels),
    readPart(set, folder, FILES.testImages),
    readPart(set, folder, FILES.testLabels),
  ]);
  for (const images of [trainImages, testImages]) {
    check(images.shape.length === 3 && images.shape[1] === 28 && images.shape[2] === 28, "shape", () => ({
      where: set.where,
      expected: "images [n, 28, 28]",
      received: show(images.shape),
      remedy: "Load other images with loadIdxPair(images, labels).",
    }));
  }
  return {
    train: pair(trainImages, trainLabels, options, `${set.where}/train`),
    test: pair(testImages, testLabels, options, `${set.where}/test`),
  };
}

/**
 * Images and labels from the bytes of two IDX files, raw or gzip, which the caller has fetched: images `uint8`
 * [n, height, width] and labels `uint8` [n] → x [n, height, width], y [n, classes], labels [n].
 * @throws TensorError `format` when a file is damaged, `shape` or `dtype` when it holds something else, `data` for a label
 *   that is not below `classes`.
 */
export function loadIdxPair(images: Uint8Array, labels: Uint8Array, options: IdxPairOptions = {}): LabelledImages {
  checkOptionNames("loadIdxPair", options, ["normalize", "oneHot", "classes"]);
  return pair(readIdx(images, "loadIdxPair/images"), readIdx(labels, "loadIdxPair/labels"), options, "loadIdxPair");
}

/** All results; of several failures that of the first in the list, not of the first in time. */
async function inOrder<T extends readonly Promise<unknown>[]>(
  promises: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  const results: unknown[] = [];
  for (const promise of promises) results.push(await promise);
  return results as { -readonly [K in keyof T]: Awaited<T[K]> };
}

/** The array in the file of `folder` that is called `name`, also with a dot before `idx`, also compressed. */
async function readPart({ where, remedy }: ImageSet, folder: string, name: string): Promise<IdxArray> {
  const dotted = name.replace("-idx", ".idx");
  const names = [name, dotted, `${name}.gz`, `${dotted}.gz`];
  const path = await findFile(folder, names).catch((cause: unknown) => {
    if (!(cause instanceof TensorError && cause.code === "unsupported")) throw cause;
    const { expected, received } = cause;
    throw new TensorError("unsupported", { where, expected, received, remedy }, { cause });
  });
  check(path !== undefined, "data", () => ({
    where,
    expected: `the file ${names.join(" or ")} in ${JSON.stringify(folder)}`,
    received: "no such file",
    remedy,
  }));
  return readIdx(await readFile(path), `${where}/${name}`);
}

function pair(images: IdxArray, labels: IdxArray, options: IdxPairOptions, where: string): LabelledImages {
  const { normalize = true, oneHot = true, classes = 10 } = options;
  for (const [name, value] of Object.entries({ normalize, oneHot }))
    check(typeof value === "boolean", "option", () => ({
      where: `${where}.${name}`,
      expected: "true or false",
      received: show(value),
    }));
  check(Number.isInteger(classes) && classes >= 1 && classes <= 256, "option", () => ({
    where,
    expected: "classes to be a whole number from 1 to 256",
    received: show(classes),
  }));
  check(images.data instanceof Uint8Array && labels.data instanceof Uint8Array, "dtype", () => ({
    where,
    expected: "images and labels of uint8",
    received: `${images.dtype} and ${labels.dtype}`,
  }));
  check(images.shape.length === 3 && labels.shape.length === 1 && images.shape[0] === labels.shape[0], "shape", () => ({
    where,
    expected: "images [n, height, width] and labels [n]",
    received: `${show(images.shape)} and ${show(labels.shape)}`,
    remedy: "Pass the images first and the labels of the same part second.",
  }));
  const wrong = labels.data.findIndex((label) => label >= classes);
  check(wrong < 0, "data", () => ({
    where,
    expected: `labels from 0 to ${classes - 1}`,
    received: `${labels.data[wrong]} at position ${wrong}`,
    remedy: "Set classes if there are more.",
  }));
  const indices = Tensor.of(Int32Array.from(labels.data), labels.shape, "int32");
  return {
    x: normalize
      ? Tensor.of(toUnitInterval(images.data), images.shape, "float32")
      : Tensor.of(images.data, images.shape, "uint8"),
    y: oneHot ? toOneHot(labels.data, classes) : indices,
    labels: indices,
  };
}

/** pixel / 255, rounded to float32. */
function toUnitInterval(pixels: Uint8Array): Float32Array {
  const values = Float32Array.from({ length: 256 }, (_, pixel) => pixel / 255);
  const scaled = new Float32Array(pixels.length);
  for (let index = 0; index < pixels.length; index++) scaled[index] = values[pixels[index] ?? 0] ?? 0;
  return scaled;
}

/** [n] → [n, classes] with a single 1 in each row. */
function toOneHot(labels: Uint8Array, classes: number): Tensor {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => {
    rows[row * classes + label] = 1;
  });
  return Tensor.of(rows, [labels.length, classes], "float32");
}
