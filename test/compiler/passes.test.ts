// Do schedule and plan keep their promises, and does the verifier notice when they do not?

import { describe, expect, it } from "vitest";
import type { Graph } from "../../bindings/compiler/graphPass.ts";
import { addressesIn } from "../../bindings/compiler/instruction.ts";
import { lifetimesOf, type Plan, plan } from "../../bindings/compiler/plan.ts";
import { type Schedule, schedule } from "../../bindings/compiler/schedule.ts";
import { mergeCommon } from "../../bindings/compiler/simplify.ts";
import { verifyGraph, verifyPlan, verifySchedule } from "../../bindings/compiler/verify.ts";
import { SymbolicTensor } from "../../bindings/graph.ts";
import { add, exp, multiply, negate, tanh } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { assign } from "../../bindings/ops/optimize.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { compileGraph, runGraph, traceGraph } from "../harness/runGraph.ts";
import { instructionsOf, matrix } from "./programs.ts";

/** A chain of products: each needs only the one before. */
const chain = (length: number) =>
  traceGraph([matrix(16, 16)], (x) => [
    Array.from({ length }).reduce((value: SymbolicTensor) => matMul(value, x as SymbolicTensor), x as SymbolicTensor),
  ]);
const graphOf = ({ outputs, effects }: Graph): Graph => ({ outputs, effects });

describe("the plan", () => {
  it("of a deep chain needs far less than its buffers side by side", () => {
    const { code } = compileGraph(chain(20));
    expect(code.plan.totalBytes).toBe(21 * 1024);
    expect(code.plan.arenaBytes).toBe(3 * 1024);
    expect(compileGraph(chain(20), { reuse: false }).code.plan.arenaBytes).toBe(21 * 1024);
  });

  it("keeps inputs, outputs and what is still needed apart", () => {
    const scheduled = schedule(
      graphOf(
        traceGraph([matrix(3, 5), matrix(5, 7)], (a, b) => {
          const product = tanh(matMul(a as SymbolicTensor, b as SymbolicTensor));
          return [sum(product, 0), add(product, sum(product)), negate(a as SymbolicTensor)];
        }),
      ),
    );
    verifySchedule(scheduled);
    verifyPlan(scheduled, plan(scheduled));
    expect(plan(scheduled).arenaBytes).toBeLessThanOrEqual(plan(scheduled, false).arenaBytes);
  });

  it("runs repeatedly on the same inputs", () => {
    // x is needed by the first product only: its memory must not serve others as long as the program may run again.
    const traced = traceGraph([matrix(16, 16)], (x) => [
      Array.from({ length: 6 }).reduce((value: SymbolicTensor) => matMul(value, value), x as SymbolicTensor),
    ]);
    const start = tensor(
      Float32Array.from({ length: 256 }, (_, index) => ((index * 37) % 17) / 140),
      [16, 16],
    );
    const [once] = runGraph(traced, [start]);
    const program = compileGraph(traced);
    expect(program.run([start], 3)[0]?.data).toEqual(once?.data);
  });
});

describe("the schedule", () => {
  it("lets an update wait for those who still read the old value, though no value passes between them", () => {
    const v = new Variable("v", tensor([1, 2]));
    const traced = traceGraph([{ shape: [2], dtype: "float32" }], (x) => {
      const before = exp(v);
      assign(v, x as SymbolicTensor);
      return [before];
    });
    expect(instructionsOf(traced)).toEqual(["map", "sync", "assign"]);
  });
});

