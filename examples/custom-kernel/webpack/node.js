// Trains in Node with the kernels that as-loader compiled: npm run build:webpack && npm run train:webpack

import { join } from "node:path";
import module from "../assembly/spline.ts";
import { digitBytes } from "../src/digits.js";
import { trainWithSplines } from "../src/train.js";

const { lastLoss, firstLoss } = await trainWithSplines({
  module,
  ...(await digitBytes(join(process.cwd(), "package.json"))),
});
if (!(lastLoss < firstLoss)) throw new Error("the loss did not fall");
