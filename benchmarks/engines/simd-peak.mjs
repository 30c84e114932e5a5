// How is the peak of 128-bit SIMD measured? kernels/peak.ts, run like any other engine.

import { compileKernel } from "../compileKernel.mjs";

const rounds = 100_000;

/** @type {import("./engine.d.ts").Engine} */
export const engine = {
  start() {},
  async peak() {
    const { sums, operations } = await compileKernel("peak", 1);
    return {
      operations: operations.value * rounds,
      run(times) {
        for (let time = 0; time < times; time++) sums(rounds, 64);
      },
    };
  },
};
