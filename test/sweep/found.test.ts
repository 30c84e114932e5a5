// Cases on which the sweep failed once, and its coverage: every op and layer is a subject.

import { describe, expect, it } from "vitest";
import { layers, ops } from "../../bindings/index.ts";
import { subjects } from "./subjects.ts";

/** Layers that are no subjects of their own, with the reason. */
const layersApart: Readonly<Record<string, string>> = {
  inputLayer: "hands on what it is given; every random network begins with one",
  lambda: "is whatever function it is given",
};
/** Still to be covered by subjects of core, convolution, pooling, reshaping and merging layers (`layersa`). */
const layersToCome: readonly string[] =
  `elu leakyReLU pReLU reLU softmax thresholdedReLU conv1D conv1DTranspose conv2D conv2DTranspose conv3D conv3DTranspose activation depthwiseConv1D depthwiseConv2D separableConv1D separableConv2D einsumDense identity add average concatenate dot maximum minimum multiply subtract adaptiveAveragePooling1D adaptiveAveragePooling2D adaptiveAveragePooling3D adaptiveMaxPooling1D adaptiveMaxPooling2D adaptiveMaxPooling3D averagePooling1D averagePooling2D averagePooling3D globalAveragePooling1D globalAveragePooling2D globalAveragePooling3D globalMaxPooling1D globalMaxPooling2D globalMaxPooling3D maxPooling1D maxPooling2D maxPooling3D activityRegularization flatten permute repeatVector reshape centerCrop resizing embedding masking cropping1D cropping2D cropping3D upSampling1D upSampling2D upSampling3D zeroPadding1D zeroPadding2D zeroPadding3D`.split(
    /\s+/,
  );

const found: (readonly [name: string, given: unknown])[] = [];

/** A case of a subject: `name` is that of an op, or the kind and the name: `layer dense`. */
function sweepCase(name: string, given: unknown): void {
  found.push([name, given]);
}

sweepCase("sqrt", { shape: [12], seed: 1715526149, values: "usual" });
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

describe("what the sweep found", () => {
  it.each(found)("%s %j", async (name, given) => {
    const subject =
      subjects.find((each) => `${each.kind} ${each.name}` === name) ?? subjects.find((each) => each.name === name);
    if (subject === undefined) throw new Error(`no subject is called ${name}`);
    await subject.check(given, { cases: 0, gradients: 0, refused: 0 });
  });
});

describe("the sweep", () => {
  const covered = (kind: string): Set<string> =>
    new Set(subjects.filter((each) => each.kind === kind).map(({ name }) => name.split(",")[0] as string));

  it.todo("covers every op");
  it("covers every layer", () => {
    const known = covered("layer");
    const factories = Object.keys(layers).filter((name) => !(name in layersApart) && !layersToCome.includes(name));
    expect(factories.filter((name) => !known.has(name))).toEqual([]);
    expect(Object.keys(layersApart).filter((name) => !(name in layers) || known.has(name))).toEqual([]);
  });
  it("has subjects with names of their own", () => {
    const names = subjects.map(({ kind, name }) => `${kind} ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });
  void ops;
});
