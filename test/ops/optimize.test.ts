// Do variables change as assignments and optimizer steps say, in the order in which they were traced?

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { setCutting } from "../../bindings/engine.ts";
import { read, type SymbolicTensor } from "../../bindings/graph.ts";
import { add, multiply, subtract } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { adamStep, assign, rmspropStep, sgdStep } from "../../bindings/ops/optimize.ts";
import { tensor } from "../../bindings/tensor.ts";
import { placeTogether, Variable } from "../../bindings/variable.ts";
import { expectTensorError } from "../harness/describeOp.ts";
import { floats, generator } from "../harness/random.ts";

const variable = (name: string, data: readonly number[] | Float32Array): Variable =>
  new Variable(name, tensor(Float32Array.from(data)));

describe("assign", () => {
  it("replaces the value when the program runs, not when it is traced", () => {
    const w = variable("w", [1, 2]);
    const double = compiled(() => {
      assign(w, multiply(w, 2));
      return [];
    });
    double();
    double();
    expect(w.value.array()).toEqual([4, 8]);
  });

  it("takes a number for all elements and converts dtypes", () => {
    const [w, steps] = [variable("w", [1, 2]), new Variable("steps", tensor(Int32Array.of(3)))];
    compiled(() => {
      assign(w, 7);
      assign(steps, add(steps, 1));
      return [];
    })();
    expect(w.value.array()).toEqual([7, 7]);
    expect(steps.value.array()).toEqual([4]);
    expect(steps.value.dtype).toBe("int32");
  });

  it("is seen by what is traced after it, not by what was traced before", () => {
    const [w, seen] = [variable("w", [1, 2]), variable("seen", [0, 0])];
    const step = compiled(() => {
      assign(seen, multiply(w, 10));
      assign(w, [5, 6]);
      return add(w, 1);
    });
    expect(step().array()).toEqual([6, 7]);
    expect(seen.value.array()).toEqual([10, 20]);
    expect(step().array()).toEqual([6, 7]);
    expect(seen.value.array()).toEqual([50, 60]);
  });

  it("gives a value that is used before and after", () => {
    const w = variable("w", [1, 2]);
    const swap = compiled((x: SymbolicTensor) => {
      const doubled = multiply(x, 2);
      assign(w, doubled);
      return [doubled, add(w, doubled)];
    });
    const [doubled, sum] = swap([3, 4]);
    expect(doubled?.array()).toEqual([6, 8]);
    expect(sum?.array()).toEqual([12, 16]);
    expect(w.value.array()).toEqual([6, 8]);
  });

  it("of the same variable twice keeps the last", () => {
    const w = variable("w", [1, 2]);
    compiled((x: SymbolicTensor) => {
      assign(w, x);
      assign(w, add(w, 1));
      return [];
    })([10, 20]);
    expect(w.value.array()).toEqual([11, 21]);
  });

  it("keeps neighbours of the same block apart", () => {
    const [a, b] = [variable("a", [1, 2, 3]), variable("b", [4, 5, 6])];
    placeTogether([a, b]);
    compiled(() => {
      const sum = add(a, b);
      assign(a, multiply(b, 2));
      assign(b, sum);
      return [];
    })();
    expect(a.value.array()).toEqual([8, 10, 12]);
    expect(b.value.array()).toEqual([5, 7, 9]);
  });

  it("refuses another shape, and calls outside a program", () => {
    const w = variable("w", [1, 2]);
    expectTensorError({
      call: compiled(() => {
        assign(w, [1, 2, 3]);
        return [];
      }),
      code: "shape",
      text: "assign w: expected shape [2], received [3].",
    });
    expectTensorError({
      call: () => assign(w, [1, 2]),
      code: "state",
      text: "an update of a variable: expected to be called while a program is traced",
    });
  });
});

