// Starts, loads the MLP into ONNX Runtime, predicts once and ends.

import { readFileSync } from "node:fs";
import * as runtime from "onnxruntime-node";

const session = await runtime.InferenceSession.create(readFileSync(process.argv[2]), { intraOpNumThreads: 1 });
const x = new runtime.Tensor("float32", new Float32Array(784), [1, 784]);
const { y } = await session.run({ x });
console.log("first prediction", y.data[0]);
process.exit(0);
