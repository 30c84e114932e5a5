// Does an operation do what it says? One list of checks for every case of every operation.
//
// Shape and dtype; kernel ≡ float64 reference within the derived bound (estimate.ts); the gradient graph, evaluated in
// float64, ≡ central difference of the reference under a random upstream; the kernels' gradient ≡ that graph within its
// bound; the same bits when cut for 1, 2 and 3 threads, and with each pass of the compiler switched off alone, and all of
// them together, beside the passes that round otherwise and without these.

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../bindings/compiler/program.ts";
import { type ErrorCode, TensorError } from "../../bindings/errors.ts";
import { gradients } from "../../bindings/gradient.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { arrayType, type DType, type Shape, sizeOf, Tensor } from "../../bindings/tensor.ts";
import { derivativeAlong, directionsOf } from "./centralDifference.ts";
import { expectSameBits, expectWithin } from "./compare.ts";
import type { Estimate } from "./estimate.ts";
import { distinct, floats, generator, integers, type Range, seedOf } from "./random.ts";
import { evaluate } from "./reference.ts";
import { runCut, runGraph, type Traced, traceGraph } from "./runGraph.ts";

/** One input of a case: random numbers of a range (−2 to 2, or small integers), or given ones. */
export interface InputSpec {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly range?: Range;
  /** Given values instead of random ones. */
  readonly values?: readonly number[];
  /** Random values no two of which are close: for maxima. */
  readonly distinct?: boolean;
}

/** One case of an operation. */
export interface OpCase {
  readonly title: string;
  readonly apply: (...inputs: SymbolicTensor[]) => SymbolicTensor;
  readonly inputs: readonly InputSpec[];
  /** The shape of the result, stated here and not taken from the graph: its rule may be what is wrong. */
  readonly shape: Shape;
  /** The dtype of the result. Default float32. */
  readonly dtype?: DType;
  /** false where there is no gradient to check: at kinks, at special values, for integers. Default by dtype. */
  readonly gradient?: boolean;
  /** Factor on the derived bound, with a reason beside it. Default 1. */
  readonly slack?: number;
}

/** A call that must fail. */
export interface ErrorCase {
  readonly title: string;
  readonly call: () => unknown;
  readonly code: ErrorCode;
  /** Part of the message. */
  readonly text: string | RegExp;
}

/** The passes of the compiler, by their options. */
type Pass = {
  [K in keyof Required<CompileOptions>]: Required<CompileOptions>[K] extends boolean ? K : never;
}[keyof CompileOptions];

/** Each pass, and whether results keep their bits without it. A new one has to be told here. */
const passes: Readonly<Record<Pass, "same bits" | "other roundings">> = {
  merge: "same bits",
  algorithms: "other roundings",
  foldScales: "other roundings",
  fuse: "same bits",
  hoist: "same bits",
  reuse: "same bits",
};

const names = Object.keys(passes) as Pass[];

/** Options that say the same of all passes of a kind. */
const all = (kind: "same bits" | "other roundings", on: boolean): CompileOptions =>
  Object.fromEntries(names.filter((name) => passes[name] === kind).map((name) => [name, on]));

/** Every pass that keeps bits switched off alone, and all of them together. */
const switchedOff: readonly CompileOptions[] = [
  ...names.filter((name) => passes[name] === "same bits").map((name) => ({ [name]: false })),
  all("same bits", false),
];

/** Runs all checks on all cases. */
export function describeOp(name: string, cases: readonly OpCase[], errors: readonly ErrorCase[] = []): void {
  describe(name, () => {
    for (const each of cases) describe(each.title, () => checkCase(name, each));
    for (const each of errors) it(`refuses ${each.title}`, () => expectTensorError(each));
  });
}

/** Fails unless the call throws a {@link TensorError} of that code and text. */
export function expectTensorError({ call, code, text }: Omit<ErrorCase, "title">): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TensorError);
  expect((thrown as TensorError).message).toMatch(text);
  expect((thrown as TensorError).code).toBe(code);
}

