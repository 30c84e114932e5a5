// Where is the script of a compute thread?

import text from "../../build/thread.txt";
import type { WorkerCode } from "./spawn.ts";

/** The script of a compute thread, as a file beside the bundle and as text. */
export const threadCode: WorkerCode = {
  file: () => new URL("./thread.js", import.meta.url),
  web: () => new Worker(new URL("./thread.js", import.meta.url), { type: "module" }),
  text,
};