describe("a variable read across an update", () => {
  it("keeps its old value in a later computation", () => {
    const w = variable("w", [1, 2]);
    const step = compiled(() => {
      const before = read(w);
      assign(w, add(w, 10));
      return subtract(read(w), before);
    });
    expect(step().array()).toEqual([10, 10]);
  });

  it("keeps its old value as a result", () => {
    const w = variable("w", [1, 2]);
    const step = compiled(() => {
      const before = read(w);
      assign(w, [5, 6]);
      return [before, read(w)];
    });
    expect(step().map((each) => each.array())).toEqual([
      [1, 2],
      [5, 6],
    ]);
  });

  it("that an optimizer changes does not change the value that was assigned", () => {
    const [p, gradient] = [variable("p", [1, 2]), variable("gradient", [1, 1])];
    const step = compiled((x: SymbolicTensor) => {
      const value = multiply(x, 2);
      assign(p, value);
      sgdStep({ parameter: p, gradient, learningRate: 0.5 }, { momentum: 0, nesterov: false, weightDecay: 0 });
      return [value, read(p)];
    });
    expect(step([10, 20]).map((each) => each.array())).toEqual([
      [20, 40],
      [19.5, 39.5],
    ]);
  });

  it("in a product whose bias is read after an update of another variable", () => {
    const w = new Variable(
      "w",
      tensor([
        [1, 2],
        [3, 4],
      ]),
    );
    const b = variable("b", [1, 1]);
    const c = variable("c", [0, 0]);
    placeTogether([w, b, c]);
    const step = compiled((x: SymbolicTensor) => {
      const y = matMul(x, w);
      assign(c, [7, 7]);
      return add(y, b);
    });
    expect(step([[1, 1]]).array()).toEqual([[5, 7]]);
    expect(c.value.array()).toEqual([7, 7]);
  });
});

// Optimizer steps -----------------------------------------------------------------------------------------------------

const next = generator(5);
const steps = 4;

/** The relative error of a few roundings in float32 and of their sums over the steps. */
function expectClose(actual: Variable, expected: readonly number[], scale: number): void {
  actual.value.data.forEach((value, index) => {
    const wanted = expected[index] as number;
    const bound = steps * 6 * 2 ** -24 * (Math.abs(wanted) + scale);
    if (!(Math.abs(value - wanted) <= bound))
      expect.fail(`${actual.name}[${index}] is ${value}, the formula ${wanted} ± ${bound}`);
  });
}

interface Slots {
  readonly p: number[];
  readonly m: number[];
  readonly v: number[];
  readonly extra: number[];
}

/** Runs `step` on variables for a few gradients, and `formula` on float64 numbers beside it, for every cut. */
function compare(
  count: number,
  step: (variables: Readonly<Record<"p" | "g" | "m" | "v" | "extra", Variable>>) => void,
  formula: (slots: Slots, g: readonly number[], t: number) => void,
): void {
  const start = floats(next, count, { low: -1, high: 1 });
  const gradients = Array.from({ length: steps }, () => floats(next, count, { low: -2, high: 2 }));
  const zeros = (): number[] => new Array<number>(count).fill(0);
  let first: readonly Float32Array[] | undefined;
  for (const threads of [1, 2, 3]) {
    setCutting(threads);
    const variables = {
      p: variable("p", start),
      g: variable("g", zeros()),
      m: variable("m", zeros()),
      v: variable("v", zeros()),
      extra: variable("extra", zeros()),
    };
    const run = compiled((g: SymbolicTensor) => {
      assign(variables.g, g);
      step(variables);
      return [];
    });
    const slots: Slots = { p: [...start], m: zeros(), v: zeros(), extra: zeros() };
    gradients.forEach((g, index) => {
      run(g);
      formula(slots, [...g], index + 1);
    });
    setCutting(1);
    expectClose(variables.p, slots.p, 1);
    expectClose(variables.m, slots.m, 1);
    expectClose(variables.v, slots.v, 1);
    expectClose(variables.extra, slots.extra, 1);
    const bits = [variables.p, variables.m, variables.v, variables.extra].map(
      (each) => each.value.data as Float32Array,
    );
    if (first !== undefined) expect(bits).toEqual(first);
    first = bits;
  }
}

const counts = [1, 3, 4, 5, 8, 17, 1023, 1025, 9000];
const rate = Math.fround(0.03);
const f = Math.fround;