function checkCase(name: string, op: OpCase): void {
  const next = generator(seedOf(`${name} ${op.title}`));
  const values = op.inputs.map((spec) => tensorOf(spec, next));
  let result: Traced;
  let traced: Traced;
  let upstream: Tensor | undefined;
  let differentiated: SymbolicTensor[] = [];
  /** Traces once, the result and its gradients with it. */
  const prepare = (): void => {
    if (traced !== undefined) return;
    result = traceGraph(values, (...inputs) => [op.apply(...inputs)]);
    const [output] = result.outputs as [SymbolicTensor];
    if (!hasGradient) {
      traced = result;
      return;
    }
    upstream = Tensor.of(floats(next, output.size, { low: -1.5, high: 1.5, avoid: [0] }), output.shape, "float32");
    traced = traceGraph([...values, upstream], (...inputs) => {
      const y = op.apply(...inputs.slice(0, -1));
      differentiated = inputs.slice(0, -1).filter((input) => input.dtype === "float32");
      const found = gradients(y, differentiated, inputs[inputs.length - 1] as SymbolicTensor);
      return [y, ...found.filter((gradient) => gradient !== null)];
    });
    expect(traced.outputs.length, "every float input has a gradient").toBe(1 + differentiated.length);
  };
  const hasGradient =
    op.gradient !== false && (op.dtype ?? "float32") === "float32" && values.some((value) => value.dtype === "float32");
  const given = (): Tensor[] => (upstream === undefined ? values : [...values, upstream]);
  const estimates = (): Estimate[] =>
    evaluate(traced.outputs, new Map(traced.inputs.map((input, index) => [input, (given()[index] as Tensor).data])));

  it("gives the shape, the dtype and the value", () => {
    prepare();
    const [output] = result.outputs as [SymbolicTensor];
    const [value] = runGraph(result, values) as [Tensor];
    for (const each of [output, value]) {
      expect(each.shape).toEqual(op.shape);
      expect(each.dtype).toBe(op.dtype ?? "float32");
    }
    const [expected] = evaluate(
      result.outputs,
      new Map(result.inputs.map((input, index) => [input, (values[index] as Tensor).data])),
    );
    expectWithin(value, expected as Estimate, "kernel against reference", op.slack);
  });

  it.runIf(hasGradient)("has the gradient of its reference", () => {
    prepare();
    expect(upstream).toBeDefined();
    expect(differentiated.length).toBeGreaterThan(0);
    const [, ...expected] = estimates();
    const [, ...found] = runGraph(traced, given());
    found.forEach((gradient, index) => {
      expectWithin(
        gradient,
        expected[index] as Estimate,
        `kernels' gradient ${index} against gradient graph`,
        op.slack,
      );
    });
    const inputs = new Map(
      traced.inputs.map((input, index) => [input, (given()[index] as Tensor).data as ArrayLike<number>]),
    );
    differentiated.forEach((input, index) => {
      for (const direction of directionsOf(input, next)) {
        const { slope, scale } = derivativeAlong(
          traced.outputs[0] as SymbolicTensor,
          (upstream as Tensor).data,
          inputs,
          direction,
        );
        const along = direction.components.reduce(
          (sum, part, at) => sum + part * ((expected[index] as Estimate).values[at] as number),
          0,
        );
        const place = direction.components.findIndex((part) => part !== 0);
        if (!(Math.abs(along - slope) <= 1e-8 * (1 + Math.abs(slope) + scale)))
          expect.fail(`gradient graph ${index} near element ${place}: ${along}, central difference ${slope}`);
      }
    });
  });

  it("has the same bits for 1, 2 and 3 threads and without any pass", () => {
    prepare();
    const once = runGraph(traced, given());
    for (const threads of [1, 2, 3]) expectSameBits(runCut(traced, given(), threads), once, `cut for ${threads}`);
    const rounding = all("other roundings", true);
    const other = runGraph(traced, given(), rounding);
    const changes = other.some((value, index) => !sameBits(value, once[index] as Tensor));
    for (const options of switchedOff) {
      const [plain, rounded] = [
        { ...all("other roundings", false), ...options },
        { ...rounding, ...options },
      ];
      expectSameBits(runGraph(traced, given(), plain), once, JSON.stringify(plain));
      if (changes) expectSameBits(runGraph(traced, given(), rounded), other, JSON.stringify(rounded));
    }
  });
}

function sameBits(one: Tensor, other: Tensor): boolean {
  return one.data.every((value, index) => Object.is(value, other.data[index]));
}

/** The tensor that an input spec stands for. */
export function tensorOf(spec: InputSpec, next: () => number): Tensor {
  const { shape, dtype = "float32" } = spec;
  const count = sizeOf(shape);
  if (spec.values !== undefined) return Tensor.of(arrayType(dtype).from(spec.values), shape, dtype);
  if (spec.distinct === true)
    return Tensor.of(
      dtype === "float32" ? distinct(next, count) : Int32Array.from(distinct(next, count, 1)),
      shape,
      dtype,
    );
  if (dtype === "float32") return Tensor.of(floats(next, count, spec.range ?? { low: -2, high: 2 }), shape, dtype);
  const whole = integers(
    next,
    count,
    spec.range ??
      (dtype === "bool" ? { low: 0, high: 1 } : dtype === "uint8" ? { low: 0, high: 255 } : { low: -9, high: 9 }),
  );
  return Tensor.of(dtype === "int32" ? whole : Uint8Array.from(whole), shape, dtype);
}
