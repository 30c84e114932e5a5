// How does a kernel slide over an image?  Composed tap by tap of other operations.

import { gradients } from "../gradient.ts";
import { type Operand, type SymbolicTensor, toSymbolic } from "../graph.ts";
import { concat, pad, slice } from "./copy.ts";
import { add, asFloat, full } from "./map.ts";
import { matMul } from "./matMul.ts";
import { reshape } from "./view.ts";

export interface ConvOptions {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: readonly (readonly [before: number, after: number])[];
  readonly groups: number;
}

/** x [n, ...s, cin], kernel [...k, cin/groups, cout]. */
export function conv(x: Operand, kernel: Operand, options: ConvOptions): SymbolicTensor {
  const [input, weights] = [asFloat(x), asFloat(kernel)];
  const { groups } = options;
  if (groups === 1) return convolve(input, weights, options);
  const cin = input.shape[input.shape.length - 1] as number;
  const cout = weights.shape[weights.shape.length - 1] as number;
  const parts = Array.from({ length: groups }, (_, group) =>
    convolve(
      lastAxis(input, (group * cin) / groups, cin / groups),
      lastAxis(weights, (group * cout) / groups, cout / groups),
      options,
    ),
  );
  return concat(parts, -1);
}

function lastAxis(x: SymbolicTensor, begin: number, size: number): SymbolicTensor {
  const start = x.shape.map((_, axis) => (axis === x.shape.length - 1 ? begin : 0));
  return slice(x, start, [...x.shape.slice(0, -1), size]);
}

function convolve(
  x: SymbolicTensor,
  kernel: SymbolicTensor,
  { strides, dilations, padding }: ConvOptions,
): SymbolicTensor {
  const [n = 1, ...rest] = x.shape;
  const spatial = rest.slice(0, -1);
  const cin = rest[rest.length - 1] as number;
  const window = kernel.shape.slice(0, -2);
  const out = spatial.map((size, axis) => {
    const [before, after] = padding[axis] as readonly [number, number];
    return (
      Math.floor(
        (size + before + after - ((window[axis] as number) - 1) * (dilations[axis] as number) - 1) /
          (strides[axis] as number),
      ) + 1
    );
  });
  const padded = pad(x, [
    [0, 0],
    ...spatial.map((_, axis) => {
      const [before, after] = padding[axis] as readonly [number, number];
      return [before, after + (strides[axis] as number)] as const;
    }),
    [0, 0],
  ]);
  let sum: SymbolicTensor | undefined;
  const taps = window.reduce((product, size) => product * size, 1);
  const flat = reshape(kernel, [taps, cin, -1]);
  for (let tap = 0; tap < taps; tap++) {
    let index = tap;
    const offsets = window
      .toReversed()
      .map((size) => {
        const each = index % size;
        index = Math.floor(index / size);
        return each;
      })
      .toReversed()
      .map((each, axis) => each * (dilations[axis] as number));
    let part = slice(
      padded,
      [0, ...offsets, 0],
      [n, ...out.map((size, axis) => size * (strides[axis] as number)), cin],
    );
    out.forEach((_, axis) => {
      const stride = strides[axis] as number;
      if (stride === 1) return;
      const shape = part.shape;
      const before = shape.slice(0, axis + 1);
      const after = shape.slice(axis + 2);
      const split = [before.reduce((a, b) => a * b, 1), out[axis] as number, stride, after.reduce((a, b) => a * b, 1)];
      part = reshape(slice(reshape(part, split), [0, 0, 0, 0], [-1, -1, 1, -1]), [
        ...before,
        out[axis] as number,
        ...after,
      ]);
    });
    const product = matMul(reshape(part, [-1, cin]), reshape(slice(flat, [tap, 0, 0], [1, -1, -1]), [cin, -1]));
    sum = sum === undefined ? product : add(sum, product);
  }
  return reshape(sum as SymbolicTensor, [n, ...out, -1]);
}

export function convInputGradient(
  dy: Operand,
  kernel: Operand,
  inputSpatial: readonly number[],
  options: ConvOptions,
): SymbolicTensor {
  const [upstream, weights] = [toSymbolic(dy), toSymbolic(kernel)];
  const cin = (weights.shape[weights.shape.length - 2] as number) * options.groups;
  const x = add(full([upstream.shape[0] as number, ...inputSpatial, cin], 0), 0);
  const found = gradients(conv(x, weights, options), [x], upstream)[0];
  return found as SymbolicTensor;
}
