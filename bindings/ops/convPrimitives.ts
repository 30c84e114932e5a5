// How is a convolution written in primitives, tap by tap?

import { constant, type SymbolicTensor } from "../graph.ts";
import { Tensor } from "../tensor.ts";
import { type ConvAxis, inputAt } from "./convGeometry.ts";
import { concat, pad, slice } from "./copy.ts";
import { gather } from "./gather.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

const sizeAt = (x: Node, axis: number): number => x.shape.at(axis) as number;

/** The taps of all axes, the last axis fastest. */
export function tapsOf(axes: readonly ConvAxis[]): number[][] {
  return axes.reduce<number[][]>(
    (taps, axis) => taps.flatMap((tap) => Array.from({ length: axis.taps }, (_, k) => [...tap, k])),
    [[]],
  );
}

/** What all outputs see through one tap: [n, …output, cin]. */
export function seenThrough(x: Node, axes: readonly ConvAxis[], tap: readonly number[]): Node {
  return axes.reduce((seen, axis, index) => {
    const zero = seen.shape.map((_, each) => [0, each === index + 1 ? 1 : 0] as const);
    const positions = Int32Array.from(
      { length: axis.output },
      (_, at) => inputAt(axis, at, tap[index] as number) ?? axis.input,
    );
    return gather(pad(seen, zero), constant(Tensor.of(positions, [axis.output], "int32")), index + 1);
  }, x);
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
