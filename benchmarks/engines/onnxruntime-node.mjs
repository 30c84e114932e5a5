// ONNX Runtime, native.

import * as runtime from "onnxruntime-node";
import { onnxruntimeEngine } from "./onnxruntime.mjs";

export const engine = onnxruntimeEngine(runtime, "cpu", () => {});
