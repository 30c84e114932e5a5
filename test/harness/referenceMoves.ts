// Which element goes where? Operations that move elements without computing, in float64.

import type { SymbolicTensor } from "../../bindings/graph.ts";
import type { Shape } from "../../bindings/tensor.ts";
import { blank, type Estimate } from "./estimate.ts";
import { uniformElement } from "./philox.ts";

function coordinates(index: number, shape: Shape): number[] {
  const result = new Array<number>(shape.length).fill(0);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result[axis] = rest % (shape[axis] as number);
    rest = Math.floor(rest / (shape[axis] as number));
  }
  return result;
}

function position(of: readonly number[], shape: Shape): number {
  return of.reduce((sum, coordinate, axis) => sum * (shape[axis] as number) + coordinate, 0);
}

/** Where the elements of a node come from: the number of an input, and a position in it. */
interface Sources {
  readonly which: Int32Array;
  readonly from: Int32Array;
}

type Pick = (at: number[]) => readonly [which: number, from: number];

/** What does not depend on values is found once for all evaluations of a node. */
const known = new WeakMap<SymbolicTensor, Sources>();

function sourcesOf(node: SymbolicTensor, inputs: readonly Estimate[], pick: Pick): Sources {
  const { shape, size } = node;
  const sources = { which: new Int32Array(size), from: new Int32Array(size) };
  for (let index = 0; index < size; index++) {
    const [which, from] = pick(coordinates(index, shape));
    const input = inputs[which] as Estimate;
    if (!(from >= 0 && from < input.values.length)) throw new RangeError(`${node}: element ${from} of input ${which}`);
    sources.which[index] = which;
    sources.from[index] = from;
  }
  return sources;
}

/** A node each of whose elements is element `from(i)` of input number `which(i)`, whatever their values. */
function moved(node: SymbolicTensor, inputs: readonly Estimate[], pick: Pick): Estimate {
  let sources = known.get(node);
  if (sources === undefined) {
    sources = sourcesOf(node, inputs, pick);
    known.set(node, sources);
  }
  return taken(node, inputs, sources);
}

/** The same where it does depend on values. */
function picked(node: SymbolicTensor, inputs: readonly Estimate[], pick: Pick): Estimate {
  return taken(node, inputs, sourcesOf(node, inputs, pick));
}

function taken(node: SymbolicTensor, inputs: readonly Estimate[], { which, from }: Sources): Estimate {
  const result = blank(node.size);
  for (let index = 0; index < result.values.length; index++) {
    const input = inputs[which[index] as number] as Estimate;
    const place = from[index] as number;
    result.values[index] = input.values[place] as number;
    result.bounds[index] = input.bounds[place] as number;
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
      return moved(node, inputs, (at) => {
        const source: number[] = [];
        permutation.forEach((axis, place) => {
          source[axis] = at[place] as number;
        });
        return [0, position(source, first)];
      });
    }
    case "slice": {
      const { begin } = node.attributes as { begin: readonly number[] };
      return moved(node, inputs, (at) => [
        0,
        position(
          at.map((each, axis) => each + (begin[axis] as number)),
          first,
        ),
      ]);
    }
    case "pad": {
      const { paddings } = node.attributes as { paddings: readonly (readonly [number, number])[] };
      return moved(node, inputs, (at) => {
        const source = at.map((each, axis) => each - (paddings[axis] as readonly [number, number])[0]);
        const inside = source.every((each, axis) => each >= 0 && each < (first[axis] as number));
        return inside ? [0, position(source, first)] : [1, 0];
      });
    }
    case "concat": {
      const { axis } = node.attributes as { axis: number };
      return moved(node, inputs, (at) => {
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
