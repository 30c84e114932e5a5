// Where do the digits come from? From the server of this page: the four files of MNIST.

import { loadIdxPair } from "wasmgrad/datasets";

/** Pixels as bytes, [n, 28, 28], and labels 0 … 9. */
export async function loadDigits() {
  const [train, test] = await Promise.all([loadPart("train"), loadPart("t10k")]);
  return { train, test };
}

async function loadPart(name) {
  const [images, labels] = await Promise.all([
    loadFile(`${name}-images-idx3-ubyte`),
    loadFile(`${name}-labels-idx1-ubyte`),
  ]);
  return loadIdxPair(images, labels, { normalize: false, oneHot: false });
}

async function loadFile(name) {
  const response = await fetch(`/digits/${name}`);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
