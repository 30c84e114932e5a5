// Is an op right on a case? Value and gradients against the reference, and the same bits however it is run:
// on values = compiled = without any pass = cut for 2 and 3 threads, with memory full of NaN before each run.

import type fc from "fast-check";
import type { CompileOptions, Program } from "../../bindings/compiler/program.ts";
import { engine, setCutting } from "../../bindings/engine.ts";
import { TensorError } from "../../bindings/errors.ts";
import { gradients } from "../../bindings/gradient.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as ops from "../../bindings/ops/index.ts";
import { full } from "../../bindings/ops/map.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { generator } from "../harness/random.ts";
import { compileGraph, type Traced, traceGraph } from "../harness/runGraph.ts";
import { fromTensor, type RealArray } from "./array.ts";
import { expectSameBits, expectValues, expectWithin } from "./compare.ts";
import { type Drawn, sometimes, tensorOf, tensorsOf, within } from "./draw.ts";
import { differentiate } from "./real.ts";
import { type Subject, subject, type Tally } from "./subject.ts";

/** An op, its random cases, and what it computes in float64. */
export interface OpSubject<C extends { readonly seed: number }> {
  readonly name: string;
  readonly kind?: Subject["kind"];
  readonly cases: fc.Arbitrary<C>;
  readonly inputs: (given: C) => readonly Drawn[];
  /** The op as users call it; gets values as well as symbols. */
  readonly call: (given: C, ...inputs: SymbolicTensor[]) => SymbolicTensor | readonly SymbolicTensor[];
  /** Plain loops in float64. undefined where the op must refuse the case. */
  readonly reference: (given: C, ...inputs: RealArray[]) => RealArray | readonly RealArray[] | undefined;
  /** Whether gradients are compared. Default true, for float32 results of float32 inputs. */
  readonly gradient?: (given: C) => boolean;
  /** Factor on the bounds, with the reason beside it. Default 1. */
  readonly slack?: number;
  /** Passes of the compiled programs, where the default ones change last bits. */
  readonly passes?: CompileOptions;
  /** Factor on the bounds of the values that users get, where `passes` are others than theirs. */
  readonly slackOnValues?: number;
}

const everyPassOff: CompileOptions = { merge: false, fuse: false, hoist: false, reuse: false };

/** The subject that checks an op. */
export function op<C extends { readonly seed: number }>(of: OpSubject<C>): Subject {
  return subject<C>({
    name: of.name,
    kind: of.kind ?? "op",
    cases: of.cases,
    check: (given, tally) => checkOp(of, given, tally),
  });
}

