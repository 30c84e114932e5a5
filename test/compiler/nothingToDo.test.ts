// Are instructions without work scheduled like others: with whole numbers of units, and chunks that can be counted?

import { expect, test } from "vitest";
import { gather } from "../../bindings/ops/gather.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { softmax } from "../../bindings/ops/softmax.ts";
import { argSort } from "../../bindings/ops/sort.ts";
import { zeros } from "../../bindings/tensor.ts";
import { compileGraph, traceGraph } from "../harness/runGraph.ts";

test("sizes of zero beside work that threads share", () => {
  const types = [
    { shape: [256, 256], dtype: "float32" },
    { shape: [5, 0], dtype: "float32" },
    { shape: [3], dtype: "int32" },
  ] as const;
  const traced = traceGraph(types, (a, empty, picks) => {
    if (a === undefined || empty === undefined || picks === undefined) throw new Error("three inputs");
    return [matMul(a, a), softmax(empty), sum(empty, 1), argSort(empty), gather(empty, picks)];
  });
  const program = compileGraph(traced);
  for (const { chunks, instructions } of program.code.phases) {
    const counted = instructions.reduce((total, { units, grain }) => total + Math.ceil(units / grain), 0);
    expect(chunks === 1 || chunks === counted).toBe(true);
    for (const { units, grain } of instructions) expect([units, grain].every(Number.isSafeInteger)).toBe(true);
  }
  const outputs = program.run([zeros([256, 256]), zeros([5, 0]), zeros([3], "int32")]);
  expect(outputs.map(({ shape }) => shape)).toEqual([[256, 256], [5, 0], [5], [5, 0], [3, 0]]);
  expect([...(outputs[2]?.data ?? [])]).toEqual([0, 0, 0, 0, 0]);
  program.dispose();
});
