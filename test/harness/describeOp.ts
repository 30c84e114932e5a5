// Does an operation do what it says? One list of checks for every case of every operation.
//
// Shape and dtype; kernel ≡ float64 reference within the derived bound (estimate.ts); the gradient graph, evaluated in
// float64, ≡ central difference of the reference under a random upstream; the kernels' gradient ≡ that graph within its
// bound; the same bits when cut for 1, 2 and 3 threads, and with every pass of the compiler switched off.

import { describe, expect, it } from "vitest";
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
  /** What the result must look like. */
  readonly shape?: Shape;
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
    const differentiable =
      op.gradient !== false && output.dtype === "float32" && values.some((value) => value.dtype === "float32");
    if (!differentiable) {
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
  const given = (): Tensor[] => (upstream === undefined ? values : [...values, upstream]);
  const estimates = (): Estimate[] =>
    evaluate(traced.outputs, new Map(traced.inputs.map((input, index) => [input, (given()[index] as Tensor).data])));

  it("gives the shape, the dtype and the value", () => {
    prepare();
    const [output] = result.outputs as [SymbolicTensor];
    const [value] = runGraph(result, values) as [Tensor];
    expect(value.shape).toEqual(op.shape ?? output.shape);
    expect(value.dtype).toBe(op.dtype ?? output.dtype);
    const [expected] = evaluate(
      result.outputs,
      new Map(result.inputs.map((input, index) => [input, (values[index] as Tensor).data])),
    );
    expectWithin(value, expected as Estimate, "kernel against reference", op.slack);
  });

  const hasGradient =
    op.gradient !== false && (op.dtype ?? "float32") === "float32" && values.some((value) => value.dtype === "float32");
  it.runIf(hasGradient)("has the gradient of its reference", () => {
    prepare();
    if (upstream === undefined) return;
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
    for (const options of [
      { fuse: false },
      { merge: false },
      { reuse: false },
      { fuse: false, merge: false, reuse: false },
    ])
      expectSameBits(runGraph(traced, given(), options), once, JSON.stringify(options));
  });
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
