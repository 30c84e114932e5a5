// Which axes does an option mean?

import { check, show } from "../errors.ts";
import { errorPlace } from "../graph.ts";
import type { Shape } from "../tensor.ts";

/** One axis, several, or all when missing; negative ones count from the last. */
export type Axes = number | readonly number[];

/** The axes meant by `axes`, sorted, each once. @throws {TensorError} `shape` when one is out of range. */
export function resolveAxes(name: string, rank: number, axes: Axes | undefined): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list: unknown = typeof axes === "number" ? [axes] : axes;
  check(Array.isArray(list), "option", () => ({
    where: errorPlace(name),
    expected: "an axis, or a list of axes",
    received: show(axes),
  }));
  // A hole is no axis either.
  const resolved = Array.from(list as readonly unknown[], (axis) => {
    check(Number.isInteger(axis) && (axis as number) >= -rank && (axis as number) < rank, "shape", () => ({
      where: errorPlace(name),
      expected: rank === 0 ? "no axis for a scalar" : `an axis from ${-rank} to ${rank - 1}`,
      received: show(axis),
    }));
    return (axis as number) < 0 ? (axis as number) + rank : (axis as number);
  });
  return [...new Set(resolved)].sort((a, b) => a - b);
}

/** @throws {TensorError} `shape` where one of `axes` is empty: then there is no largest or middle element. */
export function checkElements(name: string, shape: Shape, axes: readonly number[]): void {
  const empty = axes.find((axis) => shape[axis] === 0);
  check(empty === undefined, "shape", () => ({
    where: errorPlace(name),
    expected: `at least one element along axis ${empty}`,
    received: `shape [${shape.join(", ")}]`,
  }));
}
