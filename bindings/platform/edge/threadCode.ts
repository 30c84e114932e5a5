// Where is the script of a compute thread on edge platforms? Nowhere: they have no workers.

import { TensorError } from "../../errors.ts";
import type { WorkerCode } from "../spawn.ts";

const none = (): never => {
  throw new TensorError("unsupported", {
    where: "worker",
    expected: "a runtime with workers",
    received: "one without",
  });
};

/** Never used: spawning fails before. */
export const threadCode: WorkerCode = { file: none, web: none };
