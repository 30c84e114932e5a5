// How does a page run the conformance script? With digits that it fetches; the outcome is what `runConformance` resolves to.

import { loadIdxPair } from "wasmgrad/datasets";
import { conform } from "./conformance.mjs";

async function fetchBytes(name) {
  const response = await fetch(`./data/${name}`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function fetchPair(part) {
  const [images, labels] = await Promise.all([
    fetchBytes(`${part}-images-idx3-ubyte`),
    fetchBytes(`${part}-labels-idx1-ubyte`),
  ]);
  return loadIdxPair(images, labels);
}

globalThis.runConformance = async (threads) => {
  const [train, test] = await Promise.all([fetchPair("train"), fetchPair("t10k")]);
  const { saved: _, ...outcome } = await conform(threads, { train, test });
  return { isolated: globalThis.crossOriginIsolated === true, ...outcome };
};
