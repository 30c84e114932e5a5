// Cases on which the sweep failed once, and its coverage: every op and layer is a subject.

import { describe, expect, it } from "vitest";
import { layers, ops } from "../../bindings/index.ts";
import { subjects } from "./subjects.ts";

/** Layers that are no subjects of their own, with the reason. */
const layersApart: Readonly<Record<string, string>> = {
  inputLayer: "hands on what it is given; every random network begins with one",
};

const found: (readonly [name: string, given: unknown])[] = [];

/** A case of a subject: `name` is that of an op, or the kind and the name: `layer dense`. */
function sweepCase(name: string, given: unknown): void {
  found.push([name, given]);
}

sweepCase("sqrt", { shape: [12], seed: 1715526149, values: "usual" });
sweepCase("hardShrink", { shape: [3], seed: 15, values: "special" });
sweepCase("hypot", { a: [], b: [], dtypes: ["float32", "float32"], values: "special", seed: 0 });
sweepCase("diag", { shape: [0], dtype: "bool", options: 0, seed: 2147483622 });
sweepCase("logSumExp", { shape: [0, 0], keepDims: false, dtype: "float32", values: "usual", seed: 3, axes: [0] });
sweepCase("segmentMax", { rows: 3, inner: [], count: 1, ties: true, seed: 23 });
sweepCase("segmentMin", { rows: 33, inner: [], count: 1, ties: true, seed: 1834296477 });
sweepCase("layer batchNormalization", {
  shape: [1, 1, 3],
  axis: -1,
  momentum: 0.99,
  center: false,
  scale: false,
  epsilon: 0.001,
  training: true,
  trainable: true,
  counted: 0,
  seed: 1318734465,
});
sweepCase("layer groupNormalization", {
  center: false,
  scale: true,
  epsilon: 0.001,
  seed: 324890650,
  axis: -2,
  groups: 1,
  shape: [1, 2, 1, 0],
});
sweepCase("layer layerNormalization", {
  shape: [2, 3],
  axes: [-1],
  center: true,
  scale: false,
  rmsScaling: true,
  epsilon: 0.001,
  seed: 7,
});
sweepCase("layer discretization", {
  shape: [2],
  binBoundaries: [-5, -2.5, 100],
  outputMode: "int",
  dtype: "float32",
  seed: 2,
});
sweepCase("layer categoryEncoding", {
  shape: [2, 0],
  numTokens: 1,
  outputMode: "multiHot",
  dtype: "int32",
  weighted: false,
  weightDtype: "float32",
  outOfRange: false,
  seed: 2,
});
sweepCase("layer dropout", {
  shape: [3, 2],
  rate: 0.5,
  noiseShape: [null, 1],
  channelsFirst: false,
  training: true,
  dtype: "float32",
  fixed: 3,
  seed: 1,
});
sweepCase("layer alphaDropout", {
  shape: [1, 5, 3],
  rate: 0.3,
  noiseShape: [null, 1, null],
  channelsFirst: false,
  training: true,
  dtype: "float32",
  fixed: null,
  seed: 26,
});
sweepCase("layer randomFlip", {
  batch: 0,
  rows: 2,
  columns: 1,
  channels: 1,
  channelsFirst: false,
  training: true,
  dtype: "float32",
  range: [0, 255],
  fixed: null,
  seed: 22,
  mode: "horizontal",
});
sweepCase("layer reLU", { shape: [120], values: "special", options: { threshold: 0.5 }, seed: 10 });
sweepCase("layer thresholdedReLU", { shape: [2], values: "special", options: {}, seed: 13 });
sweepCase("layer leakyReLU", { shape: [2, 11, 3], values: "special", options: { negativeSlope: 0 }, seed: 550982671 });
sweepCase("layer activation", { name: "sparseSigmoid", shape: [2, 3, 3], values: "special", seed: 2147483640 });
sweepCase("layer activation", { name: "softShrink", shape: [1], values: "special", seed: 12 });
sweepCase("layer pReLU", { shape: [0, 0], sharedAxes: [2], values: "usual", seed: 1646113898 });
sweepCase("layer reshape", { shape: [0, 1], dtype: "float32", seed: 20, target: [-1] });
sweepCase("layer reshape", { shape: [0], dtype: "float32", seed: 28, target: [1, 5] });
sweepCase("layer masking", { shape: [0, 0, 0], maskValue: undefined, seed: 2147483620 });
sweepCase("eigh", { batch: [], rows: 3, columns: 3, kind: "deficient", seed: 590241449 });
sweepCase("matrixRank", { batch: [1, 2], rows: 0, columns: 4, kind: "zero", seed: 2016433754, tolerance: 3 });

describe("what the sweep found", () => {
  it.each(found)("%s %j", async (name, given) => {
    const subject =
      subjects.find((each) => `${each.kind} ${each.name}` === name) ?? subjects.find((each) => each.name === name);
    if (subject === undefined) throw new Error(`no subject is called ${name}`);
    await subject.check(given, { cases: 0, gradients: 0, refused: 0 });
  });
});

/** Ops without a subject, with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  ...because("a statement without a value: test/ops/optimize.test.ts, and random networks train by it", ["assign"]),
};

function because(reason: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

describe("the sweep", () => {
  const covered = new Set(
    subjects.filter(({ kind }) => kind === "op").map(({ name }) => name.split(/[, ]/)[0] as string),
  );
  const names = Object.entries(ops).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));

  it("covers every op", () => {
    expect(names.filter((name) => !covered.has(name) && exceptions[name] === undefined)).toEqual([]);
  });
  it("has no exception for what is covered or gone", () => {
    expect(Object.keys(exceptions).filter((name) => covered.has(name) || !names.includes(name))).toEqual([]);
  });
  it("covers every layer", () => {
    const known = new Set(
      subjects.filter(({ kind }) => kind === "layer").map(({ name }) => name.split(/[, ]/)[0] as string),
    );
    const factories = Object.keys(layers).filter((name) => !(name in layersApart));
    expect(factories.filter((name) => !known.has(name))).toEqual([]);
    expect(Object.keys(layersApart).filter((name) => !(name in layers) || known.has(name))).toEqual([]);
  });
  it("has subjects with names of their own", () => {
    const all = subjects.map(({ kind, name }) => `${kind} ${name}`);
    expect(new Set(all).size).toBe(all.length);
  });
});
