// Which wasmgrad is measured? The one that `npm run build` has just built.

export { mobilenetV2 } from "../dist/node/applications/index.js";
export * from "../dist/node/index.js";
