// Are integer labels in range? Found before training, so that no step is done on bad data.

import { TensorError } from "../errors.ts";
import { sized } from "../layers/apply.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { Loss } from "../losses.ts";
import { sameShape, type Tensor } from "../tensor.ts";

/** @throws {TensorError} `data` for a label outside 0 … classes − 1, where a loss takes numbers of classes. */
export function checkLabels(
  where: string,
  losses: readonly Loss[],
  outputs: readonly Placeholder[],
  targets: readonly Tensor[],
): void {
  losses.forEach((loss, index) => {
    const { call, shape: placed } = outputs[index] as Placeholder;
    const target = targets[index] as Tensor;
    const shape = sized(placed, target.shape[0]);
    const { classes, ignored } = loss.labels?.(shape) ?? {};
    // Shares in place of numbers are told from them by their shape.
    if (classes === undefined || (target.shape.at(-1) !== 1 && sameShape(target.shape, shape))) return;
    const labels = target.data;
    for (let position = 0; position < labels.length; position++) {
      const label = labels[position] as number;
      if ((label >= 0 && label < classes && Number.isInteger(label)) || label === ignored) continue;
      throw new TensorError("data", {
        where: `${where}: y for ${call.layer.name}`,
        expected: `integer labels from 0 to ${classes - 1}`,
        received: `${label} at position ${position}`,
        remedy: "Correct the labels, or give the last layer more units.",
      });
    }
  });
}
