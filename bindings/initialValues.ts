// How are the first values of weights drawn, with the same bits in every engine?

import { BoundedCache } from "./boundedCache.ts";
import { compiled } from "./compiled.ts";
import type { SymbolicTensor } from "./graph.ts";
import { randomNormal, randomTruncatedNormal } from "./ops/composed.ts";
import { add, maximum, minimum, multiply } from "./ops/map.ts";
import { randomUniform } from "./ops/random.ts";
import { type Shape, sizeOf, Tensor, tensor } from "./tensor.ts";

/** Uniform in [0, 1), normal of deviation 1, or that cut at ±2. */
export type Distribution = "uniform" | "normal" | "truncatedNormal";

/** Inputs and outputs of one unit: [..., in, out] has Π(...) positions of `in` inputs and `out` outputs. */
export function fans(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 };
  const [inputs = 1, outputs = 1] = shape.slice(-2);
  const positions = sizeOf(shape.slice(0, -2));
  return { fanIn: positions * inputs, fanOut: positions * outputs };
}

/** Numbers that one run of a program draws. */
const pieceSize = 8192;

type Draw = (seed: Tensor, piece: Tensor, factor: number, offset: number, low: number, high: number) => Tensor;
const programs = new BoundedCache<Distribution, Draw>(3);

/** What rounding must not leave: float32 numbers. */
export type Bounds = readonly [low: number, high: number];

/** factor · random + offset, by the engine, piece by piece: one small program a kind serves all shapes. */
export function draw(
  kind: Distribution,
  shape: Shape,
  factor: number,
  offset: number,
  seed: number,
  [low, high]: Bounds = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
): Tensor {
  const run = programs.get(kind, () => drawProgram(kind));
  const values = new Float32Array(sizeOf(shape));
  const key = tensor(Int32Array.of(seed), []);
  for (let begin = 0; begin < values.length; begin += pieceSize) {
    const piece = run(key, tensor(Int32Array.of(begin / pieceSize), []), factor, offset, low, high).data;
    values.set(piece.subarray(0, values.length - begin), begin);
  }
  return Tensor.of(values, shape, "float32");
}

type Node = SymbolicTensor;

function drawProgram(kind: Distribution): Draw {
  const random = { uniform: randomUniform, normal: randomNormal, truncatedNormal: randomTruncatedNormal }[kind];
  return compiled((key: Node, piece: Node, factor: Node, offset: Node, low: Node, high: Node) =>
    minimum(maximum(add(multiply(random(key, piece, [pieceSize]), factor), offset), low), high),
  );
}

/**
 * A matrix [rows, columns] of orthogonal vectors of length `gain` (its rows, or its columns if it is taller than wide),
 * made of `random` of the same shape by Gram and Schmidt's method in float64, each vector twice (Giraud et al., 2005:
 * twice is enough). Uses only + − · / and square roots, which IEEE 754 fixes to the bit.
 */
export function orthogonalRows(
  random: ArrayLike<number>,
  rows: number,
  columns: number,
  gain: number,
): Float32Array<ArrayBuffer> {
  const wide = rows <= columns;
  const count = wide ? rows : columns;
  const length = wide ? columns : rows;
  const vectors: Float64Array[] = [];
  for (let index = 0; index < count; index++) {
    const vector = Float64Array.from({ length }, (_, at) =>
      Number(wide ? random[index * columns + at] : random[at * columns + index]),
    );
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) subtractProjection(vector, other);
      scale(vector, 1 / Math.sqrt(dot(vector, vector)));
    }
    vectors.push(vector);
  }
  const result = new Float32Array(rows * columns);
  vectors.forEach((vector, index) => {
    for (let at = 0; at < length; at++)
      result[wide ? index * columns + at : at * columns + index] = (vector[at] as number) * gain;
  });
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let at = 0; at < a.length; at++) total += (a[at] as number) * (b[at] as number);
  return total;
}

function subtractProjection(vector: Float64Array, unit: Float64Array): void {
  const part = dot(vector, unit);
  for (let at = 0; at < vector.length; at++) vector[at] = (vector[at] as number) - part * (unit[at] as number);
}

function scale(vector: Float64Array, factor: number): void {
  for (let at = 0; at < vector.length; at++) vector[at] = (vector[at] as number) * factor;
}
