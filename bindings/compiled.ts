// How does a function of tensors become a program, and run on values?

import { BoundedCache } from "./boundedCache.ts";
import type { Explanation } from "./compiler/explain.ts";
import { type CompileOptions, compile, type Program } from "./compiler/program.ts";
import { checkOptionNames } from "./config.ts";
import { engine } from "./engine.ts";
import { check, show } from "./errors.ts";
import { gradients } from "./gradient.ts";
import { inputNode, isVariable, type Operand, SymbolicTensor, toSymbolic, tracing, withTrace } from "./graph.ts";
import { asValue, isListOfTensors, signature } from "./operands.ts";
import { full } from "./ops/map.ts";
import { structuralKey } from "./structuralKey.ts";
import { type Shape, sizeOf, Tensor, type TensorLike, tensor } from "./tensor.ts";
import { holdSymbols, isSymbolic, isTensor, isValue, leavesOf, mapTree, type Tree } from "./trees.ts";
import type { Variable } from "./variable.ts";

export type { Tree } from "./trees.ts";

/** The same structure with values in place of symbols. */
export type Values<R> = R extends SymbolicTensor | Tensor
  ? Tensor
  : R extends readonly unknown[]
    ? { [K in keyof R]: Values<R[K]> }
    : R extends object
      ? { [K in keyof R]: Values<R[K]> }
      : R;

/** What a compiled function takes where the traced one takes symbols. */
export type Argument<T> = T extends SymbolicTensor
  ? TensorLike
  : T extends readonly (infer E)[]
    ? readonly Argument<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Argument<T[K]> }
      : T;
/** The values that a compiled function takes where the traced one takes symbols. */
export type Arguments<A extends unknown[]> = { [K in keyof A]: Argument<A[K]> };

const programsPerFunction = 32;

/**
 * `fn` as a function of values. It is traced once for each combination of argument shapes and dtypes, compiled and kept;
 * tracing sees symbols, so control flow may depend on shapes, never on values. Variables that it reads have the values they
 * have when it is called; what it assigns to them (`ops.assign`) stays. Called on symbols it is `fn` itself.
 * @param fn takes tensors (or lists and records of them) and returns the same; built of `ops`, layers and variables.
 */
export function compiled<R>(fn: (...args: SymbolicTensor[]) => R): CompiledFunction<TensorLike[], R>;
export function compiled<A extends unknown[], R>(fn: (...args: A) => R): CompiledFunction<Arguments<A>, R>;
export function compiled<R>(fn: (...args: never[]) => R): CompiledFunction<never[], R> {
  checkFunction("compiled", fn);
  const programs = new BoundedCache<string, Traced<R>>(programsPerFunction, ({ program }) => program.dispose());
  const call = (...args: unknown[]): R | Values<R> => {
    // Inside another traced function it becomes part of that one's program.
    if (holdSymbols(args)) return fn(...(args as never[]));
    const given = valuesOf(args);
    const { program, result } = programs.get(signature(given), () => traceFunction(fn, given, false));
    return withValues(result, program.run(leavesOf(given, isTensor) as Tensor[]));
  };
  const bind = (...args: unknown[]): BoundProgram<R> => bindProgram(fn, valuesOf(args));
  return Object.assign(call, { program: bind }) as CompiledFunction<never[], R>;
}

/** A function of values; see {@link compiled}. */
export interface CompiledFunction<A extends unknown[], R> {
  (first: SymbolicTensor, ...rest: SymbolicTensor[]): R;
  (...args: A): Values<R>;
  /** The program for these arguments, bound to them: it runs again and again without copying them. */
  program(...args: A): BoundProgram<R>;
}

/** A compiled function whose arguments are in place. */
export interface BoundProgram<R> {
  /** Runs the function `times` times (default once) in one call, and copies the result of the last. */
  run(times?: number): Values<R>;
  /** Instructions, addresses and costs. */
  explain(): Explanation;
  /** Gives the memory of program and arguments back. */
  dispose(): void;
}

