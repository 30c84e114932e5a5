// How do the axes of an array change places? Most libraries have channels first; the benchmarks' files have them last.

/** Images, [batch, rows, columns, channels] → [batch, channels, rows, columns], and back. */
export const channelsFirst = [0, 3, 1, 2];
export const channelsLast = [0, 2, 3, 1];

/** Kernels, [rows, columns, in, out] → [out, in, rows, columns], and back. */
export const outputsFirst = [3, 2, 0, 1];
export const outputsLast = [2, 3, 1, 0];

/** The shape whose axis i is axis `order[i]` of `shape`. */
export function reordered(shape, order) {
  return order.map((axis) => shape[axis]);
}

/**
 * The values of an array of `shape`, written down in the order of its `reordered` axes.
 *
 * @param {Float32Array} values
 * @param {readonly number[]} shape
 * @param {readonly number[]} order
 */
export function transposed(values, shape, order) {
  const sizes = reordered(shape, order);
  const strides = order.map((axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const position = sizes.map(() => 0);
  const result = new Float32Array(values.length);
  let from = 0;
  for (let to = 0; to < values.length; to++) {
    result[to] = values[from];
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++position[axis] < sizes[axis]) break;
      from -= strides[axis] * sizes[axis];
      position[axis] = 0;
    }
  }
  return result;
}
