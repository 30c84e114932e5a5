// Which wasmgrad is measured? The one that `npm run build` has just built.

export * from "../dist/node/index.js";
