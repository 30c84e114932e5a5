// The modules of Node on edge platforms: there are none.

import { TensorError } from "../../errors.ts";

/** @throws {TensorError} `unsupported`: there is no such module. */
export function builtin(name: string): Promise<unknown> {
  return Promise.reject(
    new TensorError("unsupported", {
      where: "builtin",
      expected: "a runtime with modules of its own (Node, Deno, Bun)",
      received: `the module ${name} in a runtime without them`,
    }),
  );
}
