// How does a graph change with its inputs? Measured in the float64 reference, without any gradient rule.

import type { SymbolicTensor } from "../../bindings/graph.ts";
import { evaluate, type Given } from "./reference.ts";

/** A direction in the space of one input. */
export interface Direction {
  readonly input: SymbolicTensor;
  readonly components: Float64Array;
}

const step = 2 ** -12;

/**
 * The derivative of Σ weights·output along `direction`, from four points (error of fourth order in the step), and the
 * scale of its rounding error: Σ|weights·output|.
 */
export function derivativeAlong(
  output: SymbolicTensor,
  weights: ArrayLike<number>,
  given: Given,
  { input, components }: Direction,
): { slope: number; scale: number } {
  const start = Float64Array.from(given.get(input) as ArrayLike<number>);
  let scale = 0;
  const valueAt = (distance: number): number => {
    const moved = new Map(given);
    moved.set(
      input,
      start.map((value, index) => value + distance * (components[index] as number)),
    );
    const [result] = evaluate([output], moved);
    let sum = 0;
    result?.values.forEach((value, index) => {
      const term = value * (weights[index] as number);
      sum += term;
      scale += Math.abs(term) / 4;
    });
    return sum;
  };
  const near = valueAt(step) - valueAt(-step);
  const far = valueAt(2 * step) - valueAt(-2 * step);
  return { slope: (8 * near - far) / (12 * step), scale };
}

/**
 * Unit vectors of all elements of a small input. Of a large one the ends, some others and two random directions over all of
 * it; of one so large that the reference takes long, one end and one random direction, in which every wrong element shows.
 */
export function directionsOf(input: SymbolicTensor, next: () => number): Direction[] {
  const alone = (index: number): Direction => {
    const components = new Float64Array(input.size);
    components[index] = 1;
    return { input, components };
  };
  if (input.size <= 12) return Array.from({ length: input.size }, (_, index) => alone(index));
  const everywhere = (): Direction => ({
    input,
    components: Float64Array.from({ length: input.size }, () => 2 * next() - 1),
  });
  const last = input.size - 1;
  if (input.size > 150) return [alone(last), everywhere()];
  const some = Array.from({ length: 3 }, () => Math.floor(next() * input.size));
  return [...new Set([0, last, ...some])].map(alone).concat(everywhere(), everywhere());
}
