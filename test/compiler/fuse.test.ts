// Which instructions become one, and which stay apart?

import { beforeAll, describe, expect, it } from "vitest";
import { valueAndGrad } from "../../bindings/compiled.ts";
import { read, type SymbolicTensor } from "../../bindings/graph.ts";
import { softmaxCrossEntropy } from "../../bindings/ops/crossEntropy.ts";
import * as map from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { assign } from "../../bindings/ops/optimize.ts";
import { mean, sum } from "../../bindings/ops/reduce.ts";
import { reshape } from "../../bindings/ops/view.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { traceGraph } from "../harness/runGraph.ts";
import { dropoutLike, instructionsOf, matrix } from "./programs.ts";

beforeAll(() => {});

describe("one instruction", () => {
  it("for product, bias and activation of a dense layer", () => {
    const traced = traceGraph([matrix(4, 8), matrix(8, 16), { shape: [16], dtype: "float32" }], (x, w, b) => [
      map.relu(map.add(matMul(x as SymbolicTensor, w as SymbolicTensor), b as SymbolicTensor)),
    ]);
    expect(instructionsOf(traced)).toEqual(["matMul"]);
    expect(instructionsOf(traced, { fuse: false })).toEqual(
      ["matMul", "map", "map"].flatMap((name, index) => (index === 0 ? [name] : ["sync", name])),
    );
  });

  it("for a dense layer over a batch of sequences", () => {
    const traced = traceGraph(
      [{ shape: [2, 3, 8], dtype: "float32" }, matrix(8, 16), { shape: [16], dtype: "float32" }],
      (x, w, b) => [map.tanh(map.add(matMul(x as SymbolicTensor, w as SymbolicTensor), b as SymbolicTensor))],
    );
    expect(instructionsOf(traced)).toEqual(["matMul"]);
  });

  it("for a chain of elementwise operations that share values", () => {
    const traced = traceGraph([matrix(4, 8), matrix(1, 8)], (x, y) => {
      const sum = map.add(x as SymbolicTensor, y as SymbolicTensor);
      return [map.where(map.greater(sum, 0), map.multiply(map.tanh(sum), sum), map.exp(map.negate(sum)))];
    });
    expect(instructionsOf(traced)).toEqual(["map"]);
  });

  it("for dropout: random numbers are computed where they are used", () => {
    expect(instructionsOf(traceGraph([matrix(4, 8)], (x) => [dropoutLike(x as SymbolicTensor)]))).toEqual(["map"]);
  });
});

describe("instructions of their own", () => {
  it("for an intermediate value that is wanted", () => {
    const traced = traceGraph([matrix(4, 8)], (x) => {
      const inner = map.tanh(x as SymbolicTensor);
      return [inner, map.square(inner)];
    });
    expect(instructionsOf(traced)).toEqual(["map", "sync", "map"]);
  });

  it("for a product that is used beside its sum", () => {
    const traced = traceGraph([matrix(4, 8), matrix(8, 4), { shape: [4], dtype: "float32" }], (x, w, b) => {
      const product = matMul(x as SymbolicTensor, w as SymbolicTensor);
      return [map.multiply(map.add(product, b as SymbolicTensor), product)];
    });
    expect(instructionsOf(traced)).toEqual(["matMul", "sync", "map"]);
  });

  it("for a smaller value that is broadcast", () => {
    const traced = traceGraph([matrix(4, 8), matrix(1, 8)], (x, y) => [
      map.add(x as SymbolicTensor, map.exp(y as SymbolicTensor)),
    ]);
    expect(instructionsOf(traced)).toEqual(["map", "sync", "map"]);
  });

  it("for what stands before and after an update", () => {
    const w = new Variable("w", tensor([1, 2]));
    const traced = traceGraph([], () => {
      const before = map.exp(read(w));
      assign(w, 0);
      return [map.add(before, map.exp(read(w)))];
    });
    expect(instructionsOf(traced).filter((name) => name === "map").length).toBeGreaterThanOrEqual(2);
  });
});

describe("what is not there", () => {
  it("is code whose result nobody wants", () => {
    const traced = traceGraph([matrix(4, 8), matrix(8, 4)], (x, w) => {
      matMul(x as SymbolicTensor, w as SymbolicTensor);
      return [map.negate(x as SymbolicTensor)];
    });
    expect(instructionsOf(traced)).toEqual(["map"]);
  });

  it("is a second computation of the same value", () => {
    const traced = traceGraph([matrix(4, 8), matrix(8, 4)], (x, w) => {
      const product = (): SymbolicTensor => matMul(x as SymbolicTensor, w as SymbolicTensor);
      return [sum(product(), 0), sum(product(), 1)];
    });
    const count = (names: readonly string[]): number => names.filter((name) => name === "matMul").length;
    expect(count(instructionsOf(traced))).toBe(1);
    expect(count(instructionsOf(traced, { merge: false }))).toBe(2);
  });

  it("is a merger of what only looks equal", () => {
    const traced = traceGraph([{ shape: [2], dtype: "float32" }], (x) => [
      map.multiply(x as SymbolicTensor, 0),
      map.multiply(x as SymbolicTensor, -0),
      map.maximum(x as SymbolicTensor, Number.NaN),
      map.maximum(x as SymbolicTensor, Number.POSITIVE_INFINITY),
    ]);
    expect(instructionsOf(traced).filter((name) => name === "map")).toHaveLength(4);
  });

  it("is a copy of a view", () => {
    const traced = traceGraph([{ shape: [12], dtype: "float32" }], (x) => [
      reshape(map.exp(reshape(x as SymbolicTensor, [3, 4])), [2, 6]),
    ]);
    expect(instructionsOf(traced)).toEqual(["map"]);
  });
});

describe("gradients", () => {
  it("are written straight into variables", () => {
    const [w, b] = [
      new Variable("w", tensor(new Float32Array(32), [8, 4])),
      new Variable("b", tensor(new Float32Array(4))),
    ];
    const slots = [
      new Variable("dw", tensor(new Float32Array(32), [8, 4])),
      new Variable("db", tensor(new Float32Array(4))),
    ];
    const traced = traceGraph([matrix(6, 8), matrix(6, 4)], (x, y) => {
      const loss = valueAndGrad(
        (input: SymbolicTensor, label: SymbolicTensor) =>
          mean(softmaxCrossEntropy(label, map.add(matMul(input, read(w)), read(b)))),
        { variables: [w, b] },
      );
      const { value, variableGradients } = loss(x as SymbolicTensor, y as SymbolicTensor);
      slots.forEach((slot, index) => {
        assign(slot, variableGradients[index] as SymbolicTensor);
      });
      return [value];
    });
    const names = instructionsOf(traced);
    expect(names).not.toContain("assign");
    expect(names.filter((name) => name === "matMul")).toHaveLength(2);
  });

  it("that replace each element of a variable right after reading it need no copy", () => {
    const w = new Variable("w", tensor([1, 2]));
    const traced = traceGraph([{ shape: [2], dtype: "float32" }], (x) => {
      assign(w, map.multiply(map.add(x as SymbolicTensor, 1), read(w)));
      return [];
    });
    expect(instructionsOf(traced)).toEqual(["map"]);
  });
});