function bindProgram<R>(fn: (...args: never[]) => R, given: readonly Tree<unknown>[]): BoundProgram<R> {
  const { program, result } = traceFunction(fn, given, true);
  const machine = engine();
  const blocks = (leavesOf(given, isTensor) as Tensor[]).map((value, index) => {
    const block = machine.allocate(value.data.byteLength, argumentName(index));
    machine.write(block.address, value.data, value.dtype, sizeOf(value.shape));
    program.bind(argumentName(index), block);
    return block;
  });
  return {
    run: (times = 1) => {
      check(Number.isSafeInteger(times) && times >= 1, "option", () => ({
        where: "program.run",
        expected: "an integer ≥ 1",
        received: show(times),
      }));
      return withValues(result, program.run([], times));
    },
    explain: () => program.explain(),
    dispose: () => {
      program.unbind();
      program.dispose();
      for (const block of blocks.splice(0)) machine.release(block);
    },
  };
}

/** @throws {TensorError} `option` unless `value` is a function. */
function checkFunction(where: string, value: unknown): void {
  check(typeof value === "function", "option", () => ({
    where,
    expected: "a function of tensors",
    received: show(value),
  }));
}

function argumentName(index: number): string {
  return `argument ${index}`;
}

/** Arguments with all ordinary data as tensors. */
function valuesOf(args: readonly unknown[]): Tree<unknown>[] {
  return args.map((arg) => mapTree(arg as Tree<unknown>, isValue, (value) => tensor(value as TensorLike)));
}

/** The result of tracing, with the outputs of a run in place of its symbols. */
function withValues<R>(result: R, outputs: readonly Tensor[]): Values<R> {
  let next = 0;
  return mapTree(result as Tree<unknown>, isSymbolic, () => outputs[next++] as Tensor) as Values<R>;
}

interface Traced<R> {
  readonly program: Program;
  readonly result: R;
}

function traceFunction<R>(
  fn: (...args: never[]) => R,
  given: readonly Tree<unknown>[],
  bound: boolean,
  options: CompileOptions = {},
): Traced<R> {
  return withTrace((trace) => {
    const inputs: SymbolicTensor[] = [];
    const symbols = given.map((arg) =>
      mapTree(arg, isTensor, (value) => {
        const input = inputNode(argumentName(inputs.length), value as Tensor, bound);
        inputs.push(input);
        return input;
      }),
    );
    const result = fn(...(symbols as never[]));
    const outputs = leavesOf([result as Tree<unknown>], isSymbolic) as SymbolicTensor[];
    return { program: compile({ outputs, effects: trace.effects }, inputs, options), result };
  });
}

/** What {@link valueAndGrad} gives back. */
export interface ValueAndGradients<T> {
  /** The value of the function, a scalar. */
  readonly value: T;
  /** d value / d argument, in the structure of the arguments; null for integer arguments. */
  readonly gradients: readonly Tree<T | null>[];
  /** d value / d variable, in the order of `options.variables`. */
  readonly variableGradients: readonly T[];
}

/** What else to differentiate with respect to. */
export interface ValueAndGradOptions {
  /** Variables that the function reads, such as `layer.trainableWeights`. Default none. */
  readonly variables?: readonly Variable[];
}

type GradientCall = {
  (...args: readonly Tree<TensorLike>[]): ValueAndGradients<Tensor>;
  (...args: readonly Tree<SymbolicTensor>[]): ValueAndGradients<SymbolicTensor>;
};

/**
 * `fn` with its gradients: the function that computes the scalar `fn(...)`, its derivatives with respect to all float32
 * arguments, and to `options.variables`. Inside other traced functions it works on their symbols, so that gradients can
 * be differentiated again. What the value does not depend on has gradient zero.
 * @throws {TensorError} `shape` when `fn` does not return a scalar.
 */
