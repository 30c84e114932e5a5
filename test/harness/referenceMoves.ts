// Which element goes where? Operations that move elements without computing, in float64.

import type { SymbolicTensor } from "../../bindings/graph.ts";
import type { Shape } from "../../bindings/tensor.ts";
import { blank, type Estimate } from "./estimate.ts";
import { uniformElement } from "./philox.ts";

function coordinates(index: number, shape: Shape): number[] {
  const result: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result.unshift(rest % (shape[axis] as number));
    rest = Math.floor(rest / (shape[axis] as number));
  }
  return result;
}

function position(of: readonly number[], shape: Shape): number {
  return of.reduce((sum, coordinate, axis) => sum * (shape[axis] as number) + coordinate, 0);
}

/** A node each of whose elements is element `from(i)` of input number `which(i)`. */
function picked(
  node: SymbolicTensor,
  inputs: readonly Estimate[],
  pick: (at: number[]) => readonly [which: number, from: number],
): Estimate {
  const result = blank(node.size);
  for (let index = 0; index < node.size; index++) {
    const [which, from] = pick(coordinates(index, node.shape));
    const input = inputs[which] as Estimate;
    if (!(from >= 0 && from < input.values.length)) throw new RangeError(`${node}: element ${from} of input ${which}`);
    result.values[index] = input.values[from] as number;
    result.bounds[index] = input.bounds[from] as number;
  }
  return result;
}

/** The estimate of a moving node, or undefined for other operations. */
export function evaluateMove(node: SymbolicTensor, inputs: readonly Estimate[]): Estimate | undefined {
  const shapes = node.inputs.map((input) => input.shape);
  const first = shapes[0] ?? [];
  switch (node.op.name) {
    case "reshape":
    case "identity":
    case "stopGradient":
      return inputs[0];
    case "transpose": {
      const { permutation } = node.attributes as { permutation: readonly number[] };
      return picked(node, inputs, (at) => {
        const source: number[] = [];
        permutation.forEach((axis, place) => {
          source[axis] = at[place] as number;
        });
        return [0, position(source, first)];
      });
    }
    case "slice": {
      const { begin } = node.attributes as { begin: readonly number[] };
      return picked(node, inputs, (at) => [
        0,
        position(
          at.map((each, axis) => each + (begin[axis] as number)),
          first,
        ),
      ]);
    }
    case "pad": {
      const { paddings } = node.attributes as { paddings: readonly (readonly [number, number])[] };
      return picked(node, inputs, (at) => {
        const source = at.map((each, axis) => each - (paddings[axis] as readonly [number, number])[0]);
        const inside = source.every((each, axis) => each >= 0 && each < (first[axis] as number));
        return inside ? [0, position(source, first)] : [1, 0];
      });
    }
    case "concat": {
      const { axis } = node.attributes as { axis: number };
      return picked(node, inputs, (at) => {
        let which = 0;
        const source = [...at];
        while ((source[axis] as number) >= (shapes[which]?.[axis] as number))
          source[axis] = (source[axis] as number) - (shapes[which++]?.[axis] as number);
        return [which, position(source, shapes[which] as Shape)];
      });
    }
    case "gather":
      return picked(node, inputs, ([row = 0, column = 0]) => [
        0,
        (inputs[1]?.values[row] as number) * (first[1] as number) + column,
      ]);
    case "gatherBatch": {
      const inner = first.slice(1).reduce((product, size) => product * size, 1);
      const start = inputs[2]?.values[0] as number;
      return picked(node, inputs, ([row = 0, ...rest]) => [
        0,
        (inputs[1]?.values[start + row] as number) * inner + position(rest, first.slice(1)),
      ]);
    }
    case "randomUniform": {
      const { stream } = node.attributes as { stream: number };
      const result = blank(node.size);
      const [seed, step] = inputs.map((input) => input.values[0] as number);
      for (let index = 0; index < node.size; index++)
        result.values[index] = uniformElement(index, seed as number, stream, step as number);
      return result;
    }
    default:
      return undefined;
  }
}