describe("the verifier", () => {
  const [w, traced] = [
    new Variable("w", tensor(new Float32Array(35), [5, 7])),
    () =>
      traceGraph([matrix(3, 5)], (x) => {
        const product = matMul(x as SymbolicTensor, w);
        assign(w, multiply(w, 2));
        return [sum(exp(product), 0), sum(product, 1)];
      }),
  ] as const;
  const scheduled = (): Schedule => schedule(graphOf(traced()));

  it("accepts what the passes make", () => {
    expect(() => verifySchedule(scheduled())).not.toThrow();
    const right = scheduled();
    expect(() => verifyPlan(right, plan(right))).not.toThrow();
  });

  it("refuses a graph whose node has another shape than its operation infers", () => {
    const good = negate(tensor([1, 2]));
    const bad = new SymbolicTensor(good.op, good.inputs, good.attributes, { shape: [3], dtype: "float32" }, "");
    expect(() => verifyGraph({ outputs: [bad], effects: [] })).toThrow(
      /verifier after a graph pass: expected float32\[2\]/,
    );
  });

  it("refuses a graph that lost an effect", () => {
    const [effect] = traced().effects as [SymbolicTensor];
    expect(() => verifyGraph({ outputs: [effect], effects: [] })).toThrow("every effect in the list");
  });

  it("refuses a schedule without its SYNCs", () => {
    const right = scheduled();
    expect(() =>
      verifySchedule({ ...right, instructions: right.instructions.map((each) => ({ ...each, phase: 0 })) }),
    ).toThrow("verifier after schedule");
  });

  it("refuses a schedule in another order", () => {
    const right = scheduled();
    const phases = right.instructions.map(({ phase }) => phase);
    const swapped = right.instructions.toReversed().map((each, index) => ({ ...each, phase: phases[index] as number }));
    expect(() => verifySchedule({ ...right, instructions: swapped })).toThrow("verifier after schedule");
    expect(() => verifySchedule({ ...right, instructions: right.instructions.toReversed() })).toThrow(
      "verifier after schedule",
    );
  });

  it("refuses an instruction left out", () => {
    const right = scheduled();
    expect(() => verifySchedule({ ...right, instructions: right.instructions.slice(1) })).toThrow("never written");
  });

  it("refuses an update that moved into the phase of a reader", () => {
    const right = scheduled();
    const assigning = right.instructions.find(({ operands }) =>
      addressesIn(Object.values(operands)).some(
        ({ tensor, access }) => access === "write" && right.buffers.get(tensor)?.place.kind === "variable",
      ),
    );
    const reader = right.instructions.find(({ name }) => name === "matMul");
    const rest = right.instructions.filter((each) => each !== assigning && each !== reader);
    expect(assigning).toBeDefined();
    const early = [
      reader,
      { ...(assigning as (typeof rest)[number]), phase: (reader as (typeof rest)[number]).phase },
    ] as typeof rest;
    expect(() => verifySchedule({ ...right, instructions: early })).toThrow("verifier after schedule");
  });

  it("refuses a plan with buffers on top of each other, unaligned, outside or missing", () => {
    const right = scheduled();
    const planned = plan(right);
    const withOffsets = (change: (offset: number, index: number) => number, more: Partial<Plan> = {}): Plan => ({
      ...planned,
      offsets: new Map([...planned.offsets].map(([buffer, offset], index) => [buffer, change(offset, index)])),
      ...more,
    });
    expect(() =>
      verifyPlan(
        right,
        withOffsets(() => 0),
      ),
    ).toThrow("separate places for buffers needed together");
    expect(() =>
      verifyPlan(
        right,
        withOffsets((offset, index) => (index === 0 ? offset + 4 : offset), { arenaBytes: 1e6 }),
      ),
    ).toThrow("an aligned place inside the arena");
    expect(() => verifyPlan(right, { ...planned, arenaBytes: 64 })).toThrow("an aligned place inside the arena");
    expect(() => verifyPlan(right, { ...planned, offsets: new Map() })).toThrow("an offset for every buffer");
  });

  it("knows lifetimes: inputs from the start, outputs to the end", () => {
    const right = schedule(graphOf(chain(3)));
    const spans = lifetimesOf(right).map(({ buffer, first, last }) => [buffer.place.kind, first, last]);
    expect(spans).toContainEqual(["arena", 2, 3]);
    expect(spans.find(([kind]) => kind === "input")?.[1]).toBe(0);
  });
});

describe("deep graphs", () => {
  const length = 10_000;
  const deep = (step: (x: SymbolicTensor, index: number) => SymbolicTensor) =>
    traceGraph([{ shape: [8], dtype: "float32" }], (x) => {
      let value = x as SymbolicTensor;
      for (let index = 0; index < length; index++) value = step(value, index);
      return [value];
    });

  it("of 10,000 sums compile, run and are right", () => {
    const [result] = runGraph(
      deep((x) => add(x, 1)),
      [tensor(new Float32Array(8))],
    );
    expect(Array.from(result?.data ?? [])).toEqual(new Array(8).fill(length));
  });

  it("of 10,000 different operations merge nothing away", () => {
    const traced = deep((x, index) => (index % 2 === 0 ? negate(x) : add(x, 2)));
    const merged = mergeCommon(graphOf(traced));
    expect(merged.outputs[0]).toBeDefined();
    const [result] = runGraph(traced, [tensor(new Float32Array(8))], { reuse: false });
    expect(Array.from(result?.data ?? [])).toEqual(new Array(8).fill(0));
  });
});