export function valueAndGrad(
  fn: (...args: SymbolicTensor[]) => SymbolicTensor,
  options?: ValueAndGradOptions,
): GradientCall;
export function valueAndGrad(fn: (...args: never[]) => SymbolicTensor, options?: ValueAndGradOptions): GradientCall;
export function valueAndGrad(
  fn: (...args: never[]) => SymbolicTensor,
  options: ValueAndGradOptions = {},
): GradientCall {
  checkFunction("valueAndGrad", fn);
  checkOptionNames("valueAndGrad", options, ["variables"]);
  const { variables = [] } = options;
  check(Array.isArray(variables) && variables.every(isVariable), "option", () => ({
    where: "valueAndGrad.variables",
    expected: "a list of variables",
    received: show(variables),
  }));
  return onBoth((...args) => differentiate("valueAndGrad", fn, args, variables)) as GradientCall;
}

/** The derivative of a function with respect to its first argument, in the structure of that. */
type SlopeOf = {
  (x: TensorLike, ...rest: readonly Tree<TensorLike>[]): Tensor;
  (x: SymbolicTensor, ...rest: readonly Tree<SymbolicTensor>[]): SymbolicTensor;
  (x: Tree<TensorLike>, ...rest: readonly Tree<TensorLike>[]): Tree<Tensor | null>;
  (x: Tree<SymbolicTensor>, ...rest: readonly Tree<SymbolicTensor>[]): Tree<SymbolicTensor | null>;
};

/**
 * The derivative of the scalar `fn(x, ...)` with respect to x, its first argument: dfn/dx, of the shape of x. It is a
 * function of the same arguments, which can be differentiated again: `grad(grad(fn))`. A list or record of tensors has a
 * list or record of gradients. {@link valueAndGrad} gives the value, and the gradients of all arguments and of variables.
 * @throws {TensorError} `shape` when `fn` does not return a scalar, `dtype` when x is a tensor of integers.
 */
export function grad(fn: (...args: SymbolicTensor[]) => SymbolicTensor): SlopeOf;
export function grad(fn: (...args: never[]) => SymbolicTensor): SlopeOf;
export function grad(fn: (...args: never[]) => SymbolicTensor): SlopeOf {
  checkFunction("grad", fn);
  return onBoth((...args) => {
    const slope = differentiate("grad", fn, args, []).gradients[0];
    check(slope !== null && slope !== undefined, "dtype", () => ({
      where: "grad",
      expected: "a float32 tensor as the first argument",
      received: args.length === 0 ? "no argument" : show((args[0] as SymbolicTensor).dtype),
    }));
    return slope;
  }) as SlopeOf;
}

function differentiate(
  where: string,
  fn: (...args: never[]) => SymbolicTensor,
  args: readonly Tree<SymbolicTensor>[],
  variables: readonly Variable[],
): ValueAndGradients<SymbolicTensor> {
  const value = fn(...(args as never[]));
  check(value instanceof SymbolicTensor, "dtype", () => ({
    where,
    expected: "a function that returns a scalar tensor",
    received: show(value),
  }));
  const leaves = leavesOf(args, isSymbolic) as SymbolicTensor[];
  const found = gradients(value, [...leaves, ...variables]);
  const zero = (shape: Shape): SymbolicTensor => full(shape, 0);
  const byLeaf = new Map(
    leaves.map((leaf, index) => [leaf, leaf.dtype === "float32" ? (found[index] ?? zero(leaf.shape)) : null]),
  );
  return {
    value,
    gradients: args.map(
      (arg) =>
        mapTree(arg, isSymbolic, (leaf) => byLeaf.get(leaf as SymbolicTensor) ?? null) as Tree<SymbolicTensor | null>,
    ),
    variableGradients: variables.map((variable, index) => found[leaves.length + index] ?? zero(variable.shape)),
  };
}

