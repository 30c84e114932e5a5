// TensorFlow.js on its plain JavaScript backend.

import { tfjsEngine } from "./tfjs.mjs";

export const engine = tfjsEngine("cpu");
