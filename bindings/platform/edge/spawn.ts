// How does a worker start on edge platforms? Not at all: an isolate has one thread.

import { TensorError } from "../../errors.ts";
import type { Spawned, WorkerCode, WorkerEvents } from "../spawn.ts";

export type { Spawned, WorkerCode, WorkerEvents } from "../spawn.ts";

/** @throws {TensorError} `unsupported`: this runtime has no workers. */
export function spawn(_code: WorkerCode, _events: WorkerEvents): Promise<Spawned> {
  return Promise.reject(withoutWorkers());
}

/** @throws {TensorError} `unsupported`: nothing here is a worker. */
export function owner(_listen: (message: unknown) => void): Promise<Pick<Spawned, "post">> {
  return Promise.reject(withoutWorkers());
}

function withoutWorkers(): TensorError {
  return new TensorError("unsupported", {
    where: "worker",
    expected: "a runtime with workers",
    received: "one without",
  });
}
