// Which wasmgrad is measured? The one that `npm run build` has just built.

export * from "../dist/index.js";

/** Threads it can use. */
export const maximumThreads = 1;
