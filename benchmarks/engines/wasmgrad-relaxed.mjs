// How does wasmgrad do each job with relaxed SIMD? In the same way, once it is configured.

import { configure } from "../wasmgrad.mjs";
import { engine as strict } from "./wasmgrad.mjs";

/** @type {import("./engine.d.ts").Engine} */
export const engine = {
  ...strict,
  async start(options) {
    await configure({ relaxedSimd: true });
    await strict.start(options);
  },
};
