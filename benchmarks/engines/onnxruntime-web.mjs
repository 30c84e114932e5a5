// ONNX Runtime compiled to Wasm.

import * as runtime from "onnxruntime-web";
import { onnxruntimeEngine } from "./onnxruntime.mjs";

export const engine = onnxruntimeEngine(runtime, "wasm", (threads) => {
  runtime.env.wasm.numThreads = threads;
});
