// Are values right that are computed in the memory of the variable that they replace?

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { setCutting } from "../../bindings/engine.ts";
import { read, type SymbolicTensor } from "../../bindings/graph.ts";
import { add, multiply, subtract } from "../../bindings/ops/map.ts";
import { assign } from "../../bindings/ops/optimize.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { tensor } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";

const variable = (name: string, values: readonly number[]): Variable => new Variable(name, tensor(values));

describe("a value computed over the variable that it replaces", () => {
  it.each([1, 5, 512, 1030])("reads each of %i elements before it is gone, in a chain of steps", (count) => {
    const start = Array.from({ length: count }, (_, index) => index - 7);
    const results = [1, 3].map((threads) => {
      setCutting(threads);
      const w = variable("w", start);
      compiled(() => {
        // Two branches that need w again after the first has been computed.
        const [a, b] = [multiply(add(w, 1), 2), multiply(add(w, 2), 3)];
        assign(w, subtract(add(multiply(a, b), w), a));
        return [];
      })();
      setCutting(1);
      return [...w.value.data];
    });
    const wanted = start.map((x) => (x + 1) * 2 * (x + 2) * 3 + x - (x + 1) * 2);
    expect(results).toEqual([wanted, wanted]);
  });

  it("comes after all who need the old one", () => {
    const [w, u] = [variable("w", [1, 2]), variable("u", [0, 0])];
    const step = compiled((x: SymbolicTensor) => {
      const doubled = multiply(w, 2);
      const total = sum(multiply(w, x));
      assign(u, add(u, doubled));
      assign(w, add(doubled, w));
      return [total, read(w)];
    });
    expect(step([10, 100]).map((each) => each.array())).toEqual([210, [3, 6]]);
    expect(u.value.array()).toEqual([2, 4]);
  });

  it("is copied where two variables exchange their values", () => {
    const [a, b] = [variable("a", [1, 2]), variable("b", [30, 40])];
    compiled(() => {
      const [first, second] = [add(b, 1), add(a, 1)];
      assign(a, first);
      assign(b, second);
      return [];
    })();
    expect([a, b].map((each) => each.value.array())).toEqual([
      [31, 41],
      [2, 3],
    ]);
  });
});
