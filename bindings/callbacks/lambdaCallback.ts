// How do functions become a callback, with misspelt names found?

import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { type Callback, callbackEvents } from "./callback.ts";

/** A callback of these functions: as the object itself, but names that no event has are errors. @throws {TensorError} */
export function lambdaCallback(functions: Callback): Callback {
  checkOptionNames("lambdaCallback", functions, callbackEvents);
  for (const [name, value] of Object.entries(functions))
    check(typeof value === "function", "option", () => ({
      where: `lambdaCallback.${name}`,
      expected: "a function",
      received: show(value),
    }));
  return Object.freeze({ ...functions });
}
