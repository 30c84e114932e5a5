// How is a convolution written in primitives, tap by tap?

import { constant, type SymbolicTensor } from "../graph.ts";
import { sizeOf, Tensor } from "../tensor.ts";
import { type ConvAxis, inputAt } from "./convGeometry.ts";
import { concat, pad, slice, transpose } from "./copy.ts";
import { gather } from "./gather.ts";
import { add, broadcastTo, full } from "./map.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;

const sizeAt = (x: Node, axis: number): number => x.shape.at(axis) as number;

/** The taps of all axes, the last axis fastest. */
export function tapsOf(axes: readonly ConvAxis[]): number[][] {
  return axes.reduce<number[][]>(
    (taps, axis) => taps.flatMap((tap) => Array.from({ length: axis.taps }, (_, k) => [...tap, k])),
    [[]],
  );
}

/** Through one tap: the outputs that see something along each axis, and what they see. */
interface Sight {
  readonly outputs: readonly (readonly number[])[];
  readonly inputs: readonly (readonly number[])[];
}

/** What is seen through one tap; undefined when that is nothing. */
export function sightOf(axes: readonly ConvAxis[], tap: readonly number[]): Sight | undefined {
  const seen = axes.map((axis, index) =>
    Array.from({ length: axis.output }, (_, at) => [at, inputAt(axis, at, tap[index] as number)] as const).filter(
      (pair): pair is readonly [number, number] => pair[1] !== undefined,
    ),
  );
  if (seen.some((pairs) => pairs.length === 0)) return undefined;
  return {
    outputs: seen.map((pairs) => pairs.map(([output]) => output)),
    inputs: seen.map((pairs) => pairs.map(([, input]) => input)),
  };
}

/** x [n, …, c] at some places of its spatial axes. */
export function cellsAt(x: Node, places: readonly (readonly number[])[]): Node {
  return places.reduce((cells, list, index) => gather(cells, indices(list), index + 1), x);
}

/** Cells at some places of the outputs, zero in all others: [n, …output, c]. */
export function placedAt(cells: Node, axes: readonly ConvAxis[], outputs: readonly (readonly number[])[]): Node {
  return outputs.reduce((placed, list, index) => {
    const margins = placed.shape.map((_, each) => [0, each === index + 1 ? 1 : 0] as const);
    const from = Array.from({ length: (axes[index] as ConvAxis).output }, (_, at) => {
      const found = list.indexOf(at);
      return found < 0 ? list.length : found;
    });
    return gather(pad(placed, margins), indices(from), index + 1);
  }, cells);
}

function indices(list: readonly number[]): Node {
  return constant(Tensor.of(Int32Array.from(list), [list.length], "int32"));
}

/** The convolution, tap by tap: outputs that see nothing through a tap get nothing from it. */
export function convByTaps(
  x: Node,
  kernel: Node,
  axes: readonly ConvAxis[],
  product: (a: Node, b: Node) => Node,
): Node {
  const shape = [sizeAt(x, 0), ...axes.map(({ output }) => output), sizeAt(kernel, -1)];
  return tapsOf(axes).reduce(
    (sum, tap) => {
      const sight = sightOf(axes, tap);
      if (sight === undefined) return sum;
      return add(sum, placedAt(product(cellsAt(x, sight.inputs), kernelAt(kernel, tap)), axes, sight.outputs));
    },
    full(shape, 0),
  );
}

/** The matrix of one tap: [cin / groups, cout]. */
export function kernelAt(kernel: Node, tap: readonly number[]): Node {
  const matrix = kernel.shape.slice(-2);
  return reshape(slice(kernel, [...tap, 0, 0], [...tap.map(() => 1), ...matrix]), matrix);
}

/** `multiplied` on each group's part of both, along the last axis of each; the results side by side. */
export function grouped(groups: number, [a, b]: readonly [Node, Node], multiplied: (a: Node, b: Node) => Node): Node {
  const part = (x: Node, group: number): Node => {
    const size = sizeAt(x, -1) / groups;
    return slice(x, [...x.shape.slice(0, -1).map(() => 0), group * size], [...x.shape.slice(0, -1), size]);
  };
  return concat(
    Array.from({ length: groups }, (_, group) => multiplied(part(a, group), part(b, group))),
    -1,
  );
}

/** [...k, i, groups · o] → [...k, o, groups · i]: the kernel that leads back. */
export function swapChannels(kernel: Node, groups: number): Node {
  const taps = kernel.shape.slice(0, -2);
  const inputs = sizeAt(kernel, -2);
  const outputs = sizeAt(kernel, -1) / groups;
  if (inputs === 1 && outputs === 1) return kernel;
  const split = reshape(kernel, [sizeOf(taps), inputs, groups, outputs]);
  return reshape(transpose(split, [0, 3, 2, 1]), [...taps, outputs, groups * inputs]);
}

/** Each channel of x `times` times in a row: a depthwise kernel with several outputs for a channel then has one. */
export function repeatChannels(x: Node, times: number): Node {
  if (times === 1) return x;
  return reshape(broadcastTo(expandDims(x, -1), [...x.shape, times]), [...x.shape.slice(0, -1), sizeAt(x, -1) * times]);
}
