// Are integer labels in range? Found before training, so that no step is done on bad data.

import { TensorError } from "../errors.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { Loss } from "../losses.ts";
import type { Tensor } from "../tensor.ts";

/** @throws {TensorError} `data` for a label of a sparse loss outside 0 … classes − 1. */
export function checkLabels(
  where: string,
  losses: readonly Loss[],
  outputs: readonly Placeholder[],
  targets: readonly Tensor[],
): void {
  losses.forEach((loss, index) => {
    if (loss.className !== "SparseCategoricalCrossentropy") return;
    const { call, shape } = outputs[index] as Placeholder;
    const classes = shape[shape.length - 1] ?? 0;
    const ignored = loss.config.ignore_class ?? undefined;
    const labels = (targets[index] as Tensor).data;
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
