// What made a number infinite or NaN?

import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { terminal } from "../platform/terminal.ts";
import type { Callback, NonFiniteFault } from "./callback.ts";

/** A callback that tells afterwards what went wrong. */
export interface TerminateOnNaN extends Callback {
  /** What went wrong; undefined when nothing did. */
  readonly fault: NonFiniteFault | undefined;
}

/**
 * Ends training when a step makes the loss or a weight infinite or NaN, and says which layer and operation wrote such a
 * number first. The model is as it was before that step. It costs a copy of the weights every few milliseconds.
 * @param options `report` gets the message; default: a line in the terminal or console.
 */
export function terminateOnNaN(options: { readonly report?: (message: string) => void } = {}): TerminateOnNaN {
  checkOptionNames("terminateOnNaN", options, ["report"]);
  const { report = (message: string) => terminal().write(`${message}\n`) } = options;
  check(typeof report === "function", "option", () => ({
    where: "terminateOnNaN.report",
    expected: "a function of the message",
    received: show(report),
  }));
  let fault: NonFiniteFault | undefined;
  return {
    get fault() {
      return fault;
    },
    onTrainBegin: () => {
      fault = undefined;
    },
    onNonFinite: (found) => {
      fault = found;
      const { epoch, batch, layer, op, value } = found;
      const place = layer === "" ? op : `${layer}: ${op}`;
      report(`Training ended: step ${batch + 1} of epoch ${epoch + 1} made ${value}, first in ${place}.`);
    },
  };
}
