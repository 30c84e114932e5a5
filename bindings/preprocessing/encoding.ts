// How do indices become a tensor: as they are, or as vectors of ones, zeros and counts?

import type { CategoryOutput } from "../layers/categories.ts";
import { checkRoom, type Shape, Tensor, zeros } from "../tensor.ts";

/** Stands for what is left out of vectors: masked tokens. */
export const leftOut = -1;

/**
 * `"int"`: the indices as they are, int32 [...]. Otherwise float32 vectors of length `depth`: `"oneHot"`, [...] or
 * [..., 1] → [..., depth], one for each index; `"multiHot"` and `"count"`, [..., values] → [..., depth], 1 for what occurs
 * or how often it does. An index {@link leftOut} adds nothing.
 * @throws {TensorError} `memory`, at `where`, for more than a tensor holds.
 */
export function encoded(
  where: string,
  indices: Int32Array,
  shape: Shape,
  depth: number,
  output: "int" | CategoryOutput,
): Tensor {
  if (output === "int") return Tensor.of(indices, shape, "int32");
  const last = shape[shape.length - 1] ?? 1;
  const single = output === "oneHot" && !(shape.length > 1 && last === 1);
  const result = [...(single ? shape : shape.slice(0, -1)), depth];
  checkRoom(() => where, result, "float32");
  const vectors = zeros(result);
  const each = output === "oneHot" ? 1 : last;
  indices.forEach((index, position) => {
    if (index === leftOut) return;
    const at = Math.floor(position / each) * depth + index;
    vectors.data[at] = output === "count" ? (vectors.data[at] as number) + 1 : 1;
  });
  return vectors;
}
