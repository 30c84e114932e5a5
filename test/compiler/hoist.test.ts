// Is what no run changes computed once, and again exactly when weights have changed?

import { describe, expect, it } from "vitest";
import { compile } from "../../bindings/compiler/program.ts";
import { engine } from "../../bindings/engine.ts";
import { read, type SymbolicTensor } from "../../bindings/graph.ts";
import { transpose } from "../../bindings/ops/copy.ts";
import { add, exp, multiply, rsqrt } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { assign } from "../../bindings/ops/optimize.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { compileGraph, type Traced, traceGraph } from "../harness/runGraph.ts";
import { matrix } from "./programs.ts";

const values = (...data: number[]) => tensor(Float32Array.from(data), [data.length]);
const prepared = (traced: Traced, options = {}): string[] =>
  compileGraph(traced, options)
    .explain()
    .instructions.filter(({ op, prepares }) => prepares && op !== "sync")
    .map(({ op }) => op);

/** x · w·(1/√v): the product of weights needs no input. */
const scaled = (w: Variable, v: Variable): Traced =>
  traceGraph([matrix(1, 2)], (x) => [matMul(x as SymbolicTensor, multiply(read(w), rsqrt(read(v))))]);

describe("what depends on weights alone", () => {
  const [w, v] = [new Variable("w", tensor([[1, 2], [3, 4]])), new Variable("v", values(4, 16))]; // biome-ignore format: rows

  it("is prepared, and nothing else", () => {
    expect(prepared(scaled(w, v))).not.toEqual([]);
    expect(prepared(scaled(w, v), { hoist: false })).toEqual([]);
    expect(compileGraph(scaled(w, v)).code.listing.map((each) => each?.name)).toEqual([undefined, "matMul"]);
  });

  it("follows the weights: those assigned from outside, and those that a program changes", () => {
    const program = compileGraph(scaled(w, v));
    const [one, ten] = [tensor([[1, 1]]), tensor([[10, 10]])]; // biome-ignore format: rows
    const run = (x = one): number[] => [...(program.run([x])[0]?.data ?? [])];
    expect(run()).toEqual([2, 1.5]);
    expect(run(ten)).toEqual([20, 15]);
    v.assign(values(1, 1));
    expect(run()).toEqual([4, 6]);
    compileGraph(
      traceGraph([], () => {
        assign(v, multiply(read(v), 4));
        return [];
      }),
    ).run();
    expect(run()).toEqual([2, 3]);
    v.assign(values(4, 16));
  });

  it("has the bits that every run would compute", () => {
    const x = tensor([[0.3, -1.7]]); // biome-ignore format: rows
    const [kept] = compileGraph(scaled(w, v)).run([x]);
    expect(compileGraph(scaled(w, v), { hoist: false }).run([x])[0]).toEqual(kept);
  });

  it("may be an output, also through a view, and is right after its memory was given back", () => {
    const traced = traceGraph([matrix(2, 2)], (x) => {
      const steady = exp(read(w));
      return [transpose(steady), steady, add(x as SymbolicTensor, 1)];
    });
    const program = compileGraph(traced);
    const x = tensor([[1, 2], [3, 4]]); // biome-ignore format: rows
    const before = engine().usage.usedBytes;
    const first = program.run([x]);
    expect(first[1]?.data[1]).toBeCloseTo(Math.exp(2), 5);
    expect([...(first[2]?.data ?? [])]).toEqual([2, 3, 4, 5]);
    program.dispose();
    expect(engine().usage.usedBytes).toBeLessThanOrEqual(before);
    expect(program.run([x])).toEqual(first);
  });
});

describe("a program that changes variables", () => {
  it("prepares what depends on constants only, never what it assigns", () => {
    const [w, u] = [new Variable("w", values(1, 2)), new Variable("u", values(0, 0))];
    const traced = traceGraph([{ shape: [2], dtype: "float32" }], (x) => {
      const steady = exp(tensor([1, 2]));
      const total = sum(multiply(exp(read(w)), add(x as SymbolicTensor, sum(steady))));
      assign(w, add(tensor([5, 6]), tensor([1, 1])));
      assign(u, exp(tensor([0, 0])));
      return [total];
    });
    // The constants that w and u get are computed in their places.
    expect(prepared(traced)).toEqual(["map", "sum"]);
    const program = compileGraph(traced);
    const [first] = program.run([values(0, 0)]);
    expect([...w.value.data]).toEqual([6, 7]);
    w.assign(values(1, 2));
    u.assign(values(0, 0));
    expect(program.run([values(0, 0)])[0]).toEqual(first);
    expect([...w.value.data, ...u.value.data]).toEqual([6, 7, 1, 1]);
  });

  it("of constants alone does its work when it is prepared", () => {
    const { outputs, effects } = traceGraph([], () => [exp(tensor([0, 1]))]);
    const program = compile({ outputs, effects }, []);
    expect(program.code.listing).toEqual([]);
    expect(program.run()[0]?.data[0]).toBe(1);
    expect(program.run([], 3)[0]?.data[0]).toBe(1);
  });
});