function checkOp<C extends { readonly seed: number }>(of: OpSubject<C>, given: C, tally: Tally): void {
  const { call, slack = 1, passes = {} } = of;
  engine().poisoned = true;
  const values = tensorsOf(of.inputs(given), given.seed);
  const reals = values.map(fromTensor);
  const wanted = of.reference(given, ...reals);
  tally.cases++;
  if (wanted === undefined) {
    expectRefusal(() => call(given, ...(values as unknown as SymbolicTensor[])));
    tally.refused++;
    return;
  }
  const expected = listOf<RealArray>(wanted);
  const direct = listOf(call(given, ...(values as unknown as SymbolicTensor[]))) as unknown as Tensor[];
  if (direct.length !== expected.length) throw new Error(`${direct.length} results, not ${expected.length}`);
  direct.forEach((value, index) => {
    expectWithin(value, expected[index] as RealArray, `result ${index} on values`, of.slackOnValues ?? slack);
  });

  const differentiable =
    of.gradient?.(given) !== false &&
    expected.some(({ dtype }) => dtype === "float32") &&
    values.some(({ dtype }) => dtype === "float32");
  const next = generator(given.seed ^ 0x5bd1e995);
  const upstream = expected
    .filter(({ dtype }) => dtype === "float32" && differentiable)
    .map(({ shape }) => tensorOf({ shape, draw: sometimes([0], 0.05, within(-1.5, 1.5)) }, next));
  const traced = traceGraph([...values, ...upstream], (...inputs) => {
    const results = listOf(call(given, ...inputs.slice(0, values.length)));
    return [...results, ...(differentiable ? gradientsOf(results, inputs, values.length) : [])];
  });
  const arguments_ = [...values, ...upstream];
  const found = runOnce(traced, arguments_, passes);
  const results = found.slice(0, expected.length);
  if (of.passes === undefined) expectSameBits(results, direct, "compiled against values");
  else
    results.forEach((value, index) => {
      expectWithin(value, expected[index] as RealArray, `result ${index}, compiled`, slack);
    });
  expectSameBits(runOnce(traced, arguments_, { ...passes, ...everyPassOff }), found, "without any pass");
  expectSameCuts(traced, arguments_, passes, found);
  if (!differentiable) return;
  tally.gradients++;
  differentiate(
    expected.filter(({ dtype }) => dtype === "float32").flatMap(({ data }) => data),
    upstream.flatMap((each) => fromTensor(each).data),
  );
  let position = expected.length;
  reals.forEach(({ dtype, data }, index) => {
    if (dtype !== "float32") return;
    expectValues(
      found[position++] as Tensor,
      data.map(({ adjoint }) => adjoint),
      data.map(({ adjointBound }) => adjointBound),
      `gradient of input ${index}`,
      slack,
    );
  });
}

/** d Σ resultᵢ · upstreamᵢ / d input, for all float32 inputs. */
function gradientsOf(
  results: readonly SymbolicTensor[],
  inputs: readonly SymbolicTensor[],
  count: number,
): readonly SymbolicTensor[] {
  const differentiated = inputs.slice(0, count).filter(({ dtype }) => dtype === "float32");
  const floats = results.filter(({ dtype }) => dtype === "float32");
  const upstream = inputs.slice(count);
  const [first] = floats;
  const found =
    floats.length === 1 && first !== undefined
      ? gradients(first, differentiated, upstream[0])
      : gradients(
          floats
            .map((result, index) => ops.sum(ops.multiply(result, upstream[index] as SymbolicTensor)))
            .reduce((total, each) => ops.add(total, each)),
          differentiated,
        );
  return found.map((gradient, index) => gradient ?? full((differentiated[index] as SymbolicTensor).shape, 0));
}

export function listOf<T>(one: T | readonly T[]): readonly T[] {
  return Array.isArray(one) ? (one as readonly T[]) : [one as T];
}

/** Throws unless `call` is refused, with an error that is meant for users. */
export function expectRefusal(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (error instanceof TensorError && error.code !== "internal") return;
    throw error;
  }
  throw new Error("accepted what the reference refuses");
}

/** Compiles with `options`, runs once with memory full of NaN, and gives the memory back. */
export function runOnce(traced: Traced, values: readonly Tensor[], options: CompileOptions): Tensor[] {
  return using(compileGraph(traced, { algorithms: true, foldScales: true, ...options }), (program) =>
    program.run(values),
  );
}

/** Throws unless instructions that are cut into their smallest chunks, for 2 and 3 threads, give the same bits. */
export function expectSameCuts(
  traced: Traced,
  values: readonly Tensor[],
  options: CompileOptions,
  expected: readonly Tensor[],
): void {
  const [wordsPerInstruction, grain] = [32, 2];
  using(compileGraph(traced, { algorithms: true, foldScales: true, ...options }), (program) => {
    for (let index = 0; index < program.code.instructionCount; index++)
      program.code.words[index * wordsPerInstruction + grain] = 1;
    for (const threads of [2, 3]) {
      setCutting(threads);
      try {
        expectSameBits(program.run(values), expected, `cut for ${threads} threads`);
      } finally {
        setCutting(1);
      }
    }
  });
}

function using<R>(program: Program, body: (program: Program) => R): R {
  try {
    return body(program);
  } finally {
    program.dispose();
  }
}
