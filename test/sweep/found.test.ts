// Cases on which the sweep failed once, and its coverage: every op and layer is a subject.

import { describe, expect, it } from "vitest";
import { ops } from "../../bindings/index.ts";
import { subjects } from "./subjects.ts";

const found: (readonly [name: string, given: unknown])[] = [];

function sweepCase(name: string, given: unknown): void {
  found.push([name, given]);
}

sweepCase("sqrt", { shape: [12], seed: 1715526149, values: "usual" });
sweepCase("hardShrink", { shape: [3], seed: 15, values: "special" });
sweepCase("diag", { shape: [0], dtype: "bool", options: 0, seed: 2147483622 });
sweepCase("logSumExp", { shape: [0, 0], keepDims: false, dtype: "float32", values: "usual", seed: 3, axes: [0] });
sweepCase("segmentMax", { rows: 3, inner: [], count: 1, ties: true, seed: 23 });
sweepCase("segmentMin", { rows: 33, inner: [], count: 1, ties: true, seed: 1834296477 });

describe("what the sweep found", () => {
  it.each(found)("%s %j", async (name, given) => {
    const subject = subjects.find((each) => each.name === name);
    if (subject === undefined) throw new Error(`no subject is called ${name}`);
    await subject.check(given, { cases: 0, gradients: 0, refused: 0 });
  });
});

/** Ops without a subject, with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  ...because("linear algebra: subjects to come", [
    "cholesky",
    "choleskyInverse",
    "correlate",
    "cross",
    "det",
    "dot",
    "eigh",
    "einsum",
    "inner",
    "inv",
    "kron",
    "logdet",
    "lstsq",
    "luFactor",
    "matrixPower",
    "matrixRank",
    "outer",
    "pinv",
    "qr",
    "singularValues",
    "slogdet",
    "solve",
    "solveTriangular",
    "svd",
    "tensordot",
    "vdot",
  ]),
  ...because("convolutions made of others: subjects to come", ["convTranspose", "separableConv"]),
  ...because("control flow: subjects to come", ["associativeScan", "cond", "foriLoop", "map", "scan", "switch"]),
  ...because("sequences: their own float64 reference is in test/ops/ctc.test.ts", ["ctcDecode", "ctcLoss"]),
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
  it("has subjects with names of their own", () => {
    const all = subjects.map(({ name }) => name);
    expect(new Set(all).size).toBe(all.length);
  });
});
