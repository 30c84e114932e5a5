// TensorFlow.js on its Wasm backend (XNNPACK).

import { tfjsEngine } from "./tfjs.mjs";

export const engine = tfjsEngine("wasm");