describe.each(counts)("a step over %i parameters", (count) => {
  it.each([
    [0, false, 0],
    [0, false, 0.1],
    [0.9, false, 0],
    [0.9, true, 0.01],
  ])("of SGD with momentum %d, nesterov %s, decay %d", (momentum, nesterov, weightDecay) => {
    compare(
      count,
      ({ p, g, v }) =>
        sgdStep(
          { parameter: p, gradient: g, learningRate: rate, ...(momentum > 0 ? { velocity: v } : {}) },
          { momentum, nesterov, weightDecay },
        ),
      ({ p, v }, g) => {
        g.forEach((gradient, i) => {
          const parameter = (p[i] as number) * (1 - rate * f(weightDecay));
          if (momentum === 0) p[i] = parameter - rate * gradient;
          else {
            const velocity = f(momentum) * (v[i] as number) - rate * gradient;
            v[i] = velocity;
            p[i] = parameter + (nesterov ? f(momentum) * velocity - rate * gradient : velocity);
          }
        });
      },
    );
  });

  it.each([
    [0.9, 0.999, 0, false],
    [0.8, 0.99, 0.1, false],
    [0.9, 0.999, 0, true],
  ])("of Adam with beta %d and %d, decay %d, amsgrad %s", (beta1, beta2, weightDecay, amsgrad) => {
    const epsilon = 1e-7;
    const iteration = new Variable("iteration", tensor(0, undefined, "int32"));
    let started = 0;
    compare(
      count,
      ({ p, g, m, v, extra }) => {
        if (started++ >= 0) assign(iteration, add(iteration, 1));
        adamStep(
          {
            parameter: p,
            gradient: g,
            momentum: m,
            velocity: v,
            learningRate: rate,
            iteration,
            ...(amsgrad ? { maximum: extra } : {}),
          },
          { beta1, beta2, epsilon, weightDecay },
        );
      },
      ({ p, m, v, extra }, g, t) => {
        if (t === steps) iteration.assign(tensor(0, undefined, "int32"));
        const alpha = (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
        g.forEach((gradient, i) => {
          const momentum = (m[i] as number) + (gradient - (m[i] as number)) * (1 - beta1);
          const velocity = (v[i] as number) + (gradient ** 2 - (v[i] as number)) * (1 - beta2);
          m[i] = momentum;
          v[i] = velocity;
          if (amsgrad) extra[i] = Math.max(extra[i] as number, velocity);
          p[i] =
            (p[i] as number) * (1 - rate * f(weightDecay)) -
            (momentum * alpha) / (Math.sqrt(amsgrad ? (extra[i] as number) : velocity) + f(epsilon));
        });
      },
    );
  });

  it.each([
    [0, false, 0],
    [0.9, false, 0],
    [0, true, 0.05],
    [0.9, true, 0],
  ])("of RMSprop with momentum %d, centered %s, decay %d", (momentum, centered, weightDecay) => {
    const [rho, epsilon] = [0.9, 1e-3];
    compare(
      count,
      ({ p, g, m, v, extra }) =>
        rmspropStep(
          {
            parameter: p,
            gradient: g,
            velocity: v,
            learningRate: rate,
            ...(momentum > 0 ? { momentumBuffer: m } : {}),
            ...(centered ? { averageGradient: extra } : {}),
          },
          { rho, epsilon, momentum, weightDecay, centered },
        ),
      ({ p, m, v, extra }, g) => {
        g.forEach((gradient, i) => {
          v[i] = rho * (v[i] as number) + (1 - rho) * gradient ** 2;
          if (centered) extra[i] = rho * (extra[i] as number) + (1 - rho) * gradient;
          let step = (rate * gradient) / Math.sqrt((v[i] as number) - (extra[i] as number) ** 2 + f(epsilon));
          if (momentum > 0) step = m[i] = f(momentum) * (m[i] as number) + step;
          p[i] = (p[i] as number) * (1 - rate * f(weightDecay)) - step;
        });
      },
    );
  });
});
