// How do functions of one's own draw random numbers?
//
// They are functions of (seed, step, place in the program, element): the seed follows `setSeed`, and each run of a program
// counts the step on, so that it draws others than the run before, and the same ones in every runtime.

import { ambientRandomness } from "./ambientRandomness.ts";
import { check, show, TensorError } from "./errors.ts";
import { isInt32, type Operand, type SymbolicTensor, tracing } from "./graph.ts";
import { randomNormal, randomTruncatedNormal } from "./ops/composed.ts";
import { add, asFloat, cast, floor, less, log, maximum, minimum, multiply, negate, subtract } from "./ops/map.ts";
import { floatAbove, floatBelow, randomUniform } from "./ops/random.ts";
import { argMax } from "./ops/reduce.ts";
import { expandDims } from "./ops/view.ts";
import { integer, number, settle } from "./optionRules.ts";
import { checkShape, type Shape } from "./tensor.ts";

type Node = SymbolicTensor;

/**
 * Uniform numbers of a shape in [minval, maxval), 0 and 1 by default; minval alone where no float32 lies between.
 * @throws {TensorError} `state` outside of a traced function; `option` for maxval < minval.
 */
export function uniform(shape: Shape, options: UniformOptions = {}): Node {
  const { minval, maxval } = settle<Required<UniformOptions>>("random.uniform", options, {
    minval: number(0),
    maxval: number(1),
  });
  check(minval <= maxval, "option", () => ({
    where: "random.uniform.maxval",
    expected: `a number ≥ minval, ${minval}`,
    received: show(maxval),
  }));
  const share = drawn("uniform", randomUniform, shape);
  const range = Math.fround(maxval - minval);
  const numbers =
    range < Number.POSITIVE_INFINITY
      ? add(multiply(share, range), minval)
      : add(multiply(share, maxval), multiply(subtract(1, share), minval));
  // Rounding would reach the upper bound.
  return minimum(numbers, Math.max(Math.fround(minval), floatBelow(maxval)));
}
/** Options of {@link uniform}. */
export interface UniformOptions {
  /** Least number. Default 0. */
  readonly minval?: number;
  /** Bound that numbers stay below. Default 1. */
  readonly maxval?: number;
}

/**
 * Normal numbers of a shape, of mean 0 and standard deviation 1 by default.
 * @throws {TensorError} `state` outside of a traced function.
 */
export function normal(shape: Shape, options: NormalOptions = {}): Node {
  return scaled("normal", randomNormal, shape, options);
}

/** {@link normal}, but within two deviations of the mean; `stddev` is that before cutting. */
export function truncatedNormal(shape: Shape, options: NormalOptions = {}): Node {
  const numbers = scaled("truncatedNormal", randomTruncatedNormal, shape, options);
  const { mean = 0, stddev = 1 } = options;
  const [low, high] = [mean - 2 * stddev, mean + 2 * stddev];
  return maximum(minimum(numbers, floatBelow(floatAbove(high))), floatAbove(floatBelow(low)));
}
/** Options of {@link normal} and {@link truncatedNormal}. */
export interface NormalOptions {
  /** Mean of the numbers. Default 0. */
  readonly mean?: number;
  /** Standard deviation; ≥ 0. Default 1. */
  readonly stddev?: number;
}

/**
 * 1 with a probability, else 0: float32 of a shape.
 * @throws {TensorError} `state` outside of a traced function; `option` for a probability outside of [0, 1].
 */
export function bernoulli(shape: Shape, probability: number): Node {
  number(0, 0, 1).check("random.bernoulli.probability", probability);
  return cast(less(drawn("bernoulli", randomUniform, shape), probability), "float32");
}

/**
 * Integers in [minval, maxval), evenly, int32 of a shape. At most 2²⁴ different ones.
 * @throws {TensorError} `state` outside of a traced function; `option` for bounds that are no integers, in the wrong order
 *   or too far apart.
 */
export function integers(shape: Shape, minval: number, maxval: number): Node {
  const whole = isInt32(minval) && isInt32(maxval - 1);
  const range = whole ? maxval - minval : 0;
  check(range > 0 && range <= 2 ** 24, "option", () => ({
    where: "random.integers",
    expected: "int32 numbers minval < maxval ≤ minval + 2²⁴",
    received: `${show(minval)} and ${show(maxval)}`,
  }));
  return add(cast(floor(multiply(drawn("integers", randomUniform, shape), range)), "int32"), minval);
}

/**
 * `count` classes for each row, drawn with the probabilities softmax(logits): [..., classes] → [..., count], int32. Each is
 * the largest of logits with Gumbel's noise −ln(−ln u) (Gumbel, 1954).
 * @throws {TensorError} `state` outside of a traced function.
 */
export function categorical(logits: Operand, count = 1): Node {
  const rows = asFloat(logits);
  integer(1, 0).check("random.categorical.count", count);
  const shape = [...rows.shape.slice(0, -1), count, rows.shape[rows.shape.length - 1] ?? 0];
  // 1 − u is never 0, where the logarithm would be infinite; where it is 1, that is kept from 0.
  const exponential = maximum(negate(log(subtract(1, drawn("categorical", randomUniform, shape)))), 2 ** -25);
  const noise = negate(log(exponential));
  return argMax(add(noise, expandDims(rows, -2)), -1);
}

function scaled(name: string, draw: Draw, shape: Shape, options: NormalOptions): Node {
  const { mean, stddev } = settle<Required<NormalOptions>>(`random.${name}`, options, {
    mean: number(0),
    stddev: number(1, 0),
  });
  return add(multiply(drawn(name, draw, shape), stddev), mean);
}

type Draw = (seed: Node, step: Node, shape: Shape) => Node;

function drawn(name: string, draw: Draw, shape: Shape): Node {
  const where = `random.${name}`;
  if (!tracing())
    throw new TensorError("state", {
      where,
      expected: "a function that is being traced",
      received: "a call outside of one",
      remedy: `Wrap it: compiled(() => ${where}(…))().`,
    });
  checkShape(where, shape);
  const { seed: key, step: now } = ambientRandomness();
  return draw(key, now, shape);
}
