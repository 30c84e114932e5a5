// Which cells, with which weights, make a cell of a larger or smaller image?
//
// Cell i of `count` has its centre at (i + ½) · size / count of the old axis, whose own centres lie at halves.

import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { gather } from "../ops/gather.ts";
import { checkRoom } from "../tensor.ts";
import { type Mixture, mixAlong } from "./spatialAxes.ts";

/** How a cell between old ones comes about: as the nearest of them, or as a weighted mean of those around. */
export type Interpolation = "nearest" | "bilinear";

/**
 * x, float32, with `count` cells along `axis`: of the nearest old cell, or of the two around it by their distance. Without
 * antialiasing; beyond the outermost centres the outermost cells go on.
 */
export function resizeAlong(x: SymbolicTensor, axis: number, count: number, by: Interpolation): SymbolicTensor {
  const size = x.shape[axis] as number;
  if (count === size) return x;
  checkRoom(() => errorPlace("resize"), [count, by === "bilinear" ? 2 : 1], "float32");
  if (by === "bilinear") return mixAlong(x, axis, bilinear(size, count));
  const picks = Array.from({ length: count }, (_, cell) => Math.floor(((cell + 0.5) * size) / count));
  return gather(x, picks, axis);
}

/** The two old cells around each of `count` new ones; the left one twice where the right one has no weight. */
function bilinear(size: number, count: number): Mixture {
  const picks: number[] = [];
  const weights: number[] = [];
  for (let cell = 0; cell < count; cell++) {
    const place = Math.min(Math.max(((cell + 0.5) * size) / count - 0.5, 0), size - 1);
    const left = Math.floor(place);
    const right = Math.ceil(place);
    picks.push(left, right);
    weights.push(1 - (place - left), place - left);
  }
  return { width: 2, picks, weights };
}
