// Which step, and what in it, made a number infinite or NaN? Steps give the same bits again, so they are done again.
//
// Loaded when that has happened.

import type { NonFiniteFault } from "../callbacks/callback.ts";
import type { Feed, Portion } from "./feed.ts";
import type { Trainer } from "./trainer.ts";

/**
 * Repeats the steps of `portion` one by one from the state that `restore` puts back, and the first that goes wrong
 * instruction by instruction. Afterwards the model is as it was before that step.
 * @param first number of the portion's first step.
 */
export function findNonFinite(
  trainer: Trainer,
  feed: Feed,
  portion: Portion,
  restore: () => void,
  first: { readonly epoch: number; readonly batch: number },
): NonFiniteFault {
  restore();
  for (let step = 0; step < portion.steps; step++) {
    const single = { ...portion, cursor: portion.cursor + step * portion.batch, steps: 1 };
    const before = trainer.remember();
    trainer.run("train", feed, single);
    if (trainer.finite()) continue;
    before();
    const program = trainer.ready("train", feed, single);
    const found = program.findNonFinite();
    const { op, layer } = program.explain().instructions[found?.index ?? 0] ?? { op: "", layer: "" };
    before();
    const { epoch, batch } = first;
    return { epoch, batch: batch + step, layer, op, instruction: found?.index ?? 0, value: String(found?.value) };
  }
  // The weights were not finite to begin with.
  return { ...first, layer: trainer.name, op: "variable", instruction: 0, value: "NaN" };
}
