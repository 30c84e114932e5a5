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
import type { Variable } from "../../bindings/variable.ts";
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
  engine().poisoned = true;
  const values = tensorsOf(of.inputs(given), given.seed);
  const reals = values.map(fromTensor);
  const wanted = of.reference(given, ...reals);
  const call = (inputs: readonly SymbolicTensor[]): readonly SymbolicTensor[] => listOf(of.call(given, ...inputs));
  tally.cases++;
  if (wanted === undefined) {
    expectRefusal(() => call(values as unknown as SymbolicTensor[]));
    tally.refused++;
    return;
  }
  checkLaws(
    {
      call,
      values,
      reals,
      expected: listOf<RealArray>(wanted),
      differentiable: of.gradient?.(given) !== false,
      seed: given.seed,
      slack: of.slack,
      passes: of.passes,
      slackOnValues: of.slackOnValues,
    },
    tally,
  );
}

/** A computation with its reference. */
export interface Checked {
  /** On symbols, and on values. */
  readonly call: (inputs: readonly SymbolicTensor[]) => readonly SymbolicTensor[];
  readonly values: readonly Tensor[];
  readonly reals: readonly RealArray[];
  /** Trainable weights that it reads, with what they are in the reference. */
  readonly variables?: readonly (readonly [Variable, RealArray])[];
  readonly expected: readonly RealArray[];
  readonly differentiable: boolean;
  readonly seed: number;
  /** Called before each run: puts back what runs change. */
  readonly reset?: (() => void) | undefined;
  readonly slack?: number | undefined;
  readonly passes?: CompileOptions | undefined;
  readonly slackOnValues?: number | undefined;
}

/** Throws unless all ways to run it give the reference's values and gradients, and the same bits. */
export function checkLaws(of: Checked, tally: Tally): void {
  const { call, values, reals, variables = [], expected, slack = 1, passes = {}, seed, reset } = of;
  const floats = expected.filter(({ dtype }) => dtype === "float32");
  const differentiable =
    of.differentiable && floats.length > 0 && (variables.length > 0 || values.some(({ dtype }) => dtype === "float32"));
  reset?.();
  const direct = call(values as unknown as SymbolicTensor[]) as unknown as Tensor[];
  if (direct.length !== expected.length) throw new Error(`${direct.length} results, not ${expected.length}`);
  direct.forEach((value, index) => {
    expectWithin(value, expected[index] as RealArray, `result ${index} on values`, of.slackOnValues ?? slack);
  });

  const next = generator(seed ^ 0x5bd1e995);
  const upstream = (differentiable ? floats : []).map(({ shape }) =>
    tensorOf({ shape, draw: sometimes([0], 0.05, within(-1.5, 1.5)) }, next),
  );
  const given = [...values, ...upstream];
  const traced = traceGraph(given, (...inputs) => {
    const results = call(inputs.slice(0, values.length));
    const targets = [
      ...inputs.slice(0, values.length).filter(({ dtype }) => dtype === "float32"),
      ...variables.map(([variable]) => variable),
    ];
    return [...results, ...(differentiable ? gradientsOf(results, targets, inputs.slice(values.length)) : [])];
  });
  const run = (options: CompileOptions): Tensor[] => {
    reset?.();
    return runOnce(traced, given, { ...passes, ...options });
  };
  const found = run({});
  const results = found.slice(0, expected.length);
  if (of.passes === undefined) expectSameBits(results, direct, "compiled against values");
  else
    results.forEach((value, index) => {
      expectWithin(value, expected[index] as RealArray, `result ${index}, compiled`, slack);
    });
  expectSameBits(run(everyPassOff), found, "without any pass");
  expectSameCuts(traced, given, passes, found, reset);
  if (!differentiable) return;
  tally.gradients++;
  differentiate(
    floats.flatMap(({ data }) => data),
    upstream.flatMap((each) => fromTensor(each).data),
  );
  const compared = [
    ...reals.flatMap((each, index) => (each.dtype === "float32" ? [[`input ${index}`, each] as const] : [])),
    ...variables.map(([{ name }, each]) => [name, each] as const),
  ];
  compared.forEach(([what, { data }], index) => {
    expectValues(
      found[expected.length + index] as Tensor,
      data.map(({ adjoint }) => adjoint),
      data.map(({ adjointBound }) => adjointBound),
      `gradient of ${what}`,
      slack,
    );
  });
}

/** d Σ resultᵢ · upstreamᵢ / d target. */
function gradientsOf(
  results: readonly SymbolicTensor[],
  targets: readonly (SymbolicTensor | Variable)[],
  upstream: readonly SymbolicTensor[],
): readonly SymbolicTensor[] {
  const floats = results.filter(({ dtype }) => dtype === "float32");
  const [first] = floats;
  const found =
    floats.length === 1 && first !== undefined
      ? gradients(first, targets, upstream[0])
      : gradients(
          floats
            .map((result, index) => ops.sum(ops.multiply(result, upstream[index] as SymbolicTensor)))
            .reduce((total, each) => ops.add(total, each)),
          targets,
        );
  return found.map((gradient, index) => gradient ?? full((targets[index] as SymbolicTensor | Variable).shape, 0));
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
  reset?: () => void,
): void {
  const [wordsPerInstruction, grain] = [32, 2];
  using(compileGraph(traced, { algorithms: true, foldScales: true, ...options }), (program) => {
    for (let index = 0; index < program.code.instructionCount; index++)
      program.code.words[index * wordsPerInstruction + grain] = 1;
    for (const threads of [2, 3]) {
      reset?.();
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