/** `symbolic` on values, by compiling it, and inside traced functions, where values are constants. */
function onBoth(
  symbolic: (...args: readonly Tree<SymbolicTensor>[]) => unknown,
): (...args: readonly Tree<unknown>[]) => unknown {
  const onValues = compiled(symbolic as (...args: never[]) => unknown) as (...args: never[]) => unknown;
  return (...args) => {
    if (!tracing() && !holdSymbols(args)) return onValues(...(args as never[]));
    const symbols = args.map((arg) => mapTree(arg, isValue, (leaf) => toSymbolic(leaf as Operand)));
    return symbolic(...(symbols as Tree<SymbolicTensor>[]));
  };
}

// Operations on values ------------------------------------------------------------------------------------------------

/** What an operation returns: a value when all its tensors are values and nothing is being traced, else a symbol. */
export type Result<A extends readonly unknown[]> = true extends { [K in keyof A]: HasSymbol<A[K]> }[number]
  ? SymbolicTensor
  : Tensor;
type HasSymbol<T> = T extends SymbolicTensor | Variable
  ? true
  : T extends readonly (infer E)[]
    ? Extract<E, SymbolicTensor | Variable> extends never
      ? false
      : true
    : false;

type Symbolic = (...args: never[]) => SymbolicTensor | readonly SymbolicTensor[];

/** An operation that also works on values; see {@link lift}. */
export type Lifted<F extends Symbolic> = <const A extends Parameters<F>>(...args: A) => Each<ReturnType<F>, Result<A>>;
/** R with T in place of its symbols. */
type Each<R, T> = R extends readonly unknown[] ? { [K in keyof R]: T } : T;

/** What {@link lift} must know to read plain arrays. */
export interface LiftOptions {
  /** How many of the leading arguments are lists of tensors: plain arrays in them are tensors each. Default 0. */
  readonly lists?: number;
  /** Which argument holds positions: whole numbers in plain arrays are int32 there. Default none. */
  readonly indices?: number;
}

const valuePrograms = 256;
const cache = new BoundedCache<string, Traced<unknown>>(valuePrograms, ({ program }) => program.dispose());

/**
 * `operation` on values as well as on symbols: on values it is traced, compiled and run once, and the program is kept
 * for the next call with the same shapes.
 * @param tensors how many of the leading arguments are tensors (or lists of tensors).
 */
/* @__NO_SIDE_EFFECTS__ */
export function lift<F extends Symbolic>(
  name: string,
  operation: F,
  tensors: number,
  { lists = 0, indices }: LiftOptions = {},
): Lifted<F> {
  const call = (...args: unknown[]): unknown => {
    const isList = (arg: unknown, index: number): boolean =>
      (index < lists && Array.isArray(arg)) || isListOfTensors(arg);
    const operands = args.slice(0, tensors).map((arg, index) => (isList(arg, index) ? (arg as unknown[]) : [arg]));
    if (operands.flat(1).some((operand) => isSymbolic(operand) || isVariable(operand)))
      return operation(...(args as never[]));
    if (tracing()) return operation(...(args as never[]));
    const given = args
      .slice(0, tensors)
      .map((arg, index) =>
        isList(arg, index)
          ? (arg as TensorLike[]).map((each) => asValue(each))
          : asValue(arg as TensorLike, index === indices),
      );
    const rest = args.slice(tensors);
    const key = `${name} ${signature(given)} ${structuralKey(rest)}`;
    const values = given.flat().filter((value) => value instanceof Tensor);
    const { program, result } = cache.get(key, () =>
      traceFunction(
        (...symbols: never[]) => operation(...(symbols as never[]), ...(rest as never[])),
        given as Tree<unknown>[],
        false,
        // One run: nothing would be gained by keeping what it computes.
        { hoist: false },
      ),
    );
    return withValues(result, program.run(values));
  };
  return call as unknown as Lifted<F>;
}
