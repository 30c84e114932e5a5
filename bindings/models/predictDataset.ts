// How are outputs computed for a dataset, batch by batch?

import { endIterator, untilAborted } from "../aborting.ts";
import { checkOptionNames } from "../config.ts";
import type { Dataset } from "../data/dataset.ts";
import { check, show } from "../errors.ts";
import { yieldToEvents } from "../platform/yielding.ts";
import { Tensor } from "../tensor.ts";
import type { DataLike } from "./data.ts";
import { wholeNumber } from "./fit.ts";
import { checkSignal } from "./fitOptions.ts";
import { joined, type Outputs } from "./prediction.ts";
import type { DatasetPredictOptions } from "./types.ts";

/** Longest time without letting other events through, in milliseconds. */
const sliceMilliseconds = 12;

/** The outputs of `predict` for the batches of `dataset`, joined. @throws {TensorError} `option`, `data` or what it throws. */
export async function predictBatches(
  where: string,
  dataset: Dataset<unknown>,
  options: DatasetPredictOptions,
  predict: (x: DataLike) => Outputs,
): Promise<Outputs> {
  checkOptionNames(where, options, ["steps", "signal"]);
  checkSignal(where, options.signal);
  const { signal, steps = dataset.size === Number.POSITIVE_INFINITY ? undefined : Number.MAX_SAFE_INTEGER } = options;
  const limit = wholeNumber(`${where}.steps`, steps, 1);
  const parts: Outputs[] = [];
  let turned = performance.now();
  const batches = dataset.open(0);
  try {
    while (parts.length < limit) {
      const result = await untilAborted(signal, () => batches.next());
      if (result.done === true) break;
      parts.push(predict((Array.isArray(result.value) ? result.value[0] : result.value) as DataLike));
      if (performance.now() - turned < sliceMilliseconds) continue;
      await yieldToEvents();
      turned = performance.now();
    }
  } finally {
    await endIterator(batches, signal);
  }
  const [first] = parts;
  check(first !== undefined, "data", () => ({
    where,
    expected: "at least one batch",
    received: `none, from ${show(dataset)}`,
    remedy: "The dataset is empty.",
  }));
  if (first instanceof Tensor) return joined(parts as Tensor[]);
  const outputs = parts as Readonly<Record<string, Tensor>>[];
  return Object.fromEntries(
    Object.keys(first).map((name) => [name, joined(outputs.map((each) => each[name] as Tensor))]),
  );
}
