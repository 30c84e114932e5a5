// Which products does a convolution add up? Plain loops in double precision.

import type { Shape } from "../../bindings/tensor.ts";

/** How a window slides; one entry for each spatial axis. */
export interface Sliding {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly groups: number;
}

/**
 * Calls `visit` with flat positions in x [n, ...s, cin], kernel [...k, cin / groups, cout] and y [n, ...o, cout] for each
 * product x · kernel that is part of y.
 */
export function slide(
  x: Shape,
  kernel: Shape,
  y: Shape,
  { strides, dilations, before, groups }: Sliding,
  visit: (x: number, kernel: number, y: number) => void,
): void {
  const rank = kernel.length - 2;
  const [inputs, outputs] = kernel.slice(rank) as [number, number];
  const flat = (index: readonly number[], shape: Shape): number =>
    index.reduce((position, each, axis) => position * (shape[axis] as number) + each, 0);
  for (const out of indices(y))
    for (const tap of indices(kernel.slice(0, rank))) {
      const place = tap.map(
        (each, axis) =>
          (out[axis + 1] as number) * (strides[axis] as number) +
          each * (dilations[axis] as number) -
          (before[axis] as number),
      );
      if (place.some((each, axis) => each < 0 || each >= (x[axis + 1] as number))) continue;
      const channel = out[rank + 1] as number;
      const first = Math.floor(channel / (outputs / groups)) * inputs;
      for (let input = 0; input < inputs; input++)
        visit(
          flat([out[0] as number, ...place, first + input], x),
          flat([...tap, input, channel], kernel),
          flat(out, y),
        );
    }
}

/** All positions in a block of this shape, in order. */
function indices(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (found, size) => found.flatMap((index) => Array.from({ length: size }, (_, each) => [...index, each])),
    [[]],
  );
}
