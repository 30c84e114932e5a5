// Trains with the kernels that asc 0.28 compiled: npm run build:asc && npm run train

import { readFile } from "node:fs/promises";
import { digitBytes } from "./src/digits.js";
import { trainWithSplines } from "./src/train.js";

const module = new WebAssembly.Module(await readFile(new URL("./build/spline.wasm", import.meta.url)));
const { lastLoss, firstLoss } = await trainWithSplines({ module, ...(await digitBytes(import.meta.url)) });
if (!(lastLoss < firstLoss)) throw new Error("the loss did not fall");
